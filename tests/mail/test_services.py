"""A host that nobody calls has no programs yet; the first call makes them, and finds all as it should be."""

from __future__ import annotations

import subprocess
import sys

from lab.mail.host import MailHost
from lab.mail.services import QUESTIONS, Services

NOT_YET = ("ssl", "hashlib", "email", "aiosmtpd", "sqlite3", "dnslib", "difflib", "ctypes", "tempfile")


def test_a_sleeping_host_answers_every_question_of_one_that_is_awake() -> None:
    assert {*QUESTIONS, *Services.questions} == set(MailHost.questions)


def test_a_node_has_read_no_program_before_somebody_calls() -> None:
    """In a process of its own: what `python3 -m lab.node` has read when its hosts serve."""
    program = f"""
import sys
import lab.node.__main__, lab.fabric.distant.ear, lab.dns.start, lab.mail.services
print([name for name in {NOT_YET!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=False,
                          env={"PYTHONPATH": ":".join(path for path in sys.path if path)})  # fmt: skip
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_tls_that_was_put_off_is_there_at_the_first_handshake() -> None:
    program = """
from lab.fabric.tls import learn_tls, put_off_tls
put_off_tls()
import asyncio.sslproto, sys
assert asyncio.sslproto.ssl is None and "ssl" not in sys.modules
learn_tls()
import ssl
assert asyncio.sslproto.ssl is asyncio.base_events.ssl is asyncio.selector_events.ssl is ssl
assert asyncio.sslproto.SSLAgainErrors == (ssl.SSLWantReadError, ssl.SSLSyscallError)
print("well")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("well\n", "")
