"""The page in a real browser: nothing runs, nothing is fetched, and people can read it. `make browser-test`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from nbformat import v4

from nbpromote import report
from nbpromote.report.pages import notebook
from nbpromote.report.verdict import remarks
from records import different, executed, failing, hostile, passing, refused

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.skip("NO BROWSER: playwright is not installed, so nobody watched what a hostile notebook does")
    if CHROMIUM is None:
        pytest.skip("NO BROWSER: `chromium` is not on PATH, so nobody watched what a hostile notebook does")
    with sync_playwright() as playwright:
        # in a container chromium runs as root, where its own sandbox does not start
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"] if os.getuid() == 0 else []
        )
        yield browser
        browser.close()


class Server(ThreadingHTTPServer):
    """Remembers every path that it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Listener)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Listener(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.asked.append(self.path)
        self.send_response(204)
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Watched:
    """A page that is open, and everything that it did."""

    page: Any
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def opened(browser: Any, html: str, folder: Path) -> Watched:
    file = folder / "page.html"
    file.write_text(html)
    seen = Watched(browser.new_page())
    seen.page.on("request", lambda request: seen.requests.append(request.url))
    seen.page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
    seen.page.on("console", lambda said: seen.errors.append(said.text) if said.type == "error" else None)
    seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
    seen.page.goto(file.as_uri())
    seen.page.wait_for_timeout(500)  # a refresh, a timer or a slow picture
    return seen


# -- harm ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [report.Kind.PROMOTION, report.Kind.DIFF])
def test_of_a_hostile_notebook_nothing_runs_and_nothing_is_fetched(
    chromium: Any, server: Server, tmp_path: Path, kind: report.Kind
) -> None:
    seen = opened(chromium, report.page(replace(hostile(server.url), kind=kind)), tmp_path)
    for link in seen.page.locator("a[href]").all()[:3]:
        link.press("Enter")

    assert seen.dialogs == []
    assert seen.errors == []
    assert server.asked == []
    assert [url for url in seen.requests if not url.startswith(("file:", "data:", "about:"))] == []
    assert seen.page.url.partition("#")[0] == (tmp_path / "page.html").as_uri()
    assert seen.page.title() != "owned"


def test_policy_and_frame_alone_would_hold(
    chromium: Any, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the list of what may stay: the two other barriers."""
    monkeypatch.setattr(notebook, "harmless", str)

    seen = opened(chromium, report.page(hostile(server.url)), tmp_path)

    assert (seen.dialogs, server.asked) == ([], [])
    assert seen.page.title() != "owned"


def test_the_same_harm_works_in_an_open_frame(
    chromium: Any, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, the tests above would pass for a browser that shows no frame."""
    monkeypatch.setattr(notebook, "harmless", str)
    monkeypatch.setattr(notebook, "CSP", "default-src * data: 'unsafe-inline'")
    script = f"<script>top.document.title='owned';new Image().src='{server.url}image'</script>"
    output = v4.new_output("display_data", {"text/html": script})
    html = report.page(report.Subject(evidence=passing().evidence, executed=executed(output)))

    seen = opened(chromium, html.replace("<iframe sandbox", "<iframe"), tmp_path)

    assert seen.page.title() == "owned"
    assert server.asked == ["/image"]


# -- reading -------------------------------------------------------------------------------------------------

SUBJECTS = {"pass": passing, "failure": failing, "refusal": refused, "diff": different}


@pytest.fixture(scope="module", params=SUBJECTS)
def shown(request: pytest.FixtureRequest, chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The page of one of them, and what it is about."""
    subject = SUBJECTS[request.param]()
    return opened(chromium, report.page(subject), tmp_path_factory.mktemp(request.param)).page, subject


def test_the_page_is_as_wide_as_the_window(shown: Any) -> None:
    for width in (360, 820, 1280):
        shown[0].set_viewport_size({"width": width, "height": 900})

        assert shown[0].evaluate("document.documentElement.scrollWidth") <= width


# of every word on the page, against the first ground below it that is not clear; large ones may have less
CONTRAST = """() => {
  const read = said => said.match(/[\\d.]+/g).map(Number);
  const linear = part => (part /= 255) <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * linear(r) + .7152 * linear(g) + .0722 * linear(b);
  const ground = element => {
    for (; element; element = element.parentElement) {
      const found = read(getComputedStyle(element).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const speaks = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!speaks || !element.checkVisibility() || element.closest("svg, iframe")) continue;
    const [a, b] = [light(read(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) faint.push([element.className, element.textContent.trim().slice(0, 30), ratio]);
  }
  return faint;
}"""


def test_every_word_stands_out_from_its_ground_in_light_and_dark(shown: Any) -> None:
    grounds = set()
    for scheme in ("light", "dark"):
        shown[0].emulate_media(color_scheme=scheme)

        assert shown[0].evaluate(CONTRAST) == [], scheme
        grounds.add(shown[0].evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2


def test_tab_reaches_the_findings_in_order(shown: Any) -> None:
    page, subject = shown
    places = [remark.place for remark in remarks(subject)]
    page.evaluate("document.activeElement.blur()")

    reached = []
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
        if places and reached[-1] == places[-1]:
            break

    assert [place for place in reached if place in places] == places


def test_a_finding_leads_to_the_next(shown: Any) -> None:
    page, subject = shown
    places = [remark.place for remark in remarks(subject)]
    if len(places) < 2:
        pytest.skip("one finding has no next")

    page.locator("#findings a").first.press("Enter")
    page.locator(f"#{places[0]} a[aria-label='next finding']").press("Enter")

    assert page.url.endswith(f"#{places[1]}")


def test_on_paper_there_is_nothing_to_press(shown: Any) -> None:
    page, _ = shown
    page.emulate_media(media="print")

    for hidden in ("nav.bar", "iframe", ".skip"):
        assert not page.locator(hidden).is_visible(), hidden
    assert not any(way.is_visible() for way in page.locator(".way").all())
    assert page.locator(".on-paper").is_visible()
    assert page.locator("h1").is_visible()
    page.emulate_media(media="screen")
