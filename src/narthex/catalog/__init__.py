"""SILENT. What exists under which name: merged lists, endpoints, their order.

Knows: names, definitions, how many servers become one list. Refuses to know: whether a server is up, who is
asking, and how anything is fetched.
"""
