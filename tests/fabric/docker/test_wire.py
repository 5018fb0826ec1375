"""The two streams of a container, told apart however they come."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from lab.fabric.docker.wire import Streams

pieces = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=12)


@given(pieces, st.lists(st.integers(1, 7), min_size=1))
def test_each_stream_has_its_octets_in_order(said: list[tuple[int, bytes]], cuts: list[int]) -> None:
    octets = b"".join(struct.pack(">BxxxI", number, len(text)) + text for number, text in said)
    heard: dict[int, bytes] = {1: b"", 2: b""}
    streams = Streams(
        lambda text: heard.update({1: heard[1] + text}), lambda text: heard.update({2: heard[2] + text})
    )
    start, turn = 0, 0
    while start < len(octets):
        size = cuts[turn % len(cuts)]
        streams.feed(octets[start : start + size])
        start, turn = start + size, turn + 1
    assert heard == {n: b"".join(text for number, text in said if number == n) for n in (1, 2)}
