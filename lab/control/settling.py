"""When a message that was handed in has come to rest, read off the event log as it grows.

The rule: a message rests on a host when each recipient has its fate there, or waits for a next try; it rests as
a whole when it and everything that came from it (its copies at the next hosts, its bounce) rest everywhere.
A host tells of a message it accepted before the sender tells that it let go of it, so there is no gap.
"""

from __future__ import annotations

from dataclasses import field

from lab.events import (
    MailAccepted,
    MailDeferred,
    MailDelivered,
    MailForwarded,
    MailRelayed,
    MailRemoved,
    MailSubmitted,
    RecipientsFailed,
)
from lab.log import Entry
from lab.values import dataclass

Copy = tuple[str, str]
"""A message on a host: (host, queue_id)."""


@dataclass(slots=True)
class Settling:
    """Fed with entries from the submission on; `at_rest` once nothing moves. `root` is the message handed in."""

    root: Copy
    moving: dict[Copy, set[str]] = field(default_factory=dict)
    """Recipients whose next step has still to be taken, for each copy of the message."""
    ids: dict[str, None] = field(default_factory=dict)
    """Message-IDs of the family."""

    @property
    def at_rest(self) -> bool:
        return bool(self.ids) and not any(self.moving.values())

    @property
    def places(self) -> set[str]:
        """The hosts where something of it still moves."""
        return {host for (host, _), left in self.moving.items() if left}

    def feed(self, entry: Entry) -> None:
        host = entry.host
        match entry.event:
            case MailSubmitted() as event if self._is_kin(host, event):
                self.ids[event.message_id] = None
                self.moving[host, event.queue_id] = set(event.recipients)
            case MailAccepted() as event if event.message_id in self.ids:
                self.moving.setdefault((host, event.queue_id), set(event.recipients))
            case MailRelayed() | MailDeferred() | RecipientsFailed() as event:
                self._rest(host, event.queue_id, event.recipients)
            case MailDelivered() | MailForwarded() as event:
                self._rest(host, event.queue_id, (event.recipient,))
            case MailRemoved() as event:
                self.moving[host, event.queue_id] = set()
            case _:
                pass

    def _is_kin(self, host: str, event: MailSubmitted) -> bool:
        return (host, event.queue_id) == self.root or (host, event.parent) in self.moving

    def _rest(self, host: str, queue_id: str, recipients: tuple[str, ...]) -> None:
        if (host, queue_id) in self.moving:
            self.moving[host, queue_id].difference_update(recipients)
