import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.events import Stage
from lab.fabric.faults import HostFaults, Reply
from lab.mail.dialogue import ACTS, ANY_TIME, NEXT, Dialogue, Phase, Terms
from lab.mail.limits import PATIENCE_WITH_ERRORS
from lab.mail.relay import place_of
from lab.names import Address, DomainName, EmailAddress
from lab.topology.plan import MailPlan
from lab.wire.smtp_reply import Reply as Said

NAME = DomainName("mail.belgiannews.com")
BOXES = frozenset(EmailAddress(f"{who}@belgiannews.com") for who in ("ed", "eve", "u1", "u2", "u3"))
PLAN = MailPlan(local_domains=(DomainName("belgiannews.com"),))


def dialogue(faults: HostFaults | None = None, recipient_limit: int = 100) -> Dialogue:
    place = place_of(NAME, (Address("198.18.2.25"),), PLAN)
    terms = Terms(place, BOXES, faults or HostFaults(), 10_000, recipient_limit)
    talk = Dialogue(terms, Address("198.18.3.25"))
    talk.greet()
    return talk


def say(talk: Dialogue, *lines: str) -> str:
    """The last reply, as 'code status'."""
    turn = [talk.take(line.encode() + b"\r\n") for line in lines][-1]
    return f"{turn.reply.code} {turn.reply.text}"


HELLO = ("EHLO mail.unige.ch",)
SENDER = (*HELLO, "MAIL FROM:<ann@unige.ch>")
RECIPIENT = (*SENDER, "RCPT TO:<ed@belgiannews.com>")


def test_a_whole_dialogue_by_hand() -> None:
    talk = dialogue()
    lines = [*RECIPIENT, "DATA"]
    assert [say(talk, line)[:9] for line in lines] == ["250 mail.", "250 2.1.0", "250 2.1.5", "354 go ah"]
    assert talk.phase is Phase.TEXT


def test_ehlo_offers_what_is_kept_and_nothing_else() -> None:
    offers = say(dialogue(), *HELLO).split("\n")[1:]
    assert offers == ["PIPELINING", "SIZE 10000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "HELP"]


@pytest.mark.parametrize(
    ("lines", "reply"),
    [
        (["MAIL FROM:<ann@unige.ch>"], "503 5.5.1 say EHLO"),
        (["RCPT TO:<ed@belgiannews.com>"], "503 5.5.1"),
        ([*HELLO, "RCPT TO:<ed@belgiannews.com>"], "503 5.5.1 MAIL comes first"),
        ([*HELLO, "DATA"], "503 5.5.1"),
        ([*SENDER, "DATA"], "503 5.5.1 RCPT comes first"),
        ([*SENDER, "MAIL FROM:<eve@unige.ch>"], "503 5.5.1 a sender is given"),
        ([*RECIPIENT, "MAIL FROM:<eve@unige.ch>"], "503 5.5.1 a sender is given"),
        ([*RECIPIENT, "RSET", "DATA"], "503 5.5.1"),
        ([*RECIPIENT, "EHLO again.org", "DATA"], "503 5.5.1"),
        ([*SENDER, "RCPT TO:<no@belgiannews.com>", "DATA"], "554 5.5.1 no valid recipients"),
        ([*RECIPIENT, "DATA now"], "501 5.5.4"),
        (["FROBNICATE"], "500 5.5.1"),
        ([""], "500 5.5.1"),
        (["STARTTLS"], "500 5.5.1"),
        (["EXPN staff"], "502 5.5.1"),
        (["VRFY"], "501 5.5.4"),
        (["EHLO"], "501 "),
        ([*HELLO, "MAIL FROM:<ann@unige.ch> SIZE=10001"], "552 5.3.4"),
        ([*SENDER, "RCPT TO:<no@belgiannews.com>"], "550 5.1.1"),
        ([*SENDER, "RCPT TO:<x@elsewhere.org>"], "550 5.7.1"),
    ],
)
def test_disorder_and_refusal_have_their_own_reply(lines: list[str], reply: str) -> None:
    assert say(dialogue(), *lines).startswith(reply)


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("NOOP x", "250 2.0.0"),
        ("HELP", "214 2.0.0"),
        ("VRFY ed", "252 2.5.2"),
        ("RSET", "250 2.0.0"),
        ("QUIT", "221"),
    ],
)
def test_some_commands_are_heard_before_helo(line: str, reply: str) -> None:
    assert say(dialogue(), line).startswith(reply)


def test_refused_command_leaves_the_phase_as_it_was() -> None:
    talk = dialogue()
    say(talk, *RECIPIENT, "RCPT TO:<no@belgiannews.com>", "MAIL FROM:<eve@unige.ch>")
    assert talk.phase is Phase.RECIPIENTS


def test_recipient_named_twice_gets_one_copy() -> None:
    talk = dialogue()
    say(talk, *RECIPIENT, "RCPT TO:<ED@belgiannews.com>")
    assert talk.transaction is not None
    assert [to.address for to in talk.transaction.envelope().recipients] == ["ed@belgiannews.com"]


def test_recipient_beyond_the_limit_is_asked_to_come_again() -> None:
    talk = dialogue(recipient_limit=2)
    say(talk, *SENDER, "RCPT TO:<u1@belgiannews.com>", "RCPT TO:<u2@belgiannews.com>")
    assert say(talk, "RCPT TO:<u3@belgiannews.com>").startswith("452 4.5.3")
    assert say(talk, "DATA").startswith("354")


def test_envelope_keeps_the_senders_dsn_wishes() -> None:
    talk = dialogue()
    say(talk, *HELLO, "MAIL FROM:<ann@unige.ch> RET=FULL ENVID=a1 BODY=8BITMIME")
    say(talk, "RCPT TO:<ed@belgiannews.com> NOTIFY=SUCCESS ORCPT=rfc822;Ed@belgiannews.com")
    assert talk.transaction is not None
    envelope = talk.transaction.envelope()
    assert (envelope.ret, envelope.envid, envelope.eight_bit) == ("FULL", "a1", True)
    assert envelope.recipients[0].notify == {"success"}
    assert envelope.recipients[0].original == "rfc822;Ed@belgiannews.com"


def test_protocol_is_named_as_rfc_3848_asks() -> None:
    talk = dialogue()
    names = [talk.protocol for line in ("HELO x.org", "EHLO x.org", "MAIL FROM:<> SMTPUTF8") if say(talk, line)]
    assert names == ["SMTP", "ESMTP", "UTF8SMTP"]


def test_help_tells_a_commands_syntax() -> None:
    assert say(dialogue(), "HELP mail").startswith("214 2.0.0 MAIL FROM:<sender>")


def test_too_many_errors_end_the_dialogue() -> None:
    talk = dialogue()
    replies = [say(talk, "FROBNICATE") for _ in range(PATIENCE_WITH_ERRORS + 1)]
    assert [reply[:3] for reply in replies] == ["500"] * PATIENCE_WITH_ERRORS + ["421"]
    assert talk.phase is Phase.OVER


def test_refused_recipients_are_no_errors_of_the_client() -> None:
    talk = dialogue()
    say(talk, *SENDER, *["RCPT TO:<no@belgiannews.com>"] * 50)
    assert talk.phase is Phase.SENDER


def test_554_at_the_greeting_leaves_only_quit() -> None:
    talk = dialogue(HostFaults([Reply(Stage.GREETING, 554, "no service")]))
    assert say(talk, "EHLO x.org").startswith("503")
    assert say(talk, "NOOP").startswith("503")
    assert say(talk, "QUIT").startswith("221")


def test_421_at_the_greeting_closes() -> None:
    assert dialogue(HostFaults([Reply(Stage.GREETING, 421)])).phase is Phase.OVER


@pytest.mark.parametrize(
    ("stage", "lines"),
    [(Stage.HELO, HELLO), (Stage.MAIL, SENDER), (Stage.RCPT, RECIPIENT), (Stage.DATA, (*RECIPIENT, "DATA"))],
)
def test_ordered_reply_comes_at_its_stage(stage: Stage, lines: tuple[str, ...]) -> None:
    talk = dialogue(HostFaults([Reply(stage, 451, "come back")]))
    before = [say(talk, line)[0] for line in lines[:-1]]
    assert set(before) <= {"2"}
    assert say(talk, lines[-1]).startswith("451 come" if stage is Stage.HELO else "451 4.3.0 come")


def test_ordered_reply_may_be_for_one_recipient_and_so_often_only() -> None:
    talk = dialogue(HostFaults([Reply(Stage.RCPT, 450, "4.2.0 busy", address="Ed@belgiannews.com", times=1)]))
    assert say(talk, *SENDER, "RCPT TO:<eve@belgiannews.com>").startswith("250")
    assert say(talk, "RCPT TO:<ed@belgiannews.com>") == "450 4.2.0 busy"
    assert say(talk, "RCPT TO:<ed@belgiannews.com>").startswith("250")


def test_every_command_has_a_place_in_the_table() -> None:
    heard = {verb for row in NEXT.values() for verb in row} | set(ANY_TIME)
    assert heard == set(ACTS)


COMMANDS = st.sampled_from(
    [
        *RECIPIENT,
        "HELO x.org",
        "RCPT TO:<no@belgiannews.com>",
        "RSET",
        "NOOP",
        "HELP",
        "VRFY x",
        "EXPN x",
        "x",
        "RCPT",
    ]
)


@given(st.lists(COMMANDS, max_size=19))
def test_data_is_granted_exactly_when_there_is_a_recipient(lines: list[str]) -> None:
    talk = dialogue()
    for line in lines:
        assert talk.take(line.encode()).reply.code >= 200
    recipients = talk.transaction.recipients if talk.transaction else {}
    assert (say(talk, "DATA")[0] == "3") == bool(recipients)


@given(st.lists(st.binary(max_size=80), max_size=10))
def test_garbage_gets_5xx_and_every_reply_but_ehlos_an_enhanced_code(lines: list[bytes]) -> None:
    talk = dialogue()
    for line in lines:
        turn = talk.take(line)
        assert turn.reply.code // 100 in (2, 5)
        assert turn.stage is Stage.HELO or turn.reply.text[0] == str(turn.reply.code)[0]


@pytest.mark.parametrize("word", ["NOOP", "EHLO pc.unige.ch", "RSET", "HELP", "VRFY ed"])
def test_a_hundred_commands_without_mail_are_enough(word: str) -> None:
    talk = dialogue()
    say(talk, "EHLO pc.unige.ch")
    assert [say(talk, word)[:1] for _ in range(99)] == ["2"] * 99
    assert say(talk, word).startswith("421 4.7.0")
    assert talk.phase is Phase.OVER


def test_a_message_that_was_taken_begins_the_count_anew() -> None:
    talk = dialogue()
    for _ in range(10):
        for line in (
            "EHLO pc.unige.ch",
            *["NOOP"] * 90,
            "MAIL FROM:<ann@unige.ch>",
            "RCPT TO:<ed@belgiannews.com>",
            "DATA",
        ):
            assert say(talk, line)[0] in "23"
        talk.end(Said(250, "2.0.0 queued"))


def test_recipients_named_twice_count_twice_against_the_limit() -> None:
    talk = dialogue(recipient_limit=2)
    for line in (
        "EHLO pc.unige.ch",
        "MAIL FROM:<ann@unige.ch>",
        "RCPT TO:<ed@belgiannews.com>",
        "RCPT TO:<ed@belgiannews.com>",
    ):
        assert say(talk, line).startswith("250")
    assert say(talk, "RCPT TO:<ed@belgiannews.com>").startswith("452 4.5.3")
