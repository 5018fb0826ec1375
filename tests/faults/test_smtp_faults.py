"""What a mail server does wrong on purpose, and what becomes of a mail that meets it."""

from __future__ import annotations

import pytest

from lab.events import MailAccepted, MailDelivered, Stage
from lab.faults.smtp import KEYWORDS
from lab.mail.session import LIMITS
from lab.scenario import Net, Unmet
from tests.faults.world import NEWS, RELAY, TLS, UNIGE, failures, play, replies, struck, told

ANN, ED = "ann@unige.ch", "ed@belgiannews.com"
STAGES = [Stage.GREETING, Stage.HELO, Stage.STARTTLS, Stage.MAIL, Stage.RCPT, Stage.DATA]
"""Those before the message is somebody else's."""


async def sent(net: Net) -> None:
    """A mail from ann to ed arrives, whatever stands in its way."""
    mail = await net.send(ANN, ED, subject="hello")
    await mail.delivered(within="6h")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stall_lasts_until_the_senders_time_limit_and_the_next_exchanger_is_tried(stage: Stage) -> None:
    async def story(net: Net) -> None:
        await net.fail(NEWS, f"stall at {stage} once")
        mail = await net.send(ANN, ED, subject="hello")
        begun = net.elapsed
        await net.until(lambda: bool(failures(net)), "1h")
        assert net.elapsed - begun == pytest.approx(LIMITS[stage], abs=1)
        assert failures(net) == [f"{NEWS} {stage} timed out"]
        await mail.delivered(within="6h")
        assert len(struck(net)) == 1

    play(story, TLS)


@pytest.mark.parametrize("stage", STAGES)
def test_a_reset_is_seen_at_its_stage_and_the_next_exchanger_is_tried(stage: Stage) -> None:
    async def story(net: Net) -> None:
        await net.fail(NEWS, f"reset at {stage} once")
        await sent(net)
        assert failures(net) == [f"{NEWS} {stage} reset"]

    play(story, TLS)


@pytest.mark.parametrize("stage", STAGES)
def test_a_reply_is_seen_at_its_stage(stage: Stage) -> None:
    async def story(net: Net) -> None:
        await net.fail(NEWS, f"reply 454 at {stage} once saying 4.7.0 not now")
        await sent(net)
        assert replies(net)[0] == f"{stage} 454"

    play(story, TLS)


@pytest.mark.parametrize("how", ["stall", "reset"])
def test_after_the_dot_the_250_is_lost_and_the_mail_is_there_twice(how: str) -> None:
    """RFC 1047: the message was stored, and its sender did not hear of it."""

    async def story(net: Net) -> None:
        await net.fail(NEWS, f"{how} at dot once")
        await sent(net)
        await net.clock.advance("6h")
        (await net.mailbox(ED)).holds("hello", "hello")
        assert failures(net) == [f"{NEWS} eom {'reset' if how == 'reset' else 'timed out'}"]
        assert [event.recipients for event in told(net, MailAccepted, NEWS)] == [(ED,)] * 2
        assert await net.queue() == []

    play(story)


def test_a_reply_after_the_dot_keeps_the_message_out() -> None:
    async def story(net: Net) -> None:
        await net.fail(NEWS, "reply 451 at dot once")
        await sent(net)
        await net.clock.advance("6h")
        (await net.mailbox(ED)).holds("hello")

    play(story)


@pytest.mark.parametrize("how", ["stall", "reset"])
def test_a_goodbye_that_fails_costs_nothing(how: str) -> None:
    async def story(net: Net) -> None:
        await net.fail(NEWS, f"{how} at quit")
        await sent(net)
        await net.clock.advance("6h")
        (await net.mailbox(ED)).holds("hello")
        assert struck(net) == [f"{how} at quit (quit)"]

    play(story)


def test_healed_a_stalled_server_goes_on_where_it_stood() -> None:
    async def story(net: Net) -> None:
        await net.fail(NEWS, "stall at rcpt")
        mail = await net.send(ANN, ED, subject="hello")
        await net.clock.advance("2m")
        assert told(net, MailDelivered) == []
        await net.heal(NEWS)
        await mail.delivered(within="1s")
        assert failures(net) == []
        mail.tried(NEWS)

    play(story)


def test_healed_before_the_sender_gives_up_the_250_comes_late_and_once() -> None:
    async def story(net: Net) -> None:
        await net.fail(NEWS, "stall at dot")
        mail = await net.send(ANN, ED, subject="hello")
        await net.clock.advance("9m")
        await net.heal(NEWS)
        await mail.delivered(within="1s")
        await net.clock.advance("6h")
        (await net.mailbox(ED)).holds("hello")

    play(story)


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
def test_a_fault_for_an_address_leaves_the_others_alone(stage: str) -> None:
    async def story(net: Net) -> None:
        await net.fail(NEWS, f"reply 550 at {stage} for {ANN if stage == 'mail' else ED}")
        other = await net.send("bob@cui.unige.ch", "news@belgiannews.com", subject="to news")
        await other.delivered(within="1m")
        mail = await net.send(ANN, ED, subject="to ed")
        await mail.bounced(within="1m")

    play(story)


def test_a_fault_strikes_as_often_as_it_was_told_to() -> None:
    async def story(net: Net) -> None:
        await net.fail(RELAY, "down")
        await net.fail(NEWS, "reset at rcpt twice")
        await sent(net)
        assert struck(net) == [f"reset at rcpt twice (rcpt {ED})"] * 2

    play(story)


def test_a_hidden_keyword_is_not_offered_and_its_command_is_unknown() -> None:
    async def story(net: Net) -> None:
        await net.fail(NEWS, "hide STARTTLS")
        async with net.dialogue(NEWS) as smtp:
            await smtp.expects("220")
            reply = await smtp.says("EHLO student", "250")
            assert "STARTTLS" not in str(reply)
            assert "PIPELINING" in str(reply)
            await smtp.says("STARTTLS", "500")
        await sent(net)
        assert [event.protocol for event in told(net, MailAccepted, NEWS)] == ["ESMTP"]

    play(story, TLS)


def test_without_pipelining_each_command_waits_for_its_reply() -> None:
    """What is offered is done: MAIL refused, and RCPT and DATA are not said any more."""

    async def story(net: Net) -> None:
        await net.fail(NEWS, "reply 451 at mail once")
        await sent(net)
        assert replies(net) == ["mail 451", "rcpt 503", "data 503"]
        await net.heal(NEWS)
        await net.clock.advance("1h")
        await net.fail(NEWS, "hide PIPELINING")
        await net.fail(NEWS, "reply 451 at mail once")
        await sent(net)
        assert replies(net)[3:] == ["mail 451"]

    play(story)


def test_several_keywords_can_be_hidden() -> None:
    async def story(net: Net) -> None:
        for keyword in KEYWORDS:
            await net.fail(NEWS, f"hide {keyword}")
        async with net.dialogue(NEWS) as smtp:
            await smtp.expects("220")
            reply = await smtp.says("EHLO student", "250")
            assert not [keyword for keyword in KEYWORDS if keyword in str(reply)]
        await sent(net)

    play(story)


@pytest.mark.parametrize(
    ("words", "sees"),
    [("reply 454 at auth", "454 4.3.0"), ("reset at auth", "hung up|reset"), ("stall at auth", None)],
)
def test_who_hands_mail_in_meets_a_fault_at_the_login(words: str, sees: str | None) -> None:
    async def story(net: Net) -> None:
        net.fail(UNIGE, f"{words} once")
        with pytest.raises((Unmet, TimeoutError, ConnectionError), match=sees):
            async with net.submission(ANN):
                pass
        await (await net.submit(ANN, ED, subject="again")).delivered()
        assert struck(net) == [f"{words} once (auth)"]

    play(story)
