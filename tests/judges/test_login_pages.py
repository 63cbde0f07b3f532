"""The pages of the authorization server in Chromium: what they let happen, for whom, and on which screens."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

import pytest
from issuer_kit import PASSWORD
from login_browser import Browser, Tab, chromium, tab
from login_house import CALLBACK, POLL_SECONDS, House, served

pytestmark = pytest.mark.clients

NARROW = {"width": 360, "height": 740}
# Of everything that can be used: no name that a screen reader could say.
NAMELESS = """[...document.querySelectorAll("input:not([type=hidden]), button, a")]
  .filter((found) => !found.innerText && !(found.labels && found.labels.length)).map((found) => found.outerHTML)"""
# The least ratio of a text's luminance to that of what is painted behind it (WCAG 2.2, 1.4.3).
CONTRAST = """() => {
  const numbers = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const linear = (part) => (part / 255 <= 0.04045 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (found) => {
    const [r, g, b, a = 1] = numbers(getComputedStyle(found).backgroundColor);
    return a ? [r, g, b] : behind(found.parentElement);
  };
  const written = [...document.body.querySelectorAll("*")].filter((found) =>
    found.matches("input:not([type=hidden])") || [...found.childNodes].some((node) => node.data && node.data.trim()));
  return Math.min(...written.map((found) => {
    const pair = [light(numbers(getComputedStyle(found).color)), light(behind(found))];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  }));
}"""
# What somebody would do who could write into a page. The form is held up last.
MEDDLE = """() => {
  const script = document.createElement("script");
  script.textContent = "window.ran = true";
  document.body.append(script);
  document.body.setAttribute("style", "opacity: 0.5");
  const form = document.createElement("form");
  form.action = "https://elsewhere.example/";
  document.body.append(form);
  form.submit();
}"""
DARK = "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0] < 128"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def house(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with served(tmp_path_factory.mktemp("house")) as found:
        yield found


def question(house: House, client: str = "desk", **more: str) -> str:
    """What a client in the file asks."""
    said = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": CALLBACK,
        "state": "s",
        "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
        "resource": house.mcp,
        "scope": "mcp:tools crm:write",
    }
    return f"{house.url}/oauth/authorize?{urlencode(said | more)}"


@contextmanager
def page_elsewhere(content: str) -> Iterator[str]:
    """A page of another origin, at every path."""
    body = f'<html lang="en"><title>Elsewhere</title><link rel="icon" href="data:,">{content}'.encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/callback"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_who_has_only_a_keyboard_signs_in_and_agrees(house: House, browser: Browser) -> None:
    with tab(browser) as person, page_elsewhere('<p id="back">') as callback:
        keys = person.page.keyboard
        person.open(question(house, redirect_uri=callback))
        person.wait_focus("name")
        keys.type("bo")
        keys.press("Tab")
        keys.type(PASSWORD)
        keys.press("Enter")
        person.page.locator("#consent-form").wait_for()
        keys.press("Tab")
        person.wait_focus("deny")
        keys.press("Tab")
        person.wait_focus("allow")
        assert "solid" in person.page.locator("#allow").evaluate("found => getComputedStyle(found).outline")
        keys.press("Enter")
        person.page.locator("#back").wait_for(state="attached")

        assert "code=" in person.page.url
        assert person.complaints == []


def test_nothing_runs_in_a_page_and_nothing_is_painted_from_elsewhere(house: House, browser: Browser) -> None:
    with tab(browser) as person:
        person.open(question(house))
        with person.page.expect_console_message(lambda said: "policy: form-action" in said.text):
            person.page.evaluate(MEDDLE)

        assert person.page.evaluate("window.ran") is None
        assert person.page.evaluate("getComputedStyle(document.body).opacity") == "1"
        policies = {line.split()[2] for line in person.complaints if line.startswith("error: policy:")}
        assert policies == {"script-src-elem", "style-src-attr", "form-action"}


def test_a_page_is_not_shown_inside_another(house: House, browser: Browser) -> None:
    with tab(browser) as person, page_elsewhere(f'<iframe src="{question(house)}"></iframe>') as elsewhere:
        person.open(elsewhere)
        (frame,) = person.page.main_frame.child_frames

        assert frame.url == "chrome-error://chromewebdata/"
        assert person.page.frame_locator("iframe").locator("#login-form").count() == 0
        assert any("frame-ancestors" in line for line in person.complaints)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_can_be_read_on_a_narrow_screen_and_by_a_screen_reader(
    house: House, browser: Browser, scheme: str
) -> None:
    with tab(browser, viewport=NARROW, color_scheme=scheme) as person:
        person.open(question(house, "long"))
        assert_readable(person, "login", scheme)
        person.sign_in("ana", "wrong")
        assert_readable(person, "login", scheme)
        assert person.page.locator("#problem").get_attribute("role") == "alert"
        person.sign_in("ana", PASSWORD)
        assert_readable(person, "consent", scheme)
        person.open(question(house, redirect_uri="http://127.0.0.1:9/other"))
        assert_readable(person, "problem", scheme)

        # A browser writes every status of an error on its console.
        assert [line for line in person.complaints if "the server responded with a status of 40" not in line] == []


def assert_readable(person: Tab, shown: str, scheme: str) -> None:
    page = person.page
    assert person.shown == shown
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.title().endswith(" - Brightwater tools")
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    assert page.evaluate(CONTRAST) >= 4.5
    assert page.evaluate(DARK) == (scheme == "dark")
