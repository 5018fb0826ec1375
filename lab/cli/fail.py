"""`lab fail` and `lab heal`: break something on purpose, and mend it."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from lab.cli.reading import Json
from lab.cli.screen import emit, show
from lab.control.client import ask


def fail(
    host: str,
    /,
    *,
    as_: Annotated[Literal["down", "unreachable", "silent", "paused"], Parameter(name="--as")] = "down",
    reply: int = 0,
    at: str = "rcpt",
    for_: Annotated[str, Parameter(name="--for")] = "",
    times: int = 0,
    cut: str = "",
    delay: str = "",
    loss: str = "",
    to: str = "*",
    json: Json = False,
) -> int:
    """Break a host, or the line between two places. `lab heal` mends it.

    Parameters
    ----------
    host
        The host (or, for a line, an organisation).
    as_
        down: connections are refused. unreachable: the network says so. silent: no answer at all. paused: it
        accepts, and then says nothing.
    reply
        Instead: its SMTP server answers this code (451, 550 …).
    at
        Where in the dialogue: connect, helo, mail, rcpt, data, eom.
    for_
        Only when this address is named.
    times
        So often, then no more.
    cut
        Instead: nothing passes between the host and this place.
    delay
        Instead: the line is slow: 200ms.
    loss
        Instead: the line loses packets: 10%.
    to
        The other end of a slow or lossy line; everyone, if not named.
    """
    form = ask(
        "fail", host=host, **{"as": as_, "for": for_}, reply=reply, at=at, times=times,
        cut=cut, delay=delay, loss=loss, to=to,
    )  # fmt: skip
    if json:
        emit(form)
    else:
        show([((" ✕ ", "bad"), (form["host"], "place"), (f"  {form['fault']}      ", ""), ("lab heal", "dim"))])
    return 0


def heal(host: str = "", /, *, json: Json = False) -> int:
    """Mend a host; without one, every host, cut and line that failed.

    Parameters
    ----------
    host
        The host.
    """
    form = ask("heal", host=host)
    if json:
        emit(form)
        return 0
    mended = [*form["healed"], *form["lines"]]
    if host or mended:
        show([((" ✓ ", "good"), (name, "place"), ("  as it was", "")) for name in mended])
    else:
        show([((" ✓ ", "good"), ("no host had failed; whatever was cut is joined again", ""))])
    return 0
