"""The mail hosts: SMTP server, queue, transfer agent, mailboxes."""
