"""Software of the user's own on the local fabric: a program in a host's place, in a network of its own.

The rule: the lab knows a guest's addresses and its faults, and nothing else. A cable leads to it (veth), so that
it may listen on 0.0.0.0 as on any machine, and has no way but into the lab. Down: the program is asked to end, a
second later it is killed; crash: killed. Paused: its processes are stopped (SIGSTOP), and the kernel goes on
taking connections for it. What stands in its way is decided on the lab's side of every connection.

What it prints is kept in its folder (`program.log`); its processes are told of in `guest_process`.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lab.errors import MachineSaidNo
from lab.fabric.guest_process import CABLE, WIRE
from lab.fabric.netlink import Route, Routes
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan
from lab.values import dataclass

_PATIENCE = 10.0
"""Real seconds that a server has until it listens. One that takes longer comes up without being waited for."""
_AT_ONCE = 0.5
_GLANCE = 0.02
_LAST_WORDS = 1.0
_LINES = 8
"""Of what a program said, when it has ended at once."""
_SMTP, _DNS = 25, 53
_LISTENING, _UNCONNECTED = "0A", "07"
"""States of a TCP and of a UDP socket that waits for anybody (proc_net(5), include/net/tcp_states.h)."""


@dataclass(frozen=True, slots=True)
class Home:
    """What every guest of a lab needs: its prefixes, where the programs begin, where their papers go, whom they
    trust (PEM), and from which address of each family visitors call."""

    ranges: tuple[str, ...]
    at: Path
    folder: Path
    root: Callable[[], bytes]
    visitors: Callable[[], Sequence[Address]]


class Keeper:
    """The process that a guest lives under, and the pipes to it (`guest_process`)."""

    def __init__(self) -> None:
        words = [sys.executable, "-P", "-m", "lab.fabric.guest_process"]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid
        self._to, self._from = self._process.stdin, self._process.stdout

    def tell(self, order: Mapping[str, object]) -> None:
        assert self._to is not None
        self._to.write(json.dumps(order) + "\n")
        self._to.flush()

    def heard(self) -> str:
        """What it says next; OSError with the kernel's number where that refuses something."""
        line = self._from.readline().strip() if self._from else ""
        if not line or line.startswith("refused "):
            raise OSError(int(line.rpartition(" ")[2] or errno.ECHILD), "")
        return line

    def fileno(self) -> int:
        """Readable when it has ended: once the program runs it has no more to say."""
        return self._from.fileno() if self._from else -1

    def has_ended(self, within: float) -> bool:
        return bool(select.select([self], [], [], within)[0])

    def let_go(self, after: float) -> int:
        """Have nothing left of the guest, `after` seconds at the latest; the program's status."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(after)
        for pipe in (self._to, self._from):
            with suppress(BrokenPipeError):
                if pipe:
                    pipe.close()
        return self._process.wait()


class Guest:
    """A program in a host's place. `number` tells its cable from others."""

    def __init__(self, plan: HostPlan, number: int, home: Home) -> None:
        self.plan = plan
        self.said = home.folder / plan.name / "program.log"
        self._home = home
        self._near = f"{CABLE}{number}"
        self._keeper: Keeper | None = None
        self.is_wanted = True
        """Told to a `start` that waits yet, from another thread."""
        self.first = 0
        """Its process 1, by the number it has in the lab's eyes."""
        self._wire = 0

    # -- the beginning ------------------------------------------------------------------------------------

    def start(self) -> Keeper:
        """Blocks until it serves, as far as can be seen from outside. MachineSaidNo (H017) where the machine does
        not give it a network of its own, (H045) where the program ends at once."""
        self.said.parent.mkdir(parents=True, exist_ok=True)
        self.said.unlink(missing_ok=True)
        self._keeper = keeper = Keeper()
        try:
            keeper.heard()
            with Routes() as routes:
                self._wire = routes.cable(self._near, WIRE, keeper.pid)
                _pass_on()
                self.lead(routes)
            keeper.tell(self._order())
            self.first = int(keeper.heard())
        except OSError as error:
            self.end(kindly=False)
            raise _refusal(self.plan.name, error.errno or 0) from None
        self._await_service(keeper)
        return keeper

    def lead(self, routes: Routes) -> None:
        """Let packets for its addresses leave by its cable."""
        for visitor in self._home.visitors():
            alike = [address for address in self.plan.addresses if (":" in address) == (":" in visitor)]
            routes.lay(alike, Route.ON_LINK, visitor, self._wire)

    def _order(self) -> dict[str, object]:
        plan, home = self.plan, self._home
        return {
            "name": plan.name,
            "addresses": plan.addresses,
            "resolvers": plan.resolvers,
            "ranges": home.ranges,
            "folder": str(self.said.parent / "etc"),
            "root": home.root().decode(),
            "command": plan.command,
            "at": str(home.at),
            "said": str(self.said),
        }

    def _await_service(self, keeper: Keeper) -> None:
        serves = bool(self.plan.mail or self.plan.zones or self.plan.resolver)
        until = time.monotonic() + (_PATIENCE if serves else _AT_ONCE)
        while time.monotonic() < until and not (serves and self._listens()):
            if not self.is_wanted:
                self.end(kindly=False)
                return
            if keeper.has_ended(_GLANCE):
                status = self.end(kindly=False)
                raise MachineSaidNo(
                    f"{self.plan.name}: what runs there ended at once, with status {status}",
                    remedy=self._last_words(),
                    code="H045",
                )

    def _listens(self) -> bool:
        """Whether what its plan has it do is done, as its kernel has it: nobody is called for that."""
        if self.plan.mail and not self._has(_SMTP, "tcp", _LISTENING):
            return False
        return not (self.plan.zones or self.plan.resolver) or self._has(_DNS, "udp", _UNCONNECTED)

    def _has(self, port: int, kind: str, state: str) -> bool:
        """A socket of that kind, IPv4 or IPv6, in that state (proc_net(5))."""
        for table in (kind, f"{kind}6"):
            with suppress(OSError):
                for line in Path(f"/proc/{self.first}/net/{table}").read_text().splitlines()[1:]:
                    _, here, _, its_state, *_ = line.split()
                    if its_state == state and int(here.rpartition(":")[2], 16) == port:
                        return True
        return False

    def _last_words(self) -> str:
        lines = self.said.read_text(errors="replace").rstrip().splitlines()[-_LINES:] if self.said.exists() else []
        return "\n".join(["Its last words:", *(f"   {line}" for line in lines)]) if lines else "It said nothing."

    # -- the end ------------------------------------------------------------------------------------------

    def end(self, kindly: bool = True) -> int:
        """Blocks until nothing of it is left; the program's status. `kindly`: it hears of it a second before."""
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return 0
        if kindly and self.first:
            self.go_on()
            with suppress(ProcessLookupError):
                os.kill(self.first, signal.SIGTERM)
        return keeper.let_go(_LAST_WORDS if kindly else 0)

    # -- standing still -----------------------------------------------------------------------------------

    def stand_still(self) -> None:
        self._signal_all(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, word: signal.Signals) -> None:
        for pid in tuple(self._processes()):
            with suppress(ProcessLookupError):
                os.kill(pid, word)

    def _processes(self) -> Iterator[int]:
        """All that live among the guest's process numbers; a visitor's shell does not."""
        with suppress(OSError):
            own = os.stat(f"/proc/{self.first}/ns/pid").st_ino
            for entry in os.listdir("/proc"):
                if entry.isdigit():
                    with suppress(OSError):
                        if os.stat(f"/proc/{entry}/ns/pid").st_ino == own:
                            yield int(entry)


class Guests:
    """Those of a lab, by name."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._made = 0
        self._here: dict[DomainName, tuple[Guest, Keeper]] = {}

    def __contains__(self, name: DomainName) -> bool:
        return name in self._here

    def __getitem__(self, name: DomainName) -> Guest:
        return self._here[name][0]

    async def start(self, plan: HostPlan, gone: Callable[[], None]) -> Guest:
        """See `Guest.start`; `gone` is called when it has ended by itself."""
        loop = asyncio.get_running_loop()
        self._made += 1
        guest = Guest(plan, self._made, self._home)
        work = loop.run_in_executor(None, guest.start)
        try:
            keeper = await asyncio.shield(work)
        except asyncio.CancelledError:
            guest.is_wanted = False
            await asyncio.wait([work])
            raise
        self._here[plan.name] = guest, keeper
        loop.add_reader(keeper, gone)
        return guest

    async def end(self, name: DomainName, kindly: bool = True) -> None:
        if name in self._here:
            guest, keeper = self._here.pop(name)
            loop = asyncio.get_running_loop()
            loop.remove_reader(keeper)
            await loop.run_in_executor(None, guest.end, kindly)


def _pass_on() -> None:
    """Let the lab's network carry packets from one cable to another, which no way out has a part in."""
    for switch in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        with suppress(OSError):  # where /proc/sys cannot be written it is as it is
            Path("/proc/sys/net", switch).write_text("1")


def is_program(plan: HostPlan) -> bool:
    """Whether a program of the user's own runs there, and the machine's own files will do for it."""
    return bool(plan.command) and not (plan.image or plan.software)


def _refusal(name: str, number: int) -> MachineSaidNo:
    why = os.strerror(number).lower() if number else "it ended before it began"
    return MachineSaidNo(
        f"{name}: this machine gives a program no network of its own ({why})",
        remedy="In a container it has one:  lab up --fabric docker",
        code="H017",
    )
