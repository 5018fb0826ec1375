"""The local fabric on real sockets. Outside every host's context a socket is a visitor's: made in the lab's
network, and unknown to the lab."""

import asyncio
import contextlib
import errno
import os
import resource
import socket
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import pytest

from lab.clock import WarpedTime
from lab.errors import MachineSaidNo
from lab.fabric.ambient import AMBIENT
from lab.fabric.breakage import Cut
from lab.fabric.faults import Down, Paused, Silent, Unreachable
from lab.fabric.local import LocalFabric
from lab.fabric.loop import LabLoop
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan, Link
from tests.fabric.forked import in_namespace

MAIL, RELAY, STUDENT = DomainName("mail.be"), DomainName("relay.be"), DomainName("student")
ADDRESS = {MAIL: Address("198.18.2.25"), RELAY: Address("198.18.4.25"), STUDENT: Address("198.18.9.9")}

MAIL6, STUDENT6 = Address("2001:db8:2::25"), Address("2001:db8:9::9")
ADDRESS6 = {MAIL: (MAIL6,), STUDENT: (STUDENT6,)}
RANGES = ("198.18.0.0/15", "2001:db8::/32")


# -- the cases ----------------------------------------------------------------------------------------------


async def knock(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect; outside of hosts as a program in the lab's shell does, with a socket the lab knows nothing of."""
    if AMBIENT.get() is not None:
        return await asyncio.open_connection(address, port)
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.setblocking(False)
    try:
        await asyncio.SelectorEventLoop.sock_connect(asyncio.get_running_loop(), sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return await asyncio.open_connection(sock=sock)


async def a_visitor_is_greeted_and_comes_from_the_students_address(fabric):
    reader, writer = await knock(ADDRESS[MAIL], 25)
    assert await reader.readline() == b"220 198.18.9.9\r\n"
    writer.close()


async def a_host_leaves_from_its_own_address(fabric):
    assert await inside(fabric, RELAY, greeting(MAIL)) == b"220 198.18.4.25\r\n"


async def a_host_that_is_down_refuses_and_resets(fabric):
    reader, writer = await visit(MAIL)
    await fabric.fail(MAIL, Down())
    with pytest.raises(ConnectionResetError):
        await reader.readline()
    with pytest.raises(ConnectionRefusedError):
        await visit(MAIL)
    with pytest.raises(ConnectionRefusedError):
        await inside(fabric, RELAY, greeting(MAIL))
    await fabric.heal(MAIL)
    await visit(MAIL)
    writer.close()


async def an_unreachable_host_is_told_at_once(fabric):
    await fabric.fail(MAIL, Unreachable())
    for attempt in (visit(MAIL), inside(fabric, RELAY, greeting(MAIL)), inside(fabric, MAIL, greeting(RELAY))):
        assert await failing(attempt) == errno.EHOSTUNREACH
    await fabric.heal(MAIL)
    await visit(MAIL)


async def a_silent_host_keeps_a_visitor_waiting_until_it_is_healed(fabric):
    await fabric.fail(MAIL, Silent())
    waiting = asyncio.ensure_future(visit(MAIL))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await fabric.heal(MAIL)
    await asyncio.wait_for(waiting, 3)


async def a_connection_to_a_silent_host_times_out_after_127_seconds(fabric):
    await fabric.fail(MAIL, Silent())
    began = fabric.loop.time()
    attempt = asyncio.ensure_future(inside(fabric, RELAY, greeting(MAIL)))
    assert await fabric.settle(attempt.done, timedelta(minutes=5))
    assert isinstance(attempt.exception(), TimeoutError)
    assert 126.9 < fabric.loop.time() - began < 128


async def a_paused_host_connects_and_says_nothing_until_it_is_healed(fabric):
    await fabric.fail(MAIL, Paused())
    reader, _ = await knock(ADDRESS[MAIL], 25)
    banner = asyncio.ensure_future(reader.readline())
    await asyncio.sleep(0.1)
    assert not banner.done()
    await fabric.heal(MAIL)
    assert (await asyncio.wait_for(banner, 3)).startswith(b"220")


async def a_paused_host_costs_no_processor_time(fabric):
    _, writer = await visit(MAIL)
    await fabric.fail(MAIL, Paused())
    writer.write(b"unread\r\n" * 100)
    before = time.process_time()
    await asyncio.sleep(0.2)
    assert time.process_time() - before < 0.05
    writer.close()


async def a_cut_stops_a_visitor_and_nobody_else(fabric):
    fabric.cut(Cut.between([STUDENT], [MAIL]))
    waiting = asyncio.ensure_future(visit(MAIL))
    await inside(fabric, RELAY, greeting(MAIL))
    assert not waiting.done()
    fabric.mend()
    await asyncio.wait_for(waiting, 3)


async def an_open_connection_of_a_visitor_hangs_while_it_is_cut(fabric):
    reader, writer = await visit(MAIL)
    fabric.cut(Cut.between([STUDENT], [MAIL]))
    writer.write(b"hello\r\n")
    echo = asyncio.ensure_future(reader.readline())
    await asyncio.sleep(0.1)
    assert not echo.done()
    fabric.mend()
    assert await asyncio.wait_for(echo, 3) == b"hello\r\n"


async def a_link_delays_a_visitor_both_ways(fabric):
    fabric.connect("student", "*", Link(latency=timedelta(milliseconds=40)))
    reader, writer = await visit(MAIL)
    began = time.monotonic()
    writer.write(b"hello\r\n")
    assert await reader.readline() == b"hello\r\n"
    assert time.monotonic() - began >= 0.08
    writer.close()


async def a_visitors_datagram_to_a_silent_host_is_lost(fabric):
    with contextlib.closing(await asker(MAIL)) as asked:
        assert await asyncio.wait_for(asked.ask(b"one"), 3) == b"one"
        await fabric.fail(MAIL, Silent())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asked.ask(b"two"), 0.1)


async def a_visitors_datagram_to_a_host_that_is_down_is_refused(fabric):
    await fabric.fail(MAIL, Down())
    with contextlib.closing(await asker(MAIL)) as asked, pytest.raises(ConnectionRefusedError):
        await asyncio.wait_for(asked.ask(b"one"), 3)


async def an_ipv6_visitor_is_served_and_silenced_alike(fabric):
    reader, writer = await knock(MAIL6, 25)
    assert await reader.readline() == f"220 {STUDENT6}\r\n".encode()
    writer.close()
    fabric.cut(Cut.between([STUDENT], [MAIL]))
    waiting = asyncio.ensure_future(knock(MAIL6, 25))
    assert await inside(fabric, RELAY, greeting(MAIL)) == b"220 198.18.4.25\r\n"
    assert not waiting.done()
    fabric.mend()
    await asyncio.wait_for(waiting, 3)


async def nothing_beyond_the_ranges_can_be_dialled_by_rule_or_by_kernel(fabric):
    for outside in ("192.0.2.1", "198.51.100.7", "2001:db9::1"):
        assert await failing(knock(outside, 25)) == errno.ENETUNREACH
        assert await failing(inside(fabric, RELAY, dial(outside))) == errno.ENETUNREACH


async def an_address_of_the_range_that_no_host_has_is_unreachable(fabric):
    assert await failing(knock("198.18.77.7", 25)) == errno.EHOSTUNREACH
    assert await failing(inside(fabric, RELAY, dial("198.18.77.7"))) == errno.EHOSTUNREACH


async def two_days_of_hourly_retries_take_a_moment(fabric):
    async def retry():
        for _ in range(48):
            assert (await greeting(MAIL)).startswith(b"220")
            await asyncio.sleep(3600)

    began = time.monotonic()
    work = asyncio.ensure_future(inside(fabric, RELAY, retry()))
    await fabric.advance(timedelta(hours=49))
    assert work.done()
    work.result()
    assert time.monotonic() - began < 3


async def what_a_host_writes_is_a_file_below_the_root(fabric):
    disk = fabric.hosts[MAIL].disk
    disk.write("mail/ed/new/1", b"hello")
    await disk.sync("mail/ed/new/1")
    assert disk.folder.name == "mail.be"
    assert (disk.folder / "mail/ed/new/1").read_bytes() == b"hello"


async def a_lab_that_is_down_leaves_no_socket_open(fabric):
    before = len(os.listdir("/proc/self/fd"))
    await visit(MAIL)
    await fabric.down()
    four_listeners_an_address_and_the_mirrors = 5 * 4 + 3
    assert len(os.listdir("/proc/self/fd")) <= before - four_listeners_an_address_and_the_mirrors
    await fabric.up()


async def too_many_hosts_for_the_open_files_are_told_so(fabric):
    await fabric.down()
    open_now = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + 20, open_now + 20))
    with pytest.raises(MachineSaidNo) as caught:
        await fabric.up()
    assert "3 hosts need more sockets" in caught.value.sentence
    assert len(os.listdir("/proc/self/fd")) <= open_now + 1
    await asyncio.sleep(0)
    fabric.crashes.clear()


async def a_host_that_is_out_of_files_takes_callers_later(fabric):
    reader, _ = await knock(ADDRESS[MAIL], 25)
    lines = [socket.create_connection((ADDRESS[MAIL], 25)) for _ in range(3)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lines[-1].fileno() + 1, hard))
    assert await reader.readline()
    await asyncio.sleep(0.05)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    lines[-1].setblocking(False)
    banner = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(lines[-1], 100), 3)
    assert banner.startswith(b"220")
    for line in lines:
        line.close()


CASES = (
    a_visitor_is_greeted_and_comes_from_the_students_address,
    a_host_leaves_from_its_own_address,
    a_host_that_is_down_refuses_and_resets,
    an_unreachable_host_is_told_at_once,
    a_silent_host_keeps_a_visitor_waiting_until_it_is_healed,
    a_connection_to_a_silent_host_times_out_after_127_seconds,
    a_paused_host_connects_and_says_nothing_until_it_is_healed,
    a_paused_host_costs_no_processor_time,
    a_cut_stops_a_visitor_and_nobody_else,
    an_open_connection_of_a_visitor_hangs_while_it_is_cut,
    a_link_delays_a_visitor_both_ways,
    a_visitors_datagram_to_a_silent_host_is_lost,
    a_visitors_datagram_to_a_host_that_is_down_is_refused,
    an_ipv6_visitor_is_served_and_silenced_alike,
    nothing_beyond_the_ranges_can_be_dialled_by_rule_or_by_kernel,
    an_address_of_the_range_that_no_host_has_is_unreachable,
    two_days_of_hourly_retries_take_a_moment,
    what_a_host_writes_is_a_file_below_the_root,
    a_lab_that_is_down_leaves_no_socket_open,
    too_many_hosts_for_the_open_files_are_told_so,
    a_host_that_is_out_of_files_takes_callers_later,
)


@pytest.mark.namespace
@pytest.mark.parametrize("user", ["oneself", "ordinary"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_local(case, user):
    in_namespace(lambda: play(case), user)


# -- in the private network -------------------------------------------------------------------------------------


class Greeter(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        transport.write(f"220 {transport.get_extra_info('peername')[0]}\r\n".encode())

    def data_received(self, data):
        self.transport.write(data)


class Mirror(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        self.transport.sendto(data, peer)


class Asker(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def ask(self, data):
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.sendto(data)
        return self.answer

    def datagram_received(self, data, peer):
        self.answer.set_result(data)

    def error_received(self, error):
        self.answer.set_exception(error)

    def close(self):
        self.transport.close()


async def boot(host):
    loop = asyncio.get_running_loop()
    for port in (25, 53, 110, 143):
        await loop.create_server(Greeter, port=port)
    await loop.create_datagram_endpoint(Mirror, local_addr=("0.0.0.0", 53))


async def visit(name):
    reader, writer = await knock(ADDRESS[name], 25)
    assert (await reader.readline()).startswith(b"220")
    return reader, writer


async def asker(name):
    """A visitor's datagrams, from a socket the lab knows nothing of."""
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.connect((ADDRESS[name], 53))
    return (await asyncio.get_running_loop().create_datagram_endpoint(Asker, sock=sock))[1]


async def greeting(name):
    reader, writer = await knock(ADDRESS[name], 25)
    banner = await reader.readline()
    writer.close()
    return banner


async def dial(address):
    await knock(address, 25)


async def inside(fabric, name, work):
    """Do it as a program of a host."""
    task = asyncio.get_running_loop().create_task(work, context=fabric.hosts[name].context.copy())
    return await task


async def failing(work):
    try:
        await work
    except OSError as error:
        return error.errno
    return None


async def run(case):
    with tempfile.TemporaryDirectory() as folder:
        fabric = LocalFabric(RANGES, boot, root=Path(folder))
        for name, address in ADDRESS.items():
            fabric.add(HostPlan(name, (address, *ADDRESS6.get(name, ()))))
        await fabric.up()
        try:
            await asyncio.wait_for(case(fabric), 3600 * 72)
        finally:
            await fabric.down()
        assert fabric.crashes == []


def play(case):
    with asyncio.Runner(loop_factory=lambda: LabLoop(WarpedTime())) as runner:
        runner.run(run(case))
