"""A fault by chance strikes now and then, and from one seed always at the same moments."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from lab.clock import VirtualTime
from lab.events import FaultStruck, MailDeferred
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.internet import Internet
from lab.scenario import Net
from lab.topology import loads
from tests.faults.world import BELGIUM, NEWS, UNIGE, play, struck, told

ANN, ED = "ann@unige.ch", "ed@belgiannews.com"


def lines(seed: str, words: str) -> list[str]:
    """The whole log of some mails to a host with this fault."""

    async def main() -> list[str]:
        plan = replace(loads(BELGIUM, "belgium.yaml"), seed=seed)
        internet = Internet(plan, lambda boot: SimFabric(plan.ranges, boot, seed=plan.seed))
        await internet.up()
        net = Net(internet)
        await net.fail(NEWS, words, lasting="3h", every="5h")
        for _ in range(8):
            await net.send(ANN, ED, subject="hello")
            await net.clock.advance("30m")
        await internet.down()
        return [entry.line() for entry in internet.log]

    with asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime())) as runner:
        return runner.run(main())


@pytest.mark.parametrize("words", ["reply 451 at rcpt", "silent", "stall at data"])
def test_the_same_seed_tells_the_same_story_and_another_another(words: str) -> None:
    first = lines("1", f"chance 40% {words}")
    assert first == lines("1", f"chance 40% {words}")
    assert first != lines("2", f"chance 40% {words}")


def test_some_recipients_are_refused_and_the_others_are_not() -> None:
    async def story(net: Net) -> None:
        await net.fail(NEWS, "chance 50% reply 550 at rcpt")
        mails = [await net.send(ANN, ED, subject=f"{number}") for number in range(40)]
        await net.clock.advance("1h")
        arrived = (await net.mailbox(ED)).subjects
        assert 10 < len(arrived) < 30
        assert len(arrived) + len(struck(net)) == len(mails)
        assert {event.fault for event in told(net, FaultStruck)} == {"chance 50% reply 550 at rcpt"}

    play(story)


def test_some_keywords_are_hidden_each_by_its_own_chance() -> None:
    async def story(net: Net) -> None:
        await net.fail(NEWS, "chance 50% hide PIPELINING")
        await net.fail(NEWS, "hide SIZE")
        seen = []
        for _ in range(24):
            async with net.dialogue(NEWS) as smtp:
                await smtp.expects("220")
                said = await smtp.says("EHLO me.test", "250")
                seen.append("PIPELINING" in said)
                assert "SIZE" not in said
                await smtp.says("QUIT", "221")
        assert 5 < sum(seen) < 19

    play(story)


def test_some_questions_go_unanswered_and_others_do_not() -> None:
    async def story(net: Net) -> None:
        await net.fail("ns.com", "chance 50% timeout")
        took = []
        for _ in range(12):
            await net.flush()
            begun = net.elapsed
            await net.dig("belgiannews.com", "NS")
            took.append(net.elapsed - begun > 0.3)
        assert 2 < sum(took) < 12, took

    play(story)


def test_a_stall_by_chance_lasts_until_it_is_healed() -> None:
    async def story(net: Net) -> None:
        await net.fail(NEWS, "chance 99.9% stall at rcpt")
        mail = await net.send(ANN, ED, subject="hello")
        await net.clock.advance("1m")
        assert not told(net, MailDeferred, UNIGE)
        await net.heal(NEWS)
        await mail.delivered(within="1s")

    play(story)
