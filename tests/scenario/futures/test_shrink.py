"""Delta debugging: what is left fails, and nothing of it can be left out."""

from hypothesis import given
from hypothesis import strategies as st

from lab.scenario.futures.acts import Advance, Send
from lab.scenario.futures.shrink import fewest, plainer, shrink


@given(st.sets(st.integers(0, 60), min_size=1, max_size=5), st.integers(61, 90))
def test_just_what_is_needed_is_left(needed: set[int], size: int) -> None:
    left = fewest(range(size), lambda some: needed <= set(some))
    assert set(left) == needed


def test_an_act_becomes_as_plain_as_it_can_be() -> None:
    acts = (Send("a@b.be", ("c@d.be", "e@d.be"), "m1", 3000), Advance(1234.567))
    left = plainer(acts, lambda some: any(isinstance(act, Advance) and act.seconds >= 5 for act in some))
    assert left[1] == Advance(60.0)


def test_patience_ends() -> None:
    plays = 0

    def fails(acts: tuple[object, ...]) -> bool:
        nonlocal plays
        plays += 1
        return len(acts) > 150

    acts = tuple(Advance(float(number)) for number in range(1, 200))
    left = shrink(acts, fails, patience=10)
    assert plays == 10
    assert len(left) > 150
