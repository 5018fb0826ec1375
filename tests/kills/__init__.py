"""`kill -9` under load, on a real disk: `make soak`, and ten kills in every run of the tests.

A backup, a host with mailboxes and the names they need are three processes in one private network. A client hands
mail to both hosts without a pause, and notes each 250; now and then a host is killed and started again on the disk
it had. In the end every message that a 250 was heard for is in its mailbox, and none twice, save where a host died
between its 250 and the other one's noting it (RFC 1047): then both copies came from one entry in one queue.
"""
