"""How an image's workshop speaks of its engine."""

from __future__ import annotations

import docker

from lab.fabric.docker.image.workshop import whereabouts


def test_an_engine_is_named_by_its_socket() -> None:
    sockets = docker.APIClient("unix:///run/it.sock", version="1.41")
    assert whereabouts(sockets) == "unix:///run/it.sock"
    sockets.close()
    network = docker.APIClient("tcp://192.0.2.1:2375", version="1.41")
    assert whereabouts(network) == "http://192.0.2.1:2375"
    network.close()
