"""Faults at their time, by chance and one by one: on nodes of their own as in memory."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime

import pytest

from lab.errors import WrongUse
from lab.events import FaultApplied, FaultLifted, MailDelivered
from lab.fabric.breakage import Cut
from lab.fabric.distant.fabric import DistantFabric
from lab.fabric.faults import Crash, Paused, PowerCut, Silent, Skew
from lab.faults import fault_of
from lab.internet import Internet
from lab.names import DomainName, EmailAddress
from lab.timing import timing
from tests.fabric.distant.stage import play

BE, CH = DomainName("mail.example.be"), DomainName("mail.example.ch")
ANN, ED = EmailAddress("ann@example.be"), EmailAddress("ed@example.ch")
MINUTE = timedelta(minutes=1)


async def send(net: Internet) -> None:
    await net.send(ANN, [ED], b"Subject: hello\r\n\r\nhello\r\n")


def delivered(net: Internet) -> list[float]:
    return [entry.t for entry in net.log if isinstance(entry.event, MailDelivered) and entry.event.recipient == ED]


@pytest.mark.namespace
def test_a_cut_of_one_way_comes_and_goes_at_its_time() -> None:
    async def story(net: Internet, _: DistantFabric) -> None:
        cut = Cut((BE,), (CH,), one_way=True)
        await net.break_down(cut, timing(lasting="10m"))
        assert (await net.dig("example.ch", "SOA", at=BE))["rcode"] == "NOERROR"
        await send(net)
        await net.advance(9 * MINUTE)
        assert not delivered(net)
        await net.advance(30 * MINUTE)
        assert len(delivered(net)) == 1
        assert [type(entry.event) for entry in net.log if "|" in getattr(entry.event, "target", "")][1:] == [
            FaultApplied,
            FaultLifted,
        ]

    play(story)


@pytest.mark.namespace
def test_a_crashed_host_is_back_by_itself_with_its_mail_and_other_faults_stay() -> None:
    async def story(net: Internet, _: DistantFabric) -> None:
        await net.fail(CH, Silent())
        await send(net)
        await net.advance(MINUTE)
        await net.fail(BE, Crash(), timing(lasting="10s"))
        await net.advance(MINUTE)
        assert net.state(BE) == "up"
        await net.fail(CH, Paused(), timing(lasting="1m"))
        await net.advance(5 * MINUTE)
        assert net.state(CH) == "silent"
        await net.heal()
        await net.advance(30 * MINUTE)
        assert len(delivered(net)) == 1
        with pytest.raises(WrongUse):
            await net.fail(BE, PowerCut())

    play(story)


@pytest.mark.namespace
def test_a_clock_is_wrong_where_its_host_lives() -> None:
    async def story(net: Internet, _: DistantFabric) -> None:
        await net.fail(BE, Skew(timedelta(hours=-1)))
        now = net.fabric.clock.now()
        await send(net)
        await net.advance(MINUTE)
        date = parsedate_to_datetime(message_from_bytes(await net.message(ED, 1))["Date"])
        assert -3601 < (date - now).total_seconds() < -3590

    play(story)


@pytest.mark.namespace
def test_chance_strikes_some() -> None:
    async def story(net: Internet, _: DistantFabric) -> None:
        await net.fail(CH, fault_of("chance 50% down"))
        await net.fail(CH, fault_of("chance 50% reply 550 at rcpt"))
        for _ in range(24):
            await send(net)
        await net.advance(120 * MINUTE)
        assert 4 < len(delivered(net)) < 20

    play(story)
