"""`make fuzz`: one target after the other, guided by coverage, for so many seconds each.

Inputs come from atheris (libFuzzer) where it is installed: it watches which branches of the lab an input reaches
and keeps those that reach new ones in `corpus/NAME/`, outside of git. Where it cannot be had, hypothesis draws
with a new seed instead, blindly, and says so. Each target runs in a process of its own; what hurts is saved
under `found/NAME/`, where pytest tries it again for ever after.

    python -m tests.fuzz [TARGET …] [--seconds 60]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.target import names

HERE = Path(__file__).parent
CORPUS, FOUND = HERE / "corpus", HERE / "found"
BLIND = """*** atheris is not installed for this Python: hypothesis draws BLINDLY, with a new seed each time. ***
*** It sees no branches, and finds far less. To get it:  pip install atheris                     ***"""
SLACK = 300
"""Seconds for the interpreter to come up on a loaded machine; one input that takes twenty ends its target."""


def main() -> int:
    known = list(names())
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Look for octets that hurt.")
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"of: {', '.join(known)}; all if none is named"
    )
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    chosen = parser.parse_args()
    if unknown := set(chosen.targets) - set(known):
        print(f"There is no target {', '.join(sorted(unknown))}. There are: {', '.join(known)}")
        return 2
    guided = find_spec("atheris") is not None
    if not guided:
        print(BLIND)
    hurt = [name for name in chosen.targets or known if not _spent(name, chosen.seconds, guided)]
    print(f"Hurt: {', '.join(hurt)}" if hurt else "Nothing hurt.")
    return 1 if hurt else 0


def _spent(name: str, seconds: int, guided: bool) -> bool:
    """Try a target in another process; whether nothing hurt."""
    before = _found(name)
    (CORPUS / name).mkdir(parents=True, exist_ok=True)
    module = "tests.fuzz.guided" if guided else "tests.fuzz.blind"
    command = [sys.executable, "-m", module, name, str(seconds)]
    try:
        code = subprocess.run(command, timeout=seconds + SLACK, check=False).returncode
    except subprocess.TimeoutExpired:
        code = -1
        print(f"{name}: it did not end {SLACK} s after its time")
    for new in sorted(_found(name) - before):
        print(f"{name}: kept as {new.relative_to(Path.cwd())}; pytest tries it from now on:")
        print(f"    pytest -q tests/fuzz -k {name}-{new.name}")
    return code == 0


def _found(name: str) -> set[Path]:
    return set((FOUND / name).glob("*"))


if __name__ == "__main__":
    sys.exit(main())
