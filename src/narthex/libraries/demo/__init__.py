"""Brightwater Kites, a small invented company: what its teams have behind one gateway.

Knows: the company's servers, an endpoint for each team, and what a team's key may do. Refuses to know: the gateway that
reads it.
"""

import sys
from pathlib import Path
from typing import Any

Tree = dict[str, Any]

COMPANY = "brightwater-kites"
SERVERS = ("crm", "tickets", "docs")  # those that are programs of their own, here
TEAMS = {
    "sales": ("crm:read", "analytics:read"),
    "engineering": ("analytics:read", "metrics:read"),
}  # endpoint: the scopes of its key

_SHOWN_OF_CONTACTS = ["id", "name", "company", "title", "city", "owner", "since", "found", "note"]


def demo_config(folder: Path | None = None, prometheus: Tree | None = None, *, by_key: bool = False) -> Tree:
    """The configuration of `narthex demo`, as a plain tree of our YAML. Needs no network and no other program.

    `folder`: where contacts and figures are kept; without it they go with the gateway. `prometheus`: one more server.
    `by_key`: callers are asked who they are, so that scopes can be wanted of them.
    """
    # Trusted: what a library of the house says of its tools is true, so a call that only reads is one line on record.
    common: Tree = {"trusted": True, **({} if folder is None else {"settings": {"folder": str(folder)}})}

    def wanting(scope: str) -> Tree:
        return {"required_scopes": [scope]} if by_key else {}

    metrics = [] if prometheus is None else [{**prometheus, **wanting("metrics:read")}]
    return {
        "name": COMPANY,
        "servers": [
            {
                "name": "crm",
                "python": "narthex.libraries.crm",
                **common,
                **wanting("crm:read"),
                # The library keeps back how people can be reached. Should it ever show more, this is a second wall.
                "redaction": {"detect": ["pii", "secrets"]},
                # Text that is no JSON is what a model is told when something is wrong; it is looked through as well.
                "rules": {"crm_search_contacts": {"redaction": {"keep": _SHOWN_OF_CONTACTS, "other_text": "pass"}}},
            },
            {"name": "analytics", "python": "narthex.libraries.analytics", **common, **wanting("analytics:read")},
            # Stateless: what is written down in there is for the whole company, and for no single caller.
            {"name": "tickets", "command": _program("tickets"), "stateless": True},
            {"name": "docs", "command": _program("docs"), "stateless": True},
            *metrics,
        ],
        "endpoints": {
            "sales": {
                "description": "For the agent that prepares visits: contacts, figures and the company's documents.",
                "servers": ["crm", "analytics", "docs"],
                "names": "bare",
                "tools": {
                    "docs/search_docs": {"name": "find_document", "description": "Find a price, a rule, a song."}
                },
            },
            "engineering": {
                "description": "For the agent that looks after the kites: figures, tickets and documents; no contacts.",
                "servers": ["analytics", "tickets", "docs", *(one["name"] for one in metrics)],
                "names": "bare",
            },
        },
    }


def _program(name: str) -> list[str]:
    return [sys.executable, "-m", f"narthex.libraries.demo.{name}"]
