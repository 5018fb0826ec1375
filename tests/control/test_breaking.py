"""What the words of `fail` and `heal` mean."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lab.control.breaking import broken_lines, fault_of, link_of
from lab.errors import WrongUse
from lab.events import FaultApplied, FaultLifted, Stage
from lab.faults import Down, Hide, Paused, Reply, Reset, ServFail, Silent, Slow, Stall
from lab.log import EventLog
from lab.names import DomainName
from lab.topology.plan import Link


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ({}, Down()),
        ({"as": "silent"}, Silent()),
        ({"as": "paused"}, Paused()),
        ({"reply": 451}, Reply(Stage.RCPT, 451)),
        ({"reply": 421, "at": "connect"}, Reply(Stage.GREETING, 421)),
        ({"reply": 552, "at": "dot", "times": 2}, Reply(Stage.EOM, 552, times=2)),
        (
            {"reply": 550, "at": "rcpt", "for": "ed@belgiannews.com"},
            Reply(Stage.RCPT, 550, address="ed@belgiannews.com"),
        ),
        ({"words": ["stall", "at", "data"]}, Stall(Stage.DATA)),
        ({"words": ["reset at dot once"]}, Reset(Stage.EOM, times=1)),
        ({"stall": "greeting", "times": 3}, Stall(Stage.GREETING, times=3)),
        ({"reset": "rcpt", "for": "ed@b.be"}, Reset(Stage.RCPT, "ed@b.be")),
        ({"hide": "starttls"}, Hide("STARTTLS")),
        ({"as": "servfail", "for": "b.be", "times": 1}, ServFail(name=DomainName("b.be"), times=1)),
        ({"slow": "5s", "for": "b.be"}, Slow(name=DomainName("b.be"), seconds=5)),
        ({"reply": 451, "text": "come back"}, Reply(Stage.RCPT, 451, "come back")),
    ],
)
def test_words_name_a_fault(words: dict[str, Any], fault: object) -> None:
    assert fault_of(words) == fault


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"as": "asleep"}, "cannot fail as 'asleep'"),
        ({"reply": 250}, "refuses nothing"),
        ({"reply": 450, "at": "lunch"}, "no stage 'lunch'"),
        ({"at": "rcpt"}, "'down' takes no 'at'"),
        ({"as": "silent", "reply": 451}, "'reply 451' and 'silent' are two faults"),
        ({"words": ["silent"], "slow": "5s"}, "'silent' and 'slow 5s' are two faults"),
    ],
)
def test_words_that_name_none_are_told_what_there_is(words: dict[str, Any], reason: str) -> None:
    with pytest.raises(WrongUse, match=reason):
        fault_of(words)


def test_delay_and_loss_are_a_line() -> None:
    assert link_of({"delay": "200ms", "loss": "10%"}) == Link(timedelta(milliseconds=200), loss=0.1)
    assert link_of({"as": "down"}) is None


@pytest.mark.parametrize("words", [{"delay": "soon"}, {"loss": "110%"}, {"loss": "much"}])
def test_a_line_that_cannot_be_is_refused(words: dict[str, Any]) -> None:
    with pytest.raises(WrongUse):
        link_of(words)


def test_a_line_is_shown_in_words() -> None:
    assert str(Link(timedelta(milliseconds=200), loss=0.1)) == "200 ms of delay, 10% of loss"
    assert str(Link()) == "as fast as can be"


def test_lines_broken_since_the_last_healing_are_found_in_the_log() -> None:
    log = EventLog()
    for event in (
        FaultApplied("a|b", "link old"),
        FaultLifted("a|b", "link old"),
        FaultApplied("a|*", "link new"),
        FaultApplied("a|c", "cut"),
        FaultApplied("mail", "down"),
    ):
        log.append(0.0, "", event)
    assert broken_lines(log) == {("a", "*"): "new", ("a", "c"): "cut"}


def test_of_two_cuts_on_a_line_one_may_be_over() -> None:
    log = EventLog()
    for event in (
        FaultApplied("a|b", "cut"),
        FaultApplied("a|b", "cut one way"),
        FaultApplied("a|b", "link slow"),
        FaultApplied("a|b", "link slower"),
        FaultLifted("a|b", "cut"),
    ):
        log.append(0.0, "", event)
    assert broken_lines(log) == {("a", "b"): "cut one way, slower"}
    log.append(0.0, "", FaultLifted("a|b", "link slower"))
    assert broken_lines(log) == {("a", "b"): "cut one way"}
