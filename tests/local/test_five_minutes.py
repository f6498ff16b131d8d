"""The example of docs/local.md, followed as it is written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.once

PAGE = (ROOT / "docs" / "local.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## In five minutes\n")[2].partition("\n## ")[0]
FILES = re.findall(r"^`\./([\w./]+)`:\n\n```\w+\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
SHOWN = re.findall(r":\n\n```text\n(.*?)^```$", SECTION.partition("Run the test")[2], re.MULTILINE | re.DOTALL)
MADE = "RUN mkdir -p /app/model && chmod 777 /app/model\n"


def test_a_newcomer_follows_it(
    pytester: pytest.Pytester, offline: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in offline.items():
        monkeypatch.setenv(name, value)
    for name, text in FILES:
        file = pytester.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    trained, failed = SHOWN
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
    require_shown(trained, pytester.runpytest_inprocess("--aicore-local"))
    dockerfile = pytester.path / "flowers" / "Dockerfile"
    text = dockerfile.read_text(encoding="utf-8")
    assert MADE in text
    dockerfile.write_text(text.replace(MADE, ""), encoding="utf-8")
    require_shown(failed, pytester.runpytest_inprocess("--aicore-local"))


def require_shown(block: str, result: pytest.RunResult) -> None:
    """Check that a session prints the lines that the page shows.

    Args:
        block: of the page.
        result: of the session.
    """
    printed = re.sub(r" +\d+ s ", " N s ", result.stdout.str())
    for line in re.sub(r" +\d+ s ", " N s ", block).splitlines():
        assert line in printed, printed
