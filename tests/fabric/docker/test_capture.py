"""Every packet of a lab in containers, and what Wireshark's own reader says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab.wire.pcapng import Block, Captured, blocks, read_packet
from tests import tshark
from tests.fabric.docker.labs import OWN, Bench

SEND = ("send", "--from", "ed@there.test", "--to", "ann@here.test", "--subject", "seen")
GUEST_AND_POSTFIX = OWN.replace("hosts:\n", "hosts:\n      mail.here.test: {software: postfix}\n")


def packets(file: Path) -> list[Captured]:
    return [read_packet(body) for kind, body in blocks(file.read_bytes()) if kind == Block.PACKET]


def comments(file: Path) -> set[str]:
    return {packet.comment for packet in packets(file)}


def lookouts(api: Any) -> list[Any]:
    return [box for box in api.containers(all=True) if "lab.fabric.docker.lookout" in box["Command"]]


@tshark.needs_tshark
def test_ours_theirs_and_one_s_own_are_seen(bench: Bench, tmp_path: Path, api: Any) -> None:
    """The lab's programs, Postfix and a guest of the user's; a host that comes back; time that runs ahead."""
    (bench.home / "seen.yaml").write_text(GUEST_AND_POSTFIX)
    bench.says("up", str(bench.home / "seen.yaml"), "--fabric", "docker")
    file = tmp_path / "it.pcapng"
    with bench.capturing(file):
        sent = bench.tells(*SEND)
        bench.says("fail", "mine.here.test")
        bench.says("heal")
        bench.says(*SEND)
        assert len(lookouts(api)) >= len(bench.tells("status")["hosts"])
    said = comments(file)
    assert f"{sent['journey']} · mail.there.test asks for MX here.test" in said
    assert any("mail.there.test connects to mine.here.test, port 25" in text for text in said)
    assert any(" · mail.here.test takes it: 250 2.0.0" in text for text in said)
    assert tshark.read(file, "frame.number", "_ws.col.Info", only=tshark.FLAWS) == []
    assert tshark.read(file, "frame.number", "_ws.col.Info", only="tcp.analysis.ack_lost_segment") == []
    hellos = tshark.read(file, "frame.interface_name", only="smtp.response.code == 421")
    assert hellos == [("mine.here.test",)] * 2
    names = {name for (name,) in tshark.read(file, "frame.interface_name")}
    assert names >= {"mail.there.test", "mail.here.test", "mine.here.test", "resolver", "ns.here.test"}


@tshark.needs_tshark
def test_time_that_runs_ahead_puts_no_packet_in_another_hour(bench: Bench, tmp_path: Path) -> None:
    """Hosts that share a container, whose packets never leave it; `--host` for one of them."""
    bench.says("up", "tiny", "--fabric", "docker", "--pack")
    file, own = tmp_path / "it.pcapng", tmp_path / "own.pcapng"
    send = ("send", "--from", "ann@example.be", "--to", "ed@example.ch")
    with bench.capturing(file), bench.capturing(own, "--host", "mail.example.ch"):
        bench.says("fail", "mail.example.ch", "--reply", "451", "--at", "rcpt")
        sent = bench.tells(*send)
        bench.says("heal")
        bench.says("clock", "+1h")
    assert tshark.read(file, "frame.number", "_ws.col.Info", only=tshark.FLAWS) == []
    assert tshark.read(file, "frame.number", "_ws.col.Info", only=tshark.TROUBLE) == []
    only = "smtp.response.code in {451, 354}"
    refused, taken = tshark.read(file, "frame.time_epoch", "frame.comment", only=only)
    assert 250 < float(taken[0]) - float(refused[0]) < 400
    assert all(row[1].startswith(sent["journey"]) for row in (refused, taken))
    assert {name for (name,) in tshark.read(own, "frame.interface_name")} == {"mail.example.ch"}


def test_a_lab_that_goes_down_hands_over_what_was_seen(bench: Bench, tmp_path: Path, api: Any) -> None:
    bench.says("up", "tiny", "--fabric", "docker", "--pack")
    file = tmp_path / "it.pcapng"
    with bench.capturing(file):
        bench.says("send", "--from", "ann@example.be", "--to", "ed@example.ch")
        bench.says("down")
    assert any(b"RCPT TO:<ed@example.ch>" in packet.octets for packet in packets(file))
    assert lookouts(api) == []


def test_a_scenario_is_captured_in_containers(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "it.pcapng"
    words = ("run", "scenarios/mx_fallback.py", "--fabric", "docker", "--pack", "--capture", str(file))
    bench.says(*words)
    assert any("tries mail.belgiannews.com, port 25" in text or "connects to relay.eunet.be" in text
               for text in comments(file))  # fmt: skip
