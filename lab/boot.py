"""How a host starts: its ports are bound at once, its programs are read at the first call (as by inetd(8)).

The rule: a host that nobody calls is nothing but its listeners. In a container of its own the programs of a mail
host are half of its process; whoever calls first waits for them, once, a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING

from lab.fabric.late import Late, Sleeper
from lab.topology.software import Role, taken

if TYPE_CHECKING:
    from lab.dns.stub import Stub
    from lab.fabric.base import Boot, Host
    from lab.names import DomainName
    from lab.topology.plan import ZonePlan
    from lab.wire.records import Answer


def boot(zones: Mapping[DomainName, ZonePlan]) -> Boot:
    """How every host of a mini-Internet with these zones starts its programs."""

    async def start(host: Host) -> None:
        plan = host.plan
        if plan.image or plan.command:
            return
        questions = Questions(host)
        if plan.software:
            from lab.foreign.start import start_foreign

            await start_foreign(host, zones, questions.resolve)
        others = taken(plan.software)
        if plan.resolver and Role.RESOLVER not in others:
            from lab.dns.start import start_resolver

            await start_resolver(host, zones)
        elif plan.zones and Role.AUTHORITY not in others:
            from lab.dns.start import start_authority

            await start_authority(host, zones)
        if plan.mail and Role.MAIL not in others:
            from lab.mail.services import start_mail

            await start_mail(host, questions.resolve)

    return start


class Questions:
    """A host's own questions to the DNS; the stub that asks them is made at the first."""

    __slots__ = ("_host", "_stub")

    def __init__(self, host: Host) -> None:
        self._host = host
        self._stub: Late[Stub] = Late(self._made)
        host.console.staff(Sleeper(host, self._stub, ("resolve",)))

    def _made(self) -> Stub:
        from lab.dns.stub import Stub

        return Stub(self._host)

    def resolve(self, name: DomainName, type: str, queue_id: str = "", beside: str = "") -> Awaitable[Answer]:
        """See `Stub.resolve`."""
        return self._stub().resolve(name, type, queue_id, beside)
