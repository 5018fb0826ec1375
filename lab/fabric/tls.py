"""TLS over a stack's own connections, by asyncio's own SSL protocol (the one behind `loop.start_tls`).

The rule: it may be put off. Python's `ssl` with OpenSSL behind it takes 1.7 MB of a process, and a name server in
a container of its own never speaks TLS. asyncio does without where Python has no `ssl`; a node has it read so, and
reads what asyncio missed before the first handshake.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    import ssl
    from types import ModuleType

    from lab.fabric.stack import ProtocolFactory


def put_off_tls() -> None:
    """Have asyncio read without `ssl`, where neither has been read yet."""
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    if "asyncio" in modules or "ssl" in modules:
        return
    modules["ssl"] = None  # importing it is an ImportError, as in a Python without OpenSSL
    try:
        import asyncio.sslproto  # noqa: F401
    finally:
        del modules["ssl"]


def learn_tls() -> None:
    """See to it that asyncio knows of `ssl`."""
    import ssl
    from asyncio import base_events, selector_events, sslproto

    if getattr(sslproto, "ssl", None) is None:
        from importlib import reload

        for module in (base_events, selector_events):
            vars(module)["ssl"] = ssl
        reload(sslproto)


def bury(protocol: asyncio.BaseProtocol) -> None:
    """The host of this connection lost its power: a program's end of a TLS in it, which nobody is left to close,
    is no leak. asyncio says so itself where a connection is lost, and of this loss nobody hears."""
    end: Any = getattr(protocol, "_app_transport", None)
    if end is not None:
        end._closed = True


def over_tls(
    factory: ProtocolFactory,
    context: ssl.SSLContext | bool,
    loop: asyncio.AbstractEventLoop,
    server_name: str | None = None,
    ready: asyncio.Future[Any] | None = None,
) -> ProtocolFactory:
    """A factory of the same protocol, spoken to through TLS: as a client of `server_name`, or as the server
    where there is none. `ready` is told when the handshake is over."""
    learn_tls()
    import ssl
    from asyncio.sslproto import SSLProtocol

    known = ssl.create_default_context() if isinstance(context, bool) else context
    waiter: Any = ready
    return lambda: SSLProtocol(
        loop, factory(), known, waiter, server_side=server_name is None, server_hostname=server_name
    )
