"""A library of tools: functions under a name, and whatever else they bring.

Knows: what was added, and what was included of other libraries. Refuses to know: how it is served.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from types import ModuleType
from typing import Any, Unpack, overload

from narthex.libraries.asking import let_go
from narthex.libraries.declared import MARK, Declared, Defaults, F, Said, declare
from narthex.libraries.function import Function, read
from narthex.libraries.home import Home, Lifespan
from narthex.libraries.made_tool import definition_of, tool_of
from narthex.libraries.server import REQUIRED_SCOPES, Server, Tree, requiring
from narthex.libraries.shelf import Completing, Resource, Shelf, prompt_of
from narthex.libraries.surroundings import NONE, Surroundings
from narthex.libraries.threads import THREADS, Threads
from narthex.libraries.uri_template import UriTemplate

_WHERE = "dev.narthex/library"


@dataclass(frozen=True, slots=True)
class _Tool:
    definition: Tree
    function: Function
    declared: Declared
    home: "Library"


@dataclass(frozen=True, slots=True)
class _Prompt:
    definition: Tree
    function: Function
    home: "Library"
    completers: dict[str, Completing] = field(default_factory=dict)


class Library:
    """`scopes`, `rate_limit`, `cost`, `approval` and `tags` hold for each of its tools that says nothing else.

    `threads`: how many of its functions that wait are at work at once. `lifespan`: an async context manager that gets
    the library's settings and secrets, is entered with the first call and left at the end; what it yields is
    `context.state`.
    """

    def __init__(
        self,
        name: str,
        *,
        version: str = "0.1.0",
        title: str = "",
        instructions: str = "",
        threads: int = THREADS,
        lifespan: Lifespan | None = None,
        **defaults: Unpack[Defaults],
    ) -> None:
        self.name, self.version, self.title, self.instructions = name, version, title, instructions
        if threads < 1:
            raise ValueError("`threads` is 1 or more")
        self.threads, self.lifespan = threads, lifespan
        self.defaults = declare(**defaults)
        self._tools: dict[str, _Tool] = {}
        self._prompts: dict[str, _Prompt] = {}
        self._resources: dict[str, tuple[Resource, Library]] = {}
        self._included: list[Library] = []

    def __repr__(self) -> str:
        return f"<Library {self.name} {self.version}: {len(self._tools)} tools>"

    # What is in it.

    @overload
    def tool(self, function: F, /) -> F: ...
    @overload
    def tool(self, **said: Unpack[Said]) -> Callable[[F], F]: ...
    def tool(self, function: Any = None, /, **said: Unpack[Said]) -> Any:  # type: ignore[misc]
        """Offer a function as a tool. It stays what it is.

        `name`, `title`, `description`, `scopes`, `rate_limit`, `cost`, `approval`, `tags`, `read_only`, `destructive`,
        `idempotent`, `open_world`, `on_loop`, `when` (a setting that has to be true). Raises TypeError and
        ValueError for what cannot be meant.
        """

        def keep(decorated: Any) -> Any:
            self._keep_tool(decorated, declare(**said))
            return decorated

        return keep if function is None else keep(function)

    def add(self, *functions: Callable[..., Any]) -> "Library":
        """Functions of elsewhere, with what `@tool` said of them."""
        for function in functions:
            self._keep_tool(function, getattr(function, MARK, None) or declare())
        return self

    def resource(
        self,
        uri: str,
        *,
        name: str | None = None,
        title: str = "",
        description: str = "",
        mime_type: str = "",
        scopes: Sequence[str] = (),
        complete: Mapping[str, Completing] | None = None,
    ) -> Callable[[F], F]:
        """Offer what a function returns to be read. Names in `{}` of the URI are its parameters."""
        template = UriTemplate(uri)

        def keep(decorated: F) -> F:
            function = read(decorated)
            _same_names(function, template)
            if uri in self._resources:
                raise ValueError(f"there is a resource '{uri}' already")
            definition: Tree = {"uriTemplate" if template.names else "uri": uri, "name": name or function.name}
            said = {"title": title, "description": description or function.text, "mimeType": mime_type}
            definition |= {key: value for key, value in said.items() if value}
            wanted = (*self.defaults.scopes, *scopes)
            resource = Resource(requiring(definition, wanted), template, function, mime_type, dict(complete or {}))
            self._resources[uri] = resource, self
            return decorated

        return keep

    @overload
    def prompt(self, function: F, /) -> F: ...
    @overload
    def prompt(
        self,
        *,
        name: str | None = None,
        title: str = "",
        description: str = "",
        scopes: Sequence[str] = (),
        complete: Mapping[str, Completing] | None = None,
    ) -> Callable[[F], F]: ...
    def prompt(  # type: ignore[misc]
        self,
        function: Any = None,
        /,
        *,
        name: str | None = None,
        title: str = "",
        description: str = "",
        scopes: Sequence[str] = (),
        complete: Mapping[str, Completing] | None = None,
    ) -> Any:
        """Offer what a function returns as a prompt: text, or a list of messages."""

        def keep(decorated: Any) -> Any:
            found = read(decorated)
            called = name or found.name
            if called in self._prompts:
                raise ValueError(f"there is a prompt '{called}' already")
            definition: Tree = {"name": called, **({"title": title} if title else {})}
            definition["description"] = description or found.text or f"{called.replace('_', ' ').capitalize()}."
            definition["arguments"] = _prompt_arguments(found)
            definition = requiring(definition, (*self.defaults.scopes, *scopes))
            self._prompts[called] = _Prompt(definition, found, self, dict(complete or {}))
            return decorated

        return keep if function is None else keep(function)

    def include(
        self,
        other: "Library | ModuleType",
        *,
        prefix: str = "",
        only: Sequence[str] = ("*",),
        exclude: Sequence[str] = (),
        rename: Mapping[str, str] | None = None,
        bind: Mapping[str, Mapping[str, Any]] | None = None,
        scopes: Sequence[str] = (),
    ) -> "Library":
        """Offer what another library has by now, too.

        `only` and `exclude` are names or globs of tools; `rename` is by the other's own names, and wins over `prefix`;
        `bind` gives arguments, which are then neither seen nor taken. `scopes` are required besides its own.
        """
        other = of_module(other) if isinstance(other, ModuleType) else other
        rename, bind = dict(rename or {}), dict(bind or {})
        unknown = [name for name in (*rename, *bind) if name not in other._tools]
        if unknown:
            raise ValueError(f"the library '{other.name}' has no tool {', '.join(unknown)}")
        for name, tool in other._tools.items():
            if _chosen(name, only, exclude):
                self._take(rename.get(name, prefix + name), tool, bind.get(name, {}), scopes)
        for called, prompt in other._prompts.items():
            if prefix + called in self._prompts:
                raise ValueError(f"there is a prompt '{prefix + called}' already")
            definition = requiring({**prompt.definition, "name": prefix + called}, _all(prompt.definition, scopes))
            self._prompts[prefix + called] = replace(prompt, definition=definition)
        for uri, (resource, home) in other._resources.items():
            if uri in self._resources:
                raise ValueError(f"there is a resource '{uri}' already")
            definition = requiring(resource.definition, _all(resource.definition, scopes))
            self._resources[uri] = replace(resource, definition=definition), home
        self._included.append(other)
        return self

    # How it is served.

    def to_server(self, given: Surroundings = NONE) -> Server:
        """A server of it; several of one library know nothing of each other."""
        homes: dict[int, Home] = {}
        threads = Threads(self.name, self.threads)

        def home(library: Library) -> Home:
            if id(library) not in homes:
                homes[id(library)] = Home(library.name, given.of(library.name), threads, library.lifespan)
            return homes[id(library)]

        server = Server(self.name, self.title or self.name, self.version, self._said(), logs=True, reads_privately=True)
        for name, tool in self._tools.items():
            if not tool.declared.offered(home(tool.home).given.settings):
                continue
            server.tools[name] = tool_of(tool.definition, tool.function, tool.declared, home(tool.home))
        for name, prompt in self._prompts.items():
            server.prompts[name] = prompt_of(prompt.definition, prompt.function, home(prompt.home), prompt.completers)
        if self._resources:
            server.resources = Shelf([(one, home(library)) for one, library in self._resources.values()])

        async def close() -> None:
            await let_go(server)
            for one in homes.values():
                await one.aclose()

        server.on_close.append(close)
        return server

    def _said(self) -> str:
        return "\n\n".join(dict.fromkeys(one.instructions for one in (self, *self._included) if one.instructions))

    def _keep_tool(self, decorated: Callable[..., Any], said: Declared) -> None:
        function, declared = read(decorated), said.beside(self.defaults)
        name = declared.name or function.name
        if name in self._tools:
            raise ValueError(f"there is a tool '{name}' in the library '{self.name}' already")
        declare(name=name)
        self._tools[name] = _Tool(definition_of(name, function, declared), function, declared, self)

    def _take(self, name: str, tool: _Tool, bind: Mapping[str, Any], scopes: Sequence[str]) -> None:
        if name in self._tools:
            raise ValueError(f"there is a tool '{name}' in the library '{self.name}' already")
        function = tool.function.bind(bind) if bind else tool.function
        declared = declare(name=name, scopes=scopes, tags=self.defaults.tags)
        declared = tool.declared.beside(declared.beside(replace(self.defaults, tags=())))
        definition = definition_of(name, function, replace(declared, name=name))
        meta = {**definition.get("_meta", {}), _WHERE: {"name": tool.home.name, "version": tool.home.version}}
        self._tools[name] = _Tool({**definition, "_meta": meta}, function, declared, tool.home)


def of_module(module: ModuleType, name: str = "") -> Library:
    """Its `@tool` functions as a library, where it says nothing else. Raises ValueError where there are none.

    `name`: of the library; absent: the module's own.
    """
    found = [one for one in vars(module).values() if callable(one) and hasattr(one, MARK)]
    if not found:
        raise ValueError(f"'{name or module.__name__}' has no Library, and no functions with @tool")
    name = name or module.__name__.rpartition(".")[2]
    library = Library(name, version=str(getattr(module, "__version__", "0.1.0")))
    return library.add(*dict.fromkeys(found))


def _chosen(name: str, only: Sequence[str], exclude: Sequence[str]) -> bool:
    def met(patterns: Sequence[str]) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    return met(only) and not met(exclude)


def _all(definition: Tree, scopes: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*definition.get("_meta", {}).get(REQUIRED_SCOPES, ()), *scopes)))


def _same_names(function: Function, template: UriTemplate) -> None:
    taken = {one.name for one in function.parameters}
    needed = {one.name for one in function.parameters if one.required}
    surplus, missing = set(template.names) - taken, needed - set(template.names)
    if surplus or missing:
        names = ", ".join(sorted(surplus or missing))
        what = "is in the URI, and no parameter" if surplus else "is a parameter, and not in the URI"
        raise TypeError(f"{function.name}(): {names} {what} of '{template.text}'")
    optional = {one.name for one in function.parameters if not one.required} & set(template.names)
    if set(template.queried) - optional:
        names = ", ".join(sorted(set(template.queried) - optional))
        raise TypeError(f"{function.name}(): {names} may be missing in the URI, so its parameter needs a default")


def _prompt_arguments(function: Function) -> list[Tree]:
    properties = function.schema()["properties"]
    found = []
    for one in function.parameters:
        said = properties[one.name].get("description")
        found.append({"name": one.name, **({"description": said} if said else {}), "required": one.required})
    return found
