"""A plan goes into JSON and comes back as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lab.names import Address, DomainName, EmailAddress
from lab.topology import load
from lab.topology.plan import HostPlan, Link, LinkPlan, MailboxPlan, MailPlan, Plan, ResolverPlan, ZonePlan
from lab.topology.plan_json import BadPlan, read, to_form
from lab.wire.records import TXT, Opaque, Record

HERE = Path(__file__).parent
FILES = sorted([*(HERE.parent.parent / "topologies").glob("*.yaml"), *(HERE / "input").glob("*.yaml")])
NEWS = DomainName("belgiannews.com")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_plan_comes_back_as_it_was(path: Path) -> None:
    plan = load(path)
    plan = replace(plan, zones=dict(plan.zones))
    assert read(Plan, json.loads(json.dumps(to_form(plan)))) == plan


def test_every_field_goes_and_comes() -> None:
    host = HostPlan(
        DomainName("mail.belgiannews.com"),
        (Address("198.18.2.25"), Address("2001:db8::25")),
        "belgiannews.com",
        (Address("198.18.3.53"),),
        (NEWS,),
        ResolverPlan(((DomainName("a.root"), (Address("198.18.0.1"),)),), ("198.18.0.0/15",), (), True),
        MailPlan(
            (NEWS,),
            (MailboxPlan(EmailAddress("ed@belgiannews.com"), "secret", "Ed Itor", 1000),),
            {EmailAddress("info@belgiannews.com"): (EmailAddress("ed@belgiannews.com"),)},
            (DomainName("eunet.be"),),
            ("198.18.2.0/24",),
            DomainName("relay.eunet.be"),
            settings={"loop": "queue"},
        ),
    )
    assert read(HostPlan, json.loads(json.dumps(to_form(host)))) == host
    line = LinkPlan("a", "*", Link(timedelta(milliseconds=20), timedelta(microseconds=1), 0.1, 64_000))
    assert read(LinkPlan, json.loads(json.dumps(to_form(line)))) == line


def test_odd_records_come_back_as_they_were() -> None:
    records = (
        Record(NEWS, 300, TXT((b'a "quoted" \\ \xff', b""))),
        Record(DomainName(r"odd\.label.belgiannews.com"), 0, Opaque("CAA", b"\x00\x05issueca")),
        Record(NEWS, 2**31 - 1, Opaque("TYPE65280", b"")),
    )
    zone = ZonePlan(NEWS, records, (DomainName("ns.belgiannews.com"),))
    assert read(ZonePlan, json.loads(json.dumps(to_form(zone)))) == zone


def test_a_zone_is_read_as_a_master_file() -> None:
    plan = load(HERE.parent.parent / "topologies" / "belgium.yaml")
    form = to_form(plan.zones[NEWS])
    assert form["records"][0] == "$ORIGIN belgiannews.com."
    assert any(line.endswith("MX   5 mail.belgiannews.com.") for line in form["records"])


def test_what_is_as_usual_is_left_out() -> None:
    assert to_form(HostPlan(NEWS, (Address("198.18.2.25"),))) == {"name": NEWS, "addresses": ["198.18.2.25"]}


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ([], "it: an object is wanted here, not a list"),
        ({"addresses": []}, "it: 'name' is missing"),
        ({"name": "a..b", "addresses": []}, "name: a label of the name is empty (two dots in a row?)"),
        ({"name": "a", "addresses": ["198.18.2"]}, "addresses[0]: '198.18.2' is not an IP address"),
        ({"name": "a", "addresses": "198.18.2.1"}, "addresses: a list is wanted here, not a text"),
        ({"name": "a", "addresses": [], "mail": {"size_limit": True}},
         "mail.size_limit: a whole number is wanted here, not true or false"),
        ({"name": "a", "addresses": [], "mail": {"polcy": "x"}}, "mail: it has no 'polcy'; it has local_"),
        ({"name": "a", "addresses": [], "resolver": {"hints": [["a.root"]]}},
         "resolver.hints[0]: 2 values are wanted, not 1"),
    ],
)  # fmt: skip
def test_what_is_no_plan_is_a_sentence_with_its_place(form: Any, said: str) -> None:
    with pytest.raises(BadPlan) as caught:
        read(HostPlan, form)
    assert caught.value.sentence.startswith(said)


def test_a_record_that_is_none_is_named_by_its_line() -> None:
    form = {"origin": "a.be", "servers": [], "records": ["$TTL 300", "@ A 198.18.2.1", "@ MX mail"]}
    with pytest.raises(BadPlan) as caught:
        read(ZonePlan, form, "zones[0]")
    assert caught.value.sentence.startswith("zones[0].records[2]: ")
