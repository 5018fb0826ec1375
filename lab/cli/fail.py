"""`lab fail` and `lab heal`: break something on purpose, and mend it.

The rule: this file hands words on; what they mean is said by `lab.faults.words`.
"""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from lab.cli.reading import Json
from lab.cli.screen import Line, emit, show
from lab.control.client import ask
from lab.errors import WrongUse
from lab.timing import is_span


def fail(
    host: str,
    /,
    *words: str,
    as_: Annotated[str, Parameter(name="--as")] = "",
    crash: Annotated[bool, Parameter(negative="")] = False,
    power_cut: Annotated[bool, Parameter(negative="")] = False,
    clock: Annotated[str, Parameter(allow_leading_hyphen=True)] = "",
    reply: int = 0,
    stall: str = "",
    reset: str = "",
    hide: str = "",
    slow: str = "",
    at: list[str] | None = None,
    for_: Annotated[list[str] | None, Parameter(name=("--for", "--name"))] = None,
    in_: Annotated[str, Parameter(name="--in")] = "",
    every: str = "",
    chance: str = "",
    times: int = 0,
    cut: str = "",
    one_way: Annotated[bool, Parameter(negative="")] = False,
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
    crash
        Its memory is gone, its disk is kept. With --for 10s it comes back by itself.
    power_cut
        So, and of what was written and not synced some is gone, or torn.
    clock
        Its clock shows so much more, +10m, or less, -10m.
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
        When it begins: a time of the lab's day, 10:40. And where in the dialogue: connect, helo, starttls, auth,
        mail, rcpt, data, dot, quit. Both may be said.
    for_
        How long it lasts: 20m. And only when this address is named; of a name server, only for this name and
        those below it. Both may be said.
    in_
        Instead of a time: so long from now, 5m.
    every
        So often again, counted from when it began: 1h. It has to end meanwhile: --every 1h --for 5m.
    chance
        Each connection, question or stage is struck with this chance only: 20%. The same seed, the same luck.
        It strikes what the lab's own programs send or answer, and cuts strike between real servers, too; a
        telnet has luck.
    times
        So often, then no more.
    cut
        Instead: nothing passes between the host and this place.
    one_way
        With --cut: what the host sends does not reach that place; what that place sends reaches the host.
    delay
        Instead: the line is slow: 200ms.
    loss
        Instead: the line loses packets: 10%.
    to
        The other end of a slow or lossy line; everyone, if not named.
    """
    word = "crash" if crash else "power-cut" if power_cut else as_
    form = ask(
        "fail", host=host, words=list(words), **{"as": word}, clock=clock, **by_form(at or [], for_ or []),
        after=in_, every=every, chance=chance, reply=reply, stall=stall, reset=reset, hide=hide, slow=slow,
        times=times, cut=cut, one_way=one_way, delay=delay, loss=loss, to=to,
    )  # fmt: skip
    if json:
        emit(form)
    else:
        show([_broken(form)])
    return 0


def by_form(at: list[str], for_: list[str]) -> dict[str, str]:
    """What `--at` and `--for` mean, by the form of their words: people say "at 10:40 for 20 min" and "at RCPT for
    ed@b.be", and no stage is a time, no address a span.

    >>> by_form(["rcpt", "10:40"], ["20m"])
    {'at': 'rcpt', 'start': '10:40', 'lasting': '20m'}
    """
    pairs = [("start" if ":" in word else "at", word) for word in at]
    pairs += [("lasting" if is_span(word) else "for", word) for word in for_]
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise WrongUse("--at and --for may each say a time, and each one thing more; not two alike", code="W012")
    return dict(pairs)


def _broken(form: dict[str, Any]) -> Line:
    """What is broken, or will be."""
    when = form.get("when", "")
    comes = when.startswith(("at ", "in "))
    glyph = (" ◷ ", "wait") if comes else (" ✕ ", "bad")
    fault = f"  {form['fault']}  {when}      " if when else f"  {form['fault']}      "
    return (glyph, (form["host"], "place"), (fault, ""), ("lab heal", "dim"))


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
    off = [row for row in form["cancelled"] if row["target"] not in mended]
    show([((" ✓ ", "good"), (name, "place"), ("  as it was", "")) for name in mended])
    show([((" ✓ ", "good"), (row["target"], "place"), (f"  {row['fault']} will not come", "")) for row in off])
    if not (mended or off):
        show([((" ✓ ", "good"), ("no host had failed; whatever was cut is joined again", ""))])
    return 0
