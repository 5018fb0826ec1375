"""Requests and replies on the lab's own door."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lab.control import client, server
from lab.control.home import listen, short_path
from lab.control.running import Lab
from lab.control.server import Line, Switchboard, read_request, serve
from lab.errors import NotUp, WorldSaidNo, WrongUse, error_of


async def echo(lab: Lab, args: dict[str, Any]) -> dict[str, Any]:
    return args


async def refuse(lab: Lab, args: dict[str, Any]) -> dict[str, Any]:
    raise WorldSaidNo("the world said no", remedy="lab heal", code="W005")


async def break_down(lab: Lab, args: dict[str, Any]) -> dict[str, Any]:
    raise ZeroDivisionError("a defect")


async def count(lab: Lab, args: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    for n in (1, 2):
        yield {"n": n}


async def shout(lab: Lab, args: dict[str, Any], line: Line) -> None:
    await line.tell({"connected": True})
    line.writer.write((await line.reader.read(100)).upper())


BOARD = Switchboard({"echo": echo, "refuse": refuse, "break": break_down}, {"count": count}, {"shout": shout})


async def said(folder: Path, request: bytes, then: bytes = b"") -> list[bytes]:
    """What comes back for a request, line by line."""
    serving = await serve(None, listen(folder / "control.sock"), BOARD)  # type: ignore[arg-type]
    async with serving:
        with short_path(folder / "control.sock") as name:
            reader, writer = await asyncio.open_unix_connection(name)
        writer.write(request + then)
        writer.write_eof()
        lines = (await reader.read()).splitlines()
        writer.close()
        await writer.wait_closed()
    return lines


async def test_a_verb_answers_with_one_line(tmp_path: Path) -> None:
    lines = await said(tmp_path, b'{"verb": "echo", "args": {"name": "belgiannews.com"}}\n')
    assert [json.loads(line) for line in lines] == [{"name": "belgiannews.com"}]


async def test_a_story_is_told_line_by_line(tmp_path: Path) -> None:
    assert await said(tmp_path, b'{"verb": "count"}\n') == [b'{"n": 1}', b'{"n": 2}']


async def test_a_dialogue_takes_the_connection_over(tmp_path: Path) -> None:
    assert await said(tmp_path, b'{"verb": "shout"}\n', b"helo") == [b'{"connected": true}', b"HELO"]


async def test_an_error_arrives_as_it_was_raised(tmp_path: Path) -> None:
    (line,) = await said(tmp_path, b'{"verb": "refuse"}\n')
    error = error_of(json.loads(line)["error"])
    assert isinstance(error, WorldSaidNo)
    assert (error.sentence, error.remedy, error.code) == ("the world said no", "lab heal", "W005")


async def test_a_defect_is_one_sentence_to_the_asker_and_a_report_in_the_diary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = await said(tmp_path, b'{"verb": "break"}\n')
    assert json.loads(line)["error"]["code"] == "X001"
    assert "ZeroDivisionError" not in line.decode()
    assert "ZeroDivisionError: a defect" in capsys.readouterr().err


async def test_an_unknown_verb_is_wrong_use(tmp_path: Path) -> None:
    (line,) = await said(tmp_path, b'{"verb": "dance"}\n')
    assert json.loads(line)["error"]["exit_status"] == 2


@pytest.mark.parametrize("line", [b"", b"\xff", b"dig", b"[]", b'{"verb": 7}', b'{"verb": "dig", "args": 1}'])
def test_what_is_no_request_is_told_what_one_is(line: bytes) -> None:
    with pytest.raises(WrongUse, match="one line of JSON"):
        read_request(line)


def test_an_error_keeps_its_exit_status_on_the_way() -> None:
    assert isinstance(error_of({"sentence": "no lab is up", "exit_status": 3}), NotUp)


async def test_a_request_without_end_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LONGEST_REQUEST", 1000)
    [line] = await said(tmp_path, b"x" * 3000)
    with pytest.raises(WrongUse, match="more than a lab can be asked in one go"):
        raise error_of(json.loads(line)["error"])


def test_a_message_too_long_to_ask_for_is_not_sent_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LONGEST_REQUEST", 1000)
    assert client.request("send", {"message": "x" * 900})
    with pytest.raises(WrongUse, match="more than a lab can be asked in one go"):
        client.request("send", {"message": "x" * 3000})
