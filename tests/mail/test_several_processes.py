"""Real processes on one mailbox: they append, flag and remove as fast as they can."""

import subprocess
import sys
from pathlib import Path

from lab.fabric.folder_disk import FolderDisk
from tests.mail.cabinet import account

ROOT = Path(__file__).parents[2]
EACH = 25
WORKER = """
import asyncio, sys
from pathlib import Path
from lab.fabric.folder_disk import FolderDisk
from lab.mail.folders import Mode
from tests.mail.cabinet import account

async def work(name, disk):
    inbox = account(disk).inbox
    for number in range({each}):
        uid = await inbox.append(f"{{name}} {{number}}\\r\\n".encode())
        await inbox.store([uid], Mode.ADD, [name])
        print(uid)
        inbox.look()
        if number % 5 == 4:
            await inbox.expunge([uid])

asyncio.run(work(sys.argv[1], FolderDisk(Path(sys.argv[2]))))
"""


def test_processes_lose_nothing_to_each_other(tmp_path: Path) -> None:
    words = [sys.executable, "-c", WORKER.format(each=EACH)]
    started = [
        subprocess.Popen([*words, name, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for name in ("a", "b", "c")
    ]
    uids = [[int(uid) for uid in process.communicate()[0].split()] for process in started]
    given = [uid for one in uids for uid in one]
    assert sorted(given) == list(range(1, 3 * EACH + 1))

    inbox = account(FolderDisk(tmp_path)).inbox
    removed = {uid for one in uids for uid in one[4::5]}
    assert [entry.uid for entry in inbox.entries()] == sorted(set(given) - removed)
    for name, own in zip("abc", uids, strict=True):
        for number, uid in enumerate(own):
            if uid not in removed:
                assert inbox.octets(uid) == f"{name} {number}\r\n".encode()
                assert next(entry.flags for entry in inbox.entries() if entry.uid == uid) == {name}
