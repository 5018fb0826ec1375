"""What a person types, and what a fault is called, are the same words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.errors import WrongUse
from lab.events import Stage
from lab.faults import (
    OF_A_HOST,
    WORDS,
    AtMailbox,
    Crash,
    DiskFull,
    Fault,
    Hide,
    How,
    Lame,
    Moment,
    NoAnswer,
    NoTcp,
    Paused,
    PowerCut,
    Refused,
    Reply,
    Reset,
    ServFail,
    Silent,
    Skew,
    Slow,
    Sometimes,
    Stall,
    Truncated,
    WrongGlue,
    fault_of,
)
from lab.names import Address, DomainName

ED, ZONE = "ed@belgiannews.com", DomainName("belgiannews.com")
TIMES = st.integers(0, 99)
NAMES = st.none() | st.sampled_from([ZONE, DomainName("."), DomainName("be"), DomainName("mail.twice.at")])
BEFORE = st.sampled_from([Stage.GREETING, Stage.HELO, Stage.STARTTLS, Stage.AUTH, Stage.QUIT])
NAMING = st.sampled_from([Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.EOM])
PEOPLE = st.sampled_from(["", ED, "for@at.once", '"a"@b.be'])
TEXTS = st.sampled_from(["", "4.2.0 busy", "saying it twice at dot"])
SERVICES = st.sampled_from(["pop3", "imap"])
CODES = st.integers(400, 599)

FAULTS: st.SearchStrategy[Fault] = st.one_of(
    st.sampled_from([kind() for kind in OF_A_HOST.values()]),
    st.builds(Reply, BEFORE, CODES, TEXTS, times=TIMES),
    st.builds(Reply, NAMING, CODES, TEXTS, PEOPLE, times=TIMES),
    *(st.builds(kind, NAMING, PEOPLE, times=TIMES) for kind in (Stall, Reset)),
    *(st.builds(kind, BEFORE, times=TIMES) for kind in (Stall, Reset)),
    st.builds(Hide, st.sampled_from(["STARTTLS", "PIPELINING", "8BITMIME"]), times=TIMES),
    *(st.builds(kind, name=NAMES, times=TIMES) for kind in (ServFail, Refused, NoAnswer, Lame, Truncated)),
    st.builds(
        WrongGlue, name=NAMES, times=TIMES, address=st.sampled_from([None, Address("198.18.0.1"), Address("::1")])
    ),
    st.builds(Slow, name=NAMES, times=TIMES, seconds=st.sampled_from([0.25, 1.0, 5.0, 90.0])),
    st.just(NoTcp()),
    st.builds(lambda ms: Skew(timedelta(milliseconds=ms)), st.integers(-(10**12), 10**12)),
    *(
        st.builds(AtMailbox, st.just(how), SERVICES, moments, people, texts, times=TIMES)
        for how, texts in ((How.REFUSE, TEXTS), (How.STALL, st.just("")), (How.RESET, st.just("")))
        for moments, people in (
            (st.sampled_from([Moment.LOGIN, Moment.FETCH]), PEOPLE),
            (st.just(Moment.CONNECT if how is How.REFUSE else Moment.QUIT), st.just("")),
        )
    ),
)


SHARES = st.integers(1, 99).map(lambda percent: percent / 100) | st.sampled_from([0.001, 0.125])
CERTAIN_OR_NOT = (Crash, DiskFull, NoTcp, Paused, PowerCut, Skew)


@settings(deadline=None)
@given(FAULTS.filter(lambda fault: not isinstance(fault, CERTAIN_OR_NOT)), SHARES)
def test_a_chance_is_typed_as_it_is_shown(fault: Fault, share: float) -> None:
    assert fault_of(str(Sometimes(fault, share))) == Sometimes(fault, share)


@pytest.mark.parametrize("kind", [Crash, DiskFull, NoTcp, Paused, PowerCut])
def test_what_is_there_or_not_takes_no_chance(kind: type[Fault]) -> None:
    with pytest.raises(WrongUse, match="or it is not"):
        fault_of(f"chance 20% {kind()}")


@pytest.mark.parametrize("chance", ["0%", "101%", "often", "", "-1"])
def test_a_chance_that_is_none_is_told(chance: str) -> None:
    with pytest.raises(WrongUse, match="no chance"):
        fault_of(f"silent chance {chance}")


def test_a_chance_may_stand_behind_and_a_certain_one_is_none() -> None:
    assert fault_of("silent chance 20%") == fault_of("chance 0.2 silent") == Sometimes(Silent(), 0.2)
    assert fault_of("chance 100% reply 451 at rcpt") == Reply(Stage.RCPT, 451)
    assert fault_of("reply 451 at rcpt saying by chance 20%") == Reply(Stage.RCPT, 451, "by chance 20%")


@settings(deadline=None)
@given(FAULTS)
def test_a_faults_words_name_it_again(fault: Fault) -> None:
    assert fault_of(str(fault)) == fault_of(str(fault).split()) == fault


@pytest.mark.parametrize("example", WORDS.values())
def test_every_example_is_a_fault(example: str) -> None:
    fault = fault_of(example.replace("NAME", ZONE))
    assert str(fault) == example.replace("NAME", ZONE).replace("dot", "eom")


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("Disk Full", DiskFull()),
        ("reply 421 at connect", Reply(Stage.GREETING, 421)),
        ("reply 550 for ed@BelgianNews.com", Reply(Stage.RCPT, 550, address=ED)),
        ("reply 452 twice at dot saying come later", Reply(Stage.EOM, 452, "come later", times=2)),
        ("stall at RCPT for ed@belgiannews.com 3 times", Stall(Stage.RCPT, ED, times=3)),
        ("hide pipelining", Hide("PIPELINING")),
        ("servfail for BelgianNews.com. once", ServFail(name=ZONE, times=1)),
        ("wrong glue 198.18.0.9 for belgiannews.com", WrongGlue(name=ZONE, address=Address("198.18.0.9"))),
        ("refuse POP3 at login", AtMailbox(How.REFUSE, "pop3", Moment.LOGIN)),
        ("stall imap at fetch once", AtMailbox(How.STALL, "imap", Moment.FETCH, times=1)),
        ("slow 1500ms", Slow(seconds=1.5)),
    ],
)
def test_words_are_read_as_people_write_them(words: str, fault: Fault) -> None:
    assert fault_of(words) == fault


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("", "cannot fail as ''"),
        ("asleep", "cannot fail as 'asleep'"),
        ("gone", "cannot fail as 'gone'"),
        ("down twice", "takes no number of times"),
        ("down at rcpt", "takes no 'at'"),
        ("paused for ed@b.be", "takes no 'for'"),
        ("servfail at rcpt", "takes no 'at'"),
        ("servfail for ed@b..be", "label of the name is empty"),
        ("servfail badly", "takes no word behind it"),
        ("stall", "at which stage"),
        ("stall at lunch", "no stage 'lunch'"),
        ("stall at", "missing behind 'at'"),
        ("stall at helo for ed@b.be", "at helo no address has been named"),
        ("reset at dot for ed", "needs a name, an @"),
        ("reply at rcpt", "'' is no reply code"),
        ("reply 250 at rcpt", "refuses nothing"),
        ("reply 451 3", "'3' says nothing here"),
        ("slow 5 times", "'' is no span"),
        ("reply 451 rcpt", "'rcpt' says nothing here"),
        ("stall smtp at rcpt", "'smtp' is no service that hands mail out"),
        ("refuse at login", "which service"),
        ("refuse imap at lunch", "IMAP has no stage 'lunch'"),
        ("refuse imap at quit", "a goodbye is not refused"),
        ("stall pop3 at connect for ed@b.be", "nobody has logged in yet"),
        ("hide", "EHLO is not answered with ''"),
        ("hide STARTLS", "not answered with 'STARTLS'"),
        ("slow", "'' is no span"),
        ("slow soon", "'soon' is no span"),
        ("slow 0s", "'0s' is no span"),
        ("wrong-glue there", "not an IP address"),
    ],
)
def test_words_that_name_none_are_told_why(words: str, reason: str) -> None:
    with pytest.raises(WrongUse, match=reason):
        fault_of(words)
