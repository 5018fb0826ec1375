"""Puts a plan on a fabric and runs it."""
