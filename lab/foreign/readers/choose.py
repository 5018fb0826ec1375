"""Which reader understands whose log."""

from __future__ import annotations

from pathlib import Path

from lab.foreign.config.scene import Scene
from lab.foreign.readers.bind import BindReader
from lab.foreign.readers.deliveries import Deliveries
from lab.foreign.readers.dovecot import DovecotReader
from lab.foreign.readers.exim import EximReader
from lab.foreign.readers.knot import KnotReader
from lab.foreign.readers.opensmtpd import OpenSmtpdReader
from lab.foreign.readers.postfix import BackOff, PostfixReader
from lab.foreign.readers.reader import Deaf, Reader
from lab.foreign.readers.unbound import UnboundReader

_BEGINNING = 65_536
"""Octets in which a header ends, or is too long to be looked at (`lab.wire.received`)."""


def readers_of(scene: Scene) -> dict[str, Reader]:
    """A reader for each software of a host; those of one host share what they know of deliveries."""
    deliveries = Deliveries()
    return {name: _reader(name, scene, deliveries) for name in scene.host.software}


def peek(id: str) -> bytes:
    """The beginning of a message in OpenSMTPD's queue; b"" where it has left already."""
    try:
        with Path("/var/spool/smtpd/queue", id[:2], id, "message").open("rb") as file:
            return file.read(_BEGINNING)
    except OSError:
        return b""


def _reader(name: str, scene: Scene, deliveries: Deliveries) -> Reader:
    own = tuple(map(str, scene.host.addresses))
    match name:
        case "postfix":
            steps = scene.schedule.steps
            return PostfixReader(own, BackOff(steps[0], steps[-1]), deliveries)
        case "exim":
            return EximReader(own, scene.schedule, deliveries)
        case "dovecot":
            return DovecotReader(deliveries)
        case "bind":
            return BindReader()
        case "unbound":
            return UnboundReader()
        case "knot":
            return KnotReader()
        case "opensmtpd":
            return OpenSmtpdReader(own, scene.schedule, peek)
        case _:
            return Deaf()  # NSD and PowerDNS name no serial when they load a zone
