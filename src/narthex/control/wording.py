"""What one key of the configuration means: a sentence, and an example.

Knows: the shape. Refuses to know: any key.
"""

from typing import NamedTuple


class Words(NamedTuple):
    text: str
    example: str = ""  # a YAML value, as it would stand after the colon
