"""Log lines and metrics: what happened, said once.

Knows: how to count, to time, to say one sentence per call. Refuses to know: what should have happened.
"""
