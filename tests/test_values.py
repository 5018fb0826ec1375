"""A dataclass of the lab is in every way what Python's own decorator makes of the same class, but late."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import pickle
import pkgutil
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, field, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import pytest

import lab
from lab.events import KINDS
from lab.log import Entry
from lab.names import DomainName
from lab.values import dataclass, made_often
from lab.wire.records import CNAME, NS, Opaque

T = TypeVar("T")


@made_often
@dataclass(frozen=True, slots=True)
class Parcel:
    name: str
    weight: int = 1
    stamps: list[str] = field(default_factory=list, compare=False)


@dataclass(frozen=True, slots=True)
class Letter:
    sender: str
    copies: int = 1
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Registered(Letter):
    number: int = 7
    copies: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Telegram:
    words: int
    urgent: bool = False


@dataclass(slots=True)
class Box(Generic[T]):
    """A box."""

    size: ClassVar[int] = 3
    owner: str
    found: list[T] = field(default_factory=list, repr=False)
    count: int = field(default=0, init=False)
    full: bool = field(init=False)

    def __post_init__(self) -> None:
        self.full = len(self.found) == self.size


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@dataclass(slots=True, eq=False)
class Sack:
    weight: int


PYTHONS: list[tuple[type[Any], dict[str, bool]]] = [
    (Letter, {"frozen": True}),
    (Telegram, {"frozen": True, "kw_only": True}),
    (Box, {}),
    (Nothing, {"frozen": True}),
    (Sack, {"eq": False}),
]


def as_python_makes_it(kind: type[Any], how: dict[str, bool]) -> type[Any]:
    """The same class by Python's own decorator."""
    text = inspect.getsource(kind).partition("class ")[2]
    space = {**globals(), "made": dataclasses.dataclass(slots=True, **how)}  # type: ignore[call-overload]
    exec(f"from __future__ import annotations\n@made\nclass {text}", space)
    made: type[Any] = space[kind.__name__]
    return made


@pytest.fixture(params=PYTHONS, ids=lambda pair: pair[0].__name__)
def pair(request: pytest.FixtureRequest) -> tuple[type[Any], type[Any]]:
    kind, how = request.param
    return kind, as_python_makes_it(kind, how)


def test_its_fields_and_their_order_are_those_of_pythons_own(pair: tuple[type[Any], type[Any]]) -> None:
    ours, theirs = pair
    assert [repr(each) for each in dataclasses.fields(ours)] == [repr(each) for each in dataclasses.fields(theirs)]
    assert ours.__match_args__ == theirs.__match_args__
    assert ours.__slots__ == theirs.__slots__
    assert not hasattr(ours, "__weakref__") or hasattr(theirs, "__weakref__")


def test_it_is_called_as_pythons_own(pair: tuple[type[Any], type[Any]]) -> None:
    ours, theirs = pair
    assert str(inspect.signature(ours)) == str(inspect.signature(theirs))
    with pytest.raises(TypeError) as one:
        ours(no="such field")
    with pytest.raises(TypeError) as other:
        theirs(no="such field")
    assert str(one.value) == str(other.value)


@pytest.mark.parametrize(
    "words",
    [
        {"sender": "ann"}, {"sender": "ann", "lines": ("a", "b")}, {"words": 3}, {"words": 3, "urgent": True},
        {"owner": "ed"}, {"owner": "ed", "found": [1, 2, 3]}, {}, {"weight": 1},
    ],
)  # fmt: skip
def test_values_are_shown_compared_and_hashed_as_pythons_own(words: dict[str, Any]) -> None:
    for kind, how in PYTHONS:
        if not set(words) <= {each.name for each in dataclasses.fields(kind) if each.init}:
            continue
        ours, theirs = kind, as_python_makes_it(kind, how)
        try:
            one, other = ours(**words), theirs(**words)
        except TypeError:
            continue
        assert repr(one) == repr(other)
        assert (one == ours(**words)) is (other == theirs(**words))
        assert one != other
        assert [getattr(one, each.name) for each in dataclasses.fields(ours)] == [
            getattr(other, each.name) for each in dataclasses.fields(theirs)
        ]
        assert (ours.__hash__ is None) is (theirs.__hash__ is None)
        if how.get("frozen"):
            assert hash(one) == hash(other)


def test_a_class_below_another_has_the_fields_of_both() -> None:
    assert Registered("ann") == Registered("ann", 2, (), 7)
    assert repr(Registered("ann")) == "Registered(sender='ann', copies=2, lines=(), number=7)"
    assert Registered.__slots__ == ("number",)  # type: ignore[attr-defined]
    assert Registered("ann") != Letter("ann", 2)


def test_pythons_own_decorator_takes_one_of_the_labs_for_its_base() -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class Express(Letter):
        hours: int = 1

    assert repr(Express("ann")) == repr(Letter("ann")).replace("Letter", Express.__qualname__)[:-1] + ", hours=1)"


def test_a_frozen_value_refuses_to_be_changed() -> None:
    for change in (lambda: setattr(Letter("a"), "sender", "b"), lambda: delattr(Letter("a"), "sender")):
        with pytest.raises(FrozenInstanceError, match="'sender'"):
            change()
    with pytest.raises((AttributeError, TypeError)):
        Letter("a").colour = "red"  # type: ignore[attr-defined]


def test_a_value_is_copied_and_goes_to_another_process() -> None:
    for value in (Letter("a", lines=("b",)), Registered("a"), Box("a", [1]), Parcel("a", 2)):
        assert pickle.loads(pickle.dumps(value)) == value
        assert copy.copy(value) == copy.deepcopy(value) == value


def test_what_is_written_by_hand_stays() -> None:
    @dataclass(frozen=True, slots=True)
    class Secret:
        word: str

        def __repr__(self) -> str:
            return "***"

        def __hash__(self) -> int:
            return 1

    assert (repr(Secret("a")), hash(Secret("a"))) == ("***", 1)
    assert Secret("a") == Secret("a")


def test_two_threads_may_make_the_first_values_at_once() -> None:
    def fresh() -> type[Any]:
        @dataclass(frozen=True, slots=True)
        class Fresh:
            number: int

        return Fresh

    with ThreadPoolExecutor(8) as pool:
        for kind in (fresh() for _ in range(50)):
            assert set(pool.map(kind, range(8))) == {kind(number) for number in range(8)}


def test_nothing_of_it_is_made_before_it_is_needed() -> None:
    @dataclass(frozen=True, slots=True)
    class Fresh:
        number: int

    promised = vars(Fresh)["__init__"]
    assert not callable(promised)
    assert callable(Fresh.__init__)
    assert vars(Fresh)["__eq__"] is not promised


def modules() -> Iterator[Any]:
    for found in pkgutil.walk_packages(lab.__path__, "lab."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def test_of_every_dataclass_of_the_lab_values_can_be_made() -> None:
    found = [kind for module in modules() for kind in vars(module).values() if isinstance(kind, type)]
    kinds = {kind for kind in found if dataclasses.is_dataclass(kind)}
    assert len(kinds) > 300
    for kind in kinds:
        assert callable(kind.__init__), kind
        assert isinstance(kind.__match_args__, tuple), kind


def test_every_module_of_the_lab_takes_its_dataclass_from_there() -> None:
    root = Path(lab.__file__).parent
    others = {
        path.name: path.read_text(encoding="utf-8") for path in root.rglob("*.py") if path.name != "values.py"
    }
    assert [
        name for name, text in others.items() if re.search(r"from dataclasses import .*\bdataclass\b", text)
    ] == []


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
    match Letter("ann"):
        case Letter(sender, copies):
            assert (sender, copies) == ("ann", 1)
