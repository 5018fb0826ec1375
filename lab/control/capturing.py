"""`capture`: the packets of the lab, as a capture file on the asker's connection, until they have heard enough.

The rule: the lab never waits for whoever listens. What they do not fetch is kept up to a bound; beyond it
packets are left out of the file, whole, and counted.

    ← {"hosts": […]}                                                  it has begun
    ← {"octets": "…"}                                                 the next piece of the file, in base64
    → the end of the asker's side, or `for` of lab time has passed
    ← {"done": {"packets": 214, "octets": 31204, "hosts": 9, "dropped": 0}}
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from lab.control.arguments import Args, flag, span, text, texts
from lab.control.running import Lab
from lab.control.server import Line
from lab.errors import WrongUse
from lab.fabric.base import Capability
from lab.fabric.loop import LabLoop
from lab.journey.capture import Recorder

_TURN = 0.25
"""Seconds on the wall between two looks at what has come."""
_LIVE, _PATIENT = 1, 80
"""Turns that a packet waits for what the log will tell of it: for one who looks on, and for a file."""
_MOST_UNFETCHED = 64 << 20
_PIECE = 1 << 18


class Basket:
    """What was written and not fetched yet."""

    def __init__(self) -> None:
        self._octets = bytearray()

    def put(self, octets: bytes) -> None:
        self._octets += octets

    def has_room(self) -> bool:
        return len(self._octets) < _MOST_UNFETCHED

    def pieces(self) -> Iterator[dict[str, Any]]:
        """All of it, and then it is empty."""
        octets, self._octets = bytes(self._octets), bytearray()
        for at in range(0, len(octets), _PIECE):
            yield {"octets": b64encode(octets[at : at + _PIECE]).decode()}


async def capture(lab: Lab, args: Args, line: Line) -> None:
    """`hosts`: those to look at, all if there are none; `for`: how long; `live`: somebody looks on."""
    fabric = lab.internet.fabric
    if Capability.TAP not in fabric.capabilities:
        raise WrongUse(f"on the {fabric.name} fabric packets cannot be captured", code="W013")
    hosts = [lab.internet.host(name).name for name in texts(args, "hosts")]
    seconds = span(text(args, "for")).total_seconds() if args.get("for") else None
    basket, turns = Basket(), _LIVE if flag(args, "live") else _PATIENT
    recorder = Recorder(lab.internet, lab.journeys, basket.put, hosts, turns, basket.has_room)
    try:
        await fabric.see_all()
        await line.tell({"hosts": hosts or [host.name for host in lab.internet.plan.hosts]})
        await _go_on(recorder, basket, line, seconds)
        await fabric.see_all()
    finally:
        # Without waiting for anybody, for the lab may be going down; the server closes the line in peace.
        done = {"done": asdict(recorder.finish())}
        for form in (*basket.pieces(), done):
            line.writer.write(json.dumps(form).encode() + b"\n")


async def _go_on(recorder: Recorder, basket: Basket, line: Line, seconds: float | None) -> None:
    """Until the asker has said that it is enough, or so much lab time has passed."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, LabLoop)
    enough = asyncio.ensure_future(line.reader.read())
    over = loop.create_future()
    timer = None if seconds is None else loop.call_later(seconds, over.set_result, None)
    try:
        while not (enough.done() or over.done()):
            turn = loop.create_future()
            tick = loop.call_patiently(_TURN, turn.set_result, None)
            await asyncio.wait((enough, over, turn), return_when=asyncio.FIRST_COMPLETED)
            tick.cancel()
            recorder.turn()
            for piece in basket.pieces():
                await line.tell(piece)
    finally:
        enough.cancel()
        if timer is not None:
            timer.cancel()
