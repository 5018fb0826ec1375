"""What an IMAP response means, for somebody who reads one for the first time.

The rule: a pure function of tables. Responses that begin with the client's tag end a command; those with * tell
something on the way, asked or not (RFC 9051 §2.2.2, §7). A code in brackets says more, for programs.
"""

from __future__ import annotations

import re
from types import MappingProxyType

_GREETING = (
    "the server is ready; log in:  a1 LOGIN ed secret   (a1 is a tag of your choice, repeated in the answer)"
)
_DONE = MappingProxyType(
    {
        "LOGIN": "you are in; now open a mailbox:  a2 SELECT INBOX",
        "AUTHENTICATE": "you are in; now open a mailbox:  a2 SELECT INBOX",
        "SELECT": "the mailbox is open: FETCH, SEARCH, STORE and COPY are about its messages",
        "EXAMINE": "the mailbox is open, to look only: nothing changes, \\Seen neither",
        "CREATE": "there is a new folder, on the server: every client sees it",
        "DELETE": "the folder is gone, with all its messages",
        "RENAME": "the folder has another name, and so have those below it",
        "SUBSCRIBE": "LSUB and clients that show subscribed folders only will show it",
        "UNSUBSCRIBE": "clients that show subscribed folders only do not show it any more; it is still there",
        "LIST": "these were the folders",
        "LSUB": "these were the folders subscribed to",
        "STATUS": "the figures of a folder that is not opened for it",
        "APPEND": "the message lies in the folder; nothing was sent to anybody",
        "NOOP": "nothing was to be done: a chance for the server to tell what is new",
        "CHECK": "nothing was to be done: a chance for the server to tell what is new",
        "CLOSE": "the mailbox is closed, and what was marked \\Deleted is removed",
        "UNSELECT": "the mailbox is closed, and nothing is removed",
        "EXPUNGE": "what was marked \\Deleted is removed",
        "SEARCH": "these were the messages that fit",
        "FETCH": "this was what you asked for; the messages stay on the server",
        "STORE": "the flags are as you asked; every client sees them",
        "COPY": "copies lie in the other folder; it was done on the server, nothing was fetched",
        "MOVE": "the messages lie in the other folder; it was done on the server, nothing was fetched",
        "IDLE": "you are no longer waiting for news",
        "STARTTLS": "TLS begins now; openssl s_client -starttls imap types the rest",
        "ENABLE": "the server may now say what older clients would not understand",
        "LOGOUT": "the server closes the connection",
    }
)
"""After a tagged OK, by the command; UID FETCH means what FETCH means."""
_CONDITIONS = MappingProxyType(
    {
        "NO": "understood, and not done; the text says why",
        "BAD": "not understood, or not possible now: a mistake of the client's",
    }
)
_NEWS = MappingProxyType(
    {
        "EXISTS": "so many messages are in the mailbox; sequence numbers go from 1 to that",
        "RECENT": "so many have come since anybody last opened the mailbox",
        "EXPUNGE": "the message of that number is gone, and every number behind it is one less now",
        "FETCH": "about the message of that number",
    }
)
"""`* number WORD`."""
_TOLD = MappingProxyType(
    {
        "CAPABILITY": "what this server can do beyond the least; AUTH=… are ways to log in",
        "FLAGS": "the flags that messages can have here; those without \\ are people's own keywords",
        "LIST": "a folder: its attributes, the sign that parts levels, its name",
        "LSUB": "a folder subscribed to",
        "STATUS": "figures of a folder",
        "SEARCH": "the numbers of the messages that fit (UIDs after UID SEARCH)",
        "ESEARCH": "what fits, in the short form that was asked for",
        "NAMESPACE": 'where folders are: your own, other people\'s, shared ones; "/" parts levels',
        "ENABLED": "what is switched on now",
        "ID": "what program the server is",
        "QUOTA": "how much is used, and how much may be: STORAGE in units of 1,024 octets",
        "QUOTAROOT": "which quota counts for this folder",
        "BYE": "the server closes the connection",
    }
)
"""`* WORD …`."""
_CODES = MappingProxyType(
    {
        "ALERT": "to be shown to the person",
        "ALREADYEXISTS": "there is a folder of that name",
        "APPENDUID": "the folder's UIDVALIDITY, and the UID that the message got",
        "AUTHENTICATIONFAILED": "user or password are wrong; the server takes ever longer to say so",
        "BADCHARSET": "a charset the server does not search in",
        "CANNOT": "this can never be done",
        "CAPABILITY": "what this server can do; AUTH=… are ways to log in",
        "CLOSED": "the mailbox that was open before is not any more",
        "COPYUID": "the other folder's UIDVALIDITY, the UIDs here, the UIDs there",
        "EXPUNGEISSUED": "another client has removed some of these; NOOP tells which",
        "HIGHESTMODSEQ": "the number of the last change: a client that kept it asks for what is newer only",
        "LIMIT": "more than this server takes",
        "MODIFIED": "these have changed meanwhile, and were left alone",
        "NONEXISTENT": "there is no such folder",
        "NOPERM": "you may not do this",
        "OVERQUOTA": "the mailbox is full",
        "PERMANENTFLAGS": "the flags that are kept; \\* allows keywords of your own",
        "READ-ONLY": "nothing can be changed in this mailbox",
        "READ-WRITE": "the mailbox can be changed",
        "SERVERBUG": "a defect of the server",
        "TOOBIG": "longer than this server takes",
        "TRYCREATE": "there is no such folder; CREATE it first",
        "UIDNEXT": "the UID that the next message will get",
        "UIDVALIDITY": "as long as this number stays, a UID means the same message for ever",
        "UNAVAILABLE": "cannot be done now, perhaps later",
        "UNKNOWN-CTE": "an encoding that the server cannot undo",
        "UNSEEN": "the first message that was not read",
        "USEATTR": "a folder cannot be for that",
    }
)
"""Response codes: RFC 9051 §7.1, RFC 5530, RFC 4315, RFC 7162."""
_CODE = re.compile(r"\S+ (?:OK|NO|BAD|BYE|PREAUTH) \[([A-Z-]+)")
_NUMBERED = re.compile(r"\* \d+ ([A-Z]+)")


def meaning(command: str, line: str) -> list[str]:
    """Sentences about a response; `command` is the last one said, its tag taken off, "" for the greeting.

    >>> meaning("NOOP", "* 4 EXISTS")
    ['EXISTS: so many messages are in the mailbox; sequence numbers go from 1 to that']
    """
    words = [*line.split(" ", 2), "", ""]
    if words[0] == "+":
        return [_go_on(command)]
    code = _CODE.match(line)
    told = [f"[{code[1]}]: {_CODES[code[1]]}"] if code and code[1] in _CODES else []
    condition = words[1].upper()
    if words[0] != "*":
        return [*_ended(command, condition), *told]
    if condition == "OK":
        return [*([] if command else [f"OK: {_GREETING}"]), *told]
    return _told(line, condition) or told


def _ended(command: str, condition: str) -> list[str]:
    verb = command.upper().removeprefix("UID ").split(" ")[0]
    if condition == "OK":
        return [f"OK: {_DONE[verb]}"] if verb in _DONE else []
    return [f"{condition}: {_CONDITIONS[condition]}"] if condition in _CONDITIONS else []


def _told(line: str, word: str) -> list[str]:
    found = _NUMBERED.match(line)
    if found:
        return [f"{found[1]}: {_NEWS[found[1]]}"] if found[1] in _NEWS else []
    return [f"{word}: {_TOLD[word]}"] if word in _TOLD else []


def _go_on(command: str) -> str:
    verb = command.upper().split(" ")[0]
    if verb == "IDLE":
        return "+: the server waits with you, and tells what is new as it comes; DONE ends it"
    if verb == "AUTHENTICATE":
        return "+: the login goes on; what follows is base64"
    return "+: go on: send the rest that was announced in {}"
