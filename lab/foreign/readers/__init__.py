"""Logs into events: a state machine for each software, over lines, without I/O.

The rule: what a log does not tell is not invented. Each reader's docstring has the table of what it tells.
"""
