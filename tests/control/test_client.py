"""What the lab's replies mean to whoever asked."""

import json

import pytest

from lab.control.client import read_reply
from lab.errors import WrongUse, form_of
from lab.events import ProgramCrashed
from lab.log import Entry


def test_an_error_is_raised_as_what_it_was() -> None:
    with pytest.raises(WrongUse, match="no such host"):
        read_reply(json.dumps({"error": form_of(WrongUse("no such host", code="W001"))}))


def test_a_crash_that_the_log_tells_of_is_no_error_of_the_asker() -> None:
    entry = Entry(7, 1.5, "student", ProgramCrashed("talk", "OSError: gone"))
    assert read_reply(json.dumps(entry.to_json()))["error"] == "OSError: gone"
