"""The same on real sockets: programs of the machine inside the lab, and no way out of it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.namespace

Lab = Any
"""See conftest.py."""


def test_a_command_runs_inside_and_its_exit_status_is_given(local_lab: Lab) -> None:
    assert local_lab.apart("shell", "--", "cat", "/etc/resolv.conf").stdout == "nameserver 198.18.3.53\n"
    assert local_lab.apart("shell", "--", "sh", "-c", "exit 7").returncode == 7
    assert local_lab.apart("shell", "--", "no-such-program").returncode == 127


def test_a_shell_at_another_host_asks_that_hosts_resolver(local_lab: Lab) -> None:
    said = local_lab.apart("shell", "relay.eunet.be", "--", "cat", "/etc/resolv.conf").stdout
    assert said.startswith("nameserver 198.18.4.53")


def test_a_shell_reads_commands_from_a_pipe(local_lab: Lab) -> None:
    assert local_lab.apart("shell", typed="hostname\n").stdout == "student\n"


@pytest.mark.skipif(shutil.which("nslookup") is None, reason="nslookup is not installed")
def test_nslookup_finds_the_exchangers(local_lab: Lab) -> None:
    said = local_lab.apart("shell", "--", "nslookup", "-q=MX", "cui.unige.ch").stdout
    assert "mail exchanger = 5 mail.unige.ch." in said


@pytest.mark.skipif(shutil.which("dig") is None, reason="dig is not installed")
def test_dig_walks_down_from_the_root(local_lab: Lab) -> None:
    said = local_lab.apart("shell", "--", "dig", "+trace", "belgiannews.com", "MX").stdout
    assert "5 mail.belgiannews.com." in said


@pytest.mark.skipif(shutil.which("dig") is None, reason="dig is not installed")
def test_dig_sees_what_a_name_server_was_told_to_do(local_lab: Lab) -> None:
    def seen(*words: str) -> str:
        said: str = local_lab.apart("shell", "--", "dig", "+tries=1", "belgiannews.com", "MX", *words).stdout
        return said

    host, at = "ns.belgiannews.com", "@198.18.2.53"
    try:
        local_lab("fail", host, "servfail", "for", "belgiannews.com")
        assert "status: SERVFAIL" in seen(at)
        local_lab("heal")
        local_lab("fail", host, "lame")
        lame = seen(at)
        assert "status: NOERROR" in lame
        assert "flags: qr rd; QUERY: 1, ANSWER: 0, AUTHORITY: 1" in lame
        local_lab("heal")
        local_lab("fail", host, "truncated")
        whole = seen(at)
        assert "Truncated, retrying in TCP mode" in whole
        assert "5 mail.belgiannews.com." in whole
        local_lab("fail", host, "no-tcp")
        assert "connection refused" in seen(at)
        local_lab("heal")
        assert "5 mail.belgiannews.com." in seen("+tcp", at)
        local_lab("fail", "ns.com", "wrong-glue", "198.18.0.99")
        assert "198.18.0.99" in seen("@198.18.1.3")
    finally:
        local_lab("heal")


def test_mail_waits_at_the_backup_and_comes_home_when_time_runs_ahead(local_lab: Lab) -> None:
    local_lab("fail", "mail.belgiannews.com")
    held = local_lab("send", "--from", "ann@unige.ch", "--to", "ed@belgiannews.com", "--subject", "unplugged")
    assert "Held by the backup" in held.out
    local_lab("heal")
    assert "● delivered to ed@belgiannews.com" in local_lab("clock", "+4h").out
    assert "unplugged" in local_lab("mailbox", "ed@belgiannews.com").out


def test_a_mailbox_is_a_folder_on_the_machine(local_lab: Lab) -> None:
    local_lab("send", "--from", "ed@belgiannews.com", "--to", "luc@eunet.be", "--subject", "on disk")
    disk = local_lab.home / "hosts" / "relay.eunet.be"
    assert any("Subject: on disk" in path.read_text() for path in disk.rglob("Maildir/new/*"))


def test_a_mail_file_is_where_a_unix_user_looks_for_it(local_lab: Lab) -> None:
    local_lab.apart("send", "--from", "ann@unige.ch", "--to", "news@belgiannews.com", "--subject", "a file")
    said = local_lab.apart("shell", "mail.belgiannews.com", "--", "grep", "Subject", "/var/mail/news").stdout
    assert said == "Subject: a file\n"
    here = local_lab.apart("shell", "mail.belgiannews.com", typed="ls -d home/news/Maildir/new\n")
    assert here.stdout == "home/news/Maildir/new\n"


def test_the_doctor_finds_no_way_out(local_lab: Lab) -> None:
    said = local_lab.apart("doctor")
    assert said.returncode == 0
    assert "interfaces of the lab's network: lo\n" in said.stdout
    assert "routes out of it: none" in said.stdout
    assert "the kernel's way from there to 192.0.2.1: ENETUNREACH" in said.stdout


def test_talk_works_here_too(local_lab: Lab) -> None:
    said = local_lab.apart("talk", "mail.unige.ch", typed="HELO student\nQUIT\n")
    assert [line[:5] for line in said.stdout.splitlines()] == ["< 220", "> HEL", "< 250", "> QUI", "< 221"]


FETCH = """
import poplib, ssl, urllib.request
pop = poplib.POP3_SSL("mail.unige.ch", context=ssl.create_default_context())
print(pop.getwelcome().decode())
pop.quit()
print(urllib.request.urlopen("http://autoconfig.unige.ch/mail/config-v1.1.xml").read().decode())
"""


def test_a_shell_trusts_the_lab_s_root_and_finds_its_services_by_name(local_lab: Lab) -> None:
    said = local_lab.apart("shell", "--", sys.executable, "-c", FETCH).stdout
    assert said.startswith("+OK mail.unige.ch POP3")
    assert "<hostname>mail.unige.ch</hostname>" in said
    found = local_lab.apart("dig", "_imaps._tcp.unige.ch", "SRV", "--json").stdout
    assert [one["data"] for one in json.loads(found)["answers"]] == ["0 1 993 mail.unige.ch."]


MTA = """
import asyncio
from aiosmtpd.smtp import SMTP

class Mine:
    async def handle_DATA(self, server, session, envelope):
        print("took mail for", *envelope.rcpt_tos, flush=True)
        return "250 taken by mine"

async def serve():
    await asyncio.get_running_loop().create_server(lambda: SMTP(Mine(), hostname="mta"), "0.0.0.0", 25)
    await asyncio.Event().wait()

asyncio.run(serve())
"""

MINE = """
name: mine
domains:
  here.test:
    mx: [5 mta.here.test, 10 mail.here.test]
    people: [ann]
    home: mail.here.test
    hosts: {mta.here.test: {mail: true, command: ["%s", mta.py]}}
  there.test: {mx: [10 mail.there.test], people: [bob]}
"""


@pytest.fixture
def mine(command: Lab, tmp_path: Path) -> Iterator[Lab]:
    """A lab in which a mail program of one's own takes a domain's mail."""
    (tmp_path / "mta.py").write_text(MTA)
    (tmp_path / "mine.yaml").write_text(MINE % sys.executable)
    up = command.apart("up", str(tmp_path / "mine.yaml"), "--fabric", "local")
    assert up.returncode == 0, up.stderr
    yield command
    command("down")


def test_a_mail_program_of_ones_own_takes_mail_and_breaks_as_a_host_does(mine: Lab) -> None:
    send = ("send", "--from", "bob@there.test", "--to", "ann@here.test")
    assert "2  SMTP   mta.here.test:25  250 taken by mine" in mine(*send).out
    place = json.loads(mine.apart("shell", "mta.here.test", "--json").stdout)
    assert Path(place["log"]).read_text() == "took mail for ann@here.test\n"
    mine("fail", "mta.here.test")
    assert "In ann's mailbox at mail.here.test" in mine(*send).out
    assert "D807" in mine("why").out
    mine("heal")
    assert "250 taken by mine" in mine(*send).out


def test_a_shell_at_a_program_of_ones_own_is_beside_it(mine: Lab) -> None:
    said = mine.apart("shell", "mta.here.test", "--", "sh", "-c", "hostname; cat /proc/net/dev").stdout
    assert said.startswith("mta.here.test\n")
    assert "eth0:" in said
    doctor = mine.apart("doctor").stdout
    assert "✓ nothing escapes   interfaces of the lab's network: lo, guest1 (yours)\n" in doctor


def test_a_cut_that_nobody_would_keep_is_refused(mine: Lab, tmp_path: Path) -> None:
    mine("down")
    hosts = f'{{mail.there.test: {{command: ["{sys.executable}", mta.py]}}}}'
    text = (MINE % sys.executable).replace("people: [bob]", f"hosts: {hosts}")
    (tmp_path / "mine.yaml").write_text(text)
    up = mine.apart("up", str(tmp_path / "mine.yaml"), "--fabric", "local")
    assert up.returncode == 0, up.stderr
    told = mine("fail", "mta.here.test", "--cut", "mail.there.test")
    assert (told.status, "W029" in told.err) == (2, True)
    assert mine("fail", "mta.here.test", "--cut", "mail.here.test").status == 0


def test_a_program_of_ones_own_is_not_for_a_simulated_lab(command: Lab, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE % sys.executable)
    told = command.apart("up", str(tmp_path / "mine.yaml"), "--fabric", "sim").stderr
    assert "a program of your own: the fabric 'sim' runs the lab's own programs only   W028" in told
    assert "mine.yaml --fabric local" in told
