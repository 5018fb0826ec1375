"""Diagnoses of hand-made logs: what no world of tests/faults can provoke, and what a saved log is good for."""

from __future__ import annotations

import json
from pathlib import Path

from journey_stories import ED, HOME, RELAY, Story

from lab.event_forms import from_json
from lab.events import RecipientsFailed
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
