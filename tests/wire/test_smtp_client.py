"""The automaton against servers that are written down line by line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.events import Failure, Stage
from lab.wire.smtp_client import (
    NEXT,
    Fate,
    Finished,
    Outgoing,
    Ready,
    Replied,
    Secure,
    SmtpClient,
    State,
    To,
    Unwilling,
    stuffed,
)
from lab.wire.smtp_reply import Reply

ED, ANN = To("ed@b.com"), To("ann@b.com")
HI = Outgoing("a@u.ch", (ED,), b"Subject: hi\r\n\r\n.dot\r\n")
BOTH = Outgoing("a@u.ch", (ED, ANN), b"hi\r\n")
GREETED = (b"220 b.com\r\n", b"250 b.com\r\n")
PIPELINED = (b"220 b.com\r\n", b"250-b.com\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 DSN\r\n")


def ready(*hello: bytes) -> SmtpClient:
    client = SmtpClient("me.ch")
    for octets in hello:
        client.receive(octets)
    client.data_to_send()
    return client


def fates(client: SmtpClient, *replies: bytes) -> tuple[Fate, ...]:
    """The fates once these replies came, one by one."""
    for octets in replies:
        for event in client.receive(octets):
            if isinstance(event, Finished):
                return event.fates
    raise AssertionError("the message is still under way")


def test_hello_is_said_after_the_greeting() -> None:
    client = SmtpClient("me.ch")
    assert client.data_to_send() == b""
    client.receive(b"220 b.com\r\n")
    assert client.data_to_send() == b"EHLO me.ch\r\n"
    assert Ready() in client.receive(b"250-b.com\r\n250 SIZE 99\r\n")
    assert client.extensions == {"SIZE": "99"}


def test_a_server_without_ehlo_is_greeted_with_helo() -> None:
    client = ready(b"220 b\r\n")
    client.receive(b"502 what?\r\n")
    assert client.data_to_send() == b"HELO me.ch\r\n"
    assert Ready() in client.receive(b"250 b\r\n")


@pytest.mark.parametrize("greeting", [b"554 no\r\n", b"450 busy\r\n"])
def test_an_unwilling_greeting_is_answered_with_quit(greeting: bytes) -> None:
    client = SmtpClient("me.ch")
    events = client.receive(greeting)
    assert isinstance(events[-1], Unwilling)
    assert client.data_to_send() == b"QUIT\r\n"


def test_421_closes_without_another_word() -> None:
    client = SmtpClient("me.ch")
    client.receive(b"421 shutting down\r\n")
    assert client.is_closed
    assert client.data_to_send() == b""


def test_one_command_at_a_time_without_pipelining() -> None:
    client = ready(*GREETED)
    client.send(HI)
    assert client.data_to_send() == b"MAIL FROM:<a@u.ch>\r\n"
    client.receive(b"250 ok\r\n")
    assert client.data_to_send() == b"RCPT TO:<ed@b.com>\r\n"
    client.receive(b"250 ok\r\n")
    assert client.data_to_send() == b"DATA\r\n"
    client.receive(b"354 go\r\n")
    assert client.data_to_send() == b"Subject: hi\r\n\r\n..dot\r\n.\r\n"
    assert fates(client, b"250 2.0.0 queued as 1\r\n")[0].accepted


def test_a_group_leaves_at_once_with_pipelining() -> None:
    client = ready(*PIPELINED)
    client.send(BOTH)
    assert client.data_to_send() == (
        b"MAIL FROM:<a@u.ch> SIZE=4\r\nRCPT TO:<ed@b.com>\r\nRCPT TO:<ann@b.com>\r\nDATA\r\n"
    )


@pytest.mark.parametrize("hello", [GREETED, PIPELINED])
def test_each_recipient_has_its_own_fate(hello: tuple[bytes, ...]) -> None:
    client = ready(*hello)
    client.send(BOTH)
    got = fates(client, b"250 ok\r\n", b"451 later\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 done\r\n")
    assert got == (Fate(Stage.RCPT, Reply(451, "later")), Fate(Stage.EOM, Reply(250, "done")))


def test_without_one_recipient_there_is_no_data() -> None:
    client = ready(*GREETED)
    client.send(HI)
    assert fates(client, b"250 ok\r\n", b"550 no\r\n") == (Fate(Stage.RCPT, Reply(550, "no")),)
    assert client.is_ready
    assert b"DATA" not in client.data_to_send()


def test_a_pipelined_354_for_nobody_gets_an_empty_message() -> None:
    client = ready(*PIPELINED)
    client.send(HI)
    client.data_to_send()
    for octets in (b"250 ok\r\n", b"550 no\r\n", b"354 go\r\n"):
        client.receive(octets)
    assert client.data_to_send() == b".\r\n"
    assert fates(client, b"554 no valid recipients\r\n") == (Fate(Stage.RCPT, Reply(550, "no")),)


def test_a_refused_sender_is_the_fate_of_all_though_the_group_had_left() -> None:
    client = ready(*PIPELINED)
    client.send(BOTH)
    got = fates(client, b"550 no\r\n503 mail first\r\n503 mail first\r\n503 mail first\r\n")
    assert got == (Fate(Stage.MAIL, Reply(550, "no")),) * 2


def test_a_second_message_begins_with_rset_only_after_a_broken_first() -> None:
    client = ready(*GREETED)
    client.send(HI)
    fates(client, b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 done\r\n")
    client.data_to_send()
    client.send(HI)
    assert client.data_to_send().startswith(b"MAIL")
    fates(client, b"450 no\r\n")
    client.send(HI)
    assert client.data_to_send().startswith(b"RSET")


@pytest.mark.parametrize(
    ("replies", "stage"),
    [
        ([], Stage.MAIL),
        ([b"250 ok\r\n"], Stage.RCPT),
        ([b"250 ok\r\n"] * 2, Stage.DATA),
        ([b"250 ok\r\n"] * 2 + [b"354 go\r\n"], Stage.EOM),
    ],
)
def test_a_lost_connection_is_told_with_its_stage(replies: list[bytes], stage: Stage) -> None:
    client = ready(*GREETED)
    client.send(HI)
    for octets in replies:
        client.receive(octets)
    assert client.lost(Failure.RESET) == [Finished((Fate(stage, Failure.RESET),))]


def test_a_host_gone_before_hello_took_nothing() -> None:
    assert SmtpClient("me.ch").lost(Failure.CLOSED) == [Unwilling(Stage.GREETING, Failure.CLOSED)]


def test_a_message_larger_than_the_host_takes_is_not_sent() -> None:
    client = ready(*PIPELINED)
    (finished,) = client.send(Outgoing("a@u.ch", (ED,), b"x" * 2000 + b"\r\n"))
    assert isinstance(finished, Finished)
    assert isinstance(finished.fates[0].outcome, Reply)
    assert finished.fates[0].outcome.status == "5.3.4"
    assert client.data_to_send() == b""


def test_eight_bit_text_does_not_go_to_a_host_that_does_not_take_it() -> None:
    (finished,) = ready(*GREETED).send(Outgoing("a@u.ch", (ED,), "é\r\n".encode()))
    assert isinstance(finished, Finished)
    assert str(finished.fates[0].outcome).startswith("550 5.6.3")


def test_dsn_wishes_travel_where_they_are_understood() -> None:
    wish = To("ed@b.com", frozenset({"success", "failure"}), "rfc822;e+d@b.com")
    client = ready(*PIPELINED)
    client.send(Outgoing("a@u.ch", (wish,), b"x\r\n", ret="HDRS", envid="q 1"))
    sent = client.data_to_send()
    assert b"RET=HDRS ENVID=q+201" in sent
    assert b"NOTIFY=FAILURE,SUCCESS ORCPT=rfc822;e+2Bd@b.com" in sent
    deaf = ready(*GREETED)
    deaf.send(Outgoing("a@u.ch", (wish,), b"x\r\n", ret="HDRS"))
    assert deaf.data_to_send() == b"MAIL FROM:<a@u.ch>\r\n"


def test_the_table_answers_every_state_that_waits_for_a_reply() -> None:
    assert set(State) - set(NEXT) == {State.READY, State.CLOSED}


@given(st.lists(st.sampled_from([b".", b"a", b"\r\n", b"..", b"\r\n."]), max_size=12).map(b"".join))
def test_the_end_of_data_stands_in_no_message(octets: bytes) -> None:
    sent = stuffed(octets)
    assert sent.endswith(b".\r\n")
    assert b"\r\n.\r\n" not in (b"\r\n" + sent)[:-1]


@given(st.lists(st.sampled_from([200, 220, 250, 354, 421, 450, 550]), max_size=12), st.booleans())
def test_whatever_a_server_says_each_recipient_has_one_fate(codes: list[int], pipelined: bool) -> None:
    client = ready(*(PIPELINED if pipelined else GREETED))
    client.send(BOTH)
    events = [event for code in codes for event in client.receive(b"%d x\r\n" % code)]
    events += client.lost(Failure.CLOSED)
    finished = [event for event in events if isinstance(event, Finished)]
    assert [len(one.fates) for one in finished] == [2]


OFFERED = (b"220 b.com\r\n", b"250-b.com\r\n250-STARTTLS\r\n250 SIZE 99\r\n")


def offered() -> SmtpClient:
    client = SmtpClient("me.ch", tls=True)
    for octets in OFFERED:
        client.receive(octets)
    assert client.data_to_send().endswith(b"EHLO me.ch\r\nSTARTTLS\r\n")
    return client


def test_tls_begins_where_it_is_wanted_and_offered_and_hello_is_said_anew() -> None:
    client = offered()
    assert client.receive(b"220 go\r\n250-injected\r\n250 PIPELINING\r\n")[-1] == Secure()
    assert not client.is_ready
    client.secured()
    assert client.data_to_send() == b"EHLO me.ch\r\n"
    assert Ready() in client.receive(b"250-b.com\r\n250-STARTTLS\r\n250 DSN\r\n")
    assert set(client.extensions) == {"STARTTLS", "DSN"}
    assert client.data_to_send() == b""


@pytest.mark.parametrize("refusal", [b"454 not now\r\n", b"502 what?\r\n"])
def test_a_host_that_takes_tls_back_is_spoken_to_in_the_clear(refusal: bytes) -> None:
    client = offered()
    assert client.receive(refusal)[-1] == Ready()
    assert client.is_ready


def test_a_host_that_is_lost_in_the_handshake_took_nothing() -> None:
    client = offered()
    client.receive(b"220 go\r\n")
    assert client.lost(Failure.RESET) == [Unwilling(Stage.STARTTLS, Failure.RESET)]


def test_tls_that_is_not_wanted_is_left_alone() -> None:
    assert ready(*OFFERED).is_ready


def test_a_reply_names_its_command() -> None:
    (event, _) = SmtpClient("me.ch").receive(b"554 no\r\n")
    assert event == Replied(Stage.GREETING, "", Reply(554, "no"))


@pytest.mark.parametrize("size", ["\u00b2", "\u0661\u0662", "9" * 4_000, "-1", ""])
def test_a_size_that_is_no_number_is_as_good_as_none(size: str) -> None:
    client = ready(b"220 b\r\n", f"250-b\r\n250 SIZE {size}\r\n".encode())
    assert client.send(HI) == []
    assert client.data_to_send().startswith(b"MAIL")
