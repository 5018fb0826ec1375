"""A mail program that hands mail in: STARTTLS, a login, and the message, at port 587 (RFC 6409).

The rule: it is a dialogue like any other, only that the typing up to the login is done; what comes then is the
scenario's.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from random import Random

from lab.scenario.dialogue import Dialogue
from lab.scenario.unmet import Unmet
from lab.wire import sasl


async def log_in(smtp: Dialogue, login: str, password: str, trust: ssl.SSLContext, rng: Random) -> None:
    """From the greeting to 235. Unmet where the host does not take the login."""
    await smtp.expects("220")
    await smtp.says("EHLO student", "250", "STARTTLS")
    await smtp.says("STARTTLS", "220")
    await smtp.writer.start_tls(trust, server_hostname=smtp.host)
    await smtp.says("EHLO student", "250", "AUTH")
    answers = sasl.ANSWERS["SCRAM-SHA-256"](login, password, rng)
    reply = await _asked(smtp, f"AUTH SCRAM-SHA-256 {sasl.line(next(answers)).decode()}")
    while reply.startswith("334"):
        challenge = sasl.unline(reply[4:].encode()) or b""
        reply = await _asked(smtp, sasl.line(answers.send(challenge)).decode())
    if not reply.startswith("235"):
        raise Unmet(f"{smtp.host} to take the login of {login}", reply or "it hung up", "\n".join(smtp.said))


async def hand_in(smtp: Dialogue, sender: str, recipients: Sequence[str], octets: bytes) -> str:
    """Send one message; the queue id that the host gave it."""
    await smtp.says(f"MAIL FROM:<{sender}>", "250")
    for recipient in recipients:
        await smtp.says(f"RCPT TO:<{recipient}>", "250")
    await smtp.says("DATA", "354")
    smtp.writer.write(octets.replace(b"\r\n.", b"\r\n..") + (b"" if octets.endswith(b"\r\n") else b"\r\n"))
    return (await smtp.says(".", "250")).rpartition(" ")[2]


async def _asked(smtp: Dialogue, line: str) -> str:
    await smtp.says(line)
    return await smtp.hears()
