"""A line on the lab's own door: a verb's answer or a sentence, as one line of JSON; and the lab lives on."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

from lab.clock import VirtualTime
from lab.control.running import Lab, lab_of
from lab.control.server import Line, Switchboard, answer
from lab.control.verbs import VERBS
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.internet import Internet
from lab.topology import loads
from tests.fuzz.target import Choices, Target
from tests.test_internet import TWO

_ODD: tuple[Any, ...] = (
    None,
    0,
    1,
    -1,
    10**30,
    True,
    1.5,
    "",
    "x",
    "*",
    "ann@a.example",
    "ed@b.example",
    "ed@b.example\r\n",
    "mail.a.example",
    "a.example",
    "MX",
    "TYPE65536",
    "\ud800",
    "\0\x1b",
    "é",
    "日本",
    "1h",
    "99999999999999w",
    "10%",
    "nan",
    "a." * 130,
    "@ A 198.18.9.9",
    "$GENERATE 1-3 x$ A 1.1.1.1",
    "SERVFAIL",
    "down",
    [],
    ["ed@b.example"],
    ["@ TXT x", 7],
    [[]],
    {},
)
_ARGS = (
    "host", "name", "type", "from", "to", "address", "folder", "uid", "raw", "origin", "add", "remove", "message",
    "body", "subject", "via", "id", "do", "password", "quota", "mail", "off", "at", "times", "reply", "as", "for",
    "delay", "loss", "cut", "by", "retry", "brief", "server", "trace",
)  # fmt: skip
_USUAL = (
    {"verb": "send", "args": {"from": "ann@a.example", "to": ["ed@b.example"]}},
    {
        "verb": "send",
        "args": {"from": "ann@a.example", "to": ["ed@b.example"], "message": "Subject: x\r\n\r\nhi\r\n"},
    },
    {
        "verb": "send",
        "args": {"from": "<>", "to": ["ed@b.example"], "subject": "x", "body": "y", "via": "mail.a.example"},
    },
    {"verb": "mailbox", "args": {"address": "ed@b.example", "folder": "INBOX", "uid": 1}},
    {"verb": "mailbox", "args": {"address": "ed@b.example", "folder": "INBOX", "raw": True}},
    {"verb": "dig", "args": {"name": "a.example", "type": "MX", "trace": True}},
    {
        "verb": "dig",
        "args": {"name": "a.example", "type": "A", "server": "mail.a.example", "from": "mail.b.example"},
    },
    {"verb": "zone", "args": {"origin": "a.example", "add": ["w A 198.18.9.9"], "remove": []}},
    {"verb": "fail", "args": {"host": "mail.b.example", "reply": 451, "at": "rcpt", "times": 1}},
    {"verb": "fail", "args": {"host": "a.example", "to": "b.example", "delay": "20ms", "loss": "1%"}},
    {"verb": "heal", "args": {}},
    {"verb": "account", "args": {"do": "add", "address": "zoe@a.example", "quota": 100}},
    {"verb": "account", "args": {"do": "alias", "address": "zoe@a.example", "to": ["ann@a.example"]}},
    {"verb": "account", "args": {"do": "rm", "address": "zoe@a.example", "mail": True}},
    {"verb": "clock", "args": {"by": "1m"}},
    {"verb": "queue", "args": {"retry": True}},
    {"verb": "journey", "args": {"id": "J-0001"}},
    {"verb": "status", "args": {}},
    {"verb": "host", "args": {"host": "mail.a.example"}},
    {"verb": "config", "args": {"host": "mail.a.example"}},
    {"verb": "restore", "args": {}},
)


def request(choices: Choices) -> bytes:
    form = cast("dict[str, Any]", json.loads(json.dumps(choices.one_of(_USUAL))))
    for _ in range(choices.below(4)):
        form["args"][choices.one_of(_ARGS)] = choices.one_of(_ODD)
    keys = tuple(form["args"])
    if keys and choices.below(8):
        form["args"][choices.one_of(keys)] = choices.one_of(_ODD)
    if choices.below(16) == 15:
        form[choices.one_of(("verb", "args"))] = choices.one_of((*_ODD, "watch", *VERBS))
    return json.dumps(form).encode()


class _Heard:
    """The asker's end: what is written to it."""

    def __init__(self) -> None:
        self.octets = b""

    def write(self, octets: bytes) -> None:
        self.octets += octets

    async def drain(self) -> None: ...


class _Running:
    """A lab of two organisations, for so many requests."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime()))
        self.lab: Lab
        self.left = 0

    def ask(self, line: bytes) -> bytes:
        if not self.left:
            self.runner.run(self._anew())
        self.left -= 1
        return self.runner.get_loop().run_until_complete(self._asked(line))

    async def _anew(self) -> None:
        if hasattr(self, "lab"):
            await self.lab.internet.down()
        plan = loads(TWO, "two.yaml")
        net = Internet(plan, lambda boot: SimFabric(plan.ranges, boot))
        await net.up()
        self.lab, self.left = lab_of(net), 200

    async def _asked(self, octets: bytes) -> bytes:
        reader = asyncio.StreamReader(limit=1 << 20)
        reader.feed_data(octets)
        reader.feed_eof()
        heard = _Heard()
        await answer(self.lab, Switchboard(VERBS, {}, {}), Line(reader, cast("asyncio.StreamWriter", heard)))
        assert not self.lab.internet.fabric.crashes, self.lab.internet.fabric.crashes
        return heard.octets


_RUNNING = _Running()


def run(octets: bytes) -> None:
    said = _RUNNING.ask(octets.replace(b"\n", b" ") + b"\n")
    assert said.endswith(b"\n")
    [line] = said.splitlines()
    form = json.loads(line)
    assert form.get("error", {}).get("code") != "X001", form
    after = json.loads(_RUNNING.ask(b'{"verb": "host", "args": {"host": "mail.a.example"}}\n'))
    assert after["name"] == "mail.a.example"


TARGET = Target(run, request, tuple(json.dumps(form).encode() for form in _USUAL))
