"""What a person reads of a journey."""

from __future__ import annotations

import re

from journey_stories import ED, HOME, Story, came_home, first_mail, five_days
from journey_stories import held_by_the_backup as held

from lab.events import SubmissionRefused
from lab.journey import brief, build, mermaid, plain, render

HELD = """\
 J-0001  ann@unige.ch → ed@belgiannews.com   "hello"
  1  DNS    MX belgiannews.com       5 mail.belgiannews.com, 10 relay.eunet.be
  2  TCP    mail.belgiannews.com:25  refused
  3  SMTP   relay.eunet.be:25        250 2.0.0 queued as 90bc
  -- at relay.eunet.be
  4  DNS    MX belgiannews.com       5 mail.belgiannews.com
  5  TCP    mail.belgiannews.com:25  refused
  6  QUEUE  relay.eunet.be           waits, tries again in 5 min
 Held by the backup, not in ed's mailbox yet: relay.eunet.be tries again in 5 min."""


def screen(story: Story, **how: object) -> str:
    return plain(render(build(story.log)["J-0001"], **how))  # type: ignore[arg-type]


def test_a_held_message_says_who_holds_it_and_when_it_tries_again() -> None:
    assert screen(held(), width=100, whys=False) == HELD


def test_the_time_to_the_next_try_is_counted_from_now() -> None:
    assert "tries again in 2 min" in screen(held(), now=180.0, width=120)
    assert "tries again now" in screen(held(), now=301.0, width=120)


def test_a_delivered_message_says_where_and_after_how_long() -> None:
    assert screen(first_mail()).endswith("In ed's mailbox at mail.belgiannews.com at once.")
    assert screen(came_home()).endswith("In ed's mailbox at mail.belgiannews.com after 5 min.")


def test_a_bounced_message_says_why_and_who_was_told() -> None:
    last = "mail.unige.ch gave up on ed@belgiannews.com: 4.4.1 connection refused. ann@unige.ch was told."
    assert screen(five_days(), width=120).endswith(last)


def test_a_queued_message_says_where_it_still_is() -> None:
    story = Story().submit().route("a1").refused("a1").wait("a1", HOME, 300)
    assert screen(story).endswith("Still at mail.unige.ch: it tries again in 5 min.")


def test_a_refused_message_says_the_reason() -> None:
    story = Story().at(HOME, SubmissionRefused("bob@unige.ch", (ED,), "no such mailbox."))
    assert screen(story).endswith("Refused at once: no such mailbox.")


def test_lines_fit_the_width() -> None:
    for width in (60, 80, 132):
        for line in screen(came_home(), width=width).splitlines()[1:]:
            assert len(line) <= width


def test_a_long_reply_is_told_to_its_end() -> None:
    story = Story().at(HOME, SubmissionRefused("bob@unige.ch", (ED,), "no such mailbox " * 8 + "here."))
    lines = screen(story, width=80).splitlines()
    assert "here." in "\n".join(lines[:-2])
    assert max(map(len, lines)) <= 80


def test_time_that_passed_is_told_between_the_steps() -> None:
    assert "  -- at relay.eunet.be, 5 min later" in screen(came_home())


def test_the_brief_line_has_id_state_and_people() -> None:
    line = plain([brief(build(held().log)["J-0001"])])
    assert re.match(r" J-0001  held +ann@unige.ch → ed@belgiannews.com  hello", line)


def test_mermaid_declares_everyone_it_draws() -> None:
    text = mermaid(build(came_home().log)["J-0001"])
    declared = set(re.findall(r"participant (p\d+) as", text))
    drawn = set(re.findall(r"\b(p\d+)\b", text.split("participant")[-1]))
    assert text.startswith("sequenceDiagram\n")
    assert drawn <= declared
    assert "-xp" in text


def test_a_reply_cannot_break_the_diagram() -> None:
    story = Story().submit('a;1#2"').route('a;1#2"').hand_over('a;1#2"', "b1;\n#end", "mail.belgiannews.com")
    for line in mermaid(build(story.log)["J-0001"]).splitlines()[1:]:
        assert ";" not in line.replace("#35;", "")
