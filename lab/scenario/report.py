"""What is told of scenarios that were played: a line each, a summary, and JUnit XML for a CI.

The rule: what failed is shown whole (expected, came, the journey); what passed is one line.
"""

from __future__ import annotations

import re
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from pathlib import Path

from lab.clock import show_span
from lab.scenario.result import Result, Verdict

GLYPHS = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.ERROR: "!"}


def told(result: Result) -> str:
    """A line, and below it what went wrong, if anything did."""
    title = f"{result.scenario:<28}  {result.title}"
    times = f"{show_span(result.lab_s)} in {result.wall_s:.2f} s" if result.lab_s else ""
    head = f" {GLYPHS[result.verdict]} {title}" + (f"   ({times})" if times else "")
    head = "\n".join([head, *(f"     {note}" for note in result.notes)])
    if result.verdict is Verdict.PASS:
        return head
    place = f"{result.file}:{result.line}" if result.line else result.file
    return f"{head}\n{textwrap.indent(result.message, '     ')}\n     at {place}"


def summary(results: Sequence[Result], wall_s: float) -> str:
    """How many passed, failed or could not be played."""
    counts = {verdict: sum(result.verdict is verdict for result in results) for verdict in Verdict}
    words = ((Verdict.PASS, "passed"), (Verdict.FAIL, "failed"), (Verdict.ERROR, "could not be played"))
    parts = [f"{counts[verdict]} {word}" for verdict, word in words if counts[verdict] or verdict is Verdict.PASS]
    lived = sum(result.lab_s for result in results)
    return f" {', '.join(parts)}: {show_span(lived)} of lab time in {wall_s:.1f} s."


def write_junit(results: Iterable[Result], path: Path) -> None:
    """JUnit's XML, as CI systems read it: a suite of test cases, with failures and errors."""
    results = list(results)
    suite = ET.Element(
        "testsuite",
        name="scenarios",
        tests=str(len(results)),
        failures=str(sum(result.verdict is Verdict.FAIL for result in results)),
        errors=str(sum(result.verdict is Verdict.ERROR for result in results)),
        time=f"{sum(result.wall_s for result in results):.3f}",
    )
    for result in results:
        suite.append(_case(result))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _case(result: Result) -> ET.Element:
    where = f"{result.fabric}.{Path(result.file).stem}"
    case = ET.Element("testcase", name=result.scenario, classname=where, time=f"{result.wall_s:.3f}")
    if result.verdict is not Verdict.PASS:
        text = _printable(result.message)
        first, kind = text.split("\n", 1)[0], "failure" if result.verdict is Verdict.FAIL else "error"
        ET.SubElement(case, kind, message=first).text = f"{text}\n{result.file}:{result.line}"
    return case


def _printable(text: str) -> str:
    """Without what XML 1.0 cannot hold: a mail may bring any octet into a message."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
