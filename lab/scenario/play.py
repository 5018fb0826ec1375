"""One scenario, played on a world of its own.

The rule: whatever a scenario does, there is a result. Its own mistakes (a host that is not there, an exception)
are an error with its line, and so is a defect of the lab that shows while it runs.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from lab import topology
from lab.errors import LabError, WrongUse
from lab.events import ProgramCrashed
from lab.fabric import site
from lab.fabric.base import Boot, Fabric
from lab.fabric.loop import LabLoop
from lab.fabric.site import Site
from lab.fabric.wish import PACKED, Wish
from lab.internet import Internet
from lab.log import EventLog
from lab.scenario.net import Net
from lab.scenario.result import Result, Verdict
from lab.scenario.script import Script, load, topology_of
from lab.scenario.unmet import Unmet
from lab.topology.plan import HostPlan, Plan
from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """How scenarios are to be played. Empty: as each of them says."""

    fabric: str = "sim"
    seed: str = ""
    topology: str = ""
    policy: str = ""
    """Of every mail host, instead of its own."""
    trace: str = ""
    """A file to save the event log in."""
    capture: str = ""
    """A file to save every packet in; a folder for a file of each scenario."""
    pack: bool = False
    """On docker, whether the hosts of a scenario share a container."""
    patience_s: float = 300.0
    """Seconds of the wall clock for one scenario; five days of lab time take less than one."""


def play_file(file: Path, asked: Asked) -> list[Result]:
    """Every scenario of a file, one after the other."""
    try:
        scripts = scripts_of(file)
    except LabError as error:
        return [Result(file.stem, str(file), asked.fabric, asked.seed, Verdict.ERROR, message=str(error))]
    return [play(script, for_one(script, len(scripts), asked)) for script in scripts]


def for_one(script: Script, among: int, asked: Asked) -> Asked:
    """What is asked of one scenario among those of its file: a folder of captures has one with its name."""
    if not asked.capture:
        return asked
    place = Path(asked.capture)
    if place.is_dir():
        return replace(asked, capture=str(place / f"{script.name}.pcapng"))
    # One file for several would hold the last of them only; `play` says so.
    return replace(asked, capture=asked.capture if among == 1 else _SEVERAL)


_SEVERAL = "\0"


def scripts_of(file: Path) -> list[Script]:
    """The scenarios of a file, which has at least one; else WrongUse."""
    scripts = load(file)
    if not scripts:
        raise WrongUse(f"{file} has no scenario: a function under @scenario(…)", code="W021")
    return scripts


World = Callable[[Plan, Callable[[Boot], Fabric]], Internet]


def play(script: Script, asked: Asked, world: World = Internet) -> Result:
    """Play it; `world`: what is to be made of its plan."""
    blank = Result(script.name, str(script.file), asked.fabric, title=script.title)
    begun = time.perf_counter()
    try:
        if asked.fabric not in script.fabrics:
            raise WrongUse(f"it plays on {' and '.join(script.fabrics)} only", code="W024")
        if asked.capture == _SEVERAL:
            raise WrongUse("a capture of several scenarios takes a folder", remedy="mkdir captures", code="W012")
        with bounded(asked.patience_s):
            result = _on_a_world(script, asked, blank, world)
    except (Exception, SystemExit) as error:
        result = _judge(blank, script, error)
    return replace(result, wall_s=time.perf_counter() - begun)


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Break a scenario off that goes on for ever. (Only a main thread can be interrupted so.)"""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        raise WrongUse(f"it did not come to an end within {seconds:.0f} s", code="W025")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _on_a_world(script: Script, asked: Asked, blank: Result, world: World) -> Result:
    plan = _plan(script, asked)
    with tempfile.TemporaryDirectory(prefix="lab-") as root:
        stage = _site(asked, plan, Path(root))
        with asyncio.Runner(loop_factory=lambda: LabLoop(stage.source)) as runner:
            internet = partial(world, plan, stage.make)  # a fabric is made inside of its loop
            return runner.run(_act(script, internet, replace(blank, seed=plan.seed), asked))


def _plan(script: Script, asked: Asked) -> Plan:
    path = Path(asked.topology) if asked.topology else topology_of(script, Path.cwd())
    plan = topology.load(path)
    if asked.policy:
        plan = replace(plan, hosts=tuple(_under(host, asked.policy) for host in plan.hosts))
    seed = asked.seed or script.seed
    return replace(plan, seed=seed) if seed else plan


def _under(host: HostPlan, policy: str) -> HostPlan:
    return replace(host, mail=replace(host.mail, policy=policy)) if host.mail else host


def _site(asked: Asked, plan: Plan, root: Path) -> Site:
    """Where it plays. On `local` this process enters a private network, and stays there for good."""
    match asked.fabric:
        case "sim":
            return site.sim(plan)
        case "local":
            return site.local(plan, root)
        case "docker":
            return site.docker(plan, Wish(share=PACKED if asked.pack else 1))
        case _:
            raise WrongUse(
                f"there is no fabric '{asked.fabric}'", remedy="Choose sim, local or docker.", code="W012"
            )


async def _act(script: Script, world: Callable[[], Internet], blank: Result, asked: Asked) -> Result:
    internet = world()
    await internet.up()
    net = Net(internet)
    try:
        async with _captured(net, asked.capture):
            await script.play(net)
            await net.catch_up()
        result = blank
    except Exception as error:
        result = _judge(blank, script, error)
    lab_s = net.elapsed
    crash = _crash(internet.log)
    if crash:
        result = replace(result, verdict=Verdict.ERROR, message=crash)
    await internet.down()
    if asked.trace:
        _save(internet.log, Path(asked.trace))
    return replace(result, lab_s=lab_s, notes=tuple(net.notes), trace_hash=internet.log.trace_hash())


@asynccontextmanager
async def _captured(net: Net, file: str) -> AsyncIterator[None]:
    """Every packet of what happens within, in a file; if one was named."""
    if not file:
        yield
        return
    from lab.journey.capture import Recorder

    fabric = net.internet.fabric
    with _sink(file) as sink:
        recorder = Recorder(net.internet, net.journeys, sink.write)
        try:
            await fabric.see_all()
            yield
        finally:
            with suppress(LabError):
                await fabric.see_all()
            recorder.finish()


@contextmanager
def _sink(file: str) -> Iterator[BinaryIO]:
    try:
        with Path(file).open("wb") as sink:
            yield sink
    except OSError as error:
        if error.filename != file:
            raise
        raise WrongUse(f"{file} cannot be written: {(error.strerror or '').lower()}", code="W014") from None


def _judge(blank: Result, script: Script, error: BaseException) -> Result:
    """The verdict over what a scenario raised."""
    line = _line(script, error)
    match error:
        case Unmet():
            return replace(blank, verdict=Verdict.FAIL, message=str(error), line=line)
        case AssertionError():
            return replace(blank, verdict=Verdict.FAIL, message=str(error) or _source(script, line), line=line)
        case LabError():
            return replace(blank, verdict=Verdict.ERROR, message=str(error), line=line)
        case _:
            why = "".join(traceback.format_exception_only(error)).strip()  # its author writes Python
            return replace(blank, verdict=Verdict.ERROR, message=f"the scenario broke off: {why}", line=line)


def _line(script: Script, error: BaseException) -> int:
    """The last line of the scenario's own file on the way to the error."""
    own = script.play.__code__.co_filename
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return next((frame.lineno or 0 for frame in frames if frame.filename == own), 0)


def _source(script: Script, line: int) -> str:
    lines = script.file.read_text(encoding="utf-8").splitlines()
    return (
        f"expected  {lines[line - 1].strip().removeprefix('assert ')}" if 0 < line <= len(lines) else "it failed"
    )


def _crash(log: EventLog) -> str:
    found = next((entry for entry in log if isinstance(entry.event, ProgramCrashed)), None)
    if found is None or not isinstance(found.event, ProgramCrashed):
        return ""
    return f"a defect of the lab: {found.event.program} of {found.host} broke down: {found.event.error}"


def _save(log: EventLog, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        log.save(file)
