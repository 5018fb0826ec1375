"""What people do with a lab, from the command line; in any order, on a lab that is shared."""

from __future__ import annotations

import json
import poplib
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import pytest

SENT = count(1)


class Lab(Protocol):
    """The command line of conftest.py."""

    home: Path

    def __call__(self, *words: str) -> Any: ...

    def apart(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]: ...

    def json(self, *words: str) -> Any: ...


@pytest.fixture
def lab(sim_lab: Lab) -> Iterator[Lab]:
    yield sim_lab
    sim_lab("heal")


def subjects(lab: Lab, address: str) -> list[str]:
    return [message["subject"] for message in lab.json("mailbox", address)["messages"]]


def send(lab: Lab, *words: str, to: str = "ed@belgiannews.com") -> tuple[str, Any]:
    """A message with a subject of its own: (subject, what was said of it)."""
    subject = f"story {next(SENT)}"
    return subject, lab("send", "--from", "ann@unige.ch", "--to", to, "--subject", subject, *words)


def test_mail_arrives(lab: Lab) -> None:
    subject, said = send(lab)
    assert said.status == 0
    assert "MX belgiannews.com" in said.out
    assert "In ed's mailbox at mail.belgiannews.com" in said.out
    assert subject in subjects(lab, "ed@belgiannews.com")


def test_the_backup_holds_mail_and_hands_it_over(lab: Lab) -> None:
    lab("fail", "mail.belgiannews.com")
    subject, said = send(lab)
    assert said.status == 0
    assert "Held by the backup, not in ed's mailbox yet: relay.eunet.be tries again in 5 min." in said.out
    waiting = lab.json("queue", "relay.eunet.be")["queue"]
    assert any(row["to"] == "ed@belgiannews.com" for row in waiting)
    lab("heal", "mail.belgiannews.com")
    meanwhile = lab("clock", "+1h").out
    assert "● delivered to ed@belgiannews.com" in meanwhile
    assert subject in subjects(lab, "ed@belgiannews.com")


def test_of_several_mailboxes_no_single_host_is_named(lab: Lab) -> None:
    _, said = send(lab, "--to", "luc@eunet.be")
    assert "In all 2 mailboxes " in said.out
    assert "2 mailboxes at" not in said.out.replace("mailboxes at once", "")


def test_a_bounce_is_exit_status_1(lab: Lab) -> None:
    _, said = send(lab, to="nobody@belgiannews.com")
    assert said.status == 1
    assert "gave up on nobody@belgiannews.com" in said.out


def test_a_sender_who_has_no_mailbox_is_refused(lab: Lab) -> None:
    said = lab.json("send", "--from", "zed@unige.ch", "--to", "ed@belgiannews.com")
    assert said["state"] == "refused"


def test_of_a_host_that_stands_still_the_sender_is_told_at_once(lab: Lab) -> None:
    lab("fail", "mail.unige.ch", "--as", "paused")
    told = lab.json("send", "--from", "ann@unige.ch", "--to", "ed@belgiannews.com")
    assert told["halted"] == {"mail.unige.ch": "stands still"}
    assert told["now"] - told["started"] < 30, "nobody waits for what cannot come"
    said = lab("journey", told["journey"]).out
    assert "Still at mail.unige.ch: it stands still until it is healed.   lab heal mail.unige.ch" in said


def test_a_refusal_can_be_ordered(lab: Lab) -> None:
    ordered = ("fail", "mail.unige.ch", "--reply", "550", "--at", "rcpt", "--for", "bob@cui.unige.ch")
    assert lab(*ordered).status == 0
    assert lab("send", "--from", "ed@belgiannews.com", "--to", "bob@cui.unige.ch").status == 1


def test_a_journey_is_told_three_times(lab: Lab) -> None:
    form = json.loads(lab("send", "--from", "ann@unige.ch", "--to", "luc@eunet.be", "--json").out)
    assert set(form) >= {"journey", "from", "to", "state", "steps"}
    assert set(form["steps"][0]) >= {"t", "host", "layer", "what", "why"}
    name = form["journey"]
    assert name in lab("journey").out
    assert "luc@eunet.be" in lab("journey", name).out
    assert lab("journey", name, "--format", "mermaid").out.startswith("sequenceDiagram")
    assert lab.json("journey", name)["state"] == "delivered"


def test_a_message_is_shown_byte_for_byte_and_as_mbox(lab: Lab) -> None:
    subject, _ = send(lab, "--body", "From here on\n")
    uid = next(m["uid"] for m in lab.json("mailbox", "ed@belgiannews.com")["messages"] if m["subject"] == subject)
    assert f"Subject: {subject}\n" in lab("mailbox", "ed@belgiannews.com", str(uid)).out
    assert "\n>From here on\n" in lab("mailbox", "ed@belgiannews.com", "--raw").out


def test_a_whole_message_can_be_sent_from_a_file(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "letter.eml"
    file.write_bytes("From: Änn <ann@unige.ch>\nSubject: from a file\n\nGrüße\n".encode())
    said = lab("send", "--from", "ann@unige.ch", "--to", "ed@belgiannews.com", "--file", str(file))
    assert said.status == 0
    assert "from a file" in subjects(lab, "ed@belgiannews.com")


def test_the_way_from_the_root_is_shown(lab: Lab) -> None:
    said = lab("dig", "belgiannews.com", "MX", "--trace").out
    assert [line.split()[1] for line in said.splitlines()[:3]] == ["a.root", "ns.com", "ns.belgiannews.com"]
    assert "10 is used only when no host at 5 can be." in said


def test_dig_has_the_keys_that_scripts_lean_on(lab: Lab) -> None:
    form = lab.json("dig", "belgiannews.com", "MX", "--trace")
    assert set(form) >= {"rcode", "aa", "answers", "authority", "additional", "trace"}
    assert set(form["answers"][0]) >= {"name", "type", "ttl", "data"}
    assert set(form["trace"][0]) >= {"server", "zone", "outcome"}


def test_no_such_name_is_exit_status_1(lab: Lab) -> None:
    said = lab("dig", "nowhere.belgiannews.com")
    assert said.status == 1
    assert "✕ NXDOMAIN  there is no such name" in said.out


def test_an_address_has_its_name(lab: Lab) -> None:
    assert "mail.belgiannews.com" in lab("dig", "-x", "198.18.2.25").out


def test_a_zone_can_be_edited_while_the_lab_runs(lab: Lab) -> None:
    before = lab.json("zone", "eunet.be")["serial"]
    assert "www" in lab("zone", "eunet.be", "--add", "www 300 IN A 198.18.4.80").out
    assert lab.json("dig", "www.eunet.be", "A", "@ns.eunet.be")["answers"][0]["data"] == "198.18.4.80"
    assert "www" not in lab("zone", "eunet.be", "--remove", "www A").out
    assert lab.json("zone", "eunet.be")["serial"] == before + 2


def test_a_record_that_cannot_be_read_is_named(lab: Lab) -> None:
    said = lab("zone", "eunet.be", "--add", "rubbish")
    assert said.status == 2
    assert "The record 'rubbish' cannot be read" in said.err


def test_status_says_what_has_failed(lab: Lab) -> None:
    lab("fail", "ns.unige.ch", "--as", "silent")
    lab("fail", "relay.eunet.be", "--cut", "unige.ch")
    lab("fail", "mail.unige.ch", "--delay", "20ms", "--to", "relay.eunet.be")
    said = lab("status").out
    assert any(line.startswith("  ✕") and "ns.unige.ch" in line and "silent" in line for line in said.splitlines())
    assert "relay.eunet.be – unige.ch  cut" in said
    assert "mail.unige.ch – relay.eunet.be  20 ms of delay" in said
    assert "mail.unige.ch – relay.eunet.be  as it was" in lab("heal").out
    assert "✕" not in lab("status").out


def test_status_has_the_keys_that_scripts_lean_on(lab: Lab) -> None:
    form = lab.json("status")
    assert (form["lab"], form["fabric"]) == ("belgium", "sim")
    assert {tuple(row)[:4] for row in form["hosts"]} == {("name", "address", "runs", "state")}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["fail", "mail.belgianews.com"], "There is no host 'mail.belgianews.com' in this lab"),
        (["mailbox", "ed@nowhere.org"], "No host of this lab keeps mail for nowhere.org"),
        (["zone", "nowhere.org"], "There is no zone 'nowhere.org' in this lab"),
        (["journey", "J-9999"], "There is no journey 'J-9999' in this lab"),
        (["clock", "soon"], "'soon' is not a span of time"),
        (["clock", "+9999999d"], "Lab time ends with the year 2100"),
        (["clock", "1.2.3s"], "'1.2.3s' is not a span of time"),
        (["dig", "unige.ch", "NONSENSE"], "'NONSENSE' is no record type"),
        (["dig", "a..b"], "W016"),
        (["send", "--from", "ann", "--to", "ed@belgiannews.com"], "'ann' is not a mail address"),
        (["talk", "mail.unige.ch", "gopher"], "'gopher' is no port"),
        (["shell"], "This lab is simulated"),
        (["fail", "mail.unige.ch", "--cut", "nowhere"], "'nowhere' is neither a host nor an organisation"),
    ],
)
def test_what_is_unknown_is_wrong_use_in_a_sentence(lab: Lab, words: list[str], sentence: str) -> None:
    said = lab(*words)
    assert said.status == 2
    assert sentence in said.err


def test_a_second_lab_in_the_same_home_is_refused(lab: Lab) -> None:
    said = lab("up")
    assert said.status == 4
    assert "A lab is up already: belgium" in said.err
    assert lab("status").status == 0


def test_what_happened_can_be_saved_and_replayed(lab: Lab, tmp_path: Path) -> None:
    _, said = send(lab)
    journey = said.out.split()[0]
    saved = tmp_path / "run.jsonl"
    saved.write_text(lab("watch", "--once", "--json").out)
    replayed = lab("replay", str(saved)).out
    assert "“belgium” starts on sim, 13 hosts" in replayed
    assert journey in replayed.splitlines()[-1]
    assert lab("replay", str(saved), "--id", journey).out.split()[0] == journey


def test_events_can_be_watched_as_they_happen(lab: Lab) -> None:
    words = [sys.executable, "-m", "lab.cli.app", "watch", "--json", "--since", str(lab.json("status")["events"])]
    environment = {"LAB_HOME": str(lab.home)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment, text=True) as watcher:
        assert watcher.stdout is not None
        lab("fail", "ns.eunet.be", "--as", "paused")
        assert json.loads(watcher.stdout.readline())["fault"] == "paused"
        watcher.terminate()


DIALOGUE = """\
EHLO student
MAIL FROM:<ann@unige.ch>
RCPT TO:<ed@belgiannews.com>
RCPT TO:<someone@elsewhere.org>
DATA
Subject: by hand

250 lines could follow
.
QUIT
"""


def test_a_dialogue_by_hand_is_relayed_and_explained(lab: Lab) -> None:
    words = [sys.executable, "-m", "lab.cli.app", "talk", "mail.belgiannews.com", "smtp", "--explain"]
    environment = {"LAB_HOME": str(lab.home), "PYTHONUTF8": "1"}
    said = subprocess.run(
        words, input=DIALOGUE, capture_output=True, env=environment, text=True, check=True
    ).stdout
    lines = said.splitlines()
    assert lines[0].startswith("< 220 mail.belgiannews.com")
    assert (
        lines.index("> DATA") > lines.index("> RCPT TO:<someone@elsewhere.org>") + 1
    )  # the refusal stands between
    assert "does not relay for strangers" in said
    assert lines[-2].startswith("< 221")
    assert "by hand" in subjects(lab, "ed@belgiannews.com")


def test_a_front_door_leads_into_the_lab(lab: Lab) -> None:
    doors = json.loads((lab.home / "lab.json").read_text())["doors"]
    port = next(door["port"] for door in doors if door["to"] == "mail.belgiannews.com smtp")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        assert client.recv(100).startswith(b"220 mail.belgiannews.com")


def test_pop3_by_hand_waits_its_turn_and_is_explained(lab: Lab) -> None:
    words = [sys.executable, "-m", "lab.cli.app", "talk", "mail.belgiannews.com", "pop3", "--explain"]
    environment = {"LAB_HOME": str(lab.home), "PYTHONUTF8": "1"}
    typed = "CAPA\nUSER ed\nPASS secret\nLIST\nRETR 999\nQUIT\n"
    said = subprocess.run(
        words, input=typed, capture_output=True, env=environment, text=True, check=True, timeout=30
    ).stdout
    assert [line for line in said.splitlines() if line.startswith(">")] == [
        f"> {line}" for line in typed.split("\n")[:-1]
    ]
    assert said.index("< .") < said.index("> USER ed")
    assert "the mailbox is locked for you" in said
    assert "POP3 has no number for it" in said


def test_who_trusts_the_lab_s_root_trusts_what_is_behind_a_front_door(lab: Lab) -> None:
    doors = json.loads((lab.home / "lab.json").read_text())["doors"]
    port = next(door["port"] for door in doors if door["to"] == "mail.belgiannews.com pop3")
    pop = poplib.POP3("localhost", port, timeout=10)
    pop.stls(ssl.create_default_context(cafile=lab.home / "ca.pem"))
    pop.user("ed@belgiannews.com")
    assert pop.pass_("secret").startswith(b"+OK")
    pop.quit()
    assert "ProgramCrashed" not in lab("watch", "--once", "--json").out


def test_what_is_broken_at_its_time_is_shown_and_called_off(lab: Lab) -> None:
    said = lab("fail", "mail.unige.ch", "--reply", "451", "--at", "rcpt", "--for", "20m", "--in", "5m")
    assert "◷ mail.unige.ch  reply 451 at rcpt  in 5 min for 20 min" in said.out
    lab("fail", "ns.be", "--as", "silent", "--for", "1h")
    rows = lab.json("status")["scheduled"]
    assert [(row["target"], row["is_there"]) for row in rows] == [("mail.unige.ch", False), ("ns.be", True)]
    assert "ns.be  silent  until 2026" in lab("status").out
    lab("clock", "+10m")
    states = {row["name"]: row["state"] for row in lab.json("status")["hosts"]}
    assert (states["mail.unige.ch"], states["ns.be"]) == ("reply 451 at rcpt", "silent")
    lab("clock", "+1h")
    assert lab.json("status")["scheduled"] == []
    assert {row["state"] for row in lab.json("status")["hosts"]} == {"up"}
    lab("fail", "ns.be", "--at", "4:00", "--for", "5m", "--every", "1d")
    assert "ns.be  down will not come" in lab("heal").out


def test_two_times_or_two_stages_are_one_too_many(lab: Lab) -> None:
    said = lab("fail", "ns.be", "--at", "rcpt", "--at", "data", "--reply", "451")
    assert (said.status, "not two alike" in said.err) == (2, True)


def test_a_cut_of_one_way_is_said_and_mended(lab: Lab) -> None:
    assert "unige.ch  does not reach eunet.be" in lab("fail", "unige.ch", "--cut", "eunet.be", "--one-way").out
    assert "unige.ch – eunet.be  cut one way" in lab("status").out
    assert "unige.ch – eunet.be  as it was" in lab("heal").out
    said = lab("fail", "mail.unige.ch", "--one-way")
    assert (said.status, "no other fault does" in said.err) == (2, True)


def test_a_fault_may_be_typed_as_one_sentence(lab: Lab) -> None:
    said = lab("fail", "mail.unige.ch", "reply", "451", "at", "rcpt", "at", "23:40", "for", "20m", "chance", "20%")
    assert "◷ mail.unige.ch  chance 20% reply 451 at rcpt  at 23:40:00 for 20 min" in said.out
    assert "mail.unige.ch  chance 20% reply 451 at rcpt will not come" in lab("heal").out
    assert "eunet.be – unige.ch" not in lab("status").out
    said = lab("fail", "eunet.be", "--cut", "unige.ch", "--chance", "5%")
    assert "eunet.be  chance 5% cut off from unige.ch" in said.out
    said = lab("fail", "eunet.be", "cut", "unige.ch", "one", "way", "chance", "5%", "for", "20m")
    assert "eunet.be  chance 5% does not reach unige.ch  for 20 min" in said.out
    said = lab("fail", "ns.be", "silent", "for", "20m", "--for", "5m")
    assert (said.status, "'20m' and '5m' are two times" in said.err) == (2, True)


def test_a_250_that_is_lost_on_purpose_brings_the_mail_twice(lab: Lab) -> None:
    said = lab("fail", "mail.belgiannews.com", "reset", "at", "dot", "once")
    assert said.out == " ✕ mail.belgiannews.com  reset at eom once      lab heal\n"
    subject, sent = send(lab)
    assert "its 250 was lost on the way, so the sender will send a second copy (RFC 1047)" in sent.out
    assert subjects(lab, "ed@belgiannews.com").count(subject) == 2


def test_words_and_options_say_the_same_and_status_shows_them(lab: Lab) -> None:
    words = lab.json("fail", "ns.belgiannews.com", "servfail for belgiannews.com twice")
    options = ("--as", "servfail", "--name", "belgiannews.com", "--times", "2")
    assert lab.json("fail", "ns.belgiannews.com", *options) == words
    states = {row["name"]: row["state"] for row in lab.json("status")["hosts"]}
    assert states["ns.belgiannews.com"] == "servfail for belgiannews.com twice"
    for _ in range(2):
        said = lab("dig", "belgiannews.com", "MX", "@ns.belgiannews.com").out
        assert said.startswith(" ✕ SERVFAIL  that server failed")
    states = {row["name"]: row["state"] for row in lab.json("status")["hosts"]}
    assert states["ns.belgiannews.com"] == "servfail for belgiannews.com twice (over)"


def test_a_fault_that_a_host_cannot_have_is_refused_in_a_sentence(lab: Lab) -> None:
    said = lab("fail", "student", "lame")
    assert said.status == 2
    assert "student cannot have the fault 'lame'" in said.err.lower()
    assert "W029" in said.err
