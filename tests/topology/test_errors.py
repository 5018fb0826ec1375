"""Each file in errors/ is named after the fault it holds; what is said of it stands beside it, word for word.

After a change of words: `python tests/topology/test_errors.py` writes them anew; read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.errors import BadFile
from lab.topology import check, load, loads
from lab.topology.codes import CODES

FOLDER = Path(__file__).parent / "errors"
FILES = sorted(path.name for path in FOLDER.glob("*.yaml"))


def said(name: str) -> str:
    return "".join(f"{'warning' if p.warning else 'error'}: {p}\n" for p in check(Path(name)))


@pytest.mark.parametrize("name", FILES)
def test_a_fault_is_told_in_these_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    assert said(name) == Path(name).with_suffix(".txt").read_text(encoding="utf-8")
    assert name.split("-")[0] in said(name)


def test_every_code_has_its_fault() -> None:
    assert {name.split("-")[0] for name in FILES} == set(CODES)


@pytest.mark.parametrize("name", FILES)
def test_nothing_of_the_machinery_gets_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    words = said(name).lower()
    for ours in (
        "pydantic",
        "traceback",
        "validationerror",
        "input should",
        "nonetype",
        "domainname(",
        "yaml.org",
    ):
        assert ours not in words


def test_an_error_starts_nothing() -> None:
    with pytest.raises(BadFile) as caught:
        load(FOLDER / "T021-mx-names-an-address.yaml")
    assert str(caught.value).endswith("2 errors, nothing was started.")
    assert [problem.code for problem in caught.value.problems] == ["T021", "T021"]


def test_a_warning_starts() -> None:
    assert load(FOLDER / "T041-backup-that-does-not-hold.yaml").hosts


def test_a_fault_kept_on_purpose_is_a_warning() -> None:
    text = "faults_on_purpose: [T021]\ndomains:\n  a.be:\n    mx: [10 198.18.2.25]\n"
    (zone,) = [zone for origin, zone in loads(text).zones.items() if origin == "a.be"]
    assert [record.data.text() for record in zone.records if record.type == "MX"] == ["10 198.18.2.25."]


def test_errors_of_form_and_of_meaning_come_at_once() -> None:
    text = """domains:
  a.be:
    mx: [10 198.18.2.25, {preferance: 5, exchange: mail.a.be}]
    people: [ed]
    hosts: {pc: {mail: {policy: postfx}}}
"""
    with pytest.raises(BadFile) as caught:
        loads(text)
    assert [problem.code for problem in caught.value.problems] == ["T021", "T004", "T010"]


@pytest.mark.parametrize("name", ["nowhere.yaml", "."])
def test_a_file_that_cannot_be_read_is_a_sentence(name: str, tmp_path: Path) -> None:
    (problem,) = check(tmp_path / name)
    assert problem.code == "T003"


def test_a_file_in_another_encoding_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("name: lab\n# Gen\xe8ve\n".encode("latin-1"))
    (problem,) = check(tmp_path / "latin.yaml")
    assert problem.sentence == "this is not UTF-8 text"
    assert problem.place is not None
    assert problem.place.line == 2


if __name__ == "__main__":
    os.chdir(FOLDER)
    for each in FILES:
        Path(each).with_suffix(".txt").write_text(said(each), encoding="utf-8")
