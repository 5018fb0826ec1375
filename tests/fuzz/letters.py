"""Messages that lie in the mailboxes of the targets: sound ones, and some that are hard to take apart."""

from __future__ import annotations

from tests.mail.imap_world import MIXED, NESTED, PLAIN

TWISTED = (
    b'From: =?utf-8?b?w7bDtg==?= <\xf6@x>, group: a@b, (c) <@r:d@e>;, "q\\"" <\r\n'
    b"Subject: =?iso-2022-jp?b?GyRCJCIbKEI=?= =?x-none?q?=FF?= \xff\r\n"
    b"Date: Mon, 31 Feb 2026 25:61:61 +9999\r\n"
    b"Message-ID: <<>\r\nIn-Reply-To:\r\n"
    b"Content-Type: multipart/mixed; boundary=\"\";\r\n name*0*=utf-8''%C3%; name*1=x\r\n"
    b"\r\n--\r\n\r\n--\r\nContent-Type: message/rfc822\r\n\r\n--\r\n----\r\n..\r\n"
)
BARE = b"no header, no end"
EMPTY = b""
LETTERS = (PLAIN, MIXED, NESTED, TWISTED, BARE, EMPTY)
