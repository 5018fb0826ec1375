"""`lab compare`: the table, one case, a scenario, the schedules; as a person sees them and as JSON."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from lab.cli import app
from lab.cli.compare_case import case_screen
from lab.cli.compare_schedules import all_forms, schedules_screen
from lab.cli.policy_text import _TRAITS
from lab.cli.screen import paint
from lab.compare import CASES, GROUPS, case_named
from lab.compare import compare as played
from lab.compare.form import row, whole
from lab.mail.policies import POLICIES
from lab.mail.retry import SCHEDULES

Lab = Any
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def forms() -> dict[str, dict[str, Any]]:
    """Some cases as JSON: policies part by a row, by a limit, by what they know of themselves, by lot, or not."""
    names = ("rcpt-4xx", "third-serves", "self-second", "equals", "all-well", "two-recipients")
    found = played([case_named(name) for name in names], tuple(POLICIES))
    return {outcomes[0].case.name: whole(outcomes) for outcomes in found}


def drawn(form: dict[str, Any], columns: int) -> list[str]:
    return [paint(line, colour=False) for line in case_screen(form, columns)]


@pytest.mark.parametrize("columns", [80, 100, 120, 160])
def test_a_case_fits_the_screen_with_a_story_beside_the_other(
    forms: dict[str, dict[str, Any]], columns: int
) -> None:
    for form in forms.values():
        assert max(map(len, drawn(form, columns))) <= columns


def test_policies_that_went_the_same_way_share_a_column(forms: dict[str, dict[str, Any]]) -> None:
    lines = drawn(forms["rcpt-4xx"], 120)
    heads = next(line for line in lines if "rfc5321," in line)
    assert heads.split("   ")[0].strip() == "rfc5321, postfix, exim, sendmail, chasquid"
    assert "opensmtpd, haraka" in heads
    assert any(
        "→ rfc5321/rcpt-4xx  next exchanger" in line and "→ opensmtpd/rcpt-4xx  later" in line for line in lines
    )


def test_a_limit_of_the_policy_is_told_where_it_ended_the_walk(forms: dict[str, dict[str, Any]]) -> None:
    (row,) = forms["third-serves"]["policies"]["postfix"]["decided"]
    assert row["follows"] == "later"
    assert row["law"].endswith("after 2 sessions it tries no further")
    assert "tries no further" not in str(forms["self-second"]["policies"])


def test_a_loop_is_not_told_to_its_end(forms: dict[str, dict[str, Any]]) -> None:
    assert any("… and so on: " in line for line in drawn(forms["self-second"], 120))


def test_who_is_left_out_is_told_with_the_reason(forms: dict[str, dict[str, Any]]) -> None:
    text = " ".join(" ".join(drawn(forms["self-second"], 60)).split())
    assert "not 10 relay.ch: itself not 20 mx3: no better than itself (RFC 5321 §5.1)" in text


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_fits(columns: int) -> None:
    lines = [paint(line, colour=False) for line in table(columns, "rcpt-4xx", "two-recipients", "self-second")]
    assert max(map(len, lines)) <= columns
    assert all(line.startswith("≠ ") for line in lines[1:])


def test_a_name_and_a_title_have_room_in_the_table() -> None:
    assert [case.name for case in CASES if len(case.name) > 14 or len(case.title) > 38] == []


def table(columns: int, *names: str) -> list[Any]:
    from lab.cli.compare import heading, table_row

    found = played([case_named(name) for name in names], tuple(POLICIES))
    return [*heading(tuple(POLICIES)), *(table_row(row(outcomes), columns) for outcomes in found)]


def test_a_case_in_which_all_agree_is_not_marked(forms: dict[str, dict[str, Any]]) -> None:
    assert not forms["all-well"]["differ"]
    assert {cell["word"] for cell in forms["all-well"]["policies"].values()} == {"● mx1"}
    assert forms["equals"]["differ"]


def test_every_case_stands_in_the_table(command: Lab) -> None:
    out = command("compare", "policies", "--policy", "rfc5321,postfix", "--json").out
    told = [json.loads(line) for line in out.splitlines()]
    assert [one["case"] for one in told] == [case.name for case in CASES]
    assert {case.name for cases in GROUPS.values() for case in cases} == {case.name for case in CASES}
    parted = {one["case"] for one in told if one["differ"]}
    assert parted >= {"helo-5xx", "equals", "third-serves", "null-and-mx"}
    assert "rcpt-4xx" not in parted


def test_two_processes_with_other_hash_seeds_tell_the_same(command: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    for seed in ("1", "4321"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        told.append(command.apart("compare", "policies", "--json").stdout)
    assert told[0] == told[1]
    assert len(told[0].splitlines()) == len(CASES)


def test_a_scenario_is_played_under_each_policy(command: Lab) -> None:
    file = str(ROOT / "scenarios" / "try_again_after_4xx.py")
    said = command("compare", "policies", file, "--policy", "postfix,haraka", "--json")
    alike, apart = (json.loads(line) for line in said.out.splitlines())
    assert not alike["differ"]
    assert apart["policies"]["postfix"]["word"] == "✓ as expected"
    assert apart["policies"]["haraka"]["word"] == "✗ not as expected"
    screen = command("compare", "policies", file, "--policy", "postfix,haraka").out
    assert "→ haraka/rcpt-4xx  later" in screen
    assert "expected  ed to have it in the mailbox within 1 min" in screen


def test_a_scenario_may_be_played_on_another_topology(command: Lab) -> None:
    words = ("compare", "policies", str(ROOT / "scenarios" / "first_mail.py"), "--topology", "tiny")
    (form,) = (json.loads(line) for line in command(*words, "--policy", "exim,postfix", "--json").out.splitlines())
    assert form["law"] == "tiny"
    assert {cell["word"] for cell in form["policies"].values()} == {"! could not be played"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["policies", "rcpt-5x"], "there is no case 'rcpt-5x'"),
        (["policies", "--policy", "qmail"], "there is no policy 'qmail'"),
        (["policies", "--policy", "exim"], "one policy alone is compared with nothing"),
        (["policies", "nowhere.py"], "nowhere.py"),
    ],
)
def test_a_wrong_word_is_told_in_a_sentence(command: Lab, words: list[str], sentence: str) -> None:
    said = command("compare", *words)
    assert said.status == 2
    assert sentence in said.err.lower()


@pytest.mark.parametrize("columns", [80, 120])
def test_the_schedules_fit_and_end_where_each_gives_up(columns: int) -> None:
    lines = [paint(line, colour=False) for line in schedules_screen(all_forms(), columns)]
    assert max(map(len, lines)) <= columns
    rows = lines[1 : 1 + len(SCHEDULES)]
    assert all(row.endswith("✕") for row in rows)
    assert rows[0].split()[:3] == ["lab", "1", "1"]


def test_a_schedule_in_json_has_its_moments(command: Lab) -> None:
    told = [json.loads(line) for line in command("compare", "schedules", "--json").out.splitlines()]
    assert [one["schedule"] for one in told] == list(SCHEDULES)
    exim = told[2]
    assert exim["tries"][:4] == [0, 900, 1800, 2700]
    assert exim["gives_up"] == 4 * 86400


def test_the_verb_stands_in_the_overview() -> None:
    assert "lab compare policies" in app.overview()


def test_a_policy_is_explained_as_a_table(command: Lab) -> None:
    lines = command("explain", "haraka").out.splitlines()
    assert [line.split() for line in lines if line.strip().startswith(("greeting", "RCPT"))] == [
        ["greeting", "later", "bounce", "next"],
        ["RCPT", "later", "bounce", "next"],
    ]
    assert any("null MX beside others: taken for this host" in line for line in lines)
    assert max(map(len, lines)) <= 96


@pytest.mark.parametrize("name", POLICIES)
def test_every_field_of_a_policy_is_told(name: str, command: Lab) -> None:
    text = command("explain", name).out
    policy, usual = POLICIES[name], POLICIES["rfc5321"]
    apart = {field.name for field in fields(policy) if getattr(policy, field.name) != getattr(usual, field.name)}
    assert apart - {"name", "table", "statuses", "tls"} <= set(_TRAITS)
    assert all(code in text for code in policy.statuses.values())
    assert "Literal" not in text


def test_a_row_is_explained_by_the_name_that_journeys_give_it(command: Lab) -> None:
    assert command("explain", "exim/greeting-5xx").out.startswith("# exim/greeting-5xx: next, else bounce\n")
    assert "nothing on 'exim/nonsense'" in command("explain", "exim/nonsense").err
