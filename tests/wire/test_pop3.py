"""A POP3 server's side of the dialogue, played by hand."""

import base64
import hashlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lab.wire import pop3, sasl
from lab.wire.pop3 import Granted, Maildrop, Message, Refused, Say, Secure, Session, State, Update

LETTERS = (b"Subject: one\r\n\r\nfirst\r\n.dotted\r\nlast\r\n", b".starts with a dot\r\n\r\nno end")
STAMP = "<1.2@mail.test>"


def terms(tls: bool = True) -> pop3.Terms:
    words = {"ed": "secret", "zoë": "two  words "}
    return pop3.Terms("mail.test", sasl.Terms(words.get, "mail.test", Random(1)), STAMP, tls)


def drop() -> Maildrop:
    messages = tuple(Message(number + 10, len(octets)) for number, octets in enumerate(LETTERS))
    return Maildrop(77, messages, lambda uid: LETTERS[uid - 10])


def logged_in() -> Session:
    session = Session(terms())
    assert take(session, "USER ed") == "+OK send PASS\r\n"
    assert session.take(b"PASS secret\r\n") == Granted("ed")
    assert session.admit(drop()).octets.startswith(b"+OK 2 messages (")
    return session


def take(session: Session, line: str) -> str:
    turn = session.take(line.encode() + b"\r\n")
    assert isinstance(turn, Say)
    return turn.octets.decode()


def test_the_course_s_session_is_heard():
    session = logged_in()
    assert take(session, "STAT") == f"+OK 2 {sum(map(len, LETTERS))}\r\n"
    assert take(session, "LIST") == "+OK 2 messages\r\n1 38\r\n2 28\r\n.\r\n"
    assert take(session, "LIST 2") == "+OK 2 28\r\n"
    assert take(session, "UIDL") == "+OK a name for each, for ever\r\n1 77.10\r\n2 77.11\r\n.\r\n"
    assert take(session, "DELE 1").startswith("+OK message 1 goes at QUIT")
    assert take(session, "LIST") == "+OK 1 message\r\n2 28\r\n.\r\n"
    assert take(session, "RSET").startswith("+OK 2 messages")
    assert take(session, "NOOP") == "+OK\r\n"


def test_a_message_is_stuffed_and_ends_in_a_dot():
    session = logged_in()
    assert take(session, "RETR 1") == "+OK 38 octets\r\nSubject: one\r\n\r\nfirst\r\n..dotted\r\nlast\r\n.\r\n"
    assert take(session, "RETR 2") == "+OK 28 octets\r\n..starts with a dot\r\n\r\nno end\r\n.\r\n"
    assert (
        take(session, "TOP 1 1")
        == "+OK 23 octets: the header, and as many lines\r\nSubject: one\r\n\r\nfirst\r\n.\r\n"
    )
    assert take(session, "TOP 1 0").endswith("Subject: one\r\n\r\n.\r\n")


@given(some.lists(some.sampled_from([b"", b".", b"..", b"a", b".a", b"\r", b"a."])).map(b"\r\n".join))
def test_what_is_stuffed_comes_out_as_it_was(octets: bytes):
    stuffed = pop3.stuffed(octets)
    *lines, last, rest = stuffed.split(b"\r\n")
    assert (last, rest) == (b".", b"")
    assert b"." not in lines
    plain = b"\r\n".join(line.removeprefix(b".") for line in lines)
    assert plain == octets.removesuffix(b"\r\n")


def test_only_quit_deletes():
    session = logged_in()
    take(session, "RETR 2")
    take(session, "DELE 1")
    assert session.take(b"QUIT\r\n") == Update([10], [11])
    assert session.state is State.UPDATE
    assert session.updated(True).octets == b"+OK mail.test goodbye, 1 message left\r\n"
    assert session.state is State.OVER


def test_a_quit_before_the_login_deletes_nothing():
    session = Session(terms())
    assert take(session, "QUIT").startswith("+OK")
    assert session.state is State.OVER


def test_apop_takes_the_stamp_of_the_greeting():
    session = Session(terms())
    assert STAMP.encode() in session.greet().octets
    digest = hashlib.md5(f"{STAMP}secret".encode()).hexdigest()
    assert session.take(f"APOP ed {digest}".encode()) == Granted("ed")
    assert isinstance(session.take(b"APOP nobody " + hashlib.md5(STAMP.encode()).hexdigest().encode()), Refused)


def test_a_password_is_the_rest_of_the_line():
    session = Session(terms())
    take(session, "USER zoë")
    assert session.take(b"PASS two  words " + b"\n") == Granted("zoë")


def test_auth_goes_with_and_without_an_initial_response():
    given = base64.b64encode(b"\0ed\0secret")
    session = Session(terms())
    assert session.take(b"AUTH PLAIN " + given) == Granted("ed")
    other = Session(terms())
    assert take(other, "AUTH plain") == "+ \r\n"
    assert other.take(given + b"\r\n") == Granted("ed")
    assert take(Session(terms()), "AUTH") == "+OK mechanisms\r\nSCRAM-SHA-256\r\nPLAIN\r\nLOGIN\r\n.\r\n"


def test_an_exchange_that_is_given_up_leads_back_to_commands():
    session = Session(terms())
    take(session, "AUTH SCRAM-SHA-256")
    assert take(session, "*").startswith("-ERR given up")
    assert take(session, "USER ed").startswith("+OK")


def test_the_fifth_wrong_password_is_the_last():
    session = Session(terms())
    for _ in range(5):
        take(session, "USER ed")
        turn = session.take(b"PASS wrong\r\n")
        assert isinstance(turn, Refused)
        assert turn.octets.startswith(b"-ERR [AUTH] wrong name or password")
    assert session.state is State.OVER


def test_tls_is_offered_until_it_is_there():
    session = Session(terms())
    assert "\r\nSTLS\r\n" in take(session, "CAPA")
    take(session, "USER ed")
    assert isinstance(session.take(b"STLS\r\n"), Secure)
    session.secured()
    assert "STLS" not in take(session, "CAPA")
    assert take(session, "PASS secret") == "-ERR USER comes first\r\n"
    assert take(session, "STLS") == "-ERR this connection is TLS already\r\n"
    assert "STLS" not in take(Session(terms(tls=False)), "CAPA")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("STAT", "log in first"),
        ("FETCH 1", "no such command: FETCH"),
        ("PASS secret", "USER comes first"),
        ("AUTH GSSAPI", "no such mechanism"),
        ("APOP ed", "a name and a digest"),
    ],
)
def test_what_is_wrong_is_said_before_the_login(line: str, says: str):
    assert says in take(Session(terms()), line)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("RETR", "by its number"),
        ("RETR 0", "no such message; there are 2"),
        ("RETR 3", "no such message"),
        ("RETR -1", "by its number"),
        ("RETR " + "9" * 5000, "by its number"),
        ("TOP 1", "TOP takes"),
        ("TOP 1 x", "TOP takes"),
        ("USER ed", "logged in already"),
        ("STLS", "before the login"),
        ("DELE ١", "by its number"),
    ],
)
def test_what_is_wrong_is_said_after_it(line: str, says: str):
    assert says in take(logged_in(), line)


def test_a_deleted_message_is_there_for_nobody_but_rset():
    session = logged_in()
    take(session, "DELE 1")
    for command in ("RETR 1", "DELE 1", "LIST 1", "UIDL 1", "TOP 1 0"):
        assert take(session, command) == "-ERR message 1 is deleted; RSET brings it back\r\n"


def test_a_message_that_another_program_removed_is_said_to_be_gone():
    def gone(uid: int) -> bytes:
        raise KeyError(uid)

    session = logged_in()
    session.maildrop.read = gone
    assert "another program" in take(session, "RETR 1")


@given(some.lists(some.binary(max_size=80) | some.sampled_from([b"USER ed", b"AUTH PLAIN", b"CAPA", b"RETR 1"])))
def test_garbage_is_answered_and_never_raises(lines: list[bytes]):
    for session in (Session(terms()), logged_in()):
        for line in lines:
            turn = session.take(line)
            if isinstance(turn, Say):
                assert turn.octets.startswith((b"+", b"-ERR"))
            if session.state in (State.OVER, State.UPDATE):
                break


def test_too_many_errors_end_it():
    session = Session(terms())
    replies = [take(session, "HELO") for _ in range(21)]
    assert replies[-1] == "-ERR too many errors, goodbye\r\n"
    assert session.state is State.OVER
