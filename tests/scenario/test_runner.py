"""Scenarios are played each on a world of its own, and whatever they do, there is a result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.errors import MachineSaidNo, WrongUse
from lab.fabric.namespace import probe
from lab.scenario.play import Asked, play_file
from lab.scenario.result import Result, Verdict
from lab.scenario.runner import run
from lab.wire.pcapng import Block, blocks, read_packet

ROOT = Path(__file__).parents[2]
HEAD = '''"""A scenario of a test."""
import os
from lab.scenario import Net, scenario

@scenario("{topology}", fabrics={fabrics})
async def it(net: Net) -> None:
'''
TINY = ROOT / "topologies" / "tiny.yaml"
SEND = '    mail = await net.send("ann@example.be", "ed@example.ch", subject="hello")\n'


def written(folder: Path, *lines: str, name: str = "it.py", fabrics: tuple[str, ...] = ("sim", "local")) -> Path:
    file = folder / name
    body = "".join(line if line.endswith("\n") else f"    {line}\n" for line in lines)
    file.write_text(HEAD.format(topology="tiny", fabrics=fabrics) + body)
    return file


def played(folder: Path, *lines: str) -> Result:
    (result,) = play_file(written(folder, *lines), Asked(topology=str(TINY)))
    return result


def test_a_scenario_that_asks_for_nothing_passes(tmp_path: Path) -> None:
    assert played(tmp_path, "pass").verdict is Verdict.PASS


def test_an_unmet_expectation_says_what_came_and_shows_the_journey(tmp_path: Path) -> None:
    result = played(tmp_path, 'net.fail("mail.example.ch")', SEND, 'await mail.delivered(within="30m")')
    assert (result.verdict, result.line) == (Verdict.FAIL, 9)
    assert result.message.startswith("expected  ed to have it in the mailbox within 30 min\ncame      Still at")
    assert "mail.example.ch:25  refused" in result.message
    assert result.message.endswith(
        "D301  mail.example.ch refuses connections: its machine is there, and nothing listens at port 25."
    )
    assert result.lab_s == pytest.approx(1800, abs=1)


def test_an_expectation_that_can_no_longer_come_true_ends_early(tmp_path: Path) -> None:
    send = SEND.replace("ed@", "nobody@")
    result = played(tmp_path, send, 'await mail.delivered(within="5d")')
    assert result.verdict is Verdict.FAIL
    assert result.lab_s < 60


def test_a_plain_assert_shows_its_line(tmp_path: Path) -> None:
    result = played(tmp_path, "assert 1 + 1 == 3")
    assert (result.verdict, result.message, result.line) == (Verdict.FAIL, "expected  1 + 1 == 3", 7)


def test_an_unknown_host_is_told_where_it_is_named(tmp_path: Path) -> None:
    result = played(tmp_path, 'net.fail("mail.exampel.ch")')
    assert (result.verdict, result.line) == (Verdict.ERROR, 7)
    assert "there is no host 'mail.exampel.ch'" in result.message
    assert "Did you mean mail.example.ch" in result.message


def test_a_mistake_in_the_scenario_is_an_error_with_its_line(tmp_path: Path) -> None:
    result = played(tmp_path, 'raise ValueError("oops")')
    assert (result.verdict, result.line) == (Verdict.ERROR, 7)
    assert result.message == "the scenario broke off: ValueError: oops"


def test_a_fault_without_await_is_there_before_the_next_thing(tmp_path: Path) -> None:
    lines = ['    with net.failing("mail.example.ch"):\n', "    " + SEND, "        await mail.queued()\n"]
    result = played(tmp_path, *lines, 'await mail.delivered(within="10m")', 'mail.took("refused", "250")')
    assert result.verdict is Verdict.PASS, result.message


def test_took_names_the_first_step_that_is_not_there(tmp_path: Path) -> None:
    result = played(tmp_path, SEND, "await mail.delivered()", 'mail.took("mail.example.ch 250", "refused")')
    assert result.message.startswith("expected  a step 'refused' (after mail.example.ch 250)")


def test_a_mail_is_because_of_what_lab_why_names(tmp_path: Path) -> None:
    held = ('net.fail("mail.example.ch")', SEND, "await mail.queued()")
    result = played(tmp_path, *held, 'mail.is_because("D301")', 'assert "refuses" in mail.why().sentence')
    assert result.verdict is Verdict.PASS, result.message


def test_another_diagnosis_than_expected_is_told(tmp_path: Path) -> None:
    result = played(
        tmp_path, 'net.fail("mail.example.ch")', SEND, "await mail.queued()", 'mail.is_because("D101")'
    )
    assert result.message.startswith(
        "expected  it to be because of D101, the domain does not exist\ncame      D301: mail.example.ch refuses"
    )


def test_a_diagnosis_that_is_none_is_a_mistake_of_the_scenario(tmp_path: Path) -> None:
    result = played(tmp_path, SEND, 'mail.is_because("D001")')
    assert (result.verdict, result.line) == (Verdict.ERROR, 8)


def test_a_refused_submission_is_refused(tmp_path: Path) -> None:
    result = played(tmp_path, SEND.replace("ann@", "nobody@"), "mail.refused()")
    assert result.verdict is Verdict.PASS, result.message


def test_mailboxes_and_answers_are_compared(tmp_path: Path) -> None:
    held = '(await net.mailbox("ed@example.ch")).holds("hello")'
    told = played(
        tmp_path, SEND, "await mail.delivered()", held, '(await net.dig("example.ch", "MX")).says("5 x")'
    )
    assert told.message.startswith("expected  example.ch MX to be '5 x'\ncame      '10 mail.example.ch'")


def test_a_bad_topology_is_told_and_nothing_is_played(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: bad\ndomians: {}\n")
    (result,) = play_file(written(tmp_path, "pass"), Asked(topology=str(bad)))
    assert result.verdict is Verdict.ERROR
    assert "bad.yaml:2:1" in result.message


def test_a_file_without_a_scenario_is_told(tmp_path: Path) -> None:
    file = tmp_path / "empty.py"
    file.write_text("x = 1\n")
    (result,) = play_file(file, Asked())
    assert "has no scenario" in result.message


def test_a_scenario_says_on_which_fabrics_it_plays(tmp_path: Path) -> None:
    file = written(tmp_path, "pass", fabrics=("local",))
    (result,) = play_file(file, Asked(topology=str(TINY)))
    assert (result.verdict, "it plays on local only" in result.message) == (Verdict.ERROR, True)


def test_a_scenario_that_never_ends_is_broken_off(tmp_path: Path) -> None:
    file = written(tmp_path, "while True:\n".rjust(16), "        pass\n")
    (result,) = play_file(file, Asked(topology=str(TINY), patience_s=0.5))
    assert (result.verdict, result.line in (7, 8)) == (Verdict.ERROR, True)
    assert "did not come to an end" in result.message


def test_a_scenario_that_waits_for_nothing_is_told(tmp_path: Path) -> None:
    result = played(tmp_path, "import asyncio", "await asyncio.Event().wait()")
    assert result.verdict is Verdict.ERROR
    assert "Everyone waits and nothing is due" in result.message


def test_a_strangers_mail_can_be_followed(tmp_path: Path) -> None:
    lines = ["MAIL FROM:<>", "RCPT TO:<ed@example.ch>"]
    says = "".join(f'        await smtp.says("{line}", "250")\n' for line in ["HELO student", *lines])
    data = '        await smtp.says("DATA", "354")\n        await smtp.says("hello\\r\\n.", "250")\n'
    talk = '    async with net.dialogue("mail.example.ch") as smtp:\n        await smtp.expects("220")\n'
    end = [
        "(mail,) = net.mails",
        "await mail.delivered()",
        'mail.took("mail.example.ch 250 from student", "mailbox")',
    ]
    result = played(tmp_path, talk + says + data, *end)
    assert result.verdict is Verdict.PASS, result.message


def test_the_same_seed_gives_the_same_hash_and_another_one_another(tmp_path: Path) -> None:
    file = written(tmp_path, SEND, "await mail.delivered()")
    hashes = [play_file(file, Asked(seed=seed, topology=str(TINY)))[0].trace_hash for seed in ("7", "7", "8")]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_process_that_dies_is_an_error_and_the_next_file_is_played(tmp_path: Path) -> None:
    files = [written(tmp_path, "os._exit(3)", name="a.py"), written(tmp_path, "pass", name="b.py")]
    results = list(run(files, topology=TINY, jobs=2))
    assert [result.verdict for result in results] == [Verdict.ERROR, Verdict.PASS]
    assert "ended from outside" in results[0].message


def test_what_a_scenario_prints_is_not_taken_for_a_result(tmp_path: Path) -> None:
    files = [written(tmp_path, 'print("{}")', name=name) for name in ("a.py", "b.py")]
    assert [result.verdict for result in run(files, topology=TINY, jobs=2)] == [Verdict.PASS] * 2


def test_a_path_that_is_none_is_told_before_anything_runs() -> None:
    with pytest.raises(WrongUse, match="there is no scenario"):
        run([ROOT / "scenarios", Path("nowhere.py")])


def test_a_result_is_json(tmp_path: Path) -> None:
    assert json.loads(json.dumps(played(tmp_path, "pass").to_json()))["verdict"] == "pass"


@pytest.fixture
def _private_networks() -> None:
    refusal: MachineSaidNo | None = probe()
    if refusal is not None:
        pytest.skip(refusal.sentence)


RESTART = """
    one = await net.send("ann@example.be", "ed@example.ch", subject="one")
    await one.delivered(within="1m")
    await net.fail("mail.example.ch")
    net.heal("mail.example.ch")
    two = await net.send("ann@example.be", "ed@example.ch", subject="two")
    await two.delivered(within="1m")
    (await net.mailbox("ed@example.ch")).holds("one", "two")
"""


@pytest.mark.namespace
@pytest.mark.usefixtures("_private_networks")
def test_scenarios_play_on_local_as_on_sim(tmp_path: Path) -> None:
    restart = written(tmp_path, RESTART)
    fallback = ROOT / "scenarios" / "mx_fallback.py"
    for fabric in ("sim", "local"):
        results = [*run([restart], fabric=fabric, topology=TINY), *run([fallback], fabric=fabric)]
        assert [(result.verdict, result.message) for result in results] == [(Verdict.PASS, "")] * 2
        assert {result.fabric for result in results} == {fabric}


def test_a_scenario_s_packets_go_into_a_file(tmp_path: Path) -> None:
    file, place = written(tmp_path, SEND, 'await mail.delivered(within="1h")'), tmp_path / "it.pcapng"
    for fabric in ("sim", "local") if probe() is None else ("sim",):
        (result,) = run([file], fabric, topology=TINY, capture=place)
        assert result.verdict is Verdict.PASS
        found = [read_packet(body).comment for kind, body in blocks(place.read_bytes()) if kind == Block.PACKET]
        assert any("takes it: 250" in comment for comment in found)


def test_a_capture_changes_no_story(tmp_path: Path) -> None:
    file = written(tmp_path, SEND, 'await mail.delivered(within="1h")')
    hashes = {
        result.trace_hash
        for capture in (None, tmp_path / "it.pcapng")
        for result in run([file], topology=TINY, capture=capture)
    }
    assert len(hashes) == 1


def test_a_scenario_that_fails_has_its_capture_all_the_same(tmp_path: Path) -> None:
    place = tmp_path / "it.pcapng"
    file = written(tmp_path, SEND, "assert False")
    (result,) = run([file], topology=TINY, capture=place)
    assert result.verdict is Verdict.FAIL
    assert list(blocks(place.read_bytes()))


TWO = """

@scenario("tiny")
async def other(net: Net) -> None:
    pass
"""


def test_a_file_has_the_packets_of_one_scenario_only(tmp_path: Path) -> None:
    one, two = (written(tmp_path, "pass", name=f"{name}.py") for name in ("one", "two"))
    with pytest.raises(WrongUse, match="takes a folder"):
        run([one, two], topology=TINY, capture=tmp_path / "it.pcapng")
    one.write_text(one.read_text() + TWO)
    messages = [result.message for result in run([one], topology=TINY, capture=tmp_path / "it.pcapng")]
    assert ["takes a folder" in message for message in messages] == [True, True]


@pytest.mark.parametrize("fabric", ["sim", "local"])
def test_captures_of_several_scenarios_go_into_a_folder(tmp_path: Path, fabric: str) -> None:
    if fabric == "local" and probe() is not None:
        pytest.skip("this machine has no private networks")
    file, folder = written(tmp_path, "pass"), tmp_path / "captures"
    file.write_text(file.read_text() + TWO)
    folder.mkdir()
    results = list(run([file], fabric, topology=TINY, capture=folder))
    assert {result.verdict for result in results} == {Verdict.PASS}
    assert {path.name for path in folder.iterdir()} == {"it.pcapng", "other.pcapng"}


def test_a_capture_that_cannot_be_written_is_an_error_with_its_code(tmp_path: Path) -> None:
    (result,) = run([written(tmp_path, "pass")], topology=TINY, capture=tmp_path / "none" / "it.pcapng")
    assert result.verdict is Verdict.ERROR
    assert "W014" in result.message


def test_a_fault_has_its_time(tmp_path: Path) -> None:
    result = played(
        tmp_path,
        'net.fail("mail.example.ch", start="08:10", lasting="20m")',
        'await net.clock.advance("5m")',
        SEND,
        'await mail.delivered(within="1m")',
        'await net.clock.advance("15m")',
        SEND,
        'await mail.queued(within="9m")',
        'await mail.delivered(within="1h")',
    )
    assert result.verdict is Verdict.PASS, result.message


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ('lasting="soon"', "'soon' is not a span"),
        ('for_="20m"', "no time is called for_"),
        ('every="1h"', "to end"),
    ],
)
def test_a_time_that_cannot_be_is_told_where_it_was_written(tmp_path: Path, words: str, sentence: str) -> None:
    result = played(tmp_path, f'net.fail("mail.example.ch", {words})')
    assert (result.verdict, result.line) == (Verdict.ERROR, 7)
    assert sentence in result.message


@pytest.mark.parametrize(
    "block",
    ['net.failing("mail.example.ch")', 'net.partition(["example.be"], ["example.ch"])'],
    ids=["failing", "partition"],
)
def test_what_a_block_broke_is_whole_behind_it_however_it_is_left(tmp_path: Path, block: str) -> None:
    result = played(
        tmp_path,
        'net.fail("ns.example.be", "silent")',
        "try:",
        f"        with {block}:\n",
        SEND.replace("    mail", "            mail"),
        "            await mail.queued()\n",
        "            raise KeyError\n",
        "    except KeyError:\n",
        '        await mail.delivered(within="30m")\n',
        'states = {row["name"]: row["state"] for row in net.internet.status()}',
        'assert states["ns.example.be"] == "silent" and states["mail.example.ch"] == "up"',
    )
    assert result.verdict is Verdict.PASS, result.message
