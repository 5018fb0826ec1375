"""From a recipient's domain to the hosts that may take its mail: the first half of RFC 5321 §5.1.

The rule: answers of the DNS in, exchangers in the order of trial or a verdict out; nothing is asked and nothing
is tried here. What was left out is said, with the reason, because that is what people want to know.

Implicit MX and self-elimination: RFC 5321 §5.1. Null MX: RFC 7505. An exchanger is a host's own name, no alias
and no address: RFC 2181 §10.3, RFC 5321 §5.1; many follow it all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from itertools import groupby
from random import Random

from lab.mail.policy import Follows, Policy
from lab.names import Address, BadName, DomainName, parse_address
from lab.values import dataclass, made_often
from lab.wire.records import AAAA, MX, A, Answer

Chance = Callable[[], Random]
"""A stream of chance, made where there is something to draw: most domains have no equal exchangers."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the sending host is: what it must not send to, and which kinds of addresses it can dial."""

    name: DomainName
    addresses: tuple[Address, ...]
    address_types: tuple[str, ...] = field(init=False)
    """AAAA before A where it has both (RFC 6724 §2.1)."""

    def __post_init__(self) -> None:
        six = any(":" in address for address in self.addresses)
        four = any(":" not in address for address in self.addresses)
        object.__setattr__(self, "address_types", ("AAAA",) * six + ("A",) * four)


@made_often
@dataclass(frozen=True, slots=True)
class Exchanger:
    """`address` where no question is needed: an address literal, or an MX that wrongly names an address."""

    preference: int
    name: str
    address: Address | None = None

    def __str__(self) -> str:
        return f"{self.preference} {self.name}"


@made_often
@dataclass(frozen=True, slots=True)
class Exchangers:
    """In the order of trial. `rule`: mx, implicit-mx, literal, smarthost; `left_out`: "10 relay.b.be: itself"."""

    rule: str
    found: tuple[Exchanger, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """There is no way: `follows` LATER or BOUNCE, the enhanced code, a sentence and its law."""

    rule: str
    follows: Follows
    status: str
    reason: str
    law: str
    left_out: tuple[str, ...] = ()


def literal(address: Address) -> Exchangers:
    """`user@[198.18.2.25]` goes straight there (RFC 5321 §4.1.3, §5.1)."""
    return Exchangers("literal", (Exchanger(0, f"[{address}]", address),))


def smarthost(name: DomainName) -> Exchangers:
    """All mail goes by one host; its MX records are not asked."""
    return Exchangers("smarthost", (Exchanger(0, name),))


def exchangers(mx: Answer, me: Identity, policy: Policy, chance: Chance) -> Exchangers | Verdict:
    """The exchangers of a domain, from the answer to its MX question."""
    if mx.rcode == "NXDOMAIN" and mx.canonical not in (None, mx.name):
        sentence = f"{mx.name} is an alias of {mx.canonical}, which does not exist"
        return _verdict(policy, "nxdomain", sentence, policy.lost_alias)
    if mx.rcode == "NXDOMAIN":
        return _verdict(policy, "nxdomain", f"the domain {mx.name} does not exist", policy.no_domain)
    if mx.rcode != "NOERROR":
        return _verdict(policy, "mx-unknown", f"the MX of {mx.name} could not be found: {mx.rcode}", Follows.LATER)
    records = [record.data for record in mx.records if isinstance(record.data, MX)]
    if not records:
        return Exchangers("implicit-mx", (Exchanger(0, mx.canonical or mx.name),))
    if any(one.exchange.is_root for one in records) and (
        len(records) == 1 or policy.null_beside_others == "refuse"
    ):
        return _verdict(policy, "null-mx", f"{mx.name} takes no mail: its MX is '.'", policy.null_mx)
    return _usable(mx.name, _in_order(records, policy, chance), me, policy)


def _in_order(records: Iterable[MX], policy: Policy, chance: Chance) -> list[Exchanger]:
    """Lower preference first; equal ones spread by chance (§5.1), or always in the order of the answer."""
    ordered: list[Exchanger] = []
    by_name = sorted(records, key=lambda record: record.exchange) if policy.equals == "spread" else records
    by_preference = sorted(by_name, key=lambda record: record.preference)
    for _, group in groupby(by_preference, key=lambda record: record.preference):
        equals = [
            Exchanger(record.preference, record.exchange, _address_named(record.exchange)) for record in group
        ]
        if policy.equals == "spread" and len(equals) > 1:
            chance().shuffle(equals)
        ordered += equals
    return ordered


def _address_named(name: DomainName) -> Address | None:
    """The address, where an MX names one instead of a host."""
    if not name[-1:].isdigit():
        return None
    try:
        return parse_address(name)
    except BadName:
        return None


def _usable(domain: DomainName, ordered: list[Exchanger], me: Identity, policy: Policy) -> Exchangers | Verdict:
    left_out: list[str] = []
    if (
        policy.null_beside_others == "itself"
    ):  # the empty name is this host's own, as resolvers of libraries have it
        ordered = [replace(one, address=me.addresses[0]) if one.name == "." else one for one in ordered]
    kept = [one for one in ordered if not _fault(one, policy, left_out)]
    mine = [one for one in kept if "name" in policy.knows_its and one.name == me.name]
    if mine:
        kept = without_self(kept, mine[0], policy, left_out)
    if kept:
        return Exchangers("mx", tuple(kept), tuple(left_out))
    if mine:
        return looping(domain, policy, left_out)
    if all(one.address is not None for one in ordered):
        return addresses_only(domain, policy, left_out)
    return unusable(domain, policy, left_out)


def _fault(exchanger: Exchanger, policy: Policy, left_out: list[str]) -> bool:
    """The root among others is no host (RFC 7505 §3); an address is none either."""
    if exchanger.name == "." and exchanger.address is None:
        left_out.append(f"{exchanger}: no host (RFC 7505 §3)")
        return True
    if exchanger.address is not None and policy.address_as_exchanger == "refuse":
        left_out.append(f"{exchanger}: an address, not a host (RFC 5321 §5.1)")
        return True
    return False


def without_self(
    ordered: Sequence[Exchanger], itself: Exchanger, policy: Policy, left_out: list[str]
) -> list[Exchanger]:
    """§5.1: the host drops itself and every exchanger of equal or higher preference, lest mail goes in a ring."""
    kept: list[Exchanger] = []
    for one in ordered:
        if one.name == itself.name:
            left_out.append(f"{one}: itself")
        elif policy.itself == "cut" and one.preference >= itself.preference:
            left_out.append(f"{one}: no better than itself (RFC 5321 §5.1)")
        else:
            kept.append(one)
    return kept


def addresses(answers: Iterable[Answer]) -> tuple[Address, ...]:
    """The addresses in these answers, in their order."""
    return tuple(
        record.data.address for answer in answers for record in answer.records if isinstance(record.data, A | AAAA)
    )


def looping(domain: str, policy: Policy, left_out: Sequence[str] = ()) -> Verdict:
    sentence = f"mail for {domain} would come back to this host: it is the best exchanger itself"
    return _verdict(policy, "loop", sentence, policy.loop, left_out)


def addresses_only(domain: str, policy: Policy, left_out: Sequence[str]) -> Verdict:
    sentence = f"the MX of {domain} names an address, not a host"
    return _verdict(policy, "address-as-mx", sentence, Follows.BOUNCE, left_out)


def unusable(domain: str, policy: Policy, left_out: Sequence[str] = ()) -> Verdict:
    return _verdict(policy, "no-exchanger", f"no exchanger of {domain} can be used", policy.no_exchanger, left_out)


def without_smarthost(name: str) -> Verdict:
    """A mistake in this host's own settings is not the sender's: the mail waits until it is put right."""
    return Verdict("smarthost", Follows.LATER, "4.3.5", f"the smarthost {name} has no address", "RFC 3463 §3.4")


def without_address(domain: str, policy: Policy) -> Verdict:
    return _verdict(policy, "no-address", f"{domain} has neither MX nor address", policy.no_address)


_STATUS = {
    "nxdomain": ("5.1.2", "RFC 5321 §5.1"),
    "mx-unknown": ("4.4.3", "RFC 5321 §5.1"),
    "null-mx": ("5.1.10", "RFC 7505 §4.1"),
    "loop": ("5.4.6", "RFC 5321 §5.1"),
    "no-exchanger": ("5.4.4", "RFC 5321 §5.1"),
    "address-as-mx": ("5.4.4", "RFC 5321 §5.1"),
    "no-address": ("5.4.4", "RFC 5321 §5.1"),
}


def _verdict(policy: Policy, rule: str, reason: str, follows: Follows, left_out: Sequence[str] = ()) -> Verdict:
    status, law = _STATUS[rule]
    status = policy.statuses.get(rule, status)
    if follows is Follows.LATER:
        status = "4" + status[1:]
    return Verdict(rule, follows, status, reason, law, tuple(left_out))
