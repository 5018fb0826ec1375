"""A scenario as traffic: what it does to the world, as timed acts that futures are made of.

The rule: it is played once, with nothing but its own doings, and has to pass. What it hands in, breaks, mends and
edits is noted with its lab time; what it expects is not, for among further misfortunes that need not hold. What it
types into sessions of its own (SMTP by hand, POP3, IMAP) is left out: `spoken` counts those.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from lab.errors import WorldSaidNo, WrongUse
from lab.fabric import breakage
from lab.fabric.breakage import Breakage, OnHost, OnLine
from lab.internet import Internet, Submission
from lab.names import EmailAddress
from lab.scenario.futures.acts import (
    Account,
    Act,
    Cut,
    EditZone,
    Fail,
    Flush,
    Heal,
    Join,
    Lift,
    Mend,
    Retry,
    Send,
    Spoil,
)
from lab.scenario.futures.draw import Timed
from lab.scenario.play import Asked, play, scripts_of
from lab.scenario.result import Verdict
from lab.scenario.script import Script
from lab.topology.plan import Link
from lab.values import dataclass
from lab.wire.received import read_heading


@dataclass(slots=True)
class Notebook:
    """What has been noted down; shut while one act is done by means of others."""

    acts: list[Timed] = field(default_factory=list)
    shut: bool = False
    sent: int = 0


class Noted(Internet):
    """A mini-Internet that keeps a notebook of what is done to it."""

    notebook: Notebook

    def _note(self, act: Act) -> None:
        if not self.notebook.shut:
            self.notebook.acts.append((self.fabric.clock.elapsed(), act))

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        self.notebook.shut, before = True, self.notebook.shut
        try:
            yield
        finally:
            self.notebook.shut = before

    async def send(
        self, sender: EmailAddress | None, recipients: Sequence[EmailAddress], message: bytes, *, via: str = ""
    ) -> Submission:
        self.notebook.sent += 1
        text = message
        if not read_heading(text).message_id:
            text = f"Message-ID: <s{self.notebook.sent}@future>\r\n".encode() + text
        self._note(Send(sender or "", tuple(recipients), octets=text, via=via))
        return await super().send(sender, recipients, message, via=via)

    async def begin(self, what: Breakage) -> None:
        """What has its time is noted when it comes. What the topology breaks, it breaks in every future."""
        if what not in self.broken:
            match what:
                case OnHost(host, fault):
                    self._note(Fail(host, fault))
                case breakage.Cut(a, b, one_way, share):
                    self._note(Cut(a, b, one_way, share))
                case OnLine(a, b, link):
                    self._note(Spoil(a, b, link))
        with self._quietly():
            await super().begin(what)

    async def end(self, what: Breakage) -> None:
        if what not in self.broken:
            match what:
                case OnHost(host, fault):
                    self._note(Lift(host, fault))
                case breakage.Cut(a, b, one_way, share):
                    self._note(Join(a, b, one_way, share))
                case OnLine(a, b):
                    self._note(Spoil(a, b, self.planned_link(a, b)))
        await super().end(what)

    async def heal(self, host: str = "") -> list[str]:
        self._note(Heal(host))
        with self._quietly():
            return await super().heal(host)

    def cut(self, a: Sequence[str], b: Sequence[str]) -> None:
        self._note(Cut(tuple(a), tuple(b)))
        super().cut(a, b)

    def mend(self) -> None:
        self._note(Mend())
        super().mend()

    def connect(self, a: str, b: str, link: Link) -> None:
        self._note(Spoil(a, b, link))
        super().connect(a, b, link)

    async def retry(self, host: str = "") -> None:
        self._note(Retry(host))
        await super().retry(host)

    async def flush(self, host: str = "") -> None:
        self._note(Flush(host))
        await super().flush(host)

    async def edit_zone(
        self, origin: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> dict[str, Any]:
        self._note(EditZone(origin, tuple(add), tuple(remove)))
        return await super().edit_zone(origin, add=add, remove=remove)

    async def account(self, do: str, address: EmailAddress, **more: Any) -> dict[str, Any]:
        self._note(Account(do, address, tuple(more.items())))
        return await super().account(do, address, **more)


def record(file: Path, topology: Path) -> list[Timed]:
    """What the scenarios of a file do on this topology, one after the other. WorldSaidNo where one does not pass
    even without further misfortunes; WrongUse where none of them hands a message in."""
    acts: list[Timed] = []
    for script in scripts_of(file):
        begun = acts[-1][0] + _PAUSE.total_seconds() if acts else 0.0
        acts += [(begun + at, act) for at, act in _noted(script, topology)]
    if not any(isinstance(act, Send) for _, act in acts):
        raise WrongUse(
            f"{file} hands no message in that could be played again (what it types by hand is not)",
            remedy="Without a scenario, mail is drawn:  lab futures TOPOLOGY",
            code="W072",
        )
    return acts


_PAUSE = timedelta(hours=1)


def _noted(script: Script, topology: Path) -> list[Timed]:
    notebook = Notebook()

    def world(*args: Any) -> Noted:
        made = Noted(*args)
        made.notebook = notebook
        return made

    result = play(script, Asked(topology=str(topology)), world)
    if result.verdict is not Verdict.PASS:
        raise WorldSaidNo(
            f"'{script.name}' does not pass, even where nothing else befalls the mini-Internet:\n{result.message}",
            remedy=f"lab run {script.file}",
            code="W073",
        )
    return [(at, _named(act, script.name)) for at, act in notebook.acts]


def _named(act: Act, scenario: str) -> Act:
    """Two scenarios of a file send different messages."""
    if isinstance(act, Send):
        return replace(act, octets=act.octets.replace(b"@future>", f".{scenario}@future>".encode(), 1))
    return act
