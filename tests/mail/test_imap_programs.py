"""Real mail programs read by IMAP, on real sockets: imaplib, curl, mutt, mbsync; two at once on one mailbox."""

from __future__ import annotations

import imaplib
import os
import pty
import select
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.mail.post_office import ED, MAIL, OFFICE, Office
from tests.mail.test_mail_programs import LETTERS, apart, play, root_of, run

pytestmark = pytest.mark.namespace

needs = {
    name: pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")
    for name in ("curl", "mutt", "mbsync")
}


def _ok(answer: tuple[str, list[object]]) -> list[object]:
    assert answer[0] == "OK", answer
    return answer[1]


def test_imaplib_reads_files_and_deletes() -> None:
    async def story(here: Office) -> None:
        await here.file(*LETTERS)

        def session() -> None:
            imap = imaplib.IMAP4(OFFICE, timeout=10)
            assert "STARTTLS" in imap.capabilities
            imap.starttls(trust)
            _ok(imap.authenticate("PLAIN", lambda _: b"\0ed\0secret"))
            _ok(imap.enable("CONDSTORE"))
            assert _ok(imap.select("INBOX")) == [b"3"]
            for number, letter in enumerate(LETTERS, 1):
                ((_, octets), _) = _ok(imap.fetch(str(number), "(UID BODY.PEEK[])"))  # type: ignore[misc]
                assert octets == letter
            assert _ok(imap.search(None, "SUBJECT", "two")) == [b"2"]
            _ok(imap.create('"My Mail"'))
            _ok(imap.copy("1:2", '"My Mail"'))
            _ok(imap.store("2", "+FLAGS", "(\\Deleted work)"))
            assert _ok(imap.expunge()) == [b"2"]
            _ok(imap.append("INBOX", "(\\Seen)", imaplib.Time2Internaldate(0), LETTERS[1]))
            assert b'(\\HasNoChildren) "/" "My Mail"' in _ok(imap.list())
            assert _ok(imap.status("INBOX", "(MESSAGES UNSEEN)")) == [b"INBOX (MESSAGES 3 UNSEEN 2)"]
            _ok(imap.rename('"My Mail"', "Mine"))
            assert _ok(imap.close()) == [b"no mailbox is open now"]
            imap.logout()

        trust = here.fabric.hosts[MAIL].trust
        await apart(session)
        assert here.inbox() == [LETTERS[0], LETTERS[2], LETTERS[1]]

    play(story)


def test_two_clients_at_once_on_one_mailbox() -> None:
    async def story(here: Office) -> None:
        await here.file(*LETTERS)

        def session() -> None:
            one, two = (imaplib.IMAP4_SSL(OFFICE, ssl_context=trust, timeout=10) for _ in range(2))
            for imap in (one, two):
                imap.login("ed@belgiannews.com", "secret")
                imap.select("INBOX")
            _ok(one.store("1", "+FLAGS", "(\\Deleted)"))
            _ok(two.store("1", "+FLAGS", "(\\Deleted)"))
            _ok(one.expunge())
            _ok(two.noop())
            assert two.response("EXPUNGE") == ("EXPUNGE", [b"1"])
            _ok(two.expunge())
            _ok(two.append("INBOX", "", None, LETTERS[0]))  # type: ignore[arg-type]
            _ok(one.noop())
            assert one.response("EXISTS")[1][-1] == b"3"
            one.logout()
            two.logout()

        trust = here.fabric.hosts[MAIL].trust
        await apart(session)
        assert here.inbox() == [LETTERS[1], LETTERS[2], LETTERS[0]]

    play(story)


def test_imaplib_is_told_that_a_password_is_wrong() -> None:
    async def story(here: Office) -> None:
        def session() -> None:
            imap = imaplib.IMAP4(OFFICE, timeout=10)
            with pytest.raises(imaplib.IMAP4.error, match="user or password are wrong"):
                imap.login("ed", "guess")
            imap.login("ed", "secret")
            imap.logout()

        await apart(session)

    play(story)


@needs["curl"]
def test_curl_fetches_appends_and_asks(tmp_path: Path) -> None:
    async def story(here: Office) -> None:
        await here.file(*LETTERS)
        curl = ("curl", "-sS", "--cacert", root_of(here, tmp_path), "--user", "ed:secret")
        assert await run(*curl, f"imap://{OFFICE}/INBOX;MAILINDEX=1") == LETTERS[0]
        assert await run(*curl, "--ssl-reqd", f"imap://{OFFICE}/INBOX;UID=2;SECTION=TEXT") == LETTERS[1][16:]
        assert await run(*curl, f"imaps://{OFFICE}/INBOX;UID=3") == LETTERS[2]
        (tmp_path / "letter").write_bytes(LETTERS[0])
        await run(*curl, "-T", str(tmp_path / "letter"), f"imaps://{OFFICE}/INBOX")
        said = await run(*curl, f"imap://{OFFICE}/INBOX", "-X", "STATUS INBOX (MESSAGES)")
        assert said == b"* STATUS INBOX (MESSAGES 4)\r\n"
        assert await run(*curl, f"imap://{OFFICE}/INBOX?SUBJECT%20one") == b"* SEARCH 1 4\r\n"
        plain = ("--login-options", "AUTH=PLAIN")
        assert b"INBOX" in await run(*curl, *plain, f"imaps://{OFFICE}/")

    play(story)


@needs["mutt"]
def test_mutt_reads_saves_and_deletes(tmp_path: Path) -> None:
    async def story(here: Office) -> None:
        await here.file(*LETTERS)
        settings = tmp_path / "muttrc"
        settings.write_text(
            "set ssl_starttls=no ssl_force_tls=no imap_user=ed imap_pass=secret wait_key=no quit=yes delete=yes\n"
            f"set folder=imap://{OFFICE}/\n"
            "set confirmappend=no confirmcreate=no mark_old=no mail_check=1 header_cache=''\n"
            f'push "<first-entry><pipe-message>cat > {tmp_path}/read<enter>'
            f'<save-message><kill-line>=Archive<enter><last-entry><delete-message><quit>"\n'
        )
        await apart(
            lambda: _on_a_terminal(["mutt", "-n", "-F", str(settings), "-f", f"imap://{OFFICE}/INBOX"], tmp_path)
        )
        assert b"Subject: one" in (tmp_path / "read").read_bytes()
        assert here.inbox() == [LETTERS[1]]

    play(story)


def _on_a_terminal(command: list[str], home: Path) -> None:
    """mutt wants a screen; what it paints there nobody reads."""
    ours, theirs = pty.openpty()
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    program = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=home)
    os.close(theirs)
    painted = b""
    while select.select([ours], [], [], 10)[0] and (piece := _read(ours)):
        painted += piece
    os.close(ours)
    program.kill()
    assert program.wait() == 0, painted[-2_000:]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the program has closed its side
        return b""


@needs["mbsync"]
def test_mbsync_keeps_two_sides_the_same(tmp_path: Path) -> None:
    async def story(here: Office) -> None:
        await here.file(*LETTERS)
        (tmp_path / "here").mkdir()
        settings = tmp_path / "mbsyncrc"
        settings.write_text(
            f"IMAPStore far\nHost {OFFICE}\nUser ed\nPass secret\nSSLType None\nAuthMechs PLAIN\n\n"
            f"MaildirStore near\nPath {tmp_path}/here/\nInbox {tmp_path}/here/INBOX\nSubFolders Verbatim\n\n"
            f"Channel both\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\n"
            f"SyncState {tmp_path}/state-\n"
        )
        sync = ("mbsync", "-c", str(settings), "both")
        await run(*sync, folder=tmp_path)
        inbox = tmp_path / "here" / "INBOX"
        copies = sorted(inbox.glob("*/*U=*"), key=lambda file: file.name.partition("U=")[2])
        assert [_without_mark(file) for file in copies] == [letter.replace(b"\r\n", b"\n") for letter in LETTERS]
        copies[0].rename(inbox / "cur" / f"{copies[0].name.split(':')[0]}:2,ST")
        await run(*sync, folder=tmp_path)
        assert here.inbox() == LETTERS[1:]
        await here.mail.local.store.account(ED).inbox.append(LETTERS[0])
        (inbox / "new" / "1.a.b").write_bytes(b"Subject: from here\n\nhi\n")
        await run(*sync, folder=tmp_path)
        assert len(list(inbox.glob("*/*U=*"))) == len(here.inbox()) == 4

    play(story)


def _without_mark(file: Path) -> bytes:
    """mbsync marks what it copies, in a header field of its own."""
    lines = file.read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"X-TUID:"))
