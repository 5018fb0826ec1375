"""Who may come in: logins of a mail host, one porter for POP3, IMAP and submission.

The rule: a wrong password costs time, and more each time: 1, 2, 4 … 16 seconds for everyone who calls from that
address, whatever the service and the name, until a right one is given. The log hears who was refused, never with
what. The accounts are the store's; an unknown name takes as long as a wrong password.
"""

from __future__ import annotations

import asyncio

from lab.events import LoginRefused
from lab.fabric.base import Host
from lab.mail.folders import Account, Accounts
from lab.names import EmailAddress
from lab.wire import sasl

LONGEST_WAIT = 16.0
"""Seconds. Together with `PATIENCE` it leaves a guesser some 200 passwords an hour."""
PATIENCE = 5
"""So many wrong passwords on one connection, and it ends."""
_REMEMBERED = 1_000
"""Addresses; the longest unheard of is forgotten first."""


class Porter:
    """One mail host's door."""

    __slots__ = ("_accounts", "_failures", "_host")

    def __init__(self, host: Host, accounts: Accounts) -> None:
        self._host = host
        self._accounts = accounts
        self._failures: dict[str, int] = {}

    @property
    def terms(self) -> sasl.Terms:
        """What an exchange of SASL needs of this host."""
        return sasl.Terms(self.password, self._host.name, self._host.rng("sasl"))

    def password(self, login: str) -> str | None:
        """The password of a login name; None: nobody comes in by it."""
        address = self._accounts.find(login)
        return None if address is None else self._accounts.password(address)

    def address(self, login: str) -> EmailAddress:
        """Whose account a granted login opens."""
        address = self._accounts.find(login)
        assert address is not None, "a granted login has an account"
        return address

    def welcome(self, peer: str) -> None:
        """Somebody knew their password: what went wrong at this address before is forgotten."""
        self._failures.pop(peer, None)

    def admit(self, login: str, peer: str) -> Account:
        """The account of a granted login."""
        self.welcome(peer)
        return self._accounts.account(self.address(login))

    async def refuse(self, login: str, service: str, peer: str) -> None:
        """Tell the log, and return when the client has waited long enough for its no."""
        self._host.log(LoginRefused(login[:100], service, peer))
        failures = self._failures.pop(peer, 0)
        self._failures[peer] = failures + 1
        if len(self._failures) > _REMEMBERED:
            del self._failures[next(iter(self._failures))]
        await asyncio.sleep(min(2.0**failures, LONGEST_WAIT))
