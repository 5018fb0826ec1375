"""Faults: what can be broken on purpose, as values, and what each one looks like.

The table that every fabric keeps, and the parity suite checks:

    fault        a new connection         an open one         a datagram            its own programs
    Down         refused                  reset               refused (ICMP)        stopped; disk kept
    Unreachable  unreachable at once      hangs               unreachable (ICMP)    run, cut off both ways
    Silent       times out                hangs               lost                  run, cut off both ways
    Paused       opens, then silence      hangs               lost                  stand still
    Reply        as usual                 4xx/5xx at a stage  –                     run
    DiskFull     as usual                 as usual            as usual              run; writing fails (ENOSPC)
    a cut        times out                hangs               lost                  run
    no host      unreachable at once      –                   unreachable (ICMP)    –

Deterministic: chance comes from one seeded stream a link, never from the machine.

Programs of the machine in a shell inside the lab (`local`) see the same, with limits: a link delays what they
send and hear but not their handshake; their own time limits are real time, which `lab clock` does not hurry; and
all of them leave from the student's host, so a fault of that host stops only what has been connected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from lab.events import Stage


@dataclass(frozen=True, slots=True)
class Fault:
    """What all faults are. `str()` is how a user types it."""


@dataclass(frozen=True, slots=True)
class Down(Fault):
    def __str__(self) -> str:
        return "down"


@dataclass(frozen=True, slots=True)
class Unreachable(Fault):
    def __str__(self) -> str:
        return "unreachable"


@dataclass(frozen=True, slots=True)
class Silent(Fault):
    def __str__(self) -> str:
        return "silent"


@dataclass(frozen=True, slots=True)
class Paused(Fault):
    def __str__(self) -> str:
        return "paused"


@dataclass(frozen=True, slots=True)
class Gone(Fault):
    """Not made on purpose: the process or container in which the host lived has ended."""

    def __str__(self) -> str:
        return "gone"


@dataclass(frozen=True, slots=True)
class DiskFull(Fault):
    def __str__(self) -> str:
        return "disk-full"


@dataclass(frozen=True, slots=True)
class Reply(Fault):
    """The SMTP server answers `code` at `stage`. `address`: only when MAIL or RCPT names it; `times`: so often,
    then no more (0: until healed)."""

    stage: Stage
    code: int
    text: str = ""
    address: str = ""
    times: int = 0

    def __str__(self) -> str:
        who = f" for {self.address}" if self.address else ""
        often = "" if not self.times else " once" if self.times == 1 else f" {self.times} times"
        return f"reply {self.code} at {self.stage}{who}{often}"


@dataclass(slots=True)
class HostFaults:
    """What is wrong with a host now. The fabric heeds the network's faults, a server asks for its replies."""

    now: list[Fault] = field(default_factory=list)
    used: dict[Fault, int] = field(default_factory=dict)

    def reply(self, stage: Stage, address: str = "") -> Reply | None:
        """The reply an SMTP server has to give at this stage, if a fault says so; counts its use."""
        for fault in self.now:
            if (
                isinstance(fault, Reply)
                and fault.stage is stage
                and fault.address.lower() in ("", address.lower())
            ):
                used = self.used.get(fault, 0)
                if not fault.times or used < fault.times:
                    self.used[fault] = used + 1
                    return fault
        return None


OF_A_HOST: Mapping[str, type[Fault]] = MappingProxyType(
    {str(kind()): kind for kind in (Down, Unreachable, Silent, Paused, DiskFull)}
)
"""The faults that befall a host as a whole, by the word that a user types."""
