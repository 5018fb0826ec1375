"""Ann writes to Ed: the DNS names the newspaper's exchanger, and the mail goes straight there."""

from lab.scenario import Net, scenario


@scenario("belgium")
async def first_mail(net: Net) -> None:
    mail = await net.send("ann@unige.ch", "ed@belgiannews.com", subject="hello")
    await mail.delivered(within="1m")
    mail.took(
        "MX belgiannews.com 5 mail.belgiannews.com",
        "mail.belgiannews.com 250",
        "ed@belgiannews.com in the mailbox",
    )
    mail.tried("mail.belgiannews.com")
    (await net.mailbox("ed@belgiannews.com")).holds("hello")
