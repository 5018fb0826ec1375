"""`lab why` as one types it, on both fabrics that this machine has: the same diagnosis of the same misfortune."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

Lab = Any
"""The command line of conftest.py."""
SEND = ("send", "--from", "ann@unige.ch", "--to", "ed@belgiannews.com")


@pytest.fixture(params=["sim_lab", "local_lab"])
def lab(request: pytest.FixtureRequest) -> Lab:
    return request.getfixturevalue(request.param)


def test_the_screen_names_cause_rule_remedy_and_what_to_type_next(lab: Lab) -> None:
    lab("fail", "mail.belgiannews.com")
    name = lab.json(*SEND)["journey"]
    said = lab("why", name)
    lab("heal")
    assert said.status == 0
    for words in (
        " D304  The preferred exchanger refuses connections, so the backup holds the mail.\n",
        "TCP   mail.belgiannews.com:25   refused\n",
        "RFC 5321 §5.1\n",
        " Remedy   lab heal mail.belgiannews.com, then  lab clock +5m\n",
        " Try      lab explain D304 · lab queue relay.eunet.be",
    ):
        assert words in said.out


def test_send_points_to_why_unless_all_is_well(lab: Lab) -> None:
    well = lab(*SEND)
    unknown = lab(*SEND[:-1], "nobody@belgiannews.com")
    assert "lab why" not in well.out
    assert "lab why J-" in unknown.out
    assert lab.json("why")["code"] == "D409"


def test_a_message_that_is_not_there_is_told(lab: Lab) -> None:
    said = lab("why", "J-9999")
    assert said.status == 2
    assert "no journey 'J-9999'" in said.err


def test_a_saved_log_is_explained_as_the_lab_was(sim_lab: Lab, tmp_path: Path) -> None:
    sim_lab("fail", "ns.unige.ch", "servfail")
    name = sim_lab.json("send", "--from", "luc@eunet.be", "--to", "bob@cui.unige.ch")["journey"]
    live = sim_lab.json("why", name)
    (tmp_path / "run.jsonl").write_text(sim_lab("watch", "--once", "--json").out)
    sim_lab("heal")
    replayed = sim_lab.json("why", name, "--log", str(tmp_path / "run.jsonl"))
    assert replayed["code"] == live["code"]
    assert replayed["sentence"] == live["sentence"]
    assert replayed["evidence"] == live["evidence"]


def test_a_log_of_a_lab_that_nobody_knows_is_explained_from_itself(command: Lab, tmp_path: Path) -> None:
    story = tmp_path / "run.jsonl"
    lines = [
        {"event": "LabStarted", "topology": "gone", "fabric": "sim", "seed": "1", "epoch": "", "hosts": 0},
        {"event": "MailSubmitted", "queue_id": "a1", "message_id": "m", "sender": "a@a.be",
         "recipients": ["b@b.be"], "size": 9},
        {"event": "NameResolved", "name": "b.be", "type": "MX", "rcode": "NXDOMAIN", "queue_id": "a1"},
        {"event": "RecipientsFailed", "queue_id": "a1", "recipients": ["b@b.be"], "status": "5.1.2",
         "reason": "no"},
    ]  # fmt: skip
    story.write_text(
        "".join(json.dumps({"n": n, "t": 0, "host": "m.a.be", **one}) + "\n" for n, one in enumerate(lines, 1))
    )
    assert command.json("why", "--log", str(story))["code"] == "D101"


def test_each_of_several_recipients_has_a_diagnosis_of_its_own(sim_lab: Lab) -> None:
    sim_lab("send", "--from", "ann@unige.ch", "--to", "luc@eunet.be", "--to", "nobody@eunet.be")
    assert "About nobody@eunet.be, one of 2 recipients." in sim_lab("why").out
    assert sim_lab.json("why")["code"] == "D409"
    assert sim_lab.json("why", "--to", "luc@eunet.be")["code"] == "D801"
    assert "was not sent to 'ed@belgiannews.com'" in sim_lab("why", "--to", "ed@belgiannews.com").err


def test_all_messages_have_a_line_each(sim_lab: Lab) -> None:
    name = sim_lab.json("send", "--from", "ann@unige.ch", "--to", "nobody@eunet.be")["journey"]
    shown = sim_lab("why", "--all").out.splitlines()
    assert len(shown) == len(sim_lab.json("journey")["journeys"])
    assert f"{name}  bounced" in shown[-1]
    assert " ".join(shown[-1].split()).endswith("D409 no such user")
    assert sim_lab.json("why", "--all")["journeys"][-1]["codes"] == ["D409"]
