"""A bounce has three parts: words for a person, fields for a program, and the message that came back."""

from lab.scenario import Net, Unmet, scenario


@scenario("belgium")
async def bounce_read_as_what_it_is(net: Net) -> None:
    mail = await net.send("ann@unige.ch", "nobody@belgiannews.com", subject="who are you?", body="Grüße\n")
    await mail.bounced("5.1.1", within="1m")
    bounce = await net.letter("ann@unige.ch")
    bounce.has("1 text/plain", "2 message/delivery-status", "3 message/rfc822", "3.1 text/plain")
    about, recipient = bounce.report("2")
    expected = {
        "Reporting-MTA": "dns; mail.unige.ch",
        "Final-Recipient": "rfc822; nobody@belgiannews.com",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mail.belgiannews.com",
    }
    for field, value in expected.items():
        if (about | recipient).get(field) != value:
            raise Unmet(f"{field}: {value}", str((about | recipient).get(field)))
    if bounce.text("3.1") != "Grüße\r\n":
        raise Unmet("the message that came back, readable", bounce.text("3.1"))
