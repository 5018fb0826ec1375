"""TLS over a stack's own connections, by asyncio's own SSL protocol (the one behind `loop.start_tls`)."""

from __future__ import annotations

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from typing import Any

from lab.fabric.stack import ProtocolFactory


def over_tls(
    factory: ProtocolFactory,
    context: ssl.SSLContext | bool,
    loop: asyncio.AbstractEventLoop,
    server_name: str | None = None,
    ready: asyncio.Future[Any] | None = None,
) -> ProtocolFactory:
    """A factory of the same protocol, spoken to through TLS: as a client of `server_name`, or as the server
    where there is none. `ready` is told when the handshake is over."""
    if isinstance(context, bool):
        context = ssl.create_default_context()
    waiter: Any = ready
    return lambda: SSLProtocol(
        loop, factory(), context, waiter, server_side=server_name is None, server_hostname=server_name
    )
