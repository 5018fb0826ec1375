"""Which packages a host's software means."""

import pytest

from lab.errors import WrongUse
from lab.fabric.docker.image.variants import HOST, SOFTWARE, named, variant


def test_a_host_without_software_of_others_has_the_image_of_all():
    assert variant([]) == named("host") == HOST


def test_the_same_software_is_the_same_variant_in_any_order():
    assert variant(["postfix", "dovecot"]) == variant(["dovecot", "postfix"]) == named("postfix+dovecot")


def test_a_variant_has_the_packages_of_all_its_software():
    both = variant(["bind", "postfix"])
    assert both.packages == tuple(sorted((*SOFTWARE["bind"], *SOFTWARE["postfix"])))


@pytest.mark.parametrize("names", ["postfix+exim", "exim+dovecot+postfix"])
def test_a_host_has_one_mail_transport_agent(names):
    with pytest.raises(WrongUse, match="cannot share a host"):
        named(names)


def test_unknown_software_is_told_what_there_is():
    with pytest.raises(WrongUse, match="sendmail") as wrong:
        named("sendmail")
    assert "postfix" in wrong.value.remedy
