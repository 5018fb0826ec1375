"""The mailboxes of a host as they lie in /var/mail: Maildirs, numbered as Dovecot numbers them.

The rule: look, never touch. A message's UID is the one in Dovecot's own list (`dovecot-uidlist`); what is not in
it yet, or where there is no Dovecot, comes after that in the order of arrival.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.errors import WrongUse
from lab.foreign.config.scene import home_of
from lab.names import EmailAddress
from lab.values import dataclass
from lab.wire.mbox import return_path_of, to_mbox
from lab.wire.received import read_author, read_heading

ROOT = Path("/var/mail")
_LISTED = re.compile(r"(\d+) .*?:(.*)")
_FLAGS = {"D": "draft", "F": "flagged", "P": "passed", "R": "answered", "S": "seen", "T": "deleted"}


@dataclass(frozen=True, slots=True)
class Letter:
    uid: int
    file: Path
    flags: tuple[str, ...]
    received: datetime

    @property
    def octets(self) -> bytes:
        """As it is on the wire: files have LF, mail has CR LF."""
        return self.file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


class Boxes:
    def __init__(self, root: Path = ROOT) -> None:
        self._root = root

    def place(self, address: EmailAddress) -> Path:
        return self._root / home_of(address) / "Maildir"

    def folders(self, address: EmailAddress) -> list[str]:
        """INBOX first; the others are folders whose names begin with a dot (Maildir++)."""
        place = self.place(address)
        found = (path.name[1:].replace(".", "/") for path in place.glob(".*") if (path / "cur").is_dir())
        return ["INBOX", *sorted(found)]

    def letters(self, address: EmailAddress, folder: str = "INBOX") -> list[Letter]:
        """By UID. WrongUse: no such folder."""
        place = self._folder(address, folder)
        listed = _uids(place / "dovecot-uidlist")
        files = {path.name.partition(":")[0]: path for part in ("new", "cur") for path in _files(place / part)}
        late = sorted(files.keys() - listed.keys(), key=lambda name: (files[name].stat().st_mtime, name))
        number = max(listed.values(), default=0)
        uids = listed | {name: number + 1 + index for index, name in enumerate(late)}
        return sorted((_letter(uids[name], path) for name, path in files.items()), key=lambda one: one.uid)

    def usage(self, address: EmailAddress) -> tuple[int, int]:
        """(octets, messages) of all folders."""
        found = [letter for folder in self.folders(address) for letter in self._quietly(address, folder)]
        return sum(len(letter.octets) for letter in found), len(found)

    def _quietly(self, address: EmailAddress, folder: str) -> list[Letter]:
        return self.letters(address, folder) if self.place(address).is_dir() else []

    def _folder(self, address: EmailAddress, folder: str) -> Path:
        place = self.place(address)
        if folder.upper() == "INBOX":
            return place
        inner = place / ("." + folder.replace("/", "."))
        if "\0" in folder or ".." in folder or not inner.is_dir():
            raise WrongUse(f"{address} has no folder {folder}")
        return inner


def row(letter: Letter) -> dict[str, Any]:
    octets = letter.octets
    return {
        "uid": letter.uid,
        "from": read_author(octets),
        "subject": read_heading(octets).subject,
        "size": len(octets),
        "received": letter.received.isoformat(),
        "flags": list(letter.flags),
    }


def mbox(letters: list[Letter]) -> bytes:
    return b"".join(to_mbox(return_path_of(one.octets), one.received, one.octets) for one in letters)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*") if path.is_file()) if folder.is_dir() else iter(())


def _letter(uid: int, path: Path) -> Letter:
    letters = path.name.partition(":2,")[2] if path.parent.name == "cur" else ""
    flags = tuple(_FLAGS[letter] for letter in letters if letter in _FLAGS)
    return Letter(uid, path, flags, datetime.fromtimestamp(int(path.stat().st_mtime), UTC))


def _uids(file: Path) -> dict[str, int]:
    """Name without flags → UID. The first line is the folder's own (its UIDVALIDITY)."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()[1:]
    except OSError:
        return {}
    found = (_LISTED.fullmatch(line) for line in lines)
    return {match[2].partition(":")[0]: int(match[1]) for match in found if match}
