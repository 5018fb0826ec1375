"""The power goes in the middle of anything: what was answered is there, what was told is true for ever."""

import asyncio
from collections.abc import Iterable
from random import Random
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from lab.fabric.disk import Disk, MemoryDisk
from lab.mail.folders import FLAGGED, SEEN, Mode
from tests.mail.cabinet import account

FOLDERS = ("INBOX", "Archive")


class PowerCut(Exception):
    pass


class Unplugged:
    """A disk whose power goes at its n-th sync, before anything of it is done."""

    def __init__(self, disk: MemoryDisk, syncs: int) -> None:
        self._disk, self._left = disk, syncs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._disk, name)

    async def sync(self, *paths: str, names: Iterable[str] = (), contents: Iterable[str] = ()) -> None:
        if self._left == 0:
            raise PowerCut
        self._left -= 1
        await self._disk.sync(*paths, names=names, contents=contents)


class Story:
    """What a client was told, and what it may rely on: by folder, uid → text, and what of it is certain."""

    def __init__(self, seed: int) -> None:
        self.disk = MemoryDisk()
        self.chance = Random(seed)
        self.told: dict[str, dict[int, bytes]] = {name: {} for name in FOLDERS}
        self.held: dict[str, dict[int, bytes]] = {name: {} for name in FOLDERS}
        self.flagged: dict[tuple[str, int], frozenset[str]] = {}
        self.texts = 0
        self.kept: dict[bytes, None] = {}
        """Texts that are to be somewhere."""
        self.removed: dict[bytes, None] = {}
        """Texts that are to be nowhere."""

    async def play(self, lives: int) -> None:
        await account(self.disk).create("Archive")
        for _ in range(lives):
            await self.live()
            self.disk.power_cut(self.chance)
            self.check()

    async def live(self) -> None:
        """One life of the host: some commands, the power goes in the last of them or after it."""
        disk = cast(Disk, Unplugged(self.disk, self.chance.randint(0, 12)))
        try:
            for _ in range(self.chance.randint(1, 6)):
                await self.chance.choice([self.append, self.move, self.expunge, self.flag])(disk)
        except PowerCut:
            pass

    async def append(self, disk: Disk) -> None:
        name = self.chance.choice(FOLDERS)
        self.texts += 1
        text = b"%d\r\n" % self.texts
        folder = account(disk).open(name)
        uid = await folder.append(text)
        self.hear(name, uid, text)
        self.kept[text] = None

    async def move(self, disk: Disk) -> None:
        box, (here, there) = account(disk), self.chance.sample(FOLDERS, 2)
        uids = [uid for uid in self.held[here] if self.chance.random() < 0.5]
        moving = {uid: self.held[here].pop(uid) for uid in uids}
        for uid, arrived in (await box.open(here).move(uids, box.open(there))).items():
            self.hear(there, arrived, moving[uid])

    async def expunge(self, disk: Disk) -> None:
        name = self.chance.choice(FOLDERS)
        uids = [uid for uid in self.held[name] if self.chance.random() < 0.5]
        gone = dict.fromkeys(self.held[name].pop(uid) for uid in uids)
        for text in gone:
            self.kept.pop(text, None)
        await account(disk).open(name).expunge(uids)
        self.removed |= gone

    async def flag(self, disk: Disk) -> None:
        name = self.chance.choice(FOLDERS)
        flags = self.chance.choice([(SEEN,), (FLAGGED, "Work"), ()])
        uids = list(self.held[name])
        for uid in uids:
            self.flagged.pop((name, uid), None)
        await account(disk).open(name).store(uids, Mode.REPLACE, flags)
        self.flagged |= {(name, uid): frozenset(flags) for uid in uids}

    def hear(self, name: str, uid: int, text: bytes) -> None:
        assert self.told[name].setdefault(uid, text) == text, "a UID was given twice"
        self.held[name][uid] = text

    def texts_in(self, name: str) -> list[bytes]:
        folder = account(self.disk).open(name)
        return [folder.octets(entry.uid) for entry in folder.entries()]

    def check(self) -> None:
        """What a client that connects now finds, against all it ever heard."""
        box = account(self.disk)
        for name in FOLDERS:
            folder = box.open(name)
            found = {entry.uid: entry for entry in folder.entries()}
            for uid, text in self.held[name].items():
                assert folder.octets(uid) == text
            for uid in found:
                assert self.told[name].setdefault(uid, folder.octets(uid)) == folder.octets(uid)
            for uid, flags in ((uid, flags) for (where, uid), flags in self.flagged.items() if where == name):
                assert uid not in self.held[name] or found[uid].flags == flags
            self.held[name] = {uid: folder.octets(uid) for uid in found}
        everywhere = [text for name in FOLDERS for text in self.texts_in(name)]
        assert len(everywhere) == len(set(everywhere)), "a message is in two places"
        assert set(self.kept) <= set(everywhere), "a message is lost"
        assert not set(self.removed) & set(everywhere), "a message came back"


@given(st.integers(0, 2**32), st.integers(1, 5))
def test_what_was_answered_survives_and_no_uid_ever_means_another_message(seed: int, lives: int) -> None:
    asyncio.run(Story(seed).play(lives))


@given(st.integers(0, 2**32))
def test_folders_that_were_answered_for_are_there_with_uidvalidities_of_their_own(seed: int) -> None:
    chance, disk = Random(seed), MemoryDisk()
    given_out: list[int] = []

    async def life() -> None:
        box = account(cast(Disk, Unplugged(disk, chance.randint(0, 9))))
        try:
            await box.create("Work")
            given_out.append(box.open("Work").uidvalidity)
            await box.subscribe("Work", True)
            await box.delete("Work")
        except PowerCut:
            return

    for _ in range(4):
        asyncio.run(life())
        disk.power_cut(chance)
        box = account(disk)
        if any(one.name == "Work" for one in box.list()):
            asyncio.run(box.delete("Work"))
    assert len(given_out) == len(set(given_out))
