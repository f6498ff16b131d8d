"""The examples of the page about quality gates hold with real trainings: first their baselines are written."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.places import ROOT, WORKFLOWS

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.once

PAGE = (ROOT / "docs" / "baselines.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
INI = """
[pytest]
aicore_local_store = workflows/store
aicore_local_images = docker.io/example/churn:* = workflows/churn
"""


def without_numbers_of_runs(text: str) -> list[str]:
    """Return the lines of a message without ids, dates and commits."""
    text = re.sub(r"\be[0-9a-f]{15}\b", "ID", text)
    return re.sub(r"\d{4}-\d\d-\d\d|, commit \w+", "", text).splitlines()


def test_the_examples_hold(
    pytester: pytest.Pytester, offline: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in offline.items():
        monkeypatch.setenv(name, value)
    shutil.copytree(WORKFLOWS, pytester.path / "workflows", ignore=shutil.ignore_patterns("test_*.py", "__pycache__"))
    pytester.makeini(INI)
    pytester.makepyfile(**{f"test_{number}": text for number, text in enumerate(EXAMPLES)})
    arguments = ("-p", "no:randomly", "-p", "no:cacheprovider", "--aicore-local")
    pytester.runpytest_inprocess(*arguments, "--aicore-update").assert_outcomes(passed=6)
    pytester.runpytest_inprocess(*arguments, "-k", "not each_rate").assert_outcomes(passed=4)

    # Somebody changes the learning rate.
    changed = EXAMPLES[0].replace('contracts"}', 'contracts"}, parameters={"LEARNING_RATE": 0.02}')
    pytester.makepyfile(test_churn=changed)
    worse = pytester.runpytest_inprocess(*arguments, "test_churn.py")
    worse.assert_outcomes(failed=1)
    (shown,) = re.findall(r"^```text\n(GateError: .*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    printed = "\n".join(line[len("E       ") :] for line in worse.outlines if line.startswith("E   "))
    assert without_numbers_of_runs(printed) == without_numbers_of_runs(shown)
