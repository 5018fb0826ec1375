"""The file `uids` beside a Maildir: what the names of its files cannot hold, as a journal.

The rule: a line is a fact that is only ever added; the state of the folder is what its lines amount to. A line
that a crash tore is ended with NUL, which makes it void: half a UID must not remove another message.

    uidvalidity 1767600000 uidnext 1 modseq 1 generation 1
    + 1 2 1767600060 4113 1767600060.Q90bcR1f0e2d3c.mail.belgiannews.com     uid, modseq, received, size, name
    = 1 3 FS $Work                                     uid, modseq, letters of the file's name, keywords
    - 1 4                                              removed by us: should its file still be there, it goes
    x 1 4                                              its file went away; should it come back, it is a new message

When it has grown far beyond what it says, it is written anew, with one more `generation`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import field
from urllib.parse import quote, unquote

from lab.values import dataclass

_UNSAFE = re.compile(r"[\x00-\x20%\x7f]")
_HEAD = re.compile(
    r"uidvalidity ([1-9]\d{0,9}) uidnext ([1-9]\d{0,9}) modseq (\d{1,18}) generation (\d{1,18})\n", re.ASCII
)
MOST_UIDS = 1 << 31
"""Half of what a UID can be (RFC 9051 §9): a spoilt line that says more would leave none for new messages."""
LATEST = 253_402_300_800
"""Seconds since 1970 until the year 10,000, with which calendars end."""

TORN = b"\0\n"
"""What ends a line that a crash left without its end."""


@dataclass(slots=True)
class Filed:
    """A message as the journal knows it. `received` in seconds since 1970; `name` without flags; `letters` are
    the file name's, in alphabetical order."""

    uid: int
    modseq: int
    received: int
    size: int
    name: str
    letters: str = ""
    keywords: tuple[str, ...] = ()


@dataclass(slots=True)
class State:
    """What the lines so far amount to. `removed` are names whose files should be gone."""

    uidvalidity: int = 0
    uidnext: int = 1
    modseq: int = 1
    generation: int = 1
    filed: dict[int, Filed] = field(default_factory=dict)
    removed: dict[str, None] = field(default_factory=dict)

    @property
    def head(self) -> str:
        return (
            f"uidvalidity {self.uidvalidity} uidnext {self.uidnext}"
            f" modseq {self.modseq} generation {self.generation}\n"
        )

    def take(self, line: str) -> int:
        """Add a line's fact; the UID it is about, 0 for a line that says nothing."""
        tag, _, rest = line.partition(" ")
        words = rest.split(" ")
        fact = _FACTS.get(tag)
        if fact is None or line.endswith("\0"):
            return 0
        try:
            uid, modseq = _number(words[0], MOST_UIDS), _number(words[1], 1 << 63)
            fact(self, uid, modseq, words[2:])
        except (ValueError, IndexError):  # no line of ours: a disk or a hand has spoilt it
            return 0
        self.modseq = max(self.modseq, modseq)
        return uid

    def _arrived(self, uid: int, modseq: int, words: list[str]) -> None:
        received, size, name = words
        filed = Filed(uid, modseq, _number(received, LATEST), _number(size, 1 << 63), unquote(name))
        self.uidnext = max(self.uidnext, uid + 1)
        self.filed[uid] = filed

    def _flagged(self, uid: int, modseq: int, words: list[str]) -> None:
        letters, *keywords = words
        if filed := self.filed.get(uid):
            filed.modseq, filed.letters = modseq, letters
            filed.keywords = tuple(map(unquote, keywords))

    def _removed(self, uid: int, modseq: int, words: list[str]) -> None:
        if filed := self.filed.pop(uid, None):
            self.removed[filed.name] = None

    def _vanished(self, uid: int, modseq: int, words: list[str]) -> None:
        self.filed.pop(uid, None)


def _number(word: str, limit: int) -> int:
    """ValueError when it is none below the limit."""
    number = int(word) if len(word) < 20 and word.isascii() and word.isdigit() else limit
    if number >= limit:
        raise ValueError(f"{word[:20]} is no such number")
    return number


_FACTS = {"+": State._arrived, "=": State._flagged, "-": State._removed, "x": State._vanished}


def arrived(filed: Filed) -> str:
    return f"+ {filed.uid} {filed.modseq} {filed.received} {filed.size} {_quoted(filed.name)}\n"


def flagged(filed: Filed) -> str:
    keywords = "".join(f" {_quoted(word)}" for word in filed.keywords)
    return f"= {filed.uid} {filed.modseq} {filed.letters}{keywords}\n"


def removed(uid: int, modseq: int) -> str:
    return f"- {uid} {modseq}\n"


def vanished(uid: int, modseq: int) -> str:
    return f"x {uid} {modseq}\n"


def head_of(octets: bytes) -> State | None:
    """The state that a journal begins with; None when this is no journal."""
    found = _HEAD.match(octets[:200].decode("ascii", "replace"))
    if found is None:
        return None
    uidvalidity, uidnext, modseq, generation = map(int, found.groups())
    if uidvalidity >= 1 << 32 or uidnext > MOST_UIDS:
        return None
    return State(uidvalidity, uidnext, modseq, generation)


def read_journal(octets: bytes) -> State | None:
    """The state at its end; a last line without its end counts for nothing."""
    state = head_of(octets)
    if state is not None:
        for line in whole_lines(octets):
            state.take(line)
    return state


def whole_lines(octets: bytes) -> Iterator[str]:
    """The lines that have their end, without it."""
    return iter(octets[: octets.rfind(b"\n") + 1].decode("utf-8", "surrogateescape").split("\n")[:-1])


def written_anew(state: State) -> bytes:
    """A journal that says what this one amounts to."""
    lines = [State(state.uidvalidity, state.uidnext, state.modseq, state.generation + 1).head]
    lines += _facts(state.filed.values())
    return "".join(lines).encode("utf-8", "surrogateescape")


def _facts(filed: Iterable[Filed]) -> Iterator[str]:
    for one in filed:
        yield arrived(one)
        if one.letters or one.keywords:
            yield flagged(one)


def _quoted(text: str) -> str:
    """A word of a line: without spaces and control signs."""
    return quote(text, safe="!#$&'()*+,/:;=?@[]~", errors="surrogateescape") if _UNSAFE.search(text) else text
