"""YAML by its 1.2 core rules, and where everything stands."""

from __future__ import annotations

import pytest

from lab.topology.source import read


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("2024-01-01", "2024-01-01"),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("12", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5e3", 1500.0),
        ("'12'", "12"),
        ('"no"', "no"),
        ("=", "="),
        ("<<", "<<"),
    ],
)
def test_a_plain_value_means_this(written: str, value: object) -> None:
    found = read(f"key: {written}\n", "f").value["key"]
    assert (found, type(found) is bool) == (value, type(value) is bool)


def test_a_number_keeps_how_it_was_written() -> None:
    assert read("key: 0042", "f").value["key"].written == "0042"


def test_every_repeated_key_is_told() -> None:
    problems = read("a: 1\nb: {c: 1, c: 2}\na: 3\n", "f").problems
    assert [(p.code, p.place and (p.place.line, p.place.column)) for p in problems] == [
        ("T002", (2, 11)),
        ("T002", (3, 1)),
    ]


def test_an_anchor_is_one_value_in_two_places() -> None:
    source = read("a: &x [1, 2]\nb: *x\n", "f")
    assert source.value == {"a": [1, 2], "b": [1, 2]}
    assert source.problems == []


def test_a_path_leads_back_to_line_and_column() -> None:
    source = read("domains:\n  Eunet.BE:\n    mx: [5 mail, 10 relay.b.be]\n", "f")
    assert str(source.place(("domains", "eunet.be"), key=True)) == "f:2:3"
    assert str(source.place(("domains", "eunet.be", "mx", 1, "exchange"), token="relay.b.be")) == "f:3:21"
    assert str(source.place(("domains", "eunet.be", "people", "ed"))) == "f:3:5"


@pytest.mark.parametrize(
    "text",
    ["{" * 50_000, "- " * 50_000, "a: b: c", "\x00", "- &a\n*b", "a: !!python/object:os.system x", "[" * 400],
)
def test_what_is_not_a_topology_is_a_problem_and_no_more(text: str) -> None:
    assert {problem.code for problem in read(text, "f").problems} == {"T001"}
