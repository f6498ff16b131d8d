"""What shows when several files are seen together, and which files of a folder are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore.workflows.checks import CheckOptions, Severity, check_document, check_files

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = CheckOptions(argo_types=False)

TRAINING = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: {name}
  labels: {{scenarios.ai.sap.com/id: {scenario}, ai.sap.com/version: "1.0.0"}}
  annotations:
    scenarios.ai.sap.com/name: {scenario_name}
    executables.ai.sap.com/name: Training
spec:
  entrypoint: train
  templates:
  - name: train
    metadata: {{labels: {{ai.sap.com/resourcePlan: starter}}}}
    container: {{image: docker.io/example/churn:1, command: ["/bin/sh", "-c"], args: ["./train"]}}
"""
SERVING = """\
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: {name}
  labels: {{scenarios.ai.sap.com/id: {scenario}, ai.sap.com/version: "1.0.0"}}
  annotations:
    scenarios.ai.sap.com/name: {scenario_name}
    executables.ai.sap.com/name: Serving
spec:
  template:
    apiVersion: serving.kserve.io/v1beta1
    metadata:
      labels: |
        ai.sap.com/resourcePlan: starter
    spec: |
      predictor:
        containers:
          - name: kserve-container
            image: docker.io/example/serve:1
"""


def training(name: str = "churn-train", scenario: str = "churn", scenario_name: str = "Churn") -> str:
    """Return a WorkflowTemplate without a fault."""
    return TRAINING.format(name=name, scenario=scenario, scenario_name=scenario_name)


def serving(name: str = "churn-serve", scenario: str = "churn", scenario_name: str = "Churn") -> str:
    """Return a ServingTemplate without a fault."""
    return SERVING.format(name=name, scenario=scenario, scenario_name=scenario_name)


def messages(folder: Path, options: CheckOptions = OPTIONS) -> list[str]:
    """Check a folder, and return each finding as text with paths from that folder."""
    findings = check_files([folder], options=options).findings
    return [
        f"{finding.place} {finding.severity.word} {finding.rule}: {finding.text}".replace(f"{folder}/", "")
        for finding in findings
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with a training and a serving of one scenario."""
    (tmp_path / "train.yaml").write_text(training(), encoding="utf-8")
    (tmp_path / "serve.yml").write_text(serving(), encoding="utf-8")
    return tmp_path


def test_a_folder_without_a_fault(folder: Path) -> None:
    assert messages(folder) == []


def test_an_executable_id_that_is_taken(folder: Path) -> None:
    (folder / "twice.yaml").write_text(training(), encoding="utf-8")
    assert messages(folder) == [
        (
            "twice.yaml:4:9 error AIC401: The executable id `churn-train` is used by train.yaml, line 4: in one "
            "tenant, "
            "one of "
            "the two hides the other. Give one of them another `metadata.name`."
        )
    ]


def test_an_id_that_is_taken_in_another_folder_is_a_warning(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "twice.yaml").write_text(training(), encoding="utf-8")
    assert [message.split(": one of")[0] for message in messages(folder)] == [
        (
            "more/twice.yaml:4:9 warning AIC401: The executable id `churn-train` is used by train.yaml, line 4: in "
            "one "
            "tenant, one of the two hides the other. Give one of them another `metadata.name`."
        )
    ]


def test_a_scenario_with_two_names(folder: Path) -> None:
    (folder / "serve.yml").write_text(serving(scenario_name="Customer churn"), encoding="utf-8")
    assert messages(folder) == [
        (
            "train.yaml:7:32 error AIC402: The scenario `churn` is called `Churn` here and `Customer churn` in "
            "serve.yml, "
            "line 7: "
            "AI Core shows one of them. Write the same name in both, or give one another scenario id."
        )
    ]


def test_a_scenario_that_stays_invisible(folder: Path) -> None:
    (folder / "serve.yml").write_text(serving(scenario="other-scenario"), encoding="utf-8")
    assert messages(folder) == [
        (
            "serve.yml:5:37 warning AIC404: No WorkflowTemplate among the files that were checked defines the scenario "
            "`other-scenario`; with ServingTemplates only it stays invisible. Add a WorkflowTemplate of the scenario, "
            "if "
            "the "
            "tenant has none."
        )
    ]


def test_more_templates_than_a_tenant_may_have(tmp_path: Path) -> None:
    for number in range(51):
        (tmp_path / f"train{number:02}.yaml").write_text(training(name=f"train-{number}"), encoding="utf-8")
    assert messages(tmp_path) == [
        (
            "train50.yaml:4:9 error AIC403: There are 51 WorkflowTemplates, but a tenant may have 50: AI Core refuses "
            "the "
            "rest, of "
            "which this is the first. Remove some, or combine those that differ only in a value."
        )
    ]


def test_what_does_not_belong_into_the_folder(folder: Path) -> None:
    (folder / "contract.json").write_text("{}", encoding="utf-8")
    (folder / "compose.yaml").write_text("services: {}\n", encoding="utf-8")
    (folder / "README.md").write_text("text", encoding="utf-8")
    (folder / ".hidden.yaml").write_text("a: b\n", encoding="utf-8")
    (folder / "other.yaml").write_text(
        training().replace("ai.sap.com", "example.com").replace("scenarios.example.com/id: churn", "a: b"),
        encoding="utf-8",
    )
    assert [message.split(": ")[0] for message in messages(folder)] == [
        "compose.yaml:1:1 warning AIC405",
        "contract.json:1:1 warning AIC405",
        "other.yaml:4:9 warning AIC406",
    ]


def test_files_that_are_named_one_by_one_say_nothing_of_their_folder(folder: Path) -> None:
    (folder / "contract.json").write_text("{}", encoding="utf-8")
    files = [folder / "train.yaml", folder / "contract.json"]
    assert check_files(files, options=OPTIONS).findings == []


def with_placeholders(number: int) -> str:
    """Return a template with a number of variables left to be filled in, the first of them in line 18."""
    variables = "".join(f"      - name: NAME_{index}\n        value: <value {index}>\n" for index in range(number))
    head, _, _ = training().partition("    container:")
    return (
        f"{head}    container:\n      image: docker.io/example/churn:1\n      command: [/bin/sh, -c]\n"
        f"      args: [./train]\n      env:\n{variables}"
    )


@pytest.mark.parametrize("number", [3, 4, 40])
def test_a_file_full_of_placeholders_has_one_finding_about_them(number: int) -> None:
    found = [(one.place.line, one.rule, one.text) for one in check_document(with_placeholders(number), options=OPTIONS)]
    lines = [20 + 2 * index for index in range(number)]
    if number == 3:
        assert [(line, text[:11]) for line, _, text in found] == [
            (line, f"`<value {index}>`") for index, line in enumerate(lines)
        ]
        return
    listed = ", ".join(map(str, lines[:30])) + (" and 10 more" if number == 40 else "")
    message = f"{number} placeholders were left to be filled in (lines {listed}): AI Core uses them unchanged."
    assert found == [(lines[0], "AIC322", f"{message} Put the real values in their places.")]


def test_placeholders_that_a_comment_suppresses_are_not_counted() -> None:
    text = with_placeholders(4).replace("<value 0>", "<value 0> # aicore: ignore[AIC322]")
    assert [finding.message[:11] for finding in check_document(text, options=OPTIONS)] == [
        f"`<value {index}>`" for index in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("container", "rule", "severity"),
    [
        ("command: [python, x.py]", "AIC316", Severity.WARNING),
        ("command: [python]", "AIC316", Severity.WARNING),
        ("command: [/bin/sh]", "AIC316", Severity.WARNING),
        ('command: ["/bin/sh", "-c"]', "AIC317", Severity.ERROR),
        ('command: ["/bin/sh", "-c", "./train"]', "AIC317", Severity.WARNING),
    ],
)
def test_one_command_has_one_finding(container: str, rule: str, severity: Severity) -> None:
    text = training().replace('command: ["/bin/sh", "-c"], args: ["./train"]', container)
    assert [(finding.rule, finding.severity) for finding in check_document(text, options=OPTIONS)] == [(rule, severity)]


def test_the_same_file_named_twice_is_checked_once(folder: Path) -> None:
    result = check_files([folder / "train.yaml", folder, folder / "train.yaml"], options=OPTIONS)
    assert [file.path.name for file in result.files] == ["train.yaml", "serve.yml"]
    assert result.findings == []


def test_folders_of_tools_are_left_out(folder: Path) -> None:
    for name in (".git", "node_modules", "venv", "__pycache__"):
        (folder / name).mkdir()
        (folder / name / "twice.yaml").write_text(training(), encoding="utf-8")
    assert messages(folder) == []


def test_a_rule_is_left_out_everywhere_or_in_some_files(folder: Path) -> None:
    (folder / "train.yaml").write_text(training(scenario="abc"), encoding="utf-8")
    assert {message.split(": ")[0].split()[-1] for message in messages(folder)} == {"AIC308", "AIC404"}
    without = CheckOptions(
        ignore=frozenset({"AIC404"}), ignore_in_files={"tr*.yaml": frozenset({"AIC308"})}, argo_types=False
    )
    assert messages(folder, without) == []


def test_a_comment_takes_back_what_shows_between_files(folder: Path) -> None:
    text = training().replace("  name: churn-train\n", "  name: churn-train # aicore: ignore[AIC401]\n")
    (folder / "twice.yaml").write_text(text, encoding="utf-8")
    assert messages(folder) == []


def test_plans_of_the_tenant_are_known_when_they_are_told(folder: Path) -> None:
    text = training().replace("starter", "gpu.xl")
    (folder / "train.yaml").write_text(text, encoding="utf-8")
    assert [finding.rule for finding in check_files([folder], options=OPTIONS).findings] == ["AIC314"]
    options = CheckOptions(resource_plans=frozenset({"gpu.xl"}), argo_types=False)
    assert messages(folder, options) == []


# --- comments -----------------------------------------------------------------------------------------------------

UPPER = training(name="Churn")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: Churn\n", "name: Churn # aicore: ignore[AIC307]\n"),
        ("name: Churn\n", "name: Churn # aicore: ignore[executable-id]\n"),
        ("name: Churn\n", "name: Churn # aicore: ignore\n"),
        ("name: Churn\n", "name: Churn # AICORE: Ignore[aic307, AIC307]\n"),
        ("  name: Churn\n", "  # aicore: ignore[AIC307]\n  # because\n  name: Churn\n"),
        ("kind:", "# aicore: ignore-file[AIC307]\nkind:"),
        ("kind:", "# aicore: ignore-file AIC307\nkind:"),
        ("kind:", "# aicore: ignore-file[AIC307\nkind:"),
    ],
)
def test_comments_that_take_a_finding_back(old: str, new: str) -> None:
    assert [finding.rule for finding in check_document(UPPER, options=OPTIONS)] == ["AIC307"]
    assert check_document(UPPER.replace(old, new, 1), options=OPTIONS) == []


def test_a_comment_on_another_line_takes_nothing_back() -> None:
    text = UPPER.replace("kind: WorkflowTemplate\n", "kind: WorkflowTemplate # aicore: ignore[AIC307]\n")
    assert [(finding.rule, finding.place.line) for finding in check_document(text, options=OPTIONS)] == [
        ("AIC122", 2),
        ("AIC307", 4),
    ]


@pytest.mark.parametrize("comment", ["ignore-file AIC301, AIC302", "ignore-file[AIC301, AIC302"])
def test_forgotten_brackets_do_not_take_everything_back(comment: str) -> None:
    text = f"# aicore: {comment}\n{UPPER}"
    found = [(finding.rule, finding.place.line, finding.message) for finding in check_document(text, options=OPTIONS)]
    assert found[0] == (
        "AIC122",
        1,
        "This comment suppresses AIC301, AIC302, but no such finding exists in this file.",
    )
    assert [rule for rule, _, _ in found[1:]] == ["AIC307"]


def test_a_misspelt_comment_takes_nothing_back_and_says_so() -> None:
    text = UPPER.replace("name: Churn\n", "name: Churn # aicore: ingore[AIC307]\n", 1)
    comment, name = sorted(check_document(text, options=OPTIONS), key=lambda finding: finding.rule)
    assert str(comment).splitlines()[::3] == [
        "<string>:4:25: warning AIC121: Unknown word `ingore`, so nothing is suppressed.",
        "Write `ignore` or `ignore-file`.",
    ]
    assert name.rule == "AIC307"


def test_a_comment_of_somebody_else_is_none() -> None:
    text = UPPER.replace("name: Churn\n", "name: churn-train # aicore: a tenant of ours\n")
    assert check_document(text, options=OPTIONS) == []


def test_a_comment_where_a_block_begins_takes_back_what_is_in_it() -> None:
    text = serving().replace("image: docker.io/example/serve:1", "image: example/serve:1")
    assert [finding.rule for finding in check_document(text, options=OPTIONS)] == ["AIC321"]
    text = text.replace("    spec: |\n", "    spec: | # aicore: ignore[AIC321]\n")
    assert check_document(text, options=OPTIONS) == []


def test_a_finding_of_a_file_that_is_no_yaml_is_taken_back_as_well() -> None:
    text = "# aicore: ignore-file[tab]\nkind: WorkflowTemplate\nmetadata:\n\tname: x\n"
    assert check_document(text, options=OPTIONS) == []


def test_severities_are_ordered() -> None:
    assert Severity.HINT < Severity.WARNING < Severity.ERROR
    assert [severity.word for severity in Severity] == ["hint", "warning", "error"]
