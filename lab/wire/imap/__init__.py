"""IMAP as a server speaks it, without a socket (RFC 3501, RFC 9051): octets in, typed commands and replies out."""
