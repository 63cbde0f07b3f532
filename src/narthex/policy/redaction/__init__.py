"""SILENT. Finding what may not leave the house, and writing something else in its place.

Knows: what an e-mail address, a card number or a key looks like; JSON as text; the operator's choice of what happens.
Refuses to know: calls, clocks, and who asked.
"""
