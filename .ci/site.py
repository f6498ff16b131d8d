"""A hook of MkDocs: the pages at the top of the repository are pages of the site, README its first one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).resolve().parent.parent
TOP = {"README.md": "index.md", "ARCHITECTURE.md": "ARCHITECTURE.md", "CONTRIBUTING.md": "CONTRIBUTING.md"}
TOP["CHANGELOG.md"] = "CHANGELOG.md"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from the top of the repository."""
    for name, page in TOP.items():
        files.append(File.generated(config, page, content=_moved((ROOT / name).read_text(encoding="utf-8"))))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Let links to the top of the repository lead to these pages."""
    return _moved(markdown)


def _moved(text: str) -> str:
    text = re.sub(r"\]\((?:docs/|\.\./)", "](", text)
    return re.sub(r"\]\(README\.md", "](index.md", text)
