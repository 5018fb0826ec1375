"""What is told of the hours that lab time ran ahead."""

from __future__ import annotations

from typing import Any

from lab.cli.clock import homecoming, screen
from lab.cli.screen import paint

EPOCH = "2026-01-05T08:00:00+00:00"
RELAY, HOME = "relay.eunet.be", "mail.belgiannews.com"


def delivered(n: int, queue_id: str, host: str = HOME) -> dict[str, Any]:
    about = {"recipient": "ed@belgiannews.com", "mailbox": "ed@belgiannews.com", "queue_id": queue_id}
    return {"n": n, "t": 300.0, "host": host, "event": "MailDelivered", **about}


def relayed(n: int, queue_id: str, host: str = RELAY, exchanger: str = HOME) -> dict[str, Any]:
    about = {
        "exchanger": exchanger,
        "reply": f"250 2.0.0 queued as {queue_id}",
        "recipients": ["ed@belgiannews.com"],
    }
    return {"n": n, "t": 300.0, "host": host, "event": "MailRelayed", "queue_id": "a1", **about}


def shown(*happened: dict[str, Any], in_all: int = 0) -> list[str]:
    form = {"now": "2026-01-05T09:00:00+00:00", "epoch": EPOCH, "advanced_s": 3600.0}
    lines = screen({**form, "happened": happened, "happenings": in_all or len(happened)})
    return [paint(line, colour=False) for line in lines]


def test_a_relay_and_its_delivery_are_told_as_one() -> None:
    (entry,) = homecoming([delivered(1, "b1"), relayed(2, "b1")])
    assert entry["relay"] == RELAY
    assert shown(delivered(1, "b1"), relayed(2, "b1"))[0].endswith(f"by {RELAY} → {HOME}")


def test_a_relay_that_was_not_the_last_is_told_for_itself() -> None:
    kept = [relayed(1, "b1", "mail.unige.ch", RELAY), delivered(2, "c7")]
    assert homecoming(kept) == kept


def test_a_crowd_of_deliveries_is_counted() -> None:
    lines = shown(*(delivered(n, f"b{n}") for n in range(20)), in_all=50)
    assert len(lines) == 14
    assert lines[-2] == "  … and 38 more:  lab watch --once"


def test_quiet_hours_are_told_too() -> None:
    assert shown() == ["  Nothing of note happened meanwhile.", " 2026-01-05 09:00:00  lab time"]
