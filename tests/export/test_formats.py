"""What each format makes of a topology, word for word; and that it means what is meant.

After a change of formats: `python -m tests.export.test_formats` writes expected/ anew; read the difference.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import yaml

from lab.errors import WrongUse
from lab.export.formats import FORMATS, files, named
from lab.export.papers import Files, refuse
from lab.fabric.certificates import CertificateAuthority
from lab.fabric.distant.alone import Sheet
from lab.names import Address, DomainName
from lab.topology import loads
from lab.topology.plan import HostPlan
from lab.topology.plan_json import read
from tests.export.conftest import HERE, TOPOLOGIES, exported, planned

PAIRS = [(name, topology) for name in FORMATS for topology in TOPOLOGIES]


def made(format: str, topology: str) -> Files:
    return files(exported(replace(planned(topology), source=f"{topology}.yaml")), FORMATS[format])


@pytest.mark.parametrize(("format", "topology"), PAIRS)
def test_a_topology_becomes_this_folder(format: str, topology: str) -> None:
    folder = HERE / "expected" / format / topology
    there = {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert made(format, topology) == there


def documents(text: str) -> list[Any]:
    """As a YAML 1.1 reader, which takes the most for something else, understands it."""
    return list(yaml.safe_load_all(text))


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_format_has_every_host(topology: str) -> None:
    names = {host.name for host in planned(topology).hosts}
    (composed,) = documents(made("compose", topology)["compose.yaml"])
    assert set(composed["services"]) == names
    (wired,) = documents(made("containerlab", topology)[f"{topology}.clab.yml"])
    assert len(wired["topology"]["nodes"]) == len(names) + 1
    assert len(wired["topology"]["links"]) == len(names)
    pod = next(
        each for each in documents(made("kubernetes", topology)["lab.yaml"]) if each["kind"] == "StatefulSet"
    )
    assert len(pod["spec"]["template"]["spec"]["containers"]) == len(names)
    assert len([name for name in made("kathara", topology) if name.endswith(".startup")]) == len(names)


@pytest.mark.parametrize(("format", "topology"), PAIRS)
def test_every_host_finds_its_own_part_of_the_plan(format: str, topology: str) -> None:
    plan = planned(topology)
    sheets = [read(Sheet, json.loads(text)) for text in _sheets(made(format, topology))]
    assert {sheet.host.name: sheet.host for sheet in sheets} == {host.name: host for host in plan.hosts}
    for sheet in sheets:
        assert sheet.zones == {origin: plan.zones[origin] for origin in sheet.host.zones}


def _sheets(files: Files) -> list[str]:
    if "lab.yaml" not in files:
        return [text for name, text in files.items() if name.endswith("host.json")]
    maps = [each["data"] for each in documents(files["lab.yaml"]) if each["kind"] == "ConfigMap"]
    return [data["host.json"] for data in maps if "host.json" in data]


def test_a_second_address_is_the_nodes_to_take_where_the_engine_gives_one() -> None:
    files = made("compose", "pair")
    sheet = read(Sheet, json.loads(files["hosts/mail.no.ch/host.json"]))
    assert sheet.laid == ("192.0.2.25",)
    service = documents(files["compose.yaml"])[0]["services"]["mail.no.ch"]
    assert service["networks"]["lab"] == {"ipv4_address": "10.79.9.25", "ipv6_address": "fd00:79::25"}
    assert service["cap_add"] == ["NET_BIND_SERVICE", "NET_ADMIN"]


def test_an_engine_takes_what_it_needs_itself_where_nobody_lives() -> None:
    """A host whose one address is of another range gets one from the engine, which no host may have then."""
    plan = loads("name: far\nranges: [10.79.0.0/16, 192.0.2.0/24]\nteams: 2\n", "far.yaml")
    first, *rest = plan.hosts
    plan = replace(plan, hosts=(replace(first, addresses=(Address("192.0.2.9"),)), *rest))
    (composed,) = documents(files(exported(plan), FORMATS["compose"])["compose.yaml"])
    (subnet,) = composed["networks"]["lab"]["ipam"]["config"]
    spare = ip_network(subnet["ip_range"])
    assert spare.subnet_of(ip_network(subnet["subnet"]))
    assert not any(ip_address(address) in spare for host in plan.hosts for address in host.addresses)


def test_nothing_of_the_lab_leads_out() -> None:
    (composed,) = documents(made("compose", "tiny")["compose.yaml"])
    assert composed["networks"]["lab"]["internal"] is True
    assert all("ports" not in service for service in composed["services"].values())
    (wired,) = documents(made("containerlab", "tiny")["tiny.clab.yml"])
    assert wired["topology"]["kinds"]["linux"]["network-mode"] == "none"
    kinds = {each["kind"]: each for each in documents(made("kubernetes", "tiny")["lab.yaml"])}
    assert kinds["NetworkPolicy"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert "bridged" not in made("kathara", "tiny")["lab.conf"]


def test_names_are_short_enough_for_each_engine_and_differ() -> None:
    long = ".".join(["a-rather-long-label"] * 4)
    domains = "".join(
        f"  x{number}.{long}.be: {{mx: [10 mail.x{number}.{long}.be], people: [ann]}}\n" for number in (1, 2)
    )
    export = exported(loads(f"name: {'long-' * 30}\ndomains:\n{domains}"))
    devices = {
        name.removesuffix(".startup") for name in files(export, named("kathara")) if name.endswith(".startup")
    }
    assert len(devices) == len(export.hosts)
    assert all(re.fullmatch(r"[a-z0-9_]{1,30}", device) for device in devices)
    for each in documents(files(export, named("kubernetes"))["lab.yaml"]):
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", each["metadata"]["name"])


def test_a_host_that_yaml_takes_for_no_is_a_host() -> None:
    export = exported(loads("domains: {no: {mx: [10 no], people: [ann], address: 198.18.2.25}}\n"))
    (composed,) = documents(files(export, named("compose"))["compose.yaml"])
    assert "no" in composed["services"]
    assert composed["services"]["no"]["hostname"] == "no"


def test_certificates_are_for_the_hosts_that_show_them() -> None:
    from cryptography import x509

    authority = CertificateAuthority("1")
    export = replace(exported(planned("tiny")), authority=authority)
    made = files(export, named("compose"))
    assert made["world/ca.pem"] == authority.root.decode()
    pem = made["hosts/mail.example.be/identity.pem"].encode()
    certificate, root = x509.load_pem_x509_certificates(pem)
    certificate.verify_directly_issued_by(root)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "mail.example.be" in names.get_values_for_type(x509.DNSName)
    assert "hosts/student/identity.pem" not in made


# -- what cannot be exported -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("word", "near"), [("compos", "compose"), ("katara", "kathara"), ("k8s", "kubernetes")])
def test_an_unknown_format_is_told_with_what_is_near(word: str, near: str) -> None:
    with pytest.raises(WrongUse) as caught:
        named(word)
    assert caught.value.code == "W043"
    assert near in caught.value.remedy


def test_more_hosts_than_an_engine_takes_is_a_sentence() -> None:
    crowd = loads("name: crowd\npopulation: {count: 1000}\ndomains: {a.be: {mx: [10 mail.a.be]}}\n")
    for name in FORMATS:
        with pytest.raises(WrongUse) as caught:
            files(exported(crowd), named(name))
        assert caught.value.code == "W042"
        assert caught.value.sentence.startswith("crowd has 1,")


def test_a_pod_that_is_too_much_for_one_object_is_a_sentence() -> None:
    crowd = loads("name: crowd\npopulation: {count: 900}\ndomains: {a.be: {mx: [10 mail.a.be]}}\n")
    assert files(exported(crowd), named("compose"))
    with pytest.raises(WrongUse) as caught:
        files(exported(crowd), named("kubernetes"))
    assert caught.value.code == "W042"
    assert "1 MiB" in caught.value.sentence


def test_other_peoples_software_is_not_exported() -> None:
    plan = planned("tiny")
    foreign = HostPlan(DomainName("relay.a.be"), (Address("198.18.9.1"),), software=("exim",))
    with pytest.raises(WrongUse) as caught:
        refuse(replace(plan, hosts=(foreign, *plan.hosts)), "compose")
    assert caught.value.code == "W042"
    assert caught.value.sentence.startswith("relay.a.be: software other than the lab's own")


if __name__ == "__main__":
    shutil.rmtree(HERE / "expected", ignore_errors=True)
    for each_format, each_topology in PAIRS:
        for each_name, each_text in made(each_format, each_topology).items():
            each_path = HERE / "expected" / each_format / each_topology / each_name
            each_path.parent.mkdir(parents=True, exist_ok=True)
            each_path.write_text(each_text, encoding="utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_a_lab_that_breaks_on_purpose_stays_here(name: str) -> None:
    plan = loads("domains: {a.be: {mx: 10 mail.a.be, people: ed}}\nfaults: mail.a.be silent for 20m\n")
    with pytest.raises(WrongUse) as caught:
        files(exported(plan), named(name))
    assert caught.value.code == "W042"
    assert "faults:" in caught.value.sentence
