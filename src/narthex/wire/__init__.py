"""SILENT. Bytes to messages and back: JSON-RPC, revisions, headers, translation between eras, event streams.

Knows: what the protocol says, as tables and pure functions. Refuses to know: sockets, clocks, and who is
speaking.
"""
