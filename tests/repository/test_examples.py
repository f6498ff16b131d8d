"""Every Python example of the documents is a test module that passes, in a folder with the project's workflows."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.places import ROOT
from tests.prepared import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.once

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples() -> Iterator[object]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield pytest.param(match[1], id=f"{page.relative_to(ROOT)}:{line}")


@pytest.mark.parametrize("example", list(examples()))
def test_example_passes(example: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(pytester, monkeypatch)
    shutil.copytree(
        ROOT / "workflows", pytester.path / "workflows", ignore=shutil.ignore_patterns("*.py", "__pycache__")
    )
    pytester.makepyfile(test_example=example)
    result = pytester.runpytest_subprocess("-q", "-p", "no:randomly", "test_example.py")
    outcomes = result.parseoutcomes()
    outcome = "skipped" if "matches_baseline" in example else "passed"  # `tests/local/` runs those with real trainings
    assert set(outcomes) == {outcome}, result.stdout.str()
    tests = len(re.findall(r"^ *def test_", example, re.MULTILINE))
    assert outcomes[outcome] == tests or "parametrize" in example


def test_readme_begins_with_one_sentence_and_ten_lines() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    _, sentence, _ = readme.split("\n\n", 2)
    first_example = BLOCK.search(readme)
    assert sentence.count(".") == 1
    assert first_example is not None
    assert len(first_example[1].splitlines()) == 10
