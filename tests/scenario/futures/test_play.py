"""Futures of a small mini-Internet: drawn alike, played alike, and judged by what lies in the mailboxes."""

from pathlib import Path

from lab import topology
from lab.events import Stage
from lab.faults import Down, PowerCut, Reply
from lab.scenario.futures.acts import Advance, Cut, Fail, Heal, Send
from lab.scenario.futures.draw import draw, setting
from lab.scenario.futures.play import play
from lab.scenario.futures.promises import Breach
from lab.topology.plan import Plan

BELGIUM = Path(__file__).parents[3] / "topologies" / "belgium.yaml"
ANN, ED = "ann@unige.ch", "ed@belgiannews.com"


def belgium() -> Plan:
    return topology.load(BELGIUM)


def test_the_same_seed_draws_the_same_acts() -> None:
    over = setting(belgium())
    assert draw(7, over) == draw(7, over)
    assert draw(7, over) != draw(8, over)


def test_the_same_seed_and_acts_tell_the_same_story() -> None:
    plan = belgium()
    acts = draw(3, setting(plan, messages=5, days=1))
    assert play(plan, 3, acts, hashed=True) == play(plan, 3, acts, hashed=True)


def test_waits_add_up_to_the_days_asked_for_at_most() -> None:
    over = setting(belgium(), days=2)
    for seed in range(20):
        waits = [act.seconds for act in draw(seed, over) if isinstance(act, Advance)]
        assert sum(waits) <= 2 * 86_400


def test_a_message_through_the_backup_is_counted_as_such() -> None:
    acts = [
        Fail("mail.belgiannews.com", Down()),
        Send(ANN, (ED,), "m1"),
        Advance(60.0),
        Heal("mail.belgiannews.com"),
    ]
    outcome = play(belgium(), 1, acts)
    assert (outcome.delivered, outcome.by_backup, outcome.passed) == (1, 1, True)
    assert 60 < outcome.delays[0] < 3600


def test_who_is_not_there_is_bounced_and_the_bounce_arrives() -> None:
    outcome = play(belgium(), 1, [Send(ANN, ("nobody@belgiannews.com",), "m1")])
    assert (outcome.bounced, outcome.delivered, outcome.passed) == (1, 1, True)


def test_an_outage_longer_than_patience_is_a_bounce_and_no_loss() -> None:
    acts = [Cut(("mail.unige.ch",), ("*",)), Send(ANN, (ED,), "m1"), Advance(6 * 86_400.0)]
    outcome = play(belgium(), 1, acts)
    assert (outcome.bounced, outcome.passed) == (1, True)


def test_a_letter_that_lost_its_end_is_garbled() -> None:
    from lab.scenario.futures.judging import is_whole

    assert is_whole(b"...\r\nend of m1\r\n", "<m1@future>")
    assert not is_whole(b"...\r\nend of m\r\n", "<m1@future>")
    assert is_whole(b"whatever", "<else@where>")


def test_a_host_that_stays_down_to_the_end_is_healed_before_anything_is_judged() -> None:
    acts = [Send(ANN, (ED,), "m1"), Fail("mail.unige.ch", PowerCut())]
    outcome = play(belgium(), 1, acts)
    assert outcome.passed, outcome.broken
    assert Breach.LOST not in {one.breach for one in outcome.broken}


def test_a_bounce_that_bounces_is_read_by_the_host_s_postmaster() -> None:
    """Whose mail lies in the domain's postmaster's mailbox."""
    nobody = Send("luc@eunet.be", ("nobody@unige.ch",), "m1", via="mail.belgiannews.com")
    refusing = Fail("relay.eunet.be", Reply(stage=Stage.RCPT, code=550))
    outcome = play(belgium(), 1, [refusing, nobody, Advance(60.0)])
    assert (outcome.bounced, outcome.passed) == (2, True), outcome.broken


def test_a_host_without_a_domain_has_a_postmaster_too() -> None:
    plan = topology.load(BELGIUM.with_name("loop.yaml"))
    host = next(host for host in plan.hosts if host.mail and not host.mail.local_domains)
    outcome = play(plan, 1, [Send("ann@east.be", (f"postmaster@{host.name}",), "m1")])
    assert (outcome.delivered, outcome.passed) == (1, True), outcome.broken
