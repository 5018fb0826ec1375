"""The JSON twins: one object a line, with the names that scripts and graders lean on. More keys may be added."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.cli.app import modules

Lab = Any
"""The command line of conftest.py."""

SEND = ("send", "--from", "ann@unige.ch", "--to", "ed@belgiannews.com")
STEP = {"t", "host", "layer", "what", "why"}
JOURNEY = {"journey", "from", "to", "state", "steps"}

TWINS: Mapping[tuple[str, ...], Mapping[str, set[str]]] = {
    ("status",): {"": {"lab", "fabric", "hosts"}, "hosts": {"name", "address", "runs", "state"}},
    ("dig", "belgiannews.com", "MX", "--trace"): {
        "": {"rcode", "aa", "answers", "authority", "additional", "trace"},
        "answers": {"name", "type", "ttl", "data"},
        "trace": {"server", "zone", "outcome"},
    },
    SEND: {"": JOURNEY, "steps": STEP},
    ("compose", *SEND[1:], "--send"): {"": JOURNEY, "steps": STEP},
    ("journey",): {"": {"journeys"}, "journeys": {"journey", "from", "to", "state"}},
    ("journey", "J-0001"): {"": JOURNEY, "steps": STEP},
    ("why", "J-0001"): {
        "": {"journey", "code", "sentence", "rfc", "remedy", "rule", "evidence", "next"},
        "evidence": {"n", "t", "host", "layer", "about", "outcome"},
    },
    ("mailbox", "ed@belgiannews.com"): {
        "": {"address", "messages"},
        "messages": {"uid", "from", "subject", "size", "received", "flags"},
    },
    ("mailbox", "ed@belgiannews.com", "1"): {"": {"message"}},
    ("mailbox", "ed@belgiannews.com", "1", "--tree"): {"": {"address", "uid", "parts"}},
    ("queue", "mail.unige.ch"): {
        "": {"queue"},
        "queue": {"host", "id", "to", "state", "attempts", "next_try", "last_reply"},
    },
    ("account", "list"): {"": {"do", "hosts"}},
    ("zone", "unige.ch"): {"": {"origin", "serial", "text"}},
    ("config", "mail.unige.ch"): {"": {"host", "software", "files", "plan"}},
    ("config", "relay.eunet.be", "exim4.conf", "--topology", "belgium-real"): {
        "": {"host", "software", "files"},
        "files": {"path", "text"},
    },
    ("clock", "+1s"): {"": {"now", "elapsed_s", "advanced_s", "happened"}},
    ("fail", "ns.be"): {"": {"host", "fault"}},
    ("heal", "ns.be"): {"": {"healed"}},
    ("watch", "--once"): {"": {"n", "t", "host", "event"}},
    ("talk", "mail.unige.ch"): {"": set()},
    ("capture", "/dev/null", "--for", "0s"): {"": {"capturing", "hosts"}},
    ("compare", "policies", "rcpt-4xx"): {"": {"case", "title", "law", "differ", "policies", "world"}},
    ("futures", "tiny", "--seeds", "1", "--mail", "1", "--days", "1"): {
        "": {"seeds", "passed", "failed", "lost", "twice", "wall_s"}
    },
    ("check", "tiny"): {"": {"file", "errors", "problems"}},
    ("graph", "tiny"): {"": {"topology", "mermaid"}},
    ("schema",): {"": {"properties"}},
    ("explain", "glue"): {"": {"topic", "text"}},
    ("doctor",): {"": {"about", "verdict", "sentence", "remedy"}},
}
"""A verb's words: below each key (\"\" is the object itself), the keys of what it holds."""

ELSEWHERE = {"up", "down", "shell", "run", "replay", "image", "export"}
"""Tested below, or where they are at home: shell in test_local.py, run in test_files.py,
image in tests/fabric/docker/image, export in test_export.py."""


@pytest.fixture
def lab(sim_lab: Lab) -> Iterator[Lab]:
    """With a message that has arrived, and one that waits."""
    sim_lab(*SEND)
    sim_lab("fail", "relay.eunet.be")
    sim_lab("send", "--from", "ann@unige.ch", "--to", "luc@eunet.be")
    yield sim_lab
    sim_lab("heal")


def lines(said: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines()]


def first(found: Any) -> Mapping[str, Any]:
    """Of several objects the first."""
    return found[0] if isinstance(found, Sequence) else found


@pytest.mark.parametrize("words", TWINS, ids=lambda words: "-".join(words[:2]))
def test_the_names_are_there(lab: Lab, words: tuple[str, ...]) -> None:
    said = lab.apart(*words, "--json")
    forms = lines(said.stdout)
    assert said.returncode == 0, said.stderr
    for place, keys in TWINS[words].items():
        found = first(forms[0][place] if place else forms[0])
        assert keys <= set(found), place


def test_every_verb_has_a_twin() -> None:
    assert {words[0] for words in TWINS} | ELSEWHERE == set(modules())


def test_the_state_of_a_message_is_one_of_five(lab: Lab) -> None:
    states = {form["state"] for form in lab.json("journey")["journeys"]}
    assert {"delivered", "queued"} <= states <= {"delivered", "held", "queued", "bounced", "refused"}


def test_up_and_down_have_theirs(command: Lab) -> None:
    up = lines(command.apart("up", "tiny", "--fabric", "sim", "--json").stdout)[-1]
    assert {"lab", "fabric", "topology", "hosts", "ready_s", "dashboard"} <= set(up)
    assert {"lab", "log"} <= set(command.json("down"))
    assert set(command.json("replay", str(command.home / "last.jsonl"))) >= {"n", "t", "host", "event"}


@pytest.mark.parametrize("verb", sorted(modules()))
def test_a_wrong_word_is_an_object_too(command: Lab, verb: str) -> None:
    said = command(verb, "--nonsense", "--json")
    (form,) = lines(said.out)
    assert said.status == 2
    assert set(form["error"]) == {"sentence", "remedy", "code", "exit_status"}
    assert form["error"]["exit_status"] == 2


@pytest.mark.parametrize("verb", sorted(modules()))
def test_what_is_wrong_is_said_in_a_sentence(command: Lab, verb: str) -> None:
    """Empty, hostile and long words: no verb breaks, and no control character reaches the terminal."""
    for word in ("", "\x1b[2J\x07", "☃" * 5_000, "-", "/dev/null/x"):
        said = command(verb, word) if verb != "up" else command(verb, word, "--fabric", "nowhere")
        assert said.status in (0, 1, 2, 3, 4), (verb, word, said.err)
        assert "\x1b" not in said.out + said.err, (verb, word)
        assert len(said.err) < 3_000, (verb, word)
        assert "Traceback" not in said.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told(command: Lab) -> None:
    with Path("/dev/full").open("w") as full:
        said = subprocess.run(
            [sys.executable, "-m", "lab.cli.app", "explain"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert said.returncode == 4
    assert "H024" in said.stderr


def test_a_closed_keyboard_is_an_empty_one(sim_lab: Lab) -> None:
    talk = f"exec {sys.executable} -m lab.cli.app talk mail.unige.ch <&-"
    said = subprocess.run(
        ["sh", "-c", talk],
        env={**os.environ, "LAB_HOME": str(sim_lab.home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("< 220 mail.unige.ch")


def test_a_missing_word_is_named_as_it_is_written(command: Lab) -> None:
    assert "HOST is missing" in command("talk").err
