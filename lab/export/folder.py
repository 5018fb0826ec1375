"""Where an exported lab is written.

The rule: into an empty folder, or one that is not there yet; nothing of anybody's is overwritten. What could not
be written whole is taken away again.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from lab.errors import WrongUse
from lab.export.papers import Files


def write(folder: Path, files: Files) -> None:
    """WrongUse (W014, W044) when it cannot be done."""
    there = _is_there(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        _clear(folder, there)
        raise WrongUse(f"{folder} cannot be written: {(error.strerror or '').lower()}", code="W014") from None


def _is_there(folder: Path) -> bool:
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise WrongUse(
                f"{folder} is not empty",
                remedy="Name another folder:  --out FOLDER   (or empty this one)",
                code="W044",
            )
    except OSError as error:
        raise WrongUse(f"{folder} cannot be read: {(error.strerror or '').lower()}", code="W014") from None
    return folder.exists()


def _clear(folder: Path, there: bool) -> None:
    if not there:
        shutil.rmtree(folder, ignore_errors=True)
    elif folder.is_dir():
        for path in folder.iterdir():
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
