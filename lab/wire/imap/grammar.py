"""The grammar of IMAP's commands: a verb and what may follow it, as a table of readers.

The rule: `read` gives a typed command or raises BadSyntax with a sentence; an unknown verb is a syntax error too.
RFC 9051 §9, RFC 3501 §9, with UIDPLUS (4315), MOVE (6851), ESEARCH (4731), SPECIAL-USE (6154), CONDSTORE (7162),
LIST-EXTENDED (5258), LIST-STATUS (5819), SASL-IR (4959), ID (2971), QUOTA (9208).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from lab.wire.imap import commands as say
from lab.wire.imap.dates import read_date_time
from lab.wire.imap.items import read_items
from lab.wire.imap.keys import read_keys
from lab.wire.imap.names import decode_name
from lab.wire.imap.sets import read_set
from lab.wire.imap.tokens import BadSyntax, Scanner

_STORE = re.compile(rb"[+-]?FLAGS(?:\.SILENT)?(?= )", re.IGNORECASE)
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}|=")

STATUS_ITEMS = (
    "MESSAGES",
    "RECENT",
    "UIDNEXT",
    "UIDVALIDITY",
    "UNSEEN",
    "DELETED",
    "SIZE",
    "HIGHESTMODSEQ",
    "DELETED-STORAGE",
)
CHARSETS = ("US-ASCII", "UTF-8")


class BadCharset(BadSyntax):
    """SEARCH in a charset that the server has not: NO [BADCHARSET …], not BAD (RFC 3501 §6.4.4)."""


class Words(Scanner):
    """A command's scanner; `utf8` says that mailbox names come in UTF-8 (IMAP4rev2)."""

    __slots__ = ("uid", "utf8")

    def __init__(self, octets: bytes, utf8: bool = False) -> None:
        super().__init__(octets)
        self.utf8 = utf8
        self.uid = False

    def name(self) -> str:
        """A mailbox's name after a space."""
        self.space()
        return self.text_of(self.astring("a mailbox name"))

    def text_of(self, octets: bytes) -> str:
        name = decode_name(octets, self.utf8)
        return "INBOX" if name.upper() == "INBOX" else name

    def login(self, what: str) -> str:
        self.space()
        return self.astring(what).decode("utf-8", "replace")

    def modifier(self, words: str) -> int | None:
        """` (WORDS number)`, where it stands."""
        if not self.skip(b" ("):
            return None
        if self.keyword() != words:
            raise BadSyntax(f"only {words} may stand here")
        self.space()
        number = self.number("a mod-sequence")
        self.expect(b")")
        return number


def read(verb: str, words: Words) -> say.Command:
    """The rest of a command whose verb ("UID FETCH" with its UID) has been read."""
    words.uid = verb.startswith("UID ")
    reader = GRAMMAR.get(verb)
    if reader is None:
        raise BadSyntax(f"there is no command {verb[:40]}")
    command = reader(words)
    words.end()
    return command


def read_verb(words: Words) -> str:
    verb = words.keyword("a command")
    if verb != "UID":
        return verb
    words.space()
    return f"UID {words.keyword('FETCH, STORE, SEARCH, COPY, MOVE or EXPUNGE')}"


# -- who one is --------------------------------------------------------------------------------------------------


def _login(words: Words) -> say.Command:
    return say.Login(words.login("a user name"), words.login("a password"))


def _authenticate(words: Words) -> say.Command:
    words.space()
    mechanism = words.keyword("a mechanism")
    initial = words.match(_BASE64, "a response in base64")[0] if words.skip(b" ") else None
    return say.Authenticate(mechanism, initial)


def _enable(words: Words) -> say.Command:
    names: list[str] = []
    while words.skip(b" "):
        names.append(words.keyword())
    if not names:
        raise BadSyntax("ENABLE what?")
    return say.Enable(tuple(names))


def _identify(words: Words) -> say.Command:
    words.space()
    if words.sees(b"("):
        words.listed(words.nstring)
    elif words.keyword("NIL or a list") != "NIL":
        raise BadSyntax("ID takes NIL, or a list of names and values")
    return say.Identify()


# -- mailboxes ---------------------------------------------------------------------------------------------------


def _select(words: Words, read_only: bool = False) -> say.Command:
    name = words.name()
    options = words.listed(words.keyword) if words.skip(b" ") else []
    if set(options) - {"CONDSTORE"}:
        raise BadSyntax(f"there is no option {options[0][:40]} here")
    return say.Select(name, read_only, bool(options))


def _create(words: Words) -> say.Command:
    name = words.name()
    if not words.skip(b" ("):
        return say.Create(name)
    if words.keyword() != "USE":
        raise BadSyntax("CREATE knows the option USE alone (RFC 6154)")
    words.space()
    uses = words.listed(words.flag)
    words.expect(b")")
    return say.Create(name, " ".join(uses))


def _list(words: Words) -> say.Command:
    words.space()
    asked = _options(words) if words.sees(b"(") else None
    if asked is not None:
        words.space()
    reference = words.text_of(words.astring('a reference name, often ""'))
    words.space()
    extended = asked is not None or words.sees(b"(")
    patterns = tuple(words.text_of(one) for one in words.one_or_listed(words.pattern))
    if not words.skip(b" RETURN "):
        return say.List(reference, patterns, asked=asked or (), extended=extended)
    returned, status = _returned(words)
    return say.List(reference, patterns, "LIST", asked or (), returned, status, True)


def _options(words: Words) -> tuple[str, ...]:
    options = tuple(words.listed(words.keyword))
    unknown = [one for one in options if one not in ("SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE")]
    if unknown:
        raise BadSyntax(f"LIST cannot select by {unknown[0][:40]}")
    if "RECURSIVEMATCH" in options and "SUBSCRIBED" not in options:
        raise BadSyntax("RECURSIVEMATCH goes with SUBSCRIBED (RFC 5258 section 3.1)")
    return options


def _returned(words: Words) -> tuple[tuple[str, ...], tuple[str, ...]]:
    status: list[str] = []

    def one() -> str:
        option = words.keyword()
        if option == "STATUS":
            words.space()
            status.extend(_status_items(words))
        elif option not in ("SUBSCRIBED", "CHILDREN", "SPECIAL-USE"):
            raise BadSyntax(f"LIST cannot return {option[:40]}")
        return option

    return tuple(words.listed(one)), tuple(status)


def _lsub(words: Words) -> say.Command:
    reference = words.name()
    words.space()
    return say.List(reference, (words.text_of(words.pattern()),), "LSUB")


def _status_items(words: Words) -> tuple[str, ...]:
    items = tuple(dict.fromkeys(words.listed(words.keyword)))
    unknown = [item for item in items if item not in STATUS_ITEMS]
    if unknown or not items:
        raise BadSyntax(f"STATUS is of {', '.join(STATUS_ITEMS)}")
    return items


def _status(words: Words) -> say.Command:
    name = words.name()
    words.space()
    return say.Status(name, _status_items(words))


def _append(words: Words) -> say.Command:
    name = words.name()
    words.space()
    flags = words.listed(words.flag) if words.sees(b"(") else []
    if flags or words.sees(b" "):
        words.space()
    received = None
    if words.sees(b'"'):
        received = read_date_time(words)
        words.space()
    return say.Append(name, tuple(flags), received, words.literal("the message, as a literal {size}"))


def _limit(words: Words) -> int:
    words.atom("a resource, STORAGE")
    words.space()
    return words.number()


def _quota(verb: str) -> Callable[[Words], say.Command]:
    def reader(words: Words) -> say.Command:
        name = words.name()
        if verb == "SETQUOTA":
            words.space()
            words.listed(lambda: _limit(words))
        return say.Quota(verb, name)

    return reader


# -- messages ----------------------------------------------------------------------------------------------------


def _search(words: Words) -> say.Command:
    returned = None
    if words.skip(b" RETURN "):
        returned = tuple(words.listed(words.keyword))
        unknown = [one for one in returned if one not in ("MIN", "MAX", "ALL", "COUNT", "SAVE")]
        if unknown:
            raise BadSyntax(f"SEARCH cannot return {unknown[0][:40]}")
    charset = "UTF-8"
    if words.skip(b" CHARSET "):
        charset = words.astring("a charset").decode("ascii", "replace").upper()
        if charset not in CHARSETS:
            raise BadCharset(f"searches are in {' or '.join(CHARSETS)}")
    words.space()
    return say.Search(read_keys(words, charset), words.uid, returned, charset)


def _fetch(words: Words) -> say.Command:
    words.space()
    numbers = read_set(words)
    words.space()
    items = read_items(words)
    return say.Fetch(numbers, words.uid, items, words.modifier("CHANGEDSINCE"))


def _store(words: Words) -> say.Command:
    words.space()
    numbers = read_set(words)
    unchanged = words.modifier("UNCHANGEDSINCE")
    words.space()
    mode = words.match(_STORE, "FLAGS, +FLAGS or -FLAGS")[0].decode().upper()
    words.space()
    flags = words.listed(words.flag) if words.sees(b"(") else _loose_flags(words)
    silent = mode.endswith(".SILENT")
    return say.Store(numbers, words.uid, mode.removesuffix(".SILENT"), silent, tuple(flags), unchanged)


def _loose_flags(words: Words) -> list[str]:
    flags = [words.flag()]
    while words.skip(b" "):
        flags.append(words.flag())
    return flags


def _copy(words: Words, move: bool = False) -> say.Command:
    words.space()
    numbers = read_set(words)
    return say.Copy(numbers, words.uid, words.name(), move)


def _uid_expunge(words: Words) -> say.Command:
    words.space()
    return say.Expunge(read_set(words))


def _bare(verb: str) -> Callable[[Words], say.Command]:
    return lambda words: say.Bare(verb)


_BARE = ("CAPABILITY", "NOOP", "LOGOUT", "STARTTLS", "CHECK", "CLOSE", "UNSELECT", "IDLE", "NAMESPACE")

GRAMMAR: Mapping[str, Callable[[Words], say.Command]] = MappingProxyType(
    {verb: _bare(verb) for verb in _BARE}
    | {
        "LOGIN": _login,
        "AUTHENTICATE": _authenticate,
        "ENABLE": _enable,
        "ID": _identify,
        "SELECT": _select,
        "EXAMINE": lambda words: _select(words, read_only=True),
        "CREATE": _create,
        "DELETE": lambda words: say.Delete(words.name()),
        "RENAME": lambda words: say.Rename(words.name(), words.name()),
        "SUBSCRIBE": lambda words: say.Subscribe(words.name()),
        "UNSUBSCRIBE": lambda words: say.Subscribe(words.name(), wanted=False),
        "LIST": _list,
        "LSUB": _lsub,
        "STATUS": _status,
        "APPEND": _append,
        "GETQUOTA": _quota("GETQUOTA"),
        "GETQUOTAROOT": _quota("GETQUOTAROOT"),
        "SETQUOTA": _quota("SETQUOTA"),
        "SEARCH": _search,
        "FETCH": _fetch,
        "STORE": _store,
        "COPY": _copy,
        "MOVE": lambda words: _copy(words, move=True),
        "EXPUNGE": lambda words: say.Expunge(),
        "UID SEARCH": _search,
        "UID FETCH": _fetch,
        "UID STORE": _store,
        "UID COPY": _copy,
        "UID MOVE": lambda words: _copy(words, move=True),
        "UID EXPUNGE": _uid_expunge,
    }
)
"""Verb → the reader of what follows it."""
