"""What the lab's replies mean to whoever asked."""

import json

import pytest

from lab.control.client import error_form, read_reply
from lab.errors import WrongUse
from lab.events import ProgramCrashed
from lab.log import Entry


def test_an_error_is_raised_as_what_it_was() -> None:
    with pytest.raises(WrongUse, match="no such host"):
        read_reply(json.dumps({"error": error_form(WrongUse("no such host", code="W001"))}))


def test_a_crash_that_the_log_tells_of_is_no_error_of_the_asker() -> None:
    entry = Entry(7, 1.5, "student", ProgramCrashed("talk", "OSError: gone"))
    assert read_reply(json.dumps(entry.to_json()))["error"] == "OSError: gone"
