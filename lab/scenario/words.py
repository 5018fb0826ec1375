"""What a scenario writes, turned into what the lab takes: spans of time, lines, messages.

The rule: a wrong word is told where it was written, in a sentence, before anything happens.
"""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from typing import TypedDict

from lab.clock import parse_span
from lab.errors import WrongUse
from lab.names import EmailAddress
from lab.timing import Timing, timing
from lab.topology import units
from lab.topology.plan import Link


def span(word: str | timedelta) -> timedelta:
    if isinstance(word, timedelta):
        return word
    try:
        return parse_span(word)
    except ValueError as error:
        raise WrongUse(str(error), code="W023") from None


class When(TypedDict, total=False):
    """When something broken is there: `start` is a time of the lab's day, the others are spans."""

    start: str
    after: str
    lasting: str
    every: str


def timed(when: When) -> Timing:
    words = {"at" if name == "start" else name: str(word) for name, word in when.items()}
    try:
        return timing(**words)
    except ValueError as error:
        raise WrongUse(str(error), code="W023") from None
    except TypeError:
        unknown = ", ".join(sorted(set(when) - set(When.__annotations__)))
        known = ", ".join(When.__annotations__)
        raise WrongUse(f"no time is called {unknown}", remedy=f"There is {known}.", code="W023") from None


def link(latency: str, jitter: str, loss: str, bandwidth: str) -> Link:
    try:
        return Link(
            units.duration(latency),
            units.duration(jitter),
            units.share(loss),
            units.rate(bandwidth) if bandwidth else 0,
        )
    except ValueError as error:
        raise WrongUse(str(error), code="W023") from None


def message(sender: str, to: tuple[str, ...], subject: str, body: str) -> bytes:
    """A message of text. Date and Message-ID are the sending host's to add."""
    form = EmailMessage(policy=SMTP)
    if sender:
        form["From"] = sender
    form["To"] = ", ".join(to)
    form["Subject"] = subject
    form.set_content(body, cte="8bit" if body.isascii() else "base64")
    return form.as_bytes()


def addresses(to: str | list[str] | tuple[str, ...]) -> tuple[EmailAddress, ...]:
    return tuple(EmailAddress.parse(one) for one in ([to] if isinstance(to, str) else to))
