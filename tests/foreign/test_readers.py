"""Logs of real software, as it wrote them in a lab, and the events that they tell.

A folder of logs/ has `input.log`: its first line names the software and the host's addresses, the others are the
programs' lines as they came, each behind the program's name; line n came at second n. Of OpenSMTPD's trace only
those lines are kept that say something of a message or a session. After a change of readers
`python tests/foreign/test_readers.py` writes the expected events anew; read the difference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.event_forms import to_json
from lab.events import (
    BounceSent,
    ConnectionFailed,
    ConnectionOpened,
    DelayWarned,
    Event,
    MailAccepted,
    MailDeferred,
    MailDelivered,
    MailRead,
    MailRelayed,
    MailRemoved,
    MailSubmitted,
    RecipientsFailed,
    ReplyReceived,
)
from lab.foreign.config.scene import Scene
from lab.foreign.readers.choose import readers_of
from lab.foreign.readers.deliveries import Deliveries
from lab.foreign.readers.dovecot import DovecotReader
from lab.foreign.readers.opensmtpd import OpenSmtpdReader
from lab.foreign.readers.postfix import BackOff, PostfixReader
from lab.mail.retry import SCHEDULES
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan, MailPlan

LOGS = Path(__file__).parent / "logs"
FOLDERS = sorted(path.name for path in LOGS.iterdir())


def told(name: str) -> Iterator[tuple[int, Event]]:
    """The events of a folder's log, each with the number of its line."""
    head, *lines = (LOGS / name / "input.log").read_text(encoding="utf-8").splitlines()
    words = head.removeprefix("# ").split()
    software = tuple(word for word in words if word[0].isalpha())
    addresses = tuple(Address(word) for word in words if word[0].isdigit())
    plan = HostPlan(DomainName("host.example"), addresses, mail=MailPlan(), software=software)
    readers = readers_of(Scene(plan))
    for number, line in enumerate(lines, 1):
        program, _, text = line.partition(": ")
        for event in readers[program].read(text, float(number)):
            yield number, event


def as_lines(name: str) -> str:
    return "".join(
        json.dumps({"line": number, **to_json(event)}, ensure_ascii=False) + "\n" for number, event in told(name)
    )


@pytest.mark.parametrize("name", FOLDERS)
def test_a_log_tells_these_events(name: str) -> None:
    assert as_lines(name) == (LOGS / name / "expected.jsonl").read_text(encoding="utf-8")


def test_a_delivery_is_told_once_both_logs_have_it_in_either_order() -> None:
    """The pipes of Postfix and Dovecot may bring their lines in the other order."""
    sent = (
        "Nov 28 12:55:18 m postfix/lmtp[25]: 4jc9HV2y40zWT03: to=<ann@unige.ch>, relay=mail[/run/dovecot/lmtp], "
        "delay=0.06, delays=0/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 <ann@unige.ch> Or/ow Saved)"
    )
    saved = "Nov 28 12:55:18 lmtp(ann@unige.ch)<26><Or/ow>: Info: save: box=INBOX, uid=7, msgid=<a@b>, size=9"
    expected = [MailDelivered("4jc9HV2y40zWT03", "ann@unige.ch", "ann@unige.ch", 7)]
    for first, second in ((sent, saved), (saved, sent)):
        deliveries = Deliveries()
        postfix, dovecot = PostfixReader((), BackOff(10, 60), deliveries), DovecotReader(deliveries)
        found = [event for line in (first, second) for event in (*postfix.read(line, 0), *dovecot.read(line, 0))]
        assert found == expected


def test_a_message_from_the_hosts_own_address_was_handed_in_there() -> None:
    events = [event for _, event in told("postfix-that-sends")]
    handed_in = [event for event in events if isinstance(event, MailSubmitted) and not event.parent]
    taken = [event for event in events if isinstance(event, MailAccepted)]
    assert {event.sender for event in handed_in} == {"ann@unige.ch"}
    assert {event.peer for event in taken} == {"198.18.4.25"}


def test_a_bounce_is_told_with_the_message_it_is_about() -> None:
    for name in ("postfix-that-sends", "exim-that-relays"):
        events = [event for _, event in told(name)]
        failed = {event.queue_id for event in events if isinstance(event, RecipientsFailed)}
        bounces = {event.queue_id: event.bounce_id for event in events if isinstance(event, BounceSent)}
        children = {event.queue_id: event.parent for event in events if isinstance(event, MailSubmitted)}
        assert failed == set(bounces)
        assert failed
        assert all(children[bounce] == parent for parent, bounce in bounces.items())


def test_an_exchanger_that_refused_is_told_before_the_one_that_took_it() -> None:
    events = [event for _, event in told("postfix-that-sends")]
    (relayed,) = [e for e in events if isinstance(e, MailRelayed) and e.reply == "250 OK id=1xXHxb-00000W-12"]
    before = events[: events.index(relayed)]
    failed = [e for e in before if isinstance(e, ConnectionFailed) and e.queue_id == relayed.queue_id]
    assert [(e.exchanger, e.failure) for e in failed] == [("mail.belgiannews.com", "refused")]


def test_who_read_what_is_told_with_its_number() -> None:
    read = [event for _, event in told("postfix-that-keeps") if isinstance(event, MailRead)]
    assert [(event.mailbox, event.uid, event.how) for event in read] == [("ed@belgiannews.com", 2, "IMAP")]


def of_message(name: str, queue_id: str) -> list[Event]:
    return [event for _, event in told(name) if getattr(event, "queue_id", "") == queue_id]


def test_a_call_that_fails_is_told_of_each_message_that_waited_for_it() -> None:
    failed = [(n, e) for n, e in told("opensmtpd-that-is-traced") if isinstance(e, ConnectionFailed)]
    refused = [(n, e.queue_id) for n, e in failed if (e.stage, e.failure) == ("connect", "refused")]
    assert [one for n, one in refused if n == refused[0][0]] == ["a7e61e25", "f25ccd7e"]
    in_vain = {e.queue_id for _, e in failed}
    waiting = {e.queue_id for _, e in told("opensmtpd-that-is-traced") if isinstance(e, MailDeferred)}
    assert in_vain < waiting, "who came when the way was closed already was not tried"


def test_an_answer_is_told_with_its_stage_and_the_message_it_is_about() -> None:
    answers = [e for _, e in told("opensmtpd-that-is-traced") if isinstance(e, ReplyReceived)]
    assert {(e.code, e.stage, e.follows) for e in answers} == {
        (451, "rcpt", "later"),
        (451, "mail", "later"),
        (452, "eom", "later"),
        (550, "eom", "bounce"),
    }
    (no,) = [e for e in answers if e.code == 550]
    kinds = [type(e) for e in of_message("opensmtpd-that-is-traced", no.queue_id)]
    assert kinds[1:] == [ConnectionOpened, ReplyReceived, RecipientsFailed, MailRemoved, BounceSent]


def test_a_warning_is_no_bounce() -> None:
    events = [event for _, event in told("opensmtpd-that-is-traced")]
    (warned,) = [e for e in events if isinstance(e, DelayWarned)]
    assert warned.queue_id not in {e.queue_id for e in events if isinstance(e, BounceSent)}
    parents = {e.queue_id: e.parent for e in events if isinstance(e, MailSubmitted)}
    assert parents[warned.warning_id] == warned.queue_id


def test_what_the_log_does_not_have_the_queue_has() -> None:
    octets = (
        b"Received: from mail.a.be (mail.a.be [198.18.1.25])\n\tby relay.c.be (OpenSMTPD) with ESMTP id 0a1b2c3d\n"
        b"Message-ID: <1@a.be>\nSubject: =?utf-8?q?caf=C3=A9?=\n\nhello\n"
    )
    reader = OpenSmtpdReader((), SCHEDULES["lab"], {"0a1b2c3d": octets}.get)  # type: ignore[arg-type]
    lines = (
        "84a888e2301a1d0e smtp connected address=198.18.1.25 host=mail.a.be",
        "84a888e2301a1d0e smtp message msgid=0a1b2c3d size=423 nrcpt=1 proto=ESMTP",
        "84a888e2301a1d0e smtp envelope evpid=0a1b2c3d0adc2a61 from=<ann@a.be> to=<ed@b.be>",
    )
    (taken,) = [event for line in lines for event in reader.read(line, 0.0)]
    assert isinstance(taken, MailAccepted)
    assert (taken.message_id, taken.subject, taken.helo) == ("<1@a.be>", "café", "mail.a.be")


def test_no_reader_stumbles_over_a_line_that_is_cut() -> None:
    for name in FOLDERS:
        head, *lines = (LOGS / name / "input.log").read_text(encoding="utf-8").splitlines()
        plan = HostPlan(
            DomainName("host.example"), (), mail=MailPlan(), software=tuple(head.removeprefix("# ").split()[:-1])
        )
        readers = readers_of(Scene(plan))
        for line in lines:
            program, _, text = line.partition(": ")
            for end in range(0, len(text), 7):
                readers[program].read(text[:end], 0.0)


if __name__ == "__main__":
    for each in FOLDERS:
        (LOGS / each / "expected.jsonl").write_text(as_lines(each), encoding="utf-8")
