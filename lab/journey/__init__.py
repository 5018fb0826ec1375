"""Events → what happened to one message, and why. Every module here is a pure function of the log.

journeys = build(log)
print(plain(render(journeys["J-0002"], width=100)))
"""

from lab.journey.build import Journeys, build
from lab.journey.closing import decisive
from lab.journey.json_form import from_json, to_json
from lab.journey.model import Fate, Journey, Layer, Notice, State, Step
from lab.journey.render_mermaid import mermaid
from lab.journey.render_text import Line, Span, brief, plain, render

__all__ = [
    "Fate",
    "Journey",
    "Journeys",
    "Layer",
    "Line",
    "Notice",
    "Span",
    "State",
    "Step",
    "brief",
    "build",
    "decisive",
    "from_json",
    "mermaid",
    "plain",
    "render",
    "to_json",
]
