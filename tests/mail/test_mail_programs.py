"""Real mail programs against a mail host on real sockets: Python's, curl, openssl, msmtp, s-nail."""

from __future__ import annotations

import asyncio
import poplib
import shutil
import smtplib
import subprocess
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from lab.events import MailAccepted
from tests.mail.post_office import ED, MAIL, OFFICE, Office, on_sockets

pytestmark = pytest.mark.namespace

LETTERS = [
    b"Subject: one\r\n\r\n.dots\r\n..\r\nend\r\n",
    b"Subject: two\r\n\r\n" + b"0123456789" * 70 + b"\r\n",
    b"Subject: =?utf-8?q?tr=C3=A8s?=\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xc3\xa9t\xe9\r\n\r\n\r\n",
]
NOTE = b"From: ed@belgiannews.com\r\nTo: eve@belgiannews.com\r\nSubject: a note\r\n\r\nfrom a program\r\n"

T = TypeVar("T")
needs = {
    name: pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")
    for name in ("curl", "openssl", "msmtp", "s-nail")
}


async def apart(work: Callable[[], T]) -> T:
    """Do it in a thread, as a program of its own does: on the kernel's sockets."""
    return await asyncio.to_thread(work)


async def run(*command: str, typed: bytes = b"", folder: Path | None = None, **environment: str) -> bytes:
    def ran() -> subprocess.CompletedProcess[bytes]:
        env = {"PATH": "/usr/bin:/bin", "HOME": str(folder or "/nonexistent"), **environment}
        return subprocess.run(command, input=typed, capture_output=True, timeout=20, cwd=folder, env=env)

    done = await apart(ran)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def root_of(here: Office, folder: Path) -> str:
    file = folder / "ca.pem"
    file.write_bytes(here.fabric.ground.authority.root)
    return str(file)


def play(story: Callable[[Office], Awaitable[None]]) -> None:
    on_sockets(story)


def test_poplib_reads_and_deletes() -> None:
    async def story(here: Office) -> None:
        await here.file(*LETTERS)

        def session() -> None:
            pop = poplib.POP3(OFFICE, timeout=10)
            assert "SCRAM-SHA-256" in pop.capa()["SASL"]
            pop.stls(trust)
            assert "STLS" not in pop.capa()
            pop.apop("ed@belgiannews.com", "secret")
            assert pop.stat() == (3, sum(map(len, LETTERS)))
            for number, letter in enumerate(LETTERS, 1):
                lines = pop.retr(number)[1]
                assert b"".join(line + b"\r\n" for line in lines) == letter
            assert pop.top(1, 1)[1] == [b"Subject: one", b"", b".dots"]
            assert len({line.split()[1] for line in pop.uidl()[1]}) == 3
            pop.dele(2)
            pop.quit()

        trust = here.fabric.hosts[MAIL].trust
        await apart(session)
        assert here.inbox() == [LETTERS[0], LETTERS[2]]

    play(story)


def test_poplib_reads_over_a_sealed_port_and_is_refused_with_a_wrong_password() -> None:
    async def story(here: Office) -> None:
        def session() -> None:
            pop = poplib.POP3_SSL(OFFICE, context=trust, timeout=10)
            with pytest.raises(poplib.error_proto, match=r"\[AUTH\] wrong name or password"):
                pop.pass_("x") if pop.user("ed") else None
            pop.user("ed")
            pop.pass_("secret")
            pop.quit()

        trust = here.fabric.hosts[MAIL].trust
        await apart(session)

    play(story)


@pytest.mark.parametrize("sealed", [False, True], ids=["587", "465"])
def test_smtplib_submits(sealed: bool) -> None:
    async def story(here: Office) -> None:
        def session() -> None:
            if sealed:
                smtp: smtplib.SMTP = smtplib.SMTP_SSL(OFFICE, 465, context=trust, timeout=10)
            else:
                smtp = smtplib.SMTP(OFFICE, 587, timeout=10)
                smtp.starttls(context=trust)
            with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
                smtp.sendmail(ED, ["eve@belgiannews.com"], NOTE)
            smtp.login("ed", "secret")
            smtp.sendmail(ED, ["eve@belgiannews.com"], NOTE)
            smtp.quit()

        trust = here.fabric.hosts[MAIL].trust
        await apart(session)
        assert [event.protocol for event in here.events(MailAccepted)] == ["ESMTPSA"]

    play(story)


@needs["curl"]
def test_curl_fetches_by_pop3_and_submits(tmp_path: Path) -> None:
    async def story(here: Office) -> None:
        await here.file(*LETTERS)
        curl = ("curl", "-sS", "--cacert", root_of(here, tmp_path), "--user", "ed:secret")
        assert await run(*curl, f"pop3://{OFFICE}/1") == LETTERS[0]
        assert await run(*curl, "--ssl-reqd", f"pop3://{OFFICE}/3") == LETTERS[2]
        assert await run(*curl, "--login-options", "AUTH=LOGIN", f"pop3s://{OFFICE}/2") == LETTERS[1]
        assert (await run(*curl, f"pop3://{OFFICE}/")).splitlines()[0] == b"1 %d" % len(LETTERS[0])
        post = (*curl, "--mail-from", ED, "--mail-rcpt", "eve@belgiannews.com", "-T", "-")
        await run(*post, "--ssl-reqd", f"smtp://{OFFICE}:587", typed=NOTE)
        await run(*post, f"smtps://{OFFICE}:465", typed=NOTE)
        assert [event.protocol for event in here.events(MailAccepted)] == ["ESMTPSA", "ESMTPSA"]

    play(story)


@needs["openssl"]
@pytest.mark.parametrize(
    ("port", "starttls"),
    [(25, "smtp"), (587, "smtp"), (110, "pop3"), (143, "imap"), (465, ""), (995, ""), (993, "")],
)
def test_openssl_believes_every_service_by_the_lab_s_root(port: int, starttls: str, tmp_path: Path) -> None:
    async def story(here: Office) -> None:
        said = await run(
            *("openssl", "s_client", "-connect", f"{OFFICE}:{port}", "-CAfile", root_of(here, tmp_path)),
            *("-verify_return_error", "-verify_hostname", MAIL, "-brief"),
            *(("-starttls", starttls) if starttls else ()),
        )
        assert b"Verification: OK" in said

    play(story)


@needs["msmtp"]
def test_msmtp_submits(tmp_path: Path) -> None:
    async def story(here: Office) -> None:
        ca = root_of(here, tmp_path)
        for port, starttls in ((587, "on"), (465, "off")):
            await run(
                *("msmtp", f"--host={OFFICE}", f"--port={port}", f"--from={ED}", "--tls=on"),
                *(f"--tls-starttls={starttls}", f"--tls-trust-file={ca}", "--auth=scram-sha-256", "--user=ed"),
                *("--passwordeval=echo secret", "eve@belgiannews.com"),
                typed=NOTE.replace(b"\r\n", b"\n"),
                folder=tmp_path,
            )
        assert [event.protocol for event in here.events(MailAccepted)] == ["ESMTPSA", "ESMTPSA"]

    play(story)


@needs["s-nail"]
def test_s_nail_reads_by_pop3_and_submits(tmp_path: Path) -> None:
    async def story(here: Office) -> None:
        await here.file(*LETTERS)
        settings = ("-n", "-Sv15-compat", "-Stls-verify=ignore", "-Ssendwait")
        listed = await run("s-nail", *settings, "-H", "-f", f"pop3s://ed:secret@{OFFICE}", folder=tmp_path)
        assert b"one" in listed
        assert b"two" in listed
        mta = (f"-Smta=smtps://ed:secret@{OFFICE}:465", "-Ssmtp-auth=plain", f"-Sfrom={ED}")
        await run("s-nail", *settings, *mta, "-s", "hello", "eve@belgiannews.com", typed=b"hi\n", folder=tmp_path)
        assert [event.subject for event in here.events(MailAccepted)] == ["hello"]

    play(story)


def test_a_browser_is_handed_the_autoconfig_file() -> None:
    async def story(here: Office) -> None:
        def fetched() -> bytes:
            address = f"http://{OFFICE}/mail/config-v1.1.xml?emailaddress=ed@belgiannews.com"
            request = urllib.request.Request(address, headers={"Host": "autoconfig.belgiannews.com"})
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.read()

        assert b"<hostname>mail.belgiannews.com</hostname>" in await apart(fetched)

    play(story)
