"""A name in hand has the labels it was made of, however it came to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.names import ROOT, BadName, DomainName

LABELS = st.lists(
    st.binary(min_size=1, max_size=63) | st.text("ab09-_", min_size=1, max_size=63).map(str.encode), max_size=6
)


@given(LABELS)
def test_it_has_the_labels_it_was_made_of_in_small_letters(labels: list[bytes]) -> None:
    if sum(len(label) + 1 for label in labels) + 1 > 255:
        with pytest.raises(BadName, match="255 is the most"):
            DomainName.from_labels(labels)
        return
    name = DomainName.from_labels(iter(labels))
    assert name.labels == tuple(label.lower() for label in labels)
    assert DomainName.parse(name.fqdn) == name
    assert len(name.ancestors()) == len(labels) + 1


@pytest.mark.parametrize("labels", [[b""], [b"a", b"", b"b"], [b"a", b""], [b"a" * 64], [b"b", b"a" * 64]])
def test_a_label_has_an_octet_at_least_and_63_at_most(labels: list[bytes]) -> None:
    with pytest.raises(BadName):
        DomainName.from_labels(labels)


@pytest.mark.parametrize(("size", "fits"), [(60, True), (61, True), (62, False)])
def test_a_name_below_another_is_no_longer_than_a_name_may_be(size: int, fits: bool) -> None:
    above, below = DomainName.parse(f"{'x' * 63}.{'y' * 63}"), DomainName.parse(f"{'z' * 63}.{'w' * size}")
    if fits:
        assert below.below(above).labels == (*below.labels, *above.labels)
    else:
        with pytest.raises(BadName, match="255 is the most"):
            below.below(above)


def test_the_ancestors_of_a_name_end_at_the_root() -> None:
    name = DomainName.parse(".".join(["a"] * 127))
    assert (len(name.ancestors()), name.ancestors()[-1], ROOT.ancestors()) == (128, ROOT, (ROOT,))
    escaped = DomainName.from_labels([b"a.b", b"c"])
    assert escaped.ancestors() == (escaped, DomainName("c"), ROOT)
