"""A running lab and the verbs that steer it: a daemon behind a Unix socket, and its client."""
