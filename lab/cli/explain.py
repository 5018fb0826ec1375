"""`lab explain`: what a rule or a code means, from the handbook's short pages and the catalogues of faults and
diagnoses.

A page of the handbook is Markdown, named after what it explains (mx-preference.md); a line `Codes: H010 H013`
in it says for which codes it stands, too.
"""

from __future__ import annotations

import difflib
import re
from importlib.resources import files
from importlib.resources.abc import Traversable

from lab.cli.policy_text import policy_text
from lab.cli.reading import Json
from lab.cli.replies import enhanced, meaning
from lab.cli.screen import emit, plain, show, table
from lab.errors import WrongUse


def explain(topic: str = "", /, *, json: Json = False) -> int:
    """What a rule or a code means:  lab explain mx-preference  ·  T021  ·  D301  ·  550  ·  5.1.1

    Parameters
    ----------
    topic
        A word of the list that `lab explain` shows, a code as errors end in it, a mail agent's policy (exim), or
        a row of one as journeys name it (exim/rcpt-4xx).
    """
    book = pages()
    if not topic:
        return _contents(book, json)
    code = topic.upper()
    text = (
        book.get(topic.lower())
        or by_code(book, code)
        or reply(topic)
        or fault(code)
        or diagnosis(code)
        or layer(code)
        or policy_text(topic)
    )
    if not text:
        raise _unknown(topic, book)
    if json:
        emit({"topic": topic, "text": text})
    else:
        print(text.rstrip("\n"))
    return 0


def pages() -> dict[str, str]:
    """The handbook: each page's text by its name."""
    folder = files("lab") / "handbook"
    found = folder.iterdir() if folder.is_dir() else ()
    return {
        page.name[:-3]: _text(page)
        for page in sorted(found, key=lambda page: page.name)
        if page.name.endswith(".md")
    }


def _text(page: Traversable) -> str:
    return page.read_text(encoding="utf-8")


def by_code(book: dict[str, str], code: str) -> str:
    """The page that stands for a code; '' if none does."""
    return next((text for text in book.values() if code in _codes(text)), "")


def _codes(text: str) -> list[str]:
    return next((line.split()[1:] for line in text.splitlines() if line.startswith("Codes: ")), [])


def reply(words: str) -> str:
    """What an SMTP reply means: `550`, `5.1.1`, `550 5.1.1`; '' for what is none."""
    found = re.fullmatch(r"(?:(\d{3}))?\s*([245]\.\d{1,3}\.\d{1,3})?", words)
    if found is None or not any(found.groups()):
        return ""
    lines = meaning(int(found[1]), found[2] or "") if found[1] else enhanced(found[2])
    return "\n".join(lines)


def fault(code: str) -> str:
    """What the catalogue of topology faults says of a code; '' if it has none such."""
    from lab.topology.codes import CODES

    found = CODES.get(code)
    if found is None:
        return ""
    law = f"\n\n{found.law}" if found.law else ""
    return f"# {code}: {found.title}\n\n{found.why}{law}"


def diagnosis(code: str) -> str:
    """What the catalogue of diagnoses says of a code; '' if it has none such."""
    from lab.journey.diagnoses import CATALOGUE, UNKNOWN

    found = {**CATALOGUE, UNKNOWN.code: UNKNOWN}.get(code)
    if found is None:
        return ""
    import textwrap

    more = textwrap.fill(found.more, 90)
    facts = f"Rule     {found.rule}\n         {found.rfc}\nRemedy   {in_general(found.remedy)}"
    return f"# {code}: {found.title}\n\n{more}\n\n{facts}"


def in_general(template: str) -> str:
    """A remedy without the facts of a message: {exchanger} is EXCHANGER.

    >>> in_general("lab heal {exchanger}{onward}")
    'lab heal EXCHANGER'
    """
    return re.sub(r"{(\w+)}", lambda name: name[1].upper(), template.replace("{onward}", ""))


def _contents(book: dict[str, str], json: bool) -> int:
    if json:
        emit({"topics": list(book), "diagnoses": dict(diagnoses())})
        return 0
    show(table([[(name, "place"), (text.split("\n", 1)[0].lstrip("# "), "")] for name, text in book.items()]))
    show([plain(""), plain(" What lab why can find, by layer; lab explain D1 lists them:")])
    show(table([[(name, "place"), (what, "")] for name, what in layers().items()]))
    show([plain(" And every code that an error ends in:  lab explain T021", "dim")])
    return 0


def diagnoses() -> list[tuple[str, str]]:
    """(code, title) of each diagnosis."""
    from lab.journey.diagnoses import CATALOGUE

    return [(one.code, one.title) for one in CATALOGUE.values()]


def layers() -> dict[str, str]:
    from lab.journey.diagnoses import LAYERS

    return dict(LAYERS)


def layer(code: str) -> str:
    """The diagnoses of a layer (D3), a line each; '' if there is none such."""
    what = layers().get(code, "")
    lines = [f"{one}  {title}" for one, title in diagnoses() if one.startswith(code)]
    return "\n".join([f"# {code}: {what}", "", *lines]) if what else ""


def _unknown(topic: str, book: dict[str, str]) -> WrongUse:
    near = difflib.get_close_matches(topic.lower(), book, n=1, cutoff=0.4)
    remedy = f"Did you mean  lab explain {near[0]} ?" if near else "All topics:  lab explain"
    return WrongUse(f"the handbook has nothing on '{topic}'", remedy=remedy, code="W015")
