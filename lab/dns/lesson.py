"""What a resolver takes away from one server's reply: the verdict, and which RRsets to remember by which rank.

The rule: a pure function of the question, the zone that was asked and the message, so that it is worked out once
for all who hear the same. Glue comes last, so that it never stands before better data.

Law: RFC 2181 §5.4.1 (ranking), RFC 5452 §6 (what a zone's servers may speak of).
"""

from __future__ import annotations

from lab.dns.cache import Rank
from lab.dns.verdict import Alias, Answered, Failed, Referral, Verdict, addresses, asked_for, classify, shown
from lab.dns.zone import RRset
from lab.names import DomainName
from lab.recall import known_again
from lab.values import dataclass, made_often
from lab.wire.dns import Message, rrsets

Ranked = tuple[RRset, Rank]


@made_often
@dataclass(frozen=True, slots=True)
class Lesson:
    """`shown` is the verdict in a few words; `rrsets` what to remember, in this order."""

    verdict: Verdict
    shown: str
    rrsets: tuple[Ranked, ...]


@known_again(most=1000)
def lesson(name: DomainName, type: str, zone: DomainName, message: Message) -> Lesson:
    """What `message` teaches who asked a server of `zone` for (name, type)."""
    verdict = classify(name, type, zone, message)
    ranked: list[Ranked] = []
    match verdict:
        case Answered(records=records) | Alias(records=records):
            ranked += _each(records, Rank.AUTHENTIC if message.aa else Rank.ANSWER)
        case Referral(records=records, glue=glue):
            ranked += [*_each(records, Rank.REFERRAL), *_each(glue, Rank.GLUE)]
    if message.aa and not isinstance(verdict, Failed):
        ranked += _each(asked_for(zone, "NS", message.authority), Rank.AUTHORITY)
        ranked += _each(addresses(message, zone), Rank.GLUE)
    return Lesson(verdict, shown(verdict), tuple(ranked))


def _each(records: RRset, rank: Rank) -> list[Ranked]:
    return [(rrset, rank) for rrset in rrsets(records)] if records else []
