"""Faults on a fabric: what is wrong with a host now, and what each fault looks like.

The table that every fabric keeps, and the parity suite checks:

    fault        a new connection         an open one         a datagram            its own programs
    Down         refused                  reset               refused (ICMP)        stopped; disk kept
    Crash        refused                  reset               refused (ICMP)        gone at once; disk kept
    PowerCut     refused                  reset               refused (ICMP)        gone, with what was not synced
    Unreachable  unreachable at once      hangs               unreachable (ICMP)    run, cut off both ways
    Silent       times out                hangs               lost                  run, cut off both ways
    Paused       opens, then silence      hangs               lost                  stand still
    DiskFull     as usual                 as usual            as usual              run; writing fails (ENOSPC)
    NoTcp        refused at port 53       as usual            as usual              run
    Skew         as usual                 as usual            as usual              run, by a wrong clock
    a cut        times out                hangs               lost                  run
    no host      unreachable at once      –                   unreachable (ICMP)    –

What its servers do, the network being as usual:

    Reply, Stall, Reset   4xx or 5xx, silence, RST in the place of a reply at a stage of SMTP
    Hide                  EHLO's reply without a keyword; the command behind it is unknown
    AtMailbox             the same for POP3 and IMAP: at the greeting, the login, a fetch, the goodbye
    ServFail, Refused     that rcode, AA=0, nothing else
    NoAnswer              no answer, over UDP or TCP
    Lame                  a referral to the zone's own servers, AA=0
    WrongGlue             referrals with an address at which the child's server is not
    Truncated             TC=1 and nothing else over UDP, the answer over TCP
    Slow                  the answer, later

Deterministic: chance comes from seeded streams, one a link, one for what befalls a pair of hosts, one for what a
host's servers do; never from the machine. A fault by chance (`Sometimes`) strikes new connections and
datagrams of the lab's own programs, a stage, or a question; what is open goes on.

Programs of the machine in a shell inside the lab (`local`) see the same, with limits: a link delays what they
send and hear but not their handshake; their own time limits are real time, which `lab clock` does not hurry; and
all of them leave from the student's host, so a fault of that host stops only what has been connected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import field
from functools import partial
from random import Random
from typing import TypeVar

from lab.events import Stage
from lab.faults import (
    OF_A_HOST,
    AtMailbox,
    AtServer,
    AtStage,
    Crash,
    DiskFull,
    Down,
    Fault,
    Gone,
    Hide,
    Moment,
    OfNames,
    Paused,
    PowerCut,
    Reply,
    Silent,
    Skew,
    Sometimes,
    Unreachable,
    bare,
    fault_of,
)
from lab.names import DomainName
from lab.values import dataclass

__all__ = [
    "OF_A_HOST",
    "Crash",
    "DiskFull",
    "Down",
    "Fault",
    "Gone",
    "HostFaults",
    "Paused",
    "PowerCut",
    "Reply",
    "Silent",
    "Skew",
    "Sometimes",
    "Unreachable",
    "bare",
    "fault_of",
]

Kind = TypeVar("Kind", bound=AtServer)
Struck = Callable[[Fault, str], None]


def _untold(fault: Fault, about: str) -> None:
    """Where nobody keeps a log."""


def _unseeded() -> Random:
    """Where there is no host to have a stream of chance."""
    return Random(0)


@dataclass(slots=True)
class HostFaults:
    """What is wrong with a host now. The fabric heeds the network's faults, a server asks for its own, and asking
    is being struck: it is counted, and `struck` tells the log of the fault and what it was about."""

    now: list[Fault] = field(default_factory=list)
    used: dict[Fault, int] = field(default_factory=dict)
    struck: Struck = _untold
    chance: Callable[[], Random] = _unseeded
    _watching: dict[Callable[[], None], None] = field(default_factory=dict)

    def apply(self, fault: Fault) -> None:
        self.now.append(fault)
        self._changed()

    def lift(self, *faults: Fault) -> None:
        """Of these the end, and of what they did: what is applied anew strikes anew."""
        for fault in faults:
            self.now.remove(fault)
            self.used.pop(fault, None)
        self._changed()

    def watch(self, changed: Callable[[], None]) -> Callable[[], object]:
        """Have `changed` called whenever a fault comes or goes, until what this returns is called."""
        self._watching[changed] = None
        return partial(self._watching.pop, changed, None)

    def forget_watchers(self) -> None:
        """The programs that watched have ended."""
        self._watching.clear()

    def _changed(self) -> None:
        for changed in tuple(self._watching):
            changed()

    async def lifted(self, fault: Fault) -> None:
        """Return when this fault is no more."""
        lifted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def look() -> None:
            if fault not in map(bare, self.now) and not lifted.done():
                lifted.set_result(None)

        forget = self.watch(look)
        try:
            look()
            await lifted
        finally:
            forget()

    def at(self, stage: Stage, *addresses: str) -> AtStage | None:
        """What an SMTP server has to do at this stage of a dialogue that names these addresses."""
        return self._strike(AtStage, lambda fault: fault.fits(stage, addresses), " ".join((stage, *addresses)))

    def hidden(self) -> frozenset[str]:
        """The keywords that the reply to EHLO has to leave out."""
        return frozenset(fault.keyword for fault in self._striking(Hide, lambda _: True, Stage.HELO))

    def of(self, kind: type[OfNames], name: DomainName) -> OfNames | None:
        """What a name server or a resolver has to do to a question for this name, if it is of this kind."""
        return self._strike(kind, lambda fault: fault.fits(name), name)

    def at_mailbox(self, service: str, moment: Moment, address: str = "") -> AtMailbox | None:
        """What a POP3 or IMAP server has to do at this moment to the owner of a mailbox."""
        about = " ".join((service, moment, *([address] if address else ())))
        return self._strike(AtMailbox, lambda fault: fault.fits(service, moment, address), about)

    def _strike(self, kind: type[Kind], fits: Callable[[Kind], bool], about: str) -> Kind | None:
        """The first fault of a kind that fits, and strikes."""
        return next(self._striking(kind, fits, about), None)

    def _striking(self, kind: type[Kind], fits: Callable[[Kind], bool], about: str) -> Iterator[Kind]:
        """The faults of a kind that fit, have not struck as often as they were to, and are in luck."""
        for fault in tuple(self.now):
            plain = bare(fault)
            if not isinstance(plain, kind) or not fits(plain):
                continue
            used = self.used.get(fault, 0)
            if (plain.times and used >= plain.times) or not self._has_luck(fault):
                continue
            self.used[fault] = used + 1
            self.struck(fault, about)
            yield plain

    def _has_luck(self, fault: Fault) -> bool:
        return not isinstance(fault, Sometimes) or self.chance().random() < fault.share
