"""The envelope: what SMTP says of a message, apart from the message (RFC 5321 §2.3.1)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from lab.names import DomainName, EmailAddress
from lab.values import dataclass, made_often
from lab.wire.records import Answer


@made_often
@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient with its DSN wishes (RFC 3461 §4): `notify` of never, success, failure, delay (empty: the
    default, failure and delay); `original` is ORCPT, e.g. "rfc822;Ed@belgiannews.com"."""

    address: EmailAddress
    notify: frozenset[str] = frozenset()
    original: str = ""


@made_often
@dataclass(frozen=True, slots=True)
class Envelope:
    """`sender` None is the null return path "<>" of a bounce. `ret`: FULL, HDRS or ""; `envid` as
    the sender gave it."""

    sender: EmailAddress | None
    recipients: tuple[Recipient, ...]
    ret: str = ""
    envid: str = ""
    eight_bit: bool = False
    smtputf8: bool = False


class Resolve(Protocol):
    """How a mail host asks for names: its stub resolver. Never raises for what the DNS says."""

    def __call__(self, name: DomainName, type: str, queue_id: str = "") -> Awaitable[Answer]: ...
