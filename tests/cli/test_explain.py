"""The handbook: every code that an error can end in has an explanation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lab
from lab.cli.explain import by_code, diagnosis, fault, layer, pages, reply

CODE = re.compile(r'"([A-Z]\d{3})"')


def codes() -> list[str]:
    """The codes that stand in the lab's own files."""
    files = sorted(Path(lab.__file__).parent.rglob("*.py"))
    return sorted({code for file in files for code in CODE.findall(file.read_text(encoding="utf-8"))})


@pytest.mark.parametrize("code", codes())
def test_every_code_is_explained(code: str) -> None:
    assert by_code(pages(), code) or fault(code) or diagnosis(code)


def test_no_code_is_explained_twice() -> None:
    named = [code for text in pages().values() for code in re.findall(r"\b[A-Z]\d{3}\b", _codes(text))]
    assert len(named) == len(set(named))


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_page_is_short_and_has_a_title(name: str) -> None:
    lines = pages()[name].splitlines()
    assert lines[0].startswith("# ")
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 96


def _codes(text: str) -> str:
    return next((line for line in text.splitlines() if line.startswith("Codes: ")), "")


def test_screens_name_pages_that_exist() -> None:
    files = sorted((Path(lab.__file__).parent / "cli").glob("*.py"))
    named = {name for file in files for name in re.findall(r"lab explain ([a-z-]{4,})", file.read_text("utf-8"))}
    assert named <= set(pages())
    assert "mx-preference" in named


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("550", "there is no such mailbox"),
        ("5.7.1", "does not relay"),
        ("550 5.1.1", "no such mailbox"),
        ("T021", ""),
    ],
)
def test_an_smtp_reply_is_explained_too(words: str, says: str) -> None:
    assert says in reply(words)
    assert bool(says) == bool(reply(words))


def test_a_layer_of_diagnoses_lists_them() -> None:
    text = layer("D3")
    assert "D301  the exchanger refuses connections" in text
    assert "D201" not in text
    assert layer("D") == ""


def test_a_diagnosis_is_explained_without_a_message() -> None:
    text = diagnosis("D304")
    assert "RFC 5321 §5.1" in text
    assert "lab heal EXCHANGER" in text
    assert "{" not in text
