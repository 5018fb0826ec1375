"""A lab's certificate authority, and whom it makes others believe."""

import asyncio
import ssl

import pytest
from cryptography import x509

from lab.fabric.certificates import CertificateAuthority
from tests.fabric.parity import BOB, Net, case


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write((await reader.readline()).upper())
    writer.close()


@case
async def test_a_host_proves_its_name_to_who_trusts_the_lab(net: Net) -> None:
    bob, ann = net.host("bob"), net.host("ann")

    async def ask(name: str) -> bytes:
        reader, writer = await asyncio.open_connection(BOB, 993, ssl=ann.trust, server_hostname=name)
        writer.write(b"hello\n")
        reply = await reader.readline()
        writer.close()
        return reply

    await net.on("bob", asyncio.start_server(shout, port=993, ssl=bob.identity))
    assert await net.on("ann", ask("bob.test")) == b"HELLO\n"
    assert await net.on("ann", ask(BOB)) == b"HELLO\n"
    with pytest.raises(ssl.SSLCertVerificationError, match=r"bank\.test"):
        await net.on("ann", ask("bank.test"))


def test_certificates_of_a_name_have_one_length_in_every_lab() -> None:
    names = ("mail.belgiannews.com", "198.18.2.25", "2001:db8::25")
    one, other = CertificateAuthority("1"), CertificateAuthority("1")
    assert one.certificate(names) != other.certificate(names)
    assert len(one.certificate(names)) == len(other.certificate(names))
    assert len(one.root) == len(other.root)


def test_a_certificate_holds_whatever_the_lab_s_clock_says() -> None:
    certificate = x509.load_pem_x509_certificate(CertificateAuthority("1").certificate(("a.test",)))
    assert (certificate.not_valid_before_utc.year, certificate.not_valid_after_utc.year) == (2000, 2100)
