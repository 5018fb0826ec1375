"""A scenario of one's own under several policies: every mail host of its topology gets one, and it is played.

The rule: the scenario says what it expects, and under which policies that comes true is the answer; the story
shown is that of the first message it sent.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lab.compare.form import law_of
from lab.compare.play import rows_of
from lab.journey import Journey, State, build, to_json
from lab.log import EventLog, load
from lab.scenario.play import Asked, play, scripts_of
from lab.scenario.result import Result, Verdict
from lab.scenario.script import Script

_VERDICTS = {
    Verdict.PASS: ("✓ as expected", "good"),
    Verdict.FAIL: ("✗ not as expected", "bad"),
    Verdict.ERROR: ("! could not be played", "bad"),
}


def compare_file(file: Path, policies: Sequence[str], topology: str = "") -> Iterator[dict[str, Any]]:
    """For each scenario of the file, what `form.whole` tells of a case; on another topology than its own, if one
    is given. WrongUse where it is no scenario."""
    for script in scripts_of(file):
        cells = {policy: _cell(script, policy, topology) for policy in policies}
        words = {(cell["word"], tuple(cell["sessions"])) for cell in cells.values()}
        yield {
            "case": script.name,
            "title": script.title,
            "law": Path(topology).stem or script.topology,
            "differ": len(words) > 1,
            "lots": False,
            "policies": cells,
            "world": [],
        }


def _cell(script: Script, policy: str, topology: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="lab-compare-") as folder:
        trace = Path(folder, "trace.jsonl")
        result = play(script, Asked(topology=topology, policy=policy, trace=str(trace)))
        log = load(trace) if trace.exists() else EventLog()
    journeys = build(log)
    first = next(iter(journeys), None)
    return _told(result, journeys[first] if first else None, log, journeys.now)


def _told(result: Result, journey: Journey | None, log: EventLog, now: float) -> dict[str, Any]:
    word, style = _VERDICTS[result.verdict]
    rows = dict(rows_of([entry.event for entry in log if journey and entry.host == journey.host]))
    return {
        "word": word,
        "style": style,
        "status": _end(journey),
        "message": "" if result.verdict is Verdict.PASS else result.message.split("\n\n")[0],
        "sessions": [step.about for step in journey.steps if step.host == journey.host] if journey else [],
        "decided": [{"name": name, "follows": follows, "law": law_of(name)} for name, follows in rows.items()],
        "journey": to_json(journey) if journey else None,
        "now": now,
    }


def _end(journey: Journey | None) -> str:
    if journey is None:
        return "no message was sent"
    fate = next(fate for fate in journey.fates if fate.state is journey.state)
    return (
        f"{journey.state} at {fate.host}" if journey.state is State.DELIVERED else f"{journey.state} {fate.status}"
    )
