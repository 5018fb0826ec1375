"""Which engine each container lives on."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import WrongUse
from lab.fabric.docker.layout import Container
from lab.fabric.docker.placement import Machine, labels, place
from lab.names import Address, DomainName
from lab.topology.plan import HostPlan

GB = 1 << 30
TWIN = Machine(2, 4 * GB)


def box(name: str, organisation: str = "", software: tuple[str, ...] = ()) -> Container:
    return Container(
        name, (HostPlan(DomainName(name), (Address("198.18.0.1"),), organisation, software=software),), ()
    )


def organisations(*sizes: int) -> list[Container]:
    return [box(f"h{n}.o{o}.test", f"o{o}.test") for o, size in enumerate(sizes) for n in range(size)]


def test_an_organisation_stays_together() -> None:
    boxes = organisations(3, 5, 1, 4)
    places = place(boxes, [TWIN, TWIN, TWIN])
    for number in range(4):
        assert len({at for name, at in places.items() if f".o{number}." in name}) == 1


def test_equal_engines_are_loaded_alike() -> None:
    places = place(organisations(2, 2, 2, 2, 2, 2), [TWIN, TWIN])
    assert Counter(places.values()) == {0: 6, 1: 6}


def test_an_engine_twice_as_strong_carries_twice_as_much() -> None:
    places = place(organisations(*[1] * 30), [TWIN, Machine(4, 8 * GB)])
    assert Counter(places.values()) == {0: 10, 1: 20}


def test_what_an_engine_lacks_most_is_what_it_is_measured_by() -> None:
    places = place(organisations(*[1] * 40), [Machine(12, 4 * GB), Machine(4, 12 * GB)])
    assert Counter(places.values()) == {0: 20, 1: 20}


def test_real_software_weighs_more() -> None:
    real = [box(f"r{n}.test", f"r{n}.test", ("postfix",)) for n in range(2)]
    own = [box(f"h{n}.test", f"h{n}.test") for n in range(5)]
    places = place([*real, *own], [TWIN, TWIN])
    assert {places["r0.test"], places["r1.test"]} == {0, 1}


def test_the_student_sits_at_the_first_engine_however_weak_it_is() -> None:
    boxes = [*organisations(4, 4), box("student")]
    assert place(boxes, [Machine(1, GB), Machine(64, 256 * GB)])["student"] == 0


@given(st.lists(st.integers(1, 6), min_size=1, max_size=12), st.integers(1, 4))
def test_everyone_has_a_place_and_the_same_one_each_time(sizes: list[int], engines: int) -> None:
    boxes = organisations(*sizes)
    places = place(boxes, [TWIN] * engines)
    assert list(places) == [each.name for each in boxes]
    assert set(places.values()) <= set(range(engines))
    assert place(boxes, [TWIN] * engines) == places


@given(st.lists(st.integers(1, 6), min_size=2, max_size=12))
def test_no_engine_has_more_than_its_part_and_one_organisation(sizes: list[int]) -> None:
    places = place(organisations(*sizes), [TWIN, TWIN])
    counts = Counter(places.values())
    assert max(counts.values()) <= sum(sizes) / 2 + max(sizes)


def test_a_bridge_that_is_full_takes_no_more() -> None:
    places = place(organisations(900, 500, 400), [Machine(64, 64 * GB), Machine(1, GB)])
    assert Counter(places.values()) == {0: 900, 1: 900}


def test_an_organisation_that_no_bridge_takes_is_told() -> None:
    with pytest.raises(WrongUse, match=r"o0\.test has 1001 containers"):
        place(organisations(1001), [TWIN, TWIN])


def test_engines_of_one_name_are_told_apart() -> None:
    assert labels(["a.example.net", "192.0.2.7", "vm", "vm", "vm-2"]) == ["a", "192.0.2.7", "vm", "vm-2", "vm-2-2"]
