"""Mail that can only go round is found out and sent back: by the MX list, or else by its many Received lines."""

from lab.scenario import Net, scenario


@scenario("loop")
async def mx_loop(net: Net) -> None:
    """The best exchanger has no mailboxes: it finds itself in the list, and nobody better to pass mail to."""
    mail = await net.send("ann@east.be", "anyone@self.be", subject="where do I live?")
    await mail.bounced("5.4.6", within="5m")
    mail.took("relay.self.be 250", "MX self.be no exchanger", "relay.self.be sends a bounce to ann@east.be")


@scenario("loop")
async def a_ring_of_two_hosts(net: Net) -> None:
    """Two hosts hand a message to each other, until it has too many Received lines."""
    mail = await net.send("ann@east.be", "anyone@ring.be", subject="round and round")
    await mail.bounced("5.4.6", within="5m")
    mail.took("one.ring.be 250", "two.ring.be 250", "one.ring.be 250", "554 5.4.6")
