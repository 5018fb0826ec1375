"""The simulated fabric: one seed, one story."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from lab.events import FaultApplied, FaultLifted, HostStarted, NameResolved, ProgramCrashed
from lab.fabric.base import Boot, Host
from lab.fabric.breakage import Cut
from lab.fabric.faults import DiskFull, Down, Fault, Paused
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan, Link

RANGES = ("198.18.0.0/15",)
A = DomainName("a.test")


def play(
    story: Callable[[SimFabric], Coroutine[Any, Any, Any]], boot: Boot, hosts: int = 3, seed: str = "1"
) -> Any:
    async def whole() -> Any:
        fabric = SimFabric(RANGES, boot, seed)
        for number in range(hosts):
            name = DomainName(f"{chr(97 + number)}.test")
            fabric.add(HostPlan(name, (Address(f"198.18.0.{number + 1}"),)))
        await fabric.up()
        try:
            return await story(fabric)
        finally:
            await fabric.down()

    with asyncio.Runner(loop_factory=LabLoop) as runner:
        return runner.run(whole())


async def idle(host: Host) -> None:
    """Nothing runs here."""


class Gossip(asyncio.DatagramProtocol):
    """Calls a neighbour chosen by chance, again and again, after a while chosen by chance; notes who calls."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.call_somebody()

    def call_somebody(self) -> None:
        rng = self.host.rng("gossip")
        self.transport.sendto(self.host.name.encode(), (f"198.18.0.{rng.randint(1, 3)}", 53))
        asyncio.get_running_loop().call_later(rng.random(), self.call_somebody)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.host.log(NameResolved(data.decode(), "A", "NOERROR", via=f"{addr[0]}:{addr[1]}"))


async def gossip(host: Host) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: Gossip(host), local_addr=("", 53))


async def half_a_minute(fabric: SimFabric) -> str:
    fabric.connect("*", "*", Link(timedelta(milliseconds=30), timedelta(milliseconds=20), loss=0.45))
    await fabric.advance(timedelta(seconds=30))
    assert len(fabric.log) > 50
    return fabric.log.trace_hash()


def test_one_seed_tells_one_story() -> None:
    assert play(half_a_minute, gossip) == play(half_a_minute, gossip)


def test_another_seed_tells_another_story() -> None:
    assert play(half_a_minute, gossip) != play(half_a_minute, gossip, seed="2")


async def chatter(host: Host) -> None:
    """Serves lines, and has five clients that call the others by chance."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address, port = writer.get_extra_info("peername")
        with suppress(ConnectionError):
            while line := await reader.readline():
                host.log(NameResolved(line.decode(), "A", "NOERROR", via=f"{address}:{port}"))
                writer.write(line)
        writer.close()

    async def call(rng: Random) -> None:
        while True:
            await asyncio.sleep(rng.random())
            with suppress(OSError):
                async with asyncio.timeout(5):
                    reader, writer = await asyncio.open_connection(f"198.18.0.{rng.randint(1, 3)}", 25)
                    for _ in range(3):
                        writer.write(b"hello\n")
                        await reader.readline()
                    writer.close()

    async def clients() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(call(host.rng(f"client {number}")))

    await asyncio.start_server(serve, port=25)
    host.spawn(clients())


async def bad_days(fabric: SimFabric) -> str:
    fabric.connect("*", "*", Link(timedelta(milliseconds=30), timedelta(milliseconds=20), 0.1, 100_000))
    await fabric.advance(timedelta(seconds=10))
    await fabric.fail(A, Down())
    await fabric.advance(timedelta(seconds=10))
    await fabric.heal(A)
    fabric.cut(Cut.between(["b.test"], ["*"]))
    await fabric.advance(timedelta(seconds=10))
    assert not fabric.crashes
    assert len(fabric.log) > 300
    return fabric.log.trace_hash()


def test_the_story_does_not_depend_on_the_process() -> None:
    program = "from tests.fabric.test_sim import *; print(play(bad_days, chatter))"
    stories = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(stories) == 1


def test_every_host_is_told_to_have_started() -> None:
    async def story(fabric: SimFabric) -> list[str]:
        return [entry.host for entry in fabric.log if entry.event == HostStarted()]

    assert play(story, idle) == ["a.test", "b.test", "c.test"]


def test_boots_that_wait_are_waited_for() -> None:
    async def slow(host: Host) -> None:
        await asyncio.sleep(10)

    async def story(fabric: SimFabric) -> float:
        return fabric.clock.elapsed()

    assert play(story, slow) == 10


def test_a_boot_that_fails_fails_the_lab() -> None:
    async def broken(host: Host) -> None:
        raise RuntimeError("no disk")

    with pytest.raises(RuntimeError, match=r"no disk"):
        play(idle_story, broken)


async def idle_story(fabric: SimFabric) -> None:
    """Nothing happens."""


def test_a_program_that_crashes_is_noted() -> None:
    async def story(fabric: SimFabric) -> None:
        async def crash() -> None:
            raise RuntimeError("a defect")

        fabric.hosts[A].spawn(crash(), "smtp")
        await asyncio.sleep(1)
        assert [str(error) for error in fabric.crashes] == ["a defect"]
        assert fabric.log.since()[-1].event == ProgramCrashed("smtp", "RuntimeError: a defect")

    play(story, idle)


def test_a_callback_that_crashes_is_noted_at_its_host() -> None:
    async def story(fabric: SimFabric) -> None:
        async def set_trap() -> None:
            asyncio.get_running_loop().call_later(1, int, "not a number")

        fabric.hosts[A].spawn(set_trap())
        await asyncio.sleep(2)
        assert len(fabric.crashes) == 1
        assert fabric.log.since()[-1].host == "a.test"

    play(story, idle)


def test_faults_and_their_healing_are_told() -> None:
    async def story(fabric: SimFabric) -> list[Any]:
        began = len(fabric.log)
        await fabric.fail(A, Paused())
        await fabric.fail(A, Paused())
        await fabric.fail(A, Down())
        await fabric.heal(A)
        return [entry.event for entry in fabric.log.since(began)]

    assert play(story, idle) == [
        FaultApplied("a.test", "paused"),
        FaultApplied("a.test", "down"),
        FaultLifted("a.test", "paused"),
        FaultLifted("a.test", "down"),
        HostStarted(),
    ]


def test_memory_is_lost_with_the_power_and_the_disk_is_kept() -> None:
    boots: list[str] = []

    async def boot(host: Host) -> None:
        boots.append(host.name)
        host.disk.append("boots", b"x")

    async def story(fabric: SimFabric) -> None:
        host = fabric.hosts[A]
        stream = host.rng("dice")
        host.console["queue"] = lambda request: asyncio.sleep(0, request)
        await fabric.fail(A, Down())
        assert host.console == {}
        await fabric.heal(A)
        assert host.disk.read("boots") == b"xx"
        assert host.rng("dice") is stream

    play(story, boot)
    assert boots.count("a.test") == 2


def test_timers_are_lost_with_the_power() -> None:
    rung: list[str] = []

    def ring(host: Host) -> None:
        rung.append(host.name)
        asyncio.get_running_loop().call_later(300, ring, host)

    async def boot(host: Host) -> None:
        ring(host)

    async def story(fabric: SimFabric) -> None:
        await fabric.fail(A, Down())
        await fabric.advance(timedelta(hours=1))
        assert rung.count("a.test") == 1
        assert rung.count("b.test") == 13
        await fabric.heal(A)
        await fabric.advance(timedelta(hours=1))
        assert rung.count("a.test") == 14

    play(story, boot)


def test_a_full_disk_is_a_fault_that_heals() -> None:
    async def story(fabric: SimFabric) -> None:
        disk = fabric.hosts[A].disk
        await fabric.fail(A, DiskFull())
        with pytest.raises(OSError, match=r"No space left"):
            disk.write("spool/1", b"letter")
        await fabric.heal(A)
        disk.write("spool/1", b"letter")

    play(story, idle)


def test_after_a_boot_that_failed_nothing_runs_on() -> None:
    ended: list[str] = []

    async def boot(host: Host) -> None:
        if host.name == "b.test":
            raise RuntimeError("no disk")
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(host.name)

    with pytest.raises(RuntimeError):
        play(idle_story, boot)
    assert ended == ["a.test", "c.test"]


def test_who_asks_a_host_that_goes_down_is_told() -> None:
    async def story(fabric: SimFabric) -> None:
        fabric.hosts[A].console["queue"] = lambda request: asyncio.sleep(60, request)
        asyncio.get_running_loop().call_later(1, lambda: asyncio.ensure_future(fabric.fail(A, Down())))
        await fabric.ask(A, "queue", {})

    with pytest.raises(Exception, match=r"a\.test went down before it answered"):
        play(story, idle)


def test_an_unknown_question_is_a_key_error() -> None:
    async def story(fabric: SimFabric) -> None:
        await fabric.ask(A, "weather", {})

    with pytest.raises(KeyError):
        play(story, idle)


def test_a_host_that_is_down_has_no_network_and_nothing_to_tell() -> None:
    async def story(fabric: SimFabric) -> None:
        async def die_hard(host: Host) -> None:
            try:
                await asyncio.sleep(3600)
            finally:
                host.log(NameResolved("last.words", "A", "NOERROR"))
                with pytest.raises(OSError, match=r"down"):
                    await asyncio.open_connection("198.18.0.2", 25)

        fabric.hosts[A].spawn(die_hard(fabric.hosts[A]))
        await asyncio.sleep(1)
        await fabric.fail(A, Down())
        assert not fabric.crashes
        assert fabric.log.since()[-1].event == FaultApplied("a.test", "down")

    play(story, idle)


@pytest.mark.parametrize("faults", [(Down(), Paused()), (Paused(), Down())], ids=str)
def test_a_host_that_was_stopped_and_paused_serves_once_it_is_healed(faults: tuple[Fault, ...]) -> None:
    async def story(fabric: SimFabric) -> bool:
        for fault in faults:
            await fabric.fail(A, fault)
        await fabric.heal(A)
        starts = [entry for entry in fabric.log if entry.host == A and isinstance(entry.event, HostStarted)]
        return fabric.hosts[A].up and len(starts) == 2

    assert play(story, idle)


def test_settle_ends_as_soon_as_it_is_done() -> None:
    async def story(fabric: SimFabric) -> tuple[bool, float, bool]:
        working = fabric.hosts[A].spawn(asyncio.sleep(90))
        found = await fabric.settle(working.done, timedelta(hours=1))
        return found, fabric.clock.elapsed(), await fabric.settle(lambda: False, timedelta(seconds=10))

    assert play(story, idle) == (True, 90.0, False)


def test_many_hosts_are_cheap() -> None:
    async def serve(host: Host) -> None:
        loop = asyncio.get_running_loop()
        for port in (25, 110, 143):
            await loop.create_server(asyncio.Protocol, port=port)

    async def story(fabric: SimFabric) -> int:
        return sum(1 for entry in fabric.log if entry.event == HostStarted())

    async def whole() -> int:
        fabric = SimFabric(("10.0.0.0/8",), serve)
        for n in range(5000):
            fabric.add(HostPlan(DomainName(f"h{n}.test"), (Address(f"10.0.{n >> 8}.{n & 255}"),)))
        await fabric.up()
        return await story(fabric)

    with asyncio.Runner(loop_factory=LabLoop) as runner:
        assert runner.run(whole()) == 5000
