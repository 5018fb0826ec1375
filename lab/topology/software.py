"""Real software that can take a host's place: its names, and which of a host's jobs each of them does.

The rule: a job (`Role`) is done by one program at a time. What no program of a host's `software:` does is done by
the lab's own, so that a host may have Postfix for its mail and our server for its zones. Everything else about
these programs (packages, files, commands) is above, in `lab.foreign`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """A job of a host, in the words of a sentence: "it can …"."""

    MAIL = "take mail in and pass it on"
    MAILBOXES = "hand mail out by POP3 and IMAP"
    AUTHORITY = "serve zones"
    RESOLVER = "look names up"


SOFTWARE: Mapping[str, frozenset[Role]] = MappingProxyType(
    {
        "postfix": frozenset({Role.MAIL}),
        "exim": frozenset({Role.MAIL}),
        "opensmtpd": frozenset({Role.MAIL}),
        "dovecot": frozenset({Role.MAILBOXES}),
        "bind": frozenset({Role.AUTHORITY, Role.RESOLVER}),
        "nsd": frozenset({Role.AUTHORITY}),
        "knot": frozenset({Role.AUTHORITY}),
        "powerdns": frozenset({Role.AUTHORITY}),
        "unbound": frozenset({Role.RESOLVER}),
    }
)


def taken(software: Iterable[str]) -> frozenset[Role]:
    """The jobs that these programs do."""
    return frozenset(role for name in software for role in SOFTWARE[name])
