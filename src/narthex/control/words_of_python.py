"""What the keys of a Python library mean, in words.

Knows: the sentences. Refuses to know: types and defaults (`model/config.py`).
"""

from narthex.control.wording import Words

OF_PYTHON = {
    "python": Words(
        "A library of tools in Python: `package.module[:library]`, a file `tools.py[:library]`, or the name an "
        "installed package gave it. See [tools in Python](python-tools.md).",
        "acme.tools",
    ),
    "process": Words(
        "`shared`: the library runs inside the gateway. `own`: in a process of its own, for code that is heavy on the "
        "processor, or not to be trusted.",
        "own",
    ),
    "reload": Words("The library is loaded anew when its files change; for those who work on it.", "true"),
    "settings": Words("What the library may ask for by name.", "{region: eu, page_size: 50}"),
    "secrets": Words(
        "The same for secrets: they are masked in everything the library says.", '{API_TOKEN: "${CRM_TOKEN}"}'
    ),
}
