"""What one IMAP client has before it: its account, its mailbox, what it enabled, and what it is to be told.

The rule: a command is a function (session, command) → Done; what it has to say meanwhile goes through `emit`,
which waits when the client reads slowly and lets others have their turn. When a command is over, news of the
selected mailbox are told before its tagged answer.

EXPUNGE may not be said during FETCH, STORE and SEARCH by sequence number (RFC 9051 §7.5.1).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import field

from lab.fabric.base import Host
from lab.mail.folders import Account, Folder, FolderError
from lab.mail.imap.view import Telling, View
from lab.mail.porter import Porter
from lab.values import dataclass
from lab.wire.imap.names import encode_name
from lab.wire.imap.server import ImapServer
from lab.wire.imap.sets import NumberSet
from lab.wire.imap.writer import quoted_name

LONGEST_TEXT = 500
_NUMBERED = ("FETCH", "STORE", "SEARCH")


@dataclass(frozen=True, slots=True)
class Done:
    """A command's tagged answer: `condition` OK, NO or BAD."""

    text: str
    condition: str = "OK"
    code: str = ""

    def line(self, tag: str) -> bytes:
        """One line of ASCII, whatever a client put into a name that the text repeats."""
        code = f"[{self.code}] " if self.code else ""
        words = "".join(sign if sign.isprintable() else "?" for sign in self.text[:LONGEST_TEXT])
        return f"{tag} {self.condition} {code}{words}\r\n".encode("ascii", "backslashreplace")


class Refused(Exception):
    """The command cannot be done: `done` is its answer."""

    def __init__(self, text: str, code: str = "", condition: str = "NO") -> None:
        super().__init__(text)
        self.done = Done(text, condition, code)


@dataclass(slots=True)
class Shared:
    """What the sessions of a host have in common. `recent`: up to which UID some session was told that a message
    is recent, by account and folder; in memory, so that after a start all are (RFC 3501 §2.3.2 allows it)."""

    host: Host
    porter: Porter
    size_limit: int
    offers_tls: bool = True
    recent: dict[tuple[str, str], int] = field(default_factory=dict)


@dataclass(slots=True)
class Session:
    shared: Shared
    peer: str
    emit: Callable[[bytes], Awaitable[None]]
    """Say octets, now or a little later; returns when there is room for more."""
    line: Callable[[], Awaitable[bytes]]
    """The client's next plain line, after the go-ahead has been said. ConnectionError when it is gone."""
    stirred: Callable[[], None]
    """Called when the selected mailbox has news."""
    automaton: ImapServer
    secure: bool = False
    account: Account | None = None
    view: View | None = None
    condstore: bool = False
    rev2: bool = False
    saved: list[int] = field(default_factory=list)
    """The UIDs of the last search with SAVE (RFC 5182)."""
    failures: int = 0
    """Wrong passwords on this connection."""
    bye: str = ""
    """Why the connection ends after this command."""

    @property
    def host(self) -> Host:
        return self.shared.host

    @property
    def owner(self) -> Account:
        assert self.account is not None, "the automaton lets nobody here without a login"
        return self.account

    @property
    def selected(self) -> View:
        assert self.view is not None, "the automaton lets nobody here without a mailbox"
        return self.view

    @property
    def writable(self) -> Folder:
        if self.selected.read_only:
            raise Refused("this mailbox was opened with EXAMINE, to look only", "READ-ONLY")
        return self.selected.folder

    def picked(self, numbers: NumberSet, by_uid: bool) -> list[int]:
        """The UIDs that a command means."""
        try:
            return self.selected.picked(numbers, by_uid, self.saved)
        except IndexError as error:
            count = error.args[0]
            has = f"messages 1 to {count}" if count else "no messages"
            raise Refused(f"the mailbox has {has}", condition="BAD") from None

    def target(self, name: str) -> Folder:
        """A mailbox that messages shall go to (RFC 9051 §6.3.12: TRYCREATE)."""
        try:
            return self.owner.open(name)
        except FolderError as error:
            code = "TRYCREATE" if error.code == "NONEXISTENT" else error.code
            raise Refused(error.sentence, code) from None

    def name(self, name: str) -> bytes:
        return quoted_name(encode_name(name, self.rev2), self.rev2)

    async def use_condstore(self) -> None:
        """From now on mod-sequences are told; the highest at once (RFC 7162 §3.1.2.1)."""
        if self.view is not None and not self.condstore:
            await self.emit(b"* OK [HIGHESTMODSEQ %d] the last change\r\n" % self.view.folder.highest_modseq)
        self.condstore = True

    # -- news ------------------------------------------------------------------------------------------------

    def telling(self, verb: str) -> Telling:
        """How news may be told at the end of a command."""
        return Telling(verb not in _NUMBERED, verb.startswith("UID "), self.condstore, self.rev2)

    async def tell(self, telling: Telling) -> None:
        """Say what has changed in the selected mailbox."""
        if self.view is not None:
            for line in self.view.news(telling):
                await self.emit(line)

    def leave(self) -> None:
        """No mailbox is selected any more."""
        if self.view is not None:
            self.view.close()
        self.view = None
        self.saved = []


def gone(session: Session, uids: Sequence[int], found: int) -> None:
    """Refuse a command by sequence number on messages that another client removed (RFC 2180 §4, RFC 5530)."""
    if found < len(uids):
        raise Refused("some of these messages are no more: another client removed them", "EXPUNGEISSUED")
