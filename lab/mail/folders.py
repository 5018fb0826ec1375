"""What a mailbox is to those who read it: the seam between the store and POP3 and IMAP.

The rule: a message is octets that never change, known in its folder by a UID that is never used again
(RFC 3501 §2.3.1.1); what changes is its flags and whether it is there. Every change is durable when the call
returns, has a mod-sequence (RFC 7162 §3.1), and is told to everyone who watches the folder, in this process at
once, from elsewhere (another process, a hand in the Maildir) at the next `look`.

Names of folders are text, "INBOX" or "Archive/2026", levels parted by "/"; INBOX in any case is INBOX. The store
refuses names that no file system should see with FolderError, whose text a server can send as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from lab.names import EmailAddress
from lab.values import dataclass, made_often
from lab.wire.mime import MessageIndex

SEEN, ANSWERED, FLAGGED, DELETED, DRAFT = "\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"
"""System flags (RFC 9051 §2.3.2); any other flag is a keyword, as the client spelled it first."""


class FolderError(Exception):
    """No such folder, it exists already, a name that cannot be, over quota. `code` is IMAP's response code for it
    (NONEXISTENT, ALREADYEXISTS, CANNOT, OVERQUOTA, … RFC 5530), the text a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@made_often
@dataclass(frozen=True, slots=True)
class Entry:
    """One message in a folder. `size` in octets, CR LF counted; `received` is IMAP's INTERNALDATE."""

    uid: int
    size: int
    flags: frozenset[str]
    received: datetime
    modseq: int


class Change(StrEnum):
    ADDED = "added"
    FLAGGED = "flags changed"
    EXPUNGED = "expunged"


class Mode(StrEnum):
    """STORE's three ways (RFC 9051 §6.4.6)."""

    REPLACE = "FLAGS"
    ADD = "+FLAGS"
    REMOVE = "-FLAGS"


Watcher = Callable[[Change, int], None]
"""Called with a change and the UID it is about."""


class Folder(Protocol):
    """One mailbox in IMAP's sense."""

    name: str

    @property
    def uidvalidity(self) -> int: ...

    @property
    def uidnext(self) -> int: ...

    @property
    def highest_modseq(self) -> int: ...

    def entries(self) -> Sequence[Entry]:
        """By UID, ascending. Cheap to call: the same sequence until something changes."""

    def look(self) -> None:
        """Take notice of what others did to the files."""

    def octets(self, uid: int) -> bytes:
        """The message as stored, byte for byte. KeyError: it is gone."""

    def index(self, uid: int) -> MessageIndex:
        """Where everything in the message is; made once, kept beside the mailbox. KeyError: it is gone."""

    async def append(self, octets: bytes, flags: Iterable[str] = (), received: datetime | None = None) -> int:
        """File a message; its UID. OSError ENOSPC: the disk is full; FolderError OVERQUOTA."""

    async def store(self, uids: Iterable[int], mode: Mode, flags: Iterable[str]) -> None: ...

    async def expunge(self, uids: Iterable[int]) -> None:
        """Remove these, whatever their flags; those already gone are passed over."""

    async def copy(self, uids: Sequence[int], to: Folder) -> Mapping[int, int]:
        """uid here → uid there, in the same order. All or none."""

    async def move(self, uids: Sequence[int], to: Folder) -> Mapping[int, int]: ...

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Be told of changes; call the result to be left alone again."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A folder as LIST shows it: `special` is its use (\\Sent, \\Drafts, \\Trash, \\Junk, \\Archive; RFC 6154)."""

    name: str
    subscribed: bool
    has_children: bool
    special: str = ""
    selectable: bool = True


class Account(Protocol):
    """Everything that one person keeps on a mail host."""

    address: EmailAddress

    def list(self) -> Sequence[Listed]:
        """Sorted by name, INBOX first."""

    def subscriptions(self) -> Sequence[str]:
        """Every name subscribed to, whether there is such a folder (any more) or not (RFC 3501 §6.3.9)."""

    def open(self, name: str) -> Folder:
        """FolderError NONEXISTENT when there is none. The same object to everyone who opens it."""

    async def create(self, name: str, special: str = "") -> None:
        """With the folders above it (RFC 9051 §6.3.4)."""

    async def delete(self, name: str) -> None: ...

    async def rename(self, old: str, new: str) -> None:
        """With everything below it; INBOX: its messages move, it stays (RFC 9051 §6.3.6)."""

    async def subscribe(self, name: str, wanted: bool) -> None: ...

    def usage(self) -> tuple[int, int]:
        """(octets, messages) that count for the quota."""

    @property
    def quota(self) -> int:
        """Octets allowed; 0: no limit."""


class Accounts(Protocol):
    """Who may log in to a mail host, and to what."""

    def find(self, login: str) -> EmailAddress | None:
        """The account a login name means: the address, or the local part alone in the host's first domain."""

    def password(self, address: EmailAddress) -> str | None:
        """For challenge-response (APOP, SCRAM); None: nobody can log in. Never to the log."""

    def account(self, address: EmailAddress) -> Account: ...
