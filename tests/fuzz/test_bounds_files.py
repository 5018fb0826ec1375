"""No file that somebody hands in makes the lab work or remember out of proportion to its size."""

from __future__ import annotations

import pytest

from lab import topology
from lab.clock import parse_span
from lab.control.server import read_request
from lab.errors import BadFile, WrongUse
from lab.mail.journal import read_journal
from lab.names import DomainName
from lab.topology.source import MOST_REPEATED
from lab.wire import mime, zonefile
from lab.wire.dsn import header_of
from lab.wire.received import read_heading
from lab.wire.zonefile import MOST_INCLUDED
from tests.fuzz.work import grows_linearly, peak

ORIGIN = DomainName("b.com")


def test_aliases_in_aliases_are_refused_before_they_are_written_out() -> None:
    text = "name: x\nx0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    for level in range(1, 30):
        text += f"x{level}: &x{level} [{', '.join([f'*x{level - 1}'] * 10)}]\n"
    with pytest.raises(BadFile, match=str(MOST_REPEATED)):
        topology.loads(text)


def test_aliases_within_reason_are_taken() -> None:
    domains = "".join(f"  d{number}.com: *d\n" for number in range(1, 100))
    text = "name: x\ndomains:\n  b.com: {people: [ed], mx: [5 mail.b.com]}\n  d0.com: &d {mx: [5 mail.b.com]}\n"
    assert len(topology.loads(text + domains).hosts) > 100


def test_files_that_include_each_other_many_times_come_to_an_end() -> None:
    """Ten files, each of which includes the next ten times: ten to the tenth."""
    read: list[str] = []

    def include(name: str) -> str:
        read.append(name)
        return f"$INCLUDE f{int(name[1:]) + 1}\n" * 10

    parsed = zonefile.read("$INCLUDE f0\n", ORIGIN, include=include)
    assert len(read) <= MOST_INCLUDED
    assert any(str(MOST_INCLUDED) in problem.sentence for problem in parsed.problems)


def test_generated_records_are_counted_over_all_directives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zonefile, "GENERATE_LIMIT", 100)
    parsed = zonefile.read("$TTL 1\n" + "$GENERATE 1-50 h$ A 1.1.1.1\n" * 5, ORIGIN)
    assert len(parsed.records) == 100
    assert len(parsed.problems) == 3


@pytest.mark.parametrize(
    "part", ["h A 198.18.0.1\n", "; c\n", '"', "(", "\\", "h TXT " + "x " * 10 + "\n", "$X\n"]
)
def test_a_zone_file_costs_what_it_is_long(part: str) -> None:
    assert grows_linearly(lambda size: zonefile.read("$TTL 1\n" + part * size, ORIGIN), 500)


@pytest.mark.parametrize("text", ["1", "1.", "1h", ".1", "1 "])
def test_a_span_of_time_costs_what_it_is_long(text: str) -> None:
    def parsed(size: int) -> None:
        try:
            parse_span(text * size + "x")
        except ValueError:
            return

    assert grows_linearly(parsed, 2_000)


def test_a_journal_costs_what_it_is_long() -> None:
    head = b"uidvalidity 1 uidnext 1 modseq 1 generation 1\n"
    lines = b"".join(b"= 1 %d S $w\n" % number for number in range(1_000))
    assert grows_linearly(lambda size: read_journal(head + b"+ 1 1 1 1 a\n" + lines * size), 4)


# -- messages ---------------------------------------------------------------------------------------------------


def nested(levels: int) -> bytes:
    """A multipart in a multipart in a multipart."""
    opened = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels)
    )
    return opened + b"\r\nhi\r\n"


def test_ten_thousand_levels_of_mime_are_a_hundred() -> None:
    found = mime.index(nested(10_000))
    assert max(depth for _, _, depth in mime.by_name(found.root)) <= mime.DEPTH


VIEWS = {
    "nested": nested,
    "messages": lambda size: b"Content-Type: message/rfc822\r\n\r\n" * size,
    "boundaries": lambda size: b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n" * size,
    "header": lambda size: b"X: y\r\n" * size + b"\r\n",
    "folded": lambda size: b"Subject: x\r\n" + b" y\r\n" * size + b"\r\n",
    "addresses": lambda size: b"To: " + b"a@b, " * size + b"\r\n\r\n",
    "comments": lambda size: b"To: " + b"(" * size + b"\r\n\r\n",
    "quotes": lambda size: b'To: "' + b'\\"' * size + b"\r\n\r\n",
    "groups": lambda size: b"To: " + b"g: a@b; " * size + b"\r\n\r\n",
    "routes": lambda size: b"To: <" + b"@a," * size + b":c@d>\r\n\r\n",
    "words": lambda size: b"Subject: " + b"=?utf-8?q?x?= " * size + b"\r\n\r\n",
    "half words": lambda size: b"Subject: " + b"=?utf-8?q?" * size + b"\r\n\r\n",
    "parameters": lambda size: b"Content-Type: text/plain" + b"; a*%d=x" % 0 * size + b"\r\n\r\n",
    "pieces": lambda size: (
        b"Content-Type: text/plain" + b"".join(b"; a*%d=x" % n for n in range(size)) + b"\r\n\r\n"
    ),
    "blanks": lambda size: b"Content-Type: text/plain;" + b" " * size + b"x\r\n\r\n" + b" \t" * size,
    "semicolons": lambda size: b"Content-Type: text/plain" + b"; " * size + b"\r\n\r\n",
    "type": lambda size: b"Content-Type: " + b"a" * size + b" " * size + b"\r\n\r\n",
    "quoted-printable": lambda size: b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=\r\n \t" * size,
    "base64": lambda size: b"Content-Transfer-Encoding: base64\r\n\r\n" + b"====a" * size,
    "uuencode": lambda size: b"Content-Transfer-Encoding: x-uuencode\r\n\r\n" + b"begin 644 x\n" * size,
    "charset": lambda size: b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n" + b"\x1b$B" * size,
}


def viewed(octets: bytes) -> None:
    found = mime.index(octets)
    read_heading(octets)
    header_of(octets)
    for part, _, _ in mime.by_name(found.root):
        mime.text(octets, part)
        mime.file_name(part)
    mime.envelope(octets, found.root)
    mime.subject(octets, found.root)


@pytest.mark.parametrize("view", VIEWS)
def test_a_message_costs_what_it_is_long(view: str) -> None:
    made = {size: VIEWS[view](size) for size in (1_000, 4_000)}
    assert grows_linearly(lambda size: viewed(made[size]), 1_000)


def test_a_header_of_thirty_megabytes_is_not_kept_twice() -> None:
    octets = b"X-Long: y\r\n" * 3_000_000
    assert peak(lambda: read_heading(octets)) < 1_000_000
    assert peak(lambda: mime.index(octets)) < len(octets) + 10_000_000


# -- logs and requests ------------------------------------------------------------------------------------------


def test_a_deeply_nested_request_is_none() -> None:
    with pytest.raises(WrongUse):
        read_request(b'{"verb": "status", "args": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n")
