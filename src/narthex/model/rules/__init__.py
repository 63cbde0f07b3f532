"""What the operator may lay down about calls, one noun per concern, and the places where it may stand.

Knows: choices, numbers, patterns, as they are written. Refuses to know: what is made of them (`policy`, `catalog`).
"""
