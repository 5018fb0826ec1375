"""Messages with parts, from the command line: written, sent, taken apart."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Protocol

import pytest

BINARY = bytes(range(256))


class Lab(Protocol):
    """The command line of conftest.py."""

    home: Path

    def __call__(self, *words: str) -> Any: ...

    def apart(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]: ...

    def json(self, *words: str) -> Any: ...


@pytest.fixture
def lab(sim_lab: Lab) -> Lab:
    return sim_lab


def write(folder: Path) -> list[str]:
    """The words that compose a message of everything; its files."""
    (folder / "text.txt").write_text("Grüße\n", encoding="utf-8")
    (folder / "page.html").write_text('<img src="cid:logo.png">', encoding="utf-8")
    (folder / "logo.png").write_bytes(b"\x89PNG\r\n")
    (folder / "naïve.bin").write_bytes(BINARY)
    words = ["compose", "--from", "Änn <ann@unige.ch>", "--to", "ed@belgiannews.com", "--subject", "Grüße"]
    files = {"text": "text.txt", "html": "page.html", "inline": "logo.png", "attach": "naïve.bin"}
    return [*words, *(word for option, name in files.items() for word in (f"--{option}", str(folder / name)))]


def test_what_was_attached_comes_out_again(lab: Lab, tmp_path: Path) -> None:
    sent = lab(*write(tmp_path), "--send")
    assert sent.status == 0, sent.err
    uid = str(lab.json("mailbox", "ed@belgiannews.com")["messages"][-1]["uid"])
    tree = lab("mailbox", "ed@belgiannews.com", uid, "--tree").out
    assert "├ multipart/alternative" in tree
    assert "naïve.bin" in tree
    said = lab("mailbox", "ed@belgiannews.com", uid, "--part", "2", "--out", str(tmp_path / "out"))
    assert "part 2: application/octet-stream, 256 octets" in " ".join(said.out.split())
    assert (tmp_path / "out").read_bytes() == BINARY
    assert lab.apart("mailbox", "ed@belgiannews.com", uid, "--part", "1.1").stdout == "Grüße\n"
    assert lab.json("mailbox", "ed@belgiannews.com", uid, "--part", "2", "--raw-part")["octets"].endswith(
        "/P3+/w==\r\n"
    )


def test_the_same_words_write_the_same_message(command: Lab, tmp_path: Path) -> None:
    words = write(tmp_path)
    assert command(*words, "--out", str(tmp_path / "a.eml")).status == 0
    assert command(*words, "--out", str(tmp_path / "b.eml")).status == 0
    assert (tmp_path / "a.eml").read_bytes() == (tmp_path / "b.eml").read_bytes()
    assert command.json(*words)["message"].encode("latin-1") == (tmp_path / "a.eml").read_bytes()


def test_a_written_file_can_be_sent(lab: Lab, tmp_path: Path) -> None:
    lab(*write(tmp_path), "--out", str(tmp_path / "a.eml"))
    file = str(tmp_path / "a.eml")
    assert lab("send", "--from", "ann@unige.ch", "--to", "ed@belgiannews.com", "--file", file).status == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--attach", "/none/x"], "/none/x cannot be read: no such file or directory"),
        (["--subject", "a\nBcc: x@y.z"], "has to be a single line"),
        (["--out", "/none/x"], "/none/x cannot be written"),
        (["--text", "/dev/null", "--inline"], "--inline is missing"),
    ],
)
def test_what_cannot_be_written_is_told(command: Lab, words: list[str], told: str) -> None:
    said = command("compose", "--from", "ann@unige.ch", "--to", "ed@belgiannews.com", *words)
    assert (said.status, told in said.err) == (2, True), said.err


def test_a_part_needs_a_message(command: Lab) -> None:
    assert "of which message?" in command("mailbox", "ed@belgiannews.com", "--tree").err.lower()
