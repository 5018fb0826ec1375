"""Trust by a host's own clock: a certificate is valid or not by the time that its host believes it is.

The rule: OpenSSL knows the machine's clock only, so it is told not to look at dates, and they are looked at here,
after its handshake (RFC 5280 §4.1.2.5).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import datetime

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL (x509_vfy.h), for which Python's ssl has no name."""


def by_clock(root: bytes, now: Callable[[], datetime]) -> ssl.SSLContext:
    """Trust in this root (PEM), with certificates' dates read against a host's own clock."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=root.decode())
    context.verify_flags |= _NO_CHECK_TIME
    context.sslobject_class = type("ByClock", (_Dated,), {"now": staticmethod(now)})
    return context


class _Dated(ssl.SSLObject):
    now: Callable[[], datetime]

    def do_handshake(self) -> None:
        super().do_handshake()
        dates = self.getpeercert() or {}
        moment = self.now().timestamp()
        for key, says, is_wrong in (
            ("notBefore", "is not yet valid", moment.__lt__),
            ("notAfter", "has expired", moment.__gt__),
        ):
            if is_wrong(float(ssl.cert_time_to_seconds(str(dates[key])))):
                raise ssl.SSLCertVerificationError(1, f"certificate verify failed: certificate {says}")
