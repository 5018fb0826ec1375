"""A journey's JSON twin: {journey, from, to, state, steps: [{t, host, layer, what, why}]} and more keys besides.

The rule: scripts and graders lean on these names; keys are added, never renamed. `from_json` is the inverse.
"""

from __future__ import annotations

from typing import Any

from lab.journey.model import Fate, Journey, Layer, Notice, State, Step


def to_json(journey: Journey) -> dict[str, Any]:
    return {
        "journey": journey.id,
        "from": journey.sender,
        "to": list(journey.recipients),
        "subject": journey.subject,
        "state": str(journey.state),
        "host": journey.host,
        "queue_id": journey.queue_id,
        "started": round(journey.started, 9),
        "fates": [_fate(fate) for fate in journey.fates],
        "notices": [{"kind": one.kind, "to": one.to, "state": str(one.state)} for one in journey.notices],
        "steps": [_step(step) for step in journey.steps],
    }


def from_json(form: dict[str, Any]) -> Journey:
    return Journey(
        id=form["journey"],
        sender=form["from"],
        recipients=tuple(form["to"]),
        subject=form["subject"],
        host=form["host"],
        queue_id=form["queue_id"],
        started=form["started"],
        state=State(form["state"]),
        fates=tuple(Fate(**{**fate, "state": State(fate["state"])}) for fate in form["fates"]),
        notices=tuple(Notice(one["kind"], one["to"], State(one["state"])) for one in form["notices"]),
        steps=tuple(_read_step(step) for step in form["steps"]),
    )


def _fate(fate: Fate) -> dict[str, Any]:
    return {
        "recipient": fate.recipient,
        "state": str(fate.state),
        "host": fate.host,
        "t": round(fate.t, 9),
        "detail": fate.detail,
        "next_try": fate.next_try,
        "status": fate.status,
        "at_home": fate.at_home,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "n": step.n,
        "t": round(step.t, 9),
        "host": step.host,
        "layer": str(step.layer),
        "what": step.what,
        "why": step.why,
        "about": step.about,
        "outcome": step.outcome,
        "entries": list(step.entries),
    }


def _read_step(form: dict[str, Any]) -> Step:
    kept = ("n", "t", "host", "about", "outcome", "why")
    return Step(layer=Layer(form["layer"]), entries=tuple(form["entries"]), **{key: form[key] for key in kept})
