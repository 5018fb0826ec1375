"""The IMAP service of a mail host: sessions that execute commands on the folders of an account."""
