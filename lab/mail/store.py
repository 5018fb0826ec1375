"""The mailboxes of a mail host: which there are, where they lie, what is in them.

The rule: a mailbox belongs to a person as a Unix account does. Its Maildir is `home/ed/Maildir`, and
`var/mail/ed` is the same mail as one text, for `cat`; a mailbox of a further domain of the host lies under the
whole address, `home/ed@example.org`. The Maildir counts, octets as received with their CR LF; the text is a view
of INBOX that is kept where a person can come by (on a disk with a folder) and made anew when it may be stale.

Every host has a mailbox `postmaster` in its first domain (RFC 5321 §4.5.1); it takes room once mail has come.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.errors import WrongUse
from lab.fabric.base import Host
from lab.mail import listing
from lab.mail.account import MailAccount
from lab.mail.folders import FolderError
from lab.mail.listing import Message
from lab.mail.maildir import Maildir, Place
from lab.mail.mbox_view import MboxView, as_mbox
from lab.names import DomainName, EmailAddress
from lab.topology.plan import MailPlan


class Store:
    """`address in store` says whether there is such a mailbox; addresses are folded."""

    __slots__ = ("_accounts", "_addresses", "_home", "_host", "_plan", "_views")

    def __init__(self, host: Host, plan: MailPlan) -> None:
        self._host = host
        self._plan = plan
        self._home: DomainName = plan.local_domains[0] if plan.local_domains else host.name
        self._addresses: dict[EmailAddress, None] | None = None
        self._accounts: dict[EmailAddress, MailAccount] = {}
        self._views: dict[EmailAddress, MboxView] = {}

    def __contains__(self, address: object) -> bool:
        return address in self._known()

    def __iter__(self) -> Iterator[EmailAddress]:
        return iter(self._known())

    def add(self, address: EmailAddress) -> None:
        """Open a mailbox while the host runs."""
        self._known()[address.folded] = None

    async def deliver(self, address: EmailAddress, octets: bytes, key: str) -> int:
        """The UID of the message, once it is on stable storage; the same again for the same key. FolderError
        OVERQUOTA when the mailbox is full."""
        inbox = self.account(address).inbox
        return await inbox.deliver(octets, key)

    def account(self, address: EmailAddress) -> MailAccount:
        """All that a person keeps, opened at its first use. WrongUse: nobody of that address."""
        folded = address.folded
        found = self._accounts.get(folded)
        if found is None:
            if folded not in self:
                raise WrongUse(f"{self._host.name} has no mailbox {address}")
            place = Place(self._host.disk, self._host.name, self._host.clock.now)
            user = self.user_of(folded)
            found = MailAccount(place, f"home/{user}/Maildir", folded, lambda: 0)
            self._accounts[folded] = found
            if self._host.disk.folder is not None:
                self._views[folded] = MboxView(self._host.disk, f"var/mail/{user}", found.inbox)
        return found

    def folder(self, address: EmailAddress, name: str = "INBOX") -> Maildir:
        """WrongUse when there is none."""
        try:
            return self.account(address).open(name)
        except FolderError as error:
            raise WrongUse(f"{address}: {error.sentence}") from None

    def messages(self, address: EmailAddress, folder: str = "INBOX") -> list[Message]:
        return listing.messages(self.folder(address, folder))

    def read(self, address: EmailAddress, uid: int, folder: str = "INBOX") -> bytes:
        """A message's octets, trace lines and all."""
        there = self.folder(address, folder)
        there.look()
        try:
            return there.octets(uid)
        except KeyError:
            raise WrongUse(f"{address} has no message {uid}") from None

    def mbox(self, address: EmailAddress, folder: str = "INBOX") -> bytes:
        """A whole folder as one text (mboxrd)."""
        there = self.folder(address, folder)
        there.look()
        return as_mbox(there)

    def user_of(self, address: EmailAddress) -> str:
        """The account: `ed`, or `ed@example.org` in a domain that is not the host's first."""
        user = address.local if address.domain == self._home else str(address)
        return "".join(
            sign if sign.isalnum() or sign in "+-_@" else _quoted(sign, at) for at, sign in enumerate(user)
        )

    def _known(self) -> dict[EmailAddress, None]:
        if self._addresses is None:
            self._addresses = {box.address.folded: None for box in self._plan.mailboxes}
            self._addresses[EmailAddress(f"postmaster@{self._home}")] = None
        return self._addresses


def _quoted(sign: str, at: int) -> str:
    """Signs that a file name should not hold; a dot only where it does not begin one."""
    return sign if sign == "." and at else "".join(f"%{octet:02x}" for octet in sign.encode())
