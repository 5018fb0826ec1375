"""For the whole run: a lookout on the machine's interfaces, so that nothing of the lab escapes unseen; and no test
fails for being slow.

The rule: one process watches, the one that the run began in. Where it may not, it says so loudly, and the run
goes on.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.lookout import Lookout, Watched, lab_names, lab_ranges

settings.register_profile("lab", deadline=None)  # a loaded machine took 300 ms for what takes 0.5
settings.load_profile("lab")

LOOKOUT = pytest.StashKey[Lookout]()
TOLD = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    if hasattr(config, "workerinput"):
        return
    try:
        config.stash[LOOKOUT] = Lookout(lab_ranges(), lab_names())
    except (OSError, AttributeError) as error:
        config.stash[TOLD] = f"*** NOT WATCHED: whether anything escaped is not known: {error}"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    lookout = session.config.stash.get(LOOKOUT, None)
    if lookout is None:
        return
    watched = lookout.end()
    session.config.stash[TOLD] = told(watched)
    if watched.leaks or watched.unproven:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if text := terminalreporter.config.stash.get(TOLD, ""):
        terminalreporter.write_line(text, red=text.startswith("***"))


def told(watched: Watched) -> str:
    """What is said at the end of a run."""
    if watched.leaks:
        return "\n  ".join(["*** ESCAPED:", *watched.leaks[:20]])
    if watched.unproven:
        return f"*** NOT PROVEN that nothing escaped: {watched.unproven}"
    return f"nothing escaped: {', '.join(watched.interfaces)} watched for {watched.seconds:.0f} s"
