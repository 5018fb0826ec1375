"""Names: why the exchangers of a domain could not be found.

The rule: the search for the recipient's domain, as the sending host's resolver made it, is the evidence.
RFC 1034 §4.3.1 (answers), RFC 2308 (no such name, no such record), RFC 5321 §5.1 (what a sender makes of them).
"""

from __future__ import annotations

from lab.events import NameResolved
from lab.journey.case import Case
from lab.journey.diagnoses.model import Diagnosis, Found
from lab.log import Entry


def lookup(case: Case) -> tuple[Entry, NameResolved] | None:
    """The question for the domain's MX in the deciding try."""
    entries = case.attempt.lookups("MX") if case.attempt else []
    if not entries:
        return None
    event = entries[-1].event
    assert isinstance(event, NameResolved)
    return entries[-1], event


def _nxdomain(case: Case) -> Found | None:
    found = lookup(case)
    if found is None or found[1].rcode != "NXDOMAIN":
        return None
    return Found({}, (found[0],))


DIAGNOSES: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D101",
        "the domain does not exist",
        "There is no domain {domain}: the DNS answers NXDOMAIN.",
        "NXDOMAIN is for good: the name does not exist, so no host can ever take mail for it",
        "RFC 5321 §5.1, RFC 2308 §2.1",
        "Write the address as it really is, and send it again.",
        "NXDOMAIN says that neither the name nor anything below it exists. That is an answer, not a failure: "
        "asking again would bring the same, and so the sender is told at once. Most are misspelt. NODATA is "
        "different: the name exists, only not with this type of record.",
        _nxdomain,
        ("lab dig {domain} MX --trace",),
    ),
)
