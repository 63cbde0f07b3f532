"""Sets of Python functions that ship as tools, each a small MCP server of its own.

Knows: its subject, and the public protocol. Refuses to know: the gateway; a library imports nothing of the
house.
"""
