"""A visit to a lab that runs: a program of the machine, on the lab's network, with the lab's names.

The rule: what a visitor looks up is asked of the lab, and whom the lab's authority vouches for is believed. The
machine's own /etc/hosts, its name-service switch, its bundle of trusted certificates and the sockets of its
name-service daemons are covered, in mounts that nobody else sees and that end with the visitor. nslookup, dig,
telnet and a mail program find the lab as students of the first Internet found theirs.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.fabric.namespace import NEW_NAME, bind_mount, join, overlay_mount, unshare
from lab.names import Address, DomainName

_DAEMONS = (Path("/run/nscd/socket"), Path("/run/systemd/resolve/io.systemd.Resolve"))
"""glibc and systemd ask these before any name server; they live outside the lab."""
_BUNDLES = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/tls/certs/ca-bundle.crt"))
"""Where Debian and Red Hat keep whom the machine trusts."""
_MAIL = Path("/var/mail")


def show_mail(mail: Path) -> None:
    """Have a mail host's `var/mail` where Unix users look for theirs; a machine without /var/mail has it at the
    host's own folder only."""
    mail.mkdir(parents=True, exist_ok=True)
    if _MAIL.is_dir():
        bind_mount(mail, _MAIL.resolve())


def visit(pid: int, name: DomainName, resolvers: Sequence[Address], folder: Path, root: bytes) -> Path:
    """Make this process (of one thread) a visitor at host `name` of the lab, in the network in which process `pid`
    runs. For the rest see `dress`."""
    join(pid)
    unshare(NEW_NAME)
    return dress(name, resolvers, folder, root)


def dress(name: DomainName, resolvers: Sequence[Address], folder: Path, root: bytes) -> Path:
    """Have this process (with mounts and a host name of its own) take itself for host `name`, and trust the
    certificate `root`. The files that cover the machine's are written to `folder`; returned is the one with the
    certificates that count there."""
    papers = write_papers(name, resolvers, folder, Path("/etc"))
    socket.sethostname(name[:64])
    cover(papers, Path("/etc"))
    trusted = write_trust(root, folder)
    for bundle in filter(Path.exists, _BUNDLES):
        bind_mount(trusted, bundle.resolve())
    for daemon in _DAEMONS:
        if daemon.exists():
            bind_mount(Path("/dev/null"), daemon)
    return trusted


def write_trust(root: bytes, folder: Path, bundles: Sequence[Path] = _BUNDLES) -> Path:
    """A file with the certificates that the machine trusts, and the lab's."""
    machine = next((bundle.read_bytes() for bundle in bundles if bundle.exists()), b"")
    trusted = folder / "certificates.pem"
    folder.mkdir(parents=True, exist_ok=True)
    trusted.write_bytes(machine.rstrip(b"\n") + b"\n" + root)
    return trusted


def write_papers(name: DomainName, resolvers: Sequence[Address], folder: Path, etc: Path) -> Mapping[str, Path]:
    """The files of /etc that say where names come from, as the lab wants them."""
    switch = etc / "nsswitch.conf"
    texts = {
        "resolv.conf": "".join(f"nameserver {address}\n" for address in resolvers),
        "hosts": f"127.0.0.1\tlocalhost\n::1\tlocalhost\n# {name} asks its resolver for everything else\n",
        "nsswitch.conf": names_from_dns(switch.read_text() if switch.exists() else ""),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        (folder / file).write_text(text)
    return {file: folder / file for file in texts}


def names_from_dns(switch: str) -> str:
    """A name-service switch (nsswitch.conf(5)) that has hosts from files and the DNS, all else as it was."""
    others = [line for line in switch.splitlines() if not line.lstrip().startswith("hosts:")]
    return "\n".join([*others, "hosts: files dns", ""])


def cover(papers: Mapping[str, Path], etc: Path) -> None:
    """Put each paper over the file of its name; over the whole folder where one has no file to cover."""
    if all((etc / file).exists() for file in papers):
        for file, paper in papers.items():
            bind_mount(paper, (etc / file).resolve())
    else:
        overlay_mount(next(iter(papers.values())).parent, etc)
