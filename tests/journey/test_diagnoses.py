"""Diagnoses of hand-made logs: what no world of tests/faults can provoke, and what a saved log is good for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from journey_stories import ED, HOME, MAIL, RELAY, Story

from lab.event_forms import from_json
from lab.events import ExchangersFound, FaultApplied, FaultLifted, HopAnswered, NameResolved, RecipientsFailed
from lab.journey import build
from lab.journey.case import case_of
from lab.journey.diagnoses import UNKNOWN, Finding, diagnose
from lab.journey.world import world_of
from lab.log import Entry
from lab.topology import load
from lab.topology.plan import Plan

NOWHERE = Plan("nowhere", (), {})
"""A plan without hosts: what is known is in the log."""


def found(story: Story, id: str = "J-0001") -> Finding:
    return diagnose(case_of(build(story.log), id, world_of(NOWHERE, story.log)))


def test_what_no_diagnosis_fits_is_said_in_the_hosts_own_words() -> None:
    odd = RecipientsFailed("a1", (ED,), "5.3.0", "the moon is in the way")
    finding = found(Story().submit("a1").at(HOME, odd))
    assert finding.diagnosis is UNKNOWN
    assert "the moon is in the way" in finding.sentence


def test_a_log_tells_its_diagnosis_without_the_lab() -> None:
    story = Story().submit("a1").route("a1").refused("a1").talk("a1", RELAY).hand_over("a1", "b1", RELAY)
    finding = found(story)
    assert finding.code == "D304"
    assert [step.outcome for step in finding.evidence] == ["refused"]


REAL = load(Path(__file__).parents[2] / "topologies" / "belgium-real.yaml")
"""All of its hosts run real software, so that lab time is the machine's."""


def in_real_time(story: Story, id: str = "J-0001") -> Finding:
    return diagnose(case_of(build(story.log), id, world_of(REAL, story.log), now=story.t))


def test_where_lab_time_cannot_run_ahead_no_remedy_lets_it() -> None:
    story = Story().submit("a1").route("a1").refused("a1").wait("a1", HOME, 300)
    assert in_real_time(story).remedy == f"lab heal {MAIL}, then  lab queue --retry"


def test_an_agent_that_has_logged_nothing_yet_is_at_work_on_it() -> None:
    story = Story().submit("a1").pause(20)
    finding = in_real_time(story)
    assert finding.code == "D505"
    told = "postfix logs whom it called when it has an answer"
    assert finding.sentence == f"{HOME} is at work on it ({told}), for 20 s so far."
    assert finding.remedy == "Let lab time pass:  wait 5 min"


@pytest.mark.parametrize(
    ("target", "fault", "remedy"),
    [
        (MAIL, "paused", f"lab heal {MAIL}"),
        ("dns.unige.ch", "silent", "lab heal dns.unige.ch"),
        ("unige.ch|belgiannews.com", "cut", "lab heal"),
    ],
)
def test_what_keeps_an_agent_at_work_is_named(target: str, fault: str, remedy: str) -> None:
    finding = in_real_time(Story().at("", FaultApplied(target, fault)).submit("a1").pause(20))
    assert (finding.code, finding.remedy) == ("D505", remedy)
    assert finding.notes == (f"broken on purpose: {target}  {fault}",)


def test_who_waits_behind_another_whose_cause_is_over_is_not_told_to_mend_it() -> None:
    story = Story().at("", FaultApplied(MAIL, "down")).submit("a1").route("a1").refused("a1").wait("a1", HOME, 300)
    story.submit("a2").wait("a2", HOME, 300).at("", FaultLifted(MAIL, "down")).pause(1)
    finding = in_real_time(story, "J-0002")
    assert (finding.code, finding.remedy) == ("D502", f"lab queue {HOME} --retry")


def test_a_server_that_a_log_names_by_its_address_has_its_name() -> None:
    story = Story().submit("a1", to=("x@nowhere.be",))
    story.at("dns.unige.ch", HopAnswered("nowhere.be", "MX", "be", "198.18.1.1", "198.18.1.1", "nxdomain"))
    story.at(HOME, NameResolved("nowhere.be", "MX", "NXDOMAIN", (), "198.18.3.54", 0.01, "a1", beside="postfix"))
    story.at(HOME, ExchangersFound("nowhere.be", (), "nxdomain", queue_id="a1", beside="postfix"))
    story.at(HOME, RecipientsFailed("a1", ("x@nowhere.be",), "5.4.4", "Host not found"))
    finding = in_real_time(story)
    assert (finding.code, finding.notes) == ("D101", ("ns.be [198.18.1.1], asked for be.: nxdomain",))


LOGS = Path(__file__).parents[1] / "foreign" / "logs"
BELGIUM = Path(__file__).parents[2] / "topologies" / "belgium.yaml"


def codes(folder: str, host: str) -> dict[str, tuple[str, ...]]:
    """Of each message in the log of real software, by its subject (or recipient): the codes of its diagnosis."""
    forms = [json.loads(line) for line in (LOGS / folder / "expected.jsonl").read_text().splitlines()]
    log = [Entry(n, float(form["line"]), host, from_json(form)) for n, form in enumerate(forms, 1)]
    journeys, world = build(log), world_of(load(BELGIUM), log)
    return {
        journeys[one].subject or journeys[one].recipients[0]: diagnose(case_of(journeys, one, world)).codes
        for one in journeys
    }


def test_what_postfix_tells_has_a_diagnosis() -> None:
    found = codes("postfix-that-sends", "mail.unige.ch")
    assert found["no such domain"] == ("D101",)
    assert found["fallback"] == ("D304",)


def test_what_exim_tells_has_a_diagnosis() -> None:
    assert codes("exim-that-relays", "relay.eunet.be")["no such domain"] == ("D101",)


def test_who_was_taken_is_not_blamed_for_who_was_not() -> None:
    """One recipient of the message is nobody; the other was passed on, and what became of it is in another log."""
    found = codes("postfix-that-sends", "mail.unige.ch")
    assert found["alias and nobody"] == (UNKNOWN.code,)
