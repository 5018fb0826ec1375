"""`lab mailbox`: what is in somebody's mailbox, as a list, a message, or the mbox file of a Unix user."""

from __future__ import annotations

import sys
from shlex import quote
from typing import Any

from lab.cli.reading import Json
from lab.cli.screen import Line, emit, plain, show, table, visible
from lab.control.client import ask


def mailbox(
    address: str,
    uid: int = 0,
    /,
    *,
    raw: bool = False,
    folder: str = "INBOX",
    tree: bool = False,
    part: str = "",
    raw_part: bool = False,
    out: str = "",
    json: Json = False,
) -> int:
    """What is in a mailbox; with a message's number, that message byte for byte.

    Parameters
    ----------
    address
        Whose mailbox: ed@belgiannews.com.
    uid
        The number of one message.
    raw
        The whole mailbox in mbox form, as `cat /var/mail/ed` shows it.
    folder
        A folder beside INBOX, such as Archive/2026.
    tree
        The message's parts: what each is, how large, and where it begins.
    part
        One of them, decoded: 2.1, or as IMAP has it HEADER, TEXT, 2.MIME.
    raw_part
        That part as it is stored, in its transfer encoding.
    out
        Write that part into this file.
    """
    if tree or part:
        from lab.cli.parts import Wanted, taken_apart

        return taken_apart(address, uid, folder, Wanted(part, raw_part, out, json))
    form = ask("mailbox", address=address, uid=uid, raw=raw, folder=folder)
    if json:
        emit(form)
    elif uid:
        print(_text(form["message"]), end="")
    elif raw:
        print(_shown(form["mbox"]), end="")
    else:
        show(screen(form))
    return 0


def _text(message: str) -> str:
    """A message as a terminal shows it: its octets are UTF-8 in all likelihood, its lines end in LF."""
    return _shown(message.encode("latin-1").decode("utf-8", errors="replace").replace("\r\n", "\n"))


def _shown(text: str) -> str:
    """To a file or a pipe as it is; to a terminal without escape sequences."""
    return visible(text, keep="\n\t") if sys.stdout.isatty() else text


def screen(form: dict[str, Any]) -> list[Line]:
    messages = form["messages"]
    count = f"{len(messages)} message{'' if len(messages) == 1 else 's'}" if messages else "empty"
    folder = form.get("folder", "INBOX")
    where = "" if folder == "INBOX" else f"  ·  {folder}"
    head: Line = ((f" {form['address']}", "place"), (f"{where}  ·  {count}", ""))
    return [head, *table([_row(message) for message in messages], indent="  "), *_hint(form), *_others(form)]


def _others(form: dict[str, Any]) -> list[Line]:
    """The folders that are not shown."""
    names = [name for name in form.get("folders", ()) if name != form.get("folder", "INBOX")]
    return [plain(f" Other folders:  {'  ·  '.join(names)}   (--folder NAME)", "dim")] if names else []


def _hint(form: dict[str, Any]) -> list[Line]:
    last = [message["uid"] for message in form["messages"][-1:]]
    return [
        plain(f" One of them:  lab mailbox {form['address']} {uid}{_named(form)}   ·   its parts:  --tree", "dim")
        for uid in last
    ]


def _named(form: dict[str, Any]) -> str:
    folder = form.get("folder", "INBOX")
    return "" if folder == "INBOX" else f" --folder {quote(folder)}"


def _row(message: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (str(message["uid"]), "id"),
        (str(message["received"])[:16].replace("T", " "), "dim"),
        (message["from"] or "(no From)", ""),
        (message["subject"] or "(no subject)", "head"),
        (f"{message['size']:,} octets", "dim"),
    ]
