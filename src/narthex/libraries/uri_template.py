"""URI templates (RFC 6570): which URIs one means, and what stands in them.

Knows: `{name}`, `{+path}` and `{path*}` with slashes, `{?a,b}`. Refuses to know: resources.
"""

import re
from urllib.parse import unquote, unquote_to_bytes

_EXPRESSION = re.compile(r"\{([+?&]?)([A-Za-z_][\w]*\*?(?:,[A-Za-z_][\w]*\*?)*)\}")
uri_chars_max = 4_096


class UriTemplate:
    """Raises ValueError where the text is no template of this kind."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: list[str] = []
        self.queried: list[str] = []
        self._deep: set[str] = set()  # with slashes
        pattern, ended, place = "", False, 0
        for found in _EXPRESSION.finditer(text):
            between = text[place : found.start()]
            if ended and (between or found[1] not in ("?", "&")):
                raise ValueError(f"nothing follows a {{?…}} in a URI template: {text!r}")
            pattern += re.escape(between)
            place = found.end()
            names = [name.rstrip("*") for name in found[2].split(",")]
            if found[1] in ("?", "&"):
                ended = True
                self.queried += names
            else:
                if len(names) > 1:
                    raise ValueError(f"one name in each {{…}} of a URI template: {text!r}")
                deep = found[1] == "+" or found[2].endswith("*")
                if deep:
                    self._deep.add(names[0])
                pattern += rf"(?P<{names[0]}>[^?#]+)" if deep else rf"(?P<{names[0]}>[^/?#&]+)"
            self.names += names
        rest = text[place:]
        if ended and rest:
            raise ValueError(f"nothing follows a {{?…}} in a URI template: {text!r}")
        self.wide = len(self._deep), -len(_EXPRESSION.sub("", text))  # how much it leaves open: the least goes first
        if "{" in rest or "}" in rest or re.search(r"[{}]", _EXPRESSION.sub("", text)):
            raise ValueError(f"this is no URI template: {text!r}")
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"a name stands twice in the URI template {text!r}")
        self._pattern = re.compile(pattern + re.escape(rest) + (r"(?:\?(?P<_query>[^#]*))?" if self.queried else ""))

    def match(self, uri: str) -> dict[str, str] | None:
        """What stands in the URI, unescaped; None: it is not one of these."""
        if len(uri) > uri_chars_max:
            return None
        found = self._pattern.fullmatch(uri)
        if found is None:
            return None
        try:
            values = {
                name: _unescaped(value)
                for name, value in found.groupdict().items()
                if name != "_query" and value is not None
            }
            query = found.groupdict().get("_query") if self.queried else None
            for pair in (query or "").split("&"):
                name, equals, value = pair.partition("=")
                if pair and not (equals and name in self.queried):
                    return None
                if pair:
                    values[name] = _unescaped(value)
        except UnicodeDecodeError:
            return None
        return values if all(self._is_harmless(name, value) for name, value in values.items()) else None

    def _is_harmless(self, name: str, value: str) -> bool:
        """A path stays below where it begins, and a name is one segment, however they are escaped."""
        if name in self.queried:
            return True
        segments = value.replace("\\", "/").split("/")
        return ".." not in segments and "\0" not in value and (name in self._deep or len(segments) == 1)


def _unescaped(value: str) -> str:
    unquote_to_bytes(value).decode("utf-8")  # refuses what `unquote` would replace
    return unquote(value)
