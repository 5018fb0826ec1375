"""The first stage of a base: packages laid out as they are."""

import io
import shutil
import subprocess
import tarfile

import pytest

from lab.fabric.docker.image import recipe
from lab.fabric.docker.image.bootstrap import epoch, first_stage

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="only where there is dpkg-deb")


@pytest.fixture
def deb(tmp_path):
    """Makes a package of these files, from the days of SOURCE_DATE_EPOCH."""

    def make(name, files, made):
        root = tmp_path / name
        (root / "DEBIAN").mkdir(parents=True)
        (root / "DEBIAN" / "control").write_text(
            f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n"
        )
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(content)
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-b", str(root), str(tmp_path / f"{name}.deb")],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SOURCE_DATE_EPOCH": str(made)},
            check=True,
            capture_output=True,
        )
        return tmp_path / f"{name}.deb"

    return make


def stage(first, rest=()):
    octets = io.BytesIO()
    first_stage(first, rest, octets)
    octets.seek(0)
    return tarfile.open(fileobj=octets)


def test_what_lies_in_bin_goes_below_usr(deb):
    tar = stage([deb("old", {"bin/sh": "#!", "lib/x.so": "ELF"}, 1)])
    assert tar.getmember("bin").linkname == "usr/bin"
    assert tar.extractfile("usr/bin/sh").read() == b"#!"
    assert tar.extractfile("usr/lib/x.so").read() == b"ELF"


def test_a_folder_of_two_packages_stands_once(deb):
    tar = stage([deb("one", {"usr/bin/a": "a"}, 1), deb("two", {"usr/bin/b": "b"}, 1)])
    assert tar.getnames().count("usr/bin") == 1


def test_pages_of_manuals_stay_out_and_licences_come(deb):
    names = stage(
        [
            deb(
                "one",
                {"usr/share/man/man1/a.1": "", "usr/share/doc/one/copyright": "", "usr/share/doc/one/x": ""},
                1,
            )
        ]
    ).getnames()
    assert "usr/share/doc/one/copyright" in names
    assert not [name for name in names if "/man1" in name or name.endswith("/x")]


def test_all_packages_lie_there_for_dpkg_with_its_rules(deb):
    tar = stage([deb("one", {}, 1)], [deb("two", {}, 1)])
    assert {"build/first/one.deb", "build/rest/two.deb", "build/script"} <= set(tar.getnames())
    assert b"path-exclude=/usr/share/man/*" in tar.extractfile(recipe.DPKG_PATH).read()
    assert tar.getmember(recipe.POLICY_PATH).mode == 0o755
    assert b"exit 101" in tar.extractfile(recipe.POLICY_PATH).read()


def test_a_base_is_as_old_as_its_youngest_package(deb):
    assert epoch([deb("one", {}, 1_600_000_000), deb("two", {}, 1_700_000_000)]) == 1_700_000_000
