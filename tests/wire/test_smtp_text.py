from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lab.wire.smtp_text import END, TextReader, has_bare_ends, has_long_line


def stuffed(lines: list[bytes]) -> bytes:
    return b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines)


LINES = st.lists(st.text("a.b\t", max_size=6).map(str.encode), max_size=8)


@given(LINES, st.lists(st.integers(0, 80), max_size=6), st.binary(max_size=10))
def test_text_arrives_as_sent_however_the_network_cuts_it(
    lines: list[bytes], cuts: list[int], rest: bytes
) -> None:
    wire = stuffed(lines) + b".\r\n" + rest
    places = sorted({0, len(wire), *(min(cut, len(wire)) for cut in cuts)})
    text, after = TextReader(1_000), bytearray()
    done = False
    for start, end in pairwise(places):
        if done:
            after += wire[start:end]
        else:
            done = text.feed(wire[start:end])
    assert done
    assert (text.octets, text.rest + after) == (b"".join(line + b"\r\n" for line in lines), rest)


@given(st.text("\r\n.a", max_size=20).map(str.encode))
def test_only_a_dot_between_crlf_ends_a_text(octets: bytes) -> None:
    ended = TextReader(1_000).feed(octets)
    assert ended == (END in b"\r\n" + octets)


def test_text_over_the_limit_is_read_to_its_end_and_not_kept() -> None:
    text = TextReader(10)
    assert not any(text.feed(b"0123456789\r\n") for _ in range(100))
    assert text.feed(b".\r\nQUIT\r\n")
    assert (text.too_big, text.octets, text.rest) == (True, b"", b"QUIT\r\n")


def test_stuffing_does_not_count_as_size() -> None:
    text = TextReader(4)
    assert text.feed(b"..x\r\n.\r\n")
    assert (text.too_big, text.octets) == (False, b".x\r\n")


def test_lone_cr_and_lf_are_found() -> None:
    assert [has_bare_ends(text) for text in (b"a\r\n", b"a\nb\r\n", b"a\rb\r\n", b"a\n\r\n", b"a\r\r\n")] == [
        False,
        True,
        True,
        True,
        True,
    ]


def test_line_of_998_octets_is_the_longest() -> None:
    assert not has_long_line(b"x" * 998 + b"\r\n" + b"y" * 998 + b"\r\n")
    assert has_long_line(b"\r\n" + b"x" * 999 + b"\r\n")
