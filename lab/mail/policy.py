"""What follows after which reply: a sending host's policy, as a table that can be read aloud.

The rule: a policy is data. (stage, what came) names a row, the row says what follows; nothing that the queue or
the agent does about a failure is decided anywhere else. RFC 5321 leaves much open (§4.2.1, §5.1), and real
mail agents fill the gap differently: their tables are in `policies`.

A row has two answers: `follows`, and `otherwise` for when there is nothing next to go to. A soft error anywhere
on the way outranks the hard ones: as long as one host might yet take the message, it is not given up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from enum import StrEnum
from typing import Literal

from lab.errors import WrongUse
from lab.events import Failure, Stage
from lab.values import dataclass
from lab.wire.smtp_reply import Reply


class Follows(StrEnum):
    NEXT = "next"
    """On to the next address, of this exchanger or the next one."""
    NEXT_ADDRESS = "next address"
    NEXT_EXCHANGER = "next exchanger"
    LATER = "later"
    BOUNCE = "bounce"


Came = Failure | Literal["4xx", "5xx", "own name"]
"""What came at a stage: a class of reply, a failure of the network, or a greeting by the sender's own name."""

SOFT: Came = "4xx"
HARD: Came = "5xx"
OWN_NAME: Came = "own name"
LOST: tuple[Came, ...] = (Failure.CLOSED, Failure.RESET, Failure.TIMED_OUT, Failure.UNREACHABLE, Failure.REFUSED)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a policy. `name` as events and journeys show it; `law` the RFC section, or what was seen."""

    name: str
    follows: Follows
    otherwise: Follows = Follows.LATER
    law: str = ""


Table = Mapping[tuple[Stage, Came], Row]

_UNFORESEEN = Row(
    "unforeseen", Follows.NEXT, Follows.LATER, "RFC 5321 §4.2.1: what is not permanent is tried again"
)


@dataclass(frozen=True, slots=True)
class Policy:
    """A table and what else mail agents part over. Verdicts are LATER or BOUNCE."""

    name: str
    table: Table
    null_mx: Follows = Follows.BOUNCE
    no_domain: Follows = Follows.BOUNCE
    """The domain of the recipient does not exist."""
    lost_alias: Follows = Follows.BOUNCE
    """It is an alias of a name that does not exist."""
    no_address: Follows = Follows.BOUNCE
    """It exists, with neither MX nor address."""
    no_exchanger: Follows = Follows.BOUNCE
    """It has MX records, none of them usable."""
    loop: Follows = Follows.BOUNCE
    """The host itself is the best exchanger, or the only one left."""
    knows_its: tuple[Literal["name", "address"], ...] = ("name", "address")
    """By what it finds itself among the exchangers."""
    itself: Literal["cut", "skip"] = "cut"
    """Leave out itself and all that are no better (RFC 5321 §5.1), or itself only."""
    address_as_exchanger: Literal["follow", "refuse"] = "follow"
    alias_as_exchanger: Literal["follow", "refuse"] = "follow"
    equals: Literal["spread", "keep"] = "spread"
    """Equal preferences: in random order, or always in one."""
    tls: Literal["none", "may"] = "none"
    """Whether to use STARTTLS where it is offered (RFC 7435). Not if the file does not say so: in a lab the
    dialogue is there to be read, and a handshake costs what ten messages cost."""
    most_addresses: int = 5
    """Addresses tried in one go; 0: all."""
    past_most: Literal["stop", "next preference"] = "stop"
    """Beyond them: no more, or one address of each preference that is still to come."""
    most_exchangers: int = 0
    """Exchangers tried in one go, whatever their addresses; 0: all."""
    most_sessions: int = 0
    """Hosts that said hello and did not take everything, after which no further one is tried; 0: no limit."""
    addresses: Literal["in order", "shuffled", "mixed"] = "in order"
    """Of one exchanger, as its answer has them, or by chance; mixed: with those of its equals, too."""
    last_word: Literal["soft", "last"] = "soft"
    """At the end of the list: a soft error outranks the hard ones, or what the last host did counts."""
    null_beside_others: Literal["skip", "refuse", "itself"] = "skip"
    """A null MX that is not alone (RFC 7505 §3): no host, the whole domain's word, or a name for this host."""
    most_recipients: int = 0
    """Recipients of one message that share a transaction; 0: all. RFC 5321 §4.5.3.1.8 grants a hundred."""
    sessions: Literal["kept", "each", "warm", "idle"] = "kept"
    """For the next message to the same destination: the open session while there is one at hand; a new one each;
    or one that was kept open for it a moment, if deliveries follow each other closely (warm) or always (idle)."""
    connect_limit: float = 30.0
    """Seconds for a connection to come about. The RFC names no limit; a Linux kernel left alone takes 127."""
    hops: int = 30
    """Received lines that make a loop."""
    statuses: Mapping[str, str] = field(default_factory=dict)
    """Enhanced codes that differ from RFC 3463's best: rule → code."""

    def row(self, stage: Stage, came: Came) -> Row:
        return self.table.get((stage, came), _UNFORESEEN)

    def named(self, row: Row) -> str:
        """As events carry it: "rfc5321/rcpt-4xx"."""
        return f"{self.name}/{row.name}"


def came(outcome: Reply | Failure) -> Came:
    """The class of what came. A reply that fits nowhere (a 250 to DATA) is a soft error (§4.2.1)."""
    if isinstance(outcome, Failure):
        return outcome
    return HARD if outcome.code // 100 == 5 else SOFT


def rows(
    stages: Iterable[Stage],
    what: Iterable[Came],
    follows: Follows,
    otherwise: Follows | None = None,
    law: str = "",
) -> dict[tuple[Stage, Came], Row]:
    """The same answer for several stages and things that come; each row gets its own name ("rcpt-4xx")."""
    last = otherwise or (follows if follows in (Follows.LATER, Follows.BOUNCE) else Follows.LATER)
    everything = tuple(what)
    return {
        (stage, one): Row(f"{stage}-{str(one).replace(' ', '-')}", follows, last, law)
        for stage in stages
        for one in everything
    }


TRANSACTION = (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.EOM)


OWN_NAME_STATUS = "5.4.6"
"""The sender would mail itself (RFC 3463 §3.5: a routing loop)."""

SETTINGS: Mapping[str, tuple[str, ...]] = {
    "mx_on_4xx": ("next", "queue"),
    "loop": ("bounce", "queue"),
    "alias_as_exchanger": ("follow", "refuse"),
    "tls": ("none", "may"),
}
"""A host's own switches, and what they can be; `most_addresses` is a number."""


def with_settings(policy: Policy, settings: Mapping[str, str]) -> Policy:
    """The policy with a host's own switches. WrongUse where one of them makes no sense."""
    if not settings:
        return policy
    chosen = {name: _one_of(settings[name], name) for name in SETTINGS if name in settings}
    if "mx_on_4xx" in chosen:
        follows = Follows.NEXT if chosen["mx_on_4xx"] == "next" else Follows.LATER
        law = f"mx_on_4xx: {chosen['mx_on_4xx']}"
        policy = replace(policy, table={**policy.table, **rows(TRANSACTION, (SOFT,), follows, law=law)})
    if "loop" in chosen:
        policy = replace(policy, loop=Follows.BOUNCE if chosen["loop"] == "bounce" else Follows.LATER)
    if "alias_as_exchanger" in chosen:
        refuses = chosen["alias_as_exchanger"] == "refuse"
        policy = replace(policy, alias_as_exchanger="refuse" if refuses else "follow")
    if "tls" in chosen:
        policy = replace(policy, tls="may" if chosen["tls"] == "may" else "none")
    if "most_addresses" in settings:
        policy = replace(policy, most_addresses=_number(settings["most_addresses"]))
    return policy


def _one_of(value: str, name: str) -> str:
    if value not in SETTINGS[name]:
        raise WrongUse(f"the mail setting {name} is {' or '.join(SETTINGS[name])}, not '{value}'")
    return value


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise WrongUse(f"the mail setting most_addresses is a number, not '{text}'")
    return int(text)
