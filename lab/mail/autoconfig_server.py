"""A mail host's port 80: the file by which its people's mail programs configure themselves (`wire.autoconfig`)."""

from __future__ import annotations

from lab.fabric.base import Host
from lab.mail.conversation import Conversation
from lab.topology.plan import MailPlan
from lab.topology.services import AUTOCONFIG
from lab.wire.autoconfig import LONGEST_LINE, MOST_LINES, answer, config

PATIENCE = 30.0


class AutoconfigService:
    """For the domains whose mail has its home here."""

    __slots__ = ("_host", "_plan", "_tls")

    def __init__(self, host: Host, plan: MailPlan, tls: bool) -> None:
        self._host = host
        self._plan = plan
        self._tls = tls

    def connect(self) -> Conversation:
        return Conversation(self._host, self._serve, PATIENCE)

    async def _serve(self, client: Conversation) -> None:
        request = await client.line(LONGEST_LINE)
        fields: dict[str, str] = {}
        for _ in range(MOST_LINES):
            line = await client.line(LONGEST_LINE)
            if line is None or not line.strip():
                break
            name, _, value = line.decode("latin-1").partition(":")
            fields[name.strip().lower()] = value.strip()
        if request is not None:
            client.say(answer(request.decode("latin-1").rstrip("\r\n"), fields, self._file))

    def _file(self, name: str) -> bytes | None:
        """For autoconfig.DOMAIN, DOMAIN itself, and for the host's own name the first domain."""
        domains = self._plan.local_domains
        asked = domains[0] if name == self._host.name else name.removeprefix(f"{AUTOCONFIG}.")
        return config(asked, self._host.name, self._tls) if asked in domains else None
