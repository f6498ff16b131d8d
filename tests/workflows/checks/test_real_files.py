"""Files that other people wrote: real templates of AI Core, Argo's own examples, and what Argo's own tests refuse.

They are not in the repository; PYTEST_AICORE_SHARED names the folder that holds `corpus/`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore.workflows.checks import RULES, CheckOptions, Severity, check_document
from tests.places import SHARED

if TYPE_CHECKING:
    from pathlib import Path

CORPUS = SHARED / "corpus"

if not CORPUS.is_dir():
    pytest.skip(f"there are no files of other people at {CORPUS}", allow_module_level=True)

AICORE = {path.name[:3]: path for path in sorted((CORPUS / "aicore").glob("*.yaml"))}
VALID = sorted((CORPUS / "argo-valid").glob("*.yaml"))
INVALID = sorted((CORPUS / "argo-invalid").glob("*.yaml"))

# What is wrong in the real templates for certain; all others run.
ERRORS = {
    "005": {(33, "AIC202")},
    "054": {(62, "AIC315"), (73, "AIC240"), (75, "AIC240")},
    "145": {(22, "AIC331"), (26, "AIC331"), (28, "AIC331")},
    "153": {(60, "AIC102")},
    "164": {(4, "AIC305"), (4, "AIC306"), (13, "AIC331"), (17, "AIC331")},
    "189": {(1, "AIC304"), (3, "AIC302"), (3, "AIC303"), (3, "AIC305"), (3, "AIC306")},
}
WARNINGS = {
    "018": {(10, "AIC319"), (11, "AIC319"), (37, "AIC322")},
    "062": {(26, "AIC314")},
    "082": {(12, "AIC319"), (25, "AIC313")},
    "088": {(10, "AIC319"), (26, "AIC313")},
    "181": {(11, "AIC319"), (24, "AIC313")},
}

# Where Argo's own tests expect the error, and one that says nothing of what is wrong: it lies in another file.
REFUSED = {
    "test__e2e__lintfail__disallow-unknown.yaml": (15, "AIC201"),
    "test__e2e__testdata__malformed__malformed-clusterworkflowtemplate.yaml": (9, "AIC202"),
    "test__e2e__testdata__malformed__malformed-workflowtemplate.yaml": (9, "AIC202"),
    "validate_dag_test__dagAnyWithoutExpandingTask.yaml": (18, "AIC215"),
    "validate_dag_test__dagDependenciesDigit.yaml": (14, "AIC215"),
    "validate_dag_test__dagStatusNoFutureReferenceSimple.yaml": (26, "AIC243"),
    "validate_dag_test__dagTargetMissingInputParam.yaml": (14, "AIC240"),
    "validate_test__emptyName.yaml": (11, "AIC203"),
    "validate_test__invalidActionResourceWorkflow.yaml": (10, "AIC205"),
    "validate_test__invalidArgParamNames.yaml": (9, "AIC211"),
    "validate_test__invalidContainerSetDependencyNotFound.yaml": (22, "AIC213"),
    "validate_test__invalidInputArtNames.yaml": (35, "AIC211"),
    "validate_test__invalidOutputMultipleValueFrom.yaml": (18, "AIC225"),
    "validate_test__invalidRealtimeMetricGauge.yaml": (15, "AIC234"),
    "validate_test__invalidStepsArgumentNoFromOrLocation.yaml": (14, "AIC222"),
    "validate_test__invalidWfNoImageScript.yaml": (9, "AIC228"),
    "validate_test__podResourcesInvalidResourceName.yaml": (9, "AIC230"),
    "validate_test__resourceClaimsOnStepsTemplate.yaml": (9, "AIC230"),
    "validate_test__stepStatusReferencesNoFutureReference.yaml": (15, "AIC243"),
    "validate_test__workflowStatusNotOnExit.yaml": (12, "AIC248"),
}
BEYOND = {"validate_test__nestedTemplateRefWithError.yaml"}


def found(path: Path, severity: Severity) -> set[tuple[int, str]]:
    """Return line and rule of the findings of a severity."""
    findings = check_document(path.read_bytes(), path.name)
    return {(finding.place.line, finding.rule) for finding in findings if finding.severity is severity}


@pytest.mark.parametrize("number", AICORE)
def test_real_templates_have_exactly_the_errors_that_they_have(number: str) -> None:
    assert found(AICORE[number], Severity.ERROR) == ERRORS.get(number, set())


@pytest.mark.parametrize("number", WARNINGS)
def test_warnings_of_real_templates(number: str) -> None:
    assert found(AICORE[number], Severity.WARNING) == WARNINGS[number]


@pytest.mark.parametrize("path", VALID, ids=[path.name for path in VALID])
@pytest.mark.parametrize("argo_types", [None, False], ids=["hera if installed", "without hera"])
def test_what_argo_accepts_has_no_errors(path: Path, argo_types: bool | None) -> None:
    findings = check_document(path.read_bytes(), path.name, options=CheckOptions(argo_types=argo_types))
    assert [str(finding) for finding in findings if finding.severity is Severity.ERROR] == []
    assert {RULES[finding.rule].layer for finding in findings} <= {"argo"}


@pytest.mark.parametrize("path", INVALID, ids=[path.name for path in INVALID])
def test_what_argo_refuses_is_found_where_it_is(path: Path) -> None:
    findings = check_document(path.read_bytes(), path.name)
    if path.name in BEYOND:
        assert findings == []
        return
    assert REFUSED[path.name] in {(finding.place.line, finding.rule) for finding in findings}
