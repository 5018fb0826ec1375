"""Hops are joined into journeys, and each recipient has its fate."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journey_stories import ANN, DOMAIN, ED, HOME, MAIL, PAIR, RELAY, Story, came_home, first_mail, five_days
from journey_stories import held_by_the_backup as held

from lab.events import (
    BounceSent,
    DelayWarned,
    DestinationBackedOff,
    ExchangersFound,
    FolderRenamed,
    MailAccepted,
    MailDelivered,
    MailExpunged,
    MailForwarded,
    MailMoved,
    MailRead,
    MailRelayed,
    MailRemoved,
    MailSubmitted,
    NameResolved,
    RecipientsFailed,
    ReplyReceived,
    Stage,
    SubmissionRefused,
)
from lab.journey import Journey, Journeys, Layer, State, build, from_json, mermaid, plain, render, to_json
from lab.log import EventLog


def only(story: Story) -> Journey:
    (journey,) = build(story.log).values()
    return journey


@pytest.mark.parametrize(
    ("story", "state", "host"),
    [
        (Story().submit(), "queued", HOME),
        (first_mail(), "delivered", MAIL),
        (held(), "held", RELAY),
        (came_home(), "delivered", MAIL),
        (five_days(3), "bounced", HOME),
    ],
    ids=["submitted", "first mail", "held", "came home", "gave up"],
)
def test_a_journey_has_the_state_of_its_message(story: Story, state: str, host: str) -> None:
    journey = only(story)
    assert (journey.state, journey.fates[0].host) == (state, host)


def test_a_relayed_message_keeps_its_number() -> None:
    story = came_home()
    journeys = build(story.log)
    assert list(journeys) == ["J-0001"]
    assert journeys.of(RELAY, "90bc") == journeys.of(MAIL, "c7") == journeys.of(HOME, "a1") == "J-0001"


def test_an_id_is_found_however_it_is_typed() -> None:
    journeys = build(first_mail().log)
    assert journeys["j-1"].id == journeys["J-0001"].id == "J-0001"
    assert "J-0002" not in journeys
    assert "nonsense" not in journeys


def test_a_stranger_who_brings_mail_begins_a_journey() -> None:
    story = Story().accept("b1", MAIL, message_id="").deliver("b1")
    journey = only(story)
    assert (journey.state, journey.host) == ("delivered", MAIL)
    assert journey.steps[0].what.startswith(f"{MAIL} 250 queued as b1, from {HOME}")


def test_a_message_without_message_id_is_joined_by_the_reply() -> None:
    story = Story().accept("r1", RELAY, message_id="").talk("r1", MAIL, host=RELAY)
    story.accept("m1", MAIL, message_id="").accept("other", RELAY, message_id="")
    story.at(RELAY, MailRelayed("r1", (ED,), MAIL, "198.18.2.25", "250 2.0.0 queued as m1", 2)).deliver("m1")
    journeys = build(story.log)
    assert [journey.state for journey in journeys.values()] == ["delivered", "held"]


def test_a_message_whose_250_was_lost_is_delivered_though_its_sender_waits() -> None:
    story = Story().submit().route("a1").talk("a1", MAIL).accept("b1", MAIL).deliver("b1")
    story.wait("a1", HOME, 300)
    journey = only(story)
    assert journey.state is State.DELIVERED
    assert "RFC 1047" in " ".join(step.why for step in journey.steps)


def test_the_same_queue_id_on_two_hosts_is_two_messages() -> None:
    story = first_mail().submit("a1", host=MAIL)
    assert list(build(story.log)) == ["J-0001", "J-0002"]


def test_an_exchanger_under_another_name_is_found_by_message_id() -> None:
    story = Story().submit().route("a1").talk("a1", "alias.example").accept("b1", MAIL)
    story.at(HOME, MailRelayed("a1", (ED,), "alias.example", "198.18.2.25", "250 queued as b1", 2)).deliver("b1")
    assert only(story).state is State.DELIVERED


def test_mail_taken_by_a_host_that_logs_nothing_is_held_there() -> None:
    story = Story().submit().talk("a1", "mx.elsewhere.org")
    story.at(HOME, MailRelayed("a1", (ED,), "mx.elsewhere.org", "198.18.9.9", "250 2.0.0 Ok: queued as 4F1"))
    assert (only(story).state, only(story).fates[0].host) == ("held", "mx.elsewhere.org")


def test_each_recipient_has_its_own_fate_and_the_slowest_is_the_message_s() -> None:
    story = Story().submit(to=(ED, "eve@belgiannews.com")).hand_over("a1", "b1", MAIL).deliver("b1")
    journey = only(story)
    assert {fate.recipient: fate.state for fate in journey.fates} == {
        ED: "delivered",
        "eve@belgiannews.com": "queued",
    }
    assert journey.state is State.QUEUED


def test_a_forwarded_recipient_is_as_far_as_those_it_became() -> None:
    story = Story().submit(to=("desk@unige.ch",)).at(HOME, MailForwarded("a1", "desk@unige.ch", (ED, ANN)))
    story.at(HOME, MailSubmitted("f1", "f@x", ANN, (ED, ANN), 400, "hello", "a1"), MailRemoved("a1"))
    story.at(HOME, MailDelivered("f1", ANN, ANN, 1))
    assert only(story).state is State.QUEUED
    story.hand_over("f1", "b1", MAIL).deliver("b1")
    assert only(story).state is State.DELIVERED


def test_an_alias_that_points_at_itself_comes_to_an_end() -> None:
    story = Story().submit(to=("a@unige.ch",)).at(HOME, MailForwarded("a1", "a@unige.ch", ("b@unige.ch",)))
    story.at(HOME, MailForwarded("a1", "b@unige.ch", ("a@unige.ch",)))
    assert only(story).recipients == ("a@unige.ch",)


def test_a_bounce_is_a_notice_of_the_journey_and_no_journey_of_its_own() -> None:
    journey = only(five_days(3))
    assert [(notice.kind, notice.to, notice.state) for notice in journey.notices] == [("bounce", ANN, "delivered")]


def test_a_bounce_from_the_backup_belongs_to_the_message_it_is_about() -> None:
    story = held().pause(5 * 86400)
    story.at(RELAY, RecipientsFailed("90bc", (ED,), "4.4.1", "refused"))
    story.at(
        RELAY,
        MailSubmitted("d1", "d1@relay", "", (ANN,), 900, "Undelivered", "90bc"),
        BounceSent("90bc", "d1", ANN),
    )
    story.at(HOME, MailAccepted("e1", "d1@relay", "", (ANN,), 900, "198.18.4.25", RELAY, "ESMTP"))
    story.at(RELAY, MailRelayed("d1", (ANN,), HOME, "198.18.3.25", "250 2.0.0 queued as e1"), MailRemoved("90bc"))
    story.at(HOME, MailDelivered("e1", ANN, ANN, 1))
    assert only(story).state is State.BOUNCED
    assert only(story).notices[0].state is State.DELIVERED


def test_a_refused_submission_is_a_journey_that_never_began() -> None:
    journey = only(Story().at(HOME, SubmissionRefused("bob@unige.ch", (ED,), "no such mailbox")))
    assert (journey.state, journey.fates[0].detail) == ("refused", "no such mailbox")


def test_a_message_refused_for_want_of_recipients_can_be_told() -> None:
    journey = only(Story().at(HOME, SubmissionRefused(ANN, (), "the message has no recipient")))
    assert journey.state is State.REFUSED
    assert "→ nobody" in plain(render(journey))


def test_what_an_agent_logs_in_the_end_stands_before_the_step_that_it_led_to() -> None:
    """Real software tells whom it would try, and who refused, when the other side has taken the message."""
    story = Story().submit()
    story.at(RELAY, MailAccepted("90bc", "<a1@home>", ANN, (ED,), 400, "198.18.3.25", HOME, "ESMTP"))
    story.at(HOME, NameResolved(DOMAIN, "MX", "NOERROR", PAIR, "198.18.3.53", 0.01, "a1", beside="postfix"))
    story.at(HOME, ExchangersFound(DOMAIN, PAIR, "mx", queue_id="a1", beside="postfix")).refused("a1")
    story.at(HOME, MailRelayed("a1", (ED,), RELAY, "198.18.4.25", "250 2.0.0 queued as 90bc"))
    steps = only(story).steps
    assert [step.layer for step in steps] == [Layer.DNS, Layer.TCP, Layer.SMTP]
    assert steps[0].why.endswith("asked by the lab beside postfix, whose log leaves it out")


@given(st.sampled_from([came_home, held, lambda: five_days(4)]), st.sets(st.integers(0, 80)))
def test_a_log_with_holes_can_be_told_all_the_same(story: Callable[[], Story], lost: set[int]) -> None:
    entries = [entry for entry in story().log if entry.n not in lost]
    for journey in build(entries).values():
        assert from_json(to_json(journey)) == journey
        assert plain(render(journey)).count("\n") > 0
        assert mermaid(journey)


def test_five_days_of_tries_read_in_a_few_lines() -> None:
    steps = only(five_days()).steps
    assert len(steps) == 7
    assert "110 more tries within 4 d 23 h, each refused" in steps[3].what


def test_a_try_that_went_otherwise_is_told_between_the_runs() -> None:
    story = Story().submit()
    for attempt in (1, 2, 3):
        story.route("a1", exchangers=(f"5 {MAIL}",)).refused("a1").wait("a1", HOME, 300, attempt).pause(300)
    story.talk("a1", MAIL).reply("a1", Stage.MAIL, "MAIL FROM:<ann>", 451, "4.3.0 later").wait("a1", HOME, 300, 4)
    told = [step.what for step in only(story).steps]
    assert any("2 more tries" in what for what in told)
    assert told[-2:] == [f"{MAIL}:25 451 4.3.0 later", f"{HOME} waits, tries again in 5 min"]


def test_a_warning_between_two_tries_does_not_begin_the_story_anew() -> None:
    story = Story().submit()
    for attempt in range(1, 7):
        if attempt == 4:
            story.at(HOME, MailSubmitted("w1", f"w1@{HOME}", "", (ANN,), 900, "Delayed", "a1"))
            story.at(HOME, DelayWarned("a1", (ED,), "w1"), MailDelivered("w1", ANN, ANN, 1), MailRemoved("w1"))
        story.route("a1", exchangers=PAIR[:1]).refused("a1").wait("a1", HOME, 3600, attempt).pause(3600)
    journey = only(story)
    assert [step.outcome for step in journey.steps][3:] == [
        "2 more tries within 2 h, each refused",
        "warns the sender of the delay",
        "the warning is in the mailbox (message 1)",
        "3 more tries within 2 h, each refused",
    ]
    assert [notice.kind for notice in journey.notices] == ["warning"]


def test_tries_that_drew_equal_exchangers_in_another_order_are_alike() -> None:
    one, two = "10 north.relays.net", "10 south.relays.net"
    story = Story().submit()
    for attempt, order in enumerate([(one, two), (two, one), (one, two), (two, one)], 1):
        story.route("a1", exchangers=order).refused("a1").wait("a1", HOME, 300, attempt).pause(300)
    steps = only(story).steps
    assert len(steps) == 4
    assert "north.relays.net and south.relays.net are equal" in steps[0].why


def test_a_domain_that_does_not_exist_is_one_step() -> None:
    story = Story().submit().at(HOME, NameResolved(DOMAIN, "MX", "NXDOMAIN", queue_id="a1"))
    story.at(HOME, ExchangersFound(DOMAIN, (), "nxdomain", queue_id="a1"))
    (step,) = only(story).steps
    assert step.what == f"MX {DOMAIN} NXDOMAIN"
    assert "does not exist" in step.why
    assert {2, 3} <= set(step.entries)


def test_data_refused_for_want_of_recipients_is_no_step() -> None:
    story = Story().submit().route("a1").talk("a1", MAIL)
    story.reply("a1", Stage.RCPT, f"RCPT TO:<{ED}>", 550, "5.1.1 no such user")
    story.at(HOME, ReplyReceived(2, Stage.DATA, "DATA", 554, "5.5.1 no valid recipients", queue_id="a1"))
    assert [step.layer for step in only(story).steps] == [Layer.DNS, Layer.SMTP]


def test_mail_read_by_its_owner_is_the_last_step() -> None:
    story = first_mail().pause(60).at(MAIL, MailRead(ED, 1, "POP3", 420))
    assert only(story).steps[-1].what == f"{ED} fetched by POP3, 420 octets"
    assert only(story).steps[-1].layer is Layer.POP3


def test_mail_is_followed_from_folder_to_folder() -> None:
    story = first_mail()
    story.at(MAIL, MailMoved(ED, (1,), "INBOX", "Archive", (7,)))
    story.at(MAIL, FolderRenamed(ED, "Archive", "Old"))
    story.at(MAIL, MailRead(ED, 7, "IMAP", 1, "Old")).at(MAIL, MailRead(ED, 7, "IMAP", 1))
    story.at(MAIL, MailMoved(ED, (6, 7), "Old", "Work", (1, 2), copied=True))
    story.at(MAIL, MailExpunged(ED, (1, 2), "Work")).at(MAIL, MailExpunged(ED, (7,), "Old"))
    assert [step.what for step in only(story).steps[-5:]] == [
        f"{ED} moved to Archive",
        f"{ED} read by IMAP, 1 octet",
        f"{ED} copied to Work",
        f"{ED} removed from Work",
        f"{ED} removed from Old",
    ]


def test_a_message_that_waits_behind_another_tells_the_back_offs_of_its_destination() -> None:
    story = Story().submit("probe").submit("a2")
    for attempt in (1, 2, 3, 4):
        story.route("probe").refused("probe").wait("probe", HOME, 300, attempt).pause(300)
    second = build(story.log)["J-0002"]
    assert [step.layer for step in second.steps] == [Layer.QUEUE, Layer.QUEUE]
    assert "3 more tries" in second.steps[1].what
    assert second.fates[0].next_try == 1200


def test_a_5xx_tells_the_command_it_answers() -> None:
    story = Story().submit().route("a1").talk("a1", MAIL)
    story.reply("a1", Stage.RCPT, f"RCPT TO:<{ED}>", 550, "5.1.1 no such user")
    step = only(story).steps[-1]
    assert step.what == f"{MAIL}:25 550 5.1.1 no such user"
    assert f"RCPT TO:<{ED}>" in step.why
    assert "never" in step.why


def test_steps_stand_in_the_order_in_which_they_happened() -> None:
    for step, following in zip(came_home().log, list(came_home().log)[1:], strict=False):
        assert step.t <= following.t
    steps = only(came_home()).steps
    assert [step.n for step in steps] == list(range(1, len(steps) + 1))
    assert [step.t for step in steps] == sorted(step.t for step in steps)


def test_every_step_names_the_entries_it_is_drawn_from() -> None:
    story = came_home()
    numbers = {entry.n for entry in story.log}
    for step in only(story).steps:
        assert step.entries
        assert set(step.entries) <= numbers


def test_feeding_one_entry_after_another_tells_the_same_journeys() -> None:
    journeys = Journeys()
    for entry in came_home().log:
        journeys.feed(entry)
        for name, journey in journeys.items():
            assert journey.id == name
    assert dict(journeys) == dict(build(came_home().log))


@pytest.mark.parametrize("story", [first_mail(), came_home(), five_days()], ids=["first", "home", "five days"])
def test_the_json_twin_reads_back(story: Story) -> None:
    journey = only(story)
    form = to_json(journey)
    assert from_json(form) == journey
    assert {"journey", "from", "to", "state", "steps"} <= set(form)
    assert {"t", "host", "layer", "what", "why"} <= set(form["steps"][0])


def test_the_states_of_a_thousand_waiting_messages_cost_little() -> None:
    story = Story()
    for n in range(1000):
        story.submit(f"m{n}")
    for _ in range(111):
        story.pause(3900).at(HOME, DestinationBackedOff(DOMAIN, story.t + 3900, 1000, "refused"))
    begun = time.process_time()
    journeys = build(story.log)
    assert {journeys.state(name) for name in journeys} == {State.QUEUED}
    assert time.process_time() - begun < 1.0


def test_hosts_that_are_heard_in_the_wrong_order_are_one_journey() -> None:
    """Two logs of foreign software come by ways of their own: the 250 may be heard before who said it."""
    log = EventLog()
    log.append(0.0, "mail.a.be", MailSubmitted("A1", "<1@a.be>", "ann@a.be", ("ed@b.be",), 9))
    log.append(
        0.1, "mail.a.be", MailRelayed("A1", ("ed@b.be",), "mail.b.be", "198.18.0.9", "250 OK id=1xXHxb-00-12")
    )
    log.append(0.1, "mail.b.be", MailAccepted("1xXHxb-00-12", "", "ann@a.be", ("ed@b.be",), 9, "", "", "ESMTP"))
    log.append(0.2, "mail.b.be", MailDelivered("1xXHxb-00-12", "ed@b.be", "ed@b.be", 1))
    journeys = build(log)
    assert [journey.state for journey in journeys.values()] == [State.DELIVERED]
