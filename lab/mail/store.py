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
from lab.mail.people import People
from lab.names import DomainName, EmailAddress
from lab.topology.plan import MailPlan


class Store:
    """`address in store` says whether there is such a mailbox; addresses are folded. To POP3 and IMAP it is the
    host's `folders.Accounts`."""

    __slots__ = ("_accounts", "_home", "_host", "_people", "_plan", "_views")

    def __init__(self, host: Host, plan: MailPlan) -> None:
        self._host = host
        self._plan = plan
        self._home: DomainName = plan.local_domains[0] if plan.local_domains else host.name
        self._people: People | None = None
        self._accounts: dict[EmailAddress, MailAccount] = {}
        self._views: dict[EmailAddress, MboxView] = {}

    def __contains__(self, address: object) -> bool:
        return address in self.people.persons

    def __iter__(self) -> Iterator[EmailAddress]:
        return iter(self.people.persons)

    @property
    def people(self) -> People:
        """Who has a mailbox, now; they may come and go while the host runs."""
        if self._people is None:
            self._people = People(self._host.disk, self._plan, self._home)
        return self._people

    def find(self, login: str) -> EmailAddress | None:
        return self.people.find(login)

    def password(self, address: EmailAddress) -> str | None:
        person = self.people.persons.get(address.folded)
        return person.password or None if person is not None else None

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
            found = self._accounts[folded] = self._opened(folded)
        return found

    def usage(self, address: EmailAddress) -> tuple[int, int]:
        """(octets, messages); a mailbox that nobody has used yet is not made for the question."""
        if address.folded not in self._accounts and not self._host.disk.list(self.place_of(address)):
            return 0, 0
        return self.account(address).usage()

    async def remove(self, address: EmailAddress, *, mail: bool) -> None:
        """Somebody leaves; the mailbox stays where it is, or goes too."""
        self.people.person(address)
        account = self.account(address)
        await self.people.remove(address)
        self._accounts.pop(address)
        if view := self._views.pop(address, None):
            view.close()
        account.close()
        if mail:
            await account.destroy()
            self._host.disk.remove(f"var/mail/{self.user_of(address)}")

    def place_of(self, address: EmailAddress) -> str:
        """Where a mailbox is on the host's disk."""
        return f"home/{self.user_of(address.folded)}/Maildir"

    def _opened(self, address: EmailAddress) -> MailAccount:
        host = self._host
        place = Place(host.disk, host.name, host.clock.now, host.log)
        account = MailAccount(place, self.place_of(address), address, lambda: self._quota(address))
        if host.disk.folder is not None:
            self._views[address] = MboxView(host.disk, f"var/mail/{self.user_of(address)}", account.inbox)
        return account

    def _quota(self, address: EmailAddress) -> int:
        person = self.people.persons.get(address)
        return person.quota if person is not None else 0

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
            raise WrongUse(
                f"{address} has no message {uid}", remedy=f"List them:  lab mailbox {address}"
            ) from None

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


def _quoted(sign: str, at: int) -> str:
    """Signs that a file name should not hold; a dot only where it does not begin one."""
    return sign if sign == "." and at else "".join(f"%{octet:02x}" for octet in sign.encode())
