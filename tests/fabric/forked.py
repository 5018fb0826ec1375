"""Work done in a private network, by a child of the test process, as oneself or as an ordinary user."""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401
import ctypes
import os
import random
import sys
import traceback
import warnings
from collections.abc import Callable
from functools import cache

import pytest

from lab.errors import MachineSaidNo
from lab.fabric import namespace

NOBODY = 65534


def in_namespace(work: Callable[[], None], user: str = "oneself") -> None:
    """Do it in a private network of its own; an error there is one here. Skips where there can be no such."""
    if user == "ordinary" and os.geteuid() != 0:
        pytest.skip("oneself is an ordinary user already")
    if refusal := _probed():
        pytest.skip(refusal.sentence)
    report = _done_by_child(work, ordinary=user == "ordinary")
    if report:
        pytest.fail(report, pytrace=False)


@cache
def _probed() -> MachineSaidNo | None:
    return namespace.probe()


def _done_by_child(work: Callable[[], None], ordinary: bool) -> str:
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Python warns of threads that a child lacks: those of pytest-xdist, which no case needs.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.write(writer, _outcome(work, ordinary).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as told:
        report = told.read()
    status = os.waitpid(child, 0)[1]
    return report if status == 0 else f"the child ended with status {status}\n{report}"


def _outcome(work: Callable[[], None], ordinary: bool) -> str:
    try:
        if ordinary:
            _become_ordinary()
        namespace.enter()
        work()
    except BaseException:
        return traceback.format_exc()
    finally:
        sys.stderr.flush()
    return ""


def _become_ordinary() -> None:
    # What is imported on first use has to be here: this user may not read the interpreter of root.
    "".encode("idna")
    random.random()
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    dumpable = 4  # PR_SET_DUMPABLE: setuid took /proc/self away from us
    ctypes.CDLL(None).prctl(dumpable, 1)
