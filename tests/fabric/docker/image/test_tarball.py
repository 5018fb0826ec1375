"""The same in, the same octets out; and nothing of the moment."""

import io
import tarfile

import pytest

from lab.fabric.docker.image.tarball import Digest, File, is_lasting, normalise, pack

EPOCH = 1_700_000_000
FILES = [File("opt/lab/b.py", b"b"), File("opt/lab/a/x.py", b"x", 0o755), File("opt/lab/a.py", b"")]


def packed(files, epoch=EPOCH):
    octets = io.BytesIO()
    pack(files, octets, epoch)
    return octets.getvalue()


def a_disk(times, extra=()):
    """A container's disk as an engine exports it."""
    octets = io.BytesIO()
    with tarfile.open(fileobj=octets, mode="w") as tar:
        for name, content in (("etc/passwd", b"root"), ("usr/bin/dig", b"ELF"), *extra):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.uname, entry.gid = len(content), times, "somebody", 42
            tar.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("usr/bin/nslookup")
        link.type, link.linkname = tarfile.LNKTYPE, "usr/bin/dig"
        tar.addfile(link)
    octets.seek(0)
    return octets


def settled(disk):
    octets = io.BytesIO()
    normalise(disk, octets, EPOCH)
    octets.seek(0)
    return octets.getvalue()


def names(octets):
    return tarfile.open(fileobj=io.BytesIO(octets)).getnames()


def test_files_come_out_the_same_in_any_order():
    assert packed(FILES) == packed(reversed(FILES))


def test_a_folder_stands_once_and_before_its_files():
    assert names(packed(FILES)) == [
        "opt",
        "opt/lab",
        "opt/lab/a.py",
        "opt/lab/a",
        "opt/lab/a/x.py",
        "opt/lab/b.py",
    ]


def test_everything_in_a_layer_of_files_is_roots_and_of_one_time():
    with tarfile.open(fileobj=io.BytesIO(packed(FILES))) as tar:
        assert {(entry.uid, entry.gid, entry.mtime) for entry in tar} == {(0, 0, EPOCH)}


def test_two_exports_of_one_system_are_one_layer():
    extra = [("var/log/dpkg.log", b"at noon"), ("etc/machine-id", b"1"), ("etc/passwd-", b"before")]
    assert settled(a_disk(EPOCH + 10)) == settled(a_disk(EPOCH + 99, extra))


def test_what_is_older_than_the_layer_keeps_its_time():
    with tarfile.open(fileobj=io.BytesIO(settled(a_disk(EPOCH - 5)))) as tar:
        assert tar.getmember("etc/passwd").mtime == EPOCH - 5


def test_owners_and_links_stay():
    with tarfile.open(fileobj=io.BytesIO(settled(a_disk(1)))) as tar:
        assert tar.getmember("etc/passwd").gid == 42
        assert tar.extractfile("usr/bin/nslookup").read() == b"ELF"


def test_a_file_capability_stays():
    entry = tarfile.TarInfo("usr/bin/ping")
    entry.pax_headers = {"SCHILY.xattr.security.capability": "cap", "mtime": "1.5"}
    octets = io.BytesIO()
    with tarfile.open(fileobj=octets, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(entry)
    octets.seek(0)
    with tarfile.open(fileobj=io.BytesIO(settled(octets))) as tar:
        assert tar.getmember("usr/bin/ping").pax_headers == {"SCHILY.xattr.security.capability": "cap"}


@pytest.mark.parametrize(
    "path",
    [
        ".dockerenv",
        "./etc/hostname",
        "etc/shadow-",
        "proc/1/environ",
        "tmp/x",
        "build/script",
        ".wh.build",
        "var/lib/dpkg/status-old",
        "var/cache/ldconfig/aux-cache",
        "var/cache/apt/pkgcache.bin",
    ],
)
def test_it_is_of_the_moment(path):
    assert not is_lasting(path)


@pytest.mark.parametrize(
    "path", ["etc/shadow", "proc", "tmp/", "usr/share/build/x", "var/lib/dpkg/status", "etc/hosts.allow"]
)
def test_it_is_of_the_system(path):
    assert is_lasting(path, folder=path.endswith("/") or "/" not in path)


def test_a_servers_folder_for_its_log_stays():
    assert is_lasting("var/log/exim4", folder=True)
    assert not is_lasting("var/log/exim4/mainlog")


def test_a_digest_counts_what_passes():
    digest = Digest(io.BytesIO())
    digest.write(b"abc")
    assert digest.octets == 3
    assert digest.diff_id == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
