"""A mini-Internet: a plan put on a fabric, and what can be done with it while it runs.

The rule: this and `boot` are the places where names, mail and fabric meet. Servers know nothing of each other; the
boot of a host reads its plan and starts what stands there. Whoever steers a lab (a verb, a scenario, a grader)
does it through this class and sees the same on every fabric.

Errors are those of `lab.errors`: an unknown host or address is WrongUse with the nearest names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cached_property, partial
from typing import Any

from lab.boot import boot
from lab.errors import WorldSaidNo, WrongUse
from lab.events import (
    ClockAdvanced,
    FaultApplied,
    FaultCancelled,
    FaultLifted,
    FaultScheduled,
    FaultStruck,
    LabStarted,
    LabStopped,
)
from lab.fabric.base import Boot, Capability, Fabric
from lab.fabric.breakage import Breakage, Cut, OnHost, OnLine, planned
from lab.fabric.disk import MemoryDisk
from lab.fabric.faults import Down, Fault, Gone, Paused, PowerCut, bare
from lab.fabric.restoring import bring_back
from lab.fabric.schedule import Schedule
from lab.log import EventLog
from lab.names import DomainName, EmailAddress
from lab.timing import NOW, Timing
from lab.topology.fitting import require_fit, require_ruled, require_slowable
from lab.topology.plan import HostPlan, Link, Plan, ZonePlan
from lab.values import dataclass

STUDENT = DomainName("student")
"""The client host that every plan has: where `lab dig` asks from."""
_MOMENT = 1.0
"""Lab seconds until somebody who waits for a host asks whether it stands still."""
_TRIPS = (0.0, 0.001, 0.02, 1.0)
"""Seconds that a slow disk takes: in its cache, on flash, on a platter, behind a queue of others."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A message handed in: where, and under which id; `refused` is the reason when it was not taken."""

    host: DomainName
    queue_id: str
    refused: str = ""


class Internet:
    """`Internet(plan, lambda boot: SimFabric(plan.ranges, boot, seed=plan.seed))`, then `up()`."""

    def __init__(self, plan: Plan, fabric: Callable[[Boot], Fabric]) -> None:
        self.plan = plan
        self.fabric = fabric(boot(plan.zones))
        self.schedule = Schedule(self.fabric.clock, self)
        _require_room_for_software(plan, self.fabric)
        self._hosts = {host.name: host for host in plan.hosts}
        for host in plan.hosts:
            self.fabric.add(host)
        self._spoilt: dict[tuple[str, str], Link] = {}
        for line in plan.links:
            self.fabric.connect(line.a, line.b, line.link)
        self.broken = dict(planned(fault) for fault in plan.faults)
        """What the topology breaks, and when."""
        for what in self.broken:
            self._require_possible(what)

    @cached_property
    def _by_address(self) -> dict[str, HostPlan]:
        return {address: host for host in self.plan.hosts for address in host.addresses}

    @cached_property
    def _homes(self) -> dict[DomainName, HostPlan]:
        """Where a domain's mail is local; the first host in the plan, should two claim it."""
        pairs = [(domain, host) for host in self.plan.hosts if host.mail for domain in host.mail.local_domains]
        return dict(reversed(pairs))

    @property
    def log(self) -> EventLog:
        return self.fabric.log

    async def up(self) -> None:
        now, elapsed = self.fabric.clock.now(), self.fabric.clock.elapsed()
        epoch = (now - timedelta(seconds=elapsed)).isoformat(timespec="milliseconds")
        plan = self.plan
        self._tell(LabStarted(plan.name, self.fabric.name, plan.seed, epoch, len(plan.hosts)))
        await self.fabric.up()
        for what, when in self.broken.items():
            await self.break_down(what, when)

    async def down(self) -> None:
        self.schedule.clear()
        await self.fabric.down()
        self._tell(LabStopped())

    # -- names and places ---------------------------------------------------------------------------------

    def host(self, name: str) -> HostPlan:
        """The host of that name (or address); WrongUse with what is near when there is none."""
        found = self._hosts.get(DomainName(name.lower().rstrip(".")))
        if found is None:
            found = self._by_address.get(name)
        if found is None:
            raise WrongUse(
                f"there is no host '{name}' in this lab",
                remedy=_near(name, self._hosts) or "Its hosts:  lab status",
                code="W001",
            )
        return found

    def home(self, address: EmailAddress) -> HostPlan:
        """The mail host where an address is local."""
        literal = address.literal
        found = self._by_address.get(literal) if literal else self._homes.get(address.domain)
        if found is None or found.mail is None:
            people = [box.address for host in self.plan.hosts[:500] if host.mail for box in host.mail.mailboxes]
            raise WrongUse(
                f"no host of this lab keeps mail for {address.rpartition('@')[2]}",
                remedy=_near(address, people),
                code="W002",
            )
        return found

    def places(self, names: Iterable[str]) -> tuple[str, ...]:
        known = {host.organisation for host in self.plan.hosts} | set(self._hosts) | {"*"}
        places = []
        for name in names:
            place = name.lower().rstrip(".")
            if place not in known:
                raise WrongUse(
                    f"'{name}' is neither a host nor an organisation of this lab",
                    remedy=_near(place, sorted(known)),
                    code="W001",
                )
            places.append(place)
        return tuple(places)

    # -- mail ---------------------------------------------------------------------------------------------

    async def send(
        self,
        sender: EmailAddress | None,
        recipients: Sequence[EmailAddress],
        message: bytes,
        *,
        via: str = "",
    ) -> Submission:
        """Hand a message in at the sender's mail host (or `via` another), as a local program there would."""
        if not via and sender is None:
            raise WrongUse("the null sender has no home: name the host that sends", code="W003")
        host = self.host(via) if via or sender is None else self.home(sender)
        reply = await self.ask(
            host.name,
            "submit",
            {"sender": sender or "", "recipients": list(recipients), "message": message.decode("latin-1")},
        )
        return Submission(host.name, reply.get("queue_id", ""), reply.get("refused", ""))

    async def mailbox(self, address: EmailAddress, folder: str = "INBOX") -> dict[str, Any]:
        return await self.ask(self.home(address).name, "mailbox", {"address": address, "folder": folder})

    async def mbox(self, address: EmailAddress, folder: str = "INBOX") -> str:
        """A folder as a Unix user would `cat` it (mboxrd)."""
        reply = await self.ask(self.home(address).name, "mbox", {"address": address, "folder": folder})
        return str(reply["text"])

    async def message(self, address: EmailAddress, uid: int, folder: str = "INBOX") -> bytes:
        """A stored message, byte for byte."""
        request = {"address": address, "uid": uid, "folder": folder}
        reply = await self.ask(self.home(address).name, "message", request)
        return str(reply["octets"]).encode("latin-1")

    async def account(self, do: str, address: EmailAddress, **more: Any) -> dict[str, Any]:
        """Add somebody, let somebody go; a password, a quota, an alias, a forward: see `mail.accounting`."""
        return await self.ask(self.home(address).name, "account", {"do": do, "address": address, **more})

    async def accounts(self, host: str = "") -> list[dict[str, Any]]:
        """Who has a mailbox, and which aliases there are: of a host, or of all that are up."""
        plans = [self.host(host)] if host else [plan for plan in self.plan.hosts if plan.mail]
        ask = self.ask if host else self.fabric.ask
        found = []
        for plan in plans:
            with suppress(KeyError):
                found.append({"host": plan.name, **await ask(plan.name, "account", {"do": "list"})})
        return found

    async def queue(self, host: str = "") -> list[dict[str, Any]]:
        """What waits in the queue of a host, or of all of them."""
        names = [self.host(host).name] if host else [plan.name for plan in self.plan.hosts if plan.mail]
        return [row for name in names for row in (await self._try(name, "queue"))["queue"]]

    async def retry(self, host: str = "") -> None:
        """Make everything that waits due now (`sendmail -q`)."""
        for name in [self.host(host).name] if host else [plan.name for plan in self.plan.hosts if plan.mail]:
            await self._try(name, "retry")

    # -- names --------------------------------------------------------------------------------------------

    async def dig(
        self, name: str, type: str = "A", *, server: str = "", trace: bool = False, at: str = ""
    ) -> dict[str, Any]:
        """dig's answer as JSON, asked from a host (the student's where none is named)."""
        target = self.host(server).addresses[0] if server else ""
        request = {"name": name, "type": type.upper(), "server": target, "trace": trace}
        return await self.ask(self.host(at).name if at else STUDENT, "resolve", request)

    def authority(self, origin: str) -> ZonePlan:
        zone = self.plan.zones.get(DomainName.parse(origin))
        if zone is None:
            near = _near(origin, list(self.plan.zones)[:2000])
            raise WrongUse(f"there is no zone '{origin}' in this lab", remedy=near, code="W004")
        return zone

    async def zone(self, origin: str) -> dict[str, Any]:
        """A zone as its first server has it now."""
        zone = self.authority(origin)
        return await self.ask(zone.servers[0], "zone", {"origin": zone.origin})

    async def edit_zone(
        self, origin: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Change records on every server of a zone; the serial rises. Lines as in a master file."""
        zone = self.authority(origin)
        request = {"origin": zone.origin, "add": list(add), "remove": list(remove)}
        replies = [await self.ask(server, "edit-zone", request) for server in zone.servers]
        return replies[0]

    async def flush(self, host: str = "") -> None:
        """Empty the cache of a resolver, or of all of them."""
        for name in [self.host(host).name] if host else [plan.name for plan in self.plan.hosts if plan.resolver]:
            await self._try(name, "flush")

    # -- faults and time ----------------------------------------------------------------------------------

    async def fail(self, host: str, fault: Fault | None = None, when: Timing = NOW) -> None:
        await self.break_down(OnHost(self.host(host).name, fault or Down()), when)

    async def break_down(self, what: Breakage, when: Timing) -> None:
        """Break it at its time; what breaks now is broken when this returns. Its places are known (`places`)."""
        self._require_possible(what)
        if not when.is_plain:
            self._tell(FaultScheduled(what.target, what.fault, str(when)))
        await self.schedule.order(what, when)

    def _require_possible(self, what: Breakage) -> None:
        """WrongUse (W013, W029) where this fabric, this host or this line cannot have that fault."""
        if isinstance(what, OnLine):
            require_slowable(self.plan.hosts, what.a, what.b, what.link)
        if not isinstance(what, OnHost):
            if Capability.SOFTWARE not in self.fabric.capabilities:
                a, b = ((what.a,), (what.b,)) if isinstance(what, OnLine) else (what.a, what.b)
                require_ruled(self.plan.hosts, a, b)
            return
        if isinstance(what.what, PowerCut) and Capability.POWER_CUT not in self.fabric.capabilities:
            raise WrongUse(
                f"on the {self.fabric.name} fabric no power can go: the machine's kernel has what was written",
                remedy=f"Where it can go:  lab up … --fabric sim        Or:  lab fail {what.host} --crash",
                code="W013",
            )
        require_fit(self._hosts[what.host], what.what)

    async def mend_one(self, what: Breakage) -> None:
        """Undo this one thing, now, and forget when it was to come."""
        await self.schedule.cancel(lambda: self.end(what), what)

    async def begin(self, what: Breakage) -> None:
        """Break it now; see `Breaker`."""
        match what:
            case OnHost(host, fault):
                await self.fabric.fail(host, fault)
            case Cut():
                self.fabric.cut(what)
                await self.fabric.in_force()
            case OnLine(a, b, link):
                self.connect(a, b, link)
                await self.fabric.in_force()

    async def end(self, what: Breakage) -> None:
        """Mend this one thing; see `Breaker`."""
        match what:
            case OnHost(host, fault):
                await self.fabric.lift(host, fault)
            case Cut():
                self.fabric.join(what)
                await self.fabric.in_force()
            case OnLine(a, b):
                self._relay((a, b))
                await self.fabric.in_force()

    def slow_disks(self) -> None:
        """From now on every trip to a host's disk takes its time, as the host's own chance has it, and others
        write meanwhile: what a crash can catch. WrongUse (W071) where disks are the machine's, and take their
        own."""
        if Capability.POWER_CUT not in self.fabric.capabilities:
            raise WrongUse(
                f"the disks of the fabric '{self.fabric.name}' are the machine's, and as fast as they are",
                remedy="In memory they can be slow:  --fabric sim",
                code="W071",
            )
        for plan in self.plan.hosts:
            if plan.mail:
                here = self.fabric.hosts[plan.name]
                assert isinstance(here.disk, MemoryDisk)
                here.disk.trip = partial(here.rng("disk").choice, _TRIPS)

    async def heal(self, host: str = "") -> list[str]:
        """Lift the faults of a host, and forget what is scheduled for it; without a name, of every host and every
        line. Returns whom it healed."""
        name = self.host(host).name if host else None
        names = [name] if name else [n for n, h in self.fabric.hosts.items() if h.faults.now]
        for entry in await self.schedule.cancel(lambda: self._mend_all(names, name is None), name or None):
            if not entry.is_there or entry.timing.every:
                self._tell(FaultCancelled(entry.what.target, entry.what.fault))
        return list(names)

    async def _mend_all(self, names: Iterable[DomainName], lines: bool) -> None:
        for name in names:
            await self.fabric.heal(name)
        if lines:
            await self.mend_lines()

    async def restore(self) -> list[str]:
        """Bring back the hosts whose process or container is gone, with the disks they had; whom it brought. Where
        one does not come back, the others of its engine are not tried, and that is the error."""
        names = [name for name, host in self.fabric.hosts.items() if Gone() in host.faults.now]
        await bring_back(self.fabric, names)
        return list(names)

    def cut(self, a: Sequence[str], b: Sequence[str]) -> None:
        """A partition: nothing passes between the two groups (hosts, organisations, "*")."""
        self.fabric.cut(Cut(self.places(a), self.places(b)))

    async def mend_lines(self) -> None:
        """The same as `mend`, and it holds everywhere when this returns."""
        self.mend()
        await self.fabric.in_force()

    def mend(self) -> None:
        """Undo every cut, and make every line what the topology says it is."""
        self.fabric.mend()
        for pair in tuple(self._spoilt):
            self._relay(pair)

    def _relay(self, pair: tuple[str, str]) -> None:
        """Make a line what the topology says it is."""
        if pair in self._spoilt:
            self.fabric.connect(*pair, self.planned_link(*pair))
            self._tell(FaultLifted(f"{pair[0]}|{pair[1]}", f"link {self._spoilt.pop(pair)}"))

    def connect(self, a: str, b: str, link: Link) -> None:
        """Lay another line between two places, until it is mended."""
        left, right = self.places((a, b))
        self.fabric.connect(left, right, link)
        self._spoilt[left, right] = link
        self._tell(FaultApplied(f"{left}|{right}", f"link {link}"))

    def planned_link(self, a: str, b: str) -> Link:
        """What the topology says of a line."""
        return next((line.link for line in self.plan.links if {line.a, line.b} == {a, b}), Link())

    async def advance(self, by: timedelta) -> None:
        """Let lab time run ahead. WrongUse (W013) where it cannot."""
        if Capability.RUN_AHEAD not in self.fabric.capabilities:
            raise WrongUse(
                "lab time cannot run ahead here: software that is not the lab's goes by the machine's clock",
                remedy="What waits in a queue is tried at once by  lab queue --retry",
                code="W013",
            )
        await self.fabric.advance(by)
        self._tell(ClockAdvanced(by.total_seconds()))

    def status(self) -> list[dict[str, Any]]:
        """A row for each host: {name, address, runs, state}, and the engine where the lab stands on several."""
        return [
            {
                "name": plan.name,
                "address": plan.addresses[0] if plan.addresses else "",
                "runs": list(plan.roles),
                "state": self.state(plan.name),
                **self.place(plan.name),
            }
            for plan in self.plan.hosts
        ]

    def state(self, host: DomainName) -> str:
        """Its faults in words, or "up". One that struck as often as it was to is over, if not healed."""
        faults = self.fabric.hosts[host].faults.now
        return ", ".join(f"{one} (over)" if self._is_over(host, one) else str(one) for one in faults) or "up"

    def _is_over(self, host: DomainName, fault: Fault) -> bool:
        left = getattr(bare(fault), "times", 0)
        for entry in reversed(self.log.since()) if left else ():
            if entry.host != host:
                continue
            if entry.event == FaultApplied(host, str(fault)):
                return False
            left -= entry.event == FaultStruck(str(fault), getattr(entry.event, "about", ""))
            if not left:
                return True
        return False

    def halted(self, host: DomainName) -> str:
        """Why nothing happens on a host: "is down", "stands still"; "" where something does."""
        faults = self.fabric.hosts[host].faults.now
        if any(isinstance(fault, Down) for fault in faults):
            return "is down"
        return "stands still" if any(isinstance(fault, Paused) for fault in faults) else ""

    def place(self, host: DomainName) -> dict[str, str]:
        """{engine} of a host, where the lab stands on several; else nothing."""
        engine = self.fabric.where(host)
        return {"engine": engine} if engine else {}

    # -- below --------------------------------------------------------------------------------------------

    async def ask(self, host: DomainName, question: str, request: dict[str, Any]) -> dict[str, Any]:
        """A question to a host's console; WorldSaidNo (W005) when it is down, or stands still in the middle of
        what the answer has to wait for; WrongUse when it does not do that."""
        answer = self.fabric.ask(host, question, request)
        try:
            return await (self._in_time(host, question, answer) if self.fabric.hosts[host].faults.now else answer)
        except KeyError:
            if self.halted(host) == "is down":
                raise WorldSaidNo(f"{host} is down", remedy=f"lab heal {host}", code="W005") from None
            raise WrongUse(f"{host} does not do that: it runs {', '.join(self._hosts[host].roles)}") from None

    async def _in_time(
        self, host: DomainName, question: str, answer: Coroutine[Any, Any, dict[str, Any]]
    ) -> dict[str, Any]:
        """A host that stands still answers what needs nobody but its disk. What its programs are in the middle of
        they have to end first; nobody waits for that, and what was asked is done when they go on."""
        asked = asyncio.ensure_future(answer)
        while not (await asyncio.wait([asked], timeout=_MOMENT))[0]:
            if self.halted(host) == "stands still":
                asked.add_done_callback(unheard)
                done = "taken the message" if question == "submit" else "done what it was asked"
                raise WorldSaidNo(
                    f"{host} stands still and has not {done} yet: it does when it goes on",
                    remedy=f"lab heal {host}",
                    code="W005",
                )
        return asked.result()

    async def _try(self, host: DomainName, question: str) -> dict[str, Any]:
        """The same of a host that may be down: then it has nothing to say."""
        try:
            return await self.fabric.ask(host, question, {})
        except KeyError:
            return {"queue": []}

    def _tell(self, event: Any) -> None:
        self.log.append(self.fabric.clock.elapsed(), "", event)


def unheard(asked: asyncio.Future[Any]) -> None:
    """Whatever came of it, nobody waits for it any more."""
    if not asked.cancelled():
        asked.exception()


def _require_room_for_software(plan: Plan, fabric: Fabric) -> None:
    """WrongUse where a plan has software that is not the lab's, and the fabric cannot run it."""
    foreign = [host for host in plan.hosts if host.is_foreign and _need(host) not in fabric.capabilities]
    if foreign:
        first = foreign[0]
        what = " and ".join(first.software) or first.image or "a program of your own"
        others = f", and {len(foreign) - 1} hosts more are such" if len(foreign) > 1 else ""
        fit = "docker" if any(_need(host) is Capability.SOFTWARE for host in foreign) else "local"
        raise WrongUse(
            f"{first.name} is to run {what}{others}: the fabric '{fabric.name}' runs the lab's own programs only",
            remedy=f"lab up {plan.source or 'TOPOLOGY'} --fabric {fit}",
            code="W028",
        )


def _need(host: HostPlan) -> Capability:
    """What a fabric must be able to do for what runs there, which is not the lab's."""
    return Capability.SOFTWARE if host.software or host.image else Capability.PROGRAM


def _near(word: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word.lower(), [str(name) for name in known], n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(close)}?" if close else ""
