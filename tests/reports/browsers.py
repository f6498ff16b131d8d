"""A real browser for the tests of pages. `.ci/run browser` installs it."""

from __future__ import annotations

import importlib.util
import shutil
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_MISSING = [name for name in ("playwright", "axe_playwright_python") if importlib.util.find_spec(name) is None]
NEEDED = pytest.mark.skipif(
    bool(_MISSING) or CHROMIUM is None,
    reason=f"needs {', '.join([*_MISSING, *([] if CHROMIUM else ['chromium'])])}: see .ci/run browser",
)
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
GRAVE = ("serious", "critical")
"""Findings of axe that fail."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


class Visits:
    """Pages that a test opens in the browser, and what goes wrong in them.

    Args:
        browser: the browser.
    """

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self._contexts: list[Any] = []
        self.wrong: list[str] = []

    def page(self, **options: Any) -> Any:
        """Return a new page, in which no message may be logged, no error happen and no dialog open.

        Args:
            **options: of the browser's context.
        """
        self._contexts.append(self._browser.new_context(**options))
        page = self._contexts[-1].new_page()
        page.on("console", lambda message: self.wrong.append(message.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("dialog", lambda dialog: self.wrong.append(dialog.message))
        return page

    def end(self) -> None:
        """Close them."""
        for context in self._contexts:
            context.close()
        assert self.wrong == []
