"""DELE only marks: the connection breaks before QUIT, and every message is still there."""

from lab.scenario import Net, scenario


@scenario("belgium")
async def dele_undone_by_a_lost_connection(net: Net) -> None:
    mail = await net.send("ann@unige.ch", "ed@belgiannews.com", subject="still here")
    await mail.delivered()
    async with net.pop3("ed@belgiannews.com") as pop:
        await pop.fetch(1)
        await pop.delete(1)
        pop.hang_up()
    (await net.mailbox("ed@belgiannews.com")).holds("still here")
    async with net.pop3("ed@belgiannews.com") as pop:
        await pop.delete(1)
    (await net.mailbox("ed@belgiannews.com")).holds()
