"""Whether a host takes a recipient, and as what: the answer to RCPT, decided without asking anyone.

    the domain is …    and …                                              then
    local              the mailbox or alias is known                      Deliver
    local              it is postmaster or abuse                          Deliver   RFC 5321 §4.5.1, RFC 2142
    local              unknown, setting `accept_unknown: yes`             Deliver   (a bounce later: backscatter)
    local              unknown                                            550 5.1.1
    held as a backup   – (a backup knows no users)                        Hold
    any other          the client is the host itself, in one of its
                       relay networks, or authenticated                   Relay
    any other          a stranger                                         550 5.7.1

The rule: the first row that fits counts. Local are the plan's local domains, the host's address literals
(RFC 5321 §4.1.3), and the host's own name for postmaster and abuse.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from lab.names import Address, DomainName, EmailAddress
from lab.topology.plan import MailPlan
from lab.values import dataclass

ROLES = ("postmaster", "abuse")
"""Local parts that every mail host takes."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """Into a mailbox or through an alias of this host; `address` in its local form, folded."""

    address: EmailAddress


@dataclass(frozen=True, slots=True)
class Hold:
    """Kept for the exchangers that are preferred to this one."""

    domain: DomainName


@dataclass(frozen=True, slots=True)
class Relay:
    """Sent on, for someone who may."""


@dataclass(frozen=True, slots=True)
class Refuse:
    code: int
    status: str
    text: str
    law: str


Verdict = Deliver | Hold | Relay | Refuse
Aliases = Mapping[EmailAddress, tuple[EmailAddress, ...]]


@dataclass(frozen=True, slots=True)
class Place:
    """A mail host as these rules see it. `home` completes a bare local part; `aliases` are folded."""

    name: DomainName
    home: DomainName
    addresses: tuple[Address, ...]
    local_domains: frozenset[DomainName]
    backup_for: frozenset[DomainName]
    networks: tuple[IPv4Network | IPv6Network, ...]
    aliases: Aliases
    accepts_unknown: bool = False


def place_of(
    name: DomainName, addresses: tuple[Address, ...], plan: MailPlan, aliases: Aliases | None = None
) -> Place:
    """`aliases` in the place of the plan's, where a host has others by now."""
    return Place(
        name,
        plan.local_domains[0] if plan.local_domains else name,
        addresses,
        frozenset(plan.local_domains),
        frozenset(plan.backup_for),
        tuple(ip_network(text, strict=False) for text in plan.relay_networks),
        _folded(plan.aliases if aliases is None else aliases),
        plan.settings.get("accept_unknown", "no") == "yes",
    )


def _folded(aliases: Aliases) -> Aliases:
    """The same mapping where it is folded already: a host may change it while it runs."""
    if all(alias == alias.folded for alias in aliases):
        return aliases
    return {alias.folded: targets for alias, targets in aliases.items()}


def decide(
    recipient: EmailAddress,
    client: Address | None,
    authenticated: bool,
    place: Place,
    mailboxes: Container[EmailAddress],
) -> Verdict:
    """The fate of one recipient. `client` None is the host itself; `mailboxes` holds folded addresses."""
    local = as_local(recipient, place)
    if local is not None:
        return _at_home(local, recipient, place, mailboxes)
    if recipient.literal is None and recipient.domain in place.backup_for:
        return Hold(recipient.domain)
    if authenticated or may_relay(client, place):
        return Relay()
    return Refuse(550, "5.7.1", f"<{recipient}>: relaying denied", "RFC 2505 §2.1")


def as_local(recipient: EmailAddress, place: Place) -> EmailAddress | None:
    """The recipient in a local domain, folded and without needless quotes; None if it is not local."""
    given, _, domain = recipient.rpartition("@")
    local = _unquoted(given).lower()
    if domain in place.local_domains:
        return recipient if local == given else EmailAddress(f"{local}@{domain}")
    if recipient.literal in place.addresses or (domain == place.name and local in ROLES):
        return EmailAddress(f"{local}@{place.home}")
    return None


def is_known(local: EmailAddress, place: Place, mailboxes: Container[EmailAddress]) -> bool:
    """Whether a folded local address is a mailbox, an alias or an office that every host has."""
    return local in mailboxes or local in place.aliases or local.local in ROLES


def may_relay(client: Address | None, place: Place) -> bool:
    """The host itself always may, and so may its relay networks. Loopback is nobody's: who comes by a front
    door is a stranger like any other."""
    return client is None or client in place.addresses or _is_in(client, place.networks)


def _is_in(client: Address, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    return any(ip_address(client) in network for network in networks)


def _at_home(
    local: EmailAddress, recipient: EmailAddress, place: Place, mailboxes: Container[EmailAddress]
) -> Verdict:
    if place.accepts_unknown or is_known(local, place, mailboxes):
        return Deliver(local)
    return Refuse(550, "5.1.1", f"<{recipient}>: no such user here", "RFC 5321 §3.3")


def _unquoted(local: str) -> str:
    """RFC 5321 §4.1.2: a quoted form equals the same text without its quotes."""
    return re.sub(r"\\(.)", r"\1", local[1:-1]) if local.startswith('"') else local
