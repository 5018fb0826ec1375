"""`lab futures`: what may happen to a mini-Internet's mail, by the thousand, and whether its promises held."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.cli import topologies
from lab.cli.reading import Json
from lab.cli.screen import Line, emit, plain, show, table

if TYPE_CHECKING:
    from lab.scenario.futures.acts import Act
    from lab.scenario.futures.crowd import Order
    from lab.scenario.futures.play import Outcome
    from lab.scenario.futures.told import Tally


def futures(
    topology: str = "",
    scenario: str = "",
    /,
    *,
    seeds: int = 100,
    seed: int | None = None,
    mail: int | None = None,
    faults: int = 6,
    days: float = 6.0,
    jobs: int = 0,
    save: str = ".",
    json: Json = False,
) -> int:
    """Play many futures of a mini-Internet in memory, each with misfortunes of its own; exit status 1 when one
    breaks a promise: what was accepted is delivered, or its sender is told, and nothing is there twice save by a
    lost 250.

    In each future hosts crash, lose their power or fall silent, disks fill, servers refuse, lines are cut, slow or
    lossy; then all is healed, 11 days pass, and every message has to be accounted for. One that fails is cut down
    to the few acts that matter, and saved as a scenario.

    Parameters
    ----------
    topology
        A file, or the name of one in topologies/.
    scenario
        Its mail, faults and repairs happen in every future, beside the misfortunes drawn. What it expects is held
        against one play without them, which has to pass; after that only the promises count.
    seeds
        How many: 100 if not told otherwise.
    seed
        Only this one, act by act.
    mail
        Messages drawn in each: 20, and none beside a scenario.
    faults
        Misfortunes in each, on the average: 6.
    days
        Lab time until all is healed: 6.
    jobs
        How many at once; as many as there are cores, if not told otherwise.
    save
        The folder for the scenarios of those that fail; the current one, if not told otherwise.
    """
    from lab.scenario.futures.crowd import play_all
    from lab.scenario.futures.told import Tally

    begun, tally = time.perf_counter(), Tally()
    order = _order(topology, scenario, (seeds, seed), mail, faults, days, jobs)
    if not json:
        show(opening(order, topology, scenario, days, seed))
    for outcome in play_all(order):
        tally.add(outcome)
        _progress(tally, len(order.seeds))
    wall_s = time.perf_counter() - begun
    again = _again(topology, scenario, mail, faults, days)
    saved = _saved(order, tally, Path(save), again)
    if json:
        for form in saved:
            emit(form)
        emit(tally.to_json(wall_s))
    else:
        show(summary(tally, wall_s, again))
        show(line for form in saved for line in _failed(form))
    return 1 if tally.failed else 0


def _order(
    topology: str,
    scenario: str,
    which: tuple[int, int | None],
    mail: int | None,
    faults: int,
    days: float,
    jobs: int,
) -> Order:
    from lab import topology as topology_files
    from lab.errors import WrongUse
    from lab.scenario.futures.crowd import Order
    from lab.scenario.futures.draw import setting
    from lab.scenario.futures.record import record

    seeds, seed = which
    if seeds < 1 or faults < 0 or (mail or 0) < 0 or not 0 < days <= 366:
        raise WrongUse(
            "futures are at least one, over at most 366 days, with no fewer than no messages and faults",
            remedy="lab futures --help",
            code="W012",
        )
    file = topologies.find(topology)
    plan = topology_files.load(file)
    traffic = record(_scenario(scenario), file) if scenario else []
    messages = mail if mail is not None else 0 if scenario else 20
    over = setting(plan, traffic, messages, faults, days)
    return Order(plan, over, range(1, seeds + 1) if seed is None else [seed], jobs)


def _scenario(path: str) -> Path:
    from lab.cli.run import found

    return found(path)


def _again(topology: str, scenario: str, mail: int | None, faults: int, days: float) -> str:
    """The words that play one of these futures again; its number goes behind."""
    words = ["lab futures", topology or "belgium", *([scenario] if scenario else [])]
    words += [f"--mail {mail}"] if mail is not None else []
    words += [f"--faults {faults}"] if faults != 6 else []
    words += [f"--days {days:g}"] if days != 6.0 else []
    return " ".join([*words, "--seed"])


_WIDTH = 30


def _progress(tally: Tally, of: int) -> None:
    """A bar, where somebody looks on; it is gone when all have been played."""
    if not sys.stderr.isatty() or of < 2:
        return
    full = _WIDTH * tally.seeds // of
    failed = f"  {len(tally.failed)} failed" if tally.failed else ""
    line = f" {'█' * full}{'·' * (_WIDTH - full)}  {tally.seeds:,} of {of:,} futures{failed}"
    done = tally.seeds == of
    print(f"\r{' ' * len(line)}\r" if done else f"\r{line}", end="", file=sys.stderr, flush=True)


# -- those that failed ------------------------------------------------------------------------------------

_SHRUNK = 3
"""So many failing futures are cut down and saved: most fail for one reason."""


def _saved(order: Order, tally: Tally, folder: Path, again: str) -> list[dict[str, Any]]:
    """A form for each that failed; the first of them cut down, and saved."""
    from lab.scenario.futures.crowd import fewest_acts

    forms = []
    for number, outcome in enumerate(tally.failed):
        form: dict[str, Any] = {
            "seed": outcome.seed,
            "broken": [str(one) for one in outcome.broken],
            "replay": f"{again} {outcome.seed}",
        }
        if number < _SHRUNK:
            acts = fewest_acts(order.plan, order.over, outcome)
            form |= _kept(acts, order, outcome, folder, again)
        forms.append(form)
    return forms


def _kept(acts: Sequence[Act], order: Order, outcome: Outcome, folder: Path, again: str) -> dict[str, Any]:
    from lab.cli.files import unwritable
    from lab.scenario.futures.draw import draw
    from lab.scenario.futures.judging import HEALING
    from lab.scenario.futures.written import lines_of, written

    file, before = folder / f"future_{outcome.seed}.py", len(draw(outcome.seed, order.over))
    text = written(
        acts,
        seed=outcome.seed,
        topology=relpath(order.plan.source, folder) if order.plan.source else order.plan.name,
        title=f"{outcome.broken[0]}.",
        story=f"Cut down from {before} acts to {len(acts)} by  {again} {outcome.seed}",
        after=HEALING,
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(str(file), error) from None
    return {"acts": before, "shrunk": [line for act in acts for line in lines_of(act)], "scenario": str(file)}


def _failed(form: dict[str, Any]) -> Iterator[Line]:
    yield plain("")
    yield ((" ✗ ", "bad"), (f"seed {form['seed']}", "id"), (f"   {form['broken'][0]}", ""))
    for line in form["broken"][1:3]:
        yield plain(f"   {line}")
    if len(form["broken"]) > 3:
        yield plain(f"   and {len(form['broken']) - 3} more", "dim")
    if "shrunk" in form:
        yield plain(f"   {len(form['shrunk'])} of its {form['acts']} acts are enough:", "dim")
        for line in form["shrunk"]:
            yield plain(f"     {line}")
        yield plain(f"   Saved:  lab run {form['scenario']}")
    yield plain(f"   Again:  {form['replay']}", "dim")


# -- the screen -------------------------------------------------------------------------------------------


def opening(order: Order, topology: str, scenario: str, days: float, seed: int | None) -> Iterator[Line]:
    """What is about to be played."""
    from lab.scenario.futures.acts import Send
    from lab.scenario.futures.draw import draw
    from lab.scenario.futures.written import lines_of

    count = len(order.seeds)
    what = f" {count:,} futures of " if seed is None else f" Future {seed} of "
    yield (
        (what, ""),
        (order.plan.name or topology, "head"),
        (f": {days:g} days of misfortunes, then all is healed, and 11 days pass.", ""),
    )
    sends = sum(isinstance(act, Send) for _, act in order.over.traffic)
    mail = (
        [f"{sends} of {scenario}, as they were handed in when it was played without misfortunes"] if sends else []
    )
    mail += [f"{order.over.messages} drawn anew"] if order.over.messages else []
    yield plain(f" Messages in each: {'; and '.join(mail) or 'none'}.", "dim")
    if seed is not None:
        yield from (plain(f"   {line}", "dim") for act in draw(seed, order.over) for line in lines_of(act))


def summary(tally: Tally, wall_s: float, again: str) -> Iterator[Line]:
    """What came of all of them."""
    from lab.clock import show_span

    yield plain("")
    yield from _befell(tally)
    rows = [
        ("sent to", tally.sent, "recipients, bounces and warnings among them"),
        ("delivered", tally.delivered, f"{tally.by_backup:,} of them through a backup" if tally.by_backup else ""),
        ("bounced", tally.bounced, "and every sender was told" if tally.bounced and not tally.failed else ""),
        ("twice", tally.twice, "a 250 was lost, and the message sent again (RFC 1047)" if tally.twice else ""),
    ]
    yield from table([[(name, ""), (f"{count:>9,}", "head"), (words, "dim")] for name, count, words in rows])
    yield plain("")
    yield from _delays(tally)
    if tally.slowest:
        yield (
            (f" The slowest took {show_span(tally.slowest)}:  ", ""),
            (f"{again} {tally.slowest_seed}", "dim"),
        )
    yield plain("")
    yield from _verdict(tally, wall_s)


def _befell(tally: Tally) -> Iterator[Line]:
    if tally.befell:
        words = ", ".join(f"{count:,} {word}" for word, count in tally.befell.most_common())
        yield plain(f" What befell them: {words}.")
        yield plain("")


def _delays(tally: Tally) -> list[Line]:
    """A bar for each step of delay that somebody had."""
    from lab.scenario.futures.told import STEPS

    most = max(tally.delays.values(), default=0)
    rows = []
    for _, words in STEPS:
        count = tally.delays[words]
        bar = "█" * max(1, round(_WIDTH * count / most)) if count else ""
        rows.append([(words, ""), (f"{count:>9,}", "head"), (bar, "place")])
    return table(rows) if most else []


def _verdict(tally: Tally, wall_s: float) -> Iterator[Line]:
    rate = f" in {wall_s:.1f} s, {tally.seeds / wall_s:.0f} a second." if wall_s else "."
    if not tally.failed:
        yield ((" ✓ ", "good"), (f"{tally.seeds:,} passed", "good"), (rate, ""))
        yield plain("   Nothing lost, nothing twice but by a lost 250, every queue empty, every failure told.")
        return
    counts = ", ".join(f"{count} {breach}" for breach, count in tally.breaches.most_common())
    yield ((" ✗ ", "bad"), (f"{len(tally.failed):,} of {tally.seeds:,} failed", "bad"), (rate, ""))
    yield plain(f"   Promises broken: {counts}.")
