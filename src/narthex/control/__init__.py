"""The slow desk: from configuration to snapshot, and what the operator may ask or change.

Knows: files, the compiled world, the administration address. Refuses to know: any single call.
"""
