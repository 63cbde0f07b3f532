"""SILENT. May this call pass? One file per filter, and THE ORDER is one tuple with a reason per place.

Knows: a call, the facts gathered for it, the yes or no. Refuses to know: time, network, storage; whatever a
filter needs was fetched before it was asked.
"""
