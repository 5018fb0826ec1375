"""Packages by way of the machine's apt; here a script plays apt-get."""

import os

import pytest

from lab.errors import MachineSaidNo
from lab.fabric.docker.image import apt


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine whose apt-get does as the script says; its words are in `said`."""

    def make(script):
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / "apt-get"
        program.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/said\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        (tmp_path / "work").mkdir()
        return tmp_path / "work"

    return make


def words(tmp_path):
    return (tmp_path / "said").read_text().splitlines()


FETCHES = (
    'for word; do case $word in Dir::Cache::archives=*) d=${word#*=};; esac; done; touch "$d/b.deb" "$d/a.deb"'
)


def test_what_was_fetched_comes_in_order_of_names(machine, tmp_path):
    folder = machine(FETCHES)
    assert [deb.name for deb in apt.fetch(["postfix"], b"Package: x\n", folder)] == ["a.deb", "b.deb"]
    (said,) = words(tmp_path)
    assert said.endswith("--download-only install -- postfix")
    assert (folder / "status").read_bytes() == b"Package: x\n"


def test_the_machines_own_state_is_left_alone(machine, tmp_path):
    folder = machine(FETCHES)
    apt.fetch(["postfix"], b"", folder)
    (said,) = words(tmp_path)
    for place in ("Dir::State::status", "Dir::State::extended_states", "Dir::Cache::archives"):
        assert f"{place}={folder}" in said
    assert "APT::Sandbox::User= " in said


def test_lists_that_are_out_of_date_are_fetched_anew_into_our_own_folder(machine, tmp_path):
    folder = machine(f"case $* in *Dir::State::lists=*) {FETCHES};; *) echo 'E: 404' >&2; exit 100;; esac")
    assert len(apt.fetch(["postfix"], b"", folder)) == 2
    assert [line.split()[-1] for line in words(tmp_path)] == ["postfix", "update", "postfix"]


def test_a_mirror_that_does_not_answer_is_told(machine):
    folder = machine("echo 'W: bad day' >&2; echo 'E: Unable to locate package postfix.' >&2; exit 100")
    with pytest.raises(MachineSaidNo, match="could not be fetched: Unable to locate package postfix ") as told:
        apt.fetch(["postfix"], b"", folder)
    assert told.value.code == "H036"


def test_a_machine_without_apt_has_no_packages(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not apt.is_here()
