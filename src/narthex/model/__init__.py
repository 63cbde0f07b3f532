"""SILENT. The nouns of the house: Call, Principal, Tool, Snapshot, Denial, errors.

Knows: what things are, and their form. Refuses to know: what is done with them.
"""
