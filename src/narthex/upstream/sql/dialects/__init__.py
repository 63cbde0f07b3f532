"""One file for each database: how it is connected to, kept from writing, asked, and stopped.

Knows: drivers. Refuses to know: where statements and values come from.
"""
