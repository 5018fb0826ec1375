"""Foreign software on a host: its files written, its programs run, its log told, its console staffed.

The rule: to the lab it is a host like any other. `start_foreign` returns when the software serves; when the host
goes down its programs go with it. The console's answers are those of the lab's own servers, in the same shapes,
and:

    config {}          → {files: [{path, text}]}     what the software reads, secrets left out
    log    {}          → {lines}                     the last lines of its log, as they were
    freeze, thaw {}    → {}                          hold every process of it, and let it go on
    hush   {}          → {}                          it is about to go down: what its logs said is told now
    doom   {}          → {}                          it is about to crash: the same, and no program has a last word
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from lab.errors import MachineSaidNo
from lab.events import Event, MailDeferred, MailRemoved, ZoneReloaded
from lab.fabric.base import Host
from lab.fabric.software import Folder
from lab.foreign import processes
from lab.foreign.beside import Ask, Beside
from lab.foreign.config.files import config_form, host_files
from lab.foreign.config.scene import Certificate, File, Scene, scene
from lab.foreign.desks.choose import desks_for
from lab.foreign.desks.mail import TOOLS
from lab.foreign.readers.choose import readers_of
from lab.foreign.readers.reader import Reader
from lab.foreign.software import Software, catalogued
from lab.names import DomainName
from lab.topology.plan import ZonePlan

_SECONDS = 30.0
"""How long a program may take until it serves. Postfix and Dovecot together take 0.5 s on an idle machine."""
_KEPT = 500


class Foreign:
    """What runs on one host. `scene` is what its files were made from last."""

    questions: ClassVar[Mapping[str, str]] = {
        "config": "show_config",
        "log": "show_log",
        "hush": "hush",
        "doom": "doom",
        "freeze": "freeze",
        "thaw": "thaw",
    }

    def __init__(self, host: Host, scene: Scene, ask: Ask) -> None:
        self.host = host
        self.scene = scene
        self._beside = _beside(host, ask)
        self.programs: dict[str, asyncio.subprocess.Process] = {}
        self._doomed = False
        self.lines: deque[str] = deque(maxlen=_KEPT)
        self._awaited: list[tuple[Event, asyncio.Future[None]]] = []
        self._listening: list[tuple[str, asyncio.Future[None]]] = []
        self._deferrals: dict[str, dict[str, MailDeferred]] = {}

    # -- from files to a program that serves -----------------------------------------------------------------

    def write(self, files: tuple[File, ...]) -> None:
        for file in files:
            write(file)

    def reload(self, software: str) -> None:
        process = self.programs.get(software)
        if process is not None and process.returncode is None:
            processes.send(signal.SIGHUP, [process.pid])

    async def run(self, software: Software, reader: Reader) -> None:
        """Start it, and return when it serves. MachineSaidNo with its last words when it does not."""
        give_away(software)
        for words in software.before:
            await processes.run(words)
        serves = asyncio.get_running_loop().create_future()
        for path in software.log_pipes:
            self.host.spawn(self._follow_pipe(path, software, reader, serves), f"log of {software.name}")
        process = await processes.start(software.command)
        self.programs[software.name] = process
        self.host.spawn(self._follow(process, software, reader, serves), software.name)
        try:
            await asyncio.wait_for(serves, _SECONDS)
        except TimeoutError:
            raise self._mute(software, f"does not serve after {_SECONDS:.0f} s") from None

    async def _follow(
        self, process: asyncio.subprocess.Process, software: Software, reader: Reader, serves: asyncio.Future[None]
    ) -> None:
        """Read the log to its end, which is the program's: its own fault, or the host's power going."""
        assert process.stdout is not None
        try:
            await processes.read_lines(process.stdout, lambda line: self._hear(line, software, reader, serves))
            status = await process.wait()
            failure = self._mute(software, f"ended with status {status}")
            if serves.done():
                raise failure
            serves.set_exception(failure)
        finally:
            await processes.end([process], at_once=self._doomed)

    async def _follow_pipe(
        self, path: str, software: Software, reader: Reader, serves: asyncio.Future[None]
    ) -> None:
        stream, transport = await processes.open_pipe(path)
        try:
            await processes.read_lines(stream, lambda line: self._hear(line, software, reader, serves))
        finally:
            transport.close()

    def _hear(self, line: str, software: Software, reader: Reader, serves: asyncio.Future[None]) -> None:
        if not line.startswith(software.murmurs):
            self.lines.append(f"{software.name}: {line}")
        for event in reader.read(line, self.host.clock.elapsed()):
            self._tell(event)
        for words, heard in self._listening:
            if words in line and not heard.done():
                heard.set_result(None)
        if software.ready in line and not serves.done():
            serves.set_result(None)

    def _mute(self, software: Software, what: str) -> MachineSaidNo:
        last = "\n".join(f"   {line}" for line in list(self.lines)[-5:]) or "   (none)"
        return MachineSaidNo(
            f"{software.name} on {self.host.name} {what}", remedy=f"Its last words:\n{last}", code="H030"
        )

    # -- what it tells ---------------------------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        match event:
            case ZoneReloaded():
                if self._is_awaited(event):
                    return  # whoever waits for it has told already
            case MailDeferred(queue_id=queue_id, recipients=recipients):
                self._hurry(event)
                self._deferrals.setdefault(queue_id, {}).update(dict.fromkeys(recipients, event))
            case MailRemoved(queue_id=queue_id):
                self._deferrals.pop(queue_id, None)
            case _:
                pass
        if self._beside is not None:
            self._beside.tell(event)
        else:
            self.host.log(event)

    def _hurry(self, event: MailDeferred) -> None:
        """OpenSMTPD's schedule is compiled in; where the topology asks for the lab's, it is told when to try."""
        if "opensmtpd" in self.host.plan.software and self.scene.schedule.name == "lab":
            wait = max(0.0, event.next_try - self.host.clock.elapsed())
            self.host.spawn(_hurried(wait), "queue run")

    def _is_awaited(self, event: Event) -> bool:
        found = [future for wanted, future in self._awaited if wanted == event and not future.done()]
        for future in found:
            future.set_result(None)
        return bool(found)

    def deferral(self, queue_id: str, recipient: str) -> MailDeferred | None:
        return self._deferrals.get(queue_id, {}).get(recipient)

    async def heard(self, words: str, within: float = 5.0) -> bool:
        """Wait until a line of the log has these words in it; False when none comes."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listening.append((words, future))
        try:
            await asyncio.wait_for(future, within)
        except TimeoutError:
            return False
        finally:
            self._listening.remove((words, future))
        return True

    async def told(self, event: Event, within: float = 5.0) -> bool:
        """Wait until the software's log has told of something; False when it does not come."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (event, future)
        self._awaited.append(entry)
        try:
            await asyncio.wait_for(future, within)
        except TimeoutError:
            return False
        finally:
            self._awaited.remove(entry)
        return True

    # -- what the lab's keeper may ask -----------------------------------------------------------------------

    async def show_config(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"files": config_form(self.scene)}

    async def show_log(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"lines": list(self.lines)}

    async def freeze(self, request: dict[str, Any]) -> dict[str, Any]:
        """Hold every process (SIGSTOP): the kernel goes on accepting connections, nobody answers them."""
        processes.send(signal.SIGSTOP, self.family())
        return {}

    async def doom(self, request: dict[str, Any]) -> dict[str, Any]:
        """The host is about to crash: from now on no program does anything, and none is asked to end."""
        self._doomed = True
        await self.hush(request)
        return await self.freeze(request)

    async def hush(self, request: dict[str, Any]) -> dict[str, Any]:
        """The host is about to go down: what waits for an answer of the DNS is told without it."""
        if self._beside is not None:
            self._beside.tell_all()
        return {}

    async def thaw(self, request: dict[str, Any]) -> dict[str, Any]:
        processes.send(signal.SIGCONT, self.family())
        return {}

    def family(self) -> list[int]:
        return processes.family(process.pid for process in self.programs.values() if process.returncode is None)


def _beside(host: Host, ask: Ask) -> Beside | None:
    """Who asks for the routes that an agent's log leaves out; None where there is no agent."""
    agent = next((name for name in host.plan.software if name in TOOLS), "")
    return Beside(host, agent, host.plan.mail, ask) if agent and host.plan.mail else None


async def _hurried(wait: float) -> None:
    await asyncio.sleep(wait)
    tools = TOOLS["opensmtpd"]
    await processes.run(tools.hurry, group=tools.group)


def prepare(software: Software) -> None:
    """Folders as it needs them. Only an owner sets rights (no FOWNER here), so root is it meanwhile."""
    for folder in software.needs.folders:
        _make(folder)
    for path in software.log_pipes:
        with suppress(FileNotFoundError):
            os.remove(path)
        os.mkfifo(path, 0o660)
        os.chmod(path, 0o660)
        _give(path, software.log_owner)


def give_away(software: Software) -> None:
    """Files that another user has to read."""
    for path, owner in software.owns:
        if os.path.exists(path):
            os.chmod(path, 0o640)
            _give(path, owner)


def _make(folder: Folder) -> None:
    path = Path(folder.path)
    path.mkdir(parents=True, exist_ok=True)
    if path.stat().st_mode & 0o7777 != folder.mode:
        os.chown(path, 0, 0)
        path.chmod(folder.mode)
    _give(folder.path, folder.owner)


def _give(path: str, owner: str) -> None:
    user, _, group = owner.partition(":")
    shutil.chown(path, user, group or None)


def write(file: File) -> None:
    path = Path(file.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.touch(0o640 if file.secret else 0o644)
    new.write_text(file.text, encoding="utf-8")
    new.chmod(0o640 if file.secret else 0o644)
    if file.owner != "root":
        _give(str(new), file.owner)
    new.replace(path)


def certificate_of(host: Host) -> Certificate | None:
    """A mail host's certificate; nobody else has one."""
    return Certificate.read(host.papers.decode()) if host.plan.mail is not None else None


async def start_foreign(host: Host, zones: Mapping[DomainName, ZonePlan], ask: Ask) -> Foreign:
    """Serve with the software that the host's plan names. MachineSaidNo when it does not start."""
    foreign = Foreign(host, scene(host.plan, zones, certificate_of(host)), ask)
    software = catalogued(host.plan.software)
    for one in software:
        prepare(one)
    host.console.staff(foreign)
    foreign.write(host_files(foreign.scene))
    for desk in desks_for(foreign):
        host.console.staff(desk)
    foreign.write(host_files(foreign.scene))
    readers = readers_of(foreign.scene)
    for one in software:
        await foreign.run(one, readers[one.name])
    return foreign
