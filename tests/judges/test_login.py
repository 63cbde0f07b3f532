"""The official Python SDK's OAuth client logs in at a real gateway, known by name or document, and renews a token.

Without a browser, so on every machine: forms are filled as the pages say, and where the last redirect leads is asked.
"""

from pathlib import Path
from typing import Any

import pytest
from issuer_kit import PASSWORD, Browser, ask
from login_house import Client, House, client, served

pytestmark = pytest.mark.clients


async def log_in(house: House, folder: Path, document: str = "-") -> dict[str, Any]:
    with client("python-sdk-2", folder, house.mcp, document, "renew") as app:
        await agree(app)
        return app.saw()


async def agree(app: Client) -> None:
    person = Browser()
    login = await person.get(app.opens())
    consent = await person.submit(login, "login-form", {"name": "bo", "password": PASSWORD})
    answer = await person.submit(consent, "consent-form", {"decision": "allow"})
    await ask(answer.location)


async def test_a_client_logs_in_and_renews_its_token(clients_part: None, tmp_path: Path) -> None:
    with served(tmp_path) as house:
        registered = await log_in(house, tmp_path)
        documented = await log_in(house, tmp_path, house.document)

        assert registered["client"].startswith("dyn-")
        assert documented["client"] == house.document
        for seen in (registered, documented):
            assert "search_contacts" in seen["tools"]
            assert seen["scope"] == "mcp:tools"
            assert seen["renewed"] is True
