"""Servers that are started from a command line and spoken to over pipes, one JSON message to a line.

Knows: processes: starting, limiting, listening to, stopping them, and leaving nothing behind. Refuses to know: who
is asking, and where a command came from: the configuration file alone may carry one, never a request.
"""
