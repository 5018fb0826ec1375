"""A queue that forgets to sync is found, cut down to a handful of acts, and saved as a scenario that fails
likewise."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from lab import topology
from lab.faults import Down, PowerCut
from lab.mail.spool import Spool
from lab.scenario.futures.acts import Act, Fail, Send
from lab.scenario.futures.crowd import Order, fewest_acts, play_all
from lab.scenario.futures.draw import setting
from lab.scenario.futures.judging import HEALING
from lab.scenario.futures.play import Outcome, play
from lab.scenario.futures.promises import Breach
from lab.scenario.futures.written import written
from lab.scenario.play import Asked, play_file
from lab.scenario.result import Verdict
from lab.topology.plan import Plan

BELGIUM = Path(__file__).parents[3] / "topologies" / "belgium.yaml"


async def forgetful_append(self: Spool, record: bytes) -> tuple[int, int]:
    """`Spool._append`, without its sync."""
    segment = self._segment()
    number, start = self._current, segment.size
    self.disk.append(segment.path, record)
    segment.size += len(record)
    self._octets += len(record)
    return number, start


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(Spool, "_append", forgetful_append)
    return monkeypatch


def first_failure(plan: Plan) -> tuple[Order, Outcome]:
    order = Order(plan, setting(plan), range(1, 100), jobs=1)
    return order, next(outcome for outcome in play_all(order) if not outcome.passed)


def test_a_queue_that_forgets_to_sync_is_found_and_cut_down_and_saved(
    forgetful: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    order, outcome = first_failure(topology.load(BELGIUM))
    acts = fewest_acts(order.plan, order.over, outcome)
    assert len(acts) <= 6, acts
    assert any(isinstance(act, Send) for act in acts)
    assert any(isinstance(act, Fail) and act.fault == PowerCut() for act in acts), acts
    saved = tmp_path / "future.py"
    saved.write_text(text(acts, outcome))
    [result] = play_file(saved, Asked())
    assert result.verdict is Verdict.FAIL, result.message
    assert str(outcome.broken[0].breach) in result.message
    forgetful.undo()
    [result] = play_file(saved, Asked())
    assert result.verdict is Verdict.PASS, result.message


def text(acts: Sequence[Act], outcome: Outcome) -> str:
    return written(acts, seed=outcome.seed, topology=str(BELGIUM), title="t", story="s", after=HEALING)


def test_each_act_of_what_is_left_is_needed(forgetful: pytest.MonkeyPatch) -> None:
    order, outcome = first_failure(topology.load(BELGIUM))
    acts = fewest_acts(order.plan, order.over, outcome)
    breach = outcome.broken[0].breach
    for at in range(len(acts)):
        rest = (*acts[:at], *acts[at + 1 :])
        assert breach not in {one.breach for one in play(order.plan, outcome.seed, rest).broken}


def test_a_crash_alone_takes_nothing_from_a_queue_that_forgets_to_sync(forgetful: pytest.MonkeyPatch) -> None:
    """What is in the machine's cache outlives a program; only the power takes it."""
    from lab.scenario.futures.acts import Heal

    acts = [Send("ann@unige.ch", ("ed@belgiannews.com",), "m1"), Fail("mail.unige.ch", Down()), Heal()]
    assert Breach.LOST not in {one.breach for one in play(topology.load(BELGIUM), 1, acts).broken}
