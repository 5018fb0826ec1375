"""What a resolver remembers, of records (R3, R9) and of servers (R7)."""

from __future__ import annotations

from random import Random

from lab.clock import LabClock, VirtualTime
from lab.dns.cache import LONGEST, MOST_ENTRIES, Cache, Rank
from lab.dns.standing import FIRST_WAIT, Standings
from lab.names import ROOT, Address, DomainName
from lab.wire.records import A, Record

MAIL = DomainName("mail.belgiannews.com")
ONE, TWO, THREE = (Address(f"198.18.0.{number}") for number in (1, 2, 3))


def rrset(address: Address, ttl: int = 60, name: DomainName = MAIL) -> tuple[Record, ...]:
    return (Record(name, ttl, A(address)),)


def test_r3_lesser_data_never_replace_better() -> None:
    time = VirtualTime()
    cache = Cache(LabClock(time))
    cache.put(rrset(ONE), Rank.AUTHENTIC)
    cache.put(rrset(TWO), Rank.GLUE)
    assert cache.get(MAIL, "A") == rrset(ONE)
    time.seconds = 61
    cache.put(rrset(TWO), Rank.GLUE)
    assert (cache.get(MAIL, "A"), cache.lead(MAIL, "A")) == ((), rrset(TWO))


def test_r9_no_ttl_is_longer_than_a_day() -> None:
    cache = Cache(LabClock(VirtualTime()))
    cache.put(rrset(ONE, ttl=2**31 - 1), Rank.AUTHENTIC)
    assert (cache.get(MAIL, "A") or ())[0].ttl == LONGEST


def test_the_oldest_make_room() -> None:
    cache = Cache(LabClock(VirtualTime()))
    names = [DomainName(f"h{number}.test") for number in range(MOST_ENTRIES + 1)]
    for name in names:
        cache.put(rrset(ONE, name=name), Rank.AUTHENTIC)
    assert (cache.lead(names[0], "A"), len(list(cache.entries()))) == ((), MOST_ENTRIES * 9 // 10 + 1)
    assert cache.get(names[-1], "A")


def first(standings: Standings, turns: int = 100) -> list[Address]:
    """Who was put first how often, most often first."""
    found = [standings.order([ONE, TWO, THREE], ROOT)[0] for _ in range(turns)]
    return sorted(dict.fromkeys(found), key=lambda address: -found.count(address))


def test_r7_the_quickest_is_asked_first_and_the_others_now_and_then() -> None:
    standings = Standings(LabClock(VirtualTime()), Random(1))
    for address, seconds in ((ONE, 0.5), (TWO, 0.1), (THREE, 0.9)):
        standings.of(address).answered(seconds)
    assert first(standings)[0] == TWO
    assert len(first(standings, 1000)) == 3


def test_r7_strangers_share_the_load() -> None:
    assert len(first(Standings(LabClock(VirtualTime()), Random(1)))) == 3


def test_r7_the_dead_and_the_lame_come_last_for_a_while() -> None:
    time = VirtualTime()
    standings = Standings(LabClock(time), Random(1))
    for address, seconds in ((ONE, 0.1), (TWO, 0.2), (THREE, 0.3)):
        standings.of(address).answered(seconds)
    standings.silent(ONE)
    standings.lame(TWO, ROOT)
    assert first(standings)[0] == THREE
    time.seconds = 60
    assert first(standings)[0] == ONE


def test_r7_patience_grows_with_each_turn_and_with_the_distance() -> None:
    standings = Standings(LabClock(VirtualTime()), Random(1))
    assert [standings.of(ONE).patience(turn) for turn in range(3)] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    standings.of(TWO).answered(1.0)
    assert standings.of(TWO).patience(0) == 2.0
