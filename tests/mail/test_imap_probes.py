"""Every probe of `imap_probes/`: what is said to the IMAP server, and what it has to answer.

A probe begins with `## its name`. `C:` is typed; `S:` has to be heard since, in this order, with others between
them; `N:` must not be heard. `…` stands for anything. `D:` another client does something meanwhile, in its own
session on INBOX. A file's first line says where its probes begin: out, in (logged in) or selected.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.mail.imap_world import Typist, World, play

FOLDER = Path(__file__).with_name("imap_probes")


def _probes() -> list[tuple[str, str, list[str]]]:
    found = []
    for file in sorted(FOLDER.glob("*.txt")):
        beginning, *probes = file.read_text().split("\n## ")
        for probe in probes:
            name, *lines = probe.splitlines()
            found.append((f"{file.stem}: {name}", beginning.split()[-1], [line for line in lines if line]))
    return found


PROBES = _probes()


@pytest.mark.parametrize(("where", "lines"), [probe[1:] for probe in PROBES], ids=[probe[0] for probe in PROBES])
def test_the_server_answers_as_the_rfc_asks(where: str, lines: list[str]) -> None:
    async def story(world: World) -> None:
        client = await world.dial()
        greeting = await client.hears()
        if where != "out":
            await client.enter(select="INBOX" if where == "selected" else "")
        await _probe(world, client, lines, [greeting])

    play(story)


async def _probe(world: World, client: Typist, lines: list[str], heard: list[str]) -> None:
    other: Typist | None = None
    for line in lines:
        kind, _, text = line.partition(": ")
        if kind == "C":
            heard = await client.says(text.replace("⏎", "\r\n"))
        elif kind == "D":
            other = other or await world.client()
            assert " OK" in (await other.says(text.replace("⏎", "\r\n")))[-1]
        elif kind == "N":
            assert not [one for one in heard if _fits(text, one)], (text, heard)
        else:
            heard = _after(text, heard)


def _after(pattern: str, heard: list[str]) -> list[str]:
    for at, one in enumerate(heard):
        if _fits(pattern, one):
            return heard[at + 1 :]
    pytest.fail(f"{pattern!r} was not heard, but\n" + "\n".join(heard))


def _fits(pattern: str, response: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("…"))), response, re.DOTALL) is not None
