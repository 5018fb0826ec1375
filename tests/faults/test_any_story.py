"""Whatever is broken, sent and waited for, in any order: every message has a diagnosis, and a screen."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from worlds import Typing, lab_up

from lab.journey import build
from lab.journey.case import case_of
from lab.journey.diagnoses import CATALOGUE, UNKNOWN, diagnose
from lab.journey.world import world_of
from lab.topology.plan import Plan

BELGIUM = Path(__file__).parents[2] / "topologies" / "belgium.yaml"
OF_MAIL = ("down", "silent", "paused", "unreachable", "disk-full", "reply 451 at rcpt", "reply 421 at dot twice",
           "stall at data", "reset at dot once", "hide STARTTLS")  # fmt: skip
OF_NAMES = ("down", "silent", "servfail", "lame", "timeout", "slow 4s", "truncated", "refused", "wrong-glue")
MAIL = ("mail.belgiannews.com", "relay.eunet.be", "mail.unige.ch")
NAMES = ("a.root", "ns.com", "ns.belgiannews.com", "ns.unige.ch", "dns.unige.ch", "dns.eunet.be")
SENDERS = ("ann@unige.ch", "ed@belgiannews.com", "luc@eunet.be")
PEOPLE = (*SENDERS, "bob@cui.unige.ch", "info@belgiannews.com", "nobody@unige.ch", "x@nosuch.be")


def story(rng: Random) -> list[str]:
    """What somebody might type: faults, mail, and time that passes."""
    return [_step(rng) for _ in range(8)] + [_send(rng)]


def _step(rng: Random) -> str:
    match rng.choice(("mail", "names", "cut", "heal", "clock", "clock", "send", "send")):
        case "mail":
            return f"lab fail {rng.choice(MAIL)} {rng.choice(OF_MAIL)}"
        case "names":
            return f"lab fail {rng.choice(NAMES)} {rng.choice(OF_NAMES)}"
        case "cut":
            a, b = rng.sample(MAIL, 2)
            return f"lab fail {a} --cut {b}"
        case "heal":
            return rng.choice(("lab heal", f"lab heal {rng.choice(MAIL)}"))
        case "clock":
            return f"lab clock +{rng.choice(('1m', '10m', '1h', '6h', '6d'))}"
        case _:
            return _send(rng)


def _send(rng: Random) -> str:
    to = " ".join(f"--to {one}" for one in rng.sample(PEOPLE, rng.choice((1, 1, 1, 2))))
    return f"lab send --from {rng.choice(SENDERS)} {to}"


def wrong(lab: Typing) -> list[str]:
    """The messages that have no diagnosis, or none with a name, or no screen of it."""
    known = {*CATALOGUE} - {UNKNOWN.code}
    found = [(lab.json(f"lab why {one}"), lab(f"lab why {one}")) for one in lab.lab.journeys]
    return [shown for form, shown in found if form.get("code") not in known or form["code"] not in shown]


@pytest.mark.parametrize("seed", range(40))
def test_every_message_of_any_story_has_a_diagnosis(seed: int) -> None:
    with lab_up(BELGIUM) as lab:
        for line in story(Random(seed)):
            lab(line)
        assert wrong(lab) == [], story(Random(seed))


@pytest.mark.parametrize("plan", ["known", "unknown"])
@pytest.mark.parametrize("seed", range(4))
def test_a_log_that_breaks_off_anywhere_is_explained_as_far_as_it_goes(seed: int, plan: str) -> None:
    with lab_up(BELGIUM) as lab:
        for line in story(Random(seed)):
            lab(line)
        log, known = list(lab.lab.internet.log), lab.lab.internet.plan
    for length in range(1, len(log), 9):
        world = world_of(known if plan == "known" else Plan("", (), {}), log[:length])
        journeys = build(log[:length])
        for one in journeys:
            assert diagnose(case_of(journeys, one, world)).sentence
