"""Datagrams: whole, or not at all."""

from __future__ import annotations

import asyncio
import errno

import pytest

from lab.fabric.faults import Unreachable
from tests.fabric.parity import ANN, BOB, BOB2, NOBODY, Net, UdpEar, case


@case
async def test_a_datagram_arrives_whole_with_its_sender(net: Net) -> None:
    bob = await net.udp("bob", local_addr=(BOB, 53))
    ann = await net.udp("ann", local_addr=(ANN, 5353))
    ann.transport.sendto(b"x" * 1400, (BOB, 53))
    ann.transport.sendto(b"second", (BOB, 53))
    assert await bob.heard.get() == (b"x" * 1400, (ANN, 5353))
    assert await bob.heard.get() == (b"second", (ANN, 5353))


@case
async def test_a_connected_socket_hears_its_peer(net: Net) -> None:
    await net.udp("bob", UdpEar(echoes=True), local_addr=(BOB, 53))
    ann = await net.udp("ann", remote_addr=(BOB, 53))
    ann.transport.sendto(b"echo")
    assert await ann.heard.get() == (b"echo", (BOB, 53))
    assert ann.transport.get_extra_info("peername") == (BOB, 53)


@case
async def test_a_connected_socket_hears_nobody_else(net: Net) -> None:
    await net.udp("bob", local_addr=(BOB, 53))
    ann = await net.udp("ann", local_addr=(ANN, 5353), remote_addr=(BOB, 53))
    cas = await net.udp("cas", local_addr=("", 53))
    cas.transport.sendto(b"spoof", (ANN, 5353))
    await asyncio.sleep(1)
    assert ann.heard.empty()


@case
async def test_a_connected_socket_hears_that_nobody_listens(net: Net) -> None:
    ann = await net.udp("ann", remote_addr=(BOB, 53))
    ann.transport.sendto(b"anyone?")
    assert isinstance(await ann.errors.get(), ConnectionRefusedError)


@case
async def test_an_unconnected_socket_hears_nothing_of_it(net: Net) -> None:
    ann = await net.udp("ann", local_addr=(ANN, 0))
    ann.transport.sendto(b"anyone?", (BOB, 53))
    await asyncio.sleep(1)
    assert ann.errors.empty()


@case
async def test_a_host_answers_from_the_address_it_was_asked_at(net: Net) -> None:
    await net.udp("bob", UdpEar(echoes=True), local_addr=("", 53))
    ann = await net.udp("ann", local_addr=(ANN, 0))
    for address in (BOB2, BOB):
        ann.transport.sendto(b"who?", (address, 53))
        assert await ann.heard.get() == (b"who?", (address, 53))


@case
async def test_a_datagram_port_has_one_owner(net: Net) -> None:
    await net.udp("bob", local_addr=(BOB, 53))
    with pytest.raises(OSError, match=r"in use"):
        await net.udp("bob", local_addr=(BOB, 53))


@case
async def test_datagrams_and_streams_have_ports_apart(net: Net) -> None:
    await net.udp("bob", local_addr=(BOB, 53))
    await net.serve("bob", 53, asyncio.Protocol)


@case
async def test_a_closed_socket_gives_its_port_back(net: Net) -> None:
    bob = await net.udp("bob", local_addr=(BOB, 53))
    bob.transport.close()
    await asyncio.sleep(0.01)
    assert bob.lost
    await net.udp("bob", local_addr=(BOB, 53))


@case
async def test_two_sockets_get_two_ports(net: Net) -> None:
    await net.udp("bob", UdpEar(echoes=True), local_addr=(BOB, 53))
    ears = [await net.udp("ann", remote_addr=(BOB, 53)) for _ in range(20)]
    for number, ear in enumerate(ears):
        ear.transport.sendto(b"%d" % number)
    for number, ear in enumerate(ears):
        assert (await ear.heard.get())[0] == b"%d" % number
    assert len({ear.transport.get_extra_info("sockname")[1] for ear in ears}) == 20


@case
async def test_a_datagram_can_be_too_big(net: Net) -> None:
    ann = await net.udp("ann", local_addr=(ANN, 0))
    ann.transport.sendto(b"x" * 65508, (BOB, 53))
    error = await ann.errors.get()
    assert isinstance(error, OSError)
    assert error.errno == errno.EMSGSIZE


@case
async def test_nothing_is_sent_out_of_the_lab(net: Net) -> None:
    ann = await net.udp("ann", local_addr=(ANN, 0))
    ann.transport.sendto(b"hello world", ("192.0.2.53", 53))
    error = await ann.errors.get()
    assert isinstance(error, OSError)
    assert error.errno == errno.ENETUNREACH


@case
async def test_a_connected_socket_hears_that_there_is_no_host(net: Net) -> None:
    ann = await net.udp("ann", remote_addr=(NOBODY, 53))
    ann.transport.sendto(b"anyone?")
    error = await ann.errors.get()
    assert isinstance(error, OSError)
    assert error.errno == errno.EHOSTUNREACH


@case
async def test_a_connected_socket_hears_of_an_unreachable_host(net: Net) -> None:
    await net.udp("bob", local_addr=(BOB, 53))
    ann = await net.udp("ann", remote_addr=(BOB, 53))
    await net.fail("bob", Unreachable())
    ann.transport.sendto(b"anyone?")
    error = await ann.errors.get()
    assert isinstance(error, OSError)
    assert error.errno == errno.EHOSTUNREACH
