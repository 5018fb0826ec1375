"""Whoever dials from a stand-in sees what a program of that host would see."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from lab.fabric.faults import Paused, Silent, Unreachable
from lab.internet import STUDENT, Internet
from lab.names import DomainName
from tests.fabric.distant.processes import ProcessFabric
from tests.fabric.distant.stage import play

pytestmark = pytest.mark.namespace
MAIL = DomainName("mail.here.test")


async def from_student(fabric: ProcessFabric, work: Any) -> Any:
    """Run it as a program of the student's host; its error is the caller's."""

    async def program() -> tuple[Any, BaseException | None]:
        try:
            return await work, None
        except OSError as error:
            return None, error

    task = fabric.hosts[STUDENT].spawn(program())
    await fabric.settle(task.done, timedelta(hours=1))
    value, error = await task
    if error is not None:
        raise error
    return value


def mail_host(internet: Internet) -> tuple[DomainName, str]:
    plan = next(host for host in internet.plan.hosts if host.mail)
    return plan.name, plan.addresses[0]


def story(tell: Callable[[Internet, ProcessFabric], Awaitable[None]]) -> Callable[[], None]:
    def test() -> None:
        play(tell)

    test.__doc__ = tell.__doc__
    return test


@story
async def test_a_greeting_comes_through(internet: Internet, fabric: ProcessFabric) -> None:
    _, address = mail_host(internet)
    reader, writer = await from_student(fabric, asyncio.open_connection(address, 25))
    assert (await reader.readline()).startswith(b"220 ")
    writer.write(b"QUIT\r\n")
    assert (await reader.readline()).startswith(b"221 ")
    assert await reader.read() == b""
    writer.close()


@story
async def test_a_closed_port_refuses(internet: Internet, fabric: ProcessFabric) -> None:
    _, address = mail_host(internet)
    with pytest.raises(ConnectionRefusedError):
        await from_student(fabric, asyncio.open_connection(address, 81))


@story
async def test_a_host_that_is_down_refuses(internet: Internet, fabric: ProcessFabric) -> None:
    name, address = mail_host(internet)
    await internet.fail(name)
    with pytest.raises(ConnectionRefusedError):
        await from_student(fabric, asyncio.open_connection(address, 25))
    await internet.heal(name)
    _, writer = await from_student(fabric, asyncio.open_connection(address, 25))
    writer.close()


@story
async def test_an_address_that_nobody_has_is_unreachable(internet: Internet, fabric: ProcessFabric) -> None:
    with pytest.raises(OSError, match="No route to host") as caught:
        await from_student(fabric, asyncio.open_connection("198.18.99.99", 25))
    assert caught.value.errno == errno.EHOSTUNREACH


@story
async def test_an_unreachable_host_is_so_at_once(internet: Internet, fabric: ProcessFabric) -> None:
    name, address = mail_host(internet)
    await internet.fail(name, Unreachable())
    with pytest.raises(OSError, match="No route to host"):
        await from_student(fabric, asyncio.open_connection(address, 25))


@story
async def test_a_silent_host_times_out_as_the_kernel_has_it(internet: Internet, fabric: ProcessFabric) -> None:
    name, address = mail_host(internet)
    await internet.fail(name, Silent())
    begun = fabric.clock.elapsed()
    with pytest.raises(TimeoutError):
        await from_student(fabric, asyncio.open_connection(address, 25))
    assert 127 <= fabric.clock.elapsed() - begun < 128


@story
async def test_a_paused_host_connects_and_says_nothing_until_it_goes_on(
    internet: Internet, fabric: ProcessFabric
) -> None:
    name, address = mail_host(internet)
    await internet.fail(name, Paused())
    reader, writer = await from_student(fabric, asyncio.open_connection(address, 25))
    greeting = asyncio.ensure_future(reader.readline())
    await fabric.settle(greeting.done, timedelta(minutes=5))
    assert not greeting.done()
    await internet.heal(name)
    await fabric.settle(greeting.done, timedelta(minutes=1))
    assert greeting.result().startswith(b"220 ")
    writer.close()


@story
async def test_a_reset_is_a_reset(internet: Internet, fabric: ProcessFabric) -> None:
    name, address = mail_host(internet)
    reader, writer = await from_student(fabric, asyncio.open_connection(address, 25))
    await reader.readline()
    await internet.fail(name)
    with pytest.raises(ConnectionResetError):
        await from_student(fabric, reader.readexactly(1))
    writer.close()


@story
async def test_tls_is_spoken_end_to_end(internet: Internet, fabric: ProcessFabric) -> None:
    name, address = mail_host(internet)
    trust = fabric.hosts[STUDENT].trust
    opening = asyncio.open_connection(address, 993, ssl=trust, server_hostname=name)
    reader, writer = await from_student(fabric, opening)
    assert (await reader.readline()).startswith(b"* OK")
    writer.close()


@story
async def test_much_goes_through_and_nobody_is_flooded(internet: Internet, fabric: ProcessFabric) -> None:
    _, address = mail_host(internet)
    reader, writer = await from_student(fabric, asyncio.open_connection(address, 25))

    async def converse() -> bytes:
        await reader.readline()
        text = b"Subject: much\r\n\r\n" + b"x" * 70 + b"\r\n"
        text += (b"y" * 70 + b"\r\n") * 40_000
        for line in (
            b"HELO me",
            b"MAIL FROM:<me@else.test>",
            f"RCPT TO:<{_somebody(internet)}>".encode(),
            b"DATA",
        ):
            writer.write(line + b"\r\n")
            await writer.drain()
            answer = await reader.readline()
            assert answer[:1] in b"23", answer
        writer.write(text + b".\r\n")
        await writer.drain()
        return await reader.readline()

    assert (await from_student(fabric, converse())).startswith(b"250 ")
    writer.close()


def _somebody(internet: Internet) -> str:
    return next(str(host.mail.mailboxes[0].address) for host in internet.plan.hosts if host.mail)


@story
async def test_the_log_is_in_the_order_of_lab_time(internet: Internet, fabric: ProcessFabric) -> None:
    from lab.names import EmailAddress

    started = len(internet.log)
    people = [box.address for host in internet.plan.hosts if host.mail for box in host.mail.mailboxes]
    for number in range(5):
        await internet.send(people[0], [EmailAddress(people[-1])], f"Subject: {number}\r\n\r\n".encode())
    await internet.advance(timedelta(minutes=1))
    times = [entry.t for entry in internet.log.since(started)]
    assert times == sorted(times)
    assert sum(type(entry.event).__name__ == "MailDelivered" for entry in internet.log) == 5


@story
async def test_a_node_that_is_gone_is_told_and_comes_back_with_its_disk(
    internet: Internet, fabric: ProcessFabric
) -> None:
    name, address = mail_host(internet)
    box = next(host.mail.mailboxes[0].address for host in internet.plan.hosts if host.mail)
    await internet.send(box, [box], b"Subject: kept\r\n\r\n")
    await internet.advance(timedelta(minutes=1))
    node = fabric._at[name]
    fabric.running[node.name].kill()
    await node.line.gone
    await asyncio.sleep(0)
    assert {row["name"]: row["state"] for row in internet.status()}[name] == "gone"
    if STUDENT not in {host.name for host in node.hosts}:
        with pytest.raises(OSError, match="No route to host"):
            await from_student(fabric, asyncio.open_connection(address, 25))
    assert name in await internet.restore()
    assert {row["name"]: row["state"] for row in internet.status()}[name] == "up"
    assert [one["subject"] for one in (await internet.mailbox(box))["messages"]] == ["kept"]
