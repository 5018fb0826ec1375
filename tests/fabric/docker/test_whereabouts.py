"""Where an engine is, in the words of a user."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import MachineSaidNo, WrongUse
from lab.fabric.docker.engine import Engine
from lab.fabric.docker.fleet import addresses
from lab.fabric.docker.forward import command, nothing_behind, refusal
from lab.fabric.docker.whereabouts import SOCKET, Login, Whereabouts, login, whereabouts


@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("unix:///var/run/docker.sock", Whereabouts("unix:///var/run/docker.sock")),
        ("unix:///a=b/sock", Whereabouts("unix:///a=b/sock")),
        ("unix:///a.sock=198.51.100.7", Whereabouts("unix:///a.sock", "198.51.100.7")),
        ("tcp://198.51.100.7:2375", Whereabouts("tcp://198.51.100.7:2375")),
        ("ssh://ann@attic:22022=10.9.0.2", Whereabouts("ssh://ann@attic:22022", "10.9.0.2", "attic")),
        ("ssh://attic=[fd00::7]", Whereabouts("ssh://attic", "fd00::7", "attic")),
        ("default", Whereabouts("unix:///var/run/docker.sock", "", "default")),
    ],
)
def test_a_word_means_a_place(
    word: str, means: Whereabouts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert whereabouts(word) == means


@pytest.mark.parametrize(
    ("url", "means"),
    [
        ("ssh://attic", Login("attic", None, SOCKET)),
        ("ssh://Ann@Attic:22022", Login("Ann@Attic", 22022, SOCKET)),
        ("ssh://attic/run/user/1000/docker.sock", Login("attic", None, "/run/user/1000/docker.sock")),
        ("ssh://ann@[fd00::7]:22", Login("ann@fd00::7", 22, SOCKET)),
        ("ssh://ann@[fd00::7]", Login("ann@fd00::7", None, SOCKET)),
    ],
)
def test_a_login_is_what_ssh_takes(url: str, means: Login) -> None:
    assert login(url) == means


@pytest.mark.parametrize(
    "word", ["ssh://", "ssh://-oProxyCommand=x", "ssh://a@-oProxyCommand=x", "ssh://a:b", "ftp://a"]
)
def test_what_is_no_place_is_wrong_use(word: str) -> None:
    with pytest.raises(WrongUse) as caught:
        login(whereabouts(word).url)
    assert caught.value.code == "W012"


def test_a_context_that_is_not_there_is_told() -> None:
    with pytest.raises(MachineSaidNo, match="no Docker context 'attic'") as caught:
        whereabouts("attic")
    assert caught.value.code == "H050"


def test_ssh_asks_nothing_and_leaves_when_the_lab_does() -> None:
    words = command(Login("ann@attic", 22022), Path("/tmp/here.sock"))
    assert words[words.index("-L") + 1] == f"/tmp/here.sock:{SOCKET}"
    assert words[-4:] == ["22022", "--", "ann@attic", words[-1]]
    assert {"BatchMode=yes", "ExitOnForwardFailure=yes", "ControlMaster=no"} <= set(words)
    assert words[-1].endswith("exec cat")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            "ssh: Could not resolve hostname attic: Name or service not known",
            "nobody knows a machine of that name",
        ),
        ("ann@attic: Permission denied (publickey).", "lets this user in by no key"),
        ("Host key verification failed.", "its host key is not known here"),
        ("ssh: connect to host attic port 22: Connection refused", "no ssh server answers there"),
        ("kex_exchange_identification: nonsense", "kex_exchange_identification: nonsense"),
        ("", "it said nothing"),
    ],
)
def test_what_ssh_says_becomes_a_sentence(words: str, why: str) -> None:
    error = refusal(words, Login("ann@attic"))
    assert (why in error.sentence, "ssh://ann@attic" in error.sentence, error.code) == (True, True, "H050")


def test_a_machine_without_an_engine_is_told_apart_from_one_that_is_not_there() -> None:
    assert nothing_behind("", Login("attic")).code == "H051"
    forbidden = nothing_behind("channel 2: open failed: administratively prohibited: open failed", Login("attic"))
    assert "AllowStreamLocalForwarding" in forbidden.remedy


def test_an_engine_s_address_is_what_was_said() -> None:
    engines = [Engine("unix:///a.sock=198.51.100.7"), Engine("unix:///b.sock")]
    assert addresses(engines) == ["198.51.100.7", ""]
