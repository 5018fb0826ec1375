"""`lab export`, and `lab replay -` of what containers told."""

from __future__ import annotations

import json
from pathlib import Path

from lab.events import HostStarted, MailAccepted, MailDelivered
from lab.log import Entry, gather
from tests.cli.conftest import CommandLine

PEER = "198.18.3.25"


def test_a_folder_is_written_and_the_first_command_told(command: CommandLine, tmp_path: Path) -> None:
    said = command("export", "compose", "tiny", "--out", str(tmp_path / "lab"))
    assert said.status == 0, said.err
    assert "9 hosts" in said.out
    assert "docker compose up -d" in said.out
    assert (tmp_path / "lab" / "compose.yaml").is_file()


def test_its_json_twin(command: CommandLine, tmp_path: Path) -> None:
    told = command.json("export", "kubernetes", "tiny", "--out", str(tmp_path / "lab"), "--image", "mine:1")
    assert told == {
        "format": "kubernetes",
        "topology": "tiny",
        "hosts": 9,
        "files": 2,
        "folder": str(tmp_path / "lab"),
        "image": "mine:1",
        "start": "kubectl apply --server-side -f lab.yaml",
    }
    assert '"mine:1"' in (tmp_path / "lab" / "lab.yaml").read_text("utf-8")


def test_an_unknown_format_writes_nothing(command: CommandLine, tmp_path: Path) -> None:
    said = command("export", "compos", "tiny", "--out", str(tmp_path / "lab"))
    assert (said.status, said.out) == (2, "")
    assert "lab export compose" in said.err
    assert "W043" in said.err
    assert not (tmp_path / "lab").exists()


def test_a_folder_that_is_not_empty_is_left_alone(command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    said = command("export", "compose", "tiny", "--out", str(tmp_path))
    assert said.status == 2
    assert "W044" in said.err


def _told() -> list[str]:
    """What two containers of an exported lab told, each in its own numbers, as an engine shows it."""
    here = [
        Entry(1, 100.0, "mail.a.be", HostStarted()),
        Entry(
            2, 105.0, "mail.a.be", MailAccepted("q1", "m@b.ch", "x@b.ch", ("ann@a.be",), 10, PEER, "b.ch", "SMTP")
        ),
        Entry(3, 106.0, "mail.a.be", MailDelivered("q1", "ann@a.be", "INBOX", 1)),
    ]
    there = [Entry(1, 101.0, "ns.a.be", HostStarted())]
    first = [f"mail.a.be-1  | {entry.line()}\n" for entry in here]
    return [*first, "ns.a.be-1  | Traceback (most recent call last):\n", *(f"{each.line()}\n" for each in there)]


def test_what_several_told_is_one_log_in_the_order_of_time() -> None:
    log = gather(_told())
    assert [(entry.n, entry.t, entry.host) for entry in log] == [
        (1, 100.0, "mail.a.be"),
        (2, 101.0, "ns.a.be"),
        (3, 105.0, "mail.a.be"),
        (4, 106.0, "mail.a.be"),
    ]


def test_a_log_that_is_gathered_once_more_stays_as_it_is() -> None:
    log = gather(_told())
    assert [entry.line() for entry in gather(f"{entry.line()}\n" for entry in log)] == [
        entry.line() for entry in log
    ]


def test_journeys_are_drawn_from_what_containers_told(command: CommandLine) -> None:
    said = command.apart("replay", "-", typed="".join(_told()))
    assert said.returncode == 0, said.stderr
    assert "J-0001  ● delivered" in said.stdout
    one = command.apart("replay", "-", "--id", "J-0001", "--json", typed="".join(_told()))
    assert json.loads(one.stdout)["state"] == "delivered"


def test_nothing_on_standard_input_is_a_sentence(command: CommandLine) -> None:
    said = command.apart("replay", "-", typed="no such service\n")
    assert said.returncode == 2
    assert "L001" in said.stderr
