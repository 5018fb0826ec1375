"""Records that a person wrote: zone files beside the topology, and `records:` inside it, each with its place.

The rule: a line of `records:` is a line of the domain's zone file, with the domain as its origin; the reader's
complaints are shown in the topology file where they stand.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as FilePath

from lab.errors import Place
from lab.names import ROOT, DomainName
from lab.topology import model
from lab.topology.draft import Draft, Written
from lab.topology.source import Path
from lab.wire import zonefile


def read_written(draft: Draft) -> None:
    """Give every zone what was written by hand for it."""
    topology = draft.topology
    _read(draft, ROOT, topology.root, ("root",))
    for origin, registry in topology.registries.items():
        _read(draft, origin, registry, ("registries", str(origin)))
    for organisation in draft.organisations.values():
        _read(draft, organisation.domain, organisation.shape, organisation.path)


def _read(draft: Draft, origin: DomainName, shape: model.Domain | model.Registry, path: Path) -> None:
    zone = draft.zone_of(origin)
    ttl = zone.ttl if shape.ttl is None else shape.ttl
    if shape.zone_file is not None:
        _keep(draft, origin, _zone_file(draft, shape.zone_file, origin, ttl, path), whole=True)
    if shape.records:
        _keep(draft, origin, _lines(draft, shape.records, origin, ttl, (*path, "records")), whole=False)


def _keep(draft: Draft, origin: DomainName, parsed: zonefile.Parsed | None, *, whole: bool) -> None:
    if parsed is not None:
        draft.problems.extend(parsed.problems)
        zone = draft.zone_of(origin)
        zone.written = Written((*zone.written.entries, *parsed.entries), whole or zone.written.whole)


def _zone_file(draft: Draft, name: str, origin: DomainName, ttl: int, path: Path) -> zonefile.Parsed | None:
    """Relative to the topology file, and what it includes relative to itself."""
    folder = FilePath(draft.source.name).parent
    try:
        text = _text_below(folder, folder / name)
    except (OSError, UnicodeDecodeError):
        where = (*path, "zone_file")
        hint = f"it is looked for in {folder} and below, nowhere else"
        draft.complain("T019", f"the zone file '{name}' cannot be read", where, hint=hint)
        return None
    include = lambda other: _text_below(folder, (folder / name).parent / other)  # noqa: E731
    return zonefile.read(text, origin, file=str(folder / name), ttl=ttl, include=include)


def _text_below(folder: FilePath, file: FilePath) -> str:
    """The text of a file in the topology's folder or below. A topology may be a stranger's, and what is wrong in a
    zone is quoted: it shall not show other files of whoever reads it, nor wait for a device."""
    real = file.resolve()
    if not real.is_relative_to(folder.resolve()) or not real.is_file():
        raise FileNotFoundError(file)
    return real.read_text(encoding="utf-8")


def _lines(draft: Draft, items: list[str], origin: DomainName, ttl: int, path: Path) -> zonefile.Parsed:
    parsed = zonefile.read("\n".join(items), origin, file=draft.source.name, ttl=ttl)
    where = [(item, line) for item, text in enumerate(items) for line in range(text.count("\n") + 1)]

    def moved(place: Place) -> Place:
        item, line = where[place.line - 1]
        return draft.source.inside(path, item, line, place)

    def excerpt(place: Place) -> str:
        return draft.source.line(place.line)

    entries, problems = [], []
    for entry in parsed.entries:
        at = moved(entry.place)
        entries.append(replace(entry, place=at, excerpt=excerpt(at), values=()))
    for problem in parsed.problems:
        at = moved(problem.place) if problem.place else Place(draft.source.name, 1, 1)
        problems.append(replace(problem, place=at, excerpt=excerpt(at)))
    return zonefile.Parsed(tuple(entries), tuple(problems))
