"""A queue as its software lists it → the rows of `lab queue`: pure functions of a listing's text.

The rule: a row for each recipient that waits. What a listing does not say (how often it was tried, when it is
tried again) is what the log said last, if it did.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from lab.values import dataclass

_BP = re.compile(
    r"\s*(?P<age>\d+)(?P<unit>[mhd])\s+(?P<size>[\d.]+)(?P<scale>[KM]?)\s+(?P<id>\S+)\s+<(?P<sender>[^>]*)>"
)
_UNITS = {"m": 60, "h": 3600, "d": 86400}
_SCALES = {"": 1, "K": 1024, "M": 1024 * 1024}


@dataclass(frozen=True, slots=True)
class Waiting:
    """One recipient of one message. `arrived` in seconds of the epoch."""

    id: str
    sender: str
    recipient: str
    size: int
    arrived: float
    active: bool = False
    reason: str = ""


def from_postqueue(text: str, now: float) -> Iterator[Waiting]:
    """`postqueue -j`: a JSON object a line."""
    for line in text.splitlines():
        if not line.startswith("{"):
            continue
        form = json.loads(line)
        sender = "" if form["sender"] == "MAILER-DAEMON" else form["sender"]
        for recipient in form["recipients"]:
            yield Waiting(
                form["queue_id"],
                sender,
                recipient["address"],
                int(form["message_size"]),
                float(form["arrival_time"]),
                form["queue_name"] == "active",
                recipient.get("delay_reason", ""),
            )


def from_exim(text: str, now: float) -> Iterator[Waiting]:
    """`exim4 -bp`: a line for a message (age, size, id, sender), then one for each recipient; D: done."""
    head: re.Match[str] | None = None
    for line in text.splitlines():
        found = _BP.match(line)
        if found is not None:
            head = found
        elif head is not None and line.startswith("          ") and not line.startswith("        D "):
            yield Waiting(
                head["id"],
                head["sender"],
                line.strip(),
                int(float(head["size"]) * _SCALES[head["scale"]]),
                now - int(head["age"]) * _UNITS[head["unit"]],
            )


def from_smtpctl(text: str, now: float) -> Iterator[Waiting]:
    """`smtpctl show queue`: an envelope a line, in columns: id, family, type, flags, sender, recipient, its aim,
    arrival, expiry, last try, tries, state, seconds, reason."""
    for line in text.splitlines():
        words = line.split("|")
        if len(words) < 14:
            continue
        sender, recipient, arrived, state, reason = words[4], words[5], words[7], words[11], words[13]
        yield Waiting(words[0][:8], sender, recipient, 0, float(arrived or 0), state == "inflight", reason)
