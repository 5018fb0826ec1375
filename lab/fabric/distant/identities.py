"""Certificates that somebody else has signed: how the hosts of a node speak TLS.

The rule: the key of the lab's authority never leaves the lab; a node gets what its hosts show and whom they trust.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from lab.fabric.tls import learn_tls
from lab.names import DomainName

if TYPE_CHECKING:
    import ssl


class Identities:
    """Key, certificate and root of each host, in PEM, by its name."""

    def __init__(self, papers: Mapping[DomainName, bytes], root: bytes) -> None:
        self.root = root
        self._papers = papers

    def papers(self, names: Sequence[str]) -> bytes:
        return self._papers[DomainName(names[0])]

    def server(self, names: Sequence[str]) -> ssl.SSLContext:
        """As the host whose name is the first of these."""
        import ssl
        from tempfile import NamedTemporaryFile

        learn_tls()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with NamedTemporaryFile(prefix="lab-") as file:
            file.write(self.papers(names))
            file.flush()
            context.load_cert_chain(file.name)
        return context

    @cached_property
    def client(self) -> ssl.SSLContext:
        import ssl

        learn_tls()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.root.decode())
        return context
