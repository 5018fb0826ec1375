"""Words of a plan in the files of engines: quoted for YAML, or made into the names that an engine takes.

The rule: what is written is what is read again, by YAML 1.1 and 1.2: no host called `no` becomes false.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

_PLAIN = re.compile(r"/?[a-z]([a-z0-9./-]*[a-z0-9])?")
_TAKEN = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
"""Words that YAML 1.1 or 1.2 takes for something else."""


def yaml(text: str) -> str:
    """A text as a YAML scalar on one line; left bare where it cannot be taken for anything else.

    >>> yaml("mail.belgiannews.com"), yaml("no"), yaml("2001:db8::25")
    ('mail.belgiannews.com', '"no"', '"2001:db8::25"')
    """
    bare = _PLAIN.fullmatch(text) and text not in _TAKEN
    return text if bare else json.dumps(text, ensure_ascii=False)


def row(texts: Iterable[str]) -> str:
    """Some texts as a YAML list on one line.

    >>> row(["sh", "-c", "198.18.3.53"])
    '[sh, "-c", "198.18.3.53"]'
    """
    return f"[{', '.join(map(yaml, texts))}]"


def block(text: str, indent: int) -> str:
    """Lines as the content of a YAML block scalar (`|`)."""
    return "".join(f"{' ' * indent}{line}\n" if line else "\n" for line in text.splitlines())


def labels(names: Iterable[str], between: str, longest: int) -> dict[str, str]:
    """Each name with every character but letters and digits replaced; cut where it is too long, and numbered where
    two would be the same.

    >>> labels(["mail.a-b.be", "mail-a.b.be"], "-", 63)
    {'mail.a-b.be': 'mail-a-b-be', 'mail-a.b.be': 'mail-a-b-be-2'}
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"[^a-z0-9]+", between, name.lower()).strip(between) or "lab"
        label, number = plain[:longest].rstrip(between), 1
        while label in taken:
            number += 1
            tail = f"{between}{number}"
            label = plain[: longest - len(tail)].rstrip(between) + tail
        taken.add(label)
        found[name] = label
    return found
