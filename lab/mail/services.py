"""What the mail programs of a host's people talk to: POP3, IMAP, submission, and the file that configures them.

The rule: nothing is made before it is called. Seven ports have one owner, small enough for every host of a hundred
thousand; which service is wanted, the port says that was dialled. The first call makes them all.

    110  POP3         143  IMAP         587  submission      in the clear, and TLS by command
    995  POP3         993  IMAP         465  submission      in TLS from the first octet (RFC 8314 §7.3)
     80  autoconfig
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

from lab.fabric.base import Host
from lab.fabric.stack import ProtocolFactory
from lab.mail.acceptance import Accepting
from lab.mail.porter import Porter
from lab.mail.server import Reception, offers_tls
from lab.mail.store import Store
from lab.mail.tls import Sealed
from lab.topology.plan import MailPlan

CLEAR, SEALED = (110, 143, 587, 80), (995, 993, 465)


class Services:
    """Listens with `listen`; is itself the protocol factory of every port."""

    __slots__ = ("_factories", "_host", "_plan", "_queue", "_store")

    def __init__(self, host: Host, plan: MailPlan, queue: Accepting, store: Store) -> None:
        self._host = host
        self._plan = plan
        self._queue = queue
        self._store = store
        self._factories: Mapping[int, ProtocolFactory] | None = None

    async def listen(self) -> None:
        loop = asyncio.get_running_loop()
        for port in (*CLEAR, *SEALED) if offers_tls(self._plan) else CLEAR:
            await loop.create_server(self, port=port)

    def __call__(self) -> asyncio.Protocol:
        return _Caller(self)

    def at(self, port: int) -> asyncio.BaseProtocol:
        """The protocol for a client that dialled this port."""
        if self._factories is None:
            self._factories = self._made()
        return self._factories[port]()

    def _made(self) -> Mapping[int, ProtocolFactory]:
        # Their code is read at the first call: it was a fifth of a cold start (90 of 430 ms).
        from lab.mail.autoconfig_server import AutoconfigService
        from lab.mail.imap.server import ImapService
        from lab.mail.pop3_server import Pop3Service

        host, plan, tls = self._host, self._plan, offers_tls(self._plan)
        porter = Porter(host, self._store)
        pop3 = Pop3Service(host, porter, tls)
        imap = ImapService(host, porter, plan.size_limit, tls)
        submission = Reception(host, plan, self._queue, self._store, porter=porter)
        return {
            80: AutoconfigService(host, plan, tls).connect,
            110: pop3.connect,
            143: imap.connect,
            587: submission.connect,
            995: Sealed(host, pop3.connect_sealed),
            993: Sealed(host, imap.connect_sealed),
            465: Sealed(host, submission.connect_sealed),
        }


class _Caller(asyncio.Protocol):
    """Somebody has called: the service takes over, as if it had been there all the time."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        port = transport.get_extra_info("sockname")[1]
        protocol = self._services.at(port)
        cast(asyncio.Transport, transport).set_protocol(protocol)
        protocol.connection_made(transport)
