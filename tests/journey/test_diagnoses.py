"""Diagnoses of hand-made logs: what no world of tests/faults can provoke, and what a saved log is good for."""

from __future__ import annotations

from journey_stories import ED, HOME, RELAY, Story

from lab.events import RecipientsFailed
from lab.journey import build
from lab.journey.case import case_of
from lab.journey.diagnoses import UNKNOWN, Finding, diagnose
from lab.journey.world import world_of
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
