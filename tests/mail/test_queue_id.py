from __future__ import annotations

from random import Random

from lab.clock import LabClock, VirtualTime
from lab.mail.queue_id import QueueIds


def test_no_id_comes_twice_though_the_clock_stands_still() -> None:
    ids = QueueIds(LabClock(VirtualTime()), Random(1))
    assert len({ids.next() for _ in range(10_000)}) == 10_000


def test_ids_of_an_earlier_life_are_not_given_again() -> None:
    before = QueueIds(LabClock(VirtualTime()), Random(1))
    taken = [before.next() for _ in range(1_000)]
    after = QueueIds(LabClock(VirtualTime()), Random(1))
    for one in taken:
        after.heed(one)
    assert not {after.next() for _ in range(1_000)} & set(taken)


def test_two_hosts_seldom_choose_the_same() -> None:
    def first(seed: int) -> str:
        return QueueIds(LabClock(VirtualTime(3600.0)), Random(seed)).next()

    assert len({first(seed) for seed in range(20)}) > 15


def test_they_are_short_on_the_first_day() -> None:
    assert len(QueueIds(LabClock(VirtualTime(86_400.0)), Random(1)).next()) <= 8
