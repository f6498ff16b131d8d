"""Fills templates with data that nobody may trust: everything is escaped, and control characters are made visible."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pytest_aicore.errors import SettingsError
from pytest_aicore.printable import visible
from pytest_aicore.reports.html.metric_view import number_text

if TYPE_CHECKING:
    from jinja2 import Environment

STYLE, SCRIPT = "style.css", "script.js"


def require_installed(source: str) -> None:
    """Refuse to make pages if the package for it is missing.

    Args:
        source: what asks for a page, for the message.

    Raises:
        SettingsError: Jinja2 is not installed.
    """
    if find_spec("jinja2") is None:
        raise SettingsError(f"{source} needs Jinja2, which is not installed: pip install 'pytest-aicore[html]'")


def render(template: str, **values: Any) -> str:
    """Return a page.

    Args:
        template: the name of its template.
        values: what the template uses.
    """
    return _environment().get_template(template).render(values)


@cache
def asset(name: str) -> str:
    """Return a file of the templates' folder, which the page has as it stands.

    Args:
        name: `STYLE` or `SCRIPT`.
    """
    return files(__package__).joinpath("templates").joinpath(name).read_text(encoding="utf-8")


@cache
def fingerprint(name: str) -> str:
    """Return by what a content security policy allows the content of an asset.

    Args:
        name: `STYLE` or `SCRIPT`.
    """
    return fingerprint_of(asset(name))


def fingerprint_of(text: str) -> str:
    """Return by what a content security policy allows a text as style or script.

    Args:
        text: as it stands in the page.
    """
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def shown(value: object) -> object:
        """Make every text visible that a template writes; what it writes of its own is `Markup`."""
        return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = Environment(
        loader=PackageLoader("pytest_aicore.reports.html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(number=number_text, short="{:g}".format)
    return environment
