"""IMAP reads what it needs: the headers alone, one part alone, a slice of a part. The octets are counted."""

from lab.scenario import Net, Unmet, scenario

LETTER = (
    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain\r\n\r\nThe figures are attached.\r\n"
    "--b\r\nContent-Type: application/octet-stream; name=figures\r\nContent-Transfer-Encoding: base64\r\n\r\n"
)
FIGURES = "\r\n".join(["QUJD" * 18] * 1_000)


async def letter_arrives(net: Net) -> None:
    whole = f"Subject: figures\r\n{LETTER}{FIGURES}\r\n--b--\r\n"
    await (await net.send("ann@unige.ch", "ed@belgiannews.com", octets=whole.encode())).delivered()


@scenario("belgium")
async def imap_headers_or_the_whole(net: Net) -> None:
    """The headers alone cost a hundredth of the message, and leave it unread."""
    await letter_arrives(net)
    async with net.imap("ed@belgiannews.com") as imap:
        await imap.select("INBOX")
        before = imap.octets
        await imap.fetch(1, "BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE)]")
        headers, before = imap.octets - before, imap.octets
        if "\\Seen" in await imap.flags(1):
            raise Unmet("a look at the headers to leave the message unread", await imap.flags(1))
        before = imap.octets
        await imap.fetch(1, "BODY[]")
        whole = imap.octets - before
        net.note(f"headers: {headers:,} octets; the whole: {whole:,} octets")
        if not headers < 400 < 70_000 < whole:
            raise Unmet("the headers to cost next to nothing", f"{headers} octets, the whole {whole}")
        if "\\Seen" not in await imap.flags(1):
            raise Unmet("reading to leave its mark", await imap.flags(1))


@scenario("belgium")
async def imap_attachment_alone(net: Net) -> None:
    """The text and the first 1,000 octets of the attachment are fetched, and nothing else."""
    await letter_arrives(net)
    async with net.imap("ed@belgiannews.com", tls=True) as imap:
        await imap.select("INBOX")
        before = imap.octets
        text = await imap.fetch(1, "BODY.PEEK[1]")
        start = await imap.fetch(1, "BODY.PEEK[2]<0.1000>")
        cost = imap.octets - before
        net.note(f"text and start of the attachment: {cost:,} octets of {len(FIGURES):,}")
        if text != b"The figures are attached." or start != FIGURES.encode()[:1_000]:
            raise Unmet("the text, and the first 1,000 octets of the attachment", (text + start[:80]).decode())
        if cost > 1_300:
            raise Unmet("nothing but the two pieces to be sent", f"{cost} octets")
