"""Whose code is running: the ambient host.

A context variable, because asyncio hands contexts on by itself: tasks, timers and protocol callbacks inherit
it, so that a host's programs are plain asyncio and never name their host. Outside every host it is None, and
then the loop's sockets are the machine's own (control socket, gateway).
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.fabric.host import Host

AMBIENT: ContextVar[Host | None] = ContextVar("lab.host", default=None)
"""The host whose program runs now."""

ATTENDED: ContextVar[bool] = ContextVar("lab.attended", default=False)
"""The lab's keeper looks into a host: a pause of that host does not hold this work."""
