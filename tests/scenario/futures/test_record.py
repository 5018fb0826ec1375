"""A scenario as traffic: what it does is noted, what it expects is not."""

from datetime import timedelta
from pathlib import Path

import pytest

from lab.errors import WorldSaidNo, WrongUse
from lab.faults import Down, Silent
from lab.scenario.futures.acts import Cut, Fail, Heal, Join, Lift, Send, Spoil
from lab.scenario.futures.record import record
from lab.topology.plan import Link

ROOT = Path(__file__).parents[3]
BELGIUM = ROOT / "topologies" / "belgium.yaml"


def test_what_a_scenario_does_is_noted_with_its_time() -> None:
    acts = record(ROOT / "scenarios" / "mx_fallback.py", BELGIUM)
    kinds = [type(act) for _, act in acts]
    assert kinds == [Fail, Send, Heal]
    assert acts[0] == (0.0, Fail("mail.belgiannews.com", Down()))
    assert isinstance(acts[1][1], Send)
    assert b"<s1.mx_fallback@future>" in acts[1][1].octets
    assert [at for at, _ in acts] == sorted(at for at, _ in acts)


def test_a_scenario_that_does_not_pass_by_itself_is_no_traffic(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(
        'from lab.scenario import scenario\n\n@scenario("belgium")\nasync def wrong(net):\n'
        '    mail = await net.send("ann@unige.ch", "ed@belgiannews.com")\n    mail.refused()\n'
    )
    with pytest.raises(WorldSaidNo, match="does not pass"):
        record(file, BELGIUM)


def test_a_scenario_that_sends_nothing_is_no_traffic(tmp_path: Path) -> None:
    file = tmp_path / "idle.py"
    file.write_text(
        'from lab.scenario import scenario\n\n@scenario("belgium")\nasync def idle(net):\n'
        '    await net.clock.advance("1h")\n'
    )
    with pytest.raises(WrongUse, match="hands no message in"):
        record(file, BELGIUM)


def test_what_has_its_time_is_noted_when_it_comes_and_when_it_goes(tmp_path: Path) -> None:
    file = tmp_path / "timed.py"
    file.write_text(
        'from lab.scenario import scenario\n\n@scenario("belgium")\nasync def timed(net):\n'
        '    net.fail("mail.unige.ch", "silent", after="1m", lasting="2m")\n'
        '    net.cut(["unige.ch"], ["eunet.be"], one_way=True, lasting="30s")\n'
        '    net.link("unige.ch", latency="1s", after="5m", lasting="1m")\n'
        '    await net.clock.advance("1h")\n'
        '    await net.send("ann@unige.ch", "ed@belgiannews.com")\n'
    )
    acts = [(round(at), act) for at, act in record(file, BELGIUM)]
    assert acts[:-1] == [
        (0, Cut(("unige.ch",), ("eunet.be",), one_way=True)),
        (30, Join(("unige.ch",), ("eunet.be",), one_way=True)),
        (60, Fail("mail.unige.ch", Silent())),
        (180, Lift("mail.unige.ch", Silent())),
        (300, Spoil("unige.ch", "*", Link(timedelta(seconds=1)))),
        (360, Spoil("unige.ch", "*", Link())),
    ]
