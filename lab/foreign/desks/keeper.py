"""What a desk may do with the host's software: the seam between the desks and `start`."""

from __future__ import annotations

from typing import Protocol

from lab.events import Event, MailDeferred
from lab.fabric.base import Host
from lab.foreign.config.scene import File, Scene


class Keeper(Protocol):
    host: Host
    scene: Scene

    def write(self, files: tuple[File, ...]) -> None:
        """Put files in the place of what is there."""

    def reload(self, software: str) -> None:
        """Have a program read its configuration again (SIGHUP)."""

    async def heard(self, words: str, within: float = 5.0) -> bool:
        """Wait until a line of the log has these words in it; False when none comes."""

    async def told(self, event: Event, within: float = 5.0) -> bool:
        """Wait until the log tells of it."""

    def deferral(self, queue_id: str, recipient: str) -> MailDeferred | None:
        """What the log last said of a recipient that waits."""
