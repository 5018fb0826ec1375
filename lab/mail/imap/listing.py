"""LIST and LSUB: which folders there are, by pattern (RFC 9051 §6.3.9, RFC 5258, 5819, 6154; RFC 3501 §6.3.9).

The rule: `*` is anything, `%` anything within a level. A folder is shown once, however many patterns it matches,
and its special use always.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Container, Iterable, Iterator, Sequence
from dataclasses import replace

from lab.mail.folders import Listed
from lab.mail.imap.folders import status_line
from lab.mail.imap.session import Done, Refused, Session
from lab.wire.imap.commands import List

LONGEST_PATTERN = 2_000
"""Characters of all patterns of a command: matching costs this times the name's length, for each folder."""


async def list_folders(session: Session, command: List) -> Done:
    if command.patterns == ("",) and not command.extended:
        await session.emit(b'* %b (\\Noselect) "/" ""\r\n' % command.verb.encode())
        return Done("levels are parted by /")
    patterns = [command.reference + pattern for pattern in command.patterns]
    if sum(map(len, patterns)) > LONGEST_PATTERN:
        raise Refused(f"patterns are at most {LONGEST_PATTERN} characters", "LIMIT")
    known = _known(session, command)
    fitting = frozenset([one.name async for one in _fitting(known, patterns)])
    for listed, below in _chosen(known, fitting, command):
        await session.emit(_line(session, command, listed, below))
        if command.status and listed.selectable:
            await session.emit(status_line(session, listed.name, command.status))
    return Done("these are the folders")


def _known(session: Session, command: List) -> Sequence[Listed]:
    """The folders; where subscriptions are asked for, also those that are not there (any more)."""
    known = session.owner.list()
    if not _by_subscription(command):
        return known
    there = {one.name for one in known}
    absent = [name for name in session.owner.subscriptions() if name not in there]
    return [*known, *(Listed(name, True, False, selectable=False) for name in absent)]


def _by_subscription(command: List) -> bool:
    return command.verb == "LSUB" or "SUBSCRIBED" in command.asked


def matches(pattern: str, name: str) -> bool:
    """
    >>> matches("Arch%", "Archive"), matches("%", "Archive/2026"), matches("*6", "Archive/2026")
    (True, False, True)
    """
    reached = [True] + [False] * len(name)  # where in the name the pattern so far may end
    for sign in pattern:
        if sign in "*%":
            for at, letter in enumerate(name):
                reached[at + 1] |= reached[at] and (sign == "*" or letter != "/")
        else:
            reached = [False, *(before and letter == sign for before, letter in zip(reached, name, strict=False))]
    return reached[-1]


def _matches_any(patterns: Iterable[str], name: str) -> bool:
    wanted = ("INBOX" if pattern.upper() == "INBOX" else pattern for pattern in patterns)
    return any(matches(pattern, name) for pattern in wanted)


async def _fitting(known: Sequence[Listed], patterns: list[str]) -> AsyncIterator[Listed]:
    """Those whose names match, others having their turn after each: a name can cost half a million steps."""
    for one in known:
        if _matches_any(patterns, one.name):
            yield one
        await asyncio.sleep(0)


def _chosen(known: Sequence[Listed], fitting: Container[str], command: List) -> Iterator[tuple[Listed, bool]]:
    """What to show, and whether it stands there only for a subscribed folder below it."""
    subscribed_only = _by_subscription(command)
    upwards = command.verb == "LSUB" or "RECURSIVEMATCH" in command.asked
    for listed in known:
        if listed.name not in fitting or ("SPECIAL-USE" in command.asked and not listed.special):
            continue
        if not subscribed_only or listed.subscribed:
            yield listed, _hides(listed, known, fitting, upwards and command.verb != "LSUB")
        elif upwards and _hides(listed, known, fitting, True):
            yield (replace(listed, selectable=False) if command.verb == "LSUB" else listed), True


def _hides(listed: Listed, known: Sequence[Listed], fitting: Container[str], asked: bool) -> bool:
    """Whether a subscribed folder below this one would not be shown by itself (RFC 5258 §3.5)."""
    return asked and any(
        one.subscribed and one.name.startswith(f"{listed.name}/") and one.name not in fitting for one in known
    )


def _line(session: Session, command: List, listed: Listed, below: bool) -> bytes:
    words = " ".join(_attributes(session, command, listed))
    child_info = b' ("CHILDINFO" ("SUBSCRIBED"))' if below and "RECURSIVEMATCH" in command.asked else b""
    return b'* %b (%b) "/" %b%b\r\n' % (
        command.verb.encode(),
        words.encode(),
        session.name(listed.name),
        child_info,
    )


def _attributes(session: Session, command: List, listed: Listed) -> Iterator[str]:
    if not listed.selectable and not (command.verb == "LSUB" and listed.subscribed):
        yield "\\NonExistent" if session.rev2 or command.extended else "\\Noselect"
    if command.verb == "LIST":
        yield "\\HasChildren" if listed.has_children else "\\HasNoChildren"
        if listed.subscribed and "SUBSCRIBED" in (*command.asked, *command.returned):
            yield "\\Subscribed"
        if listed.special:
            yield listed.special
