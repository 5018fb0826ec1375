"""What changes messages over IMAP: STORE, EXPUNGE, COPY, MOVE, APPEND (RFC 9051 §6.3.12, §6.4.3, §6.4.6–6.4.9).

The rule: the store makes it durable and tells every session that has the mailbox open, this one too; what is said
here is only what a session is told by these rules and by no other. UIDs of copies: RFC 4315. Conditions on
mod-sequences: RFC 7162 §3.1.3. MOVE: RFC 6851.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import TypeVar

from lab.mail.folders import DELETED, Entry, Folder, Mode
from lab.mail.imap.folders import SYSTEM_FLAGS
from lab.mail.imap.session import Done, Refused, Session, gone
from lab.wire.imap.commands import Append, Copy, Expunge, Store
from lab.wire.imap.sets import write_set

_TURN = 200
"""Messages that are changed at once."""
LONGEST_KEYWORD = 200
MOST_KEYWORDS = 100

_SPELLED = {flag.lower(): flag for flag in SYSTEM_FLAGS}


def known_flags(flags: Sequence[str]) -> list[str]:
    """Flags as the store takes them. \\Recent is the server's own."""
    found = [_SPELLED.get(flag.lower(), flag) for flag in flags]
    odd = [flag for flag in found if flag.startswith("\\") and flag not in SYSTEM_FLAGS]
    if odd:
        raise Refused(f"there is no flag {odd[0][:40]}; a keyword has no backslash", condition="BAD")
    if len(found) > MOST_KEYWORDS or any(len(flag) > LONGEST_KEYWORD for flag in found):
        raise Refused(f"at most {MOST_KEYWORDS} flags of {LONGEST_KEYWORD} characters each", "LIMIT")
    return found


async def store(session: Session, command: Store) -> Done:
    folder, view = session.writable, session.selected
    flags = known_flags(command.flags)
    folder.look()
    uids = session.picked(command.numbers, command.uid)
    entries = view.entries(uids)
    changed = _changed_since(entries, command.unchanged_since)
    wanted = [entry.uid for entry in entries if entry.uid not in changed]
    if command.unchanged_since is not None:
        await session.use_condstore()
    for some in _in_turns(wanted):
        await folder.store(some, Mode(command.mode), flags)
        await asyncio.sleep(0)
    if command.silent:
        await _quietly(session, wanted, command.uid)
    else:
        view.tell_flags(wanted)
    if changed:
        numbers = list(changed) if command.uid else [view.number(uid) for uid in changed]
        return Done("some have changed meanwhile", code=f"MODIFIED {write_set(numbers)}")
    if not command.uid:
        gone(session, uids, len(entries))
    return Done("stored")


def _in_turns(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    """So many at a time that others need not wait for all: 10,000 at once held the loop for half a second."""
    return (uids[at : at + _TURN] for at in range(0, len(uids), _TURN))


def _changed_since(entries: Sequence[Entry], modseq: int | None) -> dict[int, None]:
    if modseq is None:
        return {}
    return {entry.uid: None for entry in entries if entry.modseq > modseq}


async def _quietly(session: Session, uids: Sequence[int], by_uid: bool) -> None:
    """.SILENT: the client knows the flags; with CONDSTORE it is told the mod-sequence (RFC 7162 §3.1.3)."""
    view = session.selected
    view.hush(uids)
    if session.condstore:
        for entry in view.entries(uids):
            uid = b"UID %d " % entry.uid if by_uid else b""
            line = b"* %d FETCH (%bMODSEQ (%d))\r\n" % (view.number(entry.uid), uid, entry.modseq)
            await session.emit(line)


async def expunge(session: Session, command: Expunge) -> Done:
    folder, view = session.writable, session.selected
    folder.look()
    uids = view.uids if command.numbers is None else session.picked(command.numbers, by_uid=True)
    for some in _in_turns([entry.uid for entry in view.entries(uids) if DELETED in entry.flags]):
        await folder.expunge(some)
        await asyncio.sleep(0)
    return Done("expunged")


async def copy(session: Session, command: Copy) -> Done:
    view, target = session.selected, session.target(command.name)
    source = session.writable if command.move else view.folder
    source.look()
    uids = session.picked(command.numbers, command.uid)
    entries = view.entries(uids)
    if not command.uid:
        gone(session, uids, len(entries))
    if not entries:
        return Done("no such messages, nothing was copied")
    there = [entry.uid for entry in entries]
    if not command.move:
        return Done("copied", code=_copyuid(target, await _or_no_room(source.copy(there, target))))
    code = _copyuid(target, await _or_no_room(source.move(there, target)))
    await session.emit(f"* OK [{code}] moved\r\n".encode())  # before the EXPUNGEs: RFC 6851 §4.3
    return Done("moved")


def _copyuid(target: Folder, copied: Mapping[int, int]) -> str:
    return f"COPYUID {target.uidvalidity} {write_set(list(copied))} {write_set(list(copied.values()))}"


async def append(session: Session, command: Append) -> Done:
    target = session.target(command.name)
    flags = known_flags(command.flags)
    if not command.octets:
        raise Refused("a message has at least one octet")
    uid = await _or_no_room(target.append(command.octets, flags, command.received))
    return Done("appended", code=f"APPENDUID {target.uidvalidity} {uid}")


T = TypeVar("T")


async def _or_no_room(work: Awaitable[T]) -> T:
    try:
        return await work
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Refused("the disk of this host is full", "UNAVAILABLE") from None
        raise
    except KeyError:
        raise Refused("some of these messages are no more", "EXPUNGEISSUED") from None
