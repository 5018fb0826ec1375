"""Run rows and print the table: `python -m tests.bench [--runs N] [ROW …]`.

Modules are compiled before, as they are for every user from the second start on. Where the environment keeps
Python from writing them (PYTHONDONTWRITEBYTECODE), each process would compile its own: 0.15 s of a first mail.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from compileall import compile_dir

from tests.bench.rows import ROOT, ROWS, Row


def measure(row: Row, runs: int) -> list[float]:
    figures = []
    for _ in range(runs):
        words = [sys.executable, "-m", "tests.bench.rows", row.name]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{row.name} failed:\n{done.stdout}{done.stderr}")
        figures.append(float(json.loads(done.stdout.splitlines()[-1])))
    return figures


def main() -> None:
    reader = argparse.ArgumentParser(prog="make bench", description=__doc__)
    reader.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    reader.add_argument("--runs", type=int, default=3)
    asked = reader.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{'what':44} {'median':>10} {'min':>9} {'max':>9}  {'asked':>8}  unit      ({machine})")
    for modules in ("lab", "tests/bench"):
        compile_dir(ROOT / modules, quiet=1)
    folder = ROOT / "build"
    folder.mkdir(exist_ok=True)
    with (folder / "bench.json").open("w", encoding="utf-8") as file:
        for name in asked.rows or ROWS:
            row = ROWS[name]
            figures = measure(row, asked.runs)
            middle = statistics.median(figures)
            met = middle <= row.asked if row.better == "lower" else middle >= row.asked
            print(
                f"{row.what:44} {middle:10.3f} {min(figures):9.3f} {max(figures):9.3f}  {row.asked:8g}  "
                f"{row.unit:9} {'✓' if met else '✗ not reached'}",
                flush=True,
            )
            line = {
                "row": name, "value": middle, "unit": row.unit, "runs": figures, "asked": row.asked,
                "machine": machine,
            }  # fmt: skip
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
