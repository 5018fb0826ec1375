"""Ten thousand inputs for each target, the same ones every time, and all that was ever found."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.target import named, names

FOUND = Path(__file__).parent / "found"
DRAWN = st.binary(min_size=128, max_size=128)
"""Of one size, which is drawn twice as fast; zeroes decide nothing, so that what is found shrinks all the same."""
EXAMPLES = 10_000


@pytest.mark.parametrize("name", names())
def test_no_octets_hurt(name: str) -> None:
    target = named(name)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(DRAWN)
    def tried(drawn: bytes) -> None:
        target.run(target.made(drawn))

    tried()


@pytest.mark.parametrize("name", names())
def test_seeds_do_no_harm(name: str) -> None:
    target = named(name)
    for seed in (b"", *target.seeds):
        target.run(seed)


@pytest.mark.parametrize("found", sorted(FOUND.glob("*/*")), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_once_does_no_harm_any_more(found: Path) -> None:
    named(found.parent.name).run(found.read_bytes())
