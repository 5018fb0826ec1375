"""A future as a scenario file tells the same story as the future itself."""

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest

from lab import topology
from lab.events import Stage
from lab.faults import Down, PowerCut, Reply, Silent, Sometimes
from lab.scenario.futures import acts as kinds
from lab.scenario.futures.acts import Account, Act, EditZone, Fail, Flush, Retry, Send
from lab.scenario.futures.draw import draw, setting
from lab.scenario.futures.judging import HEALING
from lab.scenario.futures.play import play
from lab.scenario.futures.written import lines_of, written
from lab.scenario.play import Asked, play_file
from lab.scenario.result import Verdict
from lab.topology.plan import Link

BELGIUM = Path(__file__).parents[3] / "topologies" / "belgium.yaml"


@pytest.mark.parametrize("seed", [2, 5, 11])
def test_a_saved_future_tells_the_same_story(seed: int, tmp_path: Path) -> None:
    plan = topology.load(BELGIUM)
    acts = draw(seed, setting(plan, messages=8, days=2))
    played = play(plan, seed, acts, hashed=True)
    saved = tmp_path / "future.py"
    saved.write_text(written(acts, seed=seed, topology=str(BELGIUM), title="t", story="s", after=HEALING))
    [result] = play_file(saved, Asked())
    assert result.verdict is Verdict.PASS, result.message
    assert result.trace_hash == played.story


EXAMPLES: tuple[Act, ...] = (
    Send("a@b.be", ("c@d.be",), octets=b"Message-ID: <1@x>\r\n\r\n"),
    Fail("mail.b.be", Down()),
    Fail("mail.b.be", Reply(stage=Stage.EOM, code=451, times=2)),
    Fail("mail.b.be", PowerCut()),
    kinds.Heal(),
    kinds.Cut(("b.be",), ("*",), one_way=True, share=0.2),
    kinds.Spoil("b.be", "*", Link(timedelta(milliseconds=1), timedelta(microseconds=333), 0.02, 9600)),
    kinds.Mend(),
    kinds.Lift("mail.b.be", Sometimes(Silent(), 0.2)),
    kinds.Join(("b.be",), ("*",)),
    kinds.Advance(0.001),
    kinds.SlowDisks(),
    Retry(),
    Flush("dns.b.be"),
    EditZone("b.be", ("www A 198.18.0.9",)),
    Account("add", "joe@b.be", (("password", "geheim"), ("quota", 0))),
)


def test_every_kind_of_act_can_be_written() -> None:
    known = {kind for kind in vars(kinds).values() if isinstance(kind, type) and issubclass(kind, Act)} - {Act}
    assert {type(act) for act in EXAMPLES} == known
    for act in EXAMPLES:
        assert dataclasses.is_dataclass(act)
        for line in lines_of(act):
            compile(f"async def scenario(net):\n    {line}", "saved", "exec")


def test_a_spoilt_line_is_written_as_it_was() -> None:
    [line] = lines_of(EXAMPLES[6])
    assert line == 'net.link("b.be", "*", latency="1ms", jitter="0.333ms", loss="0.02", bandwidth="9600bit")'
