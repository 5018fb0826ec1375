"""Which images stay, and which go. The engine is one that only keeps a list."""

from datetime import UTC, datetime, timedelta

import pytest
from docker.errors import APIError, ImageNotFound

from lab.fabric.docker.image.collection import images, listed, remove_all, sweep
from lab.fabric.docker.image.recipe import LABEL, SOURCE_OF_BASE, STAMP, VARIANT
from lab.fabric.docker.image.stamps import stamps
from lab.fabric.docker.image.variants import named


class Engine:
    """Its images by their ids; those in `used` have a container."""

    def __init__(self, *images, used=(), minutes=60):
        self.images_ = {image["Id"]: image for image in images}
        self.used = used
        self.at = datetime.now(UTC) - timedelta(minutes=minutes)

    def version(self):
        return {"Arch": "amd64"}

    def images(self, filters):
        return list(self.images_.values())

    def inspect_image(self, name):
        return {"Metadata": {"LastTagTime": self.at.isoformat()[:19] + ".123456789Z"}}

    def remove_image(self, name):
        found = next((i for i, image in self.images_.items() if name in (i, *(image["RepoTags"] or ()))), None)
        if found is None:
            raise ImageNotFound(name)
        if found in self.used:
            raise APIError("conflict", explanation="a container uses it")
        del self.images_[found]


def image(name, variant="host", tagged=True, **changed):
    labels = {
        LABEL: "image",
        VARIANT: variant,
        SOURCE_OF_BASE: "packages",
        STAMP: stamps(named(variant), "packages", "amd64").image,
        **changed,
    }
    return {"Id": name, "RepoTags": [f"{LABEL}:{variant}"] if tagged else None, "Labels": labels, "Size": 1}


STALE = {STAMP: "of yesterday"}


def left(engine, keep=""):
    sweep(engine, keep)
    return set(engine.images_)


def test_what_is_up_to_date_stays():
    assert left(Engine(image("a"), image("b", "postfix"))) == {"a", "b"}


def test_what_is_stale_goes_of_whatever_variant():
    assert left(Engine(image("a"), image("b", "postfix", **STALE), image("c", tagged=False, **STALE))) == {"a"}


def test_what_an_equal_one_has_replaced_goes():
    assert left(Engine(image("new"), image("old", tagged=False))) == {"new"}


def test_what_is_up_to_date_stays_though_a_stale_one_has_its_name():
    """Two checkouts of the lab on one engine."""
    assert left(Engine(image("theirs", **STALE), image("ours", tagged=False))) == {"ours"}


def test_what_was_just_built_stays():
    assert left(Engine(image("a", **STALE)), keep="a") == {"a"}


def test_what_was_named_within_minutes_stays():
    """A lab may be about to start from it."""
    assert left(Engine(image("a", **STALE), minutes=2)) == {"a"}


def test_what_has_never_had_a_name_stays():
    """An engine that loads an image names it last."""
    engine = Engine(image("a", tagged=False, **STALE))
    engine.at = datetime(1, 1, 1)
    assert left(engine) == {"a"}


def test_what_a_killed_build_left_goes():
    half_done = {"Id": "a", "RepoTags": [f"{LABEL}:build-1"], "Labels": {LABEL: "build"}, "Size": 1}
    assert left(Engine(half_done)) == set()


def test_what_a_container_runs_from_stays():
    assert left(Engine(image("a", **STALE), used={"a"})) == {"a"}


def test_a_variant_that_is_not_known_any_more_goes():
    assert left(Engine({**image("a"), "Labels": {LABEL: "image", VARIANT: "sendmail", STAMP: "x"}})) == set()


@pytest.mark.parametrize("tagged", [True, False])
def test_a_base_stays_while_it_has_its_name(tagged):
    base = {"Id": "a", "RepoTags": [f"{LABEL}:base"] if tagged else [], "Labels": {LABEL: "base"}, "Size": 1}
    assert left(Engine(base)) == ({"a"} if tagged else set())


def test_named_images_come_first():
    engine = Engine(image("old", tagged=False), image("new"))
    assert [each["Id"] for each in images(engine)] == ["new", "old"]


def test_all_go_but_those_in_use_which_are_named():
    engine = Engine(image("a"), image("b", "postfix"), used={"b"})
    assert {kept.id: why for kept, why in remove_all(engine)} == {"a": "", "b": "a container uses it"}
    assert [kept.id for kept in listed(engine)] == ["b"]
