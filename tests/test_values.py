"""Values that are made by the thousand are what they would be otherwise: equal, hashable, shown, replaced."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from lab.events import KINDS
from lab.log import Entry
from lab.names import DomainName
from lab.values import made_often
from lab.wire.records import CNAME, NS, Opaque


@made_often
@dataclass(frozen=True, slots=True)
class Parcel:
    name: str
    weight: int = 1
    stamps: list[str] = field(default_factory=list, compare=False)


def test_it_is_made_by_place_and_by_name_with_its_defaults() -> None:
    assert Parcel("a", weight=3) == Parcel("a", 3)
    assert Parcel("a").stamps == []
    assert Parcel("a").stamps is not Parcel("a").stamps
    with pytest.raises(TypeError, match="name"):
        Parcel()  # type: ignore[call-arg]


def test_it_is_shown_hashed_and_replaced_as_a_frozen_dataclass() -> None:
    assert repr(Parcel("a")) == "Parcel(name='a', weight=1, stamps=[])"
    assert hash(Parcel("a", stamps=["x"])) == hash(Parcel("a"))
    assert replace(Parcel("a"), weight=2) == Parcel("a", 2)


def test_it_has_no_room_for_more_than_its_fields() -> None:
    with pytest.raises(AttributeError):
        Parcel("a").colour = "red"  # type: ignore[attr-defined]


def test_records_of_different_types_differ_though_their_data_are_the_same() -> None:
    host = DomainName("a.example")
    assert NS(host) != CNAME(host)
    assert Opaque("TYPE99", b"a") != Opaque("TYPE98", b"a")


def test_a_kind_of_value_can_be_taken_apart_by_match() -> None:
    match Entry(1, 0.5, "a.example", KINDS["LabStopped"]()):
        case Entry(n=n, host=host):
            assert (n, host) == (1, "a.example")
