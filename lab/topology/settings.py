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
    """`wanted` says in words what `takes` accepts, `usual` what it is if nothing is said."""

    wanted: str
    takes: Callable[[str], bool]
    meaning: str
    usual: str


def _one_of(words: tuple[str, ...], meaning: str, usual: str) -> Setting:
    return Setting(" or ".join(words), lambda value: value in words, meaning, usual)


def _number(meaning: str, usual: str) -> Setting:
    return Setting("a number", lambda value: value.isascii() and value.isdigit(), meaning, usual)


def _is_span(value: str) -> bool:
    try:
        parse_span(value)
    except ValueError:
        return False
    return True


def _is_span_or_off(value: str) -> bool:
    return value in ("off", "no", "never") or _is_span(value)


_YES_NO = ("yes", "no")
_POLICY, _SCHEDULE = "as its policy", "as its schedule"

SETTINGS: dict[str, Setting] = {
    "mx_on_4xx": _one_of(("next", "queue"), "After 4xx to a message: the next exchanger, or later.", _POLICY),
    "loop": _one_of(
        ("bounce", "queue"), "A host that is its own best exchanger sends it back, or waits.", _POLICY
    ),
    "alias_as_exchanger": _one_of(("follow", "refuse"), "An MX that names an alias (CNAME).", _POLICY),
    "most_addresses": _number("So many addresses are tried in one go; 0: all.", _POLICY),
    "gives_up": Setting("a time, like 5d", _is_span, "After so long the mail goes back.", _SCHEDULE),
    "warns": Setting(
        "a time, like 4h, or off",
        _is_span_or_off,
        "After so long the sender is told that it takes longer.",
        _SCHEDULE,
    ),
    "hop_limit": _number("More Received lines than these are a loop.", _POLICY),
    "recipient_limit": _number("Of one message; never less than 100.", "1000"),
    "connection_limit": _number("Of one client at a time; 0: any number. See lab explain limits.", "100"),
    "long_lines": _one_of(("refuse", "accept"), "Lines of more than 998 octets.", "refuse"),
    "accept_unknown": _one_of(
        _YES_NO, "Takes mail for nobody's mailbox, and sends it back later (backscatter).", "no"
    ),
    "refuse_null_mx_senders": _one_of(_YES_NO, "Takes nothing from domains that take no mail (RFC 7505).", "no"),
    "starttls": _one_of(_YES_NO, "Offers STARTTLS, and the ports in TLS from the first octet.", "yes"),
    "tls": _one_of(("may", "none"), "Begins TLS where an exchanger offers it.", "none"),
    "any_sender": _one_of(_YES_NO, "Who is logged in may send under any name.", "no"),
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
