"""Conversations with servers: one file per way of speaking MCP, all with the same face (`ask.Link`).

Knows: the wire of each era and transport. Refuses to know: which conversation a call should use (`upstream.server`).
"""
