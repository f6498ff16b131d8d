"""Colours of sections and summaries: in a terminal that has colours, and nowhere else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_aicore.reports.colours import of_section, of_summary
from tests.reports.test_reporting import HEAD

if TYPE_CHECKING:
    import pytest

FAILED = (
    HEAD
    + """
@pytest.mark.aicore_script(symptom="out of memory")
def test_it(aicore_execution): pass
"""
)


def paint(text: str, **markup: bool) -> str:
    return f"<{' '.join(name for name, is_set in markup.items() if is_set)}>{text}</>"


def test_summary() -> None:
    lines = {
        "2 training runs, live: 1 COMPLETED, 1 DEAD; 3 s": "2 training runs, live: 1 <green>COMPLETED</>, 1 <red>DEAD</>; 3 s",
        "STOPPED   e1  a.yaml  test_it[DEAD]": "<yellow>STOPPED</>   e1  a.yaml  test_it[DEAD]",
        "2 quality gates: 1 passed, 1 failed": "2 quality gates: 1 passed, <red>1 failed</>",
        "failed  churn.json": "<red>failed</>  churn.json",
        "passed  churn.json": "<green>passed</>  churn.json",
    }
    assert {line: of_summary(line, paint) for line in lines} == lines


def test_section() -> None:
    text = """\
diagnosis      likely: the training ran out
                 of memory
                 seen: DEAD
                 do: use a larger plan
status         DEAD, expected COMPLETED
history        03:00:00  UNKNOWN
               03:00:15  RUNNING     after 5 s
failed         step train failed: exit code 1
logs           03:00:15  DEAD LETTER"""
    assert of_section(text, paint).split("\n") == [
        "diagnosis      <red bold>likely: the training ran out</>",
        "               <red bold>  of memory</>",
        "                 seen: DEAD",
        "                 do: use a larger plan",
        "status         <red>DEAD</>, expected <green>COMPLETED</>",
        "history        03:00:00  UNKNOWN",
        "               03:00:15  <cyan>RUNNING</>     after 5 s",
        "failed         <red>step train failed: exit code 1</>",
        "logs           03:00:15  DEAD LETTER",
    ]


def test_terminal_alone_has_colours(project: pytest.Pytester) -> None:
    project.makepyfile(FAILED)
    result = project.runpytest_inprocess("--color=yes", "-v", "--junitxml=junit.xml", "-o", "junit_logging=all")
    text = result.stdout.str()
    assert "\x1b[31m\x1b[1mlikely: the training ran out of memory\x1b[0m" in text
    assert "\x1b[31mDEAD\x1b[0m, expected \x1b[32mCOMPLETED\x1b[0m" in text
    assert re.search(r"^\x1b\[31mDEAD\x1b\[0m +45 s  training_workflow", text, re.MULTILINE)
    assert "#x1B" not in (project.path / "junit.xml").read_text()


def test_no_colours_where_pytest_has_none(project: pytest.Pytester) -> None:
    project.makepyfile(FAILED)
    assert "\x1b" not in project.runpytest_inprocess("-v").stdout.str()
