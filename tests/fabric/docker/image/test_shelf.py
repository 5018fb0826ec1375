"""A layer is on the shelf whole or not at all."""

import errno
import multiprocessing

import pytest

from lab.errors import MachineSaidNo
from lab.fabric.docker.image.shelf import Shelf


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path)


def fill(sink):
    sink.write(b"a layer")
    return 7, "a note"


def never(sink):
    raise AssertionError("it was there")


def test_what_was_made_is_found(shelf):
    layer = shelf.make("base", "1", fill)
    assert shelf.make("base", "1", never) == shelf.find("base", "1") == layer
    assert shelf.path(layer).read_bytes() == b"a layer"
    assert (layer.epoch, layer.note, layer.octets) == (7, "a note", 7)


def test_another_stamp_is_another_layer_and_the_old_one_goes(shelf):
    old = shelf.make("base", "1", fill)
    shelf.make("base", "2", fill)
    assert shelf.find("base", "1") is None
    assert not shelf.path(old).exists()


def test_layers_of_other_purposes_stay(shelf):
    shelf.make("lab", "1", fill)
    shelf.make("base", "1", fill)
    assert shelf.find("lab", "1")


@pytest.mark.parametrize("ends", [KeyboardInterrupt, RuntimeError, OSError(errno.ENOSPC, "full")])
def test_a_build_that_is_cut_short_leaves_nothing(shelf, ends):
    def cut(sink):
        sink.write(b"half a")
        raise ends

    with pytest.raises(BaseException, match=r".*"):
        shelf.make("base", "1", cut)
    assert shelf.find("base", "1") is None
    assert list(shelf.folder.iterdir()) == []


def test_a_layer_that_lost_octets_is_none(shelf):
    layer = shelf.make("base", "1", fill)
    shelf.path(layer).write_bytes(b"a lay")
    assert shelf.find("base", "1") is None
    assert shelf.make("base", "1", fill) == layer


def test_a_full_disk_is_told(shelf):
    def full(sink):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(MachineSaidNo, match="no space is left") as told:
        shelf.make("base", "1", full)
    assert told.value.code == "H038"


def test_a_folder_that_cannot_be_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineSaidNo, match="not a directory"), Shelf(tmp_path / "file" / "x").held(lambda: None):
        raise AssertionError("it cannot be held")


def _hold(folder, holding, let_go):
    with Shelf(folder).held(lambda: None):
        holding.set()
        let_go.wait(30)


def test_one_build_waits_for_another(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    holding, let_go = spawn.Event(), spawn.Event()
    other = spawn.Process(target=_hold, args=(tmp_path, holding, let_go))
    other.start()
    assert holding.wait(30)
    told = []

    def waits():
        told.append("waits")
        let_go.set()

    with Shelf(tmp_path).held(waits):
        assert told == ["waits"]
    other.join(30)
    assert other.exitcode == 0
