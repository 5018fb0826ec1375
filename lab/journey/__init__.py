"""What happened to one message, and why: events in, a story out. Pure."""
