"""An expectation that the world did not meet: what was expected, what came, and the journey.

The rule: it is an AssertionError, so that a scenario fails in pytest as it does in `lab run`.
"""

from __future__ import annotations


class Unmet(AssertionError):
    """`story`: what is known of how it came to be, such as a journey's screen."""

    def __init__(self, expected: str, came: str, story: str = "") -> None:
        self.expected = expected
        self.came = came
        self.story = story
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [f"expected  {self.expected}", f"came      {self.came}"]
        return "\n".join([*lines, *(["", self.story] if self.story else [])])
