"""What the lab's keeper may do to a host's accounts: the console answer "account".

JSON in, JSON out; `do` says what, and the answer is the account as it is then:

    {do: list}                                         → {accounts: [{address, name, quota, octets, messages, …}]}
    {do: add, address, password, quota, name}          → {account: {…}}
    {do: passwd, address, password}                    → {account: {…}}
    {do: quota, address, quota}                        → {account: {…}}
    {do: rm, address, mail}                            → {removed, kept}      mail: the mailbox goes too
    {do: alias, address, to: [address …]}              → {alias, to}          to nobody: it is none any more
    {do: forward, address, to: [address …]}            → {account: {…}}       to nobody: it is delivered here

The rule: no answer has a password in it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from lab.errors import WrongUse
from lab.mail.people import People, Person
from lab.names import EmailAddress

Form = dict[str, Any]


class Cabinet(Protocol):
    """Where the accounts of a host are kept: the lab's own store, or that of foreign software."""

    @property
    def people(self) -> People: ...

    def usage(self, address: EmailAddress) -> tuple[int, int]:
        """(octets, messages)"""

    def place_of(self, address: EmailAddress) -> str: ...

    async def remove(self, address: EmailAddress, *, mail: bool) -> None: ...


async def account(store: Cabinet, request: Form) -> Form:
    do = _DOINGS.get(str(request.get("do")))
    if do is None:
        raise WrongUse(f"an account knows {', '.join(_DOINGS)}, not '{request.get('do')}'")
    return await do(store, request)


async def _list(store: Cabinet, request: Form) -> Form:
    people = store.people
    aliases = [
        {"alias": alias, "to": list(to)} for alias, to in people.aliases.items() if alias not in people.persons
    ]
    return {"accounts": [_form(store, address) for address in people.persons], "aliases": aliases}


async def _add(store: Cabinet, request: Form) -> Form:
    address = _address(request)
    person = Person(
        str(request.get("password") or ""), int(request.get("quota") or 0), str(request.get("name") or "")
    )
    await store.people.add(address, person)
    return {"account": _form(store, address)}


async def _passwd(store: Cabinet, request: Form) -> Form:
    address = _address(request)
    await store.people.set_password(address, str(request.get("password") or ""))
    return {"account": _form(store, address)}


async def _quota(store: Cabinet, request: Form) -> Form:
    address = _address(request)
    await store.people.set_quota(address, int(request.get("quota") or 0))
    return {"account": _form(store, address)}


async def _remove(store: Cabinet, request: Form) -> Form:
    address = _address(request)
    await store.remove(address, mail=bool(request.get("mail")))
    return {"removed": address, "kept": not request.get("mail")}


async def _alias(store: Cabinet, request: Form) -> Form:
    address, targets = _address(request), _targets(request)
    if address in store.people.persons:
        raise WrongUse(f"{address} has a mailbox", remedy=f"lab account forward {address} …")
    await store.people.set_alias(address, targets)
    return {"alias": address, "to": targets}


async def _forward(store: Cabinet, request: Form) -> Form:
    address = _address(request)
    store.people.person(address)
    await store.people.set_alias(address, _targets(request))
    return {"account": _form(store, address)}


_DOINGS: Mapping[str, Callable[[Cabinet, Form], Awaitable[Form]]] = MappingProxyType(
    {
        "list": _list,
        "add": _add,
        "passwd": _passwd,
        "quota": _quota,
        "rm": _remove,
        "alias": _alias,
        "forward": _forward,
    }
)


def _form(store: Cabinet, address: EmailAddress) -> Form:
    people: People = store.people
    person = people.persons[address]
    octets, messages = store.usage(address)
    return {
        "address": address,
        "name": person.name,
        "login": bool(person.password),
        "quota": person.quota,
        "octets": octets,
        "messages": messages,
        "folder": store.place_of(address),
        "forward": list(people.aliases.get(address, ())),
        "aliases": [alias for alias, to in people.aliases.items() if address in to and alias != address],
    }


def _address(request: Form) -> EmailAddress:
    return EmailAddress.parse(str(request["address"])).folded


def _targets(request: Form) -> list[EmailAddress]:
    return [EmailAddress.parse(str(word)) for word in request.get("to") or ()]
