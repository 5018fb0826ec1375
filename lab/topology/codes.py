"""Every fault that a topology or zone file can have: its code, what it is in general, and the law behind it.

The rule: a code never changes its meaning, because handouts, `faults_on_purpose:` and `lab explain` lean on it.
T: the topology file and what it describes. Z: the form of zone-file text.
"""

from __future__ import annotations

from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """`why` is for someone who meets it for the first time."""

    title: str
    why: str
    law: str = ""


CODES: dict[str, Fault] = {
    "T001": Fault("not YAML", "The file's form is broken: indentation, quotes or brackets.", "YAML 1.2.2"),
    "T002": Fault("a key given twice", "The second would silently replace the first.", "YAML 1.2.2 §3.2.1.3"),
    "T003": Fault("no readable file", "There is no such file, it is empty, or it is not UTF-8 text."),
    "T004": Fault("unknown key", "A key that the lab does not know does nothing; most are misspelt."),
    "T005": Fault("wrong kind of value", "A list where a mapping is wanted, a text where a number is wanted …"),
    "T006": Fault("missing key", "This entry cannot be understood without it."),
    "T007": Fault(
        "not a domain name",
        "A name is labels of 1 to 63 letters, digits and hyphens, with dots between them, 255 octets at most.",
        "RFC 1035 §2.3.4",
    ),
    "T008": Fault("not an address or network", "Addresses are like 198.18.2.25, networks like 198.18.2.0/24."),
    "T009": Fault("not a quantity", "Times, rates and sizes carry their unit: 20ms, 10Mbit, 10MB, 1%."),
    "T010": Fault("unknown word", "Here one of a few words is wanted."),
    "T011": Fault("an address twice", "Two hosts with one address cannot be told apart."),
    "T012": Fault(
        "an address outside the lab", "A lab talks to addresses of its own ranges only, so nothing escapes."
    ),
    "T013": Fault("unknown host", "A host, domain or organisation is named that the file does not have."),
    "T014": Fault("a domain twice", "Names are the same whatever their case.", "RFC 4343 §3"),
    "T015": Fault("no addresses left", "The ranges are too small for so many hosts."),
    "T016": Fault(
        "resolver and name server in one",
        "Both answer at port 53 of an address, and each asks for other manners: one looks up for its own people, "
        "the other answers the world for its zones.",
        "RFC 5358 §4",
    ),
    "T017": Fault("a host in the wrong place", "A host belongs to the domain whose name its own ends with."),
    "T018": Fault(
        "not a mail address", "A mail address is name@domain; its name has rules too.", "RFC 5321 §4.1.2"
    ),
    "T019": Fault("no zone file", "The path is relative to the topology file."),
    "T020": Fault("not an MX", "An MX is a preference and a host: 5 mail.belgiannews.com.", "RFC 1035 §3.3.9"),
    "T021": Fault(
        "an MX names an address",
        "What looks like an address is taken for a name, and there is none such: the mail finds no host.",
        "RFC 5321 §5.1",
    ),
    "T022": Fault(
        "an MX names an alias",
        "The exchanger has to be a host's own name. Some senders follow the alias, some give up, and a backup "
        "that knows itself by its own name does not find itself in the list, and loops.",
        "RFC 2181 §10.3",
    ),
    "T023": Fault(
        "an NS names an address", "A zone is delegated to names; glue gives the addresses.", "RFC 1035 §3.3.11"
    ),
    "T024": Fault("an NS names an alias", "A name server has to be a host's own name.", "RFC 2181 §10.3"),
    "T025": Fault(
        "a host without an address", "The name leads nowhere: nothing in this lab has it.", "RFC 5321 §5.1"
    ),
    "T026": Fault(
        "a null MX in company", "'0 .' says: no mail here. Beside another MX it contradicts it.", "RFC 7505 §3"
    ),
    "T027": Fault(
        "an alias with other data",
        "A CNAME says that everything about the name stands elsewhere, so nothing else can stand beside it.",
        "RFC 1034 §3.6.2",
    ),
    "T028": Fault("two aliases at one name", "A name can stand for one other only.", "RFC 2181 §10.1"),
    "T029": Fault(
        "missing glue",
        "The name server's own name lies below the cut: without its address beside the delegation nobody can "
        "find the server, and so nobody finds its name.",
        "RFC 1034 §4.2.1",
    ),
    "T030": Fault(
        "lame delegation", "The parent points to a server that does not serve the zone.", "RFC 1912 §2.8"
    ),
    "T031": Fault(
        "no SOA", "A zone begins with its SOA: serial, times, how long a 'no' is kept.", "RFC 1035 §5.2"
    ),
    "T032": Fault("several SOAs", "A zone has exactly one, at its top.", "RFC 1035 §5.2"),
    "T033": Fault(
        "data outside the zone", "A server says nothing for names that are not its zone's.", "RFC 1035 §5.2"
    ),
    "T034": Fault(
        "data below a cut",
        "Whatever lies below a delegation belongs to the zone down there; here only glue is of use.",
        "RFC 1034 §4.2.1",
    ),
    "T035": Fault(
        "a final dot is missing",
        "A name without its final dot is below the zone: mail.example.com becomes mail.example.com.example.com.",
        "RFC 1035 §5.1",
    ),
    "T036": Fault("a long string", "A text is made of strings of 255 octets at most.", "RFC 1035 §3.3"),
    "T037": Fault(
        "data below a DNAME", "Everything below it is redirected, so this is never seen.", "RFC 6672 §2.4"
    ),
    "T038": Fault("two TTLs in one set", "Records of one name and type are kept for one time.", "RFC 2181 §5.2"),
    "T039": Fault("the zone disagrees with the host", "Whoever asks the zone goes to another address."),
    "T040": Fault(
        "a mailbox without a mail host",
        "Nobody finds where mail for these people goes: the domain has no MX, and no host of its own name.",
        "RFC 5321 §5.1",
    ),
    "T041": Fault(
        "a backup that does not hold",
        "The host is in the MX list, but has not been told to take this domain's mail: it refuses with 550, and "
        "the sender gives up at once.",
        "RFC 5321 §3.6.2",
    ),
    "T042": Fault(
        "a mail loop", "Mail would go round until a host counts too many Received lines.", "RFC 5321 §6.3"
    ),
    "T043": Fault(
        "two best exchangers, one with mailboxes",
        "Senders choose either. The one without the mailboxes finds itself at the top of the list, and has nobody "
        "to pass the mail to.",
        "RFC 5321 §5.1",
    ),
    "T044": Fault("unknown setting", "No program of the lab looks at it."),
    "T045": Fault("a backup nobody uses", "It would hold the domain's mail, but no MX leads there."),
    "T046": Fault("a name twice in a domain", "An alias hides the person of the same name."),
    "T047": Fault(
        "parent and child disagree", "Who serves a zone is said twice, and has to agree.", "RFC 1034 §4.2.2"
    ),
    "T048": Fault("no NS", "A zone names its own name servers at its top.", "RFC 1034 §4.2.1"),
    "T049": Fault("nobody points here", "Without a delegation nobody finds the domain.", "RFC 1034 §4.2.1"),
    "T060": Fault("unknown code", "A fault that is kept on purpose is named by its code."),
    "T061": Fault(
        "software without its work", "A program that does nothing of what its host is for serves nobody."
    ),
    "T062": Fault("two programs for one job", "Two programs cannot listen at the same port of a host."),
    "T063": Fault(
        "mailboxes without a way in",
        "Dovecot hands mail out (POP3, IMAP); it needs a mail server beside it that takes mail in (SMTP).",
    ),
    "T064": Fault(
        "mailboxes without a way out",
        "Postfix, Exim and OpenSMTPD take mail in and speak neither POP3 nor IMAP; Dovecot beside them does.",
    ),
    "T065": Fault(
        "software twice", "`software:` is what the lab installs and configures, `image:` is all your own."
    ),
    "T066": Fault(
        "a fault that cannot be",
        "Under `faults:` stand a host's faults in the words of `lab fail`, cuts between places, and bad lines.",
    ),
    "T067": Fault(
        "a fault without effect", "What the host does not do, or real software does as it will, cannot go wrong."
    ),
    "Z001": Fault("quotes or brackets", "A quote ends on its line; a '(' has its ')'.", "RFC 1035 §5.1"),
    "Z002": Fault("no record type", "An entry is: name, TTL, class, type, data.", "RFC 1035 §5.1"),
    "Z003": Fault("data that do not fit the type", "Each type has its own form.", "RFC 1035 §3.3"),
    "Z004": Fault("not a name", "The name in front of the entry cannot be one.", "RFC 1035 §5.1"),
    "Z005": Fault("no TTL", "How long may others keep this?", "RFC 2308 §4"),
    "Z006": Fault("not class IN", "The lab is an Internet; other classes died out.", "RFC 1035 §3.2.4"),
    "Z007": Fault("$INCLUDE without its file", "The path is relative to the zone file.", "RFC 1035 §5.1"),
    "Z008": Fault("$GENERATE not understood", "Its form is: $GENERATE 1-20 host$ A 198.18.2.$"),
    "Z009": Fault("unknown directive", "There are $ORIGIN, $TTL, $INCLUDE and $GENERATE.", "RFC 1035 §5.1"),
}


def law(code: str) -> str:
    return CODES[code].law if code in CODES else ""
