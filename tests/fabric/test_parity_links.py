"""Links: what latency, loss and bandwidth look like."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from lab.topology.plan import Link
from tests.fabric.parity import BOB, CAS, Ear, Net, UdpEar, case


@case
async def test_a_connection_takes_one_round_trip(net: Net) -> None:
    net.link(100)
    await net.serve("bob", 25, Ear)
    began = net.now
    await net.dial("ann", BOB, 25)
    assert 0.2 <= net.now - began < 0.25


@case
async def test_octets_take_the_latency_once(net: Net) -> None:
    net.link(100)
    ann, bob = await net.pair()
    began = net.now
    ann.transport.write(b"on my way")
    await bob.until(lambda ear: ear.heard == b"on my way")
    assert 0.1 <= net.now - began < 0.15


@case
async def test_goodbye_stays_behind_the_octets(net: Net) -> None:
    net.link(100)
    ann, bob = await net.pair()
    ann.transport.write(b"last words")
    ann.transport.close()
    assert await bob.lost is None
    assert bob.heard == b"last words"


@case
async def test_a_datagram_takes_the_latency(net: Net) -> None:
    net.link(100)
    await net.udp("bob", UdpEar(echoes=True), local_addr=(BOB, 53))
    ann = await net.udp("ann", remote_addr=(BOB, 53))
    began = net.now
    ann.transport.sendto(b"question")
    await ann.heard.get()
    assert 0.2 <= net.now - began < 0.25


@case
async def test_a_host_reaches_itself_without_delay(net: Net) -> None:
    net.fabric.connect("*", "*", Link(latency=timedelta(seconds=1)))
    await net.serve("bob", 25, Ear)
    began = net.now
    await net.dial("bob", BOB, 25)
    assert net.now - began < 0.5


@case
async def test_the_more_exact_link_counts(net: Net) -> None:
    net.fabric.connect("*", "*", Link(latency=timedelta(seconds=2)))
    net.fabric.connect("north", "south", Link(latency=timedelta(milliseconds=500)))
    net.link(50)
    await net.serve("bob", 25, Ear)
    await net.serve("cas", 25, Ear)
    began = net.now
    await net.dial("ann", BOB, 25)
    assert net.now - began < 0.2
    began = net.now
    await net.dial("ann", CAS, 25)
    assert 1 <= net.now - began < 1.2


@case
async def test_bandwidth_makes_big_things_slow(net: Net) -> None:
    net.link(0, bandwidth=8_000_000)
    ann, bob = await net.pair()
    began = net.now
    ann.transport.write(b"x" * 2_000_000)
    await bob.until(lambda ear: len(ear.heard) == 2_000_000)
    assert 1.99 < net.now - began < 2.5


@case
async def test_loss_delays_a_stream_and_breaks_nothing(net: Net) -> None:
    net.link(10, loss=0.3)
    ann, bob = await net.pair()
    for number in range(200):
        ann.transport.write(b"%03d" % number)
    await bob.until(lambda ear: len(ear.heard) == 600)
    assert bob.heard == b"".join(b"%03d" % number for number in range(200))


@case
async def test_lost_datagrams_stay_lost(net: Net) -> None:
    net.link(10, loss=0.5)
    bob = await net.udp("bob", local_addr=(BOB, 53))
    ann = await net.udp("ann", remote_addr=(BOB, 53))
    for number in range(400):
        ann.transport.sendto(b"%d" % number)
    await asyncio.sleep(1)
    assert 120 < bob.heard.qsize() < 280


@case
async def test_jitter_keeps_a_streams_order(net: Net) -> None:
    net.link(10, jitter=timedelta(milliseconds=50))
    ann, bob = await net.pair()
    for number in range(100):
        ann.transport.write(b"%02d" % number)
    await bob.until(lambda ear: len(ear.heard) == 200)
    assert bob.heard == b"".join(b"%02d" % number for number in range(100))
