"""What a POP3 reply means, for somebody who reads one for the first time; and where it ends.

The rule: a pure function of two tables. A reply says +OK or -ERR and nothing finer (RFC 1939 §3), so what it means
depends on the command before it; a code in brackets may say more (RFC 2449 §8, RFC 3206).
"""

from __future__ import annotations

import re
from types import MappingProxyType

_MEANS = MappingProxyType(
    {
        "": "the server is ready; log in:  USER ed  and then  PASS secret   (the <…> is the stamp for APOP)",
        "USER": "the name is noted; whether there is such a mailbox is not told",
        "PASS": "you are in: the mailbox is locked for you, and for you stays as it is now",
        "APOP": "you are in, and the password never crossed the line: only a digest of it and the stamp did",
        "AUTH": "you are in: the mailbox is locked for you, and for you stays as it is now",
        "STAT": "how many messages there are, and how many octets together",
        "LIST": "the number of each message, and its octets",
        "UIDL": "a name of each message that it keeps for ever: so a program knows what it has fetched already",
        "RETR": "the whole message, as it was stored; a line with only a dot ends it. It stays on the server",
        "TOP": "the header and so many lines of the text: a look, before all of it is fetched",
        "DELE": "marked, not deleted: QUIT deletes, RSET takes the mark away, a broken connection deletes nothing",
        "RSET": "no message is marked as deleted any more",
        "NOOP": "nothing was to be done, and it was",
        "CAPA": "what this server can do beyond the least; a line with only a dot ends the list",
        "STLS": "TLS begins now; openssl s_client -starttls pop3 types the rest",
        "QUIT": "goodbye: now what was marked is deleted, and the mailbox is free for the next client",
    }
)
"""After +OK, by the command."""
_CODES = MappingProxyType(
    {
        "AUTH": "name or password are wrong; the server takes its time to say so, the more the more often",
        "IN-USE": "another client has this mailbox open: POP3 lets in one at a time",
        "LOGIN-DELAY": "the last login was too recent",
        "SYS/TEMP": "a fault of the server's own, which may pass",
        "SYS/PERM": "a fault of the server's own, which will stay",
    }
)
_CODE = re.compile(r"-ERR \[([A-Z/-]+)\]")
_ALWAYS_LONG = ("RETR", "TOP", "CAPA")
_LONG_IF_BARE = ("LIST", "UIDL", "AUTH")


def meaning(command: str, reply: str) -> list[str]:
    """Sentences about the first line of a reply to a command; "" for the greeting.

    >>> meaning("DELE 9", "-ERR no such message")
    ['-ERR: no; the text says why, POP3 has no number for it']
    """
    verb = command.split(" ")[0].upper()
    if reply.startswith("+OK"):
        return [f"+OK: {_MEANS[verb]}"] if verb in _MEANS else []
    if reply.startswith("+ "):
        return ["+: the login goes on; what follows is base64"]
    code = _CODE.match(reply)
    if code and code[1] in _CODES:
        return [f"[{code[1]}]: {_CODES[code[1]]}"]
    return ["-ERR: no; the text says why, POP3 has no number for it"]


def is_long(command: str, reply: str) -> bool:
    """Whether more lines follow, up to one with only a dot."""
    verb, *rest = command.split()[:2] or [""]
    long = verb.upper() in _ALWAYS_LONG or (verb.upper() in _LONG_IF_BARE and not rest)
    return long and reply.startswith("+OK")
