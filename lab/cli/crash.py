"""What a person sees of a defect of this program: one sentence, and where the report is."""

from __future__ import annotations

import platform
import sys
import time
import traceback
from collections.abc import Sequence

from lab import __version__
from lab.control.home import home

STATUS = 70
"""EX_SOFTWARE of sysexits.h."""


def report(error: Exception, words: Sequence[str]) -> int:
    """Write the report into the lab's home (or, where that cannot be written, print it) and say so."""
    where = home()
    path = where.path / f"crash-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    text = "\n".join([_machine(), f"lab {' '.join(words)}", "", *traceback.format_exception(error)])
    try:
        where.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError:
        print(text, file=sys.stderr)
    print(f" That is a defect of the lab, not of your input. The report is in {path}   X001", file=sys.stderr)
    return STATUS


def _machine() -> str:
    return f"mini-internet-lab {__version__}, Python {platform.python_version()}, {platform.platform()}"
