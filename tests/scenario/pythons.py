"""The other Pythons of this machine on which the lab can run: tests/install-tools has prepared them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def other_pythons() -> list[str]:
    """Paths, the oldest version first; empty where there is none."""
    found = [ready.parent for ready in (ROOT / "build" / "pythons").glob("*/ready")]
    by_version = sorted(found, key=lambda folder: [int(part) for part in folder.name.split(".")])
    return [str(folder / "bin" / "python") for folder in by_version]
