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
    return fill("report.html", view.world, view.verdict, alone=alone, view=view)


def fill(template: str, world: str, verdict: str, *, alone: bool, **values: Any) -> str:
    """Return a page with what all pages have: policy, style, script, icon.

    Args:
        template: the name of its template.
        world: the mode of the document, for the icon.
        verdict: `failed`, `running` or `passed`, likewise.
        alone: whether style and script are in the page, and not beside it.
        values: what the template uses besides.
    """
    if alone:
        policy = f"style-src {fingerprint(STYLE)}; script-src {fingerprint(SCRIPT)}; img-src data:"
    else:
        policy = "style-src 'self'; script-src 'self'; img-src 'self'"
    return render(
        template,
        **values,
        policy=f"{_NOTHING_ELSE}; {policy}",
        style=asset(STYLE) if alone else None,
        script=asset(SCRIPT) if alone else None,
        icon=icon_url(world, verdict) if alone else _ICON,
    )


def write_page(document: Mapping[str, Any], target: Path) -> None:
    """Write the page of a report, to a file or into a folder.

    Args:
        document: as `page` takes it.
        target: the file; a folder if its name does not end with `.html`.

    Raises:
        OSError: it cannot be written.
    """
    view = view_of(document)
    write_files(target, "report.html", view.world, view.verdict, view=view)


def write_files(target: Path, template: str, world: str, verdict: str, **values: Any) -> None:
    """Write a page, to a file or into a folder.

    Args:
        target: the file; a folder if its name does not end with `.html`.
        template: the name of its template.
        world: as `fill` takes it.
        verdict: as `fill` takes it.
        values: what the template uses besides.

    Raises:
        OSError: it cannot be written.
    """
    from pytest_aicore.training.output import replace_file

    if not is_folder(target):
        replace_file(target, fill(template, world, verdict, alone=True, **values))
        return
    for name in (STYLE, SCRIPT):
        replace_file(target / name, asset(name))
    replace_file(target / _ICON, icon(world, verdict))
    replace_file(target / INDEX, fill(template, world, verdict, alone=False, **values))
