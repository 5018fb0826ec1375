"""IMAP's grammar: commands as typed values, sets, names, and no exception but its own, whatever comes."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from lab.wire.imap.commands import Append, Authenticate, Copy, Fetch, List, Login, Search, Store
from lab.wire.imap.items import written
from lab.wire.imap.keys import All, Either, Flagged, Not, Texted
from lab.wire.imap.names import decode_name, encode_name
from lab.wire.imap.reader import LONGEST_LINE, CommandReader, Flaw, GoOn, Taken
from lab.wire.imap.server import ALLOWED, NEXT, ImapServer, Refusal, Request, State
from lab.wire.imap.sets import read_set, write_set
from lab.wire.imap.tokens import Scanner
from lab.wire.mime import Section


def _server(state: State = State.SELECTED) -> ImapServer:
    server = ImapServer(limit=1_000)
    server.state = state
    server.done("NOOP", well=True)
    return server


def _command(line: str, state: State = State.SELECTED) -> object:
    server = _server(state)
    server.feed(b"a " + line.encode() + b"\r\n")
    heard = server.next()
    assert isinstance(heard, Request), heard
    return heard.command


def test_login_takes_every_kind_of_string() -> None:
    for line in ("LOGIN ed secret", 'login "ed" "secret"', "LOGIN {2+}\r\ned {6+}\r\nsecret"):
        assert _command(line, State.NOT_AUTHENTICATED) == Login("ed", "secret")


def test_passwords_are_not_in_what_a_traceback_shows() -> None:
    assert "secret" not in repr(Login("ed", "secret"))
    assert "c2VjcmV0" not in repr(Authenticate("PLAIN", b"c2VjcmV0"))


def test_a_fetch_keeps_what_it_was_asked_for() -> None:
    command = _command("UID FETCH 1:* (FLAGS BODY.PEEK[2.1.header.fields (Date FROM)]<10.20>)")
    assert isinstance(command, Fetch)
    assert command.uid
    flags, piece = command.items
    assert flags.name == "FLAGS"
    assert piece.label == "BODY[2.1.HEADER.FIELDS (DATE FROM)]<10>"
    assert piece.section == Section((2, 1), "HEADER.FIELDS", ("DATE", "FROM"))
    assert (piece.partial, piece.peek) == ((10, 20), True)


def test_an_item_asked_for_twice_is_answered_once() -> None:
    command = _command("FETCH 1 (FLAGS FLAGS UID)")
    assert isinstance(command, Fetch)
    assert [item.name for item in command.items] == ["FLAGS", "UID"]


def test_a_search_is_a_tree() -> None:
    command = _command('SEARCH OR SEEN NOT (SUBJECT "a b" KEYWORD x) ALL')
    assert isinstance(command, Search)
    inner = Not(All((Texted("subject", "a b"), Flagged("x"))))
    assert command.key == All((Either(Flagged("\\Seen"), inner), All()))


def test_searches_nested_without_end_are_refused() -> None:
    server = _server()
    server.feed(b"a SEARCH " + b"NOT " * 10_000 + b"ALL\r\n")
    assert isinstance(server.next(), Refusal)


def test_store_copy_append_and_list() -> None:
    assert _command("STORE 2 +flags.silent (\\Seen x)") == Store(
        read_set(Scanner(b"2")), False, "+FLAGS", True, ("\\Seen", "x")
    )
    assert _command("UID MOVE 1 inbox") == Copy(read_set(Scanner(b"1")), True, "INBOX", move=True)
    assert _command("APPEND a (\\Seen) {2+}\r\nhi") == Append("a", ("\\Seen",), None, b"hi")
    assert _command('LIST (SUBSCRIBED) "" (a b) RETURN (CHILDREN)') == List(
        "", ("a", "b"), "LIST", ("SUBSCRIBED",), ("CHILDREN",), (), extended=True
    )


@given(st.lists(st.integers(1, 50), unique=True))
def test_a_set_that_was_written_is_read_as_the_same_numbers(numbers: list[int]) -> None:
    numbers.sort()
    if numbers:
        assert read_set(Scanner(write_set(numbers).encode())).among(range(1, 60)) == numbers


def test_a_set_of_overlaps_gives_each_number_once() -> None:
    assert read_set(Scanner(b"1:4,2:3,*:5,4")).among([1, 3, 4, 9]) == [1, 3, 4, 9]


def test_the_highest_is_in_every_set_that_ends_in_a_star() -> None:
    """RFC 9051 §9: even 559:* where there is no 559."""
    assert read_set(Scanner(b"559:*")).among([1, 2, 3]) == [3]


@given(st.text())
def test_a_name_comes_back_from_the_wire_as_it_went(name: str) -> None:
    if not any("\ud800" <= sign <= "\udfff" for sign in name):
        assert decode_name(encode_name(name, utf8=False), utf8=False) == name


def test_the_rfcs_own_example_of_a_name() -> None:
    """RFC 3501 §5.1.3."""
    assert encode_name("~peter/mail/台北/日本語", utf8=False) == b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"


def test_a_section_is_written_as_it_is_asked_for() -> None:
    assert written(Section((4, 1), "MIME")) == "4.1.MIME"
    assert written(Section()) == ""


# -- the reader and the automaton ---------------------------------------------------------------------------------

STREAM = b"a LOGIN {2}\r\ned {6+}\r\nsecret\r\nb NOOP\r\nc X {2000+}\r\n" + b"x" * 2000 + b" y\r\nd NOOP\n"


def _cut(pieces: list[bytes]) -> list[object]:
    reader = CommandReader(limit=100)
    heard: list[object] = []
    for piece in pieces:
        reader.feed(piece)
        while (one := reader.command()) is not None:
            heard.append(one)
    return heard


@given(st.lists(st.integers(0, len(STREAM))))
def test_commands_are_the_same_however_the_network_cuts_them(cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(STREAM)]
    assert _cut([STREAM[a:b] for a, b in itertools.pairwise(ends)]) == [
        GoOn(),
        Taken(b"a LOGIN {2}\r\ned {6+}\r\nsecret\r\n"),
        Taken(b"b NOOP\r\n"),
        Flaw("c", too_big=True),
        Taken(b"d NOOP\n"),
    ]


def test_a_hundred_megabytes_are_passed_over_without_being_kept() -> None:
    reader = CommandReader(limit=1_000)
    reader.feed(b"a APPEND INBOX {100000000+}\r\n")
    most = 0
    for _ in range(1_000):
        reader.feed(b"x" * 100_000)
        assert reader.command() is None
        most = max(most, reader.waiting)
    reader.feed(b"\r\nb NOOP\r\n")
    assert [reader.command(), reader.command()] == [Flaw("a", too_big=True), Taken(b"b NOOP\r\n")]
    assert most < 1_000


def test_a_line_without_end_is_refused_when_it_ends_and_not_kept() -> None:
    reader = CommandReader(limit=1_000)
    for _ in range(100):
        reader.feed(b"a" + b" x" * 5_000)
        assert reader.command() is None
        assert reader.waiting <= LONGEST_LINE + 10_001
    reader.feed(b"\r\nb NOOP\r\n")
    assert [reader.command(), reader.command()] == [Flaw("a", too_big=False), Taken(b"b NOOP\r\n")]


@given(st.lists(st.binary(max_size=200)), st.sampled_from(list(State)))
def test_garbage_is_refused_and_nothing_else(pieces: list[bytes], state: State) -> None:
    server = _server(state)
    for piece in pieces:
        server.feed(piece + b"\r\n")
        while server.next() is not None:
            pass


_WORDS = st.sampled_from(
    [
        b"a",
        b"FETCH",
        b"UID",
        b"SEARCH",
        b"1:*",
        b"(",
        b")",
        b"[",
        b"]",
        b"<0.1>",
        b"BODY",
        b"LIST",
        b'""',
        b'"',
        b"{3}",
        b"STORE",
        b"+FLAGS",
        b"\\Seen",
        b"APPEND",
        b"INBOX",
        b"OR",
        b"NOT",
        b"HEADER",
        b"$",
        b"*",
        b"%",
        b" ",
        b" ",
    ]
)


@given(st.lists(_WORDS, max_size=25))
def test_words_in_any_order_are_refused_or_understood(words: list[bytes]) -> None:
    server = _server()
    server.feed(b"a " + b" ".join(words) + b"\r\n")
    while server.next() is not None:
        pass


def test_every_verb_that_changes_the_state_may_be_said_in_some_state() -> None:
    assert {verb for verb, _ in NEXT} <= {*ALLOWED, "SELECT", "EXAMINE"}


def test_what_was_said_before_tls_counts_for_nothing() -> None:
    server = _server(State.NOT_AUTHENTICATED)
    server.feed(b"a NOOP\r\nb LOGIN ed secr")
    server.forget()
    server.feed(b"c NOOP\r\n")
    heard = server.next()
    assert isinstance(heard, Request)
    assert heard.tag == "c"
