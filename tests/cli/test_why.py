"""`lab why` as one types it, on both fabrics that this machine has: the same diagnosis of the same misfortune."""

from __future__ import annotations

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
