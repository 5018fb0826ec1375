"""One lab time for processes whose machines count from elsewhere."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.fabric.distant.moment import Exchange, SharedTime, offset
from lab.internet import Internet
from tests.fabric.distant.processes import ProcessFabric
from tests.fabric.distant.stage import play

ways = st.floats(0, 0.2)


@given(st.floats(1, 1e6), st.booleans(), st.lists(st.tuples(ways, ways), min_size=1, max_size=8))
def test_the_offset_is_wrong_by_half_of_the_quickest_exchange_at_most(
    true: float, behind: bool, delays: list[tuple[float, float]]
) -> None:
    true = -true if behind else true
    exchanges = [Exchange(t, t + there + true, t + there + back) for t, (there, back) in enumerate(delays, 1)]
    assert abs(offset(exchanges) - true) <= min(map(sum, delays)) / 2 + 1e-6


@given(st.lists(st.tuples(ways, ways), min_size=1, max_size=8))
def test_a_clock_that_may_be_one_s_own_is(delays: list[tuple[float, float]]) -> None:
    exchanges = [Exchange(t, t + there, t + there + back) for t, (there, back) in enumerate(delays, 1)]
    assert offset(exchanges) == 0.0


def test_a_leap_is_shared() -> None:
    one, other = SharedTime(), SharedTime()
    one.leap(one.time() + 3600)
    other.join(one.moment)
    assert other.moment == one.moment


def test_what_was_before_a_leap_stays_where_it_was() -> None:
    source = SharedTime()
    before = time.monotonic()
    then = source.at(before)
    source.leap(source.time() + 3600)
    source.leap(source.time() + 60)
    assert source.at(before) == then
    assert source.at(time.monotonic()) == pytest.approx(source.time(), abs=30)


@pytest.mark.namespace
@pytest.mark.parametrize("seconds", [-1000, 86_400])
def test_events_of_a_machine_whose_clock_counts_from_elsewhere_stand_in_their_order(seconds: int) -> None:
    """Every second node has a time namespace (time_namespaces(7)), so that its monotonic clock is another."""

    async def story(internet: Internet, _: ProcessFabric) -> None:
        await internet.advance(timedelta(minutes=1))
        started, now = len(internet.log), internet.fabric.clock.elapsed()
        people = [box.address for host in internet.plan.hosts if host.mail for box in host.mail.mailboxes]
        await internet.send(people[0], [people[-1]], b"Subject: here\r\n\r\n")
        await internet.advance(timedelta(minutes=1))
        after = internet.fabric.clock.elapsed()
        entries = list(internet.log.since(started))
        kinds = [type(entry.event).__name__ for entry in entries]
        assert [entry.t for entry in entries] == sorted(entry.t for entry in entries)
        assert all(now <= entry.t <= after for entry in entries)
        assert kinds.index("MailSubmitted") < kinds.index("HopAnswered") < kinds.index("MailDelivered")

    play(story, share=1, other_clock=seconds)
