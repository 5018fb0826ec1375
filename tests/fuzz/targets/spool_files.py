"""The queue's journal, damaged at random: recovery never raises, and a message it gives is whole or not there.

The octets are accidents to a spool that held a dozen messages in several segments: for each, four octets that say
which segment, where, and what is done there, and one that is put there.
"""

from __future__ import annotations

from functools import cache

from lab.fabric.disk import MemoryDisk
from lab.mail import spool as module
from lab.mail.spool import Spool, Transaction
from tests.fuzz.awaiting import awaited
from tests.fuzz.target import Choices, Target
from tests.mail.test_spool import PlainDisk, message

_MESSAGES = {
    f"q{number}": message(f"q{number}", 1 + number % 3, float(number), 40 + 13 * number) for number in range(12)
}


@cache
def _sound() -> dict[str, bytes]:
    """The files of a spool in which four of the messages have come to their end."""
    disk = PlainDisk()

    async def written() -> None:
        spool = Spool(disk)  # type: ignore[arg-type]
        for name in tuple(_MESSAGES):
            await spool.commit(Transaction([_MESSAGES[name]]))
        await spool.commit(Transaction(ends=[("q1", (0, 1)), ("q3", (0,)), ("q0", (0,))], warns=["q2"]))

    before, module.SEGMENT = module.SEGMENT, 1_000
    try:
        awaited(written())
    finally:
        module.SEGMENT = before
    return {path: bytes(octets) for path, octets in disk.files.items()}


def accidents(choices: Choices) -> bytes:
    return b"".join(bytes(choices.below(256) for _ in range(5)) for _ in range(1 + choices.below(6)))


_ENOUGH = 100_000
"""Octets of a file beyond which it is not doubled once more: fifty times are a petabyte, and no accident."""


def _befallen(files: dict[str, bytes], octets: bytes) -> None:
    names = sorted(files)
    for start in range(0, len(octets) - 4, 5):
        which, high, low, what, sign = octets[start : start + 5]
        name = names[which % len(names)]
        content = files[name]
        at = (high << 8 | low) % (len(content) + 1)
        match what % 6:
            case 0:
                files[name] = content[:at] + bytes((sign,)) + content[at + 1 :]
            case 1:
                files[name] = content[:at]
            case 2:
                files[name] = content[:at] + content[at + sign :]
            case 3:
                files[name] = content[:at] + bytes((sign,)) * 3 + content[at:]
            case 4 if len(content) < _ENOUGH:
                files[name] = content + content[at:]
            case 5:
                files[f"spool/{'²3x'[sign % 3]}{sign}.log"] = content[at:]


def run(octets: bytes) -> None:
    files = dict(_sound())
    _befallen(files, octets)
    disk = MemoryDisk()
    for name, content in files.items():
        disk.write(name, content)
    spool = Spool(disk)
    for stored in spool.recover():
        whole, text = _MESSAGES[stored.id]
        assert spool.octets(stored.id) == text, "a torn message, given as a whole one"
        assert (stored.envelope, stored.size) == (whole.envelope, len(text))
    awaited(_goes_on(spool, disk))


async def _goes_on(spool: Spool, disk: MemoryDisk) -> None:
    """A message that comes after that is there after the next start."""
    fresh = message("fresh", 1, 99.0)
    await spool.commit(Transaction([fresh]))
    again = Spool(disk)
    assert "fresh" in {stored.id for stored in again.recover()}
    assert again.octets("fresh") == fresh[1]


TARGET = Target(run, accidents)
