"""What whoever reads a resource of one server must have been granted, by its URI: listed or not.

Knows: the lines of the configuration that speak of resources, and what the server declares for its own. Refuses to
know: who is asking. A URI can be written in many ways, and an expansion of a template need not be listed anywhere: so
a requirement holds for whatever may be meant, and a line opens only what cannot be anything else.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from urllib.parse import unquote

from narthex.catalog.choose import is_glob
from narthex.catalog.globs import glob_spellings, same_host
from narthex.catalog.spellings import plain, spellings
from narthex.limits import guarded_templates_max
from narthex.model.scope import Said, total

_EXPRESSION = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the configuration: a URI or a glob of URIs, at an endpoint also as `server/URI`."""

    where: str
    pattern: str
    scopes: tuple[str, ...]
    server: str
    _loose: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _strict: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if is_glob(self.pattern):
            strict = "|".join(map(translate, same_host(self.pattern)))
            text = "|".join(map(translate, glob_spellings(self.pattern)))
        else:
            written = (self.pattern, self.pattern.removeprefix(f"{self.server}/"))
            text = "|".join(dict.fromkeys(_exactly(form) for one in written for form in (one, *spellings(one))))
            strict = text
        object.__setattr__(self, "_loose", re.compile(text, re.IGNORECASE))
        object.__setattr__(self, "_strict", re.compile(strict))

    def meets(self, uris: Iterable[str]) -> bool:
        """Whether it may speak of what is written so."""
        return any(self._loose.match(uri) or self._loose.match(f"{self.server}/{uri}") for uri in uris)

    def is_sure(self, uris: Iterable[str]) -> bool:
        """Whether it certainly does, however the server reads it."""
        return all(self._strict.match(uri) or self._strict.match(f"{self.server}/{uri}") for uri in uris)


@dataclass(frozen=True, slots=True)
class Template:
    """A resource template that requires something: so does every URI that can be made of it (RFC 6570)."""

    literals: tuple[tuple[str, ...], ...]  # what stands between the expressions, as written and without escapes
    said: tuple[Said, ...]

    def holds(self, uris: Iterable[str]) -> bool:
        return any(_made_of(uri, literals) for uri in uris for literals in self.literals)


@dataclass(frozen=True, slots=True)
class Guard:
    """For one server at one endpoint (`model.endpoint.Guard`)."""

    whole: tuple[Said, ...]  # what speaks of everything the server has
    silent_is_no: bool
    lines: tuple[Line, ...]
    declared: Mapping[str, Said]  # by every spelling of the URI, case folded
    templates: tuple[Template, ...]

    def needs(self, uri: str) -> frozenset[str]:
        return total(self.said(uri), silent_is_no=self.silent_is_no)

    def said(self, uri: str) -> Iterator[Said]:
        """Every place that speaks of this URI, under its server's own name of it."""
        yield from self.whole
        forms, sure = spellings(uri), plain(uri)
        if not sure:  # it may be anything
            yield from self._all()
            return
        for line in self.lines:
            if line.meets(forms):
                yield Said(line.where, line.scopes, opens=line.is_sure(sure))
        folded = [form.casefold() for form in forms]
        yield from dict.fromkeys(self.declared[form] for form in folded if form in self.declared)
        for template in self.templates:
            if template.holds(folded):
                yield from template.said

    def _all(self) -> Iterator[Said]:
        """Whatever is required of anything."""
        for line in self.lines:
            yield Said(line.where, line.scopes, opens=False)
        yield from dict.fromkeys(self.declared.values())
        for template in self.templates:
            yield from template.said

    @property
    def most(self) -> frozenset[str]:
        """Whoever has these may read whatever is open to anybody."""
        return frozenset(scope for one in (*self.whole, *self._all()) for scope in one.scopes)


def guard_of(
    whole: tuple[Said, ...],
    lines: tuple[Line, ...],
    resources: Mapping[str, Said],
    templates: Iterable[tuple[str, Said | None]],
    *,
    silent_is_no: bool,
) -> Guard | None:
    """`resources`: what is declared, by URI; `templates`: all of them, with what is declared. None: nothing speaks of
    single resources."""
    found = [_template(text, lines, declared) for text, declared in templates]
    guarded = [one for one in found if one.said]
    if not (lines or resources or guarded):
        return None
    declared = {form.casefold(): said for uri, said in resources.items() for form in (uri, *spellings(uri))}
    return Guard(whole, silent_is_no, lines, declared, _few(guarded))


def _template(text: str, lines: Iterable[Line], declared: Said | None) -> Template:
    forms = spellings(text)
    met = [line for line in lines if line.scopes and (not forms or line.meets(forms))]
    said = [Said(line.where, line.scopes, opens=False) for line in met]
    if declared is not None:
        said.append(declared)
    literals = tuple(_EXPRESSION.split(text.casefold()))
    return Template(tuple(dict.fromkeys((literals, tuple(map(unquote, literals))))), tuple(said))


def _few(templates: list[Template]) -> tuple[Template, ...]:
    """Every read looks at each. What those beyond the limit require, everything of this server does: it shuts more."""
    if len(templates) <= guarded_templates_max:
        return tuple(templates)
    kept, beyond = templates[:guarded_templates_max], templates[guarded_templates_max:]
    said = tuple(dict.fromkeys(one for template in beyond for one in template.said))
    return (*kept, Template((("", ""),), said))


def _made_of(uri: str, literals: tuple[str, ...]) -> bool:
    """Whether these follow each other in it, whatever stands between them. In linear time: servers write them."""
    first, *middle = literals
    if not middle:
        return uri == first
    last = middle.pop()
    if not uri.startswith(first):
        return False
    place = len(first)
    for literal in middle:
        place = uri.find(literal, place)
        if place < 0:
            return False
        place += len(literal)
    return len(uri) - len(last) >= place and uri.endswith(last)


def _exactly(text: str) -> str:
    return rf"(?s:{re.escape(text)})\Z"
