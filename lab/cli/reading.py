"""The words of a verb, read by cyclopts from the signature of its function.

The rule: a verb is a plain function; its parameters are its arguments and options, its docstring its help. What
cannot be read is WrongUse with cyclopts' sentence. Words after `--` go, unread, to a parameter `command`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from functools import wraps
from types import MappingProxyType
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Group, Parameter

from lab.errors import WrongUse

Verb = Callable[..., int]

Json = Annotated[bool, Parameter(name="--json", help="Answer in JSON, one object a line.")]
"""The option that every verb has."""
Unread = Annotated[tuple[str, ...], Parameter(parse=False)]
"""The words after `--`."""


def read(verb: str, function: Verb, words: Sequence[str]) -> Callable[[], int]:
    """The call that the words ask for: of the verb, or of its help."""
    words, command = _split(words) if "command" in inspect.signature(function).parameters else (words, ())
    if {"--help", "-h"} & {*words}:
        function = _flowing(function)
    app = App(
        name=f"lab {verb}",
        version_flags=[],
        help_flags=["--help", "-h"],
        default_parameter=Parameter(negative="", show_default=False),
        help_format="plaintext",
        group_commands=Group("Help", show=False),
    )
    app.default(function)
    try:
        called, bound, _ = app.parse_args(list(words), exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise WrongUse(_plain(str(error)), remedy=f"lab {verb} --help", code="W011") from None
    if called is not function:
        return lambda: _helped(called, *bound.args, **bound.kwargs)
    extra = {"command": command} if command else {}
    return lambda: function(*bound.args, **bound.kwargs, **extra)


def _split(words: Sequence[str]) -> tuple[Sequence[str], tuple[str, ...]]:
    if "--" not in words:
        return words, ()
    at = list(words).index("--")
    return words[:at], tuple(words[at + 1 :])


def _flowing(function: Verb) -> Verb:
    """The same verb, its help without the line ends that its source has: a terminal has its own."""

    @wraps(function)
    def verb(*args: Any, **options: Any) -> int:
        return function(*args, **options)

    verb.__doc__ = flowing(function.__doc__ or "")
    return verb


def flowing(text: str) -> str:
    """A docstring whose paragraphs, and descriptions of parameters, are a line each; a table stays one.

    >>> print(flowing("Do it\\nnow.\\n\\nParameters\\n----------\\nhost\\n    Which\\n    one."))
    Do it now.
    <BLANKLINE>
    Parameters
    ----------
    host
        Which one.
    """
    about, dashes, parameters = inspect.cleandoc(text).partition("\n----------\n")
    paragraphs = [one if "  " in one else " ".join(one.split("\n")) for one in about.split("\n\n")]
    lines: list[str] = []
    for line in parameters.split("\n"):
        if lines and line.startswith(" ") and lines[-1].startswith(" "):
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
    return "\n\n".join(paragraphs) + dashes + "\n".join(lines)


def _helped(show: Callable[..., Any], *args: Any, **options: Any) -> int:
    show(*args, **options)
    return 0


_PYTHONS = MappingProxyType(
    {
        r"unable to convert (.*) into (int|float)": r"\1 is no number",
        r"Parameter (\S+) requires an argument": r"\1 is missing",
        r"Unused Tokens: \[(.*)\]": r"too many words: \1",
    }
)


def _plain(sentence: str) -> str:
    """Cyclopts' sentence without Python's words."""
    for python, plain in _PYTHONS.items():
        sentence = re.sub(python, plain, sentence)
    first = sentence.split(" ", 1)[0]
    return (sentence if first.isupper() else sentence[:1].lower() + sentence[1:]).rstrip(".")
