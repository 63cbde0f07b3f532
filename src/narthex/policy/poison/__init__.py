"""SILENT. What in a tool's definition, or in its answer, speaks to the model as if it were the house.

Knows: how such texts are written and hidden. Refuses to know: what is done with one, who asked, and where it came from.
A score is an opinion, not a proof: docs/definitions.md says how often it is wrong, both ways.
"""
