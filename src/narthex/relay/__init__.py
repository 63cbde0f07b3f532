"""The data plane: takes one call through the hall.

Knows: the order of the steps and every wait between them. Refuses to know: whether a call is allowed
(`policy`), what a name means (`catalog`), how bytes travel (`edge`, `upstream`). It waits and never
decides.
"""
