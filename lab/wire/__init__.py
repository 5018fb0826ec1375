"""Protocols as pure functions: bytes in, meaning out. No sockets, no clock, no asyncio."""
