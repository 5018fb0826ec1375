"""A node: the process that some of a lab's hosts live in, when they do not live in the lab's own."""
