"""The page of a report: as one file, or as a folder with style and script beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.reports.html.icon import icon, icon_url
from pytest_aicore.reports.html.rendering import SCRIPT, STYLE, asset, fingerprint, render
from pytest_aicore.reports.html.view import view_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SUFFIXES: Final = (".html", ".htm")
INDEX: Final = "index.html"
_NOTHING_ELSE: Final = "default-src 'none'; base-uri 'none'; form-action 'none'"
_ICON: Final = "icon.svg"


def is_folder(target: Path) -> bool:
    """Return whether a target names a folder: everything that is not called `.html` or `.htm`.

    Args:
        target: where a page is written.
    """
    return target.suffix.lower() not in _SUFFIXES


def page(document: Mapping[str, Any], *, alone: bool = True) -> str:
    """Return the page of a report.

    Args:
        document: of `reports.document.document_of`, or what was read from a file that `--aicore-report` wrote.
        alone: whether style and script are in the page, and not beside it.
    """
    view = view_of(document)
    if alone:
        policy = f"style-src {fingerprint(STYLE)}; script-src {fingerprint(SCRIPT)}; img-src data:"
    else:
        policy = "style-src 'self'; script-src 'self'; img-src 'self'"
    return render(
        "report.html",
        view=view,
        policy=f"{_NOTHING_ELSE}; {policy}",
        style=asset(STYLE) if alone else None,
        script=asset(SCRIPT) if alone else None,
        icon=icon_url(view.world, view.verdict) if alone else _ICON,
    )


def write_page(document: Mapping[str, Any], target: Path) -> None:
    """Write the page of a report, to a file or into a folder.

    Args:
        document: as `page` takes it.
        target: the file; a folder if its name does not end with `.html`.

    Raises:
        OSError: it cannot be written.
    """
    from pytest_aicore.training.output import replace_file

    if not is_folder(target):
        replace_file(target, page(document))
        return
    view = view_of(document)
    for name in (STYLE, SCRIPT):
        replace_file(target / name, asset(name))
    replace_file(target / _ICON, icon(view.world, view.verdict))
    replace_file(target / INDEX, page(document, alone=False))
