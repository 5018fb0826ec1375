"""`lab account` from the outside: a mailbox that was not there gets mail; what is wrong is a sentence."""

from __future__ import annotations

from typing import Any

import pytest

Lab = Any
"""See conftest.py."""

ZOE = "zoe@belgiannews.com"


def test_an_account_comes_gets_mail_and_goes(sim_lab: Lab) -> None:
    assert sim_lab("account", "add", ZOE, "--quota", "1MB", "--name", "Zoë").out.startswith(
        f" {ZOE} has a mailbox."
    )
    sim_lab("send", "--from", "ann@unige.ch", "--to", ZOE, "--subject", "welcome")
    assert "1 message" in sim_lab("mailbox", ZOE).out
    assert "\nSubject: welcome\n" in sim_lab("mailbox", ZOE, "--raw").out
    listed = sim_lab("account", "list", "mail.belgiannews.com").out
    assert [line for line in listed.splitlines() if ZOE in line and "of 1,000,000 octets" in line]
    assert "the mailbox stays" in sim_lab("account", "rm", ZOE).out
    assert sim_lab("mailbox", ZOE).status == 2


def test_mail_goes_where_a_forward_says(sim_lab: Lab) -> None:
    said = sim_lab("account", "forward", "news@belgiannews.com", "luc@eunet.be").out
    assert said == " Mail for news@belgiannews.com goes to luc@eunet.be.\n"
    sim_lab("send", "--from", "ann@unige.ch", "--to", "news@belgiannews.com", "--subject", "forwarded on")
    sim_lab("clock", "+1m")
    assert "forwarded on" in sim_lab("mailbox", "luc@eunet.be").out
    assert "stays here" in sim_lab("account", "forward", "news@belgiannews.com", "--off").out


def test_a_password_is_typed_and_never_shown(sim_lab: Lab) -> None:
    said = sim_lab.apart("account", "passwd", "ed@belgiannews.com", typed="xyzzy\n")
    assert said.stdout == " ed@belgiannews.com has another password.\n"
    everything = said.stdout + sim_lab("account", "list", "--json").out + sim_lab("journey").out
    assert "xyzzy" not in everything


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["add", "ed@belgiannews.com"], "has a mailbox already"),
        (["add", "ed@nowhere.be"], "keeps mail for nowhere.be"),
        (["rm", "nobody@belgiannews.com"], "has no mailbox here"),
        (["forward", "ed@belgiannews.com"], "where the mail goes"),
        (["quota", "ed@belgiannews.com", "a lot"], "'a lot' is not a number"),
        (["dance", "ed@belgiannews.com"], "'dance' is nothing to do"),
        (["list", "nowhere.be"], "no host 'nowhere.be'"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(sim_lab: Lab, words: list[str], sentence: str) -> None:
    said = sim_lab("account", *words)
    assert said.status == 2
    assert sentence in said.err
    assert "Traceback" not in said.err
