from lab.clock import DAY_ONE
from lab.wire.mbox import return_path_of, to_mbox


def test_from_lines_are_quoted_once_more_each() -> None:
    text = to_mbox("ann@unige.ch", DAY_ONE, b"Subject: x\r\n\r\nFrom a\r\n>From b\r\nfrom c\r\n Form d\r\n")
    assert text.endswith(b"\n\n>From a\n>>From b\nfrom c\n Form d\n\n")


def test_null_return_path_is_written_as_the_mailer() -> None:
    assert to_mbox("", DAY_ONE, b"x\r\n").startswith(b"From MAILER-DAEMON Mon Jan  5 08:00:00 2026\n")


def test_message_without_last_line_end_gets_one() -> None:
    assert to_mbox("a@b.org", DAY_ONE, b"x").endswith(b"\nx\n\n")


def test_return_path_is_read_from_the_top_only() -> None:
    assert return_path_of(b"Return-Path: <ann@unige.ch>\r\n\r\n") == "ann@unige.ch"
    assert return_path_of(b"Subject: x\r\nReturn-Path: <ann@unige.ch>\r\n\r\n") == ""
