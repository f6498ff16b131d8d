"""Workflow YAML files as pytest items."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

TRAINING = "workflows/training_workflow_tutorial.yaml"
# The label without which AI Core publishes nothing.
VERSION = '    ai.sap.com/version: "1.0.0" # In quotes: a bare 2.0 would be a number, and labels are strings.\n'


def test_each_template_has_a_check_and_a_contract(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("--aicore-check", "--collect-only", "-q")
    assert result.outlines[:8] == [
        f"workflows/{name}.yaml::{item}"
        for name in (
            "churn_dag",
            "house_price_steps",
            "serving_workflow_tutorial",
            "training_workflow_tutorial",
        )
        for item in ("check", "contract")
    ]


def test_our_workflows_pass(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("--aicore-check", "-W", "error")
    result.assert_outcomes(passed=8)
    assert "SAP AI Core checks" not in result.stdout.str()


def test_without_the_option_no_yaml_is_collected(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_the_ini_value_collects_as_well(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("-o", "aicore_check=true", "-q")
    result.assert_outcomes(passed=8)


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        (["-k", "contract"], 4),
        (["-k", "churn and check"], 1),
        (["-k", "check"], 4),
        (["-m", "aicore_check"], 4),
        (["-m", "aicore_contract"], 4),
        (["-m", "not aicore_check and not aicore_contract"], 0),
        (["workflows/churn_dag.yaml"], 2),
        (["workflows/churn_dag.yaml::check"], 1),
        (["-n", "2"], 8),
        (["-p", "no:cacheprovider", "--strict-config"], 8),
    ],
)
def test_items_are_selected_like_any_test(project: pytest.Pytester, arguments: list[str], passed: int) -> None:
    project.runpytest_inprocess("--aicore-check", *arguments).assert_outcomes(
        passed=passed, deselected=8 - passed if arguments[0] in "-k -m" else 0
    )


def test_a_failure_reads_like_a_compiler_message(project: pytest.Pytester, edit: Callable[..., None]) -> None:
    edit(TRAINING, VERSION, "")
    result = project.runpytest_inprocess("--aicore-check", "-k", "training and check")
    result.assert_outcomes(failed=1, deselected=7)
    lines = result.outlines
    start = next(number for number, line in enumerate(lines) if f" {TRAINING}::check " in line)
    end = next(number for number, line in enumerate(lines) if "short test summary" in line)
    assert lines[start + 1].startswith(f"{TRAINING}:6:3: error AIC303: ")
    assert lines[start + 2 : start + 4] == ["     6 |   labels:", "       |   ^"]
    assert end == start + 5
    assert lines[end + 1].startswith(f"FAILED {TRAINING}::check - 6:3: AIC303: ")
    assert "Traceback" not in result.stdout.str()
    assert "collecting.py" not in result.stdout.str()


@pytest.mark.parametrize("style", ["auto", "long", "short", "line", "native", "no"])
def test_a_failure_can_be_shown_in_every_style(project: pytest.Pytester, edit: Callable[..., None], style: str) -> None:
    edit(TRAINING, VERSION, "")
    result = project.runpytest_inprocess("--aicore-check", f"--tb={style}", "-k", "training and check")
    result.assert_outcomes(failed=1, deselected=7)
    assert (f"{TRAINING}:6:3: " in result.stdout.str()) == (style != "no")


def test_a_failure_has_colours_where_the_terminal_has(project: pytest.Pytester, edit: Callable[..., None]) -> None:
    edit(TRAINING, VERSION, "")
    result = project.runpytest_inprocess("--aicore-check", "--color=yes", "-k", "training and check")
    assert f"\033[1m{TRAINING}:6:3:\033[0m \033[1;31merror AIC303:\033[0m " in result.stdout.str()


def test_a_failure_travels_between_processes(project: pytest.Pytester, edit: Callable[..., None]) -> None:
    edit(TRAINING, VERSION, "")
    result = project.runpytest_inprocess("--aicore-check", "-n", "2")
    result.assert_outcomes(failed=2, passed=6)
    assert f"{TRAINING}:6:3: error AIC303: " in result.stdout.str()


def test_what_failed_last_runs_first(project: pytest.Pytester, edit: Callable[..., None]) -> None:
    edit(TRAINING, VERSION, "")
    project.runpytest_inprocess("--aicore-check").assert_outcomes(failed=2, passed=6)
    result = project.runpytest_inprocess("--aicore-check", "--lf", "-v")
    result.assert_outcomes(failed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_junit_names_file_and_finding(project: pytest.Pytester, edit: Callable[..., None]) -> None:
    edit(TRAINING, VERSION, "")
    project.runpytest_inprocess("--aicore-check", "--junitxml=out.xml", "-k", "training and check")
    cases = list(ET.parse(project.path / "out.xml").getroot().iter("testcase"))
    assert [(case.get("classname"), case.get("name")) for case in cases] == [
        ("workflows.training_workflow_tutorial.yaml", "check")
    ]
    failure = cases[0].find("failure")
    assert failure is not None
    assert (failure.get("message") or "").startswith("6:3: AIC303: ")
    assert (failure.text or "").startswith(f"{TRAINING}:6:3: error AIC303: ")


# --- what is collected ---------------------------------------------------------------------------------------


def test_other_yaml_is_left_alone(empty: pytest.Pytester) -> None:
    empty.makefile(".yaml", values="a: [", deploy="kind: Deployment\napiVersion: apps/v1\n")
    empty.makefile(".yml", workflow="on: {workflow_dispatch: {}}\njobs: {}\n")
    empty.makefile(".json", package='{"name": "Workflow"}')
    (empty.path / "binary.yaml").write_bytes(bytes(range(256)) * 100)
    result = empty.runpytest_inprocess("--aicore-check")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_nothing_heavy_is_imported_where_no_template_is(empty: pytest.Pytester) -> None:
    empty.makefile(".yaml", values="a: 1", flow="on: {workflow_dispatch: {}}\n")
    empty.makeconftest(
        """
        import sys

        def pytest_unconfigure():
            heavy = {"yaml", "requests", "responses", "ai_api_client_sdk", "pytest_aicore.workflows", "subprocess"}
            print("LOADED", sorted(heavy.difference({"subprocess"}).intersection(sys.modules)))
        """
    )
    empty.makepyfile("def test_it(): pass")
    result = empty.runpytest_subprocess("--aicore-check", "-s", "-p", "no:requests_mock")
    result.assert_outcomes(passed=1)
    assert "LOADED []" in result.outlines


def test_the_workflows_folder_is_visited_beside_testpaths(project: pytest.Pytester) -> None:
    project.mkdir("tests").joinpath("test_it.py").write_text("def test_it(): pass")
    for testpaths, arguments, passed in (
        ("tests", [], 9),
        ("tests", ["tests"], 1),
        ("tests", ["-n", "1"], 9),
        ("tests workflows", [], 9),
        (".", [], 9),
    ):
        result = project.runpytest_inprocess("--aicore-check", "-o", f"testpaths={testpaths}", *arguments)
        result.assert_outcomes(passed=passed)


def test_a_workflow_of_argo_alone_has_no_contract(empty: pytest.Pytester) -> None:
    empty.makefile(
        ".yaml",
        hello="""
        apiVersion: argoproj.io/v1alpha1
        kind: Workflow
        metadata: {generateName: hello-}
        spec:
          entrypoint: hello
          templates: [{name: hello, container: {image: "docker.io/busybox:1", command: [echo], args: [hello]}}]
        """,
    )
    result = empty.runpytest_inprocess("--aicore-check", "--collect-only", "-q")
    assert result.outlines[0] == "hello.yaml::check"
    assert "contract" not in result.stdout.str()


@pytest.mark.parametrize(
    ("kind", "content", "outcome"),
    [
        (
            "CronWorkflow",
            "spec: {schedule: 0 1 * * *, workflowSpec: {workflowTemplateRef: {name: churn-train}}}",
            "passed",
        ),
        ("List", "items: [{kind: WorkflowTemplate, spec: {templates: []}}]", "skipped"),
    ],
)
def test_what_is_no_executable_has_no_contract(empty: pytest.Pytester, kind: str, content: str, outcome: str) -> None:
    head = f"apiVersion: argoproj.io/v1alpha1\nkind: {kind}\nmetadata: {{name: x, annotations: {{ai.sap.com/of: x}}}}"
    labels = "# scenarios.ai.sap.com/id: templates:"
    empty.makefile(".yaml", other=f"{head}\n{content}\n{labels}\n")
    result = empty.runpytest_inprocess("--aicore-check", "-q")
    result.assert_outcomes(**{outcome: 1})


def test_what_is_not_checked_like_the_others_says_so(empty: pytest.Pytester) -> None:
    head = "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata:\n  name: "
    rest = "\nspec:\n  entrypoint: a\n  templates: [{name: a, suspend: {}}]\n"
    empty.makefile(".yaml", argo=f"{head}argo{rest}", helm=f"{head}{{{{ .Values.name }}}}{rest}")
    result = empty.runpytest_inprocess("--aicore-check", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    rendered = "This file was not checked: it becomes YAML only when Helm has rendered it (`{{ .Values.name }}`)."
    plainly = "This WorkflowTemplate has no label of AI Core, so it was checked by the rules of Argo only."
    assert f"argo.yaml:2:7: hint AIC260: {plainly}" in result.outlines
    assert f"helm.yaml:4:1: warning AIC120: {rendered}" in result.outlines
    assert any(line.startswith("SKIPPED [1] ") and line.endswith(rendered) for line in result.outlines)
    empty.runpytest_inprocess("--aicore-check", "-o", "aicore_check_strict=true").assert_outcomes(passed=1, failed=1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_what_pytest_does_not_collect_is_told_with_the_first_file(project: pytest.Pytester) -> None:
    os.mkfifo(project.path / "workflows" / "pipe.yaml")
    (project.path / "workflows" / "gone").symlink_to("nothing")
    result = project.runpytest_inprocess("--aicore-check", "-k", "check")
    result.assert_outcomes(passed=3, failed=1, deselected=4)
    assert "workflows/pipe.yaml:1:1: error AIC116: The file cannot be read: it is a named pipe, not a file." in (
        result.outlines
    )
    assert [line[:30] for line in result.outlines if "AIC120" in line] == ["workflows/gone:1:1: hint AIC12"]
    named = project.runpytest_inprocess("--aicore-check", "workflows/churn_dag.yaml", "-k", "check")
    named.assert_outcomes(passed=1, deselected=1)


def test_a_workflows_folder_of_which_nothing_is_collected_is_told(empty: pytest.Pytester) -> None:
    (empty.path / "workflows").mkdir()
    (empty.path / "workflows" / "gone.yaml").symlink_to("nothing.yaml")
    result = empty.runpytest_inprocess("--aicore-check")
    assert "workflows: no workflow file was collected, so nothing was checked" in result.outlines


def test_links_that_leave_the_project_are_left_alone(project: pytest.Pytester) -> None:
    outside = project.path.parent / "outside"
    outside.mkdir()
    source = project.path / "workflows" / "churn_dag.yaml"
    source.rename(outside / "churn_dag.yaml")
    source.symlink_to(outside / "churn_dag.yaml")
    (project.path / "workflows" / "nowhere.yaml").symlink_to(outside / "missing.yaml")
    (project.path / "workflows" / "again").symlink_to(project.path / "workflows")
    (project.path / "workflows" / "elsewhere").symlink_to(outside)
    result = project.runpytest_inprocess("--aicore-check", "-k", "check")
    result.assert_outcomes(passed=2, failed=1, deselected=3)
    gone = f"This symbolic link leads nowhere: `{outside / 'missing.yaml'}` does not exist."
    assert f"workflows/nowhere.yaml:1:1: error AIC116: {gone}" in result.outlines
    assert "workflows/churn_dag.yaml: skipped: symbolic link to a target outside the project" in result.outlines
    assert "workflows/elsewhere: skipped: symbolic link to a target outside the project" in result.outlines
    assert "again" not in result.stdout.str()


def test_a_link_to_a_folder_above_it_is_not_followed(project: pytest.Pytester) -> None:
    """The system would end such a walk, at a call that pytest may not expect to fail."""
    project.mkdir("tests").joinpath("test_it.py").write_text("def test_it(): pass")
    (project.path / "tests" / "all").symlink_to(project.path)
    project.makeconftest(
        """
        def pytest_collectstart(collector):
            print("COLLECTED", collector.nodeid)
        """
    )
    everything = project.runpytest_inprocess("--aicore-check", "-s")
    everything.assert_outcomes(passed=9)
    assert "COLLECTED tests/test_it.py" in everything.outlines
    assert not [line for line in everything.outlines if line.startswith("COLLECTED tests/all")]
    # Where what it leads to is not collected, it is as pytest has it.
    part = project.runpytest_inprocess("--aicore-check", "--collect-only", "-s", "tests")
    assert "COLLECTED tests/all/tests/test_it.py" in part.outlines
    assert not [line for line in part.outlines if line.startswith("COLLECTED tests/all/tests/all")]


def test_broken_files_fail_with_a_message(project: pytest.Pytester) -> None:
    head = "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: # ai.sap.com/\n"
    folder = project.path / "workflows"
    (folder / "a_tab.yaml").write_text(head + "\tname: x\n")
    (folder / "b_latin.yaml").write_bytes(head.encode() + b"  name: \xe4\n")
    (folder / "c_large.yaml").write_text(head + "#" * 50_000_000)
    (folder / "d_utf16.yaml").write_bytes((head + "  name: x\n").encode("utf-16-le"))
    (folder / "e_folder.yaml").mkdir()
    result = project.runpytest_inprocess("--aicore-check", "-k", "a_tab or b_latin or c_large or d_utf16 or e_folder")
    result.assert_outcomes(failed=8, deselected=8)
    shown = result.stdout.str()
    assert "Traceback" not in shown
    assert "workflows/a_tab.yaml:4:1: error AIC" in shown
    assert "workflows/b_latin.yaml:4:9: error AIC" in shown
    assert "workflows/c_large.yaml:1:1: error AIC" in shown
    for name in ("a_tab", "b_latin", "c_large", "d_utf16"):
        assert (
            f"workflows/{name}.yaml:1:1: error AIC904: The file cannot be read as a template, so it has no contract."
            in result.outlines
        )
        assert f"See workflows/{name}.yaml::check." in result.outlines


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_a_named_file_that_cannot_be_read_fails(project: pytest.Pytester) -> None:
    (project.path / TRAINING).chmod(0)
    result = project.runpytest_inprocess("--aicore-check", TRAINING)
    result.assert_outcomes(failed=1)


def test_a_test_that_goes_elsewhere_disturbs_nobody(project: pytest.Pytester) -> None:
    project.makepyfile("import os\ndef test_it(tmp_path): os.chdir(tmp_path)")
    project.runpytest_inprocess("--aicore-check").assert_outcomes(passed=9)


# --- warnings -------------------------------------------------------------------------------------------------

UNKNOWN_PLAN = "ai.sap.com/resourcePlan: colossal"


@pytest.fixture
def warned(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project in which one warning is found, whatever the rules are just now."""
    from pytest_aicore.workflows import checks
    from pytest_aicore.workflows.yaml.places import Place

    original = checks.check_files

    def check_files(paths, *, options, is_all=False):  # type: ignore[no-untyped-def]
        result = original(paths, options=options, is_all=is_all)
        warning = checks.Finding(
            "AIC399",
            checks.Severity.WARNING,
            Place(TRAINING, 31, 11),
            "The plan is unknown.",
            "Ask for it.",
            source_line="          ai.sap.com/resourcePlan: colossal",
        )
        hint = checks.Finding("AIC398", checks.Severity.HINT, Place(TRAINING, 1, 1), "This is a hint.", "Take it.")
        return checks.CheckResult(result.files, (warning, hint))

    monkeypatch.setattr(checks, "check_files", check_files)
    return project


def test_warnings_are_shown_and_pass(warned: pytest.Pytester) -> None:
    result = warned.runpytest_inprocess("--aicore-check")
    result.assert_outcomes(passed=8)
    start = next(number for number, line in enumerate(result.outlines) if " SAP AI Core checks " in line)
    assert result.outlines[start + 1 : start + 3] == [
        f"{TRAINING}:31:11: warning AIC399: The plan is unknown.",
        "1 warning: -v shows remedies, aicore_check_strict makes them fail",
    ]
    assert "AIC398" not in result.stdout.str()


def test_verbose_warnings_have_their_remedies_and_hints_are_shown(warned: pytest.Pytester) -> None:
    result = warned.runpytest_inprocess("--aicore-check", "-v")
    start = next(number for number, line in enumerate(result.outlines) if " SAP AI Core checks " in line)
    assert result.outlines[start + 1 : start + 8] == [
        f"{TRAINING}:1:1: hint AIC398: This is a hint.",
        "Take it.",
        f"{TRAINING}:31:11: warning AIC399: The plan is unknown.",
        "    31 |           ai.sap.com/resourcePlan: colossal",
        "       |           ^",
        "Ask for it.",
        "1 warning: -v shows remedies, aicore_check_strict makes them fail",
    ]


def test_strict_makes_warnings_fail(warned: pytest.Pytester) -> None:
    result = warned.runpytest_inprocess("--aicore-check", "-o", "aicore_check_strict=true")
    result.assert_outcomes(passed=7, failed=1)
    assert f"{TRAINING}:31:11: warning AIC399: The plan is unknown." in result.outlines


def test_what_several_files_show_is_told_once(warned: pytest.Pytester) -> None:
    result = warned.runpytest_inprocess("--aicore-check")
    assert result.stdout.str().count("AIC399") == 1


def test_what_only_shows_beside_other_files_is_told_once(project: pytest.Pytester) -> None:
    folder = project.path / "workflows"
    (folder / "another.yaml").write_text((project.path / TRAINING).read_text())
    (folder / "settings.json").write_text("{}")
    result = project.runpytest_inprocess("--aicore-check", "-k", "check", "-p", "no:xdist")
    result.assert_outcomes(failed=1, passed=4, deselected=5)
    shown = result.stdout.str()
    assert shown.count(": error AIC401: ") == 1
    assert shown.count("workflows/settings.json:1:1: warning AIC405: ") == 1
    assert "workflows/settings.json::" not in shown


def test_files_of_several_folders_are_seen_together(project: pytest.Pytester) -> None:
    """The scenario of a serving may be defined by a training elsewhere in the project."""
    serving = project.mkdir("serving") / "serve.yaml"
    (project.path / "workflows" / "serving_workflow_tutorial.yaml").rename(serving)
    result = project.runpytest_inprocess("--aicore-check", "-k", "check")
    result.assert_outcomes(passed=4, deselected=4)
    assert "AIC404" not in result.stdout.str()
    assert "AIC404" in project.runpytest_inprocess("--aicore-check", "serving").stdout.str()


# --- settings --------------------------------------------------------------------------------------------------


def test_rules_can_be_left_out_by_ini(project: pytest.Pytester, edit: Callable[..., None]) -> None:
    edit(TRAINING, VERSION, "")
    for lines, passed in (("AIC303", 4), ("churn*: AIC303 AIC302\n*training*: aic303", 4), ("churn*: AIC303", 3)):
        result = project.runpytest_inprocess("--aicore-check", "-k", "check", "-o", f"aicore_check_ignore={lines}")
        result.assert_outcomes(passed=passed, failed=4 - passed, deselected=4)


def test_an_unknown_rule_to_leave_out_is_an_error(project: pytest.Pytester) -> None:
    ignore = "aicore_check_ignore=AIC303X"
    result = project.runpytest_inprocess("--aicore-check", "-k", "churn and check", "-o", ignore)
    result.assert_outcomes(failed=1, deselected=7)
    assert "ini aicore_check_ignore: unknown rule 'AIC303X' to ignore. Did you mean 'AIC303'?" in result.outlines


def test_help_names_the_settings(project: pytest.Pytester) -> None:
    shown = " ".join(project.runpytest_subprocess("--help").stdout.str().split())
    for words in (
        "--aicore-check collect workflow YAML files as tests: their checks, and their contracts",
        "--aicore-update update golden files: contracts of workflows, rendered manifests, and (local, live) baselines",
        "aicore_contracts (string): folder with the golden contracts (default: contracts beside the workflows folder)",
        "aicore_check_strict (bool): warnings of the checks fail, too",
    ):
        assert words in shown
