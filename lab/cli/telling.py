"""Events as lines that a person reads: what `watch`, `replay` and `clock` print.

The rule: one event, one line: when, where, what. The words stand in a table, an entry for each kind of event; a
kind that is not in it is told by its name, so that a newer lab's events can be watched too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from lab.cli.screen import Line
from lab.log import LATEST

Entry = dict[str, Any]
Words = Callable[[Entry], str]


def tell(entry: Entry, epoch: str) -> Iterator[Line]:
    """The line of an entry of the log. `epoch` is lab time 0 in ISO form."""
    style, words = _WORDS.get(entry["event"], ("", _unknown))
    yield (
        (f" {moment(entry['t'], epoch)}  ", "dim"),
        (f"{entry['host'] or 'the lab':<24}  ", "place"),
        (words(_Told(entry)), style),
    )


class _Told(dict[str, Any]):
    """An entry's fields; an empty one is left out of its JSON form."""

    def __missing__(self, key: str) -> str:
        return ""


def moment(t: float, epoch: str) -> str:
    """Lab seconds as a time of day; with the day once the first is over."""
    try:
        start = datetime.fromisoformat(epoch)
        at = start + timedelta(seconds=t)
    except (ValueError, OverflowError):
        return f"{t:.3f} s"
    return f"{at:%H:%M:%S}" if at.date() == start.date() else f"{at:%d %b %H:%M:%S}"


def _list(found: Any) -> str:
    return ", ".join(map(str, found or ()))


def _span(seconds: Any) -> str:
    return str(timedelta(seconds=min(max(float(seconds or 0), 0.0), LATEST)))


def _messages(entry: Any) -> str:
    uids = list(entry.get("uids") or ())
    return f"message {uids[0]}" if len(uids) == 1 else f"{len(uids)} messages"


def _of(entry: Entry, key: str, before: str = "", after: str = "") -> str:
    """A field with its surroundings; nothing where it is empty."""
    return f"{before}{entry[key]}{after}" if entry.get(key) else ""


def _resolved(entry: Entry) -> str:
    said = f"{entry['type']} {entry['name']}: {_list(entry.get('answers')) or entry['rcode']}"
    return f"{said}{_of(entry, 'beside', '   (asked beside ', ')')}"


def _hop(entry: Entry) -> str:
    about = f"asks {entry['server']} ({entry['zone']}) for {entry['type']} {entry['name']}"
    return f"{about}: {entry['outcome']}{_of(entry, 'detail', ' ')}"


def _reply(entry: Entry) -> str:
    command = entry.get("command") or "(greeting)"
    return f"{command}  →  {entry['code']} {entry.get('text', '')}{_of(entry, 'follows', '   then: ')}"


def _failed(entry: Entry) -> str:
    what = f"{entry['exchanger']}:{entry['port']} {entry['failure']}"
    return f"{what}{_of(entry, 'follows', '   then: ')}"


def _deferred(entry: Entry) -> str:
    return f"{entry['queue_id']} waits for {entry['destination']}: {entry['reason']}"


def _delivered(entry: Entry) -> str:
    """`relay` is not the event's own: `lab clock` adds by whom it came."""
    way = f" by {entry['relay']} → {entry['host']}" if entry.get("relay") else ""
    return f"● delivered to {entry['recipient']}{way}"


def _unknown(entry: Entry) -> str:
    fields = {key: value for key, value in entry.items() if key not in ("n", "t", "host", "event")}
    return f"{entry['event']} {_list(f'{key}={value}' for key, value in fields.items())}"


_WORDS: MappingProxyType[str, tuple[str, Words]] = MappingProxyType(
    {
        "LabStarted": ("head", lambda e: f"“{e['topology']}” starts on {e['fabric']}, {e['hosts']} hosts"),
        "LabStopped": ("head", lambda e: "stops"),
        "ClockAdvanced": ("dim", lambda e: f"lab time ran ahead by {_span(e['seconds'])}"),
        "HostStarted": ("dim", lambda e: "starts"),
        "FaultApplied": ("bad", lambda e: f"✕ {e['target']}: {e['fault']}"),
        "FaultLifted": ("good", lambda e: f"✓ {e['target']} is mended{_of(e, 'fault', ': was ')}"),
        "FaultStruck": ("bad", lambda e: f"✕ as it was told: {e['fault']}  ({e['about']})"),
        "FaultScheduled": ("wait", lambda e: f"◷ {e['target']}: {e['fault']} {e['when']}"),
        "FaultCancelled": ("good", lambda e: f"✓ {e['target']}: {e['fault']} will not come"),
        "ProgramCrashed": ("bad", lambda e: f"✕ a defect of the lab: {e['program']}: {e['error']}"),
        "NameResolved": ("", _resolved),
        "HopAnswered": ("dim", _hop),
        "ZoneReloaded": ("", lambda e: f"zone {e['zone']} has serial {e['serial']} now"),
        "MailSubmitted": (
            "",
            lambda e: f"{e['queue_id']} handed in: {e.get('sender') or '<>'} → {_list(e['recipients'])}",
        ),
        "SubmissionRefused": ("bad", lambda e: f"✕ not taken from {e.get('sender') or '<>'}: {e['reason']}"),
        "ExchangersFound": (
            "",
            lambda e: f"{e['destination']} takes mail at {_list(e.get('exchangers')) or 'none'}",
        ),
        "ConnectionOpened": ("dim", lambda e: f"connected to {e['exchanger']}:{e['port']} ({e['address']})"),
        "ConnectionFailed": ("bad", _failed),
        "ReplyReceived": ("dim", _reply),
        "MailRelayed": ("good", lambda e: f"→ {e['exchanger']}: {e['reply']}"),
        "MailDeferred": ("wait", _deferred),
        "DestinationBackedOff": (
            "wait",
            lambda e: f"◷ {e['destination']} rests, {e['waiting']} waiting: {e['reason']}",
        ),
        "RecipientsFailed": ("bad", lambda e: f"✕ gives up on {_list(e['recipients'])}: {e['reason']}"),
        "DelayWarned": ("wait", lambda e: f"◷ told the sender that {e['queue_id']} takes longer"),
        "BounceSent": ("bad", lambda e: f"✕ told {e['to']} that it failed (bounce {e['bounce_id']})"),
        "MailRecovered": (
            "wait",
            lambda e: f"◷ {e['queue_id']} was in its queue when it came up: → {_list(e['recipients'])}",
        ),
        "FailureRecovered": (
            "bad",
            lambda e: f"✕ had given up on {_list(e['recipients'])} when it went down: {e['reason']}",
        ),
        "MailRemoved": ("dim", lambda e: f"{e['queue_id']} has left the queue"),
        "MailAccepted": (
            "good",
            lambda e: (
                f"took {e['queue_id']} from {e['helo']}: {e.get('sender') or '<>'} → {_list(e['recipients'])}"
            ),
        ),
        "CommandRefused": (
            "bad",
            lambda e: f"✕ said {e['code']} {e.get('text', '')} to {e['peer']}{_of(e, 'argument', ' about ')}",
        ),
        "LoopDetected": ("bad", lambda e: f"↺ {e['queue_id']} has passed {e['hops']} hosts: a loop"),
        "MailDelivered": ("good", _delivered),
        "MailForwarded": ("", lambda e: f"{e['recipient']} is forwarded to {_list(e['to'])}"),
        "MailRead": ("", lambda e: f"{e['mailbox']} read message {e['uid']} by {e['how']}"),
        "MailMoved": (
            "",
            lambda e: (
                f"{e['mailbox']} {'copied' if e.get('copied') else 'moved'} {_messages(e)}"
                f" from {e['folder']} to {e['to']}"
            ),
        ),
        "MailExpunged": ("", lambda e: f"{e['mailbox']} removed {_messages(e)} from {e.get('folder', 'INBOX')}"),
        "FolderRenamed": ("", lambda e: f"{e['mailbox']} renamed {e['folder']} to {e['to']}"),
        "LoginRefused": ("bad", lambda e: f"✕ {e['service']} login refused for {e['user']}"),
    }
)
"""What is said of each kind of event, and its style."""
