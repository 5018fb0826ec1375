"""FETCH: what a client wants to see of messages, each item as it asked for it (RFC 9051 §6.4.5, §7.5.2).

The rule: everything is a slice of the message as stored. Messages go out in batches, and whoever else has work
gets a turn between them; \\Seen is set, durably, before the text goes out.

MailRead is logged when the text of a message, or of a part, was read: headers alone are looking, not reading.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from lab.events import MailRead
from lab.mail.conversation import HIGH_WATER
from lab.mail.folders import SEEN, Entry, Folder, Mode
from lab.mail.imap.session import Done, Refused, Session, gone
from lab.mail.imap.view import View
from lab.wire import mime
from lab.wire.imap.commands import Fetch
from lab.wire.imap.dates import write_date_time
from lab.wire.imap.items import WHOLE, Item
from lab.wire.imap.writer import NIL, envelope, literal, literal8, structure

BATCH = 500
"""Messages between two turns for others, where only numbers and flags are asked for; 20 where texts are."""
_BLANK_LINE = re.compile(rb"^\r?\n|\n\r?\n")
_UID, _FLAGS, _MODSEQ = Item("UID", "UID"), Item("FLAGS", "FLAGS"), Item("MODSEQ", "MODSEQ")


class Shown:
    """A message that is being fetched; its octets and index are read when an item needs them."""

    __slots__ = ("_bodies", "_headers", "_index", "_octets", "entry", "folder", "read", "view")

    def __init__(self, view: View, entry: Entry) -> None:
        self.view = view
        self.folder: Folder = view.folder
        self.entry = entry
        self.read = 0
        """Octets of its text that were fetched."""
        self._octets: bytes | None = None
        self._index: mime.MessageIndex | None = None
        self._bodies: tuple[str, ...] | None = None
        self._headers: tuple[str, ...] | None = None

    @property
    def octets(self) -> bytes:
        if self._octets is None:
            self._octets = self.folder.octets(self.entry.uid)
        return self._octets

    @property
    def whole(self) -> mime.Part:
        """The message, for those who read its header alone."""
        return self._index.root if self._index is not None else unopened(self.octets)

    @property
    def index(self) -> mime.MessageIndex:
        if self._index is None:
            self._index = self.folder.index(self.entry.uid)
        return self._index

    @property
    def bodies(self) -> tuple[str, ...]:
        """What a person reads in it, part by part, case folded: made once for a whole search."""
        if self._bodies is None:
            self._bodies = tuple(
                mime.text(self.octets, part).text.casefold()
                for part in self.index.root.walk()
                if part.type == "text" or (part.type == "message" and not part.children)
            )
        return self._bodies

    @property
    def headers(self) -> tuple[str, ...]:
        """The message's header, and that of each part and message within, case folded."""
        if self._headers is None:
            self._headers = tuple(
                mime.readable(self.octets[part.header_start : part.header_end]).casefold()
                for part in self.index.root.walk()
            )
        return self._headers


def unopened(octets: bytes) -> mime.Part:
    """A message as one part, without a look into its body: a list of headers costs no index."""
    found = _BLANK_LINE.search(octets)
    return mime.Part("", 0, found.end() if found else len(octets), len(octets), "text", "plain")


async def fetch(session: Session, command: Fetch) -> Done:
    view = session.selected
    view.folder.look()
    items = _completed(command)
    if _MODSEQ in items:
        await session.use_condstore()
    uids = session.picked(command.numbers, command.uid)
    marks = not view.read_only and any(not item.peek for item in items)
    step = BATCH if all(item.name in _CHEAP for item in items) else 20
    found = 0
    for start in range(0, len(uids), step):
        entries = view.entries(uids[start : start + step])
        found += len(entries)
        wanted = [entry for entry in entries if entry.modseq > (command.changed_since or 0)]
        await _send(session, view, wanted, items, marks)
    if not command.uid:
        gone(session, uids, found)
    return Done("fetched")


def _completed(command: Fetch) -> tuple[Item, ...]:
    """The items asked for, and those that always go with them."""
    wanted = list(command.items)
    if command.uid and _UID not in wanted:
        wanted.insert(0, _UID)  # RFC 9051 §6.4.9
    if command.changed_since is not None and _MODSEQ not in wanted:
        wanted.append(_MODSEQ)  # RFC 7162 §3.1.4.1
    return tuple(wanted)


async def _send(session: Session, view: View, entries: list[Entry], items: tuple[Item, ...], marks: bool) -> None:
    unseen = [entry.uid for entry in entries if SEEN not in entry.flags] if marks else []
    if unseen:
        await view.folder.store(unseen, Mode.ADD, (SEEN,))
        entries = view.entries([entry.uid for entry in entries])
        view.hush(unseen)
    fresh = frozenset(unseen)
    told: list[bytes] = []
    size = 0
    for entry in entries:
        also = (_FLAGS,) if entry.uid in fresh and _FLAGS not in items else ()
        told += _response(session, view, entry, (*items, *also))
        size += len(told[-1]) if told else 0
        if size > HIGH_WATER:
            await session.emit(b"".join(told))
            told, size = [], 0
    await session.emit(b"".join(told))


def _response(session: Session, view: View, entry: Entry, items: Sequence[Item]) -> Iterator[bytes]:
    """One message's FETCH response, in pieces; nothing at all when its file has gone meanwhile."""
    shown = Shown(view, entry)
    try:
        pieces = [RENDER[item.name](item, shown) for item in items]
    except KeyError:
        return
    yield b"* %d FETCH (%b)\r\n" % (view.number(entry.uid), b" ".join(pieces))
    if shown.read:
        owner = str(session.owner.address)
        session.host.log(MailRead(owner, entry.uid, "IMAP", shown.read, view.folder.name))


# -- items ----------------------------------------------------------------------------------------------------


def _structure(item: Item, shown: Shown) -> bytes:
    octets = shown.octets
    tree = structure(
        shown.index.root,
        lambda message: envelope(mime.envelope(octets, message)),
        extended=item.name == "BODYSTRUCTURE",
    )
    return item.label.encode() + b" " + tree


def _piece(item: Item, shown: Shown) -> bytes | None:
    """The octets of a section, or of the part of it that is asked for."""
    octets = _decoded(item, shown) if item.name == "BINARY[]" else _stored(item.section, shown)
    if octets is None or item.partial is None:
        return octets
    first, count = item.partial
    return octets[first : first + count]


def _stored(section: mime.Section, shown: Shown) -> bytes | None:
    if section == WHOLE:
        return shown.octets
    index = shown.index if section.path else mime.MessageIndex(len(shown.octets), shown.whole)
    return mime.section(index, shown.octets, section)


def _decoded(item: Item, shown: Shown) -> bytes | None:
    if not item.section.path:
        return shown.octets
    part = mime.part_at(shown.index.root, item.section.path)
    if part is None:
        return None
    if not mime.can_decode(part):
        raise Refused(f"nobody here knows the encoding {part.encoding[:40]}", "UNKNOWN-CTE")
    return mime.decoded(shown.octets, part)


def _section(item: Item, shown: Shown) -> bytes:
    octets = _piece(item, shown)
    if octets is None:
        return item.label.encode() + b" " + NIL
    shown.read += len(octets) if item.reads else 0
    written = literal8(octets) if item.name == "BINARY[]" and b"\0" in octets else literal(octets)
    return item.label.encode() + b" " + written


RENDER: Mapping[str, Callable[[Item, Shown], bytes]] = MappingProxyType(
    {
        "UID": lambda item, shown: b"UID %d" % shown.entry.uid,
        "FLAGS": lambda item, shown: b"FLAGS " + shown.view.flags(shown.entry),
        "INTERNALDATE": lambda item, shown: b"INTERNALDATE " + write_date_time(shown.entry.received).encode(),
        "RFC822.SIZE": lambda item, shown: b"RFC822.SIZE %d" % shown.entry.size,
        "MODSEQ": lambda item, shown: b"MODSEQ (%d)" % shown.entry.modseq,
        "ENVELOPE": lambda item, shown: b"ENVELOPE " + envelope(mime.envelope(shown.octets, shown.whole)),
        "BODY": _structure,
        "BODYSTRUCTURE": _structure,
        "BODY[]": _section,
        "BINARY[]": _section,
        "BINARY.SIZE[]": lambda item, shown: b"%b %d" % (item.label.encode(), len(_decoded(item, shown) or b"")),
    }
)
"""Item → its octets, label and all."""
_CHEAP = frozenset({"UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "MODSEQ"})
