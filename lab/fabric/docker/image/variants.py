"""Which Debian packages an image of the lab holds beside the lab itself.

The rule: data, and one pure function. A host's programs make a set of words ({"postfix", "dovecot"}), a set makes
a variant, and the same set is the same variant whatever its order. Every image has what `host` has: Python and the
tools of a person who looks around (`lab shell HOST`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from types import MappingProxyType

from lab.errors import WrongUse
from lab.fabric.software import NEEDS
from lab.values import dataclass

TOOLS = (
    "python3",
    "bind9-dnsutils",
    "curl",
    "iproute2",
    "nftables",
    "openssl",
    "s-nail",
    "swaks",
    "telnet",
)
"""In every image: the node's Python; dig and nslookup; programs that speak HTTP, SMTP and whatever is typed; ss
and ip; nft for faults; TLS by hand; a mail reader."""

SOFTWARE: Mapping[str, tuple[str, ...]] = MappingProxyType({name: needs.packages for name, needs in NEEDS.items()})
"""Debian's packages of each server that can take a host's place."""

_AGENTS = frozenset({"exim", "opensmtpd", "postfix"})
"""Debian has one mail transport agent on a machine: their packages conflict."""


@dataclass(frozen=True, slots=True)
class Variant:
    """An image's name, and the packages it has beyond those of every image, in order of their names."""

    name: str
    packages: tuple[str, ...] = ()


HOST = Variant("host")


def variant(software: Iterable[str]) -> Variant:
    """The image for a host that runs these. WrongUse (W026) for an unknown one, or two that exclude each other.

    >>> variant(["postfix", "dovecot"]).name
    'dovecot+postfix'
    >>> variant([]).name
    'host'
    """
    names = sorted(set(software) - {HOST.name})
    for name in names:
        if name not in SOFTWARE:
            raise WrongUse(
                f"no image has the software '{name}'", remedy=f"There are: {', '.join(SOFTWARE)}", code="W026"
            )
    for one, other in combinations(_AGENTS.intersection(names), 2):
        raise WrongUse(
            f"{min(one, other)} and {max(one, other)} cannot share a host: each is its mail transport agent",
            remedy="Give each a host of its own.",
            code="W026",
        )
    packages = sorted({package for name in names for package in SOFTWARE[name]})
    return Variant("+".join(names), tuple(packages)) if names else HOST


def named(name: str) -> Variant:
    """The variant of that name: `host`, `bind`, `postfix+dovecot`. WrongUse (W026) where there is none."""
    return variant(name.split("+"))
