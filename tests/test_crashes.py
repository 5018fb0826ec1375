"""A host crashes, loses its power, or goes by a wrong clock: what is left, and what it says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime

import pytest

from lab.clock import VirtualTime
from lab.errors import WorldSaidNo, WrongUse
from lab.events import MailDelivered, RecipientsFailed
from lab.fabric.base import Capability, Host
from lab.fabric.disk import MemoryDisk
from lab.fabric.faults import Crash, Down, Fault, Paused, PowerCut, Silent, Skew
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.internet import Internet
from lab.names import DomainName, EmailAddress
from lab.timing import timing
from lab.topology import loads

A, B, NS = (DomainName(name) for name in ("mail.a.example", "mail.b.example", "ns.b.example"))
ANN, ED = EmailAddress("ann@a.example"), EmailAddress("ed@b.example")
TWO = """\
name: two
domains:
  a.example: {mx: [10 mail.a.example], people: [ann]}
  b.example: {mx: [10 mail.b.example], people: [ed]}
"""
HOUR = timedelta(hours=1)
Story = Callable[[Internet], Awaitable[None]]


def play(story: Story, seed: str = "1") -> Internet:
    async def main() -> Internet:
        plan = loads(TWO, "two.yaml")
        net = Internet(plan, lambda boot: SimFabric(plan.ranges, boot, seed))
        await net.up()
        await story(net)
        await net.down()
        assert isinstance(net.fabric, SimFabric)
        assert not net.fabric.crashes
        return net

    with asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime())) as runner:
        return runner.run(main())


async def send(net: Internet) -> None:
    await net.send(ANN, [ED], b"Subject: hello\r\n\r\nhello\r\n")


def happened(net: Internet, kind: type) -> list[float]:
    return [entry.t for entry in net.log if isinstance(entry.event, kind)]


@pytest.mark.parametrize("crash", [Down(), Crash()])
def test_a_host_that_was_down_and_stands_still_comes_back_with_both_healed(crash: Fault) -> None:
    async def story(net: Internet) -> None:
        for fault in (crash, Paused()):
            await net.fail(B, fault)
        await net.heal(B)
        await send(net)
        await net.advance(HOUR)

    assert len(happened(play(story), MailDelivered)) == 1


# -- a host that stands still ----------------------------------------------------------------------------------


async def stand_still_at_the_disk(net: Internet) -> None:
    """A message comes in at A, and A stands still while it is being written."""
    disk = net.fabric.hosts[A].disk
    assert isinstance(disk, MemoryDisk)
    disk.trip = lambda: 5.0
    await net.send(ED, [ANN], b"Subject: in\r\n\r\n")
    await net.advance(timedelta(seconds=1))
    await net.fail(A, Paused())


def test_who_hands_a_message_to_a_host_that_stands_still_is_told_within_a_moment() -> None:
    told: list[str] = []

    async def story(net: Internet) -> None:
        await stand_still_at_the_disk(net)
        begun = net.fabric.clock.elapsed()
        with pytest.raises(WorldSaidNo) as refused:
            await send(net)
        told.append(f"{refused.value.sentence}. {refused.value.remedy}")
        assert net.fabric.clock.elapsed() - begun < 3
        await net.heal(A)
        await net.advance(HOUR)

    net = play(story)
    assert told == [f"{A} stands still and has not taken the message yet: it does when it goes on. lab heal {A}"]
    assert len(happened(net, MailDelivered)) == 2


def test_what_needs_nobody_but_the_disk_is_answered_by_a_host_that_stands_still() -> None:
    async def story(net: Internet) -> None:
        await net.fail(A, Paused())
        await send(net)
        assert [row["host"] for row in await net.queue(A)] == [A]
        assert (net.halted(A), net.halted(B)) == ("stands still", "")

    play(story)


# -- crash ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Crash(), PowerCut()], ids=str)
def test_a_host_that_crashed_comes_back_with_what_it_had_accepted(fault: Down) -> None:
    async def story(net: Internet) -> None:
        await net.fail(B)
        await send(net)
        await net.advance(timedelta(seconds=1))
        await net.fail(A, fault, timing(lasting="10s"))
        assert net.status()[[row["name"] for row in net.status()].index(A)]["state"] == str(fault)
        await net.heal(B)
        await net.advance(HOUR)

    assert len(happened(play(story), MailDelivered)) == 1


def test_a_crash_leaves_no_last_word_and_going_down_does() -> None:
    def last_words(fault: Down) -> list[str]:
        left: list[str] = []

        async def story(net: Internet) -> None:
            host: Host = net.fabric.hosts[A]

            async def program() -> None:
                try:
                    await asyncio.sleep(3600)
                finally:
                    host.disk.write("last-word", b"goodbye")

            host.spawn(program())
            await asyncio.sleep(1)
            await net.fail(A, fault)
            left.extend(name for name in host.disk.list("") if name == "last-word")

        play(story)
        return left

    assert last_words(Down()) == ["last-word"]
    assert last_words(Crash()) == last_words(PowerCut()) == []


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_a_power_cut_loses_by_the_seed(seed: str) -> None:
    def left() -> list[str]:
        found: list[str] = []

        async def story(net: Internet) -> None:
            disk = net.fabric.hosts[A].disk
            for number in range(40):
                disk.write(f"scratch/{number}", b"not synced")
            await net.fail(A, PowerCut())
            disk = net.fabric.hosts[A].disk
            found.extend(f"{name} {disk.size(f'scratch/{name}')}" for name in disk.list("scratch"))

        play(story, seed)
        return found

    first = left()
    assert first == left()
    assert 5 < len(first) < 35
    assert any(not row.endswith(" 10") for row in first)


def test_where_no_power_can_go_that_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(net: Internet) -> None:
        monkeypatch.setattr(net.fabric, "capabilities", net.fabric.capabilities - {Capability.POWER_CUT})
        with pytest.raises(WrongUse, match="no power can go") as caught:
            await net.fail(A, PowerCut())
        assert f"lab fail {A} --crash" in caught.value.remedy
        await net.fail(A, Crash())

    play(story)


# -- a wrong clock -------------------------------------------------------------------------------------------


def test_hosts_date_by_their_own_clocks() -> None:
    found: list[float] = []

    async def story(net: Internet) -> None:
        await net.fail(A, Skew(timedelta(minutes=10)))
        await net.fail(B, Skew(timedelta(hours=-1)))
        now = net.fabric.clock.now()
        await send(net)
        await net.advance(HOUR)
        text = message_from_bytes(await net.message(ED, 1))
        dates = (text["Date"], text["Received"].rpartition(";")[2])
        found.extend((parsedate_to_datetime(date) - now).total_seconds() for date in dates)

    play(story)
    assert [round(seconds) for seconds in found] == [600, -3600]


def test_mail_grows_old_by_the_clock_of_its_queue() -> None:
    """It is tried for five days; a clock that is set six days on ends that at the next try."""

    async def story(net: Internet) -> None:
        await net.fail(B)
        await send(net)
        await net.advance(HOUR)
        await net.fail(A, Skew(timedelta(days=6)))
        await net.advance(HOUR)

    (gave_up,) = happened(play(story), RecipientsFailed)
    assert 3600 < gave_up < 7200


def test_a_clock_set_back_keeps_mail_for_longer() -> None:
    async def story(net: Internet) -> None:
        await net.fail(B)
        await send(net)
        await net.advance(HOUR)
        await net.fail(A, Skew(timedelta(days=-1)))
        await net.advance(timedelta(days=7))

    (gave_up,) = happened(play(story), RecipientsFailed)
    assert 6 * 86_400 <= gave_up < 6.2 * 86_400


@pytest.mark.parametrize(("skew", "asked_again"), [(timedelta(days=2), True), (timedelta(0), False)])
def test_a_cache_ages_by_its_own_clock(skew: timedelta, asked_again: bool) -> None:
    async def story(net: Internet) -> None:
        resolver = next(plan.name for plan in net.plan.hosts if plan.resolver)
        assert (await net.dig("b.example", "MX"))["rcode"] == "NOERROR"
        if skew:
            await net.fail(resolver, Skew(skew))
        for host in net.plan.hosts:
            if host.zones:
                await net.fail(host.name, Silent())
        rcode = (await net.dig("b.example", "MX"))["rcode"]
        assert (rcode != "NOERROR") is asked_again, rcode

    play(story)


def test_skews_add_up_and_end_one_by_one() -> None:
    async def story(net: Internet) -> None:
        clock = net.fabric.hosts[A].clock
        await net.fail(A, Skew(timedelta(minutes=10)), timing(lasting="1m"))
        await net.fail(A, Skew(timedelta(seconds=-90)))
        assert clock.ahead == 510
        await net.advance(timedelta(minutes=2))
        assert clock.ahead == -90
        assert [str(fault) for fault in net.fabric.hosts[A].faults.now] == ["clock -1m30s"]
        await net.heal()
        assert clock.ahead == 0

    play(story)


@pytest.mark.parametrize(
    ("years", "why"), [(-30, "is not yet valid"), (0, ""), (1, ""), (80, "has expired")], ids=str
)
def test_a_certificate_is_valid_or_not_by_the_clock_of_who_asks(years: int, why: str) -> None:
    async def story(net: Internet) -> None:
        await net.fail(A, Skew(timedelta(days=365 * years)))
        host = net.fabric.hosts[A]

        async def secure() -> str:
            try:
                _, writer = await asyncio.open_connection(
                    net.host(B).addresses[0], 993, ssl=host.trust, server_hostname=B
                )
            except ssl.SSLCertVerificationError as error:
                return str(error)
            writer.close()
            return ""

        said = await host.spawn(secure())
        assert why in said
        assert bool(why) == bool(said)

    play(story)
