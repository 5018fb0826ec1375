"""The exercise on real software: its configuration is what the programs themselves call sound, mail falls back and
comes home through them, is read by IMAP, and one journey crosses all of it."""

from __future__ import annotations

import imaplib
import json
import time
from collections.abc import Iterator
from typing import Any

from lab.foreign.software import catalogued
from lab.topology import Plan, load
from tests.fabric.docker.labs import ROOT, Bench

_PATIENCE_S = 180
"""A mail agent that did not get through at first comes again after 10, 20 and 40 s."""


def up(bench: Bench, name: str) -> Plan:
    path = ROOT / "topologies" / f"{name}.yaml"
    bench.says("up", str(path), "--fabric", "docker")
    return load(path)


def until(bench: Bench, wanted: str, *words: str) -> dict[str, Any]:
    """Ask until the state is the wanted one, as a person does who looks again: such software has its own time."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        form: dict[str, Any] = bench.tells(*words)
        if form["state"] == wanted or time.monotonic() > deadline:
            assert form["state"] == wanted, form
            return form
        time.sleep(0.5)


def check_files(bench: Bench, plan: Plan) -> None:
    """By each program's own checker, in its own container."""
    for host in plan.hosts:
        for software in catalogued(host.software):
            for words in software.checks:
                done = bench.run("shell", host.name, "--", *words)
                assert done.returncode == 0, f"{host.name}: {' '.join(words)}\n{done.stdout}{done.stderr}"


def fall_back(bench: Bench) -> dict[str, Any]:
    """Mail for the newspaper while its host is down, and its way home."""
    bench.says("fail", "mail.belgiannews.com")
    sent = bench.tells("send", "--from", "ann@unige.ch", "--to", "ed@belgiannews.com", "--subject", "fallback")
    until(bench, "held", "journey", sent["journey"])
    reason = bench.tells("why", sent["journey"])
    assert (reason["code"], reason["remedy"]) == ("D304", "lab heal mail.belgiannews.com, then  lab queue --retry")
    waiting = [row["to"] for row in bench.tells("queue", "relay.eunet.be")["queue"]]
    assert waiting == ["ed@belgiannews.com"]
    bench.says("heal", "mail.belgiannews.com")
    bench.says("queue", "--retry")
    return until(bench, "delivered", "journey", sent["journey"])


def bounce(bench: Bench, sender: str, recipient: str) -> None:
    """A message that comes back, at once (then `lab send` says so itself) or a moment later."""
    done = bench.run("send", "--from", sender, "--to", recipient, "--subject", "lost", "--json")
    assert done.returncode in (0, 1), done.stderr
    until(bench, "bounced", "journey", json.loads(done.stdout)["journey"])


def hosts_of(journey: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(step["host"] for step in journey["steps"]))


def doors(bench: Bench, what: str) -> Iterator[int]:
    state = json.loads((bench.home / "lab.json").read_text(encoding="utf-8"))
    return (door["port"] for door in state["doors"] if door["to"] == what)


def test_the_exercise_on_postfix_exim_dovecot_bind_nsd_and_unbound(bench: Bench) -> None:
    plan = up(bench, "belgium-real")
    check_files(bench, plan)
    journey = fall_back(bench)
    assert hosts_of(journey) == ["mail.unige.ch", "relay.eunet.be", "mail.belgiannews.com"]
    told = [(step["host"], step["what"], "beside" in step["why"]) for step in journey["steps"][:3]]
    assert told == [
        ("mail.unige.ch", "MX belgiannews.com 5 mail.belgiannews.com, 10 relay.eunet.be", True),
        ("mail.unige.ch", "mail.belgiannews.com:25 refused", False),
        ("mail.unige.ch", told[2][1], False),
    ]
    events = map(json.loads, bench.says("watch", "--once", "--json").splitlines())
    assert {one["preference"] for one in events if one["event"] == "ConnectionFailed"} == {5}

    with imaplib.IMAP4("127.0.0.1", next(doors(bench, "mail.belgiannews.com imap"))) as imap:
        imap.login("ed", "secret")
        imap.select("INBOX")
        _, found = imap.fetch("1", "(BODY[HEADER.FIELDS (SUBJECT)] BODY[TEXT])")
        assert b"Subject: fallback" in found[0][1]
    assert until(bench, "delivered", "journey", journey["journey"])["steps"][-1]["layer"] == "IMAP"

    bounce(bench, "luc@eunet.be", "nobody@unige.ch")
    (notice,) = bench.tells("mailbox", "luc@eunet.be")["messages"]
    assert "failed" in notice["subject"].lower()

    bench.says("account", "add", "zoe@belgiannews.com", "--password", "pw")
    new = bench.tells("send", "--from", "ann@unige.ch", "--to", "zoe@belgiannews.com", "--subject", "welcome")
    until(bench, "delivered", "journey", new["journey"])

    bench.says("zone", "belgiannews.com", "--add", "www A 198.18.2.80")
    found_there = bench.tells("dig", "www.belgiannews.com", "A", "@ns.belgiannews.com")["answers"]
    assert [one["data"] for one in found_there] == ["198.18.2.80"]

    bench.says("fail", "mail.belgiannews.com", "--crash", "--for", "2s")
    again = bench.tells("send", "--from", "ann@unige.ch", "--to", "ed@belgiannews.com", "--subject", "again")
    until(bench, "delivered", "journey", again["journey"])
    assert bench.tells("status")["scheduled"] == []


def test_ours_and_theirs_side_by_side(bench: Bench) -> None:
    plan = up(bench, "belgium-mixed")
    check_files(bench, plan)
    journey = fall_back(bench)
    assert hosts_of(journey) == ["mail.unige.ch", "relay.eunet.be", "mail.belgiannews.com"]
    bounce(bench, "luc@eunet.be", "nobody@unige.ch")
    for origin, server in (("com", "ns.com"), ("be", "ns.be"), ("eunet.be", "ns.eunet.be")):
        bench.says("zone", origin, "--add", "t TXT hello")
        answers = bench.tells("dig", f"t.{origin}", "TXT", f"@{server}")["answers"]
        assert [one["data"] for one in answers] == ['"hello"'], server
