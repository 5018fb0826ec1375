"""Who has a mailbox on a mail host, and which other names lead where: the topology's people, and those of later.

The rule: until something changes, the plan says who there is; from the first change on it is said by two files of
the host's disk, in the form of a Unix host's, and read when the host starts:

    etc/accounts    ed@belgiannews.com:secret:10000000:Ed            address, password, quota in octets, name
    etc/aliases     info@belgiannews.com: ed@belgiannews.com, ann@unige.ch

A forward is an alias of somebody's own address; one that names itself keeps a copy. Passwords stand there in
clear: APOP (RFC 1939 §7) needs them so on any server. They leave this file for a comparison only: never to the
log, a journey or a list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from urllib.parse import quote, unquote

from lab.errors import WrongUse
from lab.fabric.disk import Disk
from lab.names import BadName, DomainName, EmailAddress
from lab.topology.plan import MailPlan
from lab.values import dataclass

_ACCOUNTS, _ALIASES = "etc/accounts", "etc/aliases"
_PLAIN = "".join(sorted(set(map(chr, range(33, 127))) - set(":%"))) + " "


@dataclass(frozen=True, slots=True)
class Person:
    """`password` "": nobody can log in. `quota` in octets, 0: no limit."""

    password: str = ""
    quota: int = 0
    name: str = ""


class People:
    """A host's people, by their folded addresses. `aliases` is the same mapping for good: who holds it sees every
    change."""

    __slots__ = ("_changing", "_disk", "_domains", "_home", "aliases", "persons")

    def __init__(self, disk: Disk, plan: MailPlan, home: DomainName) -> None:
        self._disk = disk
        self._home = home
        self._domains = plan.local_domains or (home,)
        self._changing: asyncio.Lock | None = None
        self.persons: dict[EmailAddress, Person] = {}
        self.aliases: dict[EmailAddress, tuple[EmailAddress, ...]] = {}
        self._load(plan)

    @property
    def postmaster(self) -> EmailAddress:
        """Whom every host has (RFC 5321 §4.5.1)."""
        return EmailAddress(f"postmaster@{self._home}")

    def find(self, login: str) -> EmailAddress | None:
        """Whom a login name means: an address, or the local part alone in the host's first domain."""
        try:
            address = EmailAddress.parse(login if "@" in login else f"{login}@{self._home}").folded
        except BadName:
            return None
        return address if address in self.persons else None

    # -- changes, durable when they return -------------------------------------------------------------------

    async def add(self, address: EmailAddress, person: Person) -> None:
        if address.literal is not None or address.domain not in self._domains:
            raise WrongUse(f"this host keeps no mail for {address.rpartition('@')[2]}")
        if address in self.persons:
            raise WrongUse(f"{address} has a mailbox already")
        if address in self.aliases:
            raise WrongUse(f"{address} is an alias already", remedy=f"lab account alias {address} --off")
        await self._change(persons={**self.persons, address: person})

    async def remove(self, address: EmailAddress) -> None:
        """The aliases that lead there stay, and bounce, as they do on any host."""
        self.person(address)
        if address == self.postmaster:
            raise WrongUse("every mail host has a postmaster (RFC 5321 §4.5.1)")
        aliases = {alias: to for alias, to in self.aliases.items() if alias != address}
        persons = {one: person for one, person in self.persons.items() if one != address}
        await self._change(persons=persons, aliases=aliases)

    async def set_password(self, address: EmailAddress, password: str) -> None:
        await self._change(persons={**self.persons, address: replace(self.person(address), password=password)})

    async def set_quota(self, address: EmailAddress, octets: int) -> None:
        await self._change(persons={**self.persons, address: replace(self.person(address), quota=octets)})

    async def set_alias(self, alias: EmailAddress, to: Iterable[EmailAddress]) -> None:
        """Where mail for `alias` goes from now on; to nobody: it is no alias any more."""
        if alias.literal is not None or alias.domain not in self._domains:
            raise WrongUse(f"this host keeps no mail for {alias.rpartition('@')[2]}")
        targets = tuple(dict.fromkeys(to))
        others = {one: there for one, there in self.aliases.items() if one != alias}
        await self._change(aliases={**others, alias: targets} if targets else others)

    def person(self, address: EmailAddress) -> Person:
        """WrongUse: nobody of that address."""
        if address not in self.persons:
            raise WrongUse(f"{address} has no mailbox here", remedy=f"lab account add {address}")
        return self.persons[address]

    # -- files -----------------------------------------------------------------------------------------------

    def _load(self, plan: MailPlan) -> None:
        accounts, aliases = self._lines(_ACCOUNTS), self._lines(_ALIASES)
        if accounts is None:
            persons = {box.address.folded: Person(box.password, box.quota, box.name) for box in plan.mailboxes}
        else:
            persons = dict(map(_read_account, accounts))
        self.persons = persons
        self.persons.setdefault(self.postmaster, Person())
        if aliases is None:
            self.aliases.update((alias.folded, to) for alias, to in plan.aliases.items())
        else:
            self.aliases.update(map(_read_alias, aliases))

    def _lines(self, file: str) -> list[str] | None:
        try:
            text = self._disk.read(file).decode("utf-8", "replace")
        except FileNotFoundError:
            return None
        return [line for line in text.splitlines() if ":" in line and not line.startswith("#")]

    async def _change(
        self,
        persons: Mapping[EmailAddress, Person] | None = None,
        aliases: Mapping[EmailAddress, tuple[EmailAddress, ...]] | None = None,
    ) -> None:
        if self._changing is None:
            self._changing = asyncio.Lock()
        async with self._changing:
            if persons is not None:
                await self._write(_ACCOUNTS, [_account_line(one, person) for one, person in persons.items()])
                self.persons = dict(persons)
            if aliases is not None:
                await self._write(_ALIASES, [f"{alias}: {', '.join(to)}\n" for alias, to in aliases.items()])
                self.aliases.clear()
                self.aliases.update(aliases)

    async def _write(self, file: str, lines: Iterable[str]) -> None:
        """In the place of the old one, whole whenever the power goes."""
        self._disk.write(f"{file}.new", "".join(lines).encode())
        await self._disk.sync(f"{file}.new")
        self._disk.rename(f"{file}.new", file)
        await self._disk.sync(file)


def _account_line(address: EmailAddress, person: Person) -> str:
    words = (str(address), person.password, str(person.quota), person.name)
    return ":".join(quote(word, safe=_PLAIN) for word in words) + "\n"


def _read_account(line: str) -> tuple[EmailAddress, Person]:
    address, password, quota, name = (*map(unquote, line.split(":")), "", "", "")[:4]
    octets = int(quota) if quota.isdecimal() and len(quota) < 20 else 0
    return EmailAddress(address).folded, Person(password, octets, name)


def _read_alias(line: str) -> tuple[EmailAddress, tuple[EmailAddress, ...]]:
    alias, _, targets = line.partition(":")
    return EmailAddress(alias).folded, tuple(
        EmailAddress(word.strip()) for word in targets.split(",") if word.strip()
    )
