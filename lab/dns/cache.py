"""What a resolver remembers: RRsets, denials and failures, each for as long as it may.

The rule: time only takes away. A TTL counts down, is capped and never extended; data of a lower rank never
replaces data of a higher one, and what came as glue may lead to a server but never answers a client.

Law: RFC 2181 §5.4.1 (ranking) and §8 (TTL), RFC 2308 §5 (denials live as long as their SOA says, without SOA not
at all), RFC 8020 §2 (below a name that is not, nothing is), RFC 9520 §3 (failures), RFC 8767 §5 (stale data).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field, replace
from enum import IntEnum

from lab.clock import Clock
from lab.dns.zone import RRset, addresses_of
from lab.names import Address, DomainName
from lab.values import dataclass
from lab.wire.records import SOA, TXT, Opaque, Rdata, Record

LONGEST = 86_400
LONGEST_NO = 10_800
FAILURE_SECONDS = 5
STALE_SECONDS = 86_400
STALE_TTL = 30
"""The TTL of a stale answer (RFC 8767 §4)."""
MOST_ENTRIES = 20_000
HEAVIEST = 100_000
"""Of all entries together; an entry weighs one, and one more for each record or 256 octets of text beyond the
first: some 300 octets of memory."""


class Rank(IntEnum):
    """How far data can be trusted, by where in a message it stood (RFC 2181 §5.4.1)."""

    GLUE = 1
    REFERRAL = 2
    ANSWER = 3
    """In the answer section of a server that does not claim authority."""
    AUTHORITY = 4
    AUTHENTIC = 5


@dataclass(slots=True)
class Entry:
    """`rcode` NOERROR without records is NODATA; `soa` goes with a denial."""

    records: RRset
    rank: Rank
    until: float
    rcode: str = "NOERROR"
    soa: RRset = ()
    told: tuple[int, RRset] = field(default=(-1, ()), repr=False, compare=False)
    """The records with the TTL that they were told with last: the same RRset for a whole second."""


Key = tuple[DomainName, str]
_WHOLE_NAME = ""
"""Stands for the type where a denial is of the name."""


class Cache:
    """One resolver's memory."""

    __slots__ = ("_denies_names", "_entries", "_failures", "_keep", "_now", "_weight")

    def __init__(self, clock: Clock, stale: bool = False) -> None:
        self._now = clock.shown
        self._keep = STALE_SECONDS if stale else 0
        self._entries: dict[Key, Entry] = {}
        self._failures: dict[Key, float] = {}
        self._denies_names = False
        """Whether a whole name was ever denied: only then is it worth to look above a name for such a no."""
        self._weight = 0
        """At least what the entries weigh together: what was replaced is still counted, until room is made."""

    # -- learn --------------------------------------------------------------------------------------------

    def put(self, rrset: RRset, rank: Rank) -> None:
        """Remember an RRset (R9). A TTL of 0 is for the question at hand only (RFC 1035 §3.2.1)."""
        first = rrset[0]
        key = first.name, first.data.type
        ttl, now, known = min(first.ttl, LONGEST), self._now(), self._entries.get(key)
        if not ttl or (known is not None and known.rank > rank and known.until > now):
            return
        self._learn(key, Entry(rrset, rank, now + ttl))

    def deny(self, name: DomainName, type: str, rcode: str, soa: RRset) -> None:
        """Remember that there is no such name (NXDOMAIN) or no such type (NOERROR), if an SOA says how long
        (R10)."""
        if not soa:
            return
        ttl = min(_negative_ttl(soa[0]), LONGEST_NO)
        key = name, (_WHOLE_NAME if rcode == "NXDOMAIN" else type)
        self._denies_names |= rcode == "NXDOMAIN"
        if ttl:
            self._learn(key, Entry((), Rank.AUTHENTIC, self._now() + ttl, rcode, soa))

    def fail(self, name: DomainName, type: str) -> None:
        """Remember for a moment that nobody could say (RFC 9520 §3.2)."""
        now, failures = self._now(), self._failures
        failures.pop((name, type), None)
        failures[name, type] = now + FAILURE_SECONDS
        while len(failures) > MOST_ENTRIES or failures[next(iter(failures))] <= now:
            del failures[next(iter(failures))]  # the oldest stands first

    def _learn(self, key: Key, entry: Entry) -> None:
        weight = _weight(entry)
        if len(self._entries) >= MOST_ENTRIES or self._weight + weight > HEAVIEST:
            self._make_room()
        self._weight += weight
        self._entries.pop(key, None)
        self._entries[key] = entry

    def _make_room(self) -> None:
        """The dead go first, then those that came first, until a tenth is free."""
        now = self._now()
        self._entries = {key: entry for key, entry in self._entries.items() if entry.until > now}
        weights = {key: _weight(entry) for key, entry in self._entries.items()}
        count, weight = len(weights), sum(weights.values())
        for key, own in weights.items():
            if count <= MOST_ENTRIES * 9 // 10 and weight <= HEAVIEST * 9 // 10:
                break
            del self._entries[key]
            count, weight = count - 1, weight - own
        self._weight = weight

    def flush(self, name: DomainName | None = None) -> int:
        """Forget a name and all below it, or everything; how many entries that were."""
        gone = [key for key in self._entries if name is None or key[0].is_within(name)]
        for key in gone:
            del self._entries[key]
        self._failures = {
            key: until for key, until in self._failures.items() if name and not key[0].is_within(name)
        }
        return len(gone)

    # -- recall -------------------------------------------------------------------------------------------

    def get(self, name: DomainName, type: str, least: Rank = Rank.ANSWER) -> RRset:
        """The RRset, its TTL counted down; empty when it is not known well enough."""
        entry = self._entries.get((name, type))
        if entry is None or entry.rank < least:
            return ()
        seconds = entry.until - self._now()
        if seconds <= 0:
            self._live((name, type))
            return ()
        left = int(seconds)
        if entry.told[0] != left:
            entry.told = left, _aged(entry.records, left)
        return entry.told[1]

    def lead(self, name: DomainName, type: str) -> RRset:
        """The RRset as far as it may lead to a server: of any rank, with the TTL it came with."""
        entry = self._live((name, type))
        return entry.records if entry else ()

    def places(self, name: DomainName) -> tuple[Address, ...]:
        """Where a server is, as far as it is known, of any rank."""
        now = self._now()
        found: RRset = ()
        for kind in ("A", "AAAA"):
            entry = self._entries.get((name, kind))
            if entry is not None and entry.until > now:
                found += entry.records
        return addresses_of(found) if found else ()

    def denied(self, name: DomainName, type: str) -> Entry | None:
        """The denial of this name, of one above it (R11), or of its type."""
        for ancestor in name.ancestors() if self._denies_names else ():
            entry = self._live((ancestor, _WHOLE_NAME))
            if entry is not None:
                return self._with_aged_soa(entry)
        entry = self._live((name, type))
        return None if entry is None or entry.records else self._with_aged_soa(entry)

    def _with_aged_soa(self, entry: Entry) -> Entry:
        return replace(entry, soa=_aged(entry.soa, entry.until - self._now()))

    def failed(self, name: DomainName, type: str) -> bool:
        until = self._failures.get((name, type))
        return until is not None and until > self._now()

    def stale(self, name: DomainName, type: str) -> RRset | None:
        """What was known until a while ago, where stale data are kept (R16)."""
        entry = self._entries.get((name, type))
        if not self._keep or entry is None or not entry.records or entry.rank < Rank.ANSWER:
            return None
        return _aged(entry.records, STALE_TTL)

    def entries(self) -> Iterator[tuple[Key, Entry, int]]:
        """Everything that is alive, with the seconds it has left."""
        now = self._now()
        for key, entry in self._entries.items():
            if entry.until > now:
                yield key, entry, int(entry.until - now)

    def _live(self, key: Key) -> Entry | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        late = self._now() - entry.until
        if late >= self._keep:
            del self._entries[key]
        return entry if late < 0 else None


_LONG = (TXT, Opaque)
"""What can be as long as its owner likes."""


def _weight(entry: Entry) -> int:
    """See HEAVIEST."""
    records = entry.records
    if not records:
        return 1
    if isinstance(records[0].data, _LONG):
        return len(records) + sum(_text_size(record.data) for record in records) // 256
    return len(records)


def _text_size(data: Rdata) -> int:
    match data:
        case TXT(strings):
            return sum(map(len, strings))
        case Opaque(octets=octets):
            return len(octets)
    return 0


def _aged(rrset: RRset, left: float) -> RRset:
    ttl = int(left)
    return tuple([Record(record.name, ttl, record.data) for record in rrset])


def _negative_ttl(soa: Record) -> int:
    assert isinstance(soa.data, SOA)
    return min(soa.ttl, soa.data.minimum)
