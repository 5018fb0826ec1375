"""Folders of an account over IMAP: SELECT, CREATE, DELETE, RENAME, SUBSCRIBE, STATUS, NAMESPACE, quotas.

The rule: what cannot be done the store says, with the response code that goes on the wire. RFC 9051 §6.3, special
uses RFC 6154, quotas RFC 9208.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from lab.mail.folders import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Entry, Folder
from lab.mail.imap.session import Done, Refused, Session
from lab.mail.imap.view import View
from lab.wire.imap.commands import Bare, Create, Delete, Quota, Rename, Select, Status, Subscribe
from lab.wire.imap.writer import flag_list

SYSTEM_FLAGS = (ANSWERED, DELETED, DRAFT, FLAGGED, SEEN)


async def select(session: Session, command: Select) -> Done:
    closed = session.view is not None and (session.condstore or session.rev2)
    session.leave()
    if closed:
        await session.emit(b"* OK [CLOSED] the mailbox before is closed\r\n")
    session.condstore = session.condstore or command.condstore
    folder = session.owner.open(command.name)
    folder.look()
    view = View(folder, command.read_only, _recent_from(session, folder, command.read_only), session.stirred)
    session.view = view
    for line in _described(session, view, command.name):
        await session.emit(line)
    return Done(f"{command.name} is open", code="READ-ONLY" if command.read_only else "READ-WRITE")


def _recent_from(session: Session, folder: Folder, read_only: bool) -> int:
    """Only one session is told that a message is recent; who only looks does not count (RFC 3501 §2.3.2)."""
    key = (str(session.owner.address), folder.name)
    recent = session.shared.recent.get(key, 1)
    if not read_only:
        session.shared.recent[key] = folder.uidnext
    return recent


def _described(session: Session, view: View, name: str) -> list[bytes]:
    folder = view.folder
    entries = folder.entries()
    flags = {*SYSTEM_FLAGS, *(flag for entry in entries for flag in entry.flags)}
    lasting = () if view.read_only else {*flags, "\\*"}
    lines = [
        b"* FLAGS %b\r\n" % flag_list(flags),
        b"* OK [PERMANENTFLAGS %b] these are kept\r\n" % flag_list(lasting),
        b"* %d EXISTS\r\n" % len(view.uids),
    ]
    if session.rev2:
        lines.append(b'* LIST () "/" %b\r\n' % session.name(name))
    else:
        lines += _rev1_only(view)
    return [
        *lines,
        b"* OK [UIDVALIDITY %d] UIDs are these\r\n" % folder.uidvalidity,
        b"* OK [UIDNEXT %d] the next UID, at least\r\n" % folder.uidnext,
        b"* OK [HIGHESTMODSEQ %d] the last change\r\n" % folder.highest_modseq,
    ]


def _rev1_only(view: View) -> list[bytes]:
    """What IMAP4rev2 left out (RFC 9051 appendix E)."""
    lines = [b"* %d RECENT\r\n" % view.recent]
    unseen = next((entry.uid for entry in view.folder.entries() if SEEN not in entry.flags), 0)
    if unseen:
        lines.append(b"* OK [UNSEEN %d] the first that was not read\r\n" % view.number(unseen))
    return lines


async def close(session: Session, command: Bare) -> Done:
    """CLOSE removes what is marked \\Deleted, without a word (RFC 9051 §6.4.1); UNSELECT does not."""
    view = session.selected
    if command.verb == "CLOSE" and not view.read_only:
        await view.folder.expunge([entry.uid for entry in view.entries(view.uids) if DELETED in entry.flags])
    session.leave()
    return Done("no mailbox is open now")


# -- folders --------------------------------------------------------------------------------------------------


async def create(session: Session, command: Create) -> Done:
    special = command.special[:1] + command.special[1:].capitalize()
    await session.owner.create(
        command.name.removesuffix("/"), special
    )  # it says only that there will be more below
    return Done("created")


async def delete(session: Session, command: Delete) -> Done:
    await session.owner.delete(command.name)
    return Done("deleted")


async def rename(session: Session, command: Rename) -> Done:
    await session.owner.rename(command.old, command.new)
    return Done("renamed")


async def subscribe(session: Session, command: Subscribe) -> Done:
    await session.owner.subscribe(command.name, command.wanted)
    return Done("subscribed" if command.wanted else "no longer subscribed")


async def namespace(session: Session, command: Bare) -> Done:
    await session.emit(b'* NAMESPACE (("" "/")) NIL NIL\r\n')
    return Done("there is one, your own")


# -- STATUS ---------------------------------------------------------------------------------------------------


def _count(having: Callable[[Entry], bool]) -> Callable[[Session, Folder], int]:
    return lambda session, folder: sum(1 for entry in folder.entries() if having(entry))


def _octets(having: Callable[[Entry], bool]) -> Callable[[Session, Folder], int]:
    return lambda session, folder: sum(entry.size for entry in folder.entries() if having(entry))


def _recent(session: Session, folder: Folder) -> int:
    start = session.shared.recent.get((str(session.owner.address), folder.name), 1)
    return sum(1 for entry in folder.entries() if entry.uid >= start)


_FIGURES: Mapping[str, Callable[[Session, Folder], int]] = MappingProxyType(
    {
        "MESSAGES": lambda session, folder: len(folder.entries()),
        "RECENT": _recent,
        "UIDNEXT": lambda session, folder: folder.uidnext,
        "UIDVALIDITY": lambda session, folder: folder.uidvalidity,
        "UNSEEN": _count(lambda entry: SEEN not in entry.flags),
        "DELETED": _count(lambda entry: DELETED in entry.flags),
        "SIZE": _octets(lambda entry: True),
        "HIGHESTMODSEQ": lambda session, folder: folder.highest_modseq,
        "DELETED-STORAGE": _octets(lambda entry: DELETED in entry.flags),
    }
)


def status_line(session: Session, name: str, items: tuple[str, ...]) -> bytes:
    folder = session.owner.open(name)
    folder.look()
    figures = " ".join(f"{item} {_FIGURES[item](session, folder)}" for item in items)
    return b"* STATUS %b (%b)\r\n" % (session.name(name), figures.encode())


async def status(session: Session, command: Status) -> Done:
    await session.emit(status_line(session, command.name, command.items))
    if "HIGHESTMODSEQ" in command.items:
        await session.use_condstore()
    return Done("that is how it stands")


# -- quotas ---------------------------------------------------------------------------------------------------


async def quota(session: Session, command: Quota) -> Done:
    """One root, "", for all folders of an account; storage in units of 1,024 octets (RFC 9208 §5.1)."""
    if command.verb == "SETQUOTA":
        raise Refused("quotas are set by the host's keeper: lab account quota", "NOPERM")
    if command.verb == "GETQUOTAROOT":
        session.owner.open(command.name)
        await session.emit(b'* QUOTAROOT %b ""\r\n' % session.name(command.name))
    elif command.name:
        raise Refused("there is one quota root here, and its name is empty", "NONEXISTENT")
    used, _ = session.owner.usage()
    limit = session.owner.quota
    limits = b"(STORAGE %d %d)" % (-(-used // 1024), limit // 1024) if limit else b"()"
    await session.emit(b'* QUOTA "" %b\r\n' % limits)
    return Done("that is the quota")
