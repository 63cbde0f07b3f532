"""Sessions of one caller that are counted apart, without a new session being a new beginning.

Knows: which session counts in which slot of its caller. Refuses to know: what is counted, and when sessions end.

A session's own id would be a fresh bucket for whoever connects anew. So a caller has a few numbered slots; each session
counts in one, the least used slot is given to the next session, and what a slot owes stays with the slot.
"""

from narthex.limits import session_slots_max, tallies_max


class SessionSlots:
    def __init__(self, callers_max: int = tallies_max) -> None:
        self._callers_max = callers_max
        self._of: dict[str, dict[str, int]] = {}  # caller -> session -> slot, the one used last at the end

    def slot(self, caller: str, session: str) -> int:
        sessions = self._of.get(caller)
        if sessions is None:
            if len(self._of) >= self._callers_max:
                del self._of[next(iter(self._of))]
            sessions = self._of[caller] = {}
        slot = sessions.pop(session, None)
        if slot is None:
            slot = len(sessions) if len(sessions) < session_slots_max else sessions.pop(next(iter(sessions)))
        sessions[session] = slot
        return slot
