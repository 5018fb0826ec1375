"""What a log and mailboxes amount to: kept, broken, or excused by RFC 1047."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lab.events import (
    BounceSent,
    Event,
    FaultApplied,
    HostStarted,
    MailAccepted,
    MailRecovered,
    MailRelayed,
    MailRemoved,
    MailSubmitted,
    ProgramCrashed,
    RecipientsFailed,
)
from lab.log import EventLog
from lab.scenario.futures.promises import Breach, Mailboxes, broken, read

ADDRESSES = {"mail.a.be": ("198.18.1.25",), "mail.b.be": ("198.18.2.25",)}
TO = ("ed@b.be",)
MESSAGE = "<m1@a.be>"
KEY = (MESSAGE, TO[0])

SUBMITTED = ("mail.a.be", MailSubmitted("q1", MESSAGE, "ann@a.be", TO, 100))
STARTED = ("mail.a.be", HostStarted())
REMOVED = ("mail.a.be", MailRemoved("q1"))


def accepted(queue_id: str) -> tuple[str, Event]:
    return "mail.b.be", MailAccepted(queue_id, MESSAGE, "ann@a.be", TO, 100, "198.18.1.25", "mail.a.be", "ESMTP")


def relayed(queue_id: str) -> tuple[str, Event]:
    return "mail.a.be", MailRelayed("q1", TO, "mail.b.be", "198.18.2.25", f"250 2.0.0 queued as {queue_id}")


def breaches(*events: tuple[str, Event], copies: int = 1, waiting: int = 0) -> Sequence[Breach]:
    log = EventLog()
    for number, (host, event) in enumerate(events):
        log.append(float(number), host, event)
    boxes = Mailboxes(Counter({KEY: copies} if copies else {}))
    return [one.breach for one in broken(read(log), boxes, lambda address: [address], ADDRESSES, waiting)]


def test_what_arrived_is_well() -> None:
    assert breaches(SUBMITTED, accepted("r1"), relayed("r1"), REMOVED) == []


def test_what_is_nowhere_is_lost() -> None:
    assert breaches(SUBMITTED, copies=0) == [Breach.LOST]
    assert breaches(accepted("r1"), copies=0) == [Breach.LOST]


def test_what_still_waits_is_told() -> None:
    assert breaches(SUBMITTED, waiting=1, copies=1) == [Breach.QUEUED]


def test_a_failure_that_nobody_is_told_of() -> None:
    failed = ("mail.a.be", RecipientsFailed("q1", TO, "5.1.1", "no such user"))
    told = ("mail.a.be", BounceSent("q1", "q2", "ann@a.be"))
    assert breaches(SUBMITTED, failed, copies=0) == [Breach.UNTOLD]
    assert breaches(SUBMITTED, failed, told, copies=0) == []


def test_a_second_copy_by_a_lost_250_is_excused() -> None:
    assert breaches(SUBMITTED, accepted("r1"), accepted("r2"), relayed("r2"), REMOVED, copies=2) == []
    assert breaches(SUBMITTED, accepted("r1"), accepted("r2"), relayed("r2"), REMOVED, copies=3) == [Breach.TWICE]


def test_a_second_copy_though_the_first_was_heard_of_is_not() -> None:
    story = (SUBMITTED, accepted("r1"), relayed("r1"), accepted("r2"), relayed("r2"), REMOVED)
    assert breaches(*story, copies=2) == [Breach.TWICE]


def test_whoever_lost_the_memory_of_a_250_before_it_was_noted_is_excused() -> None:
    first = (SUBMITTED, accepted("r1"), relayed("r1"))
    again = (accepted("r2"), relayed("r2"), REMOVED)
    assert breaches(*first, STARTED, *again, copies=2) == []
    assert breaches(*first, REMOVED, STARTED, *again, copies=2) == [Breach.TWICE], "it was noted, and forgotten"


def test_what_was_noted_while_the_disk_was_full_was_noted_in_memory() -> None:
    full = ("mail.a.be", FaultApplied("mail.a.be", "disk-full"))
    story = (SUBMITTED, accepted("r1"), full, relayed("r1"), REMOVED, STARTED, accepted("r2"), relayed("r2"))
    assert breaches(*story, copies=2) == []


def test_a_message_first_heard_of_when_its_host_is_back_was_taken_before() -> None:
    found = ("mail.b.be", MailRecovered("r1", MESSAGE, "ann@a.be", TO, 100))
    assert breaches(SUBMITTED, found, accepted("r2"), relayed("r2"), REMOVED, copies=2) == []
    assert breaches(SUBMITTED, found, copies=0) == [Breach.LOST]


def test_a_message_found_again_by_the_host_where_it_was_handed_in_excuses_nothing() -> None:
    found = ("mail.a.be", MailRecovered("q1", MESSAGE, "ann@a.be", TO, 100))
    assert breaches(found, accepted("r1"), relayed("r1"), REMOVED, copies=2) == [Breach.TWICE]


def test_a_defect_of_the_lab_is_a_broken_promise() -> None:
    assert breaches(("mail.a.be", ProgramCrashed("mail to b.be", "KeyError: 1"))) == [Breach.CRASHED]
