"""SEARCH: which messages of the mailbox fit a tree of keys (RFC 9051 §6.4.4, ESEARCH 4731, SEARCHRES 5182).

The rule: flags, sizes and days are answered from what is known without reading; texts are searched as a person
reads them, encoded words and transfer encodings undone, in any case of letters. Attachments that are no text are
not searched. Others get a turn between the messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import date
from email.utils import parsedate

from lab.mail.imap.fetch import Shown
from lab.mail.imap.session import Done, Session
from lab.mail.imap.view import RECENT
from lab.wire import mime
from lab.wire.imap import keys
from lab.wire.imap.commands import Search
from lab.wire.imap.sets import NumberSet, write_set
from lab.wire.mime.fields import fields

_TURN = 400
"""Messages between two turns for others; one whose text is read counts for forty."""

Fits = Callable[[Shown], bool]


async def search(session: Session, command: Search, tag: str) -> Done:
    session.selected.folder.look()
    returned = command.returned
    if returned is None and session.rev2:
        returned = ()
    if returned is not None and "SAVE" in returned:
        session.saved = []
    changed = _has(command.key, keys.Changed)
    if changed:
        await session.use_condstore()
    found = await _found(session, command.key)
    modseq = max((shown.entry.modseq for shown in found), default=0) if changed else 0
    uids = [shown.entry.uid for shown in found]
    numbers = uids if command.uid else [session.selected.number(uid) for uid in uids]
    if returned is None:
        await session.emit(_plain(numbers, modseq))
    else:
        _save(session, returned, uids)
        await session.emit(_extended(tag, command.uid, returned, numbers, modseq))
    return Done("searched")


def _plain(numbers: list[int], modseq: int) -> bytes:
    words = "".join(f" {number}" for number in numbers)
    return f"* SEARCH{words}{f' (MODSEQ {modseq})' if modseq else ''}\r\n".encode()


def _extended(tag: str, uid: bool, returned: tuple[str, ...], numbers: list[int], modseq: int) -> bytes:
    """RFC 4731 §3.1. With SAVE alone nothing is returned (RFC 5182 §2.1); without any option ALL is meant."""
    wanted = returned or ("ALL",)
    words = [f'* ESEARCH (TAG "{tag}")', *(["UID"] if uid else [])]
    if numbers:
        words += [f"{end} {numbers[at]}" for end, at in (("MIN", 0), ("MAX", -1)) if end in wanted]
        words += [f"ALL {write_set(numbers)}"] if "ALL" in wanted else []
    words += [f"COUNT {len(numbers)}"] if "COUNT" in wanted else []
    words += [f"MODSEQ {modseq}"] if modseq else []
    return b"" if set(returned) == {"SAVE"} else (" ".join(words) + "\r\n").encode()


def _save(session: Session, returned: tuple[str, ...], uids: list[int]) -> None:
    """RFC 5182 §2.4: with MIN or MAX, and neither ALL nor COUNT, those alone are kept."""
    if "SAVE" not in returned:
        return
    ends = [at for end, at in (("MIN", 0), ("MAX", -1)) if end in returned]
    only_ends = bool(ends) and not {"ALL", "COUNT"} & {*returned}
    session.saved = sorted({uids[at] for at in ends}) if only_ends and uids else uids


async def _found(session: Session, key: keys.Key) -> list[Shown]:
    view, fits = session.selected, _compiled(key, session)
    price = 40 if _reads(key) else 1
    found: list[Shown] = []
    spent = 0
    for entry in view.entries(view.uids):
        shown = Shown(view, entry)
        spent += price
        if spent >= _TURN:
            spent = 0
            await asyncio.sleep(0)
        if _fits(fits, shown):
            found.append(Shown(view, entry))
    return found


def _fits(fits: Fits, shown: Shown) -> bool:
    try:
        return fits(shown)
    except KeyError:  # it was removed while we looked
        return False


# -- keys -------------------------------------------------------------------------------------------------------


def _leaves(key: keys.Key) -> Iterator[keys.Key]:
    match key:
        case keys.All(members):
            for one in members:
                yield from _leaves(one)
        case keys.Either(a, b):
            yield from _leaves(a)
            yield from _leaves(b)
        case keys.Not(inner):
            yield from _leaves(inner)
        case _:
            yield key


def _has(key: keys.Key, kind: type[keys.Key]) -> bool:
    return any(isinstance(leaf, kind) for leaf in _leaves(key))


def _compiled(key: keys.Key, session: Session) -> Fits:
    """A key as a function of a message."""
    match key:
        case keys.All(members):
            return _every([_compiled(one, session) for one in sorted(members, key=_reads)])
        case keys.Either(a, b):
            first, second = _compiled(a, session), _compiled(b, session)
            return lambda shown: first(shown) or second(shown)
        case keys.Not(inner):
            fits = _compiled(inner, session)
            return lambda shown: not fits(shown)
        case keys.Numbered(numbers, uid):
            return _among(session, numbers, uid)
        case keys.Flagged(flag, wanted):
            return _flagged(session, flag, wanted)
        case keys.Sized(size, larger):
            return lambda shown: shown.entry.size > size if larger else shown.entry.size < size
        case keys.Changed(modseq):
            return lambda shown: shown.entry.modseq >= modseq
        case keys.Dated(day, order, sent):
            return _dated(day, order, sent)
        case keys.Texted(where, text):
            return _texted(where, text.casefold())


def _reads(key: keys.Key) -> bool:
    """Whether the message has to be read: such keys are asked last."""
    return any(
        isinstance(leaf, keys.Texted) or (isinstance(leaf, keys.Dated) and leaf.sent) for leaf in _leaves(key)
    )


def _every(fits: list[Fits]) -> Fits:
    return lambda shown: all(one(shown) for one in fits)


def _among(session: Session, numbers: NumberSet, uid: bool) -> Fits:
    """Numbers that there are none of fit nothing."""
    view = session.selected
    if numbers.saved or uid:
        uids = view.picked(numbers, uid, session.saved)
    else:
        uids = [view.uids[number - 1] for number in numbers.among(range(1, len(view.uids) + 1))]
    chosen = frozenset(uids)
    return lambda shown: shown.entry.uid in chosen


def _flagged(session: Session, flag: str, wanted: bool) -> Fits:
    if flag == RECENT:
        recent_from = session.selected.recent_from
        return lambda shown: (shown.entry.uid >= recent_from) is wanted
    lower = flag.lower()
    return lambda shown: any(one.lower() == lower for one in shown.entry.flags) is wanted


def _dated(day: date, order: int, sent: bool) -> Fits:
    """By the day as it was written, whatever its zone (RFC 9051 §6.4.4)."""

    def fits(shown: Shown) -> bool:
        its = _sent(shown) if sent else shown.entry.received.date()
        return its is not None and (its < day, its == day, its >= day)[order + 1]

    return fits


def _sent(shown: Shown) -> date | None:
    said = mime.envelope(shown.octets, shown.whole).date
    found = parsedate(said.decode("latin-1")) if said else None
    try:
        return date(*found[:3]) if found else None
    except ValueError:
        return None


def _texted(where: str, text: str) -> Fits:
    if where == "BODY":
        return lambda shown: _in_any(shown.bodies, text)
    if where == "TEXT":
        return lambda shown: _in_any(shown.headers, text) or _in_any(shown.bodies, text)
    return lambda shown: any(text in value.casefold() for value in _values(shown, where))


def _values(shown: Shown, field: str) -> Iterator[str]:
    root = shown.whole
    for one in fields(shown.octets, root.header_start, root.header_end):
        if one.name == field:
            yield mime.readable(one.value)


def _in_any(texts: tuple[str, ...], text: str) -> bool:
    return any(text in one for one in texts)
