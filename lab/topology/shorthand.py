"""What a person may write, turned into the one shape that the model knows.

The rule: every shorthand has a long form, and only the long form has a meaning. A complaint made here is a
PydanticCustomError whose type is the code (T007 …) and whose message is already in the user's words.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import shlex
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic_core import PydanticCustomError

from lab.errors import WrongUse
from lab.faults import cut_of, share_of
from lab.names import ROOT, Address, BadName, DomainName, EmailAddress, parse_address
from lab.timing import take_times, timing_of
from lab.topology import units

T = TypeVar("T")


def complaint(code: str, sentence: str, hint: str = "") -> PydanticCustomError:
    braces = sentence.replace("{", "{{").replace("}", "}}")
    return PydanticCustomError(code, braces, {"hint": hint, "plain": sentence})


def closest(word: str, words: Iterable[str]) -> str:
    """ "did you mean 'preference'?", or nothing when no word is near."""
    near = difflib.get_close_matches(word, list(words), 1, 0.6)
    return f"did you mean '{near[0]}'?" if near else ""


def text(value: Any) -> Any:
    """Numbers where text is wanted are the text they were written as."""
    return getattr(value, "written", value)


def switch(value: Any) -> Any:
    """A setting's value: true and false are yes and no."""
    return ("yes" if value else "no") if isinstance(value, bool) else text(value)


def nothing(value: Any) -> Any:
    """An empty value ("eunet.be:" and nothing behind it) is an empty mapping."""
    return {} if value is None or value is True else value


def listed(value: Any) -> Any:
    """One thing where a list is wanted is a list of it."""
    return value if isinstance(value, list) else [] if value is None else [value]


def name(value: Any) -> DomainName:
    if not isinstance(text(value), str):
        raise complaint("T007", f"a domain name is wanted here, not {describe(value)}")
    try:
        return DomainName.parse(str(text(value)))
    except BadName as error:
        raise complaint("T007", f"'{value}' is not a domain name: {error.sentence}") from None


def domain(value: Any) -> DomainName:
    """A name that a mail domain or a host can bear."""
    found = name(value)
    if found == ROOT or not found.is_host_name:
        hint = "letters, digits and hyphens, like unige.ch"
        raise complaint("T007", f"'{value}' cannot be the name of a domain or host", hint)
    return found


def address(value: Any) -> Address:
    try:
        return parse_address(str(text(value)))
    except BadName:
        raise complaint("T008", f"'{text(value)}' is not an IP address", "for example 198.18.2.25") from None


def network(value: Any) -> str:
    try:
        return str(ipaddress.ip_network(str(text(value))))
    except ValueError as error:
        hint = "its last bits have to be 0" if "host bits" in str(error) else "for example 198.18.2.0/24"
        raise complaint("T008", f"'{text(value)}' is not a network", hint) from None


_NO_HOSTS = {
    ipaddress.ip_network(text): what
    for text, what in (
        ("0.0.0.0/8", "means 'this network'"),
        ("127.0.0.0/8", "is every host's own loopback"),
        ("224.0.0.0/4", "is for multicast"),
        ("::/127", "is every host's own loopback"),
        ("ff00::/8", "is for multicast"),
    )
}
"""Where no host has an address (RFC 6890)."""


def lab_range(value: Any) -> str:
    """A network for the hosts of a lab: any but those that no host can have an address of."""
    found = network(value)
    mine = ipaddress.ip_network(found)
    for other, what in _NO_HOSTS.items():
        if mine.version == other.version and mine.overlaps(other):
            raise complaint(
                "T008", f"no host can have an address of {other}, which {what}", "198.18.0.0/15 is free"
            )
    return found


def quantity(read: Callable[[str], T]) -> Callable[[Any], T]:
    def validate(value: Any) -> T:
        try:
            return read(str(text(value)))
        except (ValueError, OverflowError) as error:
            raise complaint("T009", str(error)) from None

    return validate


def lasting(value: Any) -> timedelta:
    return quantity(units.duration)(value)


def one_of(words: tuple[str, ...], what: str) -> Callable[[Any], str]:
    def validate(value: Any) -> str:
        word = str(text(value))
        if word not in words:
            hint = closest(word, words) or "one of " + ", ".join(words)
            raise complaint("T010", f"'{word}' is not {what} of the lab", hint)
        return word

    return validate


_MX = re.compile(r"\s*([0-9]{1,5})\s+(\S+)\s*")


def mx(value: Any) -> Any:
    """ "5 mail.belgiannews.com" is {preference: 5, exchange: mail.belgiannews.com}."""
    if isinstance(value, dict | BaseModel):
        return value
    match = _MX.fullmatch(str(text(value)))
    if match is None:
        hint = "write 5 mail.example.com, the preference first"
        raise complaint("T020", f"'{text(value)}' is not an MX: a preference and a host", hint)
    return {"preference": int(match[1]), "exchange": match[2]}


def exchangers(value: Any) -> Any:
    """`none` says that the domain takes no mail: a null MX (RFC 7505)."""
    if value in ("none", "null", "."):
        return [{"preference": 0, "exchange": "."}]
    return listed(value)


def host(value: Any) -> Any:
    """An address, or several, where a host is wanted."""
    return {"address": value} if isinstance(value, str | list) else nothing(value)


def person(value: Any) -> Any:
    """`ed: secret` gives a password."""
    return {"password": text(value)} if isinstance(text(value), str) else nothing(value)


def keyed(value: Any) -> Any:
    """A name, or a list of them, where a mapping is wanted: each with nothing said about it."""
    if isinstance(value, list | str):
        return {_word(word): None for word in listed(value)}
    return nothing(value)


def _word(value: Any) -> str:
    if value is None or isinstance(value, list | dict):
        raise complaint("T005", f"a list of names is wanted here; {describe(value)} is in it")
    return str(text(value))


def counted(value: Any) -> Any:
    """`teams: 30` is {count: 30}."""
    return {"count": value} if isinstance(value, int) and not isinstance(value, bool) else value


def command(value: Any) -> Any:
    """A line as one types it in a shell, or its words."""
    if isinstance(value, list):
        return [str(text(word)) for word in value]
    try:
        return shlex.split(str(text(value))) if value is not None else []
    except ValueError:
        raise complaint("T010", f"the command {describe(value)} has a quote too few") from None


def lines(value: Any) -> Any:
    """Master-file lines, as one text or as a list of them."""
    return [text(line) for line in listed(value)]


def anywhere(value: Any) -> str:
    return "*" if value in ("*", "everywhere") else str(name(value))


_NUMBER = re.compile(r"\{n(?::0?(\d+))?\}")


def pattern(value: Any) -> str:
    """A domain with {n} in it, which becomes a number: "team{n}.be", "group{n:03}.ch"."""
    words = str(text(value))
    if not _NUMBER.search(words):
        raise complaint("T007", f"the pattern '{words}' needs {{n}}, which becomes the number", "like team{n}.be")
    if "." not in domain(numbered(words, 1, 1)):
        raise complaint("T007", f"the pattern '{words}' needs a domain above the number", "like team{n}.be")
    return words


def numbered(words: str, number: int, count: int) -> str:
    """The pattern with the number in it, zeros in front where all are to be equally long."""
    width = len(str(count))
    return _NUMBER.sub(lambda match: f"{number:0{match[1] or width}}", words)


def local_part(value: Any) -> str:
    """What can stand before the @."""
    try:
        return EmailAddress.parse(f"{text(value)}@example.com").local
    except BadName as error:
        raise complaint("T018", error.sentence) from None


def chance(value: Any) -> float:
    try:
        return share_of(str(text(value)))
    except WrongUse as error:
        raise complaint("T009", error.sentence) from None


def when(value: Any) -> str:
    """Words of a time: at 10:40, in 5m, for 20m, every 1h."""
    words = str(text(value))
    try:
        timing_of(words)
    except ValueError as error:
        raise complaint("T009", str(error)) from None
    return words


def fault(value: Any) -> Any:
    """ "mail.b.be silent for 20m", "unige.ch cut eunet.be one way at 10:40": the words of `lab fail`."""
    if not isinstance(value, str):
        return value
    words, times = take_times(value.split())
    if words[1:2] and words[1] in _PREPOSITIONS.values():
        raise complaint("T009", f"'{' '.join(words[1:])}' says no time", "at 10:40, in 5m, for 20m, every 1h")
    said = {"when": " ".join(f"{_PREPOSITIONS[name]} {word}" for name, word in times.items())} if times else {}
    if not words:
        raise complaint("T005", "a fault names a host first, like 'mail.b.be silent'")
    place, *rest = words
    try:
        cut = cut_of(rest)
    except WrongUse as error:
        raise complaint("T066", error.sentence, error.remedy or "") from None
    if cut is not None:
        return {"cut": [place, cut[0]], "one_way": cut[1], "chance": str(cut[2]), **said}
    return {"host": place, **({"fault": " ".join(rest)} if rest else {}), **said}


_PREPOSITIONS = {"at": "at", "after": "in", "lasting": "for", "every": "every"}


def delegation(value: Any) -> list[DomainName] | None:
    """None: to the domain's own name servers; []: not at all; else to these."""
    if value in (None, True, "yes"):
        return None
    return [] if value in (False, "no") else [domain(one) for one in listed(value)]


def describe(value: Any) -> str:
    """What a value is, in a word for the user."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else f"'{text(value)}'"
