"""Why a step went as it did, in a sentence: the rule, the RFC, the policy row.

The rule: a sentence is made from the event alone, and is true on its own, without the steps around it.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.events import ConnectionFailed, ExchangersFound, Failure, NameResolved, ReplyReceived, Stage

_ROUTING = {
    "mx": "the lower preference is tried first (RFC 5321 §5.1)",
    "implicit-mx": "there is no MX record, so the domain's own address is its exchanger (RFC 5321 §5.1)",
    "null-mx": "the domain says with a null MX that it takes no mail; nothing is tried (RFC 7505)",
    "loop": "this host is the most preferred exchanger, so nobody better is left: a loop (RFC 5321 §5.1)",
    "smarthost": "this host hands all its mail to its smarthost",
    "literal": "an address in brackets is dialled as it stands, without asking the DNS (RFC 5321 §4.1.3)",
    "nxdomain": "the domain does not exist (RFC 5321 §5.1)",
    "mx-unknown": "the DNS could not be asked; that may pass, so the mail waits (RFC 5321 §5.1)",
    "no-exchanger": "none of the domain's exchangers can be used (RFC 5321 §5.1)",
    "address-as-mx": "an MX has to name a host, and this one names an address (RFC 5321 §5.1)",
    "no-address": "the domain has neither an MX nor an address of its own (RFC 5321 §5.1)",
}

_FAILURE = {
    Failure.REFUSED: "no program listens there: the host answered at once that the port is closed",
    Failure.TIMED_OUT: "nothing came back at all, so the sender had to wait until its patience ended",
    Failure.UNREACHABLE: "the network said that there is no way to that host",
    Failure.RESET: "the other side broke the connection off",
    Failure.CLOSED: "the other side hung up before it was done",
}

_FOLLOWS = {
    "next": "the next host is tried",
    "next address": "the next address of the same exchanger is tried",
    "next exchanger": "the next exchanger is tried",
    "later": "the message waits in the queue",
    "bounce": "no other exchanger is tried, the sender is told",
}


def rule(name: str) -> str:
    """Why a route or its absence is what it is, by the rule's name alone; '' for none."""
    return _ROUTING.get(name, "")


def routing(event: ExchangersFound) -> str:
    equal = _equals(event.exchangers)
    sentence = _ROUTING.get(event.rule, event.rule)
    if event.rule == "mx" and len(event.exchangers) < 2:
        sentence = "one exchanger only" if event.exchangers else "no exchanger is left to try"
    if equal and event.rule == "mx":
        sentence += f"; {equal} are equal, so their order is drawn by lot"
    return "; ".join([sentence, *(f"left out: {one}" for one in event.left_out), *_beside(event)])


def _beside(event: ExchangersFound) -> Iterator[str]:
    """That it is not from a log: the agent asked for itself, and says no word of it."""
    if event.beside and event.rule not in ("smarthost", "literal"):
        yield f"asked by the lab beside {event.beside}, whose log leaves it out"


def failure(event: ConnectionFailed) -> str:
    return _and(_FAILURE[event.failure], event.follows, event.row)


def reply(event: ReplyReceived) -> str:
    return _and(_class(event), event.follows, event.row)


def lookup(event: NameResolved) -> str:
    match event.rcode:
        case "NXDOMAIN":
            return "no such name exists"
        case "SERVFAIL" | "TIMEOUT":
            return "the DNS could not be asked; that may pass, so it is no reason to give up"
        case _:
            return "the name exists, but not with such a record"


def accepted() -> str:
    return "250 after the final dot: from here on that host is responsible for it (RFC 5321 §4.2.5)"


def lost_reply() -> str:
    return "its 250 was lost on the way, so the sender will send a second copy (RFC 1047)"


def attempt(reason: str, number: int, row: str = "") -> str:
    tries = f"after {number} tries" if number > 1 else "after one try"
    return _row(f"{tries}: {reason}" if reason else tries, row)


def gave_up(reason: str, row: str) -> str:
    return _row(reason or "it is given up for good", row)


def _class(event: ReplyReceived) -> str:
    whom = f"the answer to {event.command}" if event.command not in ("", ".") else _where(event.stage)
    kind = "4xx means not now" if event.code < 500 else "5xx means never"
    return f"{whom}: {kind} (RFC 5321 §4.2.1)"


def _where(stage: Stage) -> str:
    return "the greeting" if stage is Stage.GREETING else "the answer to the final dot"


def _and(sentence: str, follows: str, row: str) -> str:
    further = _FOLLOWS.get(follows, follows)
    return _row(f"{sentence}; {further}" if further else sentence, row)


def _row(sentence: str, row: str) -> str:
    return f"{sentence} (policy row {row})" if row else sentence


def _equals(exchangers: tuple[str, ...]) -> str:
    """The exchangers that share a preference."""
    pairs = [one.split(" ", 1) for one in exchangers if " " in one]
    shared = [preference for preference, _ in pairs]
    return " and ".join(name for preference, name in pairs if shared.count(preference) > 1)
