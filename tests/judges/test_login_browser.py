"""Other people's clients log in: their own OAuth on one side, a person before Chromium on the other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from issuer_kit import PASSWORD, claims_of
from login_browser import Browser, Tab, chromium, tab
from login_house import CLIENTS, House, client, served

pytestmark = pytest.mark.clients

# The older TypeScript SDK shows its refresh token instead, which cannot bring more, and gives up.
STEP_UP = ("python-sdk-2", "typescript-sdk-2")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def house(browser: Browser, clients_part: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with served(tmp_path_factory.mktemp("house")) as found:
        yield found


@pytest.fixture
def person(browser: Browser) -> Iterator[Tab]:
    with tab(browser) as found:
        yield found


@pytest.mark.parametrize("known", ["registered", "by its document"])
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_logs_in_and_calls(house: House, person: Tab, tmp_path: Path, name: str, known: str) -> None:
    document = house.document if known == "by its document" else "-"
    with client(name, tmp_path, house.mcp, document) as app:
        person.open(app.opens())
        assert person.text("client-name") == "SDK"
        person.sign_in("ana", PASSWORD)
        assert person.shown == "consent"
        person.decide("allow")
        seen = app.saw()

    assert_can_work(seen, "ana", "mcp:tools")
    assert "create_note" not in seen["tools"]
    assert seen["client"] == document if known == "by its document" else seen["client"].startswith("dyn-")
    assert person.complaints == []


def test_a_wrong_password_is_told_and_the_right_one_goes_on(house: House, person: Tab, tmp_path: Path) -> None:
    with client("python-sdk-2", tmp_path, house.mcp) as app:
        person.open(app.opens())
        person.sign_in("bo", "wrong")
        assert person.shown == "login"
        assert person.text("problem") == "That user name and password do not belong together."
        assert person.page.input_value("#name") == "bo"
        person.wait_focus("password")
        person.page.keyboard.type(PASSWORD)
        person.page.keyboard.press("Enter")
        person.decide("allow")

        assert_can_work(app.saw(), "bo", "mcp:tools")


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_is_told_that_the_person_said_no(house: House, person: Tab, tmp_path: Path, name: str) -> None:
    with client(name, tmp_path, house.mcp) as app:
        person.open(app.opens())
        person.sign_in("ana", PASSWORD)
        person.decide("deny")

        assert app.saw()["refused"] == "access_denied"


@pytest.mark.parametrize("name", STEP_UP)
def test_a_client_that_needs_more_asks_again(house: House, person: Tab, tmp_path: Path, name: str) -> None:
    """403 `insufficient_scope`: the person is still signed in, and sees what is wanted now."""
    with client(name, tmp_path, house.mcp, "-", "note") as app:
        person.open(app.opens())
        person.sign_in("bo", PASSWORD)
        assert person.text("scopes") == "use its tools (mcp:tools)"
        person.decide("allow")
        person.open(app.opens())
        assert person.shown == "consent"
        assert "write notes about customers (crm:write)" in person.text("scopes")
        person.decide("allow")
        seen = app.saw()

    assert_can_work(seen, "bo", "crm:write mcp:tools")
    assert seen["first_scope"] == "mcp:tools"
    assert seen["answers"][1].startswith("Noted for")


def test_somebody_else_takes_over_before_anything_is_allowed(house: House, person: Tab, tmp_path: Path) -> None:
    with client("typescript-sdk-2", tmp_path, house.mcp) as app:
        person.open(app.opens())
        person.sign_in("ana", PASSWORD)
        assert person.text("subject") == "ana"
        person.page.click("#logout")
        assert person.shown == "login"
        person.sign_in("bo", PASSWORD)
        assert person.text("subject") == "bo"
        person.decide("allow")

        assert_can_work(app.saw(), "bo", "mcp:tools")


def assert_can_work(seen: dict[str, Any], subject: str, scope: str) -> None:
    assert "search_contacts" in seen["tools"]
    assert seen["answers"][0].startswith("c-1")  # the id of a contact
    assert claims_of(seen["token"])["sub"] == subject
    assert set(seen["scope"].split()) == set(scope.split())
