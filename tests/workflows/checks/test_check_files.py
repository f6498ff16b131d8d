"""The entry points of the checks: what they answer for whatever they are given."""

from __future__ import annotations

import pytest

from pytest_aicore.workflows.checks import RULES, CheckOptions, Severity, check_document, check_files
from tests.places import WORKFLOWS


def test_our_own_workflows_have_no_findings() -> None:
    result = check_files([WORKFLOWS], options=CheckOptions(ignore=frozenset({"AIC200"})))
    assert [str(finding) for finding in result.findings] == []
    assert [file.path.name for file in result.files if file.candidate] == [
        "churn_dag.yaml",
        "house_price_steps.yaml",
        "serving_workflow_tutorial.yaml",
        "training_workflow_tutorial.yaml",
    ]


def test_a_finding_reads_like_a_message_of_a_compiler() -> None:
    text = 'kind: WorkflowTemplate\nmetadata:\n\tname: "x"\n'
    [finding] = check_document(text, "workflows/train.yaml")
    assert str(finding) == (
        "workflows/train.yaml:3:1: error AIC102: Tab used for indentation; YAML allows only spaces. "
        "AI Core cannot read the file, and the synchronisation fails.\n"
        '     3 | \tname: "x"\n'
        "       | ^\n"
        "Replace each tab with spaces."
    )
    assert finding.severity is Severity.ERROR
    assert finding.anchor == "docs/rules.md#aic102"


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_rule_says_all_that_its_page_needs(rule: object) -> None:
    for attribute in ("id", "name", "summary", "explanation", "bad", "good"):
        assert getattr(rule, attribute).strip()


def test_a_file_that_is_not_there_is_a_finding() -> None:
    result = check_files(["no/such/file.yaml"])
    assert [str(finding) for finding in result.findings] == [
        (
            "no/such/file.yaml:1:1: error AIC116: The file cannot be read: No such file or directory.\n"
            "Check its path and its permissions."
        )
    ]
