"""A host that begins from files serves, tells, and ends when it is asked to."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import smtplib
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import pytest

from lab.clock import DAY_ONE
from lab.errors import WrongUse
from lab.export.papers import Export, below, host_files, world_files
from lab.fabric.certificates import CertificateAuthority
from lab.fabric.distant.alone import Teller, begin_from
from lab.fabric.distant.moment import by_the_wall
from lab.topology import Plan, loads
from tests.fabric.forked import in_namespace

PLAN = loads("domains: {a.be: {mx: [10 mail.a.be], people: {ann: {password: secret}}}}\n")
WHERE = {host.name: host.addresses[0] for host in PLAN.hosts}


def papers(folder: Path, name: str, plan: Plan = PLAN, authority: Any = None) -> Path:
    """The folder that a host of the plan begins from. It gives itself its address."""
    export = Export(plan, authority or CertificateAuthority("1"), "")
    host = next(host for host in plan.hosts if host.name == name)
    files = below("world", world_files(export)) | below("host", host_files(export, host, host.addresses))
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


@contextmanager
def running(folder: Path) -> Iterator[Callable[[], dict[str, Any]]]:
    """The host of that folder as a process; what is given reads its next event."""
    words = [sys.executable, "-P", "-m", "lab.node", "--alone", str(folder), str(folder / "disks")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = process.stdout
        yield lambda: json.loads(lines.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def test_a_name_server_serves_its_zones() -> None:
    def inside() -> None:
        with tempfile.TemporaryDirectory() as name, running(papers(Path(name), "ns.a.be")) as told:
            started = told()
            assert (started["n"], started["host"], started["event"]) == (1, "ns.a.be", "HostStarted")
            query = dns.message.make_query("a.be", "MX")
            answer = dns.query.udp(query, WHERE["ns.a.be"], timeout=5)
            assert [str(rdata) for rrset in answer.answer for rdata in rrset] == ["10 mail.a.be."]

    in_namespace(inside)


def test_a_mail_host_shows_its_certificate_and_tells_what_it_took() -> None:
    def inside() -> None:
        with tempfile.TemporaryDirectory() as name:
            authority = CertificateAuthority("1")
            folder = papers(Path(name), "mail.a.be", authority=authority)
            with running(folder) as told:
                assert told()["event"] == "HostStarted"
                trust = ssl.create_default_context(cadata=authority.root.decode())
                with smtplib.SMTP(WHERE["mail.a.be"], 25, timeout=10) as client:
                    client.starttls(context=trust)
                    client.sendmail("x@a.be", ["ann@a.be"], b"Subject: hello\r\n\r\nHello.\r\n")
                events = [told() for _ in range(2)]
                assert [event["event"] for event in events] == ["MailAccepted", "MailDelivered"]
                assert events[0]["queue_id"] == events[1]["queue_id"]

    in_namespace(inside)


def test_a_disk_outlives_its_process() -> None:
    def inside() -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = papers(Path(name), "mail.a.be")
            ids = []
            for _ in range(2):
                with running(folder) as told:
                    assert told()["event"] == "HostStarted"
                    with smtplib.SMTP(WHERE["mail.a.be"], 25, timeout=10) as client:
                        client.sendmail("x@a.be", ["ann@a.be"], b"Subject: hello\r\n\r\nHello.\r\n")
                    accepted, delivered = told(), told()
                    assert delivered["event"] == "MailDelivered"
                    ids.append(accepted["queue_id"])
            assert len(list((folder / "disks").rglob("Maildir/new/*"))) == 2
            assert len(set(ids)) == 2

    in_namespace(inside)


def test_lab_time_is_the_walls() -> None:
    now = DAY_ONE.timestamp() + by_the_wall().time()
    assert abs(now - datetime.now(UTC).timestamp()) < 5


def test_another_start_draws_other_numbers(tmp_path: Path) -> None:
    folder, source = papers(tmp_path, "ns.a.be"), by_the_wall()
    seeds = []
    for _ in range(2):
        source.leap(source.time() + 1)
        seeds.append(begin_from(folder, source.moment).seed)
    assert seeds[0] != seeds[1]


def test_a_host_knows_all_others_and_has_its_own_zones_only(tmp_path: Path) -> None:
    begin = begin_from(papers(tmp_path, "ns.a.be"), by_the_wall().moment)
    assert [host.name for host in begin.hosts] == ["ns.a.be"]
    assert {other.name for other in begin.neighbours} == set(WHERE) - {"ns.a.be"}
    assert set(begin.zones) == {"a.be", "2.18.198.in-addr.arpa"}
    assert begin.identities == {}


BROKEN = {
    "host/host.json": {
        "": "host/host.json:1:1: this is not JSON: expecting value",
        '{"host": {"name": "a.be"}}': "host/host.json: host: 'addresses' is missing",
        "\xff": "host/host.json: this is not UTF-8 text",
    },
    "world/world.json": {"[]": "world/world.json: it: an object is wanted here, not a list"},
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in BROKEN for text in BROKEN[name]])
def test_a_file_that_says_nothing_is_a_sentence_with_its_place(tmp_path: Path, name: str, text: str) -> None:
    folder = papers(tmp_path, "ns.a.be")
    (folder / name).write_text(text, encoding="latin-1")
    with pytest.raises(WrongUse) as caught:
        begin_from(folder, by_the_wall().moment)
    assert caught.value.sentence == f"{folder}/{BROKEN[name][text]}"
    assert caught.value.code == "W041"


def test_papers_that_are_missing_end_the_node_with_a_sentence(tmp_path: Path) -> None:
    words = [sys.executable, "-P", "-m", "lab.node", "--alone", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    assert done.returncode == 2
    assert done.stderr == f"{tmp_path}/world/world.json cannot be read: no such file or directory\n"


def test_what_happens_in_one_turn_of_the_loop_is_told_in_one_write() -> None:
    class Ear(io.StringIO):
        def write(self, text: str) -> int:
            heard.append(text)
            return len(text)

    async def scene() -> None:
        teller = Teller(Ear())
        teller.tell("one")
        teller.tell("two")
        assert heard == []
        await asyncio.sleep(0)
        teller.tell("three")
        teller.speak()

    heard: list[str] = []
    asyncio.run(scene())
    assert heard[:2] == ["one\ntwo\n", "three\n"]
