"""Programs that are not the lab's: asked to end, or ended without a word."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from lab.foreign import processes

POLITE = """
trap 'echo goodbye > {0}/last-word; exit' TERM
echo ready
while :; do sleep 0.02; done
"""


@pytest.mark.parametrize(("at_once", "words"), [(False, ["last-word"]), (True, [])], ids=["asked", "at once"])
async def test_who_is_asked_to_end_has_a_last_word(tmp_path: Path, at_once: bool, words: list[str]) -> None:
    process = await processes.start(["sh", "-c", POLITE.format(tmp_path)])
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    await processes.end([process], at_once=at_once)
    assert process.returncode is not None
    assert os.listdir(tmp_path) == words


async def test_one_that_stands_still_ends_at_once_too(tmp_path: Path) -> None:
    process = await processes.start(["sh", "-c", POLITE.format(tmp_path)])
    assert process.stdout is not None
    await process.stdout.readline()
    processes.send(signal.SIGSTOP, processes.family([process.pid]))
    async with asyncio.timeout(30):
        await processes.end([process], at_once=True)
    assert process.returncode == -signal.SIGKILL
    assert os.listdir(tmp_path) == []
