"""Databases whose approved queries are tools.

Knows: dialects, bound parameters, connections, rows. Refuses to know: MCP beyond `libraries.server`, and SQL that
anybody but the operator wrote.
"""
