"""All files of a host, whatever runs on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from lab.foreign.config import bind, dovecot, exim, knot, nsd, opensmtpd, postfix, powerdns, unbound
from lab.foreign.config.scene import File, Scene

MAKERS: Mapping[str, Callable[[Scene], tuple[File, ...]]] = MappingProxyType(
    {
        "postfix": postfix.files,
        "exim": exim.files,
        "dovecot": dovecot.files,
        "bind": bind.files,
        "nsd": nsd.files,
        "unbound": unbound.files,
        "opensmtpd": opensmtpd.files,
        "knot": knot.files,
        "powerdns": powerdns.files,
    }
)


def host_files(scene: Scene) -> tuple[File, ...]:
    """Every file that the software of a host reads; of two with one path (hints, zones) the first."""
    own = scene.certificate.files() if scene.certificate is not None and scene.host.mail is not None else ()
    made = (file for name in scene.host.software for file in MAKERS[name](scene))
    return tuple({file.path: file for file in reversed([*own, *made])}.values())[::-1]


def config_form(scene: Scene) -> list[dict[str, str]]:
    """The files of a host as `lab config` shows them: [{path, text}]. A private key is never shown."""
    return [{"path": file.path, "text": _shown(file)} for file in host_files(scene)]


def _shown(file: File) -> str:
    return "(a private key)\n" if "PRIVATE KEY" in file.text else file.text
