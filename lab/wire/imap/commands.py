"""The commands of IMAP as typed values: what a client asked, every argument read and nothing left over.

The rule: a value here is complete and makes sense by itself; whether it may be said now is `server`'s,
whether it can be done the mail host's. Names of mailboxes are text, times have their zone.
RFC 9051 §6, RFC 3501 §6.
"""

from __future__ import annotations

from datetime import datetime

from lab.values import dataclass
from lab.wire.imap.items import Item
from lab.wire.imap.keys import Key
from lab.wire.imap.sets import NumberSet


@dataclass(frozen=True, slots=True)
class Bare:
    """A command that is its verb alone: CAPABILITY, NOOP, LOGOUT, STARTTLS, CHECK, CLOSE, UNSELECT, IDLE …"""

    verb: str


@dataclass(frozen=True, slots=True)
class Login:
    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.user!r}, …)"  # a password stands in no log and in no traceback


@dataclass(frozen=True, slots=True)
class Authenticate:
    """`initial` is the first response, still in base64 (RFC 4959); None when there is none."""

    mechanism: str
    initial: bytes | None = None

    def __repr__(self) -> str:
        return f"Authenticate({self.mechanism!r}, …)"


@dataclass(frozen=True, slots=True)
class Enable:
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Identify:
    """ID: what the client says of itself, or nothing (RFC 2971)."""


@dataclass(frozen=True, slots=True)
class Select:
    name: str
    read_only: bool = False
    condstore: bool = False


@dataclass(frozen=True, slots=True)
class Create:
    name: str
    special: str = ""


@dataclass(frozen=True, slots=True)
class Delete:
    name: str


@dataclass(frozen=True, slots=True)
class Rename:
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Subscribe:
    name: str
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class List:
    """`asked` and `returned` are LIST's options (RFC 5258, RFC 6154) in capitals, `status` the items of RETURN
    (STATUS …); `verb` LIST or LSUB."""

    reference: str
    patterns: tuple[str, ...]
    verb: str = "LIST"
    asked: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    extended: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    name: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Append:
    name: str
    flags: tuple[str, ...]
    received: datetime | None
    octets: bytes


@dataclass(frozen=True, slots=True)
class Quota:
    """GETQUOTA of a root, GETQUOTAROOT of a mailbox, SETQUOTA (RFC 9208)."""

    verb: str
    name: str


@dataclass(frozen=True, slots=True)
class Search:
    """`returned` None: the old answer, `* SEARCH 1 2 3`; else the options of RETURN (RFC 4731)."""

    key: Key
    uid: bool
    returned: tuple[str, ...] | None = None
    charset: str = "US-ASCII"


@dataclass(frozen=True, slots=True)
class Fetch:
    numbers: NumberSet
    uid: bool
    items: tuple[Item, ...]
    changed_since: int | None = None


@dataclass(frozen=True, slots=True)
class Store:
    """`mode` FLAGS, +FLAGS or -FLAGS."""

    numbers: NumberSet
    uid: bool
    mode: str
    silent: bool
    flags: tuple[str, ...]
    unchanged_since: int | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    numbers: NumberSet
    uid: bool
    name: str
    move: bool = False


@dataclass(frozen=True, slots=True)
class Expunge:
    """`numbers` for UID EXPUNGE (RFC 4315)."""

    numbers: NumberSet | None = None


Command = (
    Bare
    | Login
    | Authenticate
    | Enable
    | Identify
    | Select
    | Create
    | Delete
    | Rename
    | Subscribe
    | List
    | Status
    | Append
    | Quota
    | Search
    | Fetch
    | Store
    | Copy
    | Expunge
)
