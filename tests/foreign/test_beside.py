"""An agent's log leaves its MX list out; the lab asks beside it, and says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from lab.clock import VirtualTime
from lab.dns.stub import Stub
from lab.events import (
    ConnectionFailed,
    ConnectionOpened,
    Event,
    ExchangersFound,
    Failure,
    MailAccepted,
    MailDeferred,
    MailDelivered,
    MailRelayed,
    MailSubmitted,
    NameResolved,
    RecipientsFailed,
    Stage,
)
from lab.fabric.faults import Silent
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.foreign.beside import Ask, Beside
from lab.internet import Internet
from lab.names import DomainName
from lab.topology import loads

WORLD = """\
name: beside
resolvers: {dns.a.be: }
domains:
  a.be: {mx: [10 mail.a.be], people: [ann]}
  b.be: {mx: [5 mail.b.be, 10 relay.c.be], people: [ed]}
  c.be: {mx: [10 relay.c.be], people: [luc], hosts: {relay.c.be: {mail: {backup_for: [b.be]}}}}
  out.be: {mx: [10 mail.out.be], people: [joe], hosts: {mail.out.be: {mail: {smarthost: relay.c.be}}}}
"""
BOTH = ("5 mail.b.be", "10 relay.c.be")
HANDED_IN = MailSubmitted("q1", "<1@a.be>", "ann@a.be", ("ed@b.be",), 400)

Story = Callable[[Internet, Beside], Awaitable[None]]


def told(story: Story, at: str = "mail.a.be", ask: Ask | None = None) -> list[Event]:
    """What is in the log of a host's messages after a story."""

    async def main() -> list[Event]:
        plan = loads(WORLD, "beside.yaml")
        net = Internet(plan, lambda boot: SimFabric(plan.ranges, boot))
        await net.up()
        host = net.fabric.hosts[DomainName(at)]
        assert host.plan.mail is not None
        await story(net, Beside(host, "postfix", host.plan.mail, ask or Stub(host).resolve))
        await net.advance(timedelta(seconds=30))
        await net.down()
        return [one.event for one in net.log if one.host == at and getattr(one.event, "queue_id", "") != ""]

    with asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime())) as runner:
        return runner.run(main())


def failed(exchanger: str = "mail.b.be", destination: str = "b.be") -> ConnectionFailed:
    return ConnectionFailed(
        1, destination, exchanger, "198.18.2.25", 25, 0, Stage.CONNECT, Failure.REFUSED, "next", queue_id="q1"
    )


def opened(exchanger: str = "relay.c.be", destination: str = "b.be") -> ConnectionOpened:
    return ConnectionOpened(2, destination, exchanger, "198.18.3.25", 25, 0, "q1")


def waits(number: int) -> MailDeferred:
    return MailDeferred("q1", ("ed@b.be",), "b.be", "Connection refused", 40.0, number)


def after(*events: Event) -> Story:
    async def story(net: Internet, beside: Beside) -> None:
        for event in events:
            beside.tell(event)

    return story


def routes(found: list[Event]) -> list[tuple[str, ...]]:
    return [one.exchangers for one in found if isinstance(one, ExchangersFound)]


def test_the_list_stands_before_the_first_call_and_each_call_has_its_preference() -> None:
    relayed = MailRelayed("q1", ("ed@b.be",), "relay.c.be", "198.18.3.25", "250 ok", 2)
    found = told(after(HANDED_IN, failed(), opened(), relayed))
    kinds = [type(one) for one in found]
    assert kinds == [MailSubmitted, NameResolved, ExchangersFound, ConnectionFailed, ConnectionOpened, MailRelayed]
    asked, route, refused, taken = found[1:5]
    assert isinstance(asked, NameResolved)
    assert isinstance(route, ExchangersFound)
    assert (asked.beside, route.beside) == ("postfix", "postfix")
    assert (asked.name, set(asked.answers), asked.rcode) == ("b.be", set(BOTH), "NOERROR")
    assert (route.exchangers, route.rule) == (BOTH, "mx")
    assert isinstance(refused, ConnectionFailed)
    assert isinstance(taken, ConnectionOpened)
    assert (refused.preference, taken.preference) == (5, 10)


def test_an_agent_that_names_no_destination_calls_one_that_names_the_exchanger() -> None:
    """Exim says whom it calls before it says for whom."""
    came = MailAccepted(
        "q1", "<1@a.be>", "x@y.be", ("joe@out.be", "ed@b.be"), 400, "198.18.9.9", "mail.y.be", "ESMTP"
    )
    found = told(after(came, failed(destination="")))
    assert [(e.destination, e.preference) for e in found if isinstance(e, ConnectionFailed)] == [("b.be", 5)]


def test_each_attempt_asks_again_and_not_once_for_each_recipient() -> None:
    other = MailDeferred("q1", ("luc@b.be",), "b.be", "Connection refused", 40.0, 1)
    found = told(after(HANDED_IN, failed(), waits(1), other, failed(), waits(2)))
    assert routes(found) == [BOTH, BOTH]


def test_mail_that_waits_for_other_mail_is_not_tried_so_nothing_is_asked() -> None:
    behind = MailDeferred("q1", ("ed@b.be",), "b.be", "delivery temporarily suspended: connect to …", 40.0, 1)
    assert [type(e) for e in told(after(HANDED_IN, behind))] == [MailSubmitted, MailDeferred]


def test_a_domain_that_is_not_there_is_told_although_nobody_is_called() -> None:
    lost = MailSubmitted("q1", "<1@a.be>", "ann@a.be", ("x@nowhere.be",), 400)
    found = told(after(lost, RecipientsFailed("q1", ("x@nowhere.be",), "5.4.4", "Host not found")))
    assert [(e.rcode, e.beside) for e in found if isinstance(e, NameResolved)] == [("NXDOMAIN", "postfix")]
    assert [(e.rule, e.exchangers) for e in found if isinstance(e, ExchangersFound)] == [("nxdomain", ())]


def test_a_question_that_the_log_tells_of_was_asked_of_the_host_s_own_resolver() -> None:
    own = NameResolved("b.be", "MX", "SERVFAIL", queue_id="q1")
    (asked,) = [e for e in told(after(HANDED_IN, own)) if isinstance(e, NameResolved)]
    assert asked.via != ""
    assert (asked.rcode, asked.beside) == ("SERVFAIL", "")


def test_a_backup_leaves_itself_out() -> None:
    held = MailAccepted("q1", "<1@a.be>", "ann@a.be", ("ed@b.be",), 400, "198.18.2.25", "mail.a.be", "ESMTP")
    (route,) = [e for e in told(after(held, failed()), at="relay.c.be") if isinstance(e, ExchangersFound)]
    assert route.exchangers == ("5 mail.b.be",)
    assert route.left_out == ("10 relay.c.be: itself",)


def test_mail_that_stays_asks_nobody() -> None:
    mine = MailSubmitted("q1", "<1@a.be>", "ann@a.be", ("ann@a.be",), 400)
    found = told(after(mine, MailDeferred("q1", ("ann@a.be",), "a.be", "disk full", 40.0, 1)))
    assert [type(e) for e in found] == [MailSubmitted, MailDeferred]


def test_who_dials_a_smarthost_asks_nobody() -> None:
    sent = MailSubmitted("q1", "<1@out.be>", "joe@out.be", ("ed@b.be",), 400)
    found = told(after(sent, opened()), at="mail.out.be")
    assert [type(e) for e in found] == [MailSubmitted, ExchangersFound, ConnectionOpened]
    assert routes(found) == [("0 relay.c.be",)]


def test_a_mute_resolver_holds_back_only_what_belongs_to_its_message_and_not_for_long() -> None:
    """What waits is told with the silence; mail that is delivered here meanwhile is told at once."""
    here = MailDelivered("q2", "ann@a.be", "ann@a.be")

    async def story(net: Internet, beside: Beside) -> None:
        await net.fail("dns.a.be", Silent())
        await after(HANDED_IN, waits(1), here)(net, beside)
        await net.advance(timedelta(seconds=2.5))

    found = told(story)
    assert [type(e) for e in found] == [MailSubmitted, MailDelivered, NameResolved, MailDeferred]
    assert [(e.rcode, e.seconds) for e in found if isinstance(e, NameResolved)] == [("TIMEOUT", 2.0)]


def test_a_host_that_goes_down_tells_what_was_heard_and_once() -> None:
    async def story(net: Internet, beside: Beside) -> None:
        await net.fail("dns.a.be", Silent())
        await after(HANDED_IN, failed(), waits(1))(net, beside)
        await net.advance(timedelta(seconds=1))
        beside.tell_all()

    assert [type(e) for e in told(story)] == [MailSubmitted, ConnectionFailed, MailDeferred]
