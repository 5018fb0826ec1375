"""Dataclasses as the lab has them: of fixed slots, and their methods made when the first of them is needed.

    from lab.values import dataclass       what `dataclasses.dataclass` is, with slots, frozen, eq and kw_only

The rule: Python's own decorator writes and compiles six methods for a class as soon as it is read; the lab has
hundreds of classes, and a process makes values of some. Here a class has its slots at once, and in the place of
each method a promise (`_Late`); whoever needs the first has that decorator asked for all of them. A class that is
only read takes a fortieth of the 0.4 ms so. To a type checker it is Python's own; what the two make is compared by
tests.

A value is frozen, and nobody changes it. For a frozen dataclass Python holds that at run time, and pays for it
where the value is made: 650 ns for five fields where plain stores take 160. Of the kinds that each message makes
many of (`made_often`) the type checker alone sees to it that they stay as they are: it reads every line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, field, fields, make_dataclass
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

Kind = TypeVar("Kind", bound=type[Any])

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(
        *, slots: bool, frozen: bool = False, eq: bool = True, kw_only: bool = False
    ) -> Callable[[type], type]:
        """`dataclasses.dataclass`, late.

        >>> @dataclass(frozen=True, slots=True)
        ... class Reply:
        ...     code: int
        ...     text: str = ""
        >>> Reply(250), Reply(250, "") == Reply(250), len({Reply(250), Reply(250)})
        (Reply(code=250, text=''), True, 1)
        """
        assert slots, "a dataclass of the lab has slots"
        return lambda written: _slotted(written, frozen, eq, kw_only)


def made_often(kind: Kind) -> Kind:
    """Above `@dataclass(frozen=True, slots=True)`: the same class, quicker to make.

    >>> @made_often
    ... @dataclass(frozen=True, slots=True)
    ... class Reply:
    ...     code: int
    ...     text: str = ""
    >>> Reply(250), Reply(250, "") == Reply(250), len({Reply(250), Reply(250)})
    (Reply(code=250, text=''), True, 1)
    """
    vars(kind)["__recipe__"].is_held = False
    kind.__setattr__, kind.__delattr__ = object.__setattr__, object.__delattr__  # type: ignore[assignment]
    return kind


# -- at once: the class and its slots -------------------------------------------------------------------------


def _slotted(written: type, frozen: bool, eq: bool, kw_only: bool) -> type:
    """The class anew, for slots cannot be given to one that is there."""
    before = vars(written)
    notes = {name: note for name, note in written.__annotations__.items() if "ClassVar" not in str(note)}
    defaults = {name: before[name] for name in notes if name in before}
    above = {name for base in written.__mro__[1:] for name in getattr(base, "__slots__", ())}
    body = _methods(frozen, eq) | {name: before[name] for name in before if name not in (*notes, *_OF_NO_SLOTS)}
    if eq and before.get("__hash__") is None:
        body["__hash__"] = _PROMISES["__hash__"] if frozen else None
    body["__slots__"] = tuple(name for name in notes if name not in above)
    body["__recipe__"] = _Recipe(notes, defaults, frozen, kw_only)
    kind = type(written)(written.__name__, written.__bases__, body)
    kind.__qualname__ = written.__qualname__
    return kind


def _methods(frozen: bool, eq: bool) -> dict[str, Any]:
    promised = {name: late for name, late in _PROMISES.items() if eq or name not in ("__eq__", "__hash__")}
    return promised | (_FROZEN if frozen else {})


class _Late:
    """In the place of what a class has from its recipe. Whoever looks it up gets the thing itself."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, value: object, kind: type) -> Any:
        for each in kind.__mro__:
            if vars(each).get(self.name) is self:
                vars(each)["__recipe__"].keep(each, self.name)
                break
        return getattr(kind if value is None else value, self.name)


def _refuse_to_set(value: object, name: str, _: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(value: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(value: Any) -> list[Any]:
    """What is pickled and copied of a frozen value."""
    return [getattr(value, one.name) for one in fields(value)]


def _restore(value: Any, state: list[Any]) -> None:
    for one, found in zip(fields(value), state, strict=True):
        object.__setattr__(value, one.name, found)


_OF_NO_SLOTS = ("__dict__", "__weakref__")
_PROMISES = {
    name: _Late(name)
    for name in (
        *("__init__", "__match_args__", "__dataclass_fields__", "__dataclass_params__"),
        *("__eq__", "__hash__", "__repr__"),
    )
}
_FROZEN: dict[str, Any] = {
    "__setattr__": _refuse_to_set,
    "__delattr__": _refuse_to_delete,
    "__getstate__": _state,
    "__setstate__": _restore,
}


# -- when the first is needed: the methods --------------------------------------------------------------------


class _Recipe:
    """What a class's methods are made of. `is_held`: whether a value refuses at run time to be changed."""

    __slots__ = ("defaults", "frozen", "is_held", "kw_only", "notes", "turn")

    def __init__(self, notes: dict[str, Any], defaults: dict[str, Any], frozen: bool, kw_only: bool) -> None:
        self.notes = notes
        self.defaults = defaults
        self.frozen = self.is_held = frozen
        self.kw_only = kw_only
        self.turn = RLock()

    def keep(self, kind: type, name: str) -> None:
        """Give a class all that it was promised. Two threads may ask at once."""
        with self.turn:
            if vars(kind)[name] is _PROMISES[name]:
                for each, thing in self._made(kind).items():
                    if vars(kind).get(each) is _PROMISES[each]:
                        setattr(kind, each, thing)

    def _made(self, kind: Any) -> dict[str, Any]:
        """What Python's own decorator makes for a class of the same fields that has no slots."""
        above = [getattr(base, "__dataclass_fields__", {}) for base in reversed(kind.__mro__[1:])]
        known = {name: (name, one.type, one) for each in above for name, one in each.items()}
        own = {name: (name, note, self.defaults.get(name, field())) for name, note in self.notes.items()}
        twin: Any = make_dataclass(
            kind.__name__,
            [*(known | own).values()],
            namespace={name: getattr(kind, name) for name in ("__post_init__",) if hasattr(kind, name)},
            slots=True,
            frozen=self.is_held,
            unsafe_hash=self.frozen,
            kw_only=self.kw_only,
        )
        twin.__dataclass_params__.frozen = self.frozen  # which a class below this one is asked to be, too
        return {name: vars(twin)[name] for name in _PROMISES if name in vars(twin)}
