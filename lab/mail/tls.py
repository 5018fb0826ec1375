"""TLS of a mail host's services: from the first octet, or from a command on (RFC 8314, RFC 3207, RFC 2595).

The rule: nothing that was said before counts after. Who turns a connection to TLS forgets what the client sent
in the clear behind the command, or a stranger on the way could have put it there (RFC 3207 §4.2).

The host's certificate comes from the lab's authority, at the first connection that asks for it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lab.fabric.base import Host
from lab.fabric.stack import ProtocolFactory
from lab.fabric.tls import learn_tls, over_tls

if TYPE_CHECKING:
    import ssl


class Sealed:
    """A service in TLS from its first octet: a protocol factory for `create_server`, small while nobody calls."""

    __slots__ = ("_factory", "_host")

    def __init__(self, host: Host, factory: ProtocolFactory) -> None:
        self._host = host
        self._factory = factory

    def __call__(self) -> asyncio.BaseProtocol:
        return over_tls(self._factory, self._host.identity, asyncio.get_running_loop())()


def opportunist() -> ssl.SSLContext:
    """TLS with whoever it is: mail between hosts is better hidden from strangers than not (RFC 7435)."""
    import ssl

    learn_tls()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def turn_to_tls(
    host: Host, transport: asyncio.BaseTransport, protocol: asyncio.BaseProtocol
) -> asyncio.Transport:
    """Serve TLS on an open connection, from now on: the transport to use instead. The go-ahead has been written.
    OSError (ssl.SSLError is one) when it does not come about; the connection is closed then."""
    loop = asyncio.get_running_loop()
    secure = await loop.start_tls(transport, protocol, host.identity, server_side=True)  # type: ignore[arg-type]
    if secure is None:
        raise ConnectionResetError("the client went away")
    return secure
