"""The part tree: offsets, whatever the octets."""

from __future__ import annotations

from lab.wire.mime import DEPTH, PARTS, Part, index, parameter

NESTED = (
    b"Subject: two\r\nContent-Type: multipart/mixed; boundary=out\r\n\r\npreamble\r\n"
    b'--out\r\nContent-Type: multipart/alternative; boundary="in ner"\r\n\r\n'
    b"--in ner\r\n\r\nplain\r\n--in ner\r\nContent-Type: text/html\r\n\r\n<p>\r\n\r\n--in ner--\r\n"
    b"\r\n--out  \r\nContent-Type: message/rfc822\r\n\r\nSubject: inside\r\n\r\nbody\r\n--out--\r\nepilogue\r\n"
)


def bodies(octets: bytes) -> list[tuple[str, str, bytes]]:
    return [
        (part.number, f"{part.type}/{part.subtype}", octets[part.header_end : part.body_end])
        for part in index(octets).root.walk()
        if not part.is_multipart
    ]


def test_parts_are_slices_of_the_octets() -> None:
    assert bodies(NESTED) == [
        ("1.1", "text/plain", b"plain"),
        ("1.2", "text/html", b"<p>\r\n"),
        ("2", "message/rfc822", b"Subject: inside\r\n\r\nbody"),
        ("2", "text/plain", b"body"),
    ]


def test_the_line_end_before_a_delimiter_is_the_delimiters() -> None:
    octets = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--b\r\n\r\n\r\n--b--"
    assert [body for _, _, body in bodies(octets)] == [b"", b""]


def test_bare_line_feeds_end_lines() -> None:
    assert bodies(NESTED.replace(b"\r\n", b"\n"))[0] == ("1.1", "text/plain", b"plain")


def test_a_delimiter_in_a_header_ends_the_part() -> None:
    octets = b"Content-Type: multipart/mixed; boundary=b\n\n--b\nX-Cut: here\n--b\n\nwhole\n--b--\n"
    first, second = index(octets).root.children
    assert octets[first.header_start : first.header_end] == b"X-Cut: here"
    assert octets[second.header_end : second.body_end] == b"whole"


def test_an_outer_boundary_ends_an_inner_multipart_that_nobody_ended() -> None:
    octets = NESTED.replace(b"--in ner--\r\n", b"")
    assert [number for number, _, _ in bodies(octets)] == ["1.1", "1.2", "2", "2"]


def test_of_two_boundaries_the_longer_parts() -> None:
    octets = (
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=ab\n\n"
        b"--ab\n\none\n--ab--\n--a\n\ntwo\n--a--\n"
    )
    assert [(number, body) for number, _, body in bodies(octets)] == [("1.1", b"one"), ("2", b"two")]


def test_a_message_that_ends_too_early_has_its_last_part() -> None:
    assert bodies(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\ncut off") == [
        ("1", "text/plain", b"cut off")
    ]


def test_parts_of_a_digest_are_messages_unless_they_say_otherwise() -> None:
    octets = (
        b"Content-Type: multipart/digest; boundary=b\n\n"
        b"--b\n\nSubject: x\n\ny\n--b\nContent-Type: text/plain\n\nz\n--b--"
    )
    assert [kind for _, kind, _ in bodies(octets)] == ["message/rfc822", "text/plain", "text/plain"]


def test_lines_are_the_line_ends_of_the_body() -> None:
    parts = list(index(NESTED).root.walk())
    assert [part.lines for part in parts] == [
        NESTED.count(b"\n", part.header_end, part.body_end) for part in parts
    ]


def test_what_cannot_be_read_is_plain_text() -> None:
    for broken in (b"text", b"/", b"text/", b";charset=x", b"\xff/\xff/\xff", b"", b"(text/plain)"):
        root = index(b"Content-Type: " + broken + b"\r\n\r\nx").root
        assert (root.type, root.subtype) == ("text", "plain")


def test_content_fields_are_read() -> None:
    root = index(
        b'content-TYPE: Text/HTML (a comment);\r\n charset="utf-8" ; format = flowed\r\n'
        b"Content-Transfer-Encoding: BASE64\r\nContent-Disposition: Inline; filename*=utf-8''na%C3%AFve.txt\r\n"
        b"Content-ID: <a@b>\r\nContent-Description: =?utf-8?q?caf=C3=A9?=\r\nContent-Language: en, fr\r\n"
        b"Content-Location: http://a/\r\nContent-MD5: Q2hlY2s=\r\nContent-Type: text/plain\r\n\r\n"
    ).root
    assert root == Part(
        "", 0, root.header_end, root.header_end, "text", "html",
        (("charset", "utf-8"), ("format", "flowed")), "base64",
        "inline", (("filename*", "utf-8''na%C3%AFve.txt"),),
        "<a@b>", "=?utf-8?q?caf=C3=A9?=", ("en", "fr"), "http://a/", "Q2hlY2s=",
    )  # fmt: skip
    assert parameter(root.disposition_params, "filename") == "naïve.txt"


def test_more_parts_than_the_bound_leave_the_rest_to_the_last() -> None:
    octets = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * (PARTS + 5) + b"--b--\n"
    parts = list(index(octets).root.walk())
    assert len(parts) == PARTS
    assert octets[parts[-1].header_end : parts[-1].body_end].count(b"--b") == 7


def test_nesting_is_bounded() -> None:
    octets = b"Content-Type: message/rfc822\n\n" * (DEPTH * 3)
    assert len(list(index(octets).root.walk())) == DEPTH + 1
