"""The ports of a mail host, and what is behind them: SMTP, POP3, IMAP, submission, and the file that configures a
mail program.

The rule: nothing is made, and no code read, before somebody calls. Seven ports have one owner, small enough for
every host of a hundred thousand; which service is wanted, the port says that was dialled. The first call makes
them all; a disk that holds mail from an earlier life, and settings that may be wrong, are a call, too.

     25  SMTP
    110  POP3         143  IMAP         587  submission      in the clear, and TLS by command
    995  POP3         993  IMAP         465  submission      in TLS from the first octet (RFC 8314 §7.3)
     80  autoconfig
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from lab.fabric.late import Sleeper
from lab.topology.plan import MailPlan

if TYPE_CHECKING:
    from lab.fabric.base import Host
    from lab.fabric.stack import ProtocolFactory
    from lab.mail.envelope import Resolve
    from lab.mail.host import MailHost

SMTP_PORT, CLEAR, SEALED = 25, (110, 143, 587, 80), (995, 993, 465)
QUESTIONS = ("submit", "mailbox", "message", "mbox", "account")
"""That nobody can answer but the `MailHost`, which is made for them."""
_USUAL = MailPlan()


class Services:
    """Listens with `listen`; is itself the protocol factory of every port but SMTP's."""

    __slots__ = ("_factories", "_host", "_mail", "_plan", "_resolve")
    questions: ClassVar[Mapping[str, str]] = {"queue": "show_queue", "retry": "retry"}

    def __init__(self, host: Host, plan: MailPlan, resolve: Resolve) -> None:
        self._host = host
        self._plan = plan
        self._resolve = resolve
        self._mail: MailHost | None = None
        self._factories: Mapping[int, ProtocolFactory] | None = None

    async def listen(self) -> None:
        """On the ambient host's addresses. WrongUse where the plan's settings make no sense."""
        loop, plan = asyncio.get_running_loop(), self._plan
        self._host.console.staff(Sleeper(self._host, lambda: self.mail, QUESTIONS))
        self._host.console.staff(self)
        unusual = plan.settings or (plan.policy, plan.schedule) != (_USUAL.policy, _USUAL.schedule)
        if unusual or self._host.disk.list("spool"):
            _ = self.mail
        await loop.create_server(self._greet, port=SMTP_PORT)
        if plan.local_domains:
            for port in (*CLEAR, *SEALED) if offers_tls(plan) else CLEAR:
                await loop.create_server(self, port=port)

    # -- callers ----------------------------------------------------------------------------------------------

    @property
    def mail(self) -> MailHost:
        """What runs here, from the first call on."""
        if self._mail is None:
            from lab.mail.host import MailHost

            self._mail = MailHost(self._host, self._plan, self._resolve)
        return self._mail

    def _greet(self) -> asyncio.BaseProtocol:
        return self.mail.reception.connect()

    def __call__(self) -> asyncio.Protocol:
        return _Caller(self)

    def at(self, port: int) -> asyncio.BaseProtocol:
        """The protocol for a client that dialled this port."""
        if self._factories is None:
            self._factories = self._made()
        return self._factories[port]()

    def _made(self) -> Mapping[int, ProtocolFactory]:
        from lab.mail.autoconfig_server import AutoconfigService
        from lab.mail.imap.server import ImapService
        from lab.mail.pop3_server import Pop3Service
        from lab.mail.porter import Porter
        from lab.mail.server import Reception
        from lab.mail.tls import Sealed

        host, plan, mail, tls = self._host, self._plan, self.mail, offers_tls(self._plan)
        porter = Porter(host, mail.local.store)
        pop3 = Pop3Service(host, porter, tls)
        imap = ImapService(host, porter, plan.size_limit, tls)
        submission = Reception(host, plan, mail, mail.local.store, porter=porter)
        return {
            80: AutoconfigService(host, plan, tls).connect,
            110: pop3.connect,
            143: imap.connect,
            587: submission.connect,
            995: Sealed(host, pop3.connect_sealed),
            993: Sealed(host, imap.connect_sealed),
            465: Sealed(host, submission.connect_sealed),
        }

    # -- the lab's keeper -------------------------------------------------------------------------------------

    async def show_queue(self, request: dict[str, Any]) -> dict[str, Any]:
        """Of a host that has no mail."""
        return {"queue": []}

    async def retry(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"retried": 0}


class _Caller(asyncio.Protocol):
    """Somebody has called: the service takes over, as if it had been there all the time."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        port = transport.get_extra_info("sockname")[1]
        protocol = self._services.at(port)
        cast(asyncio.Transport, transport).set_protocol(protocol)
        protocol.connection_made(transport)


def offers_tls(plan: MailPlan) -> bool:
    """The setting `starttls: no` has a host's services do without TLS, all of them."""
    return plan.settings.get("starttls", "yes") != "no"


async def start_mail(host: Host, resolve: Resolve) -> Services:
    """Serve mail as the host's plan says; WrongUse when it names a policy or schedule that there is none of."""
    assert host.plan.mail is not None, "this host has no mail"
    services = Services(host, host.plan.mail, resolve)
    await services.listen()
    return services
