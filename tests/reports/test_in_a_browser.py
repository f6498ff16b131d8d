"""The page of a report as a reader meets it: in a real browser, with and without scripts, by mouse and by keyboard."""

from __future__ import annotations

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.documents import document
from pytest_aicore.reports.html import write_page
from tests.reports.browsers import GRAVE, NEEDED, Visits
from tests.reports.browsers import browser as browser
from tests.reports.test_html_page import HOSTILE, hostile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = NEEDED
JENKINS = "sandbox; default-src 'none'; img-src 'self'; style-src 'self';"
"""The default of Jenkins' `hudson.model.DirectoryBrowserSupport.CSP` (its documentation)."""


@pytest.fixture
def visit(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """A function that opens the page of a document, and returns the browser's page; nothing may go wrong in it."""
    visits = Visits(browser)

    def visit(data: dict[str, Any], after: str = "", **options: Any) -> Any:
        file = tmp_path / "report.html"
        write_page(data, file)
        page = visits.page(**{"viewport": {"width": 1280, "height": 800}, **options})
        page.on(
            "request",
            lambda request: None if request.url.startswith(("file:", "data:")) else visits.wrong.append(request.url),
        )
        page.goto(f"{file.as_uri()}{after}")
        return page

    yield visit
    visits.end()


def shown(page: Any) -> list[str]:
    """Return the states of the runs that are listed."""
    return [
        each.get_attribute("class").split()[1] for each in page.query_selector_all("details.run") if each.is_visible()
    ]


def in_sight(page: Any, selector: str) -> bool:
    """Return whether an element is on the screen without scrolling."""
    box = page.query_selector(selector).bounding_box()
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= page.viewport_size["height"]


def test_first_glance_of_fifty_runs(visit: Callable[..., Any]) -> None:
    page = visit(document(50, log_lines=20))
    assert page.title() == ("5 of 50 training runs failed · live · api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com")
    for selector in ("h1", ".badge", ".cost", ".causes li:last-child", ".timeline .row:nth-child(10)"):
        assert in_sight(page, selector), selector
    assert page.inner_text(".causes li:first-child .likely") == "the GPU ran out of memory 3 runs"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_is_in_a_reader_s_way(visit: Callable[..., Any], scheme: str, width: int) -> None:
    """As axe judges it: contrast, names, roles; and no sideways scrolling on a small screen."""
    from axe_playwright_python.sync_playwright import Axe

    page = visit(document(12, log_lines=8), color_scheme=scheme, viewport={"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in GRAVE] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_link_to_a_run_opens_it(visit: Callable[..., Any]) -> None:
    data = document(50, log_lines=20)
    page = visit(data, "#run-e000000000000003")
    assert page.is_visible("#run-e000000000000003 pre.log")
    page.click(".causes li:last-child .links a")
    assert page.is_visible("#run-e00000000000000d pre.log")
    page.click(".timeline a.row:nth-of-type(5)")
    assert page.url.endswith("#run-e000000000000004")
    assert page.is_visible("#run-e000000000000004 .metrics .curve")


def test_filters_are_in_the_address(visit: Callable[..., Any]) -> None:
    page = visit(document(50, log_lines=20))
    page.click("button[data-state=failed]")
    assert shown(page) == ["failed"] * 5
    page.fill("#q", "KeyError house")
    assert (shown(page), page.inner_text("#found")) == (["failed"] * 2, "2 of 50 runs")
    assert page.url.endswith("#?state=failed&q=KeyError+house")
    page.reload()
    assert shown(page) == ["failed"] * 2
    page.press("#q", "Escape")
    page.click("button[data-state=failed]")
    assert len(shown(page)) == 50


def test_keys(visit: Callable[..., Any]) -> None:
    page = visit(document(50, log_lines=20))
    page.keyboard.press("f")
    page.keyboard.press("f")
    page.keyboard.press("Enter")
    assert page.is_visible("#run-e00000000000000d pre.log")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.parentElement.querySelector('.body').id") == "run-e00000000000000d"
    page.keyboard.press("/")
    page.keyboard.type("forecast")
    assert 0 < len(shown(page)) < 50


def test_timeline_is_zoomed(visit: Callable[..., Any]) -> None:
    page = visit(document(50))
    svg = ".timeline a.row:nth-of-type(2) svg"
    box = page.query_selector(svg).bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 5)
    page.mouse.up()
    left, _, width, _ = map(float, page.get_attribute(svg, "viewBox").split())
    assert [left, width] == pytest.approx([250, 250], abs=5)
    assert "#run-" not in page.url  # it was no click on a row
    page.dblclick(".timeline .axis")
    assert page.get_attribute(svg, "viewBox") == "0 0 1000 10"


def test_a_failure_is_copied_as_markdown(visit: Callable[..., Any], browser: Any) -> None:
    page = visit(document(4, log_lines=20), "#run-e000000000000003", permissions=["clipboard-read", "clipboard-write"])
    page.click("#run-e000000000000003 .copy summary")
    page.click(".copier")
    page.wait_for_function("document.querySelector('.copier').textContent === 'Copied'")
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith("### demand_forecast.yaml: DEAD\n- the GPU ran out of memory (torch.cuda.OutOfMemoryError")
    assert "\n02:59:58  KeyError: 'label'\n" in text


def test_everything_is_there_without_scripts(visit: Callable[..., Any]) -> None:
    page = visit(document(50, log_lines=20), "#run-e000000000000003", java_script_enabled=False)
    assert page.is_visible("#run-e000000000000003 pre.log")  # a browser opens what a link leads to
    page.click("details.run:nth-of-type(2) > summary")
    assert page.is_visible("details.run:nth-of-type(2) pre.log")
    assert not page.is_visible(".filter")
    assert not page.is_visible(".keys")


def test_folder_is_styled_under_the_header_of_jenkins(browser: Any, tmp_path: Path) -> None:
    write_page(document(4, log_lines=5), tmp_path / "report")

    class Jenkins(SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", JENKINS)
            super().end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Jenkins, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/report/index.html")
        assert page.eval_on_selector("h1", "each => getComputedStyle(each).fontSize") == "30px"
        page.click("details.run:nth-of-type(2) > summary")
        assert page.is_visible("details.run:nth-of-type(2) pre.log")
        assert not page.is_visible(".filter")
        page.close()
    finally:
        server.shutdown()
        server.server_close()


def test_folder_works_from_the_disk(browser: Any, tmp_path: Path) -> None:
    write_page(document(4, log_lines=5), tmp_path / "report")
    page = browser.new_page()
    page.goto((tmp_path / "report" / "index.html").as_uri())
    assert page.eval_on_selector("h1", "each => getComputedStyle(each).fontSize") == "30px"
    assert page.is_visible(".filter")
    page.close()


def test_hostile_texts_do_nothing(visit: Callable[..., Any]) -> None:
    data = hostile(document(6, log_lines=5))
    data["runs"][0]["outputs"] = [{"name": HOSTILE, "url": "javascript:hacked()", "id": "", "kind": "model"}]
    data["runs"][3]["parameters"] = {HOSTILE: HOSTILE}
    page = visit(json.loads(json.dumps(data)))
    page.evaluate("void (window.hacked = () => { document.title = 'hacked'; })")
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.fill("#q", "<script>hacked()</script>")
    for link in page.query_selector_all("a")[:20]:
        link.evaluate("each => each.click()")
    assert page.title() != "hacked"
    assert page.query_selector("img, iframe, object, form[action]") is None
    assert page.evaluate("document.querySelectorAll('script').length") == 1


def test_print_shows_what_failed(visit: Callable[..., Any]) -> None:
    page = visit(document(50, log_lines=5))
    page.emulate_media(media="print")
    assert page.is_visible("#run-e000000000000003 pre.log")
    assert not page.is_visible(".filter")
