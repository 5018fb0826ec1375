"""The cases in which mail agents part, and those in which they do not: small worlds of names and receivers.

The rule: a case is data, one world whatever the policy. Its number is that of `mta-behaviour.json`, where six real
agents were seen in it; from 61 on they are the lab's own. In `receivers` a label is the receiver's name below the
recipient's domain, its words are those of `receiver`; `self` is the sending host's own address.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from lab.errors import WrongUse
from lab.values import dataclass

DOMAIN = "news.be"
SENDER = "mail.uni.ch"
OTHER_NAME = "relay.ch."
OWN_ADDRESSES = ("198.18.0.9", "2001:db8::9")
ED = f"ed@{DOMAIN}"


@dataclass(frozen=True, slots=True)
class Case:
    """One world. `zone` are further records of the recipient's domain, `down` are name servers that are down."""

    number: int
    name: str
    title: str
    law: str
    receivers: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Label → (address, what it does)."""
    zone: tuple[str, ...] = ()
    to: tuple[str, ...] = (ED,)
    messages: int = 1
    down: tuple[str, ...] = ()


def case_named(word: str) -> Case:
    """The case of that name or number. WrongUse with what is near."""
    found = next((case for case in CASES if word.lower() in (case.name, str(case.number))), None)
    if found is not None:
        return found
    near = difflib.get_close_matches(word.lower(), [case.name for case in CASES], n=1, cutoff=0.4)
    remedy = f"Did you mean  lab compare policies {near[0]} ?" if near else "All cases:  lab compare policies"
    raise WrongUse(f"there is no case '{word}'", remedy=remedy, code="W015")


def _row(number: int, name: str, title: str, law: str, exchangers: str) -> Case:
    """From "5 rcpt 4, 10 ok": mx1 is the first of them; `self` is the sending host under another name."""
    receivers, zone = {}, []
    for place, words in enumerate(exchangers.split(", "), 1):
        preference, what = words.split(" ", 1)
        label = _ITSELF.get(what, f"mx{place}")
        zone.append(f"@ MX {preference} {label}")
        if what not in _ITSELF:
            receivers[label] = (f"198.18.9.{place}", what)
    return Case(number, name, title, law, receivers, tuple(zone))


_ITSELF = MappingProxyType({"self": OTHER_NAME, "myself": f"{SENDER}."})
_OK = ("198.18.9.1", "ok")
_5321 = "RFC 5321 §"

_ALL: tuple[Case, ...] = (
    _row(1, "all-well", "both exchangers serve", _5321 + "5.1", "5 ok, 10 ok"),
    _row(2, "refused", "the best exchanger refuses connections", _5321 + "5.1", "5 refused, 10 ok"),
    _row(3, "silent", "the best exchanger never answers", _5321 + "5.1", "5 silent, 10 ok"),
    _row(4, "greeting-421", "it greets with 421", _5321 + "4.5.4.1", "5 greeting 4, 10 ok"),
    _row(5, "greeting-554", "it greets with 554", _5321 + "3.1", "5 greeting 5, 10 ok"),
    _row(6, "greeting-drop", "it hangs up before its greeting", _5321 + "3.8", "5 gdrop, 10 ok"),
    _row(7, "helo-5xx", "it refuses EHLO and HELO with 550", _5321 + "4.1.4", "5 ehlo 5, 10 ok"),
    _row(8, "mail-4xx", "it answers MAIL with 450", _5321 + "4.2.1", "5 mail 4, 10 ok"),
    _row(9, "mail-5xx", "it answers MAIL with 550", _5321 + "4.2.1", "5 mail 5, 10 ok"),
    _row(10, "rcpt-4xx", "it answers RCPT with 450", _5321 + "4.2.1", "5 rcpt 4, 10 ok"),
    _row(11, "rcpt-5xx", "it answers RCPT with 550", _5321 + "4.2.1", "5 rcpt 5, 10 ok"),
    _row(12, "data-4xx", "it answers DATA with 451", _5321 + "4.2.1", "5 data 4, 10 ok"),
    _row(13, "data-5xx", "it answers DATA with 554", _5321 + "4.2.1", "5 data 5, 10 ok"),
    _row(14, "dot-4xx", "it answers the final dot with 451", _5321 + "4.2.1", "5 eom 4, 10 ok"),
    _row(15, "dot-5xx", "it answers the final dot with 554", _5321 + "4.2.1", "5 eom 5, 10 ok"),
    _row(16, "mail-drop", "it hangs up at MAIL", _5321 + "3.8", "5 drop mail, 10 ok"),
    _row(17, "rcpt-drop", "it hangs up at RCPT", _5321 + "3.8", "5 drop rcpt, 10 ok"),
    _row(18, "data-drop", "it hangs up at DATA", _5321 + "3.8", "5 drop data, 10 ok"),
    _row(19, "dot-drop", "it hangs up after the final dot", "RFC 1047", "5 drop eom, 10 ok"),
    Case(
        20,
        "equals",
        "20 messages, two equal exchangers",
        _5321 + "5.1",
        {"mx1": _OK, "mx2": ("198.18.9.2", "ok")},
        ("@ MX 10 mx1", "@ MX 10 mx2"),
        messages=20,
    ),
    Case(21, "implicit-mx", "no MX, but an address", _5321 + "5.1", {"www": _OK}, to=(f"ed@www.{DOMAIN}",)),
    Case(
        22,
        "host-alias",
        "the domain is an alias of a host",
        _5321 + "5.1",
        {"www": _OK},
        ("shop CNAME www",),
        (f"ed@shop.{DOMAIN}",),
    ),
    Case(
        23,
        "domain-alias",
        "the domain is an alias of one with MX",
        _5321 + "5.1",
        {"mx1": _OK},
        ("@ MX 10 mx1", "shop CNAME @"),
        (f"ed@shop.{DOMAIN}",),
    ),
    Case(
        24,
        "alias-as-mx",
        "the exchanger is an alias",
        "RFC 2181 §10.3",
        {"www": _OK},
        ("@ MX 10 mx1", "mx1 CNAME www"),
    ),
    Case(
        25,
        "two-addresses",
        "two addresses, the first one refuses",
        _5321 + "5.1",
        {"mx1": ("198.18.9.1", "refused"), "mx1b": ("198.18.9.2", "ok"), "mx2": ("198.18.9.3", "ok")},
        ("@ MX 5 mx1", "mx1 A 198.18.9.2", "@ MX 10 mx2"),
    ),
    Case(
        26,
        "mx-unknown",
        "the best exchanger's name is unknown",
        _5321 + "5.1",
        {"mx2": _OK},
        ("@ MX 5 gone.nowhere.be.", "@ MX 10 mx2"),
    ),
    Case(
        28,
        "all-mx-unknown",
        "no exchanger's name exists",
        _5321 + "5.1",
        zone=("@ MX 5 gone.nowhere.be.", "@ MX 10 lost.nowhere.be."),
    ),
    Case(30, "no-domain", "the domain does not exist", _5321 + "5.1", to=("ed@nowhere.be",)),
    Case(
        31,
        "mx-servfail",
        "its name server is down: no MX known",
        _5321 + "5.1",
        {"mx1": _OK},
        ("@ MX 10 mx1",),
        down=(f"ns.{DOMAIN}",),
    ),
    Case(
        32,
        "no-address",
        "neither MX nor address",
        _5321 + "5.1",
        zone=('void TXT "nothing"',),
        to=(f"ed@void.{DOMAIN}",),
    ),
    Case(
        33,
        "null-mx",
        "a null MX, and an address",
        "RFC 7505",
        {"www": _OK},
        ("www MX 0 .",),
        (f"ed@www.{DOMAIN}",),
    ),
    Case(
        35,
        "address-as-mx",
        "the MX names an address",
        _5321 + "5.1",
        {"mx1": _OK},
        ("@ MX 5 198.18.9.1.",),
    ),
    _row(36, "self-second", "the sender itself is 2nd of three", _5321 + "5.1", "5 refused, 10 self, 20 ok"),
    Case(
        38,
        "self-equal",
        "the sender itself is one of two equals",
        _5321 + "5.1",
        {"mx2": ("198.18.9.2", "ok")},
        ("@ MX 10 mx2", f"@ MX 10 {OTHER_NAME}"),
    ),
    _row(39, "self-backup", "the sender itself is the backup", _5321 + "5.1", "5 ok, 10 self"),
    Case(
        42,
        "two-recipients",
        "of two recipients one is refused",
        _5321 + "3.3",
        {"mx1": ("198.18.9.1", "rcpt2 5"), "mx2": ("198.18.9.2", "ok")},
        ("@ MX 5 mx1", "@ MX 10 mx2"),
        (ED, f"eva@{DOMAIN}"),
    ),
    _row(
        44,
        "six-of-seven",
        "six of seven exchangers greet with 421",
        _5321 + "5.1",
        ", ".join([*(f"{n} greeting 4" for n in range(1, 7)), "7 ok"]),
    ),
    Case(
        46,
        "dead-ipv6",
        "its IPv6 address is dead, IPv4 serves",
        _5321 + "5.2",
        {"mx1": ("2001:db8::1", "silent"), "mx1b": ("198.18.9.1", "ok"), "mx2": ("198.18.9.2", "ok")},
        ("@ MX 5 mx1", "mx1 A 198.18.9.1", "@ MX 10 mx2"),
    ),
    _row(47, "all-refused", "both exchangers refuse connections", _5321 + "4.5.4.1", "5 refused, 10 refused"),
    _row(48, "all-rcpt-5xx", "both answer RCPT with 550", _5321 + "4.2.1", "5 rcpt 5, 10 rcpt 5"),
    _row(51, "self-by-name", "itself 2nd of three, by its own name", _5321 + "5.1", "5 refused, 10 myself, 20 ok"),
    _row(53, "own-name", "it greets with the sender's own name", _5321 + "5.1", "5 mirror, 10 ok"),
    Case(
        61,
        "mx-no-answer",
        "the best exchanger's name: SERVFAIL",
        _5321 + "5.1",
        {"mx2": _OK},
        ("@ MX 5 mx.dead.be.", "@ MX 10 mx2"),
    ),
    Case(
        62,
        "mx-no-address",
        "the best exchanger has no address",
        _5321 + "5.1",
        {"mx2": _OK},
        ("@ MX 5 bare.be.", "@ MX 10 mx2"),
    ),
    _row(63, "all-rcpt-4xx", "both answer RCPT with 450", _5321 + "4.5.4.1", "5 rcpt 4, 10 rcpt 4"),
    _row(64, "4xx-then-5xx", "one says 450 to RCPT, the next 550", _5321 + "4.2.1", "5 rcpt 4, 10 rcpt 5"),
    _row(65, "down-then-5xx", "one refuses, the next says 550 to RCPT", _5321 + "4.2.1", "5 refused, 10 rcpt 5"),
    _row(66, "all-554", "both greet with 554", _5321 + "3.1", "5 greeting 5, 10 greeting 5"),
    _row(67, "all-helo-5xx", "both refuse EHLO and HELO", _5321 + "4.1.4", "5 ehlo 5, 10 ehlo 5"),
    _row(68, "self-best", "the sender itself is the best", _5321 + "5.1", "5 self, 10 ok"),
    _row(69, "self-only", "the sender itself is the only one", _5321 + "5.1", "5 self"),
    Case(
        70,
        "one-of-two-4xx",
        "of two recipients the second gets 450",
        _5321 + "4.2.1",
        {"mx1": ("198.18.9.1", "rcpt2 4"), "mx2": ("198.18.9.2", "ok")},
        ("@ MX 5 mx1", "@ MX 10 mx2"),
        (ED, f"eva@{DOMAIN}"),
    ),
    Case(
        71,
        "null-and-mx",
        "a null MX beside another",
        "RFC 7505 §3",
        {"mx1": _OK},
        ("@ MX 0 .", "@ MX 10 mx1"),
    ),
    _row(72, "rcpt-421", "it says 421 to RCPT, and hangs up", _5321 + "3.8", "5 rcpt 421, 10 ok"),
    _row(73, "rcpt-552", "it answers RCPT with 552", _5321 + "4.5.3.1.10", "5 rcpt 552, 10 ok"),
    Case(
        74,
        "six-addresses",
        "six addresses refuse, then a backup",
        _5321 + "5.1",
        {
            **{f"mx1{letter}": (f"198.18.9.{n}", "refused") for n, letter in enumerate("abcdef", 1)},
            "mx2": ("198.18.9.9", "ok"),
        },
        (*(f"mx1 A 198.18.9.{n}" for n in range(1, 7)), "@ MX 5 mx1", "@ MX 10 mx2"),
    ),
    _row(75, "third-serves", "two say 450 to RCPT, a third takes it", _5321 + "5.1", "5 rcpt 4, 10 rcpt 4, 20 ok"),
    _row(
        76,
        "six-equals",
        "six equals, all greet with 421",
        _5321 + "5.1",
        ", ".join(["10 greeting 4"] * 6),
    ),
    Case(
        77,
        "seventh-serves",
        "six addresses refuse, a seventh serves",
        _5321 + "5.1",
        {
            **{f"mx1{letter}": (f"198.18.9.{n}", "refused") for n, letter in enumerate("abcdef", 1)},
            "mx1g": ("198.18.9.7", "ok"),
        },
        (*(f"mx1 A 198.18.9.{n}" for n in range(1, 8)), "@ MX 5 mx1"),
    ),
    Case(
        78,
        "all-no-answer",
        "every exchanger's name: SERVFAIL",
        _5321 + "5.1",
        zone=("@ MX 5 mx.dead.be.", "@ MX 10 mx2.dead.be."),
    ),
    _row(79, "down-then-self", "one refuses, the next is the sender", _5321 + "5.1", "5 refused, 10 self"),
    Case(
        80,
        "self-by-alias",
        "itself 2nd of three, by an alias",
        _5321 + "5.1",
        {"mx1": ("198.18.9.1", "refused"), "mx3": ("198.18.9.3", "ok")},
        ("@ MX 5 mx1", "@ MX 10 alias", f"alias CNAME {SENDER}.", "@ MX 20 mx3"),
    ),
    _row(81, "own-name-only", "the only one greets with its name", _5321 + "5.1", "5 mirror"),
    _row(82, "all-421", "both greet with 421", _5321 + "4.5.4.1", "5 greeting 4, 10 greeting 4"),
    _row(83, "4xx-then-down", "one says 450 to RCPT, the next refuses", _5321 + "4.5.4.1", "5 rcpt 4, 10 refused"),
    _row(84, "554-then-down", "one greets with 554, the next refuses", _5321 + "3.1", "5 greeting 5, 10 refused"),
    _row(85, "down-then-554", "one refuses, the next greets with 554", _5321 + "3.1", "5 refused, 10 greeting 5"),
    _row(86, "helo-then-down", "one refuses EHLO, the next connections", _5321 + "4.1.4", "5 ehlo 5, 10 refused"),
    _row(87, "helo-4xx", "it answers EHLO and HELO with 450", _5321 + "4.5.4.1", "5 ehlo 4, 10 ok"),
    _row(88, "helo-drop", "it hangs up at EHLO", _5321 + "3.8", "5 drop ehlo, 10 ok"),
    Case(
        89,
        "lost-alias",
        "the domain is an alias of nothing",
        _5321 + "5.1",
        zone=("shop CNAME gone.nowhere.be.",),
        to=(f"ed@shop.{DOMAIN}",),
    ),
    Case(
        90,
        "mx-lost-alias",
        "the best exchanger: alias of nothing",
        "RFC 2181 §10.3",
        {"mx2": _OK},
        ("@ MX 5 mx1", "mx1 CNAME gone.nowhere.be.", "@ MX 10 mx2"),
    ),
    Case(91, "null-mx-only", "a null MX, and no address", "RFC 7505", zone=("@ MX 0 .",)),
    _row(92, "dot-421", "it says 421 to the final dot", _5321 + "3.8", "5 eom 421, 10 ok"),
    _row(93, "all-drop", "both hang up at RCPT", _5321 + "3.8", "5 drop rcpt, 10 drop rcpt"),
)

_GROUPS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "Can it be reached?": (1, 2, 3, 25, 46, 74, 47, 77),
        "How it greets": (4, 5, 66, 6, 7, 67, 53, 82, 84, 85, 86, 87, 88),
        "What it answers": (8, 9, 10, 72, 73, 11, 12, 13, 14, 15, 63, 64, 65, 48, 83, 92),
        "Sessions that break": (16, 17, 18, 19, 93),
        "Two recipients": (42, 70),
        "Several exchangers": (20, 44, 75, 76),
        "What the DNS says": (21, 22, 23, 24, 26, 61, 62, 28, 30, 31, 32, 33, 71, 35, 78, 89, 90, 91),
        "The sender among them": (36, 51, 38, 39, 68, 69, 79, 80, 81),
    }
)
_BY_NUMBER = MappingProxyType({case.number: case for case in _ALL})

GROUPS: Mapping[str, tuple[Case, ...]] = MappingProxyType(
    {heading: tuple(_BY_NUMBER[number] for number in numbers) for heading, numbers in _GROUPS.items()}
)
"""The cases in the order in which they are shown, under what they are about."""

CASES: tuple[Case, ...] = tuple(case for cases in GROUPS.values() for case in cases)
