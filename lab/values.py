"""Values that are made by the thousand: frozen dataclasses whose fields are put in place like any object's.

The rule: nobody changes a value. For a frozen dataclass Python holds that at run time, and pays for it where the
value is made: `object.__setattr__` for each field, 650 ns for five of them where plain stores take 160. That was
an eighth of all that a message cost on its way. For the kinds that each message makes many of, the type checker
holds the rule alone; it reads every line of the lab, and to it they are frozen as before.
"""

from __future__ import annotations

from dataclasses import fields, make_dataclass
from typing import Any, TypeVar

Kind = TypeVar("Kind", bound=type[Any])


def made_often(kind: Kind) -> Kind:
    """Above `@dataclass(frozen=True, slots=True)`: the same class, quick to make.

    >>> from dataclasses import dataclass
    >>> @made_often
    ... @dataclass(frozen=True, slots=True)
    ... class Reply:
    ...     code: int
    ...     text: str = ""
    >>> Reply(250), Reply(250, "") == Reply(250), len({Reply(250), Reply(250)})
    (Reply(code=250, text=''), True, 1)
    """
    plain = make_dataclass(
        kind.__name__, [(field.name, field.type, field) for field in fields(kind)], repr=False, eq=False
    )
    kind.__init__ = plain.__init__  # type: ignore[misc]
    kind.__setattr__, kind.__delattr__ = object.__setattr__, object.__delattr__  # type: ignore[assignment]
    return kind
