r"""Names of folders, as clients say them and as Maildir++ writes them: "Archive/2026" is `.Archive.2026`.

The rule: a name that no file system should see is refused in a sentence; every other one has exactly one file
name, and back. Within a level, what Maildir++ or a terminal could misread (a dot, a sign beyond ASCII) is written
in IMAP's modified UTF-7 (RFC 3501 §5.1.3), as Courier and Dovecot do.

>>> to_file_name("Archive/Été 1.5")
'.Archive.&AMk-t&AOk- 1&AC4-5'
>>> from_file_name('.Archive.&AMk-t&AOk- 1&AC4-5')
'Archive/Été 1.5'
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error

from lab.mail.folders import FolderError

INBOX = "INBOX"
LONGEST = 240
"""Octets that a folder's file name may have: a file system's 255, less what stands around it."""

_ODD = re.compile(r"[^\x20-\x2d\x30-\x7e]+|&")
_CODED = re.compile(r"&([A-Za-z0-9+,]*)-")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f*%\\\"\ud800-\udfff]")


def folder_name(text: str) -> str:
    """The name as the store knows it: INBOX in capitals, no slash at the end. FolderError CANNOT: no such name
    can be."""
    levels = text.removesuffix("/").split("/")
    if levels[0].upper() == INBOX:
        levels[0] = INBOX
    for level in levels:
        _check(level)
    name = "/".join(levels)
    if len(name) > LONGEST or len(to_file_name(name)) > LONGEST:
        raise FolderError("CANNOT", f"a folder's name has at most {LONGEST} octets")
    return name


def _check(level: str) -> None:
    if not level:
        raise FolderError(
            "CANNOT", "a folder's name is not empty, and neither is a part of it between two slashes"
        )
    if level in (".", ".."):
        raise FolderError("CANNOT", f"no folder can be called '{level}'")
    if found := _FORBIDDEN.search(level):
        raise FolderError("CANNOT", f"no folder's name holds the sign U+{ord(found[0]):04X}")
    if level != level.strip():
        raise FolderError("CANNOT", "no folder's name begins or ends with a space")


def to_file_name(name: str) -> str:
    """'' for INBOX, which is the Maildir itself."""
    return "" if name == INBOX else "." + ".".join(_ODD.sub(_coded, level) for level in name.split("/"))


def from_file_name(file: str) -> str | None:
    """The folder's name; None when the file's name is not of our making or Maildir++'s."""
    try:
        name = "/".join(_CODED.sub(_decoded, level) for level in file[1:].split("."))
        return name if folder_name(name) == name and to_file_name(name) == file else None
    except (FolderError, Error, UnicodeDecodeError):
        return None


def parents(name: str) -> list[str]:
    """The folders above, the highest first."""
    levels = name.split("/")
    return ["/".join(levels[:at]) for at in range(1, len(levels))]


def _coded(found: re.Match[str]) -> str:
    if found[0] == "&":
        return "&-"
    return "&" + b64encode(found[0].encode("utf-16-be")).rstrip(b"=").decode().replace("/", ",") + "-"


def _decoded(found: re.Match[str]) -> str:
    if not found[1]:
        return "&"
    octets = found[1].replace(",", "/")
    return b64decode(octets + "=" * (-len(octets) % 4)).decode("utf-16-be")
