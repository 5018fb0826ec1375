"""What is wrong with a mini-Internet, and can be seen without starting it.

The rule: an error is what the protocols forbid or what cannot work; a warning is what will surprise. Each says
what it is, where, which RFC says so, and has a code (`codes.py`) by which a file can keep it on purpose.
"""

from __future__ import annotations

from lab.names import DomainName
from lab.topology.draft import Draft
from lab.topology.lint_mail import MAIL_RULES
from lab.topology.lint_names import NAME_RULES
from lab.topology.lint_software import SOFTWARE_RULES
from lab.topology.lint_zone import lint_zone
from lab.topology.plan import ZonePlan
from lab.topology.settings import check_settings


def lint(draft: Draft, zones: dict[DomainName, ZonePlan]) -> None:
    """Add to the draft every problem of what it describes."""
    for rule in (*NAME_RULES, *MAIL_RULES, *SOFTWARE_RULES, check_settings):
        rule(draft)
    for zone in draft.zones.values():
        if zone.written.entries or zone.written.whole:
            lint_zone(draft, zone, zones[zone.origin].records)
