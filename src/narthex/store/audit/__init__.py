"""The audit log: what was decided and what became of it, written down before it counts, provable to strangers.

Knows: segments, chains, signatures, whoever reads them. Refuses to know: calls, and who may make them.

`journal.py:Journal` writes, `verify.py:verify` proves, `follow.py:Follower` reads on, `sinks/` carries elsewhere.
"""
