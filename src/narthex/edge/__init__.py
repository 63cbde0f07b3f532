"""The fast door: where MCP clients of every revision come in.

Knows: connections, HTTP, event streams, sessions' streams, the limits of a stranger. Refuses to know: which
server answers, and whether the caller may ask; that is for `relay` to find out and `policy` to say.
"""
