"""Bounces: what became of telling the sender.

The rule: a bounce has the null return path, and nobody bounces a bounce (RFC 5321 §4.5.5, §6.1).
"""

from __future__ import annotations

from lab.journey.diagnoses.model import Diagnosis

DIAGNOSES: tuple[Diagnosis, ...] = ()
