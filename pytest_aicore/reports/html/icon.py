"""The icon of a page: the world by its letter, the verdict by its colour, so that tabs can be told apart."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

_COLOURS: Final = {"failed": "#cf222e", "passed": "#1a7f37", "running": "#0969da"}


def icon(world: str, verdict: str) -> str:
    """Return the icon as SVG.

    Args:
        world: `offline`, `local` or `live`.
        verdict: `failed`, `passed` or `running`.
    """
    letter = {"offline": "E", "local": "L", "live": "A"}.get(world, "?")
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<rect width="32" height="32" rx="7" fill="{_COLOURS.get(verdict, "#59636e")}"/>'
        '<text x="16" y="23" text-anchor="middle" font-family="sans-serif" font-weight="700" font-size="20"'
        f' fill="#fff">{letter}</text></svg>'
    )


def icon_url(world: str, verdict: str) -> str:
    """Return the icon as a URL that holds it.

    Args:
        world: as of `icon`.
        verdict: likewise.
    """
    return f"data:image/svg+xml,{quote(icon(world, verdict))}"
