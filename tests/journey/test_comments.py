"""Comments where log and packet leave a doubt: there is none."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from lab.events import (
    ConnectionFailed,
    ConnectionOpened,
    Event,
    Failure,
    MailAccepted,
    MailDelivered,
    MailRead,
    MailSubmitted,
    NameResolved,
    ReplyReceived,
    Stage,
)
from lab.journey import Journeys
from lab.journey.comments import Comments
from lab.journey.talks import Note
from lab.log import Entry
from lab.names import DomainName
from lab.wire.dns import Message, Question, encode
from lab.wire.packet import End, Flag, Segment, tcp, udp, unreachable

UNIGE, RELAY, DNS = "198.18.3.25", "198.18.4.25", "198.18.3.53"
STUDENT = "198.18.9.9"
NAMES = {UNIGE: "mail.unige.ch", RELAY: "relay.eunet.be", DNS: "dns.unige.ch", STUDENT: "student"}
OPENED = ConnectionOpened(1, "eunet.be", "relay.eunet.be", RELAY, 25, 10, "q1", 40001)
REFUSED = ConnectionFailed(
    2, "eunet.be", "relay.eunet.be", RELAY, 25, 10, Stage.CONNECT, Failure.REFUSED, queue_id="q1"
)


class Desk:
    """A log and packets, told one after the other; two messages, q1 and q2, wait in mail.unige.ch."""

    def __init__(self) -> None:
        self.journeys = Journeys()
        self.comments = Comments(NAMES, self.journeys)
        self.t = 0.0
        self._numbers = count(1)
        for name in ("q1", "q2"):
            self.log("mail.unige.ch", MailSubmitted(name, f"<{name}>", "ann@unige.ch", ("luc@eunet.be",), 100))

    def log(self, host: str, event: Event) -> None:
        entry = Entry(next(self._numbers), self.t, host, event)
        self.journeys.feed(entry)
        self.comments.feed(entry)

    def tcp(self, source: End, target: End, flags: Flag, payload: bytes = b"", sequence: int = 1) -> Note:
        return self.comments.see(tcp(source, target, Segment(flags, sequence, payload=payload)), self.t)

    def shake_hands(self, client: End, server: End) -> Note:
        syn = self.tcp(client, server, Flag.SYN)
        self.tcp(server, client, Flag.SYN | Flag.ACK)
        self.tcp(client, server, Flag.ACK)
        return syn

    def ask(self, source: End, name: str, number: int = 7) -> Note:
        question = Message(id=number, rd=True, question=Question(DomainName(name), "MX"))
        return self.comments.see(udp(source, (DNS, 53), encode(question)), self.t)

    def says(self, note: Note) -> str:
        return self.comments.text(note)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_session_is_known_by_its_port_among_many(desk: Desk) -> None:
    syns = [desk.shake_hands((UNIGE, port), (RELAY, 25)) for port in (40000, 40001, 40002)]
    desk.log("mail.unige.ch", OPENED)
    said = [desk.says(syn) for syn in syns]
    assert said == ["", "J-0001 · mail.unige.ch connects to relay.eunet.be, port 25, for eunet.be", ""]


@pytest.mark.parametrize(("ports", "known"), [((40001,), True), ((40000, 40001), False)])
def test_without_a_port_a_session_is_the_only_one_it_can_be(
    desk: Desk, ports: tuple[int, ...], known: bool
) -> None:
    syns = [desk.shake_hands((UNIGE, port), (RELAY, 25)) for port in ports]
    desk.log("mail.unige.ch", replace(OPENED, local_port=0))
    assert [desk.says(syn) != "" for syn in syns] == [known] * len(ports)


@pytest.mark.parametrize(("ports", "known"), [((40001,), True), ((40000, 40001), False)])
def test_a_refusal_is_the_only_one_it_can_be(desk: Desk, ports: tuple[int, ...], known: bool) -> None:
    syns = [desk.tcp((UNIGE, port), (RELAY, 25), Flag.SYN) for port in ports]
    for port in ports:
        desk.tcp((RELAY, 25), (UNIGE, port), Flag.RST | Flag.ACK)
    desk.log("mail.unige.ch", REFUSED)
    assert [desk.says(syn) != "" for syn in syns] == [known] * len(ports)


def test_a_refusal_is_not_of_a_connection_that_stood_or_that_is_long_past(desk: Desk) -> None:
    old = desk.tcp((UNIGE, 39999), (RELAY, 25), Flag.SYN)
    desk.t = 1000.0
    stood = desk.shake_hands((UNIGE, 40000), (RELAY, 25))
    syn = desk.tcp((UNIGE, 40001), (RELAY, 25), Flag.SYN)
    desk.log("mail.unige.ch", REFUSED)
    assert [bool(desk.says(note)) for note in (old, stood, syn)] == [False, False, True]


def test_a_port_that_is_used_again_is_another_connection(desk: Desk) -> None:
    first = desk.shake_hands((UNIGE, 40001), (RELAY, 25))
    desk.log("mail.unige.ch", OPENED)
    desk.tcp((UNIGE, 40001), (RELAY, 25), Flag.FIN | Flag.ACK)
    desk.tcp((RELAY, 25), (UNIGE, 40001), Flag.FIN | Flag.ACK)
    again = desk.tcp((UNIGE, 40001), (RELAY, 25), Flag.SYN, sequence=99)
    desk.log("mail.unige.ch", replace(OPENED, session=9, queue_id="q2"))
    assert (desk.says(first)[:6], desk.says(again)[:6]) == ("J-0001", "J-0002")


def test_a_session_serves_one_message_after_the_other(desk: Desk) -> None:
    desk.shake_hands((UNIGE, 40001), (RELAY, 25))
    desk.log("mail.unige.ch", OPENED)
    first = desk.tcp((UNIGE, 40001), (RELAY, 25), Flag.PSH | Flag.ACK, b"MAIL FROM:<ann@unige.ch>\r\n")
    desk.log("mail.unige.ch", ReplyReceived(1, Stage.MAIL, "MAIL", 250, "ok", queue_id="q1"))
    second = desk.tcp((UNIGE, 40001), (RELAY, 25), Flag.PSH | Flag.ACK, b"MAIL FROM:<ann@unige.ch>\r\n")
    assert desk.says(second) == ""  # whose it is has still to be told
    desk.log("mail.unige.ch", ReplyReceived(1, Stage.MAIL, "MAIL", 250, "ok", queue_id="q2"))
    end = desk.tcp((UNIGE, 40001), (RELAY, 25), Flag.FIN | Flag.ACK)
    desk.tcp((RELAY, 25), (UNIGE, 40001), Flag.FIN | Flag.ACK)
    assert desk.says(first) == "J-0001 · mail.unige.ch to relay.eunet.be, SMTP"
    assert desk.says(second) == "J-0002 · mail.unige.ch to relay.eunet.be, SMTP"
    assert desk.says(end) == "J-0001, J-0002 · mail.unige.ch to relay.eunet.be, SMTP"


def test_a_no_is_not_told_on_a_packet_that_does_not_say_it(desk: Desk) -> None:
    desk.shake_hands((UNIGE, 40001), (RELAY, 25))
    desk.log("mail.unige.ch", OPENED)
    reply = desk.tcp((RELAY, 25), (UNIGE, 40001), Flag.PSH | Flag.ACK, b"250 2.1.0 ok\r\n")
    desk.log("mail.unige.ch", ReplyReceived(1, Stage.RCPT, "RCPT", 550, "no such user", queue_id="q1"))
    assert desk.says(reply) == "J-0001 · relay.eunet.be to mail.unige.ch, SMTP"


def test_what_tls_hides_is_believed(desk: Desk) -> None:
    desk.shake_hands((UNIGE, 40001), (RELAY, 25))
    desk.log("mail.unige.ch", OPENED)
    reply = desk.tcp((RELAY, 25), (UNIGE, 40001), Flag.PSH | Flag.ACK, b"\x17\x03\x03\x00\x10" + bytes(16))
    desk.log("mail.unige.ch", ReplyReceived(1, Stage.RCPT, "RCPT", 550, "no such user", queue_id="q1"))
    assert desk.says(reply) == "J-0001 · relay.eunet.be says no at rcpt: 550 no such user"


@pytest.mark.parametrize(("ports", "known"), [((50001,), True), ((50000, 50001), False)])
def test_a_strangers_message_came_by_the_only_connection_it_can_have(
    desk: Desk, ports: tuple[int, ...], known: bool
) -> None:
    for port in ports:
        desk.shake_hands((STUDENT, port), (RELAY, 25))
    dots = [desk.tcp((STUDENT, port), (RELAY, 25), Flag.PSH | Flag.ACK, b"\r\n.\r\n") for port in ports]
    desk.log(
        "relay.eunet.be", MailAccepted("r1", "<x>", "a@b.ch", ("luc@eunet.be",), 9, STUDENT, "student", "SMTP")
    )
    assert [desk.says(dot)[:6] for dot in dots] == ["J-0003" if known else ""] * len(ports)


@pytest.mark.parametrize(("ports", "known"), [((50001,), True), ((50000, 50001), False)])
def test_a_reader_has_the_only_connection_there_is(desk: Desk, ports: tuple[int, ...], known: bool) -> None:
    desk.log("mail.unige.ch", MailDelivered("q1", "luc@unige.ch", "luc@unige.ch", 1))
    for port in ports:
        desk.shake_hands((STUDENT, port), (UNIGE, 110))
    before = desk.tcp((STUDENT, ports[-1]), (UNIGE, 110), Flag.PSH | Flag.ACK, b"STAT\r\n")
    ask = desk.tcp((STUDENT, ports[-1]), (UNIGE, 110), Flag.PSH | Flag.ACK, b"RETR 1\r\n")
    desk.log("mail.unige.ch", MailRead("luc@unige.ch", 1, "POP3", 100))
    brought = desk.tcp((UNIGE, 110), (STUDENT, ports[-1]), Flag.PSH | Flag.ACK, b"+OK\r\n")
    after = desk.tcp((STUDENT, ports[-1]), (UNIGE, 110), Flag.PSH | Flag.ACK, b"QUIT\r\n")
    words = "J-0001 · luc@unige.ch reads it by POP3" if known else ""
    assert [desk.says(note) for note in (before, ask, brought, after)] == ["", words, words, ""]


def test_a_question_belongs_to_the_search_that_took_that_long(desk: Desk) -> None:
    early = desk.ask((UNIGE, 40001), "eunet.be", 1)
    desk.t = 10.0
    mine = desk.ask((UNIGE, 40002), "eunet.be", 2)
    others = desk.ask((STUDENT, 40003), "eunet.be", 3)
    else_ = desk.ask((UNIGE, 40004), "belgiannews.com", 4)
    desk.t = 10.5
    found = NameResolved("eunet.be", "MX", "NOERROR", ("10 relay.eunet.be",), DNS, 0.5, "q1")
    desk.log("mail.unige.ch", found)
    assert [desk.says(note)[:6] for note in (early, mine, others, else_)] == ["", "J-0001", "", ""]


def test_two_searches_that_shared_a_question_are_both_named(desk: Desk) -> None:
    note = desk.ask((UNIGE, 40001), "eunet.be")
    for name in ("q1", "q2"):
        found = NameResolved("eunet.be", "MX", "NOERROR", ("10 relay.eunet.be",), DNS, 0.0, name)
        desk.log("mail.unige.ch", found)
    assert desk.says(note) == "J-0001, J-0002 · mail.unige.ch asks for MX eunet.be"


def test_a_search_for_no_message_has_no_comment(desk: Desk) -> None:
    note = desk.ask((UNIGE, 40001), "eunet.be")
    desk.log("mail.unige.ch", NameResolved("eunet.be", "MX", "NOERROR", (), DNS, 0.0))
    assert desk.says(note) == ""


def test_an_error_belongs_to_what_it_is_about(desk: Desk) -> None:
    lost = tcp((UNIGE, 40001), (RELAY, 25), Segment(Flag.SYN))
    desk.comments.see(lost, 0.0)
    told = desk.comments.see(unreachable(lost, UNIGE), 0.0)
    desk.log("mail.unige.ch", replace(REFUSED, failure=Failure.UNREACHABLE))
    assert desk.says(told) == "J-0001 · mail.unige.ch tries relay.eunet.be, port 25, for eunet.be: unreachable"


@pytest.mark.parametrize(
    "octets", [b"", b"\x45", bytes(60), udp((UNIGE, 1), (DNS, 53), b"no message"), b"\x60" * 90]
)
def test_what_is_no_packet_has_no_comment(desk: Desk, octets: bytes) -> None:
    assert desk.says(desk.comments.see(octets, 0.0)) == ""
