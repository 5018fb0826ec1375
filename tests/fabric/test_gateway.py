"""Front doors on real loopback sockets that lead into a simulated lab on paced time."""

import asyncio
import contextlib
import socket
import struct

import pytest

from lab.clock import PacedTime, WarpedTime
from lab.errors import MachineSaidNo
from lab.fabric import gateway
from lab.fabric.faults import Down
from lab.fabric.gateway import LOOPBACK, Door, Gateway, bind, close
from lab.fabric.local import LocalFabric
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan
from tests.fabric.forked import in_namespace

MAIL, STUDENT = DomainName("mail.be"), DomainName("student")
ADDRESS = Address("198.18.2.25")


class Echo(asyncio.Protocol):
    """Says whom it sees, then echoes; after the client's end it says goodbye."""

    def connection_made(self, transport):
        self.transport = transport
        transport.write(f"220 {transport.get_extra_info('peername')[0]}\r\n".encode())

    def data_received(self, data):
        self.transport.write(data)

    def eof_received(self):
        self.transport.write(b"bye\r\n")
        return False


class Mirror(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        self.transport.sendto(data[::-1], peer)


async def boot(host):
    loop = asyncio.get_running_loop()
    if host.name == MAIL:
        await loop.create_server(Echo, port=25)
        await loop.create_datagram_endpoint(Mirror, local_addr=("0.0.0.0", 53))


class House:
    """A lab with a door of each kind, and the ports they got."""

    def __init__(self, fabric, tcp, udp, socks):
        self.fabric, self.tcp, self.udp, self.socks = fabric, tcp, udp, socks


def housed(test):
    """Run it on a loop of its own, with a lab of two hosts and three doors."""

    async def live():
        fabric = SimFabric(["198.18.0.0/15"], boot)
        fabric.add(HostPlan(MAIL, (ADDRESS,)))
        fabric.add(HostPlan(STUDENT, (Address("198.18.9.9"),)))
        await fabric.up()
        doors = bind([Door("tcp", to=ADDRESS, service=25), Door("udp", to=ADDRESS, service=53), Door("socks")])
        gateway = Gateway(fabric.loop, fabric.hosts[STUDENT], doors, resolve)
        await gateway.open()
        try:
            await test(House(fabric, *(door.port for door in doors)))
        finally:
            await gateway.close()
            await fabric.down()
        assert fabric.crashes == []

    def run():
        live_on(PacedTime(), live())

    run.__name__ = test.__name__
    return run


async def resolve(name):
    return [ADDRESS] if name == MAIL else []


@housed
async def test_a_tcp_door_leads_to_its_service_from_the_students_address(house):
    reader, writer = await asyncio.open_connection(LOOPBACK, house.tcp)
    assert await reader.readline() == b"220 198.18.9.9\r\n"
    writer.write(b"hello")
    writer.write_eof()
    assert await reader.read() == b"hellobye\r\n"
    writer.close()


@housed
async def test_a_megabyte_goes_in_and_comes_back_whole(house):
    reader, writer = await asyncio.open_connection(LOOPBACK, house.tcp)
    await reader.readline()
    octets = bytes(range(256)) * 8192
    writer.write(octets)
    assert await reader.readexactly(len(octets)) == octets
    writer.close()


@housed
async def test_what_is_refused_inside_is_reset_outside(house):
    await house.fabric.fail(MAIL, Down())
    reader, writer = await asyncio.open_connection(LOOPBACK, house.tcp)
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1)
    writer.close()


@housed
async def test_a_host_that_goes_down_resets_the_visitor_outside(house):
    reader, writer = await asyncio.open_connection(LOOPBACK, house.tcp)
    await reader.readline()
    await house.fabric.fail(MAIL, Down())
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1)
    writer.close()


@housed
async def test_a_udp_door_brings_each_client_its_own_answer(house):
    loop = asyncio.get_running_loop()
    with udp_client() as one, udp_client() as two:
        for client, question in ((one, b"abc"), (two, b"xyz"), (one, b"pqr")):
            await loop.sock_sendto(client, question, (LOOPBACK, house.udp))
            assert await loop.sock_recv(client, 100) == question[::-1]


@housed
async def test_a_udp_door_keeps_no_more_ways_back_than_it_has_room_for(house):
    loop = asyncio.get_running_loop()
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setattr(gateway, "_MOST_WAYS", 3)
        clients = [stack.enter_context(udp_client()) for _ in range(8)]
        for client in clients:
            await loop.sock_sendto(client, b"abc", (LOOPBACK, house.udp))
            assert await loop.sock_recv(client, 100) == b"cba"
        assert len(house.fabric.hosts[STUDENT].stack.udp._owners) == 3


def udp_client():
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.setblocking(False)
    return client


def name_request(name, port, command=1):
    return b"\x05" + bytes([command, 0, 3, len(name)]) + name + struct.pack("!H", port)


async def through_socks(house, request):
    reader, writer = await asyncio.open_connection(LOOPBACK, house.socks)
    writer.write(b"\x05\x01\x00")
    assert await reader.readexactly(2) == b"\x05\x00"
    writer.write(request)
    reply = await reader.readexactly(10)
    return reply[1], reader, writer


@housed
async def test_socks_resolves_names_in_the_lab(house):
    reply, reader, writer = await through_socks(house, name_request(b"mail.be", 25))
    assert reply == 0
    assert await reader.readline() == b"220 198.18.9.9\r\n"
    writer.close()


@housed
async def test_socks_takes_addresses_too(house):
    reply, reader, writer = await through_socks(
        house, b"\x05\x01\x00\x01" + socket.inet_aton(ADDRESS) + b"\x00\x19"
    )
    assert reply == 0
    assert (await reader.readline()).startswith(b"220")
    writer.close()


@housed
async def test_socks_says_why_it_could_not(house):
    outside = b"\x05\x01\x00\x01" + socket.inet_aton("192.0.2.1") + b"\x00\x19"
    for request, reply in (
        (name_request(b"mail.be", 26), 5),
        (name_request(b"nowhere.be", 25), 4),
        (outside, 3),
        (name_request(b"mail.be", 25, command=2), 7),
        (b"\x05\x01\x00\x09\x00", 8),
    ):
        told, reader, writer = await through_socks(house, request)
        assert told == reply
        assert await reader.read() == b""
        writer.close()


@housed
async def test_socks_hangs_up_on_who_speaks_another_protocol(house):
    reader, writer = await asyncio.open_connection(LOOPBACK, house.socks)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await reader.readexactly(1)
    writer.close()


@housed
async def test_socks_may_be_spoken_octet_by_octet_and_ahead(house):
    reader, writer = await asyncio.open_connection(LOOPBACK, house.socks)
    for octet in b"\x05\x01\x00" + name_request(b"mail.be", 25):
        writer.write(bytes([octet]))
        await asyncio.sleep(0.001)
    writer.write(b"ahead\r\n")
    assert (await reader.readexactly(12))[:4] == b"\x05\x00\x05\x00"
    assert (await reader.readline()).startswith(b"220")
    assert await reader.readline() == b"ahead\r\n"
    writer.close()


def test_doors_open_on_loopback_only():
    doors = bind([Door("tcp"), Door("udp"), Door("socks")])
    assert [door.socket.getsockname()[0] for door in doors] == [LOOPBACK] * 3
    close(doors)


def test_what_udp_truncates_can_be_asked_again_by_tcp_at_the_same_port():
    udp, tcp, other = bind([Door("udp", 0, ADDRESS, 53), Door("tcp", 0, ADDRESS, 53), Door("tcp", 0, ADDRESS, 25)])
    try:
        assert udp.port == tcp.port != other.port
    finally:
        close([udp, tcp, other])


def test_a_taken_port_is_named_and_no_other_door_stays_open():
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        taken = other.getsockname()[1]
        first = bind([Door("tcp")])
        close(first)
        with pytest.raises(MachineSaidNo) as caught:
            bind([Door("tcp", first[0].door.port), Door("tcp", taken, name="mail.be smtp")])
    assert f"TCP port {taken} of 127.0.0.1, the front door of mail.be smtp, is taken" in str(caught.value)
    assert caught.value.code == "H012"


@pytest.mark.namespace
@pytest.mark.parametrize("user", ["oneself", "ordinary"])
def test_a_door_bound_before_leads_into_the_private_network(user, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    with contextlib.ExitStack() as stack:
        doors = bind([Door("tcp", to=ADDRESS, service=25)])
        stack.callback(close, doors)
        client = stack.enter_context(socket.socket())  # made here, it stays in the machine's own network
        client.settimeout(10)

        async def live():
            fabric = LocalFabric(["198.18.0.0/15"], boot, root=folder)
            fabric.add(HostPlan(MAIL, (ADDRESS,)))
            fabric.add(HostPlan(STUDENT, (Address("198.18.9.9"),)))
            await fabric.up()
            gateway = Gateway(fabric.loop, fabric.hosts[STUDENT], doors, resolve)
            await gateway.open()
            assert await asyncio.to_thread(visited, client, doors[0].port) == b"220 198.18.9.9\r\n"
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(LOOPBACK, doors[0].port)
            await gateway.close()
            await fabric.down()

        in_namespace(lambda: live_on(WarpedTime(), live()), user)


def live_on(source, work):
    with asyncio.Runner(loop_factory=lambda: LabLoop(source)) as runner:
        runner.run(work)


def visited(client, port):
    client.connect((LOOPBACK, port))
    return client.recv(100)
