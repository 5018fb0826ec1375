"""When an image is up to date."""

import re
from dataclasses import replace
from importlib.metadata import distribution

import pytest

from lab.fabric.docker.image import contents, stamps
from lab.fabric.docker.image.base import PACKAGES, REGISTRY
from lab.fabric.docker.image.recipe import LAYERS, SOURCE_OF_BASE, STAMP, VARIANT
from lab.fabric.docker.image.tarball import File
from lab.fabric.docker.image.variants import HOST, named


def now(variant=HOST, source=PACKAGES, architecture="amd64"):
    return stamps.stamps(variant, source, architecture)


def test_nothing_changed_is_the_same_stamp():
    assert now() == now()


def test_a_change_of_the_labs_code_changes_its_own_layer_alone(monkeypatch):
    before = now()
    files = contents.source()
    changed = [replace(files[0], octets=files[0].octets + b"\n"), *files[1:]]
    monkeypatch.setattr(contents, "source", lambda: changed)
    after = now()
    assert after.image != before.image
    assert replace(after, lab=before.lab) == before
    assert stamps.is_current_below({LAYERS: before.label}, after)


def test_a_module_that_moved_is_a_change(monkeypatch):
    before = now()
    files = contents.source()
    monkeypatch.setattr(
        contents, "source", lambda: [replace(files[0], path="opt/lab/source/lab/x.py"), *files[1:]]
    )
    assert now().lab != before.lab


def test_a_library_of_another_version_changes_two_layers(monkeypatch):
    before = now()
    monkeypatch.setattr(contents, "libraries", lambda: [File("opt/lab/libraries/dnslib/__init__.py", b"newer")])
    assert now().libraries != before.libraries
    assert not stamps.is_current_below({LAYERS: before.label}, now())


@pytest.mark.parametrize(
    "other",
    [now(architecture="arm64"), now(source=REGISTRY), now(source="mirror.example/python:3-slim")],
    ids=lambda each: each.source,
)
def test_another_base_is_another_image_from_the_ground(other):
    assert other.base != now().base
    assert other.lab != now().lab


def test_variants_share_all_layers_but_their_own():
    mail = now(named("postfix"))
    assert mail.software != now(named("exim")).software
    assert replace(mail, software="") == now()


def bears(variant, **changed):
    wanted = now(variant)
    labels = {VARIANT: variant.name, STAMP: wanted.image, LAYERS: wanted.label, SOURCE_OF_BASE: PACKAGES}
    return {**labels, **changed}


def test_an_image_of_what_would_be_built_now_is_current():
    assert stamps.is_current(bears(named("postfix+dovecot")), "amd64")


@pytest.mark.parametrize("changed", [{STAMP: "older"}, {VARIANT: "exim"}, {VARIANT: "sendmail"}, {VARIANT: ""}])
def test_any_other_is_not(changed):
    assert not stamps.is_current(bears(named("postfix"), **changed), "amd64")


def test_an_image_of_somebody_elses_is_not():
    assert not stamps.is_current({}, "amd64")


def test_what_only_people_at_the_terminal_use_stays_out():
    paths = {file.path for file in contents.source()}
    assert "opt/lab/source/lab/mail/host.py" in paths
    assert not [path for path in paths if "/lab/cli/" in path or not path.endswith(".py")]


def test_libraries_come_without_their_tests_and_with_their_licences():
    paths = {file.path for file in contents.libraries()}
    assert {"opt/lab/libraries/dnslib/dns.py", "opt/lab/libraries/public/__init__.py"} <= paths
    assert not [path for path in paths if "/tests/" in path or path.endswith((".so", ".pyc"))]
    assert any("LICENSE" in path for path in paths)


def test_a_node_has_everything_that_its_libraries_require():
    required = {
        re.split(r"[^\w.-]", line)[0].lower()
        for name in contents.NEEDED
        for line in distribution(name).requires or ()
        if "extra ==" not in line and 'python_version < "3.8"' not in line
    }
    assert required <= set(contents.NEEDED)
