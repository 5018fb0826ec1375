"""Final delivery: from the queue into this host's mailboxes, through its aliases.

The rule: a repeated delivery is harmless. Mail is filed once for a queue_id and mailbox, however many recipients,
aliases or crashes lead there; so the queue may simply ask again when it does not know.

An alias counts before a mailbox of the same name; one that names itself keeps a copy in its own mailbox, and a
circle of aliases ends where it closes. `abuse` is postmaster's mail, and postmaster of any local domain is the
host's, unless a mailbox or alias says otherwise. Return-Path is written here and only here (RFC 5321 §4.4).
"""

from __future__ import annotations

import errno
from collections.abc import Container, Iterator

from lab.events import MailDelivered, MailForwarded
from lab.fabric.base import Host
from lab.mail.envelope import Envelope
from lab.mail.folders import FolderError
from lab.mail.maildir import delivery_key
from lab.mail.relay import ROLES, Place, as_local, place_of
from lab.mail.store import Store
from lab.names import EmailAddress
from lab.topology.plan import MailPlan
from lab.values import dataclass
from lab.wire.received import delivered_to_line, return_path_line


@dataclass(frozen=True, slots=True)
class Delivered:
    """It lies in a mailbox, on stable storage."""

    mailbox: EmailAddress
    uid: int


@dataclass(frozen=True, slots=True)
class Failed:
    """`status` 4.x.x: later perhaps, 5.x.x: never (RFC 3463)."""

    status: str
    text: str


@dataclass(frozen=True, slots=True)
class Forwarded:
    """`to` are the recipients that are left for the queue; what of an alias is local has been delivered."""

    to: tuple[EmailAddress, ...]


Outcome = Delivered | Failed | Forwarded


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a local recipient leads: mailboxes of this host, and addresses for the queue. `address` is its local
    form, which it was given as or not."""

    address: EmailAddress | None
    mailboxes: tuple[EmailAddress, ...]
    elsewhere: tuple[EmailAddress, ...]

    @property
    def all(self) -> tuple[EmailAddress, ...]:
        return self.mailboxes + self.elsewhere


class LocalDelivery:
    """A host's delivery agent; `store` holds its mailboxes."""

    __slots__ = ("_host", "_place", "_plan", "store")

    def __init__(self, host: Host, plan: MailPlan, store: Store | None = None) -> None:
        self._host = host
        self._plan = plan
        self._place: Place | None = None
        self.store = store or Store(host, plan)

    @property
    def place(self) -> Place:
        if self._place is None:
            aliases = self.store.people.aliases
            self._place = place_of(self._host.name, self._host.addresses, self._plan, aliases)
        return self._place

    async def deliver(self, address: EmailAddress, octets: bytes, envelope: Envelope, queue_id: str) -> Outcome:
        """Deliver to one recipient that is local here."""
        aim = aim_of(address, self.place, self.store)
        if aim is None:
            return Failed("5.1.1", f"<{address}>: no such user here")
        if not aim.all:
            return Failed("5.4.6", f"<{address}>: its aliases lead in a circle")
        try:
            return await self._carry_out(aim, address, octets, envelope, queue_id)
        except FolderError as error:
            return Failed(
                "4.2.2", error.sentence
            )  # temporary, as Postfix's and Dovecot's LMTP have it: it may empty
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            return Failed("4.3.1", "the disk of this host is full") if full else Failed("4.3.0", _words(error))

    async def _carry_out(
        self, aim: Aim, address: EmailAddress, octets: bytes, envelope: Envelope, queue_id: str
    ) -> Outcome:
        if aim.all != (aim.address,):
            self._host.log(MailForwarded(queue_id, address, aim.all))
        filed = [await self._deposit(box, address, octets, envelope, queue_id) for box in aim.mailboxes]
        return Forwarded(aim.elsewhere) if aim.elsewhere else filed[0]

    async def _deposit(
        self, box: EmailAddress, address: EmailAddress, octets: bytes, envelope: Envelope, queue_id: str
    ) -> Delivered:
        top = return_path_line(envelope.sender or "") + delivered_to_line(box)
        uid = await self.store.deliver(box, top + octets, delivery_key(queue_id, box))
        self._host.log(MailDelivered(queue_id, address, box, uid))
        return Delivered(box, uid)


def aim_of(address: EmailAddress, place: Place, mailboxes: Container[EmailAddress]) -> Aim | None:
    """Follow aliases to their ends; None for a local address that nobody has.

    A member of an alias that nobody has is left to the queue, whose next try at it bounces.
    """
    found: dict[EmailAddress, bool] = {}
    local = as_local(address, place)
    for end, is_mailbox in _ends(address, local, place, mailboxes, set()):
        found.setdefault(end, is_mailbox)
    if local is not None and found == {local: False}:
        return None
    return Aim(
        local,
        tuple([end for end, is_mailbox in found.items() if is_mailbox]),
        tuple([end for end, is_mailbox in found.items() if not is_mailbox]),
    )


def _ends(
    address: EmailAddress,
    local: EmailAddress | None,
    place: Place,
    mailboxes: Container[EmailAddress],
    open_aliases: set[EmailAddress],
) -> Iterator[tuple[EmailAddress, bool]]:
    """(address, whether it is a mailbox here), in the order of the aliases; `local` is its local form."""
    if local is None:
        yield address, False
    elif local in place.aliases and local not in open_aliases:
        open_aliases.add(local)
        for target in place.aliases[local]:
            yield from _ends(target, as_local(target, place), place, mailboxes, open_aliases)
    elif local in mailboxes:
        yield local, True
    elif local.local in ROLES and (office := _office(local, place, mailboxes)) != local:
        yield from _ends(office, as_local(office, place), place, mailboxes, open_aliases)
    elif local not in place.aliases:
        yield local, False


def _office(local: EmailAddress, place: Place, mailboxes: Container[EmailAddress]) -> EmailAddress:
    """Who reads an office's mail: the domain's postmaster, or the host's."""
    postmaster = EmailAddress(f"postmaster@{local.domain}")
    if local != postmaster and (postmaster in place.aliases or postmaster in mailboxes):
        return postmaster
    return EmailAddress(f"postmaster@{place.home}")


def _words(error: OSError) -> str:
    return f"the disk of this host says: {error.strerror or 'no'}"
