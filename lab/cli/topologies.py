"""Which file a person means by the name of a topology."""

from __future__ import annotations

import difflib
from os.path import isfile
from pathlib import Path

from lab.errors import WrongUse

_DEFAULT = "belgium"


def find(name: str = "") -> Path:
    """The file named, or of that name in topologies/ here, or among those that come with the lab."""
    for path in _candidates(name or _DEFAULT):
        if isfile(path):  # Path.is_file raises on a name that is too long to be one
            return path.absolute()
    near = difflib.get_close_matches(name, known(), n=1, cutoff=0.5)
    remedy = f"Did you mean '{near[0]}'?" if near else f"Known by name: {', '.join(known())}."
    raise WrongUse(f"there is no topology file '{name}'", remedy=remedy, code="T000")


def near(path: Path | str) -> str:
    """The file as a person in this folder would name it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _candidates(name: str) -> list[Path]:
    folders = [folder / f"{name}.yaml" for folder in _folders()]
    is_path = "/" in name or name.endswith((".yaml", ".yml"))
    return [Path(name).expanduser()] if is_path else [*folders, Path(name)]


def known() -> list[str]:
    """The names that need no path."""
    return sorted({path.stem for folder in _folders() if folder.is_dir() for path in folder.glob("*.yaml")})


def _folders() -> list[Path]:
    from lab.topology.shipped import shipped

    return [folder / "topologies" for folder in (Path(), *shipped())]
