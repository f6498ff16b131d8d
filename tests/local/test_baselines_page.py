"""The examples of the page about quality gates hold with real trainings: first their baselines are written."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.places import ROOT, WORKFLOWS

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.once, pytest.mark.timeout(600)]
"""Three images are made and six trainings run, which takes some seconds unless the machine is busy."""

PAGE = (ROOT / "docs" / "baselines.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
INI = """
[pytest]
aicore_local_store = workflows/store
aicore_local_images =
    docker.io/example/churn:* = workflows/churn
    docker.io/example/text-clf-train:* = workflows/text_clf
    docker.io/example/text-clf-serve:* = workflows/text_clf_serving
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
    answers = json.loads((pytester.path / "baselines" / "answers.json").read_text())["baseline"]
    assert answers["run"]["deployment"].startswith("d")
    assert answers["predictions"]["please refund the invoice"] == "billing"

    # Somebody changes the learning rate for one of the tests.
    changed = EXAMPLES[0].replace('contracts"}', 'contracts"}, parameters={"LEARNING_RATE": 0.02}')
    pytester.makepyfile(test_churn=changed)
    result = pytester.runpytest_inprocess(*arguments)
    result.assert_outcomes(passed=6, failed=1)
    (shown,) = re.findall(r"^```text\n(GateError: .*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    printed = "\n".join(line[len("E       ") :] for line in result.outlines if line.startswith("E   "))
    assert without_numbers_of_runs(printed) == without_numbers_of_runs(shown)
