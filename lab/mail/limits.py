"""What an SMTP server does not put up with from a client, in one place; `lab explain limits` says the same.

The rule: a limit is far above what an honest client needs and far below what costs others their turn, and who
meets it is told so with 421, or 4xx, so that no mail is lost by it. RFC 5321 §4.5.3 (sizes, times), §7.8.
"""

from __future__ import annotations

CONNECTIONS = 100
"""Of one client at a time (Postfix: 50). Thirty students behind one address have three each."""
MOST_IDLE_WORDS = 100
"""Commands that bring no mail nearer, since the last message that was taken (Postfix's smtpd_junk_command_limit;
Sendmail allows 20 NOOP, Exim 10 of all kinds)."""
PATIENCE_WITH_ERRORS = 20
"""So many 500, 501, 503, 504 and 555 on one connection (Postfix's hard limit)."""
MOST_REFUSED = 1_000
"""So many refusals on one connection, of whatever: each is told to the log, and somebody who guesses recipients
has as many as they like."""
LOGINS = 5
"""So many wrong passwords on one connection."""
RECIPIENTS = 1_000
"""Of one message, by default; RFC 5321 §4.5.3.1.8 asks for at least 100."""
LONGEST_COMMAND = 2_048
"""Octets. RFC 5321 §4.5.3.1.4 grants 512; SIZE, DSN and SMTPUTF8 add up to about 1,000 more."""
PATIENCE = 300.0
"""Seconds without a command after which the server may hang up; it does so after one to two times as many."""
TRICKLE = 300
"""Octets of a text that have to come in that time: less than one a second is no line on earth."""
