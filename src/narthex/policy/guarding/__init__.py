"""How a result that is too large is made smaller: at the boundaries of JSON values, lines and pages.

Knows: texts and their sizes. Refuses to know: calls, callers and rules (that is `policy/result`).
"""
