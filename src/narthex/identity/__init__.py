"""Who is asking: from what a request shows to a `Principal`, or to the reason why not.

Knows: tokens, keys, and who may vouch for whom. Refuses to know: HTTP answers, tools, and what a scope allows.
"""
