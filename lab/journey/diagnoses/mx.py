"""Exchangers: why those that a domain names cannot be used, or lead in a circle.

The rule: what routing made of the MX answer (`ExchangersFound`) is the evidence. RFC 5321 §5.1, RFC 7505.
"""

from __future__ import annotations

from lab.journey.case import Case
from lab.journey.diagnoses.model import Diagnosis, Found


def _null(case: Case) -> Found | None:
    attempt = case.attempt
    if attempt is None or attempt.route is None or attempt.rule != "null-mx":
        return None
    return Found({}, (attempt.route,))


DIAGNOSES: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D201",
        "a null MX: the domain takes no mail",
        "{domain} says that it takes no mail: its only MX is '.'.",
        "a null MX means no mail, for good; nothing is tried",
        "RFC 7505 §3, §4.1",
        'Nothing is broken: ask for another address. To change it:  lab zone {domain} --remove "@ MX"',
        "A domain that only sends, or does nothing at all with mail, publishes one MX with preference 0 and "
        "the root as its host. Senders then tell the writer at once, in place of trying an address for days.",
        _null,
        ("lab dig {domain} MX",),
    ),
)
