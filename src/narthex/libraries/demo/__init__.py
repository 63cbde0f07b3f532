"""Brightwater Kites, a small invented company: three MCP servers that show what a gateway is for.

Knows: how they are started, and two endpoints over them. Refuses to know: the gateway that reads it.
"""

import sys
from typing import Any

SERVERS = ("crm", "tickets", "docs")


def demo_config() -> dict[str, Any]:
    """The configuration of `narthex demo`, as a plain tree of our YAML. Needs no network and no other program."""
    return {
        "name": "brightwater-kites",
        "servers": [
            {"name": name, "command": [sys.executable, "-m", f"narthex.libraries.demo.{name}"]} for name in SERVERS
        ],
        "endpoints": {
            "support": {
                "description": "For the agent that answers customers: all of the tickets, and the contacts to read.",
                "servers": ["tickets", "crm"],
                "include": ["tickets/*", "crm/search_contacts", "crm/get_contact"],
                "tools": {
                    "crm/search_contacts": {
                        "name": "find_customer",
                        "description": "Find the customer a ticket is about, by any part of name, company or city.",
                    }
                },
            },
            "sales": {
                "description": "For the agent that prepares visits: contacts, notes and the company's documents.",
                "servers": ["crm", "docs"],
            },
        },
    }
