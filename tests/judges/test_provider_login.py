"""People sign in at a certified OpenID provider, and clients that it has never heard of get our tokens."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from outside import places

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "issuer"))

from issuer_kit import Browser, Form, Reply, claims_of, stage

from narthex.model.issuer import LoginConfig

pytestmark = pytest.mark.provider

SCRIPT = places.CONFORMANCE / "fixtures" / "login_provider.mjs"
SECONDS_MAX = 20.0
PAGES_MAX = 5


class People:
    """The provider, and what somebody does on its pages."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.issuer = process.stdout.readline().strip()

    def know(self, redirect_uri: str) -> None:
        self._process.stdin.write(f"{redirect_uri}\n")
        self._process.stdin.flush()

        assert self._process.stdout.readline() == "known\n"

    async def sign_in(self, url: str, name: str) -> Reply:
        """Up to where the browser is sent back."""
        browser = Browser()
        page = await browser.get(url)
        for _ in range(PAGES_MAX):
            if page.status in (302, 303):
                return page
            (form,) = Form(page.text).forms
            page = await browser.submit(page, form, {"login": name, "password": "x"})
        raise AssertionError(f"the way did not end: {page.text[:500]}")


@pytest.fixture
def people(provider_part: None, tmp_path: Path) -> Iterator[People]:
    command = [str(places.node()), "--input-type=module", "--eval", SCRIPT.read_text("utf-8")]
    with (
        (tmp_path / "provider.log").open("wb") as errors,
        subprocess.Popen(
            command,
            cwd=places.packages("provider"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield People(process)
        finally:
            process.stdin.close()
            process.wait(SECONDS_MAX)


@pytest.mark.parametrize(("name", "scopes"), [("ana", {"mcp:tools", "mcp:admin"}), ("bo", {"mcp:tools"})])
async def test_somebody_signs_in_there_and_an_app_gets_what_their_role_may_have(
    people: People, tmp_path: Path, name: str, scopes: set[str]
) -> None:
    login = LoginConfig(issuer=people.issuer, client_id="narthex", client_secret="login secret")
    async with stage(tmp_path, users=None, login=login, everyone=("mcp:tools",)) as here:
        people.know(f"{here.url}/oauth/callback")
        app, browser = await here.register(), Browser()
        away = await browser.get(app.url(scope="mcp:tools mcp:admin"))
        back = await people.sign_in(away.location, name)

        consent = await browser.get(back.location)
        answer = await browser.submit(consent, "consent-form", {"decision": "allow"})
        tokens = (await app.redeem(answer.answered["code"])).json

        assert back.answered["iss"] == people.issuer
        assert Form(consent.text).ids["subject"] == f"{name}@corp.example"
        assert claims_of(tokens["access_token"])["sub"] == name
        assert set(tokens["scope"].split()) == scopes
