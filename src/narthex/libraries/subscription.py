"""One `subscriptions/listen` of 2026-07-28: what was asked for, what is honoured, and the telling.

Knows: its filter. Refuses to know: when it ends.
"""

from narthex.libraries.exchange import SUBSCRIPTION, Exchange
from narthex.libraries.server import Server, Tree


class Subscription:
    """One `subscriptions/listen`. What it honours is said first."""

    def __init__(self, exchange: Exchange, honoured: Tree) -> None:
        self._exchange, self.wanted = exchange, honoured
        self._notify("notifications/subscriptions/acknowledged", {"notifications": honoured})

    def hear(self, method: str, params: Tree) -> None:
        if method == "notifications/resources/updated":
            wanted = params["uri"] in self.wanted.get("resourceSubscriptions", ())
        else:
            wanted = self.wanted.get("resourcesListChanged", False)
        if wanted:
            self._notify(method, params)

    def _notify(self, method: str, params: Tree) -> None:
        self._exchange.notify(method, params | {"_meta": {SUBSCRIPTION: self._exchange.id}})


def honoured(asked: Tree, server: Server) -> Tree:
    """The part of a filter that this server has news for."""
    honoured: Tree = {}
    if server.subscribable:
        if asked.get("resourcesListChanged") is True:
            honoured["resourcesListChanged"] = True
        uris = asked.get("resourceSubscriptions")
        if isinstance(uris, list):
            honoured["resourceSubscriptions"] = [uri for uri in uris if isinstance(uri, str)]
    return honoured
