"""Where two logs meet: the mail server knows the queue id, Dovecot the message's number in the mailbox.

The rule: an LMTP delivery is known to both by the session that Dovecot names in its reply; the event is told when
both lines have come, in whichever order their two pipes bring them.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import replace

from lab.events import Event, MailDelivered
from lab.values import dataclass

_MOST = 10_000
"""Sessions remembered: a message may go to one mailbox twice (by its name and by an alias), moments apart."""
_SAVED = re.compile(r"250 2\.\d\.\d <(?P<whose>[^>]*)> (?P<session>\S+) Saved")


@dataclass(frozen=True, slots=True)
class Saved:
    mailbox: str
    uid: int


class Deliveries:
    """One host's, shared by the readers of its two programs."""

    __slots__ = ("_saved", "_waiting")

    def __init__(self) -> None:
        self._saved: OrderedDict[str, Saved] = OrderedDict()
        self._waiting: dict[str, list[MailDelivered]] = {}

    def saved(self, session: str, mailbox: str, uid: int) -> list[Event]:
        """Dovecot has filed a message."""
        self._saved[session] = Saved(mailbox, uid)
        if len(self._saved) > _MOST:
            self._saved.popitem(last=False)
        return [replace(event, mailbox=mailbox, uid=uid) for event in self._waiting.pop(session, ())]

    def sent(self, queue_id: str, recipient: str, reply: str) -> list[Event]:
        """The mail server has Dovecot's reply."""
        found = _SAVED.search(reply)
        if found is None:
            return [MailDelivered(queue_id, recipient, recipient)]
        event = MailDelivered(queue_id, recipient, found["whose"])
        saved = self._saved.get(found["session"])
        if saved is None:
            self._waiting.setdefault(found["session"], []).append(event)
            return []
        return [replace(event, mailbox=saved.mailbox, uid=saved.uid)]
