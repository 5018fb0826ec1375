"""The last words of a connection take the same way as its octets: late, or not at all."""

from __future__ import annotations

import asyncio

from lab.fabric.breakage import Cut
from lab.topology.plan import Link
from tests.fabric.parity import Net, case


@case
async def test_goodbye_takes_the_latency(net: Net) -> None:
    ann, bob = await net.pair()
    net.link(100)
    began = net.now
    ann.transport.close()
    await bob.until(lambda ear: ear.eof)
    assert 0.1 <= net.now - began < 0.15


@case
async def test_a_reset_takes_the_latency(net: Net) -> None:
    ann, bob = await net.pair()
    net.link(100)
    began = net.now
    ann.transport.abort()
    assert isinstance(await bob.lost, ConnectionResetError)
    assert 0.1 <= net.now - began < 0.15


@case
async def test_who_closes_has_left_though_the_goodbye_is_under_way(net: Net) -> None:
    ann, _ = await net.pair()
    net.link(1000)
    began = net.now
    ann.transport.write(b"last words")
    ann.transport.close()
    assert await ann.lost is None
    assert net.now - began < 0.5


@case
async def test_goodbye_does_not_pass_a_cut_before_it_is_mended(net: Net) -> None:
    ann, bob = await net.pair()
    net.fabric.cut(Cut.between(["ann.test"], ["bob.test"]))
    ann.transport.close()
    await asyncio.sleep(60)
    assert not bob.eof
    net.fabric.mend()
    await bob.until(lambda ear: ear.eof)


@case
async def test_a_reset_that_meets_a_cut_is_never_heard(net: Net) -> None:
    ann, bob = await net.pair()
    net.fabric.cut(Cut.between(["ann.test"], ["bob.test"]))
    ann.transport.abort()
    net.fabric.mend()
    await asyncio.sleep(60)
    assert not bob.lost.done()


@case
async def test_octets_and_goodbye_wait_for_the_mend_together(net: Net) -> None:
    ann, bob = await net.pair()
    net.fabric.cut(Cut.between(["ann.test"], ["bob.test"]))
    ann.transport.write(b"one, ")
    ann.transport.write(b"two")
    ann.transport.close()
    await asyncio.sleep(5)
    net.fabric.mend()
    await bob.until(lambda ear: ear.eof)
    assert bob.heard == b"one, two"


@case
async def test_a_big_write_before_close_arrives_whole_over_a_slow_link(net: Net) -> None:
    ann, bob = await net.pair()
    net.fabric.connect("ann.test", "bob.test", Link(bandwidth=8_000_000))
    ann.transport.write(bytes(3_000_000))
    ann.transport.close()
    await bob.until(lambda ear: ear.eof)
    assert len(bob.heard) == 3_000_000
