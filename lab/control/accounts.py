"""The verb `account`: who has a mailbox, asked and changed while the lab runs.

The rule: the password goes to the host and nowhere else; no answer holds one. Keys of an answer: `host` where it
happened, and what `lab.mail.accounting` says of it.
"""

from __future__ import annotations

from typing import Any

from lab.control.arguments import Args, flag, number, optional, text, texts
from lab.control.running import Lab
from lab.errors import WrongUse
from lab.names import EmailAddress

DOINGS = ("add", "list", "passwd", "rm", "alias", "forward", "quota")
FIRST_PASSWORD = "secret"
"""Of everyone who is given none, here as in a topology file."""


async def account(lab: Lab, args: Args) -> dict[str, Any]:
    do = text(args, "do")
    if do not in DOINGS:
        raise WrongUse(f"'{do}' is nothing to do with an account", remedy=f"Say one of  {', '.join(DOINGS)}")
    if do == "list":
        return {"do": do, "hosts": await lab.internet.accounts(optional(args, "host"))}
    address = EmailAddress.parse(text(args, "address")).folded
    found = await lab.internet.account(do, address, **_more(do, args))
    return {"do": do, "host": lab.internet.home(address).name, **found}


def _more(do: str, args: Args) -> dict[str, Any]:
    match do:
        case "add":
            password = optional(args, "password", FIRST_PASSWORD)
            return {"password": password, "quota": number(args, "quota"), "name": optional(args, "name")}
        case "passwd":
            return {"password": text(args, "password")}
        case "quota":
            return {"quota": number(args, "quota")}
        case "rm":
            return {"mail": flag(args, "mail")}
        case _:
            return {"to": _targets(args)}


def _targets(args: Args) -> list[str]:
    """Where it shall lead; nowhere has to be said."""
    targets = [EmailAddress.parse(word).folded for word in texts(args, "to")]
    if bool(targets) == flag(args, "off"):
        raise WrongUse(
            "say where the mail goes, or --off", remedy="lab account forward ED@A.BE ANN@B.CH", code="W011"
        )
    return [*targets]
