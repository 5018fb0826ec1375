"""How connections begin, or do not."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from tests.fabric.parity import ANN, BOB, BOB2, NOBODY, Ear, Net, case, until


@case
async def test_where_nobody_listens_is_refused(net: Net) -> None:
    with pytest.raises(ConnectionRefusedError) as refusal:
        await net.dial("ann", BOB, 25)
    assert refusal.value.errno == errno.ECONNREFUSED


@case
async def test_an_address_without_host_is_unreachable(net: Net) -> None:
    with pytest.raises(OSError, match=r"No route to host") as failure:
        await net.dial("ann", NOBODY, 25)
    assert failure.value.errno == errno.EHOSTUNREACH


@case
async def test_an_address_outside_the_lab_is_never_dialled(net: Net) -> None:
    with pytest.raises(OSError, match=r"unreachable") as failure:
        await net.dial("ann", "192.0.2.1", 25)
    assert failure.value.errno == errno.ENETUNREACH


@case
async def test_a_name_is_not_looked_up(net: Net) -> None:
    with pytest.raises(socket.gaierror):
        await net.dial("ann", "bob.test", 25)


@case
async def test_each_end_knows_both_names(net: Net) -> None:
    ann, bob = await net.pair()
    assert ann.transport.get_extra_info("peername") == (BOB, 25)
    assert bob.transport.get_extra_info("sockname") == (BOB, 25)
    assert ann.transport.get_extra_info("sockname") == bob.transport.get_extra_info("peername")
    assert bob.transport.get_extra_info("peername")[0] == ANN


@case
async def test_a_server_listens_on_every_address_of_its_host(net: Net) -> None:
    await net.serve("bob", 25, Ear)
    for address in (BOB, BOB2):
        ear = await net.dial("ann", address, 25)
        assert ear.transport.get_extra_info("peername") == (address, 25)


@case
async def test_a_server_on_one_address_leaves_the_others_alone(net: Net) -> None:
    await net.serve("bob", 25, Ear, BOB2)
    await net.dial("ann", BOB2, 25)
    with pytest.raises(ConnectionRefusedError):
        await net.dial("ann", BOB, 25)


@case
async def test_two_servers_share_a_port_on_two_addresses(net: Net) -> None:
    await net.serve("bob", 25, lambda: Greeter(b"one"), BOB)
    await net.serve("bob", 25, lambda: Greeter(b"two"), BOB2)
    one, two = await net.dial("ann", BOB, 25), await net.dial("ann", BOB2, 25)
    await one.until(lambda ear: ear.heard == b"one")
    await two.until(lambda ear: ear.heard == b"two")


@case
async def test_a_port_has_one_owner(net: Net) -> None:
    await net.serve("bob", 25, Ear)
    with pytest.raises(OSError, match=r"in use") as failure:
        await net.serve("bob", 25, Ear)
    assert failure.value.errno == errno.EADDRINUSE


@case
async def test_a_port_taken_on_one_address_is_not_free_on_all(net: Net) -> None:
    await net.serve("bob", 25, Ear, BOB2)
    with pytest.raises(OSError, match=r"in use"):
        await net.serve("bob", 25, Ear)


@case
async def test_a_closed_server_gives_its_port_back(net: Net) -> None:
    server = await net.serve("bob", 25, Ear)
    server.close()
    with pytest.raises(ConnectionRefusedError):
        await net.dial("ann", BOB, 25)
    await net.serve("bob", 25, Ear)
    await net.dial("ann", BOB, 25)


@case
async def test_hosts_have_ports_of_their_own(net: Net) -> None:
    await net.serve("bob", 25, lambda: Greeter(b"bob"))
    await net.serve("cas", 25, lambda: Greeter(b"cas"))
    ear = await net.dial("ann", "198.18.0.4", 25)
    await ear.until(lambda ear: ear.heard == b"cas")


@case
async def test_another_hosts_address_cannot_be_bound(net: Net) -> None:
    with pytest.raises(OSError, match=r"assign requested address") as failure:
        await net.serve("ann", 25, Ear, BOB)
    assert failure.value.errno == errno.EADDRNOTAVAIL


@case
async def test_a_client_may_choose_its_address(net: Net) -> None:
    peers: list[str] = []
    await net.serve("ann", 25, lambda: Witness(peers))
    await net.dial("bob", ANN, 25, local_addr=(BOB2, 0))
    await net.dial("bob", ANN, 25)
    await until(lambda: len(peers) == 2)
    assert peers == [BOB2, BOB]


@case
async def test_port_zero_asks_for_any_free_port(net: Net) -> None:
    server = await net.serve("bob", 0, Ear, BOB)
    port = server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    assert port > 1023
    await net.dial("ann", BOB, port)


@case
async def test_a_host_reaches_itself_by_its_loopback(net: Net) -> None:
    await net.serve("bob", 25, lambda: Greeter(b"me"))
    ear = await net.dial("bob", "127.0.0.1", 25)
    await ear.until(lambda ear: ear.heard == b"me")


@case
async def test_the_loopback_is_each_hosts_own(net: Net) -> None:
    await net.serve("bob", 25, Ear)
    with pytest.raises(ConnectionRefusedError):
        await net.dial("ann", "127.0.0.1", 25)


@case
async def test_cancelled_while_connecting_nothing_is_left_over(net: Net) -> None:
    net.link(1000)
    await net.serve("bob", 25, Ear)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await net.dial("ann", BOB, 25)
    net.link(0)
    await net.dial("ann", BOB, 25)


@case
async def test_a_literal_is_its_own_address(net: Net) -> None:
    async def ask() -> list[tuple[object, ...]]:
        return await asyncio.get_running_loop().getaddrinfo(BOB, 25, type=socket.SOCK_STREAM)

    family, kind, *_, address = (await net.on("ann", ask()))[0]
    assert (family, kind, address) == (socket.AF_INET, socket.SOCK_STREAM, (BOB, 25))


@case
async def test_a_host_has_no_sockets_of_the_machine(net: Net) -> None:
    async def reach_out() -> None:
        await asyncio.open_unix_connection("/run/no.sock")

    with pytest.raises(OSError, match=r"not supported") as failure:
        await net.on("ann", reach_out())
    assert failure.value.errno == errno.EOPNOTSUPP


@case
async def test_streams_talk_over_the_ambient_host(net: Net) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        writer.close()

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection(BOB, 79)
        writer.write(b"who is there\n")
        reply = await reader.read()
        writer.close()
        await writer.wait_closed()
        return reply

    await net.on("bob", asyncio.start_server(answer, port=79))
    assert await net.on("ann", ask()) == b"WHO IS THERE\n"


class Greeter(Ear):
    """Says a word, and nothing more."""

    def __init__(self, word: bytes) -> None:
        super().__init__()
        self.word = word

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.write(self.word)


class Witness(Ear):
    """Notes who calls."""

    def __init__(self, peers: list[str]) -> None:
        super().__init__()
        self.peers = peers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.peers.append(transport.get_extra_info("peername")[0])
