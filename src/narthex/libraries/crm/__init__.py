"""The contacts of an invented company as a tool: `python: narthex.libraries.crm`.

Knows: where its library is. Refuses to know: anything else.
"""

from narthex.libraries.crm.tools import library as library
