"""The lab's certificate authority: the one door to `cryptography`.

The rule: made at first need. A lab without TLS makes no key; one with it makes two, the authority's and one that
all hosts share (0.1 s each; a certificate is then 1 ms, so 100,000 hosts could have theirs), for nobody in a lab
keeps secrets from the others. Keys are RSA and serial numbers come from the names, so that a handshake has as
many octets in every run, though its octets are the machine's chance.

Certificates (RFC 5280) hold from 2000 to 2100: a lab's clock is set where a lesson wants it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import ssl
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_FROM, _TO = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_PEM = serialization.Encoding.PEM


class CertificateAuthority:
    """Signs for the hosts of one lab, and for nobody else."""

    def __init__(self, lab: str) -> None:
        self._name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "mini-Internet lab"),
                x509.NameAttribute(NameOID.COMMON_NAME, f"Root of the lab, seed {lab}"[:64]),
            ]
        )

    @cached_property
    def root(self) -> bytes:
        """Its own certificate, in PEM: whoever trusts it trusts every host of the lab."""
        return self._root.public_bytes(_PEM)

    def server(self, names: Sequence[str]) -> ssl.SSLContext:
        """How a host answers to these names and addresses."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile(prefix="lab-") as file:
            file.write(self.papers(names))
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def papers(self, names: Sequence[str]) -> bytes:
        """What a host of these names needs to answer to them: key, certificate and root, in PEM."""
        return self._private + self.certificate(names) + self.root

    @cached_property
    def client(self) -> ssl.SSLContext:
        """Trust in the lab's root, and in no other. A name has to be the certificate's."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.root.decode())
        return context

    def certificate(self, names: Sequence[str]) -> bytes:
        """A server's certificate for these names and addresses, in PEM."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
        alternatives = x509.SubjectAlternativeName([_general(name) for name in names])
        builder = (
            self._builder(subject, self._host_key.public_key(), names[0])
            .add_extension(alternatives, critical=False)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(_PEM)

    @cached_property
    def _root(self) -> x509.Certificate:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        return (
            self._builder(self._name, self._key.public_key(), "")
            .add_extension(x509.BasicConstraints(True, 0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _builder(self, subject: x509.Name, key: rsa.RSAPublicKey, name: str) -> x509.CertificateBuilder:
        serial = int.from_bytes(b"\x40" + hashlib.sha256(name.encode()).digest()[:15])
        return x509.CertificateBuilder(self._name, subject, key, serial, _FROM, _TO)

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(65_537, 2_048)

    @cached_property
    def _host_key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(65_537, 2_048)

    @cached_property
    def _private(self) -> bytes:
        return self._host_key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
