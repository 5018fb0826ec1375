"""What covers a container's /etc/resolv.conf, /etc/hosts and bundle of certificates.

The rule: names are the lab's. Docker's own resolver and its list of container names answer nobody: each container
has the lab's papers in their place, read-only, from a volume on the engine's machine, wherever that is.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Sequence

from lab.names import Address
from lab.topology.plan import HostPlan

HOSTS, ROOT = "hosts", "ca.pem"
HOSTS_TEXT = "127.0.0.1  localhost\n::1  localhost\n# everything else is asked of the lab's resolver\n"
TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian's programs look whom to trust."""
_WRITTEN = 946_684_800
"""2000-01-01. A resolv.conf of the first second of 1970 is one that OpenSMTPD's resolver never reads: that is the
time it believes to have read it last (libasr, asr_check_reload)."""


def resolv_name(resolvers: Sequence[Address]) -> str:
    """The file that hosts with these resolvers share."""
    return "resolv." + ("-".join(resolvers).replace(":", "_") or "none")


def papers(plans: Iterable[HostPlan], root: bytes) -> dict[str, str]:
    """Every paper that these hosts need, by its file's name. `root`: the certificate of the lab's authority, which
    is all that programs there trust."""
    texts = {
        ROOT: root.decode(),
        HOSTS: HOSTS_TEXT,
    }
    for plan in plans:
        texts[resolv_name(plan.resolvers)] = resolv_text(plan.resolvers)
    return texts


def resolv_text(resolvers: Sequence[Address]) -> str:
    """A resolv.conf(5) that asks these."""
    return "".join(f"nameserver {address}\n" for address in resolvers)


def archive(texts: dict[str, str]) -> bytes:
    """They, as a tar that an engine unpacks."""
    octets = io.BytesIO()
    with tarfile.open(fileobj=octets, mode="w") as tar:
        for name, text in sorted(texts.items()):
            form = tarfile.TarInfo(name)
            form.size, form.mode, form.mtime = len(text.encode()), 0o644, _WRITTEN
            tar.addfile(form, io.BytesIO(text.encode()))
    return octets.getvalue()
