"""What AI Core and Argo accept has no findings, however rarely it is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_aicore.workflows.checks import CheckOptions, check_document, is_candidate

KIND = "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\n"
WHAT_IS_LEFT_OUT = frozenset({"AIC260"})  # that a template of Argo is not checked by the rules of AI Core
FILES = sorted((Path(__file__).parent / "accepted").glob("*.yaml"))


@pytest.mark.parametrize("argo_types", [None, False], ids=["hera if installed", "without hera"])
@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_accepted_files_have_no_findings(path: Path, argo_types: bool | None) -> None:
    options = CheckOptions(argo_types=argo_types, ignore=WHAT_IS_LEFT_OUT)
    findings = check_document(path.read_bytes(), path.name, options=options)
    assert [str(finding) for finding in findings] == []


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n"])
def test_line_ends_make_no_difference(path: Path, ends: str) -> None:
    text = path.read_text(encoding="utf-8").replace("\n", ends)
    options = CheckOptions(argo_types=False, ignore=WHAT_IS_LEFT_OUT)
    assert [str(finding) for finding in check_document(text, options=options)] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\n", True),
        ('---\n"apiVersion": "ai.sap.com/v1alpha1"\n"kind": "ServingTemplate"\n', True),
        ('{"kind": "WorkflowTemplate", "apiVersion": "argoproj.io/v1alpha1"}', True),
        ("kind: WorkflowTemplat\nmetadata:\n  labels:\n    scenarios.ai.sap.com/id: x\nspec:\n  templates: []\n", True),
        ("\ufeffapiVersion: argoproj.io/v1alpha1\r\nkind: CronWorkflow\r\n", True),
        ("apiVersion: argoproj.io/v1alpha1\nkind: Application\n", False),
        ("apiVersion: v1\nkind: ConfigMap\ndata:\n  x: |\n    kind: WorkflowTemplate\n", False),
        ("services: {}\n", False),
        ("name: ci\non: push\n# kind: WorkflowTemplate\n", False),
        ("{{- if .Values.x }}\napiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\n{{- end }}\n", False),
        ("apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata:\n  name: {{ .Values.name }}\n", False),
        (
            f"{KIND}spec:\n  x:\n    - |\n      {{{{ range .items }}}}\n\n    - y: >-  # Go\n        {{{{- end }}}}\n",
            True,
        ),
        (f"{KIND}spec:\n  x: |\n    {{{{ if .x }}}}\n{{{{- if .Values.x }}}}\n", False),
        (f"{KIND}spec:\n  x: [\"-o '{{{{range .items}}}}{{{{end}}}}'\", '{{{{- if .x}}}}\"{{{{ end }}}}']\n", True),
        (f'{KIND}metadata:\n  name: "{{{{ .Release.Name }}}}-train"\n', False),
        (f'{KIND}metadata:\n  name: "{{{{ include \\"name\\" . }}}}"\n', False),
        (f"{KIND}metadata:\n  name: x # was {{{{ .Values.name }}}}\n  # {{{{- if .Values.x }}}} 'y'\n", True),
        (f'{KIND}metadata:\n  name: "{{{{ .Values.name }}}}" # x\n', False),
        ("apiVersion: v1\nkind: List\nitems:\n- apiVersion: argoproj.io/v1alpha1\n  kind: WorkflowTemplate\n", True),
        ("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  x: WorkflowTemplate\n", False),
        ("", False),
    ],
)
def test_which_files_are_worth_parsing(text: str, expected: bool) -> None:
    assert is_candidate(text.encode()) is expected
    assert is_candidate(text.removeprefix("\ufeff").encode("utf-16")) is expected
