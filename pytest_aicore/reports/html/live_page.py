"""The live page of `pytest-aicore serve`: what runs now. It polls, because open streams would occupy the server.

The page only reads. What its buttons do goes to the control API, with the token that the server prints at its start.
"""

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING, Final

from pytest_aicore.http.exchange import Response, empty_response
from pytest_aicore.reports.html.icon import icon_url
from pytest_aicore.reports.html.live_view import clock_of, live_view
from pytest_aicore.reports.html.rendering import STYLE, asset, fingerprint_of, render

if TYPE_CHECKING:
    from pytest_aicore.emulator.emulator import Emulator
    from pytest_aicore.http.exchange import Request

PAGE, PART = "/", "/live"
"""The paths of the page, and of the part of it that changes."""
CLOCK: Final = "x-aicore-clock"
"""The header with the time: in the part, it would make every second a change."""
_FRESH_SECONDS: Final = 0.2
"""For how long a part is shown to everybody: ten open pages cost what one does."""
_LIVE_STYLE, _SCRIPT = "live.css", "live.js"


class LivePage:
    """Answers requests for the page.

    Args:
        emulator: whose state it shows.
        has_actions: whether there is a control API for its buttons.
        restart: a sentence that says what survives a restart of the server.
    """

    def __init__(self, emulator: Emulator, *, has_actions: bool, restart: str) -> None:
        self._emulator = emulator
        self._has_actions = has_actions
        self._restart = restart
        self._mutex = threading.Lock()
        self._part: tuple[float, bytes, str] | None = None
        self._style = asset(STYLE) + asset(_LIVE_STYLE)
        self._policy = (
            "default-src 'none'; base-uri 'none'; form-action 'none'; connect-src 'self'; img-src data:;"
            f" style-src {fingerprint_of(self._style)}; script-src {fingerprint_of(asset(_SCRIPT))}"
        )

    def answer(self, request: Request) -> Response | None:
        """Answer a request, None if it is not for the page.

        Args:
            request: the request.
        """
        if request.path not in (PAGE, PART):
            return None
        if request.method not in ("GET", "HEAD"):
            return empty_response(405, {"allow": "GET, HEAD"})
        part, tag = self._current()
        headers = {
            "content-type": "text/html; charset=utf-8",
            "cache-control": "no-cache",
            "content-security-policy": f"{self._policy}; frame-ancestors 'none'",
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            CLOCK: clock_of(self._emulator),
        }
        if request.path == PART:
            if request.headers.get("if-none-match") == tag:
                return Response(304, {"etag": tag, **headers})
            return Response(200, {"etag": tag, **headers}, part)
        world = "offline" if self._emulator.plays_scripts else "local"
        page = render(
            "live.html",
            policy=self._policy,
            style=self._style,
            script=asset(_SCRIPT),
            icon=icon_url(world, "running"),
            world=world,
            has_actions=self._has_actions,
            restart=self._restart,
            now=headers[CLOCK],
            tag=tag,
            part=part.decode(),
        )
        return Response(200, headers, page.encode("utf-8", "replace"))

    def _current(self) -> tuple[bytes, str]:
        """Return the part that changes, and its entity tag."""
        with self._mutex:
            now = time.monotonic()
            if self._part is None or now - self._part[0] > _FRESH_SECONDS:
                view = live_view(self._emulator)
                part = render("live_part.html", view=view, has_actions=self._has_actions).encode("utf-8", "replace")
                self._part = (now, part, f'"{hashlib.sha256(part).hexdigest()[:32]}"')
            return self._part[1], self._part[2]


__all__ = ["PAGE", "PART", "LivePage"]
