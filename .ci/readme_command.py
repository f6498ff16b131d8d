"""Print a command of README.md's section "Try it": it is written once, and what is written is what runs.

Usage: `python3 .ci/readme_command.py acceptance`, or `tests`, or `local`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

NAMES = ("acceptance", "tests", "local")
README = Path(__file__).resolve().parent.parent / "README.md"


def commands(readme: str) -> dict[str, str]:
    """Return the commands of the section "Try it" by name.

    Args:
        readme: the text of README.md.

    Raises:
        ValueError: the section is missing, or does not hold exactly one one-line `sh` block for each name.
    """
    section = re.search(r"^## Try it\n(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
    if section is None:
        raise ValueError('README.md has no section "## Try it"')
    found = re.findall(r"^```sh\n(.*?)^```$", section[1], re.MULTILINE | re.DOTALL)
    blocks = [block.strip() for block in found]
    if len(blocks) != len(NAMES) or any("\n" in block for block in blocks):
        raise ValueError(
            f'README.md, section "Try it": expected {len(NAMES)} `sh` blocks of one line each, found {blocks}'
        )
    return dict(zip(NAMES, blocks, strict=True))


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in NAMES:
        sys.exit(f"usage: readme_command.py {'|'.join(NAMES)}")
    print(commands(README.read_text(encoding="utf-8"))[sys.argv[1]])
