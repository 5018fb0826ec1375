"""A lab that runs, as its verbs see it: the Internet, and the journeys of its mail so far."""

from __future__ import annotations

from lab.internet import Internet
from lab.journey.build import Journeys, build
from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Lab:
    internet: Internet
    journeys: Journeys
    """Fed with every event as it comes, so that no verb reads the log twice."""


def lab_of(internet: Internet) -> Lab:
    journeys = build(internet.log)
    internet.log.subscribe(journeys.feed)
    return Lab(internet, journeys)
