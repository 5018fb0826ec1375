"""A stranger's IMAP session, most often logged in: whatever is said, it is answered, and never by a defect."""

from __future__ import annotations

from tests.fuzz.letters import LETTERS
from tests.fuzz.post_office import Offices
from tests.fuzz.target import Choices, Target

_SETS = (
    b"1",
    b"1:*",
    b"*",
    b"2,4:3",
    b"1:4294967295",
    b"5:1,*:2",
    b"0",
    b"999",
    b"$",
    b"1,1,1",
    b"4294967296",
    b",",
)
_FOLDERS = (
    b"INBOX",
    b'"Trash"',
    b"Sent",
    b"a/b/c",
    b"&AOk-",
    b"&AOk",
    b'"&Jjo-\\\\"',
    b"{5}\r\nINBOX",
    b"{3+}\r\na\0b",
    b"/",
    b"..",
    b"inbox/x",
    b"*",
    b'""',
    b"x" * 300,
    "é".encode(),
)
_FLAGS = (b"\\Seen", b"\\Deleted", b"\\Answered", b"$Forwarded", b"\\Recent", b"own", b"\\", b"\\*", b"k" * 200)
_SECTIONS = (
    b"",
    b"1",
    b"2.1",
    b"1.MIME",
    b"2.HEADER",
    b"TEXT",
    b"HEADER",
    b"HEADER.FIELDS (FROM {2}\r\nTo)",
    b"2.HEADER.FIELDS.NOT (X)",
    b"3.1.1.1.1",
    b"0",
    b"999999.1",
    b"1.2.MIME",
)
_ITEMS = (
    b"FLAGS",
    b"ENVELOPE",
    b"BODYSTRUCTURE",
    b"BODY",
    b"UID",
    b"INTERNALDATE",
    b"RFC822.SIZE",
    b"RFC822.TEXT",
    b"MODSEQ",
    b"ALL",
    b"FULL",
)
_KEYS = (
    b"ALL",
    b"UNSEEN",
    b"1:3",
    b"UID *",
    b"SUBJECT caf",
    b'TEXT "line"',
    b"BODY {3}\r\none",
    b"SINCE 1-Jan-2026",
    b"SENTBEFORE 28-Feb-2026",
    b"LARGER 100",
    b"KEYWORD own",
    b'HEADER X ""',
    b"MODSEQ 1",
    b'MODSEQ "/flags/\\\\Seen" all 2',
    b"$",
    b"OLDER 100",
    b"SINCE 31-Feb-2026",
    b"SENTON 1-Jan-0000",
)
_DATES = (
    b' "05-Jan-2026 12:00:00 +0100"',
    b"",
    b' "99-Feb-0000 25:61:61 +9999"',
    b' " 1-Jan-1970 00:00:00 -0000"',
)


def _set(choices: Choices) -> bytes:
    return choices.one_of(_SETS[:5] if choices.below(5) else _SETS)


def _folder(choices: Choices) -> bytes:
    return choices.one_of(_FOLDERS[:4] if choices.below(4) else _FOLDERS)


def _flags(choices: Choices) -> bytes:
    return (
        b"("
        + b" ".join(choices.several(lambda some: some.one_of(_FLAGS[:4] if some.below(4) else _FLAGS), 3))
        + b")"
    )


def _section(choices: Choices) -> bytes:
    name = choices.one_of((b"BODY", b"BODY.PEEK", b"BINARY", b"BINARY.PEEK", b"BINARY.SIZE"))
    partial = choices.one_of((*(b"", b"<0.10>", b"<5.4294967295>") * 3, b"<4294967295.1>", b"<0.0>", b"<9>"))
    return name + b"[" + choices.one_of(_SECTIONS[:9] if choices.below(4) else _SECTIONS) + b"]" + partial


def _item(choices: Choices) -> bytes:
    return _section(choices) if choices.below(2) else choices.one_of(_ITEMS)


def _fetch(choices: Choices) -> bytes:
    asked = b" ".join([_item(choices), *choices.several(_item, 3)])
    since = choices.one_of((b"", b"", b"", b" (CHANGEDSINCE 1)", b" (CHANGEDSINCE 99999999999999999999)"))
    return _uid(choices) + b"FETCH " + _set(choices) + b" (" + asked + b")" + since


def _uid(choices: Choices) -> bytes:
    return choices.one_of((b"", b"", b"UID "))


def _store(choices: Choices) -> bytes:
    mode = choices.one_of((b"+FLAGS", b"FLAGS", b"-FLAGS", b"+FLAGS.SILENT", b"FLAGS.SILENT"))
    unchanged = choices.one_of((b"", b"", b"(UNCHANGEDSINCE 1) "))
    return _uid(choices) + b"STORE " + _set(choices) + b" " + unchanged + mode + b" " + _flags(choices)


def _key(choices: Choices) -> bytes:
    match choices.below(8):
        case 5:
            return b"NOT " + _key(choices)
        case 6:
            return b"OR " + _key(choices) + b" " + _key(choices)
        case 7:
            return b"(" + _key(choices) + b" " + _key(choices) + b")"
    return choices.one_of(_KEYS[:13] if choices.below(4) else _KEYS)


def _search(choices: Choices) -> bytes:
    returned = choices.one_of(
        (b"", b"", b"RETURN (MIN MAX COUNT) ", b"RETURN (SAVE) ", b"RETURN () ", b"CHARSET UTF-8 ", b"CHARSET X ")
    )
    return _uid(choices) + b"SEARCH " + returned + b" ".join([_key(choices), *choices.several(_key, 2)])


def _append(choices: Choices) -> bytes:
    letter = choices.one_of(LETTERS)
    size = len(letter) + choices.one_of((0, 0, 0, 0, 1, -1))
    head = b"APPEND " + _folder(choices) + b" " + _flags(choices) + choices.one_of(_DATES)
    return head + b" {%d%b}\r\n" % (size, choices.one_of((b"+", b""))) + letter


def _copy(choices: Choices) -> bytes:
    return _uid(choices) + choices.one_of((b"COPY ", b"MOVE ")) + _set(choices) + b" " + _folder(choices)


def _on_folder(choices: Choices) -> bytes:
    verb = choices.one_of(
        (b"SELECT", b"CREATE", b"DELETE", b"EXAMINE", b"SUBSCRIBE", b"UNSUBSCRIBE", b"GETQUOTAROOT")
    )
    return verb + b" " + _folder(choices)


def _other(choices: Choices) -> bytes:
    return choices.one_of(
        (
            b"RENAME " + _folder(choices) + b" " + _folder(choices),
            b"STATUS " + _folder(choices) + b" (MESSAGES UIDNEXT UNSEEN SIZE HIGHESTMODSEQ DELETED)",
            b'LIST "" '
            + choices.one_of((b"*", b"%", b'"%/%"', b"(a *) RETURN (STATUS (SIZE))", b"*" * 40 + b"x")),
            b'LIST (SUBSCRIBED RECURSIVEMATCH) "" "*" RETURN (CHILDREN SPECIAL-USE)',
            b"UID EXPUNGE " + _set(choices),
            b"ENABLE CONDSTORE IMAP4rev2",
            b'ID ("a" NIL)',
            b'LSUB "" ' + choices.one_of((b"*", b"a/%", b"&AOk-*")),
            b"AUTHENTICATE PLAIN AGVkAHNlY3JldA==",
            b"IDLE\r\nDONE",
        )
    )


_BARE = (b"NOOP", b"CHECK", b"EXPUNGE", b"CLOSE", b"UNSELECT", b"CAPABILITY", b"NAMESPACE", b"LOGOUT", b"STARTTLS")
_MAKERS = (_fetch, _fetch, _store, _search, _append, _copy, _on_folder, _other, lambda some: some.one_of(_BARE))


_USERS = (
    *(b"l LOGIN ed secret\r\n",) * 6,
    b"l LOGIN {2+}\r\ned {6+}\r\nsecret\r\n",
    b"l AUTHENTICATE PLAIN AGVkAHNlY3JldA==\r\n",
    b"l LOGIN ann hush\r\n",
    b"l LOGIN ed wrong\r\n",
)


def dialogue(choices: Choices) -> bytes:
    said = [choices.one_of(_USERS), b"s SELECT INBOX\r\n"] if choices.below(8) else []
    for number in range(1 + choices.below(8)):
        said.append(b"a%d " % number + choices.one_of(_MAKERS)(choices) + b"\r\n")
    return b"".join(said)


_OFFICES = Offices(LETTERS)


def run(octets: bytes) -> None:
    heard = _OFFICES.one().said(143, octets)
    assert heard.startswith(b"* OK "), heard[:40]
    assert heard.endswith(b"\r\n"), heard[-40:]
    assert b"SERVERBUG" not in heard, heard[-200:]


_SESSION = (
    b"a1 LOGIN ed secret\r\na2 SELECT INBOX\r\na3 FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY.PEEK[2]<0.9>)\r\n"
    b"a4 SEARCH OR NOT SEEN (TEXT line LARGER 3)\r\na5 STORE 1 +FLAGS (\\Deleted)\r\na6 EXPUNGE\r\na7 LOGOUT\r\n"
)
TARGET = Target(run, dialogue, (_SESSION,))
