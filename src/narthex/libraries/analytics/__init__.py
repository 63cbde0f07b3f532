"""Approved questions to a warehouse as a tool: `python: narthex.libraries.analytics`.

Knows: where its library is. Refuses to know: anything else.
"""

from narthex.libraries.analytics.tools import library as library
