"""Unbound's log (verbosity 2) into events: each server that it asked on its way down.

    told                                                    not told, so not in the events
    name and type asked, in which zone, at which address    the server's name (its address stands there)
    what the reply was: answer, referral, nodata …          the records
    a server that did not answer in time                    who had asked, and what they were told

The rule: three lines make a hop: "response for", "reply from", "query response was". unbound.conf(5), verbosity.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from lab.events import Event, HopAnswered

_LINE = re.compile(r"\[[\d.]+\] unbound\[\d+:\d+\] \w+: (?P<text>.*)")
_FOR = re.compile(r"response for (?P<name>\S+) (?P<type>\S+) IN")
_FROM = re.compile(r"reply from <(?P<zone>[^>]*)> (?P<address>[^#]+)#\d+")
_WAS = re.compile(r"query response was (?P<what>.*)")
_OUTCOMES = MappingProxyType(
    {
        "ANSWER": "answer",
        "REFERRAL": "referral",
        "nodata ANSWER": "nodata",
        "NXDOMAIN ANSWER": "nxdomain",
        "CNAME": "cname",
        "LAME": "lame",
        "REC_LAME": "lame",
        "THROWAWAY": "servfail",
        "timeout": "timeout",
    }
)


class UnboundReader:
    def __init__(self) -> None:
        self._question = ("", "")
        self._server = ("", "")

    def read(self, line: str, now: float) -> list[Event]:
        found = _LINE.match(line)
        if found is None:
            return []
        text = found["text"]
        if (asked := _FOR.match(text)) is not None:
            self._question, self._server = (_plain(asked["name"]), asked["type"]), ("", "")
        elif (reply := _FROM.match(text)) is not None:
            self._server = (_plain(reply["zone"]), reply["address"])
        elif (was := _WAS.match(text)) is not None and self._server[1]:
            outcome = _OUTCOMES.get(was["what"].strip(), was["what"].strip().lower())
            name, kind = self._question
            zone, address = self._server
            return [HopAnswered(name, kind, zone, address, address, outcome)]
        return []


def _plain(name: str) -> str:
    """Without the final dot, as the lab writes names; the root stays."""
    return name if name == "." else name.rstrip(".")
