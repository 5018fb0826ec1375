"""What can be broken on purpose, as values; what each looks like from outside stands in `lab.fabric.faults`.

The rule: a fault is a frozen value, and its `str()` is how a person types it. `fault_of` reads those words back:
the command line, scenarios and topologies share the one grammar, and a fault travels to another process as it is.

    down, unreachable, silent, paused, disk-full, crash, power-cut, clock +10m          the host
    reply 451 at rcpt for ed@b.be twice, stall at data, reset at eom, hide STARTTLS     its mail server
    refuse pop3 at login, stall imap at fetch, reset pop3 at quit for ed@b.be           its mailboxes' servers
    servfail for b.be, refused, timeout, lame, wrong-glue, truncated, no-tcp, slow 5s   its name server, resolver
    chance 20% silent                                                                   of these, one time in five
"""

from lab.faults.base import AtServer, Fault, Sometimes, bare, plain_words
from lab.faults.dns import (
    Lame,
    NoAnswer,
    NoTcp,
    OfNames,
    Refused,
    ServFail,
    Slow,
    Truncated,
    WrongGlue,
)
from lab.faults.mailbox import AtMailbox, How, Moment
from lab.faults.network import OF_A_HOST, Crash, DiskFull, Down, Gone, Paused, PowerCut, Silent, Skew, Unreachable
from lab.faults.smtp import AtStage, Hide, Reply, Reset, Stall
from lab.faults.words import WORDS, cut_of, fault_of, share_of, sometimes, stage_of

__all__ = [
    "OF_A_HOST",
    "WORDS",
    "AtMailbox",
    "AtServer",
    "AtStage",
    "Crash",
    "DiskFull",
    "Down",
    "Fault",
    "Gone",
    "Hide",
    "How",
    "Lame",
    "Moment",
    "NoAnswer",
    "NoTcp",
    "OfNames",
    "Paused",
    "PowerCut",
    "Refused",
    "Reply",
    "Reset",
    "ServFail",
    "Silent",
    "Skew",
    "Slow",
    "Sometimes",
    "Stall",
    "Truncated",
    "Unreachable",
    "WrongGlue",
    "bare",
    "cut_of",
    "fault_of",
    "plain_words",
    "share_of",
    "sometimes",
    "stage_of",
]
