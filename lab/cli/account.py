"""`lab account`: who has a mailbox; new ones, passwords, quotas, aliases and forwards while the lab runs."""

from __future__ import annotations

import sys
from typing import Any

from lab.cli.reading import Json
from lab.cli.screen import Line, emit, plain, show, table
from lab.control.client import ask
from lab.errors import WrongUse
from lab.topology import units


def account(
    do: str = "list",
    address: str = "",
    /,
    *more: str,
    password: str = "",
    name: str = "",
    quota: str = "",
    mail: bool = False,
    off: bool = False,
    json: Json = False,
) -> int:
    """Who has a mailbox, and what becomes of their mail. A change counts at once, and outlives a crash.

    lab account list [HOST]                    everybody, or those of one host
    lab account add zoe@unige.ch               a new mailbox, open at once
    lab account passwd zoe@unige.ch            another password, from the keyboard
    lab account quota zoe@unige.ch 10MB        how much it holds; 0: any amount
    lab account alias info@unige.ch zoe@unige.ch ed@belgiannews.com
    lab account forward zoe@unige.ch ed@belgiannews.com zoe@unige.ch
                                               to ed, and a copy stays
    lab account forward zoe@unige.ch --off
    lab account rm zoe@unige.ch [--mail]

    Parameters
    ----------
    do
        add, list, passwd, quota, alias, forward or rm; list, if not told otherwise.
    address
        Whose account, or which alias. Of list: the host.
    more
        Of alias and forward: where the mail goes. Of quota: how much.
    password
        The password; of a new account it is 'secret' where none is given.
    name
        The person's name.
    quota
        How much a new mailbox holds: 10MB.
    mail
        Of rm: the mailbox goes too. Else it stays on the host's disk.
    off
        Of alias and forward: no more.
    """
    if do == "passwd" and not password:
        password = _typed(address)
    if do == "quota":
        quota, more = quota or (more[0] if more else ""), more[1:]
    form = ask(
        "account",
        do=do,
        host=address if do == "list" else "",
        address=address,
        to=list(more),
        password=password,
        name=name,
        quota=_octets(quota),
        mail=mail,
        off=off,
    )
    emit(form) if json else show(screen(form))
    return 0


def _octets(text: str) -> int:
    try:
        return units.octets(text) if text else 0
    except ValueError as error:
        raise WrongUse(str(error), code="W012") from None


def _typed(address: str) -> str:
    """From the keyboard without an echo, or a line of a pipe."""
    from getpass import getpass

    typed = getpass(f" New password for {address}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not typed:
        raise WrongUse("a password has at least one sign", code="W011")
    return typed


def screen(form: dict[str, Any]) -> list[Line]:
    match form["do"]:
        case "list":
            return [line for host in form["hosts"] for line in _host(host)] or [plain(" No mail host is up.")]
        case "rm":
            kept = "; the mailbox stays on the disk" if form["kept"] else ", and the mailbox with it"
            return [plain(f" {form['removed']} is nobody at {form['host']} any more{kept}.")]
        case "alias":
            to = f"leads to {', '.join(form['to'])}" if form["to"] else "is no alias any more"
            return [plain(f" {form['alias']} {to}.")]
        case _:
            said = _SENTENCES[form["do"]](form["account"])
            return [plain(f" {said}"), *_next(form["do"], form["account"])]


_SENTENCES = {
    "add": lambda one: f"{one['address']} has a mailbox.",
    "passwd": lambda one: f"{one['address']} has another password.",
    "quota": lambda one: (
        f"{one['address']} holds at most {one['quota']:,} octets; {one['octets']:,} are taken."
        if one["quota"]
        else f"{one['address']} may hold any amount."
    ),
    "forward": lambda one: (
        f"Mail for {one['address']} goes to {', '.join(one['forward'])}."
        if one["forward"]
        else f"Mail for {one['address']} stays here."
    ),
}


def _next(do: str, one: dict[str, Any]) -> list[Line]:
    return [plain(f" Write to it:  lab send --from … --to {one['address']}", "dim")] if do == "add" else []


def _host(host: dict[str, Any]) -> list[Line]:
    rows = [_row(one) for one in host["accounts"]]
    rows += [[(one["alias"], ""), (f"→ {', '.join(one['to'])}", "dim"), ("", "")] for one in host["aliases"]]
    return [((f" {host['host']}", "place"),), *table(rows, indent="  ")]


def _row(one: dict[str, Any]) -> list[tuple[str, str]]:
    held = f"{one['messages']} message{'' if one['messages'] == 1 else 's'}" if one["messages"] else "empty"
    room = f", {one['octets']:,} of {one['quota']:,} octets" if one["quota"] else ""
    where = f"→ {', '.join(one['forward'])}" if one["forward"] else one["name"]
    return [(one["address"], "head"), (held + room, ""), (where if one["login"] else "no login", "dim")]
