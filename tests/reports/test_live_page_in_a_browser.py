"""The live page of a server as a reader meets it, in a real browser, while executions run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.reports.browsers import GRAVE, NEEDED, Visits
from tests.reports.browsers import browser as browser
from tests.reports.test_live_page import HOSTILE, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.emulator.serve.servers import Served

pytestmark = NEEDED
TOKEN = "of-the-page-alone-24-xyz"


@pytest.fixture
def served() -> Iterator[Served]:
    """A server with its page."""
    with shown(page_token=TOKEN) as served:
        yield served


@pytest.fixture
def visit(browser: Any, served: Served) -> Iterator[Callable[..., Any]]:
    """A function that opens the page and returns the browser's; no error may be logged in it."""
    visits = Visits(browser)

    def visit(after: str = "", **options: Any) -> Any:
        page = visits.page(**options)
        page.goto(f"{served.server.url}/{after}")
        return page

    yield visit
    visits.end()


def start(served: Served, **script: Any) -> str:
    client = served.client()
    client.ask("POST", "/__aicore__/scripts", {"running": 600, "logs": ["epoch 1", "epoch 2"], **script})
    execution = client.start()
    client.ask("POST", "/__aicore__/clock", {"advance": 400})
    return execution


def test_a_change_is_seen_and_the_buttons_work(served: Served, visit: Callable[..., Any]) -> None:
    page = visit(f"#token={TOKEN}")
    assert page.url == f"{served.server.url}/"  # the token does not stay in the address
    assert page.inner_text("h1") == "0 under way"
    first, second = start(served, running=1000), start(served, running=1000)
    page.wait_for_selector(f"[id='{first}'] .pill.running")
    assert "epoch 1" in page.inner_text(f"[id='log-{first}']")
    assert page.title() == "2 under way · emulated"
    page.focus(f"#fail-{first}")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"[id='{first}'] .pill.failed")
    assert page.inner_text("h1") == "1 under way, 1 failed"
    page.click(f"#stop-{second}")
    page.wait_for_selector(f"[id='{second}'] .pill:has-text('STOPPING')")
    page.fill("#seconds", "600")
    page.press("#seconds", "Enter")
    page.wait_for_selector(f"[id='{second}'] .pill:has-text('STOPPED')")
    page.click(f"#delete-{second}")  # it was open, and still is
    page.wait_for_selector(f"[id='{second}'] .pill:has-text('DELETED')")
    assert not page.is_visible(f"#delete-{second}")


def test_what_a_reader_has_opened_stays_open(served: Served, visit: Callable[..., Any]) -> None:
    execution = start(served)
    page = visit()
    page.click(f"[id='{execution}'] summary")
    other = start(served)
    page.wait_for_selector(f"[id='{other}']")
    assert page.evaluate(f"document.getElementById('{execution}').open") is False
    assert page.evaluate("document.activeElement.parentElement.id") == execution


def test_actions_need_the_token(served: Served, visit: Callable[..., Any]) -> None:
    execution = start(served)
    page = visit()
    assert not page.is_visible(f"#stop-{execution}")
    assert not page.is_visible("#clock")
    page.fill("#token", TOKEN)
    page.press("#token", "Enter")
    page.click(f"#stop-{execution}")
    page.wait_for_selector(f"[id='{execution}'] .pill:has-text('STOPPING')")
    page.reload()
    assert page.is_visible("#clock")  # as long as the tab is open


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_in_a_reader_s_way(served: Served, visit: Callable[..., Any], scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    start(served, metrics={"loss": [0.9, 0.5, 0.25]})
    page = visit(f"#token={TOKEN}", color_scheme=scheme, viewport={"width": 360, "height": 800})
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in GRAVE] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_script_everything_can_be_read(served: Served, visit: Callable[..., Any]) -> None:
    execution = start(served)
    page = visit(java_script_enabled=False)
    assert "epoch 1" in page.inner_text(f"[id='log-{execution}']")
    assert page.inner_text("h1") == "1 under way"


def test_hostile_texts_do_nothing(served: Served, visit: Callable[..., Any]) -> None:
    execution = start(served, logs=[HOSTILE], metrics={HOSTILE: 1}, statusMessage=HOSTILE)
    served.client().ask("POST", "/__aicore__/clock", {"advance": 3600})
    page = visit(f"#token={TOKEN}")
    page.click(f"[id='{execution}'] summary")
    assert "<script>hacked()</script>" in page.inner_text(f"[id='log-{execution}']")
    other = start(served)
    page.wait_for_selector(f"[id='{other}']")  # also in what was polled


def test_a_server_that_is_gone_is_told(browser: Any) -> None:
    with shown() as served:
        page = browser.new_page()
        page.goto(served.server.url)
    page.wait_for_selector("#said.failed")
    assert page.inner_text("#said") == "The server does not answer; what stands here is what it said last."
    page.close()
