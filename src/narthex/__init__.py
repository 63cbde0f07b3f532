"""Narthex: one URL between a company's AI agents and all its tools.

Knows: its own version. Refuses to know: anything else; importing it costs nothing.
"""

__version__ = "0.1.0"
