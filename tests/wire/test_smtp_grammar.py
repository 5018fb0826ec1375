from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.names import DomainName, EmailAddress
from lab.wire.smtp_grammar import (
    BadCommand,
    MailFrom,
    RcptTo,
    decode_xtext,
    read_helo,
    read_mail,
    read_rcpt,
    split_command,
)

HOME = DomainName("belgiannews.com")
ANN = EmailAddress("ann@unige.ch")


def reply_to(read: object, *arguments: object) -> str:
    with pytest.raises(BadCommand) as caught:
        read(*arguments)  # type: ignore[operator]
    return str(caught.value.reply)


def test_verbs_are_heard_in_any_case() -> None:
    assert split_command(b"mAiL From:<a@b.org>") == ("MAIL", "From:<a@b.org>")


def test_null_return_path_is_nobody() -> None:
    assert read_mail("FROM:<>", extended=True) == MailFrom(None)


def test_space_before_the_path_is_forgiven() -> None:
    assert read_mail("FROM: <ann@unige.ch>", extended=False).sender == ANN


def test_source_route_is_ignored() -> None:
    assert read_rcpt("TO:<@a.org,@b.org:ann@unige.ch>", True, HOME).address == ANN


def test_quoted_local_part_may_hold_brackets_and_spaces() -> None:
    assert read_rcpt('TO:<"a > b"@unige.ch>', True, HOME).address == '"a > b"@unige.ch'


def test_postmaster_needs_no_domain() -> None:
    assert read_rcpt("TO:<PostMaster>", False, HOME).address.folded == "postmaster@belgiannews.com"


def test_every_mail_parameter_is_read() -> None:
    words = "FROM:<ann@unige.ch> SIZE=42 body=8bitmime SMTPUTF8 RET=hdrs ENVID=a+2Bb"
    assert read_mail(words, extended=True) == MailFrom(ANN, 42, True, True, "HDRS", "a+b")


def test_every_rcpt_parameter_is_read() -> None:
    words = "TO:<ann@unige.ch> NOTIFY=SUCCESS,delay ORCPT=rfc822;Ann+2Bx@unige.ch"
    expected = RcptTo(ANN, frozenset({"success", "delay"}), "rfc822;Ann+x@unige.ch")
    assert read_rcpt(words, True, HOME) == expected


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("<ann@unige.ch>", "501 5.5.4"),
        ("FROM:ann@unige.ch", "501 5.1.7"),
        ("FROM:<ann@unige.ch>x", "501 5.1.7"),
        ("FROM:<ann>", "501 5.1.3"),
        ("FROM:<ann@uni..ch>", "501 5.1.3"),
        ("FROM:<ann@unige.ch> SIZE=many", "501 5.5.4"),
        ("FROM:<ann@unige.ch> SIZE", "501 5.5.4"),
        ("FROM:<ann@unige.ch> SIZE=1 SIZE=2", "501 5.5.4"),
        ("FROM:<ann@unige.ch> SMTPUTF8=yes", "501 5.5.4"),
        ("FROM:<ann@unige.ch> BODY=BINARYMIME", "504 5.5.4"),
        ("FROM:<ann@unige.ch> RET=ALL", "501 5.5.4"),
        ("FROM:<ann@unige.ch> ENVID=a=b", "501 5.5.4"),
        ("FROM:<ann@unige.ch> ENVID=+2", "501 5.5.4"),
        ("FROM:<ann@unige.ch> NOTIFY=NEVER", "555 5.5.4"),
        ("FROM:<ann@unige.ch> AUTH=<>", "555 5.5.4"),
        ("FROM:<ännchen@unige.ch>", "553 5.6.7"),
    ],
)
def test_bad_mail_is_answered_with_its_reason(argument: str, reply: str) -> None:
    assert reply_to(read_mail, argument, True).startswith(reply)


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("TO:<>", "501 5.1.3"),
        ("TO:<ed>", "501 5.1.3"),
        ("TO:<ann@unige.ch> NOTIFY=NEVER,DELAY", "501 5.5.4"),
        ("TO:<ann@unige.ch> ORCPT=ann@unige.ch", "501 5.5.4"),
        ("TO:<ann@unige.ch> SIZE=5", "555 5.5.4"),
    ],
)
def test_bad_rcpt_is_answered_with_its_reason(argument: str, reply: str) -> None:
    assert reply_to(read_rcpt, argument, True, HOME).startswith(reply)


def test_parameters_need_ehlo() -> None:
    assert reply_to(read_mail, "FROM:<ann@unige.ch> SIZE=5", False).startswith("555 5.5.4")


def test_utf8_address_is_taken_with_smtputf8() -> None:
    assert read_mail("FROM:<ännchen@unige.ch> SMTPUTF8", True).sender == "ännchen@unige.ch"


@pytest.mark.parametrize("name", ["mail.unige.ch", "[198.18.3.25]", "[IPv6:2001:db8::1]", "localhost", "my_pc"])
def test_helo_takes_names_and_literals(name: str) -> None:
    assert read_helo(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a(b)", "<x>", "x" * 256])
def test_helo_takes_nothing_that_would_break_a_trace_line(name: str) -> None:
    assert reply_to(read_helo, name).startswith("501 ")


def test_control_characters_are_refused() -> None:
    assert reply_to(split_command, b"NOOP a\x00b").startswith("500 5.5.2")


def test_octets_that_are_no_text_are_refused() -> None:
    assert reply_to(split_command, b"NOOP \xff").startswith("500 5.5.2")


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40))
def test_xtext_is_decoded_to_what_was_encoded(text: str) -> None:
    sent = "".join(sign if sign not in "+=" else f"+{ord(sign):02X}" for sign in text)
    assert decode_xtext(sent) == text


@given(st.binary(max_size=200), st.booleans())
def test_garbage_gets_a_reply_and_nothing_else(line: bytes, extended: bool) -> None:
    with suppress(BadCommand):
        _, argument = split_command(line)
        assert isinstance(read_mail(argument, extended), MailFrom)


@given(
    st.sampled_from(["TO:<", "TO:", "to: <@a:", ""]),
    st.text(st.sampled_from('ab"\\@.<>[]=;, +ü\\٣²'), max_size=30),
    st.sampled_from([">", "", "> NOTIFY=", "> ORCPT=rfc822;+"]),
)
def test_near_misses_get_a_reply_and_nothing_else(opening: str, middle: str, end: str) -> None:
    with suppress(BadCommand):
        assert read_rcpt(opening + middle + end, True, HOME, utf8=True).address.count("@") >= 1
