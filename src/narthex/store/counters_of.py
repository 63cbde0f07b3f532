"""Which store keeps the counts of limits.

Knows: the choices. Refuses to know: how any of them counts.
"""

from pathlib import Path

from narthex.model.shared import SharedConfig
from narthex.ports import Counters
from narthex.store.counters import StoredCounters
from narthex.store.folder import StateFault


def counters_of(shared: SharedConfig | None, folder: Path) -> Counters:
    """Raises `StateFault` where something is not installed."""
    if shared is None:
        return StoredCounters(folder)
    try:
        from narthex.store.counters_shared import SharedCounters
    except ImportError:
        raise StateFault("`shared` needs a client of Redis and Valkey: pip install 'narthex[redis]'") from None
    return SharedCounters(shared, folder)
