"""`lab zone`: a zone as its servers have it now, and changes to it while the lab runs."""

from __future__ import annotations

from lab.cli.reading import Json
from lab.cli.screen import emit
from lab.control.client import ask


def zone(
    origin: str, /, *, add: list[str] | None = None, remove: list[str] | None = None, json: Json = False
) -> int:
    """Show a zone; add or remove records, as lines of a master file. Its serial rises with each change.

    Parameters
    ----------
    origin
        The zone: belgiannews.com.
    add
        A record to add:  --add "@ 300 IN MX 20 mail.unige.ch."
    remove
        A record to remove; a name and a type alone remove them all:  --remove "@ MX"
    """
    form = ask("zone", origin=origin, add=add or [], remove=remove or [])
    if json:
        emit(form)
    else:
        print(form["text"].rstrip("\n"))
    return 0
