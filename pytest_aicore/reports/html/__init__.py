"""A report as a web page that needs nothing but itself: no network, no server, and no script to be read.

`page` makes one of the document of `reports.document`, which is also what `--aicore-report` writes. The templates are
in `templates/`: `parts.html` has what other pages share.
"""

from __future__ import annotations

from pytest_aicore.reports.html.pages import page, write_page
from pytest_aicore.reports.html.rendering import require_installed

__all__ = ["page", "require_installed", "write_page"]
