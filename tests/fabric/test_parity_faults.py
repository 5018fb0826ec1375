"""The table of `lab.fabric.faults`: what each fault looks like, cell by cell."""

from __future__ import annotations

import asyncio
import errno
from random import Random

import pytest

from lab.fabric.breakage import Cut
from lab.fabric.faults import Down, Fault, Paused, Silent, Sometimes, Unreachable
from lab.names import DomainName
from tests.fabric.parity import ANN, BOB, Ear, Net, Stand, UdpEar, case, until


@case
async def test_down_refuses_new_connections(net: Net) -> None:
    await net.serve("bob", 25, Ear)
    await net.fail("bob", Down())
    with pytest.raises(ConnectionRefusedError):
        await net.dial("ann", BOB, 25)


@case
async def test_down_resets_open_connections(net: Net) -> None:
    ann, _ = await net.pair()
    await net.fail("bob", Down())
    assert isinstance(await ann.lost, ConnectionResetError)


@case
async def test_down_refuses_datagrams(net: Net) -> None:
    await net.udp("bob", local_addr=(BOB, 53))
    ann = await net.udp("ann", remote_addr=(BOB, 53))
    await net.fail("bob", Down())
    ann.transport.sendto(b"anyone?")
    assert isinstance(await ann.errors.get(), ConnectionRefusedError)


@case
async def test_down_stops_the_hosts_programs(net: Net) -> None:
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            ticks.append(net.now)
            await asyncio.sleep(1)

    bob = net.host("bob")
    task = bob.spawn(tick())
    await asyncio.sleep(3)
    await net.fail("bob", Down())
    heard = len(ticks)
    await asyncio.sleep(10)
    assert len(ticks) == heard
    assert task.cancelled()


@case
async def test_healed_the_disk_is_still_there(net: Net) -> None:
    bob = net.host("bob")
    bob.disk.write("spool/1", b"a letter")
    await bob.disk.sync("spool/1")
    await net.fail("bob", Down())
    await net.heal("bob")
    assert bob.disk.read("spool/1") == b"a letter"
    await net.serve("bob", 25, Ear)
    await net.dial("ann", BOB, 25)


@case
async def test_unreachable_fails_at_once(net: Net) -> None:
    await net.serve("bob", 25, Ear)
    await net.fail("bob", Unreachable())
    began = net.now
    with pytest.raises(OSError, match=r"No route to host") as failure:
        await net.dial("ann", BOB, 25)
    assert failure.value.errno == errno.EHOSTUNREACH
    assert net.now - began < 1


@case
async def test_unreachable_cuts_off_both_ways(net: Net) -> None:
    await net.serve("ann", 25, Ear)
    await net.fail("bob", Unreachable())
    with pytest.raises(OSError, match=r"No route to host"):
        await net.dial("bob", ANN, 25)


@case
async def test_silent_times_out(net: Net) -> None:
    await net.serve("bob", 25, Ear)
    await net.fail("bob", Silent())
    began = net.now
    with pytest.raises(TimeoutError) as failure:
        await net.dial("ann", BOB, 25)
    assert failure.value.errno == errno.ETIMEDOUT
    assert 120 < net.now - began < 135


@case
async def test_the_callers_own_patience_comes_first(net: Net) -> None:
    await net.fail("bob", Silent())
    began = net.now
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(30):
            await net.dial("ann", BOB, 25)
    assert 30 <= net.now - began < 32


@case
async def test_healed_in_time_a_connection_comes_about(net: Net) -> None:
    await net.serve("bob", 25, Ear)
    await net.fail("bob", Silent())
    dialling = asyncio.ensure_future(net.dial("ann", BOB, 25))
    await asyncio.sleep(10)
    await net.heal("bob")
    await dialling


@case
async def test_silent_hangs_open_connections_until_healed(net: Net) -> None:
    ann, bob = await net.pair()
    await net.fail("bob", Silent())
    ann.transport.write(b"hello?")
    await asyncio.sleep(60)
    assert bob.heard == b""
    assert not ann.lost.done()
    await net.heal("bob")
    await bob.until(lambda ear: ear.heard == b"hello?")


@case
async def test_unreachable_hangs_open_connections_until_healed(net: Net) -> None:
    ann, bob = await net.pair()
    await net.fail("bob", Unreachable())
    bob.transport.write(b"hello?")
    await asyncio.sleep(60)
    assert ann.heard == b""
    assert not bob.lost.done()
    await net.heal("bob")
    await ann.until(lambda ear: ear.heard == b"hello?")


@case
async def test_silent_loses_datagrams(net: Net) -> None:
    bob = await net.udp("bob", local_addr=(BOB, 53))
    ann = await net.udp("ann", remote_addr=(BOB, 53))
    await net.fail("bob", Silent())
    ann.transport.sendto(b"anyone?")
    await asyncio.sleep(1)
    assert bob.heard.empty()
    assert ann.errors.empty()


@case
async def test_a_silent_hosts_programs_run_on(net: Net) -> None:
    await net.serve("bob", 25, Ear)
    await net.fail("bob", Silent())
    await net.dial("bob", BOB, 25)


@case
async def test_paused_opens_and_then_is_silent(net: Net) -> None:
    ears: list[Ear] = []

    def accept() -> Ear:
        ears.append(Ear())
        return ears[-1]

    await net.serve("bob", 25, accept)
    await net.fail("bob", Paused())
    ann = await net.dial("ann", BOB, 25)
    ann.transport.write(b"good morning")
    await asyncio.sleep(60)
    assert not ears
    await net.heal("bob")
    await until(lambda: bool(ears))
    await ears[0].until(lambda ear: ear.heard == b"good morning")


@case
async def test_paused_hangs_open_connections(net: Net) -> None:
    ann, bob = await net.pair()
    await net.fail("bob", Paused())
    ann.transport.write(b"hello?")
    await asyncio.sleep(60)
    assert bob.heard == b""
    assert not ann.lost.done()
    await net.heal("bob")
    await bob.until(lambda ear: ear.heard == b"hello?")


@case
async def test_paused_loses_datagrams(net: Net) -> None:
    bob = await net.udp("bob", UdpEar(echoes=True), local_addr=(BOB, 53))
    ann = await net.udp("ann", remote_addr=(BOB, 53))
    await net.fail("bob", Paused())
    ann.transport.sendto(b"anyone?")
    await asyncio.sleep(1)
    await net.heal("bob")
    await asyncio.sleep(1)
    assert bob.heard.empty()
    assert ann.errors.empty()


@case
async def test_a_paused_hosts_programs_stand_still(net: Net) -> None:
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            ticks.append(net.now)
            await asyncio.sleep(1)

    bob = net.host("bob")
    bob.spawn(tick())
    await asyncio.sleep(3)
    await net.fail("bob", Paused())
    heard = len(ticks)
    await asyncio.sleep(60)
    assert len(ticks) == heard
    await net.heal("bob")
    await asyncio.sleep(3)
    assert len(ticks) > heard


@case
async def test_the_keeper_can_look_into_a_paused_host(net: Net) -> None:
    async def answer(request: dict[str, object]) -> dict[str, object]:
        await asyncio.sleep(0.01)
        return {"you asked": request["what"]}

    bob = net.host("bob")
    bob.console["queue"] = answer
    await net.fail("bob", Paused())
    assert await net.fabric.ask(bob.name, "queue", {"what": "queue"}) == {"you asked": "queue"}


@case
async def test_a_cut_hangs_both_sides(net: Net) -> None:
    ann, bob = await net.pair()
    await net.serve("bob", 26, Ear)
    net.fabric.cut(Cut.between(["north"], ["south"]))
    bob.transport.write(b"hello?")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(30):
            await net.dial("ann", BOB, 26)
    assert ann.heard == b""
    net.fabric.mend()
    await ann.until(lambda ear: ear.heard == b"hello?")
    await net.dial("ann", BOB, 26)


@case
async def test_a_cut_leaves_the_others_alone(net: Net) -> None:
    await net.serve("bob", 25, Ear)
    net.fabric.cut(Cut.between(["ann.test"], ["*"]))
    await net.dial("cas", BOB, 25)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(30):
            await net.dial("ann", BOB, 25)


@case
async def test_a_connection_cut_for_long_times_out(net: Net) -> None:
    ann, _ = await net.pair()
    net.fabric.cut(Cut.between(["north"], ["south"]))
    ann.transport.write(b"hello?")
    began = net.now
    error = await ann.lost
    assert isinstance(error, TimeoutError)
    assert 800 < net.now - began < 1100


ONE_WAY = Cut(("north",), ("south",), one_way=True)


@case
async def test_of_a_cut_of_one_way_only_that_way_is_lost(net: Net) -> None:
    ann, bob = await net.pair()
    net.fabric.cut(ONE_WAY)
    ann.transport.write(b"lost")
    bob.transport.write(b"heard")
    await ann.until(lambda ear: ear.heard == b"heard")
    assert bob.heard == b""
    net.fabric.join(ONE_WAY)
    await bob.until(lambda ear: ear.heard == b"lost")


@case
async def test_nobody_connects_over_a_cut_of_one_way(net: Net) -> None:
    """From one side the SYN is lost, from the other its answer; no program hears of either."""
    heard: list[Ear] = []

    def accept() -> Ear:
        heard.append(Ear())
        return heard[-1]

    await net.serve("ann", 25, accept)
    await net.serve("bob", 25, accept)
    net.fabric.cut(ONE_WAY)
    for host, address in (("ann", BOB), ("bob", ANN)):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await net.dial(host, address, 25)
    assert heard == []
    net.fabric.mend()
    await net.dial("bob", ANN, 25)


@case
async def test_a_question_comes_over_a_cut_of_one_way_and_its_answer_does_not(net: Net) -> None:
    ann = await net.udp("ann", UdpEar(echoes=True), local_addr=(ANN, 53))
    bob = await net.udp("bob", remote_addr=(ANN, 53))
    net.fabric.cut(ONE_WAY)
    bob.transport.sendto(b"?")
    await ann.heard.get()
    await asyncio.sleep(5)
    assert bob.heard.empty()
    net.fabric.mend()
    bob.transport.sendto(b"?")
    await bob.heard.get()


@case
async def test_one_cut_of_several_is_joined_alone(net: Net) -> None:
    await net.serve("bob", 25, Ear)
    whole = Cut(("ann.test",), ("*",))
    net.fabric.cut(whole)
    net.fabric.cut(ONE_WAY)
    net.fabric.join(ONE_WAY)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(30):
            await net.dial("ann", BOB, 25)
    net.fabric.join(whole)
    await net.dial("ann", BOB, 25)


@case
async def test_one_fault_of_several_is_lifted_alone(net: Net) -> None:
    await net.serve("bob", 25, Ear)
    await net.fail("bob", Silent())
    await net.fail("bob", Paused())
    await net.fabric.lift(DomainName("bob.test"), Silent())
    ann = await net.dial("ann", BOB, 25)
    assert net.host("bob").faults.now == [Paused()]
    await net.fabric.lift(DomainName("bob.test"), Paused())
    assert ann.heard == b""


async def _met(net: Net, times: int) -> list[bool]:
    """Which of so many connections from ann to bob came about."""
    met = []
    for _ in range(times):
        try:
            async with asyncio.timeout(200):
                ann = await net.dial("ann", BOB, 25)
        except OSError:
            met.append(False)
        else:
            ann.transport.abort()
            met.append(True)
    return met


@pytest.mark.parametrize("kind", [Down(), Unreachable(), Silent()], ids=str)
def test_a_fault_by_chance_strikes_some_connections_and_none_that_is_open(stand: Stand, kind: Fault) -> None:
    async def play(net: Net) -> None:
        ann, bob = await net.pair()
        await net.fail("bob", Sometimes(kind, 0.5))
        met = await _met(net, 24)
        assert 4 < sum(met) < 20
        bob.transport.write(b"still here")
        await ann.until(lambda ear: ear.heard == b"still here")
        await net.heal("bob")
        assert all(await _met(net, 8))

    stand(play)


@case
async def test_a_cut_by_chance_loses_some_questions(net: Net) -> None:
    bob = await net.udp("bob", local_addr=(BOB, 53))
    ann = await net.udp("ann", remote_addr=(BOB, 53))
    net.fabric.cut(Cut(("north",), ("south",), share=0.25))
    for number in range(200):
        ann.transport.sendto(b"%d" % number)
    await asyncio.sleep(1)
    assert 110 < bob.heard.qsize() < 190


@case
async def test_the_same_seed_has_the_same_luck_on_every_fabric(net: Net) -> None:
    await net.serve("bob", 25, Ear)
    await net.fail("bob", Sometimes(Down(), 0.5))
    luck = Random("1:chance:ann.test>bob.test")
    assert await _met(net, 20) == [luck.random() >= 0.5 for _ in range(20)]
