"""What a topology file can say: the single source of its validation, its JSON Schema and its documentation.

The rule: nothing here decides or derives; it only says which keys there are, what kind of value each takes and
what it means (the descriptions are what an editor shows). Shorthand is in `shorthand.py`, what follows from it
in `planning.py`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from lab.names import Address, DomainName
from lab.topology import shorthand, units
from lab.topology.software import SOFTWARE

POLICIES = ("rfc5321", "postfix", "exim", "sendmail", "opensmtpd", "chasquid", "haraka")
SCHEDULES = ("lab", "postfix", "exim", "sendmail", "opensmtpd", "chasquid", "haraka", "maddy", "stalwart")


def _text(pattern: str = "", example: str = "", kind: Any = "string") -> WithJsonSchema:
    schema: dict[str, Any] = {"type": kind}
    if pattern:
        schema["pattern"] = pattern
    if example:
        schema["examples"] = [example]
    return WithJsonSchema(schema)


Name = Annotated[DomainName, PlainValidator(shorthand.domain), _text(example="mail.belgiannews.com")]
AnyName = Annotated[DomainName, PlainValidator(shorthand.name), _text(example="mail.belgiannews.com")]
Text = Annotated[str, BeforeValidator(shorthand.text), _text(kind=["string", "number"])]
Switch = Annotated[str, BeforeValidator(shorthand.switch), _text(kind=["string", "number", "boolean"])]
IP = Annotated[Address, PlainValidator(shorthand.address), _text(example="198.18.2.25")]
Network = Annotated[str, PlainValidator(shorthand.network), _text(example="198.18.2.0/24")]
Ttl = Annotated[
    int, PlainValidator(shorthand.quantity(units.seconds)), _text(example="5m", kind=["string", "integer"])
]
Lasting = Annotated[timedelta, PlainValidator(shorthand.lasting), _text(example="20ms")]
Share = Annotated[
    float, PlainValidator(shorthand.quantity(units.share)), _text(example="1%", kind=["string", "number"])
]
Rate = Annotated[int, PlainValidator(shorthand.quantity(units.rate)), _text(example="10Mbit")]
Octets = Annotated[
    int, PlainValidator(shorthand.quantity(units.octets)), _text(example="10MB", kind=["string", "integer"])
]
Place = Annotated[str, PlainValidator(shorthand.anywhere), _text(example="unige.ch")]
Lines = Annotated[list[str], BeforeValidator(shorthand.lines, json_schema_input_type=str | list[str])]
Names = Annotated[list[Name], BeforeValidator(shorthand.listed, json_schema_input_type=str | list[Name])]
Range = Annotated[str, PlainValidator(shorthand.lab_range), _text(example="198.18.0.0/15")]
Ranges = Annotated[list[Range], BeforeValidator(shorthand.listed, json_schema_input_type=str | list[Range])]
Networks = Annotated[list[Network], BeforeValidator(shorthand.listed, json_schema_input_type=str | list[Network])]
Addresses = Annotated[list[IP], BeforeValidator(shorthand.listed, json_schema_input_type=IP | list[IP])]
Pattern = Annotated[str, PlainValidator(shorthand.pattern), _text(pattern=r"\{n", example="team{n}.be")]
LocalPart = Annotated[str, PlainValidator(shorthand.local_part), _text(example="ann")]
Delegation = Annotated[
    list[DomainName] | None,
    PlainValidator(shorthand.delegation, json_schema_input_type=bool | str | list[str]),
]
Policy = Annotated[
    str,
    PlainValidator(shorthand.one_of(POLICIES, "a policy")),
    WithJsonSchema({"type": "string", "enum": list(POLICIES)}),
]
Schedule = Annotated[
    str,
    PlainValidator(shorthand.one_of(SCHEDULES, "a retry schedule")),
    WithJsonSchema({"type": "string", "enum": list(SCHEDULES)}),
]
Program = Annotated[
    str,
    PlainValidator(shorthand.one_of(tuple(SOFTWARE), "software")),
    WithJsonSchema({"type": "string", "enum": list(SOFTWARE)}),
]
Programs = Annotated[
    list[Program], BeforeValidator(shorthand.listed, json_schema_input_type=Program | list[Program])
]
Command = Annotated[list[str], BeforeValidator(shorthand.command, json_schema_input_type=str | list[str])]
When = Annotated[str, PlainValidator(shorthand.when), _text(example="at 10:40 for 20m")]
Chance = Annotated[float, PlainValidator(shorthand.chance), _text(example="20%", kind=["string", "number"])]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Exchanger(Shape):
    """One MX record: who takes mail for the domain, and when (RFC 5321 §5.1)."""

    preference: int = Field(ge=0, le=65535, description="The lower number is tried first.")
    exchange: AnyName = Field(description="The host that takes the mail: a name, never an address.")


class Person(Shape):
    """Someone with a mailbox."""

    password: Text = Field(default="secret", description="What the person types to read mail.")
    name: Text = Field(default="", description="The person's full name, for display.")
    quota: Octets = Field(default=0, description="How much the mailbox holds: 10MB. Any amount where it is 0.")
    forward: Annotated[list[Text], BeforeValidator(shorthand.listed, json_schema_input_type=str | list[str])] = (
        Field(default=[], description="Where the mail goes instead; one who names himself too keeps a copy.")
    )


class Mail(Shape):
    """How a mail host behaves."""

    backup_for: Names = Field(
        default=[], description="Domains whose mail it takes and keeps until their own host is up."
    )
    relay_networks: Networks = Field(
        default=[], description="Networks whose hosts may send through it to anywhere."
    )
    smarthost: AnyName | None = Field(default=None, description="Hand all outgoing mail to this host.")
    policy: Policy = Field(
        default="rfc5321",
        description="What follows after which reply, as a mail agent has it: lab explain policies.",
    )
    schedule: Schedule = Field(
        default="lab",
        description="When a message is tried again: lab compare schedules.",
    )
    size_limit: Octets = Field(default=10_485_760, description="The largest message it takes.")
    settings: Annotated[dict[str, Switch], BeforeValidator(shorthand.nothing)] = Field(
        default={},
        description="Further switches by name, such as mx_on_4xx: queue. All of them: docs/topology-files.md.",
    )


class Machine(Shape):
    """What runs on a host, where that is not the lab's own."""

    software: Programs = Field(
        default=[],
        description="Real software in its place, on the docker fabric: postfix, or [postfix, dovecot].",
    )
    image: Text = Field(
        default="", description="A container image of your own for this host, on the docker fabric."
    )
    command: Command = Field(
        default=[],
        description="What that image runs: 'smtpd --listen 25', or a list of words. Without an image it is a "
        "program of yours, on the local fabric too.",
    )


class Host(Machine):
    """A host of a domain."""

    address: Addresses = Field(default=[], description="Its addresses; the lab chooses one where none is given.")
    resolver: AnyName | None = Field(default=None, description="The resolver it asks for names.")
    mail: Annotated[Mail | None, BeforeValidator(lambda given: {} if given is True else given)] = Field(
        default=None, description="It is a mail host, and behaves so. A host that an MX names is one in any case."
    )


class Resolver(Machine):
    """A host that looks names up for others, from the root downwards."""

    address: Addresses = Field(default=[], description="Its addresses.")
    serves: Networks = Field(default=[], description="Networks it answers; everyone where none is given.")
    forwards_to: Names = Field(default=[], description="Resolvers it asks instead of starting at the root.")
    stale: bool = Field(
        default=False, description="Answer from old data when no server can be reached (RFC 8767)."
    )


AHost = Annotated[Host, BeforeValidator(shorthand.host, json_schema_input_type=Host | IP | list[IP] | None)]
AResolver = Annotated[
    Resolver, BeforeValidator(shorthand.host, json_schema_input_type=Resolver | IP | list[IP] | None)
]
APerson = Annotated[Person, BeforeValidator(shorthand.person, json_schema_input_type=Person | str | None)]
AnExchanger = Annotated[Exchanger, BeforeValidator(shorthand.mx, json_schema_input_type=Exchanger | str)]
People = Annotated[
    dict[str, APerson],
    BeforeValidator(shorthand.keyed, json_schema_input_type=dict[str, APerson] | list[str] | None),
]


class Domain(Shape):
    """An organisation: its domain, its zone, its hosts, its people."""

    mx: Annotated[
        list[AnExchanger],
        BeforeValidator(shorthand.exchangers, json_schema_input_type=AnExchanger | list[AnExchanger]),
    ] = Field(
        default=[], description="Who takes its mail: '5 mail.belgiannews.com'. The word none: it takes no mail."
    )
    people: People = Field(
        default={}, description="Who has a mailbox here: a list of names, or names with a password."
    )
    aliases: Annotated[
        dict[
            str, Annotated[list[Text], BeforeValidator(shorthand.listed, json_schema_input_type=str | list[str])]
        ],
        BeforeValidator(shorthand.nothing),
    ] = Field(default={}, description="Other names for people: 'info: ed' or 'all: [ed, ann@unige.ch]'.")
    hosts: Annotated[
        dict[str, AHost],
        BeforeValidator(shorthand.keyed, json_schema_input_type=dict[str, AHost] | list[str] | None),
    ] = Field(
        default={}, description="Its hosts. Those that an MX or a name server entry names need not be listed."
    )
    home: AnyName | None = Field(default=None, description="The host with the mailboxes; else the best MX.")
    address: Addresses = Field(
        default=[], description="Addresses of the domain's own name, which makes it a host."
    )
    name_servers: Names = Field(default=[], description="Who serves its zone; ns.DOMAIN where none is given.")
    delegation: Delegation = Field(
        default=None, description="'no': the parent zone does not point here. Or to whom it does."
    )
    network: Network | None = Field(default=None, description="Where its hosts get their addresses from.")
    resolver: AnyName | None = Field(default=None, description="The resolver its hosts ask.")
    records: Lines = Field(
        default=[], description="Further records of its zone, as in a zone file: 'www A 198.18.2.80'."
    )
    zone_file: str | None = Field(default=None, description="A whole zone, in a file beside this one.")
    ttl: Ttl | None = Field(default=None, description="How long others may keep its records.")


ADomain = Annotated[Domain, BeforeValidator(shorthand.nothing, json_schema_input_type=Domain | None)]


class Registry(Machine):
    """The root, or a zone that only delegates: be., com., ac.uk."""

    name_servers: Names = Field(default=[], description="Who serves it; ns.ZONE where none is given.")
    address: Addresses = Field(default=[], description="The address of its name server.")
    records: Lines = Field(default=[], description="Further records of the zone, delegations by hand among them.")
    zone_file: str | None = Field(default=None, description="The whole zone, in a file beside this one.")
    ttl: Ttl = Field(default=3600, description="How long others may keep its delegations.")


ARegistry = Annotated[Registry, BeforeValidator(shorthand.nothing, json_schema_input_type=Registry | None)]


class Teams(Shape):
    """A class: one organisation a team, all alike."""

    count: Annotated[int, Field(ge=1, le=5000)] = Field(description="How many teams.")
    domain: Pattern = Field(
        default="team{n}.be", description="The pattern of their domains; {n} is the team's number."
    )
    people: People = Field(
        default={"ann": Person(), "ed": Person()}, description="Who has a mailbox in each team."
    )
    backup: bool = Field(default=False, description="Each team holds the next team's mail when that is down.")


class Population(Shape):
    """Many mail domains, each with a mail host, to make the Internet big."""

    count: Count = Field(description="How many domains.")
    domain: Pattern = Field(default="site{n}.net", description="The pattern of their domains; {n} is the number.")
    per_authority: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=500, description="How many domains share a name server."
    )
    person: LocalPart = Field(default="ann", description="Who has the one mailbox of each.")


class Link(Shape):
    """A line between two places, the same in each direction."""

    between: list[Place] = Field(min_length=2, max_length=2, description="Hosts, domains, or everywhere.")
    latency: Lasting = Field(default=timedelta(), description="How long the way takes: 20ms.")
    jitter: Lasting = Field(default=timedelta(), description="How much that varies: 5ms.")
    loss: Share = Field(default=0.0, description="How much is lost: 1%.")
    bandwidth: Rate = Field(default=0, description="How much passes: 10Mbit. Unlimited where it is not given.")


class Fault(Shape):
    """Something broken: of a host, of a cut or of a line. Short: 'mail.b.be silent for 20m', 'a.be cut b.be'."""

    host: AnyName | None = Field(default=None, description="The host that has the fault.")
    fault: Text = Field(
        default="down", description="Of a host: in the words of lab fail, such as 'reply 451 at rcpt twice'."
    )
    cut: list[Place] = Field(
        default=[],
        max_length=2,
        description="Two places between which nothing passes: hosts or domains.",
    )
    one_way: bool = Field(default=False, description="Of a cut: nothing comes from the first to the second only.")
    chance: Chance = Field(default=1.0, description="Of a cut: what is lost is decided by chance, 20%.")
    line: list[Place] = Field(default=[], max_length=2, description="Two places whose line is bad.")
    latency: Lasting = Field(default=timedelta(), description="Of a line: how long the way takes, 200ms.")
    loss: Share = Field(default=0.0, description="Of a line: how much is lost, 10%.")
    when: When = Field(
        default="",
        description="'at 10:40', or 'in 5m', 'for 20m', and 'every 1h' again. From the start on, if not given.",
    )


AFault = Annotated[Fault, BeforeValidator(shorthand.fault, json_schema_input_type=Fault | str)]


class Topology(Shape):
    """A mini-Internet."""

    name: Text = Field(default="", description="What the lab is called; the file's name where nothing is given.")
    seed: Text = Field(default="1", description="Chance starts here: the same seed tells the same story.")
    ttl: Ttl = Field(default=300, description="How long others may keep the domains' records.")
    ranges: Ranges = Field(default=["198.18.0.0/15"], description="Where every address of the lab lies.")
    root: ARegistry = Field(default=Registry(), description="The root of the names; served by a.root.")
    registries: Annotated[dict[Name, ARegistry], BeforeValidator(shorthand.nothing)] = Field(
        default={}, description="Zones above the domains: be, com, ac.uk. They are made where they are needed."
    )
    resolvers: Annotated[
        dict[Name, AResolver],
        BeforeValidator(shorthand.keyed, json_schema_input_type=dict[Name, AResolver] | list[str] | None),
    ] = Field(default={}, description="Who looks names up for others. The first is the one the student asks.")
    domains: Annotated[dict[Name, ADomain], BeforeValidator(shorthand.nothing)] = Field(
        default={},
        description="The organisations, by their domain. One inside another is part of the other's zone.",
    )
    teams: Annotated[Teams | None, BeforeValidator(shorthand.counted, json_schema_input_type=Teams | int)] = Field(
        default=None, description="A class of so many organisations."
    )
    population: Annotated[
        Population | None, BeforeValidator(shorthand.counted, json_schema_input_type=Population | int)
    ] = Field(default=None, description="So many further mail domains.")
    links: list[Link] = Field(default=[], description="Lines that are slow, lossy or narrow.")
    faults: Annotated[
        list[AFault], BeforeValidator(shorthand.listed, json_schema_input_type=str | list[AFault])
    ] = Field(default=[], description="What is broken when the lab starts, or breaks at its time.")
    mail: Annotated[Mail, BeforeValidator(shorthand.nothing)] = Field(
        default=Mail(), description="How mail hosts behave that do not say it themselves."
    )
    faults_on_purpose: Annotated[
        list[str], BeforeValidator(shorthand.listed, json_schema_input_type=str | list[str])
    ] = Field(default=[], description="Codes of mistakes to keep, such as T021: they are told; the lab starts.")
