"""The mailboxes of a mail host: which there are, where they lie, what is in them.

The rule: a mailbox belongs to a person as a Unix account does. Its Maildir is `home/ed/Maildir`, and
`var/mail/ed` is the same mail as one text, for `cat`; a mailbox of a further domain of the host lies under the
whole address, `home/ed@example.org`. The Maildir counts, octets as received with their CR LF; the text is a view
that is kept where a person can come by (on a disk with a folder) and made anew when it may be stale.

Every host has a mailbox `postmaster` in its first domain (RFC 5321 §4.5.1); it takes room once mail has come.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.errors import WrongUse
from lab.fabric.base import Host
from lab.mail.maildir import Maildir, Message
from lab.names import DomainName, EmailAddress
from lab.topology.plan import MailPlan
from lab.wire.mbox import return_path_of, to_mbox


class Store:
    """`address in store` says whether there is such a mailbox; addresses are folded."""

    __slots__ = ("_addresses", "_home", "_host", "_maildirs", "_plan", "_shown")

    def __init__(self, host: Host, plan: MailPlan) -> None:
        self._host = host
        self._plan = plan
        self._home: DomainName = plan.local_domains[0] if plan.local_domains else host.name
        self._addresses: dict[EmailAddress, None] | None = None
        self._maildirs: dict[EmailAddress, Maildir] = {}
        self._shown: dict[EmailAddress, int] = {}

    def __contains__(self, address: object) -> bool:
        return address in self._known()

    def __iter__(self) -> Iterator[EmailAddress]:
        return iter(self._known())

    def add(self, address: EmailAddress) -> None:
        """Open a mailbox while the host runs."""
        self._known()[address.folded] = None

    async def deliver(self, address: EmailAddress, octets: bytes, key: str) -> int:
        """The UID of the message, once it is on stable storage; the same again for the same key."""
        maildir = self.maildir(address)
        if self._host.disk.folder is None:
            return await maildir.deliver(octets, key)
        maildir.look()  # what was put there by hand comes first, in the view too
        uid = await maildir.deliver(octets, key)
        self._show(address.folded, uid, octets)
        return uid

    def maildir(self, address: EmailAddress) -> Maildir:
        """A mailbox, opened at its first use."""
        folded = address.folded
        if folded not in self._maildirs:
            if folded not in self:
                raise WrongUse(f"{self._host.name} has no mailbox {address}")
            folder = f"home/{self.user_of(folded)}/Maildir"
            self._maildirs[folded] = Maildir(self._host.disk, folder, self._host.name, self._host.clock.now)
        return self._maildirs[folded]

    def messages(self, address: EmailAddress) -> list[Message]:
        return self.maildir(address).messages()

    def read(self, address: EmailAddress, uid: int) -> bytes:
        """A message's octets, trace lines and all."""
        try:
            return self.maildir(address).read(uid)
        except KeyError:
            raise WrongUse(f"{address} has no message {uid}") from None

    def mbox(self, address: EmailAddress) -> bytes:
        """The whole mailbox as one text (mboxrd)."""
        maildir = self.maildir(address)
        return b"".join(_as_mbox(maildir, message) for message in maildir.messages())

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

    def _show(self, address: EmailAddress, uid: int, octets: bytes) -> None:
        """Keep the text view up to date: append the newest message, or write all when more has changed."""
        file, shown = f"var/mail/{self.user_of(address)}", self._shown.get(address)
        if shown is not None and uid <= shown:
            return
        if shown is None or uid > shown + 1:
            self._host.disk.write(file, self.mbox(address))
        else:
            self._host.disk.append(file, to_mbox(return_path_of(octets), self._host.clock.now(), octets))
        self._shown[address] = uid


def _as_mbox(maildir: Maildir, message: Message) -> bytes:
    octets = maildir.read(message.uid)
    return to_mbox(return_path_of(octets), message.received, octets)


def _quoted(sign: str, at: int) -> str:
    """Signs that a file name should not hold; a dot only where it does not begin one."""
    return sign if sign == "." and at else "".join(f"%{octet:02x}" for octet in sign.encode())
