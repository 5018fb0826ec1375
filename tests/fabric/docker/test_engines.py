"""One lab over two engines: two dockerd with a wire between them, and nothing else."""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import threading
from pathlib import Path

import docker

from lab.wire.pcapng import Block, blocks, read_interface
from tests.fabric.docker.labs import Bench
from tests.fabric.docker.pair import Machine, frames, listening, mortal, on_loopback

TWO_WIRES = str(Path(__file__).parent / "topologies" / "two-wires.yaml")
Pair = tuple[Machine, Machine]


def up(duo: Bench, machines: Pair, topology: str, *words: str) -> dict[str, str]:
    """Bring it up on both; host → engine."""
    places = ",".join(machine.place for machine in machines)
    duo.says("up", topology, "--fabric", "docker", "--engines", places, *words)
    return {row["name"]: row["engine"] for row in duo.tells("status")["hosts"]}


def left(machine: Machine) -> list[str]:
    """What anybody's lab has on an engine, and the swarm that it is in."""
    api = docker.APIClient(machine.url, version="auto")
    try:
        things = [str(box["Names"]) for box in api.containers(all=True) if box["State"] != "dead"]
        things += [net["Name"] for net in api.networks() if net["Name"] not in ("none", "host")]
        things += [volume["Name"] for volume in api.volumes()["Volumes"] or []]
        state = api.info()["Swarm"]["LocalNodeState"]
        return things + ([f"swarm {state}"] if state != "inactive" else [])
    finally:
        api.close()


def gone(machine: Machine) -> bool:
    pause = threading.Event()
    return any(not left(machine) or pause.wait(0.1) for _ in range(600))


def dials(duo: Bench, host: str, address: str) -> str:
    """Who says hello there, or why nobody does."""
    program = f"import socket as s; print(s.create_connection(({address!r}, 25), 10).recv(99).decode().split()[1])"
    done = duo.run("shell", host, "--", "python3", "-c", program)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def talked(file: Path) -> set[str]:
    """Whose packets a capture has, by the interfaces that they left from."""
    return {read_interface(body)[0] for kind, body in blocks(file.read_bytes()) if kind == Block.INTERFACE}


def test_exchangers_on_two_engines(duo: Bench, machines: Pair) -> None:
    """Every address, of any range and family, is reached across; nothing goes over the wire but in tunnels, and
    nothing anywhere else."""
    outside, wire = listening(), machines[0].listen()
    where = up(duo, machines, TWO_WIRES)
    assert where["mail.paper.test"] != where["relay.provider.test"]
    assert where["ns.paper.test"] == where["mail.paper.test"]
    assert f"mail.paper.test @{where['mail.paper.test']} " in duo.says("status")

    with duo.capturing(duo.home / "it.pcapng"):
        duo.says("fail", "mail.paper.test")
        sent = duo.tells("send", "--from", "ann@school.test", "--to", "ed@paper.test")
        assert sent["state"] == "held"
        duo.says("heal")
        duo.says("clock", "+1h")
    assert talked(duo.home / "it.pcapng") >= {"mail.paper.test", "relay.provider.test"}
    assert duo.tells("journey", sent["journey"])["state"] == "delivered"

    for address in ("10.77.5.25", "fd00:77::25"):
        assert dials(duo, "relay.provider.test", address) == "mail.paper.test"
    for address in ("172.20.9.25", "fd00:77::9"):
        assert dials(duo, "mail.paper.test", address) == "relay.provider.test"
    duo.says("fail", "mail.paper.test", "--as", "unreachable")
    assert "No route to host" in dials(duo, "relay.provider.test", "10.77.5.25")
    duo.says("heal")
    assert (
        duo.run("shell", "relay.provider.test", "--", "getent", "hosts", "lab.two-wires.student").returncode == 2
    )
    assert "default" not in duo.says("shell", "--", "ip", "route")

    duo.says("down")
    assert [left(machine) for machine in machines] == [[], []]
    assert_nothing_escaped(list(frames(outside)), list(frames(wire)))
    outside.close()
    wire.close()


def assert_nothing_escaped(outside: list[bytes], wire: list[bytes]) -> None:
    ours = [ipaddress.ip_network(text) for text in ("10.77.0.0/16", "172.20.9.0/24", "198.51.100.16/28")]
    ends = [ipaddress.ip_address(packet[at : at + 4]) for packet in outside for at in (12, 16)]
    assert not [end for end in ends if any(end in network for network in ours)]
    tunnelled = [packet for packet in wire if packet[9] == 17 and packet[22:24] == (4789).to_bytes(2)]
    assert tunnelled, "the two engines' hosts spoke with each other"
    on_wire = {packet[12:20] for packet in wire if packet[12:15] == b"\xc6\x33\x64"}
    assert all(pair[:3] == pair[4:7] for pair in on_wire)


def test_many_hosts_in_a_container_are_reached_across_engines(duo: Bench, machines: Pair) -> None:
    where = up(duo, machines, TWO_WIRES, "--per", "organisation")
    assert where["mail.paper.test"] != where["relay.provider.test"]
    assert dials(duo, "relay.provider.test", "10.77.5.25") == "mail.paper.test"
    sent = duo.tells("send", "--from", "luc@provider.test", "--to", "ed@paper.test")
    assert sent["state"] == "delivered"


def test_a_lab_that_is_killed_leaves_no_engine_in_its_swarm(duo: Bench, machines: Pair) -> None:
    up(duo, machines, "tiny")
    assert all("swarm active" in left(machine) for machine in machines)
    os.kill(json.loads((duo.home / "lab.json").read_text("utf-8"))["pid"], signal.SIGKILL)
    assert all(gone(machine) for machine in machines)


def test_the_user_s_own_swarm_is_used_and_stays(duo: Bench, machines: Pair) -> None:
    api = docker.APIClient(machines[0].url, version="auto")
    try:
        api.init_swarm(advertise_addr=machines[0].address)
        where = up(duo, machines, "tiny")
        assert len(set(where.values())) == 2
        assert duo.tells("send", "--from", "ann@example.be", "--to", "ed@example.ch")["state"] == "delivered"
        duo.says("down")
        assert [node["Spec"]["Role"] for node in api.nodes()] == ["manager"]
        assert sorted(left(machines[0])) == ["docker_gwbridge", "ingress", "swarm active"]
        assert left(machines[1]) == []
    finally:
        api.leave_swarm(force=True)
        api.remove_network("docker_gwbridge")
        api.close()


def test_engines_of_different_swarms_are_refused_and_left_alone(duo: Bench, machines: Pair) -> None:
    apis = [docker.APIClient(machine.url, version="auto") for machine in machines]
    try:
        for api, machine in zip(apis, machines, strict=True):
            api.init_swarm(advertise_addr=machine.address)
        places = ",".join(machine.place for machine in machines)
        told = duo.run("up", "tiny", "--fabric", "docker", "--engines", places)
        assert (told.returncode, "H052" in told.stderr, "different swarms" in told.stderr) == (4, True, True)
        for machine in machines:
            assert sorted(left(machine)) == ["docker_gwbridge", "ingress", "swarm active"]
    finally:
        for api in apis:
            api.leave_swarm(force=True)
            api.remove_network("docker_gwbridge")
            api.close()


def test_an_engine_that_is_lost_comes_back_with_its_hosts(machines: Pair, duo: Bench) -> None:
    """The others go on meanwhile; mail waits."""
    with mortal() as (one, other):
        where = up(duo, (one, other), "tiny")
        there = where["mail.example.be"]
        assert there != where["student"]
        duo.says("send", "--from", "ed@example.ch", "--to", "ann@example.be", "--subject", "kept")
        other.kill()
        states = {row["name"]: row["state"] for row in duo.tells("status")["hosts"]}
        assert all((state == "gone") == (where[name] == there) for name, state in states.items())
        told = duo.run("up")
        assert (told.returncode, "H040" in told.stderr) == (4, True)
        assert duo.tells("mailbox", "ed@example.ch")["messages"] == []
        other.start()
        assert "mail.example.be" in duo.run("up").stderr
        assert [one["subject"] for one in duo.tells("mailbox", "ann@example.be")["messages"]] == ["kept"]
        assert duo.tells("send", "--from", "ed@example.ch", "--to", "ann@example.be")["state"] == "delivered"
        duo.says("down")
        assert [left(machine) for machine in (one, other)] == [[], []]


def test_one_engine_named_twice_is_told(duo: Bench, machines: Pair) -> None:
    twice = f"{machines[0].url},{machines[0].place}"
    told = duo.run("up", "tiny", "--fabric", "docker", "--engines", twice)
    assert (told.returncode, "one and the same engine" in told.stderr) == (2, True)


def test_an_engine_that_is_not_there_is_told_before_anything_is_made(duo: Bench, machines: Pair) -> None:
    nowhere = f"unix://{machines[1].folder}/none"
    told = duo.run("up", "tiny", "--fabric", "docker", "--engines", f"{machines[0].place},{nowhere}")
    assert (told.returncode, "H040" in told.stderr, nowhere in told.stderr) == (4, True, True)
    assert left(machines[0]) == []


def test_an_engine_behind_an_open_port_has_a_lab_too(duo: Bench, machines: Pair) -> None:
    """One engine alone: a bridge, no swarm."""
    with on_loopback(machines[0].url) as url:
        duo.says("up", "tiny", "--fabric", "docker", "--engines", url)
        assert "swarm active" not in left(machines[0])
        assert not any("engine" in row for row in duo.tells("status")["hosts"])
        assert duo.tells("send", "--from", "ann@example.be", "--to", "ed@example.ch")["state"] == "delivered"
        duo.says("down")
        assert left(machines[0]) == []
