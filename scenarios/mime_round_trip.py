"""Sixteen charsets, in every transfer encoding that carries them, are read octet by octet as they were sent."""

from random import Random

from lab.scenario import Net, Unmet, scenario
from lab.wire.compose import Branch, Leaf, carries, message

TEXTS = {
    "us-ascii": "plain",
    "utf-8": "naïve, Привет, こんにちは, 🙂",
    "utf-7": "naïve",
    "utf-16": "naïve",
    "iso-8859-1": "café",
    "iso-8859-15": "12 €",
    "windows-1252": "“quoted” – 12 €",
    "iso-8859-7": "Καλημέρα",
    "iso-8859-8": "שלום",
    "koi8-r": "Привет",
    "windows-1251": "Здравствуйте",
    "iso-2022-jp": "こんにちは",
    "shift_jis": "こんにちは",
    "big5": "你好",
    "gb18030": "你好",
    "euc-kr": "안녕하세요",
}
ENCODINGS = ("7bit", "8bit", "quoted-printable", "base64")


def written() -> list[Leaf]:
    texts = [
        Leaf(
            "text/plain", f"{text}\r\n.\r\nFrom here on =\t\r\n".encode(charset), (("charset", charset),), encoding
        )
        for charset, text in TEXTS.items()
        for encoding in ENCODINGS
    ]
    files = [Leaf("application/octet-stream", bytes(range(256)), (), encoding) for encoding in ENCODINGS]
    return [leaf for leaf in [*texts, *files] if carries(leaf.encoding, leaf.octets)]


@scenario("belgium")
async def mime_round_trip(net: Net) -> None:
    leaves = written()
    sent = message(b"Subject: every encoding\r\n", Branch("mixed", tuple(leaves)), Random("round trip"))
    mail = await net.send("ann@unige.ch", "ed@belgiannews.com", octets=sent)
    await mail.delivered(within="1m")
    letter = await net.letter("ed@belgiannews.com")
    if not letter.octets.endswith(sent):
        raise Unmet("the message as it was sent below the lines of its hosts", "something else")
    for number, leaf in enumerate(leaves, 1):
        charset = dict(leaf.params).get("charset", "")
        if letter.part(str(number)) != leaf.octets:
            raise Unmet(f"part {number} in {leaf.encoding} octet by octet", repr(letter.part(str(number))))
        if charset and letter.text(str(number)) != leaf.octets.decode(charset):
            raise Unmet(f"part {number} as a text in {charset}", repr(letter.text(str(number))))
