"""The lab's own door: a Unix socket on which verbs are asked and answered, JSON a line.

The rule: one connection, one verb. The reply is a line; a verb that goes on telling writes more of them; `talk`
turns the connection into the wire itself after its first line. Errors that a person can meet go back as their
sentence; a defect of the lab goes to the daemon's diary in full and back as one sentence.
"""

from __future__ import annotations

import asyncio
import json
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from lab.control.client import LONGEST_REQUEST, too_long
from lab.control.running import Lab
from lab.errors import LabError, MachineSaidNo, WrongUse, form_of
from lab.values import dataclass

Args = dict[str, Any]
Form = dict[str, Any]
Verb = Callable[[Lab, Args], Awaitable[Form]]
"""Answers once."""
Story = Callable[[Lab, Args], AsyncIterator[Form]]
"""Goes on telling until the asker hangs up or the story ends."""


@dataclass(frozen=True, slots=True)
class Line:
    """The asker's connection, for a verb that takes it over."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def tell(self, form: Form) -> None:
        # half a surrogate pair, which JSON can hold and UTF-8 cannot, goes back as JSON wrote it: \ud800
        self.writer.write(json.dumps(form, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
        await self.writer.drain()


Dialogue = Callable[[Lab, Args, Line], Awaitable[None]]
"""Takes the connection over."""


@dataclass(frozen=True, slots=True)
class Switchboard:
    """Which function answers which verb."""

    verbs: Mapping[str, Verb]
    stories: Mapping[str, Story]
    dialogues: Mapping[str, Dialogue]

    async def connect(self, lab: Lab, verb: str, args: Args, line: Line) -> None:
        if verb in self.verbs:
            await line.tell(await self.verbs[verb](lab, args))
        elif verb in self.stories:
            async for form in self.stories[verb](lab, args):
                await line.tell(form)
        elif verb in self.dialogues:
            await self.dialogues[verb](lab, args, line)
        else:
            raise WrongUse(
                f"the lab that runs does not know '{verb}'", remedy="lab down, then lab up", code="W010"
            )


async def serve(lab: Lab, door: socket.socket, board: Switchboard) -> asyncio.Server:
    """Answer at `door` from now on."""

    async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer)
        try:
            await answer(lab, board, line)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the asker hung up, or the lab goes down: nobody is left to tell
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    return await asyncio.start_unix_server(heard, sock=door, limit=LONGEST_REQUEST)


async def answer(lab: Lab, board: Switchboard, line: Line) -> None:
    """Read a request and answer it; raises nothing but what says that the asker is gone."""
    try:
        verb, args = read_request(await _heard(line.reader))
        await board.connect(lab, verb, args, line)
    except LabError as error:
        await line.tell({"error": form_of(error)})
    except ConnectionError:
        raise
    except Exception:
        traceback.print_exc()
        defect = MachineSaidNo("the lab met a defect of its own; the report is in its diary", code="X001")
        await line.tell({"error": form_of(defect)})


async def _heard(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ValueError:  # asyncio's word for a line beyond its limit
        raise too_long() from None


def read_request(line: bytes) -> tuple[str, Args]:
    """A request's verb and arguments. WrongUse when it is none."""
    with suppress(ValueError, RecursionError):
        form = json.loads(line)
        if isinstance(form, dict) and isinstance(form.get("verb"), str) and isinstance(form.get("args", {}), dict):
            return form["verb"], form.get("args", {})
    raise WrongUse('a request is one line of JSON: {"verb": "status", "args": {}}', code="W011")
