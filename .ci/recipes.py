"""Write the files that docs/ci.md shows to a folder: `python .ci/recipes.py FOLDER`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "ci.md"


def recipes(page: str) -> dict[str, str]:
    """Return the text of each file that a page shows, by its name."""
    return dict(re.findall(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))


if __name__ == "__main__":
    for name, text in recipes(PAGE.read_text(encoding="utf-8")).items():
        file = Path(sys.argv[1]) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
