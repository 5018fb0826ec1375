"""Connections: why no exchanger could be reached, or the preferred one not.

The rule: the first exchanger that was tried is the cause, a later one only what came of it. Refused, silent and
unreachable are three different things, to a sender and to who has to mend them. RFC 5321 §5.1, §4.5.3.2,
RFC 9293 §3.10.7 (a port that is closed), RFC 792 (unreachable).
"""

from __future__ import annotations

from lab.events import Failure, Stage
from lab.journey.case import Case, Trouble
from lab.journey.diagnoses.model import Diagnosis, Found, Predicate
from lab.journey.diagnoses.smtp import stage_words
from lab.journey.model import State


def _met(case: Case, failure: Failure, stage: Stage = Stage.CONNECT) -> Trouble | None:
    """The first trouble of the deciding try of an undelivered message, where it is that failure."""
    trouble = case.trouble
    if trouble is None or trouble.stage is not stage or trouble.failure is not failure:
        return None
    return trouble if case.state is not State.DELIVERED else None


def _found(case: Case, trouble: Trouble, *notes: str, **more: str) -> Found:
    """With every time that it went so with this exchanger."""
    alike = [one for one in case.detours if (one.exchanger, one.stage) == (trouble.exchanger, trouble.stage)]
    own = {
        "exchanger": trouble.exchanger,
        "address": trouble.address,
        "preference": str(trouble.preference),
        "at": trouble.entry.host,
    }
    return Found({**own, **more}, tuple(one.entry for one in alike if one.words == trouble.words), notes)


def _unreached(failure: Failure, stage: Stage = Stage.CONNECT) -> Predicate:
    def applies(case: Case) -> Found | None:
        trouble = _met(case, failure, stage)
        return _found(case, trouble) if trouble else None

    return applies


def _broke_off(*stages: Stage, failures: tuple[Failure, ...]) -> Predicate:
    """The connection came about, and ended so at one of these stages."""

    def applies(case: Case) -> Found | None:
        trouble = case.trouble if case.state is not State.DELIVERED else None
        if trouble is None or trouble.stage not in stages or trouble.failure not in failures:
            return None
        return _found(case, trouble, stage=stage_words(trouble.stage), words=str(trouble.failure))

    return applies


def _backed_up(failure: Failure) -> Predicate:
    """The preferred exchanger cannot be had, and another host holds the mail for it."""

    def applies(case: Case) -> Found | None:
        trouble = _met(case, failure)
        return _found(case, trouble, backup=case.last.host) if trouble and case.state is State.HELD else None

    return applies


def _parted(case: Case) -> Found | None:
    trouble = _met(case, Failure.TIMED_OUT)
    cut = case.world.line(trouble.entry.host, trouble.exchanger, trouble.entry.n, "cut") if trouble else None
    return _found(case, trouble) if trouble and cut else None


def _one_way(case: Case) -> Found | None:
    """Only one direction of the line is cut."""
    trouble = _met(case, Failure.TIMED_OUT)
    if trouble is None:
        return None
    cut = case.world.line(trouble.entry.host, trouble.exchanger, trouble.entry.n, "cut", "one way")
    if cut is None:
        return None
    mute = set(getattr(cut.event, "target", "").split("|")[0].split(","))
    there = bool(mute & case.world.places(trouble.entry.host))
    speaker, deaf = (trouble.entry.host, trouble.exchanger) if there else (trouble.exchanger, trouble.entry.host)
    return _found(case, trouble, speaker=speaker, deaf=deaf)


def _bad_line(case: Case) -> Found | None:
    trouble = _met(case, Failure.TIMED_OUT)
    line = case.world.line(trouble.entry.host, trouble.exchanger, trouble.entry.n, "link") if trouble else None
    if trouble is None or line is None:
        return None
    return _found(case, trouble, line=getattr(line.event, "fault", "").removeprefix("link "))


_ENDED = (Failure.RESET, Failure.CLOSED, Failure.UNREACHABLE, Failure.REFUSED)
_EARLY = (Stage.HELO, Stage.MAIL, Stage.RCPT)
_HEAL = "lab heal {exchanger}{onward}"
_FALLBACK = "the lower preference first; the next when it cannot be reached"
_AGAIN = "a host that cannot be reached is tried again later, for days"
_QUEUE = ("lab queue {host}",)
_HELD = ("lab queue {backup}", "lab explain backup-mx")

LINES: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D310",
        "the line between sender and exchanger is cut one way",
        "What {speaker} sends does not reach {deaf}; the other way is open.",
        "a connection needs both ways: without an answer nobody knows that one was sent",
        "RFC 9293 §3.5, RFC 5321 §4.5.4.1",
        "lab heal{onward}",
        "A connection begins with a packet, its answer, and an answer to that. Where one direction is gone, "
        "by a firewall or a wrong route, each side sees a silent partner, and tests from the other side look "
        "well.",
        _one_way,
        ("lab status", *_QUEUE),
    ),
    Diagnosis(
        "D309",
        "sender and exchanger are cut off from each other",
        "{at} and {exchanger} are cut off from each other: nothing passes between them.",
        _AGAIN,
        "RFC 5321 §4.5.4.1",
        "lab heal{onward}",
        "Nothing passes between the two places, in a partition of the network, while each reaches others. To "
        "the sender that looks like a host that is silent: only who sees both sides can tell.",
        _parted,
        ("lab status", *_QUEUE),
    ),
    Diagnosis(
        "D311",
        "the line to the exchanger is too slow or too lossy",
        "The line between {at} and {exchanger} is so bad that no connection came about: {line}.",
        "a connection has to come about before the sender's patience ends",
        "RFC 5321 §4.5.3.2, RFC 9293 §3.8.1",
        "lab heal{onward}",
        "TCP sends again what was lost, and waits twice as long each time; a sender waits half a minute for "
        "a connection. A line with seconds of delay, or that loses most of its packets, does not bring it "
        "about.",
        _bad_line,
        ("lab status", *_QUEUE),
    ),
)
"""The way to an exchanger: what comes before all that is said of exchangers."""

DIAGNOSES: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D304",
        "the preferred exchanger refuses, a backup holds the mail",
        "The preferred exchanger refuses connections, so the backup holds the mail.",
        _FALLBACK,
        "RFC 5321 §5.1",
        _HEAL,
        "Nothing listens at port 25 of the preferred exchanger; its machine says so at once. The sender goes "
        "on to the next preference, a backup, which takes the mail and keeps trying the preferred exchanger. "
        "The mail is not lost and not in the mailbox: it is in the backup's queue.",
        _backed_up(Failure.REFUSED),
        _HELD,
    ),
    Diagnosis(
        "D305",
        "the preferred exchanger is silent, a backup holds the mail",
        "The preferred exchanger does not answer at all, so the backup holds the mail.",
        _FALLBACK,
        "RFC 5321 §5.1",
        _HEAL,
        "No answer came to the request for a connection, so the sender waited for half a minute before it "
        "went on to the next preference. The backup waits as long at each of its tries.",
        _backed_up(Failure.TIMED_OUT),
        _HELD,
    ),
    Diagnosis(
        "D306",
        "the preferred exchanger is unreachable, a backup holds the mail",
        "There is no way to the preferred exchanger, so the backup holds the mail.",
        _FALLBACK,
        "RFC 5321 §5.1",
        _HEAL,
        "A router said that it knows no way there, so the sender went on to the next preference at once. A "
        "backup in another network than the preferred exchanger's is there for this.",
        _backed_up(Failure.UNREACHABLE),
        _HELD,
    ),
    Diagnosis(
        "D301",
        "the exchanger refuses connections",
        "{exchanger} refuses connections: its machine is there, and nothing listens at port 25.",
        _AGAIN,
        "RFC 5321 §4.5.4.1",
        _HEAL,
        "Refused is an answer: the machine's own kernel says that the port is closed, within a round trip. "
        "The mail server is stopped, or still starting. The message waits in the sender's queue and loses "
        "nothing.",
        _unreached(Failure.REFUSED),
        _QUEUE,
    ),
    Diagnosis(
        "D302",
        "the exchanger is silent",
        "{exchanger} does not answer at all: the sender waited, and no connection came about.",
        _AGAIN,
        "RFC 5321 §4.5.4.1, §4.5.3.2",
        _HEAL,
        "No answer, not even a no: the machine is off, its line is cut, or something on the way throws the "
        "packets away. The sender cannot tell which. It waits for half a minute, then tries again later.",
        _unreached(Failure.TIMED_OUT),
        _QUEUE,
    ),
    Diagnosis(
        "D303",
        "the exchanger is unreachable",
        "There is no way to {exchanger}: the network says that it is unreachable.",
        _AGAIN,
        "RFC 5321 §4.5.4.1, RFC 792",
        _HEAL,
        "A router on the way says so (ICMP destination unreachable), so the sender knows at once. The host "
        "may be well; the way there is not.",
        _unreached(Failure.UNREACHABLE),
        _QUEUE,
    ),
    Diagnosis(
        "D308",
        "it takes the connection, then says nothing",
        "{exchanger} takes connections, and never greets: the sender waited five minutes for its 220.",
        "the greeting may take five minutes; a sender that hangs up earlier hurts busy hosts",
        "RFC 5321 §4.5.3.2.1",
        _HEAL,
        "The kernel takes the connection, the mail server behind it does not come: it hangs, or is "
        "overloaded. A sender sees an open line and silence, and has to be patient before it tries elsewhere.",
        _unreached(Failure.TIMED_OUT, Stage.GREETING),
        _QUEUE,
    ),
    Diagnosis(
        "D307",
        "it hangs up before it greets",
        "{exchanger} took the connection and ended it ({words}) before it said a word.",
        "a connection that ends early counts as not now: the next exchanger is tried, else the mail waits",
        "RFC 5321 §3.8, §4.5.4.1",
        _HEAL,
        "Something takes the connection and drops it: a firewall, a server that dies at once, a list of "
        "addresses that are not wanted. A polite server would say 421 or 554.",
        _broke_off(Stage.GREETING, failures=_ENDED),
        _QUEUE,
    ),
    Diagnosis(
        "D425",
        "TLS could not be begun",
        "{exchanger} offers STARTTLS, and it came to nothing: {words} {stage}.",
        "TLS between mail hosts is opportunistic: where it fails the mail waits, or goes by another host",
        "RFC 3207 §4.1, RFC 7435 §3",
        _HEAL,
        "The server said that it can do TLS, the sender took it at its word, and the line broke or fell "
        "silent in the middle. Without TLS the message would have gone; having begun, there is no way back "
        "in this session.",
        _broke_off(Stage.STARTTLS, failures=(*_ENDED, Failure.TIMED_OUT)),
        ("lab queue {host}", "lab explain tls"),
    ),
    Diagnosis(
        "D418",
        "it stops answering in the middle",
        "{exchanger} greeted and then fell silent {stage}: the sender waited five minutes for an answer.",
        "each stage has a time limit of its own; when it is over the message waits, and is tried again",
        "RFC 5321 §4.5.3.2",
        _HEAL,
        "An open line and no answer: a lookup that hangs, a disk that does not answer, a process that waits "
        "for another. The limits are long because hosts are busy at times: five minutes for MAIL and RCPT.",
        _broke_off(*_EARLY, failures=(Failure.TIMED_OUT,)),
        _QUEUE,
    ),
    Diagnosis(
        "D419",
        "it breaks off in the middle",
        "{exchanger} broke the connection off {stage} ({words}).",
        "a connection that ends early counts as not now: the next exchanger is tried, else the mail waits",
        "RFC 5321 §3.8",
        _HEAL,
        "No reply, only the end of the line: the server crashed, was restarted, or something between the two "
        "threw the connection away. Nothing was accepted, the sender still has the message.",
        _broke_off(*_EARLY, failures=_ENDED),
        _QUEUE,
    ),
    Diagnosis(
        "D429",
        "it falls silent before the text",
        "{exchanger} took the addresses, and never said 354: the sender waited two minutes at DATA.",
        "two minutes is the limit for the answer to DATA",
        "RFC 5321 §4.5.3.2.4",
        _HEAL,
        "At DATA a server gets ready to store a text; where its disk or a filter hangs it falls silent here. "
        "Not a line of the text has been sent.",
        _broke_off(Stage.DATA, failures=(Failure.TIMED_OUT,)),
        _QUEUE,
    ),
    Diagnosis(
        "D420",
        "it breaks off in DATA",
        "{exchanger} took the addresses, and broke the connection off {stage} ({words}).",
        "without a 250 after the dot nothing was accepted: the sender has the message, and tries again",
        "RFC 5321 §3.8, §4.2.5",
        _HEAL,
        "The transaction was half done. RFC 5321 has the receiver forget it and the sender begin again; that "
        "is why responsibility passes with one reply, and not bit by bit.",
        _broke_off(Stage.DATA, failures=_ENDED),
        _QUEUE,
    ),
    Diagnosis(
        "D424",
        "the line broke after the dot",
        "The whole message was sent to {exchanger}, and no answer came ({words}): whether it was taken is "
        "not known.",
        "without a 250 the sender has to send it again, though it may have been taken",
        "RFC 5321 §4.5.3.2.6, RFC 1047",
        "lab heal{onward}",
        "The one moment in which neither side knows what the other does. The sender keeps the message: "
        "better twice than never. Had the other host taken it, the journey would show a second copy.",
        _broke_off(Stage.EOM, failures=(*_ENDED, Failure.TIMED_OUT)),
        _QUEUE,
    ),
)
