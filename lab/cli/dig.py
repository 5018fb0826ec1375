"""`lab dig`: ask the DNS of the lab, and see the way from the root with --trace."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Annotated, Any

from cyclopts import Parameter

from lab.cli.reading import Json
from lab.cli.screen import Line, edge, emit, show, table
from lab.control.client import ask
from lab.errors import WrongUse
from lab.values import dataclass

_TYPES = (
    *("A", "AAAA", "ANY", "AXFR", "CAA", "CNAME", "DNAME", "DNSKEY", "DS", "HTTPS", "MX", "NS", "PTR", "SOA"),
    *("SPF", "SRV", "SVCB", "TLSA", "TXT"),
)


def dig(
    *words: str,
    trace: bool = False,
    reverse: Annotated[str, Parameter(name="-x")] = "",
    at: Annotated[str, Parameter(name="--from")] = "",
    json: Json = False,
) -> int:
    """Ask the DNS of the lab:  lab dig NAME [TYPE] [@SERVER]

    Exit status 1 when there is no such name, or no answer.

    Parameters
    ----------
    words
        A name, a type (A, if not named) and @SERVER, in any order.
    trace
        Go down from the root oneself, and show each server's answer.
    reverse
        The name of an address:  -x 198.18.2.25
    at
        The host that asks; the student's, if not named.
    """
    asked = question([*words, *([pointer(reverse), "PTR"] if reverse else [])])
    form = ask("dig", name=asked.name, type=asked.type, server=asked.server, trace=trace, **{"from": at})
    if json:
        emit(form)
    else:
        show(screen(form, asked))
    return 0 if form["rcode"] == "NOERROR" and "tc" not in form["flags"] else 1


@dataclass(frozen=True, slots=True)
class Question:
    name: str
    type: str = "A"
    server: str = ""


def question(words: Sequence[str]) -> Question:
    """What the words ask, in whichever order they come.

    >>> question(["@ns.com", "mx", "belgiannews.com"])
    Question(name='belgiannews.com', type='MX', server='ns.com')
    """
    servers = [word[1:] for word in words if word.startswith("@")]
    rest = [word for word in words if not word.startswith("@")]
    types = [word for word in rest if _is_type(word)] if len(rest) > 1 else []
    kind = types[-1] if types else ""
    names = [word for word in rest if word is not kind]
    if len(names) != 1 or len(servers) > 1:
        what = (
            f"'{names[1]}' is no record type, and dig takes one name" if len(names) > 1 else "dig takes one name"
        )
        raise WrongUse(what, remedy="lab dig NAME [TYPE] [@SERVER]", code="W011")
    return Question(names[0], kind.upper() or "A", servers[0] if servers else "")


def _is_type(word: str) -> bool:
    return word.upper() in _TYPES or re.fullmatch(r"TYPE\d+", word.upper()) is not None


def pointer(address: str) -> str:
    """The name under which an address has its PTR (RFC 1035 §3.5)."""
    from ipaddress import ip_address

    try:
        return ip_address(address).reverse_pointer
    except ValueError:
        raise WrongUse(f"'{address}' is not an IP address", code="W012") from None


def screen(form: dict[str, Any], asked: Question) -> list[Line]:
    lines = _way(form["trace"]) if form["trace"] else [*_records(form), _verdict(form, asked)]
    return [*lines, *_lesson(form["answers"])]


# -- the way from the root ----------------------------------------------------------------------------------


def _way(steps: Sequence[dict[str, Any]]) -> list[Line]:
    rows = [row for step in steps for row in _step(step)]
    fits = not edge() or all(sum(len(text) for text, _ in line) <= edge() for line in table(rows))
    return table(rows if fits else [row for step in steps for row in _narrow(step)])


def _narrow(step: dict[str, Any]) -> Iterator[list[tuple[str, str]]]:
    """The outcome below what was found, rather than beside it."""
    (*first, outcome), *others = _step(step)
    yield from (first, *others) if first[-1][0] else ()
    yield [*(first[:2] if not first[-1][0] else [("", ""), ("", "")]), (f"  {outcome[0]}", outcome[1])]


def _step(step: dict[str, Any]) -> Iterator[list[tuple[str, str]]]:
    first, *others = _found(step) or [step.get("detail", "")]
    outcome, style = _outcome(step)
    yield [(step["zone"], ""), (step["server"], "place"), (f"→ {first}" if first else "", ""), (outcome, style)]
    for other in others:
        yield [("", ""), ("", ""), (f"  {other}", "")]


def _found(step: dict[str, Any]) -> list[str]:
    """A referral as the zone it leads to and its servers; an answer record by record."""
    records, outcome = step.get("records", ()), step["outcome"]
    if outcome == "referral":
        return (
            [f"{records[0]['name']}  NS {', '.join(_bare(record['data']) for record in records)}"]
            if records
            else []
        )
    return [f"{record['type']} {_data(record)}" for record in records if outcome in ("answer", "cname")]


def _outcome(step: dict[str, Any]) -> tuple[str, str]:
    match step["outcome"]:
        case "answer":
            ttls = [record["ttl"] for record in step.get("records", ())]
            return "answer" + (f", TTL {min(ttls)}" if ttls else ""), "good"
        case "referral" | "cname":
            return step["outcome"], ""
        case other:
            return f"✕ {other}", "bad"


# -- an answer ------------------------------------------------------------------------------------------------


_SECTIONS = (("answers", ""), ("authority", "authority"), ("additional", "additional"))


def _records(form: dict[str, Any]) -> list[Line]:
    """The answer, and what came along: who is responsible, and the addresses of what was answered."""
    return table([_row(record, name) for section, name in _SECTIONS for record in form[section]])


def _row(record: dict[str, Any], section: str) -> list[tuple[str, str]]:
    style = "dim" if section else ""
    return [
        (record["name"], style or "place"),
        (str(record["ttl"]), "dim"),
        (record["type"], style),
        (_data(record), style or "good"),
        (section, "dim"),
    ]


def _data(record: dict[str, Any]) -> str:
    """A record's data; preferences stand under one another."""
    if record["type"] != "MX":
        return _bare(record["data"])
    preference, _, exchange = str(record["data"]).partition(" ")
    return f"{preference:>2} {_bare(exchange)}"


def _bare(name: str) -> str:
    return name[:-1] if len(name) > 1 and name.endswith(".") else name


_SENTENCES = {
    "NXDOMAIN": "there is no such name",
    "SERVFAIL": "the resolver could not find out",
    "REFUSED": "that server does not answer you",
    "TIMEOUT": "nobody answered",
}


def _verdict(form: dict[str, Any], asked: Question) -> Line:
    rcode, place = form["rcode"], asked.server or form.get("server", "")
    source = f"from {place}" if place else ""
    if rcode != "NOERROR":
        sentence = _SENTENCES.get(rcode, "it did not work out")
        if rcode == "SERVFAIL" and asked.server:
            sentence = "that server failed"
        words = f"{sentence}: {asked.name} {asked.type}"
        return ((f" ✕ {rcode}  ", "bad"), (f"{words}   {source}", ""))
    if "tc" in form["flags"]:
        return ((" ✕ TC  ", "bad"), (f"{'; '.join(form['why'])}   {source}", ""))
    if referred := _referred(form):
        return ((" → ", "wait"), (f"{referred}   {source}", ""))
    kind = "from the zone itself (AA)" if form["aa"] else "from a resolver's memory or search"
    if not form["answers"]:
        return ((" ○ ", "wait"), (f"the name exists, but has no {asked.type}   {source}, {kind}", ""))
    return ((f" {rcode}  {source}, {kind}", "dim"),)


def _referred(form: dict[str, Any]) -> str:
    """What a referral says; "" of an answer."""
    servers = [record for record in form["authority"] if record["type"] == "NS"]
    if form["answers"] or form["aa"] or not servers or "ra" in form["flags"]:
        return ""
    zone = _bare(servers[0]["name"])
    itself = any(record["data"] == form["server"] for record in form["additional"])
    lame = ", itself among them: it is lame (RFC 1912 §2.8)" if itself else ""
    return f"it does not know, and refers to the servers of {'the root' if zone == '.' else zone}{lame}"


# -- what it means --------------------------------------------------------------------------------------------


def _lesson(answers: Sequence[dict[str, Any]]) -> list[Line]:
    """The rule that an answer with several MX teaches."""
    sentence = preferences([record["data"] for record in answers if record["type"] == "MX"])
    return [((f" {sentence}", ""), ("      lab explain mx-preference", "dim"))] if sentence else []


def preferences(data: Sequence[str]) -> str:
    """What the preferences of some MX records mean (RFC 5321 §5.1), with their own numbers.

    >>> preferences(["5 mail.belgiannews.com.", "10 relay.eunet.be."])
    'The lower number is tried first; 10 is used only when no host at 5 can be.'
    """
    numbers = sorted(int(text.split(" ", 1)[0]) for text in data)
    levels = [(number, len(list(hosts))) for number, hosts in groupby(numbers)]
    if len(levels) >= 2:
        (first, _), (second, _) = levels[:2]
        return f"The lower number is tried first; {second} is used only when no host at {first} can be."
    if levels and levels[0][1] > 1:
        return f"All {levels[0][1]} have the same number: a sender takes them in random order, to share the load."
    if data and data[0].rstrip(".") in ("0 ", "0"):
        return "A null MX: this domain takes no mail (RFC 7505)."
    return ""
