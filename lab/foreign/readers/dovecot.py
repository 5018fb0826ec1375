"""Dovecot's log into events.

    told                                                   not told, so not in the events
    a message filed: mailbox and UID (mail_log, save)      which queue id it had (the mail server's log says it)
    a message seen for the first time (flag \\Seen is set)  a second reading; whether its text was really fetched
    a message removed, with its UID and folder             where a message that was copied or moved came from
    a folder renamed
    a login refused, with the name and the service

The rule: `mail_log` lines have the user in front and `key=value` fields behind. A client that marks a message as
read looks like one that reads it. https://doc.dovecot.org/2.3/configuration_manual/mail_log_plugin/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lab.events import Event, FolderRenamed, LoginRefused, MailExpunged, MailRead
from lab.foreign.readers.deliveries import Deliveries

_LINE = re.compile(
    r"\w{3} [ \d]\d [\d:]{8} (?P<service>[\w-]+)(?:\((?P<user>[^)]*)\))?(?:<\d+>)?(?:<(?P<session>[^>]*)>)?:"
    r" (?:Info|Warning|Error): (?P<text>.*)"
)
_ACTION = re.compile(
    r"(?P<what>[a-z_]+)(?: from (?P<source>[^:]*))?: box=(?P<box>[^,]*), uid=(?P<uid>\d+), (?P<rest>.*)"
)
_SIZE = re.compile(r"size=(\d+)")
_FLAGS = re.compile(r"flags=\(([^)]*)\)")
_RENAMED = re.compile(
    r"mailbox_rename: box=(?P<old>[^,]*), .*?(?:dest_box|new_box|newbox)=(?P<new>[^,]*)|"
    r"[Mm]ailbox renamed: (?P<from>.*) -> (?P<to>.*)"
)
_FAILED = re.compile(r".*\(auth failed[^)]*\)(?:: user=<(?P<user>[^>]*)>)?.*?rip=(?P<peer>[^,\s]+)")
_SERVICES = {"imap-login": "IMAP", "pop3-login": "POP3"}


class DovecotReader:
    def __init__(self, deliveries: Deliveries | None = None) -> None:
        self._deliveries = deliveries or Deliveries()
        self._seen: set[tuple[str, str, int]] = set()
        """(user, folder, UID) that were told as read: a flag may be set again."""
        self._actions: dict[str, Callable[[re.Match[str], re.Match[str]], Iterator[Event]]] = {
            "save": self._saved,
            "flag_change": self._flagged,
            "expunge": self._expunged,
        }

    def read(self, line: str, now: float) -> list[Event]:
        found = _LINE.match(line)
        if found is None:
            return []
        if found["service"] in _SERVICES:
            return list(self._login(found))
        action = _ACTION.match(found["text"])
        if action is not None and action["what"] in self._actions:
            return list(self._actions[action["what"]](found, action))
        renamed = _RENAMED.match(found["text"])
        if renamed is not None:
            old, new = renamed["old"] or renamed["from"], renamed["new"] or renamed["to"]
            return [FolderRenamed(found["user"], old, new)]
        return []

    def _login(self, found: re.Match[str]) -> Iterator[Event]:
        failed = _FAILED.match(found["text"])
        if failed is not None:
            yield LoginRefused(failed["user"] or "", _SERVICES[found["service"]], failed["peer"])

    def _saved(self, found: re.Match[str], action: re.Match[str]) -> Iterator[Event]:
        if found["service"] == "lmtp" and found["session"]:
            yield from self._deliveries.saved(found["session"], found["user"], int(action["uid"]))

    def _flagged(self, found: re.Match[str], action: re.Match[str]) -> Iterator[Event]:
        flags, size = _FLAGS.search(action["rest"]), _SIZE.search(action["rest"])
        key = (found["user"], action["box"], int(action["uid"]))
        if flags is not None and "\\Seen" in flags[1] and key not in self._seen:
            self._seen.add(key)
            how = found["service"].upper()
            yield MailRead(found["user"], key[2], how, int(size[1]) if size else 0, action["box"])

    def _expunged(self, found: re.Match[str], action: re.Match[str]) -> Iterator[Event]:
        self._seen.discard((found["user"], action["box"], int(action["uid"])))
        yield MailExpunged(found["user"], (int(action["uid"]),), action["box"])
