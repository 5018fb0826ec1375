"""A program of the user's own in a host's place, on the local fabric: what its peers and its keeper see of it."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lab.boot import boot
from lab.clock import WarpedTime
from lab.errors import MachineSaidNo
from lab.events import FaultApplied, FaultLifted
from lab.fabric.breakage import Cut
from lab.fabric.faults import Crash, Down, Paused, Silent, Unreachable
from lab.fabric.local import LocalFabric
from lab.fabric.loop import LabLoop
from lab.fabric.tap import Frame
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan, MailPlan
from tests.fabric.forked import in_namespace

OURS, OTHERS, STUDENT = DomainName("mail.be"), DomainName("mta.be"), DomainName("student")
ADDRESS = {OURS: "198.18.2.25", OTHERS: "198.18.4.25", STUDENT: "198.18.9.9"}
SIX = "2001:db8:4::25"
RANGES = ("198.18.0.0/15", "2001:db8::/32")

GREETER = """\
import os, signal, socket, sys

def last_word(*_):
    print("goodbye", flush=True)
    os._exit(0)

signal.signal(signal.SIGTERM, last_word)
if "dial" in sys.argv:
    try:
        print(socket.create_connection((sys.argv[2], 25), 1).recv(100).decode().strip(), flush=True)
    except OSError:
        print("no way", flush=True)
server = socket.create_server(("::", 25), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    caller, (address, *_) = server.accept()
    caller.sendall(f"220 {os.getppid()} {address}\\r\\n".encode())
    if caller.recv(10) == b"DIE":
        sys.exit("died")
    caller.close()
"""
"""It greets with the number of its parent process and the caller's address."""

Case = Callable[[LocalFabric], Awaitable[None]]


async def greeting(fabric: LocalFabric, source: DomainName = OURS, to: str = ADDRESS[OTHERS]) -> str:
    """What the program says to a host of the lab's own, or how it comes that it says nothing."""

    async def ask() -> str:
        try:
            reader, writer = await asyncio.open_connection(to, 25)
        except OSError as error:
            return errno.errorcode[error.errno]
        with suppress(TimeoutError):
            line = await asyncio.wait_for(reader.readline(), 2)
            writer.close()
            return line.decode()
        writer.close()
        return "mute"

    return str(await fabric.hosts[source].spawn(ask()))


def read(file: str) -> str:
    return Path(file).read_text()


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def write_greeter(folder: str) -> None:
    Path(folder, "greeter.py").write_text(GREETER)


def told(fabric: LocalFabric) -> list[str]:
    events = (entry.event for entry in fabric.log)
    return [
        f"{'+' if isinstance(event, FaultApplied) else '-'}{event.fault}"
        for event in events
        if isinstance(event, FaultApplied | FaultLifted)
    ]


# -- the cases ----------------------------------------------------------------------------------------------


async def it_listens_everywhere_and_sees_who_calls(fabric: LocalFabric) -> None:
    assert await greeting(fabric) == f"220 1 ::ffff:{ADDRESS[OURS]}\r\n"


async def it_has_its_ipv6_address_too(fabric: LocalFabric) -> None:
    assert (await greeting(fabric, STUDENT, SIX)).endswith("2001:db8:9::9\r\n")


async def nothing_but_the_lab_is_reached_from_there(fabric: LocalFabric) -> None:
    (_, *lines) = read(f"/proc/{fabric._guests[OTHERS].first}/net/route").splitlines()
    assert [line.split()[:2] for line in lines] == [["eth0", "000012C6"]]  # 198.18.0.0, in the machine's order


async def what_one_guest_sends_another_is_passed_on(fabric: LocalFabric) -> None:
    assert read("/proc/sys/net/ipv4/ip_forward") == "1\n"
    assert read("/proc/sys/net/ipv6/conf/all/forwarding") == "1\n"


async def down_it_has_a_last_word_and_refuses(fabric: LocalFabric) -> None:
    guest = fabric._guests[OTHERS]
    await fabric.fail(OTHERS, Down())
    assert guest.said.read_text() == "goodbye\n"
    assert await greeting(fabric) == "ECONNREFUSED"
    await fabric.heal(OTHERS)
    assert "220" in await greeting(fabric)


async def a_crash_leaves_it_none(fabric: LocalFabric) -> None:
    guest = fabric._guests[OTHERS]
    await fabric.fail(OTHERS, Crash())
    assert guest.said.read_text() == ""
    assert not lives(guest.first)


async def paused_it_is_connected_and_mute(fabric: LocalFabric) -> None:
    await fabric.fail(OTHERS, Paused())
    assert await greeting(fabric) == "mute"
    await fabric.heal(OTHERS)
    assert "220" in await greeting(fabric)


async def a_paused_one_can_go_down(fabric: LocalFabric) -> None:
    await fabric.fail(OTHERS, Paused())
    await fabric.fail(OTHERS, Down())
    assert await greeting(fabric) == "ECONNREFUSED"


async def unreachable_it_is_so_for_all(fabric: LocalFabric) -> None:
    await fabric.fail(OTHERS, Unreachable())
    assert await greeting(fabric) == "EHOSTUNREACH"
    await fabric.heal(OTHERS)
    assert "220" in await greeting(fabric)


async def one_that_ends_by_itself_is_gone_until_it_is_brought_back(fabric: LocalFabric) -> None:
    async def hang_up() -> None:
        _, writer = await asyncio.open_connection(ADDRESS[OTHERS], 25)
        writer.write(b"DIE")

    gone = asyncio.Event()
    fabric.log.subscribe(lambda entry: gone.set() if isinstance(entry.event, FaultApplied) else None)
    await fabric.hosts[OURS].spawn(hang_up())
    await gone.wait()
    await asyncio.sleep(0)
    assert await greeting(fabric) == "EHOSTUNREACH"
    await fabric.restore(OTHERS)
    assert "220" in await greeting(fabric)
    assert told(fabric) == ["+gone", "-gone"]


async def its_packets_are_shown(fabric: LocalFabric) -> None:
    seen: list[Frame] = []
    stop = fabric.tap(seen.append)
    await greeting(fabric)
    await fabric.see_all()
    stop()
    assert {(frame.host, frame.sent) for frame in seen if b"220 1" in frame.octets} == {
        (OTHERS, True),
        (OURS, False),
    }


CASES = [
    it_listens_everywhere_and_sees_who_calls,
    it_has_its_ipv6_address_too,
    nothing_but_the_lab_is_reached_from_there,
    what_one_guest_sends_another_is_passed_on,
    down_it_has_a_last_word_and_refuses,
    a_crash_leaves_it_none,
    paused_it_is_connected_and_mute,
    a_paused_one_can_go_down,
    unreachable_it_is_so_for_all,
    one_that_ends_by_itself_is_gone_until_it_is_brought_back,
    its_packets_are_shown,
]


# -- how they are played ------------------------------------------------------------------------------------


def plans(command: tuple[str, ...]) -> list[HostPlan]:
    return [
        HostPlan(OURS, (Address(ADDRESS[OURS]),)),
        HostPlan(OTHERS, (Address(ADDRESS[OTHERS]), Address(SIX)), mail=MailPlan(), command=command),
        HostPlan(STUDENT, (Address(ADDRESS[STUDENT]), Address("2001:db8:9::9"))),
    ]


def play(case: Case, *arguments: str) -> None:
    """On a fabric with a program of one's own beside a host and the student."""
    command = (sys.executable, "greeter.py", *arguments)

    async def whole() -> None:
        with tempfile.TemporaryDirectory() as folder:
            write_greeter(folder)
            fabric = LocalFabric(RANGES, boot({}), root=Path(folder), at=Path(folder))
            for plan in plans(command):
                fabric.add(plan)
            await fabric.up()
            first = fabric._guests[OTHERS].first
            try:
                await asyncio.wait_for(case(fabric), 60)
            finally:
                await fabric.down()
            assert fabric.crashes == []
            assert not lives(first)

    with asyncio.Runner(loop_factory=lambda: LabLoop(WarpedTime())) as runner:
        runner.run(whole())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_guest(case: Case) -> None:
    in_namespace(lambda: play(case))


def test_an_ordinary_user_has_guests_too() -> None:
    if os.geteuid() == 0 and not all(os.stat(each).st_mode & 1 for each in Path(sys.executable).resolve().parents):
        pytest.skip("NO ORDINARY USER CAN RUN THIS PYTHON: it lies in a folder that only root may enter")
    in_namespace(lambda: play(it_listens_everywhere_and_sees_who_calls), "ordinary")


def serve(greet: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
    def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greet)

    return answer


BREAKAGES: dict[str, Callable[[LocalFabric], object]] = {
    "": lambda fabric: None,
    "cut": lambda fabric: fabric.cut(Cut((OURS,), (OTHERS,))),
    "silent": lambda fabric: fabric.hosts[OURS].faults.apply(Silent()),
    "unreachable": lambda fabric: fabric.hosts[OTHERS].faults.apply(Unreachable()),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_what_a_guest_dials_is_ruled_by_the_lab(breakage: str) -> None:
    """It dials our host as it starts; where that is cut off or silent, its SYN is lost."""

    async def start(host: Any) -> None:
        if host.name == OURS:
            await asyncio.start_server(serve(b"dialled\r\n"), "0.0.0.0", 25)

    async def whole() -> str:
        with tempfile.TemporaryDirectory() as folder:
            write_greeter(folder)
            fabric = LocalFabric(RANGES, start, root=Path(folder), at=Path(folder))
            for plan in plans((sys.executable, "greeter.py", "dial", ADDRESS[OURS])):
                fabric.add(plan)
            BREAKAGES[breakage](fabric)
            await fabric.up()
            said = fabric._guests[OTHERS].said.read_text()
            await fabric.down()
            return said

    def inside() -> None:
        with asyncio.Runner(loop_factory=lambda: LabLoop(WarpedTime())) as runner:
            assert runner.run(whole()) == ("no way\n" if breakage else "dialled\n")

    in_namespace(inside)


@pytest.mark.parametrize(
    ("command", "status", "word"),
    [
        (("sh", "-c", "echo no such option >&2; exit 3"), 3, "no such option"),
        (("there-is-no-such-program",), 127, "there is no program 'there-is-no-such-program'"),
        (("/",), 126, "'/' cannot be started: permission denied"),
        (("true",), 0, "It said nothing."),
    ],
)
def test_one_that_ends_at_once_is_told_with_its_last_words(
    command: tuple[str, ...], status: int, word: str
) -> None:
    async def whole() -> None:
        with tempfile.TemporaryDirectory() as folder:
            fabric = LocalFabric(RANGES, boot({}), root=Path(folder), at=Path(folder))
            for plan in plans(command):
                fabric.add(plan)
            with pytest.raises(MachineSaidNo) as caught:
                await fabric.up()
            assert caught.value.code == "H045"
            assert caught.value.sentence == f"mta.be: what runs there ended at once, with status {status}"
            assert word in caught.value.remedy

    def inside() -> None:
        with asyncio.Runner(loop_factory=lambda: LabLoop(WarpedTime())) as runner:
            runner.run(whole())

    in_namespace(inside)


def test_it_does_not_outlive_a_lab_that_is_killed() -> None:
    reader, writer = os.pipe()

    async def killed(fabric: LocalFabric) -> None:
        os.write(writer, str(fabric._guests[OTHERS].first).encode())
        os._exit(0)

    in_namespace(lambda: play(killed))
    os.close(writer)
    first = int(os.read(reader, 20))
    os.close(reader)
    until = time.monotonic() + 10
    while lives(first):
        assert time.monotonic() < until
        time.sleep(0.01)
