"""What is asked for again is known again, and nothing else is kept."""

from __future__ import annotations

import pytest

from lab.recall import known_again


def test_what_is_asked_twice_is_known_and_what_is_asked_once_is_not_kept() -> None:
    worked: list[str] = []

    @known_again(most=10)
    def loud(word: str) -> str:
        worked.append(word)
        return word.upper()

    assert [loud(word) for word in ("a", "b", "a", "a", "a")] == ["A", "B", "A", "A", "A"]
    assert worked == ["a", "b", "a"]


def test_no_more_is_known_than_there_is_room_for() -> None:
    worked: list[int] = []

    @known_again(most=3)
    def double(number: int) -> int:
        worked.append(number)
        return 2 * number

    assert [double(number) for number in (*range(4), *range(4), 3)] == [0, 2, 4, 6, 0, 2, 4, 6, 6]
    assert worked == [*range(4), *range(4)]
    double(0)
    assert worked[-1] == 0, "the fourth that came twice began anew"


def test_what_fails_is_not_known() -> None:
    @known_again(most=3)
    def fail(word: str) -> str:
        raise ValueError(word)

    for _ in range(3):
        with pytest.raises(ValueError, match="a"):
            fail("a")
