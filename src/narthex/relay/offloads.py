"""Results that were too large for an answer, put aside to be read in pages: `resources/read` of `narthex-result:…`.

Knows: whose a result is, at which endpoint, and until when. Refuses to decide what is put aside (`policy/result`), and
to list any: whoever does not hold the address learns nothing from here.

They are in memory: a result is worth little when the process that got it is gone, and it may be what nobody wants on a
disk (docs/decisions/0025). The address is sealed to caller and endpoint; what it leads to is looked up by a number in
it that nobody can guess.
"""

import hashlib
import secrets
import time
from typing import Any, NamedTuple

from narthex.catalog.resolve import unknown_resource
from narthex.limits import offloaded_bytes_max, offloaded_per_holder_bytes_max, offloaded_results_max
from narthex.model.call import Call
from narthex.model.endpoint import Tool
from narthex.model.outcome import Result
from narthex.policy import stopped
from narthex.policy.guarding.whole import Page
from narthex.policy.scopes import missing, needed_by
from narthex.policy.thing import thing_of
from narthex.wire.faults import INVALID_PARAMS, LEGACY_RESOURCE_NOT_FOUND
from narthex.wire.revisions import OWN_META
from narthex.wire.seal import RESULT, Sealer, Unsealed
from narthex.wire.translate import legacy_result, modern_result

SCHEME = "narthex-result:"
PAGE = OWN_META + "page"
_NAME = "narthex-result"


class Slip:
    """For one result that may have to be put aside. Sealed only when somebody asks for the address."""

    __slots__ = ("_call", "_offloads", "_seconds", "_uri", "number", "pages")

    def __init__(self, offloads: "Offloads", call: Call, seconds: int) -> None:
        self._offloads, self._call, self._seconds = offloads, call, seconds
        self.number = secrets.token_bytes(16)
        self.pages: tuple[Page, ...] = ()
        self._uri = ""

    @property
    def uri(self) -> str:
        if not self._uri:
            self._uri = self._offloads.address(self._call, self.number, self._seconds)
        return self._uri


class _Kept(NamedTuple):
    holder: bytes
    server: str
    tool: str | None  # its public name; None: it was a resource
    needed: frozenset[str]  # the scopes that whoever gets it must have
    pages: tuple[Page, ...]
    size: int
    expires: float  # wall clock


class Offloads:
    """One for the gateway."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._kept: dict[bytes, _Kept] = {}  # the oldest first
        self._bytes = 0
        self._by_holder: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> int:
        """Bytes of all, about."""
        return self._bytes

    # ---- putting aside

    def slip(self, call: Call) -> Slip | None:
        """For a call whose result is put aside if it is too large."""
        rule = call.settled.rules.result
        if rule is None or rule.when_larger != "offload":
            return None
        return Slip(self, call, rule.keep_seconds)

    def keep(self, call: Call) -> None:
        """The result that was put on the slip of this call can be read from now on."""
        slip, rule = call.slip, call.settled.rules.result
        if slip is None or not slip.pages or rule is None:
            return
        size = sum(len(page.content) + len(page.kind) + 128 for page in slip.pages)
        holder, tool = _holder(call), call.tool.public if call.tool is not None else None
        self._make_room(holder, size)
        self._kept[slip.number] = _Kept(
            holder, call.server, tool, needed_by(call), slip.pages, size, time.time() + rule.keep_seconds
        )
        self._bytes += size
        self._by_holder[holder] = self._by_holder.get(holder, 0) + size

    def address(self, call: Call, number: bytes, seconds: int) -> str:
        return SCHEME + self._sealer.seal(RESULT, [number, _holder(call)], time.time() + seconds)

    # ---- reading

    @staticmethod
    def is_ours(call: Call) -> bool:
        uri = call.params.get("uri")
        return type(uri) is str and uri.startswith(SCHEME)

    def read(self, call: Call) -> Result:
        """One page. Raises `PeerFault`: the same for what is not there, is over, or is another caller's."""
        uri, call.exposed = call.params["uri"], _NAME  # the address itself belongs into no log
        base, number = _split(uri)
        kept = self._find(call, base)
        if kept is None or not 1 <= number <= len(kept.pages):
            raise unknown_resource(uri, INVALID_PARAMS if call.modern else LEGACY_RESOURCE_NOT_FOUND)
        members = _members(kept.pages, number, uri, base)
        if call.modern:
            return Result(modern_result(call.method, members, call.endpoint.server_info, cache=(0, "private")))
        return Result(legacy_result(call.method, members, call.revision))

    def _find(self, call: Call, base: str) -> _Kept | None:
        now = time.time()
        try:
            number, holder = self._sealer.open(RESULT, base[len(SCHEME) :], now)
        except (Unsealed, ValueError, TypeError):
            return None
        kept = self._kept.get(number)
        if kept is None or holder != _holder(call) or kept.holder != holder or kept.expires <= now:
            return None
        return kept if self._may(call, kept) else None

    @staticmethod
    def _may(call: Call, kept: _Kept) -> bool:
        """Whether the caller might still get such a result where it came from."""
        endpoint, who = call.endpoint, call.principal
        if kept.server not in endpoint.servers or missing(who, kept.needed):
            return False
        call.server = kept.server
        if kept.tool is None:
            return not missing(who, endpoint.reach[kept.server].needs) and stopped.request(call) is None
        tool: Tool | None = endpoint.tools.get(kept.tool)
        if tool is None or tool.server != kept.server or missing(who, tool.needs):
            return False
        call.tool, call.exposed = tool, tool.public
        try:
            barred = stopped.request(call) is not None
            judge = endpoint.judge
            return not barred and (judge is None or not judge.hides(endpoint, who, "tools/call", thing_of(call)))
        finally:
            call.tool, call.exposed = None, _NAME  # the request is about a resource

    # ---- bounds

    def sweep(self) -> None:
        now = time.time()
        for number in [number for number, kept in self._kept.items() if kept.expires <= now]:
            self._forget(number)

    def _make_room(self, holder: bytes, size: int) -> None:
        while self._by_holder.get(holder, 0) + size > offloaded_per_holder_bytes_max and self._by_holder.get(holder):
            self._forget(next(number for number, kept in self._kept.items() if kept.holder == holder))
        while self._kept and (len(self._kept) >= offloaded_results_max or self._bytes + size > offloaded_bytes_max):
            self._forget(next(iter(self._kept)))

    def _forget(self, number: bytes) -> None:
        kept = self._kept.pop(number)
        self._bytes -= kept.size
        left = self._by_holder.get(kept.holder, 0) - kept.size
        if left > 0:
            self._by_holder[kept.holder] = left
        else:
            self._by_holder.pop(kept.holder, None)


def _split(uri: str) -> tuple[str, int]:
    """The address of the first page, and the number of this one; 0 is no page."""
    base, slash, page = uri.partition("/")
    if not slash:
        return base, 1
    return base, int(page) if page.isascii() and page.isdigit() and len(page) < 10 else 0


def _members(pages: tuple[Page, ...], number: int, uri: str, base: str) -> dict[str, Any]:
    page, count = pages[number - 1], len(pages)
    text = page.content.decode()
    contents: list[dict[str, Any]] = [{"uri": uri, "mimeType": page.kind, ("blob" if page.is_blob else "text"): text}]
    told: dict[str, Any] = {"page": number, "pages": count}
    if number < count:
        told["next"] = following = f"{base}/{number + 1}"
        # Models see texts, and no `_meta`.
        note = f"[page {number} of {count}; the next one is the resource {following}]"
        contents.append({"uri": following, "mimeType": "text/plain", "text": note})
    return {"contents": contents, "_meta": {PAGE: told}}


def _holder(call: Call) -> bytes:
    text = f"{call.principal.key}\x00{call.endpoint.name}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
