"""Every diagnosis has a world that provokes it, typed as a user would, and `lab why` names it there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from worlds import WORLDS, code_of, commands, lab_up, typeable

from lab.cli.app import modules
from lab.journey.diagnoses import CATALOGUE


def verbs(text: str) -> set[str]:
    """Those of the commands in a text: two spaces, a dot between commands or the beginning stand before them."""
    return set(re.findall(r"(?:^|  |· )lab ([a-z]+)", text))


@pytest.mark.parametrize("world", WORLDS, ids=lambda path: path.stem)
def test_why_names_the_fault_of_its_world(world: Path) -> None:
    assert commands(world), "a world says in its comment what to type"
    with lab_up(world) as lab:
        said = [(line, lab(line)) for line in commands(world)]
        assert not [out for _, out in said if re.search(r" [A-Z]\d{3}$", out, re.MULTILINE)], (
            "a command was refused"
        )
        found = lab.json("lab why")
        shown = lab("lab why")
    assert found.get("code") == code_of(world), "\n".join(
        f"$ {line}\n{out}" for line, out in [*said, ("why", shown)]
    )
    assert found["sentence"] in " ".join(shown.split())
    assert not re.search(r"{\w*}", found["sentence"] + found["remedy"] + "".join(found["next"]))
    assert verbs(f"{found['remedy']} · {' · '.join(found['next'])}") <= set(modules())


MENDED = [world for world in WORLDS if CATALOGUE[code_of(world)].remedy.startswith(("lab ", "{"))]
"""Where the remedy is what to type, and not advice."""


@pytest.mark.parametrize("world", MENDED, ids=lambda path: path.stem)
def test_the_remedy_mends_it(world: Path) -> None:
    with lab_up(world) as lab:
        for line in commands(world):
            lab(line)
        remedy = lab.json("lab why")["remedy"]
        done = []
        for line in typeable(remedy):
            done.append((line, lab(line)))
            if line.startswith("lab zone"):
                assert line not in lab.json("lab why")["remedy"], "what was done is not said again"
        if "send it again" in remedy:
            done += [(line, lab(line)) for line in commands(world) if line.startswith("lab send")]
        state = lab.json("lab why")["state"]
    assert state == "delivered", "\n".join(f"$ {line}\n{out}" for line, out in done)


BROKEN = [world for world in WORLDS if any(line.startswith("lab fail") for line in commands(world))]


@pytest.mark.parametrize("world", BROKEN, ids=lambda path: path.stem)
def test_who_asks_after_it_was_healed_is_told_what_is_left_to_do(world: Path) -> None:
    again = [line for line in commands(world) if line.startswith("lab send")]
    with lab_up(world) as lab:
        for line in [*commands(world), "lab heal"]:
            lab(line)
        for _ in range(2):  # what is sent again may have to wait behind what was tried before
            found = lab.json("lab why")
            assert "lab heal" not in found["remedy"], (found["code"], found["remedy"])
            for line in typeable(found["remedy"])[:1] or again:
                lab(line)
        if "healed by now" in found["remedy"] or found["code"] == "D501":
            assert lab.json("lab why")["state"] == "delivered", found["remedy"]


def test_every_diagnosis_has_a_world_and_every_world_a_diagnosis() -> None:
    assert {code_of(world) for world in WORLDS} == set(CATALOGUE)


def test_no_two_worlds_give_the_same_code() -> None:
    assert [code for code, n in Counter(map(code_of, WORLDS)).items() if n > 1] == []


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_diagnosis_names_its_law_and_what_to_do(code: str) -> None:
    diagnosis = CATALOGUE[code]
    assert re.match(
        r"RFC \d+ §\d+(\.\d+)*(, §\d+(\.\d+)*)*(, RFC \d+( §\d+(\.\d+)*(, §\d+(\.\d+)*)*)?)*$", diagnosis.rfc
    )
    assert diagnosis.title
    assert diagnosis.remedy.strip(" .")
    assert len(diagnosis.more) > 80
    assert verbs(diagnosis.remedy + " · " + " · ".join(diagnosis.tries)) <= set(modules())
