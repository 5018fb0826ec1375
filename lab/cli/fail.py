"""`lab fail` and `lab heal`: break something on purpose, and mend it.

The rule: this file hands words on; what they mean is said by `lab.faults.words`.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from lab.cli.reading import Json
from lab.cli.screen import emit, show
from lab.control.client import ask


def fail(
    host: str,
    /,
    *words: str,
    as_: Annotated[str, Parameter(name="--as")] = "",
    reply: int = 0,
    stall: str = "",
    reset: str = "",
    hide: str = "",
    slow: str = "",
    at: str = "",
    for_: Annotated[str, Parameter(name=("--for", "--name"))] = "",
    times: int = 0,
    cut: str = "",
    delay: str = "",
    loss: str = "",
    to: str = "*",
    json: Json = False,
) -> int:
    """Break a host, one of its servers, or the line between two places. `lab heal` mends it.

    The words are those in which faults are shown, as in `lab fail HOST reset at dot once`; options say the
    same. `lab explain faults` tells what each of them looks like.

    Parameters
    ----------
    host
        The host (or, for a line, an organisation).
    words
        What it does wrong: silent, stall at data, lame for b.be twice; down, if nothing is said.
    as_
        The host: down, unreachable, silent, paused, disk-full. Its name server or resolver: servfail, refused,
        timeout, lame, wrong-glue, truncated, no-tcp.
    reply
        Its SMTP server answers this code (451, 550 …), --at a stage.
    stall
        Its SMTP server says nothing at this stage, until the sender's patience ends.
    reset
        Its SMTP server resets the connection at this stage.
    hide
        Its SMTP server does not offer this keyword: STARTTLS, PIPELINING, SIZE …
    slow
        Its name server or resolver answers so much later: 5s.
    at
        Where in the dialogue: connect, helo, starttls, auth, mail, rcpt, data, dot, quit.
    for_
        Only when this address is named; of a name server, only for this name and those below it.
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
        "fail", host=host, words=list(words), **{"as": as_, "for": for_}, reply=reply, stall=stall, reset=reset,
        hide=hide, slow=slow, at=at, times=times, cut=cut, delay=delay, loss=loss, to=to,
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
