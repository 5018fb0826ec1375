"""Folders are made, and mail is moved, on the server: a second client sees both as they happen."""

from lab.scenario import Net, Unmet, scenario


@scenario("belgium")
async def imap_second_client_sees_it(net: Net) -> None:
    await (await net.send("ann@unige.ch", "ed@belgiannews.com", subject="keep me")).delivered()
    async with net.imap("ed@belgiannews.com") as desk, net.imap("ed@belgiannews.com") as phone:
        await desk.select("INBOX")
        await phone.select("INBOX")
        await phone.says("CREATE Archive")
        if "Archive" not in await desk.folders():
            raise Unmet("the desk to see the folder that the phone made", str(await desk.folders()))
        async with desk.idle():
            await phone.says("MOVE 1 Archive")
            if (said := await desk.hears()) != b"* 1 EXPUNGE\r\n":
                raise Unmet("the desk to be told at once that message 1 has gone", said.decode())
        if await desk.select("Archive") != 1:
            raise Unmet("the message in Archive", "\n".join(desk.said))
        await desk.says("STORE 1 +FLAGS (\\Flagged)")
        await phone.select("Archive")
        if "\\Flagged" not in await phone.flags(1):
            raise Unmet("the phone to see the desk's flag", await phone.flags(1))


@scenario("belgium")
async def imap_new_mail_is_told_at_once(net: Net) -> None:
    """IDLE: the server speaks when there is something to say, and nobody has to ask."""
    async with net.imap("ed@belgiannews.com") as imap:
        await imap.select("INBOX")
        async with imap.idle():
            await (await net.send("ann@unige.ch", "ed@belgiannews.com", subject="news")).delivered()
            if (said := await imap.hears()) != b"* 1 EXISTS\r\n":
                raise Unmet("to be told of a new message", said.decode())
            await imap.hears()
