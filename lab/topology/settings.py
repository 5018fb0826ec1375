"""The switches of the lab's mail programs that a file can set by name, and what each takes.

The rule: a setting that nothing looks at is told, because it does nothing; a value that means nothing is an error,
because the host would not start with it. The programs themselves are in `lab.mail`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lab.clock import parse_span
from lab.topology import model
from lab.topology.draft import Draft
from lab.topology.shorthand import closest
from lab.topology.source import Path
from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    """`wanted` says in words what `takes` accepts."""

    wanted: str
    takes: Callable[[str], bool]


def _one_of(*words: str) -> Setting:
    return Setting(" or ".join(words), lambda value: value in words)


def _is_span(value: str) -> bool:
    try:
        parse_span(value)
    except ValueError:
        return False
    return True


_NUMBER = Setting("a number", lambda value: value.isascii() and value.isdigit())

SETTINGS: dict[str, Setting] = {
    "mx_on_4xx": _one_of("next", "queue"),
    "loop": _one_of("bounce", "queue"),
    "alias_as_exchanger": _one_of("follow", "refuse"),
    "most_addresses": _NUMBER,
    "gives_up": Setting("a time, like 5d", _is_span),
    "warns": Setting("a time, like 4h, or off", lambda value: value in ("off", "no", "never") or _is_span(value)),
    "hop_limit": _NUMBER,
    "recipient_limit": _NUMBER,
    "connection_limit": _NUMBER,
    "long_lines": _one_of("refuse", "accept"),
    "accept_unknown": _one_of("yes", "no"),
    "refuse_null_mx_senders": _one_of("yes", "no"),
    "starttls": _one_of("yes", "no"),
    "tls": _one_of("may", "none"),
    "any_sender": _one_of("yes", "no"),
}


def check_settings(draft: Draft) -> None:
    for path, mail in _mail_shapes(draft):
        for name, value in mail.settings.items():
            where, known = (*path, "settings", name), SETTINGS.get(name)
            if known is None:
                hint = closest(name, SETTINGS) or "there are " + ", ".join(SETTINGS)
                draft.complain("T044", f"no setting is called '{name}'", where, key=True, hint=hint, warning=True)
            elif not known.takes(value):
                draft.complain("T010", f"'{name}' is {known.wanted}, not '{value}'", where)


def _mail_shapes(draft: Draft) -> Iterator[tuple[Path, model.Mail]]:
    yield ("mail",), draft.topology.mail
    for site in draft.sites.values():
        if site.shape.mail is not None:
            yield (*site.path, "mail"), site.shape.mail
