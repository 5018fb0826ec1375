"""An account's files, damaged at random: its folders open, every message they show can be read, new mail comes.

The octets are accidents to a Maildir with its journal: for each, five octets that say which file, where, what is
done there, and with what.
"""

from __future__ import annotations

from functools import cache

from lab.fabric.disk import MemoryDisk
from lab.mail.folders import Mode
from lab.mail.people import People
from lab.names import EmailAddress
from lab.topology.plan import MailboxPlan, MailPlan
from tests.fuzz.awaiting import awaited
from tests.fuzz.letters import LETTERS
from tests.fuzz.target import Choices, Target
from tests.mail.cabinet import ED, HI, ROOT, account

_PLAN = MailPlan((ED.domain,), (MailboxPlan(ED, "secret"),))
_WORDS = (
    b"+ 99 9 1 1 x\n",
    b"+ 1 2\n",
    b"= 1\n",
    b"+ 1 2 x y z\n",
    b"+ 7 7 99999999999999999999 1 far\n",
    b"+ 8 8 1 " + b"9" * 5_000 + b" a\n",
    b"+ " + b"9" * 5_000 + b" 1 1 1 b\n",
    b"- 1 9\n",
    b"\xff\xfe\n",
    b"+ 5 5 1 1 ../../../x\n",
    b"uidvalidity 0 uidnext 0 modseq 0 generation 0\n",
    b"\\Sent \xff\n",
    b"ed:secret:\xd9\xa2\xc2\xb2:x\n",
    b"x:\n",
    b"\xc2\xb2\n",
    b"= 2 1 \xff $\xff\n",
)


@cache
def _sound() -> dict[str, bytes]:
    disk = MemoryDisk()

    async def filled() -> None:
        ed = account(disk)
        for letter in LETTERS:
            await ed.inbox.append(letter)
        await ed.create("Archive/2026", "\\Archive")
        await ed.subscribe("Archive/2026", True)
        await ed.inbox.copy([1, 2], ed.open("Archive/2026"))
        await ed.inbox.store([1, 3], Mode.ADD, ("\\Seen", "$Work"))
        await ed.inbox.expunge([2])
        people = People(disk, _PLAN, ED.domain)
        await people.set_quota(ED, 100_000)
        await people.set_alias(EmailAddress(f"news@{ED.domain}"), (ED,))

    awaited(filled())
    return {path: disk.read(path) for path in disk._files}  # a disk has no list of all there is


def accidents(choices: Choices) -> bytes:
    return b"".join(bytes(choices.below(256) for _ in range(5)) for _ in range(1 + choices.below(6)))


def _befallen(files: dict[str, bytes], octets: bytes) -> None:
    for start in range(0, len(octets) - 4, 5):
        which, high, low, what, sign = octets[start : start + 5]
        name = sorted(files)[which % len(files)]
        content = files[name]
        at = (high << 8 | low) % (len(content) + 1)
        word = _WORDS[sign % len(_WORDS)]
        match what % 8:
            case 0:
                files[name] = content[:at] + bytes((sign,)) + content[at + 1 :]
            case 1:
                files[name] = content[:at]
            case 2:
                files[name] = content[:at] + content[at + sign :]
            case 3 | 4 | 5:
                begin = content.rfind(b"\n", 0, at) + 1
                files[name] = content[:begin] + word + content[begin:]
            case 6:
                folder = ("new", "cur", ".Odd.x/cur", ".&%")[high % 4]
                files[f"{ROOT}/{folder}/{sign}:2,é{chr(low) if low != 47 else 'S'}"] = word
            case 7 if len(files) > 1:
                del files[name]


def run(octets: bytes) -> None:
    files = dict(_sound())
    _befallen(files, octets)
    disk = MemoryDisk()
    for name, content in files.items():
        disk.write(name, content)
    awaited(_opened(disk))
    people = People(disk, _PLAN, ED.domain)
    assert people.postmaster in people.persons


async def _opened(disk: MemoryDisk) -> None:
    ed = account(disk)
    for listed in ed.list():
        if not listed.selectable:
            continue
        folder = ed.open(listed.name)
        folder.look()
        for entry in folder.entries():
            folder.octets(entry.uid)
    uid = await ed.inbox.append(HI)
    ed.inbox.index(uid)
    assert ed.inbox.octets(uid) == HI
    await ed.inbox.store([uid], Mode.ADD, ("\\Seen",))
    again = account(disk).inbox
    assert again.octets(uid) == HI, "a UID that was told means the same message after the next start"


TARGET = Target(run, accidents)
