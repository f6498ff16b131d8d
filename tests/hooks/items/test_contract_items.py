"""`path::contract`: the comparison with the golden contract, and its update."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

TRAINING = "workflows/training_workflow_tutorial.yaml"
GOLDEN = "contracts/training_workflow_tutorial.json"
VERSION = 'ai.sap.com/version: "1.0.0"'


def failures(result: pytest.RunResult) -> list[str]:
    """Return the lines between the headings of failures and the short summary, without headings."""
    lines = result.outlines
    start = next(number for number, line in enumerate(lines) if "= FAILURES =" in line)
    end = next(number for number, line in enumerate(lines) if number > start and line.startswith("====="))
    return [line for line in lines[start + 1 : end] if not line.startswith("____")]


def section(result: pytest.RunResult) -> list[str]:
    lines = result.outlines
    start = next(number for number, line in enumerate(lines) if "= SAP AI Core checks =" in line)
    end = next(number for number, line in enumerate(lines) if number > start and line.startswith("====="))
    return [line for line in lines[start + 1 : end] if line]


def error_of(result: pytest.RunResult) -> str:
    return next(line for line in reversed(result.errlines) if line)


def test_a_breaking_change_fails_at_its_line(project: pytest.Pytester, edit: Callable[..., None]) -> None:
    edit(TRAINING, "name: DEPTH\n", "name: MAX_DEPTH\n")
    edit(TRAINING, "parameters.DEPTH", "parameters.MAX_DEPTH")
    edit(TRAINING, "- name: MAX_DEPTH\n            value", "- name: DEPTH\n            value")
    result = project.runpytest_inprocess("--aicore-check", "-k", "contract")
    result.assert_outcomes(failed=1, passed=3, deselected=4)
    assert failures(result) == [
        (
            f"{TRAINING}:23:15: error AIC901: Parameter 'DEPTH' removed (renamed to 'MAX_DEPTH'?): breaking."
            " Configurations that bind 'DEPTH' stop working: AI Core binds by name, and that name no longer"
            " exists, so their executions end DEAD or stay PENDING."
        ),
        "    23 |       - name: MAX_DEPTH",
        "       |               ^",
        'Undo it, or announce it with a new `ai.sap.com/version`, which is still "1.0.0".',
    ]
    assert (
        f"FAILED {TRAINING}::contract - 23:15: AIC901: Parameter 'DEPTH' removed (renamed to 'MAX_DEPTH'?): breaking."
        " Configurations that bind 'DEPTH' stop working: AI Core binds by name, and that name no longer exists, so"
        " their executions end DEAD or stay PENDING."
    ) in result.outlines


def test_each_difference_has_its_place(project: pytest.Pytester, edit: Callable[..., None]) -> None:
    edit(TRAINING, 'default: "3"', 'default: "4"')
    edit(TRAINING, "name: text-data #", "name: texts #")
    edit(TRAINING, "globalName: text-model-tutorial", "globalName: model")
    edit(TRAINING, "resourcePlan: starter", "resourcePlan: train.l")
    edit(TRAINING, "text-clf-train:1.0.0", "text-clf-gpu:2")
    edit(TRAINING, "scenarios.ai.sap.com/id: text-clf-tutorial", "scenarios.ai.sap.com/id: text-clf")
    result = project.runpytest_inprocess("--aicore-check", "-k", "contract and training")
    heads = [line.split(" ")[:3] for line in failures(result) if line.startswith(TRAINING)]
    assert [(head[0], head[2]) for head in heads] == [
        (f"{TRAINING}:7:5:", "AIC907:"),  # scenario
        (f"{TRAINING}:26:3:", "AIC901:"),  # input removed: where inputs are declared
        (f"{TRAINING}:33:19:", "AIC901:"),  # input added
        (f"{TRAINING}:38:25:", "AIC901:"),  # output renamed
        (f"{TRAINING}:25:18:", "AIC902:"),  # default
        (f"{TRAINING}:38:25:", "AIC902:"),  # output added
        (f"{TRAINING}:30:36:", "AIC902:"),  # plan
        (f"{TRAINING}:43:16:", "AIC902:"),  # image
    ]


def test_a_new_version_label_announces_it(project: pytest.Pytester, edit: Callable[..., None]) -> None:
    edit(TRAINING, "name: text-data #", "name: text-datas #")
    edit(TRAINING, VERSION, VERSION.replace("1.0.0", "2.0.0"))
    result = project.runpytest_inprocess("--aicore-check", "-k", "contract")
    result.assert_outcomes(passed=4, deselected=4)
    assert section(result) == [
        (
            f"{TRAINING}:33:19: warning AIC905: The golden contract '{GOLDEN}' is out of date: input 'text-data'"
            " removed (renamed to 'text-datas'?) (and 2 more)."
        ),
        "1 warning: -v shows remedies, aicore_check_strict makes them fail",
    ]
    result = project.runpytest_inprocess("--aicore-check", "-k", "contract", "-o", "aicore_check_strict=true")
    result.assert_outcomes(failed=1, passed=3, deselected=4)
    assert failures(result)[-1] == (
        "It is announced by the new version label; update the contract: pytest --aicore-check --aicore-update"
    )


def test_a_compatible_change_passes_with_a_warning(project: pytest.Pytester, edit: Callable[..., None]) -> None:
    edit(TRAINING, "Greatest depth of the decision trees", "How deep")
    result = project.runpytest_inprocess("--aicore-check", "-k", "contract", "-v")
    result.assert_outcomes(passed=4, deselected=4)
    assert section(result) == [
        (
            f"{TRAINING}:24:22: warning AIC905: The golden contract '{GOLDEN}' is out of date: parameter 'DEPTH':"
            " description changed from 'Greatest depth of the decision trees' to 'How deep'."
        ),
        "    24 |         description: How deep",
        "       |                      ^",
        (
            "It is compatible with every configuration that exists; update the contract: pytest --aicore-check"
            " --aicore-update"
        ),
        "1 warning: -v shows remedies, aicore_check_strict makes them fail",
    ]


def test_a_missing_golden_contract_fails_and_names_the_command(project: pytest.Pytester) -> None:
    (project.path / GOLDEN).unlink()
    result = project.runpytest_inprocess("--aicore-check", "-k", "contract")
    result.assert_outcomes(failed=1, passed=3, deselected=4)
    assert failures(result) == [
        (
            f"{TRAINING}:1:1: error AIC903: The golden contract '{GOLDEN}' does not exist, so changes that break"
            " configurations would not be noticed."
        ),
        "Write it, review it, and commit it: pytest --aicore-check --aicore-update",
    ]


OFFER = "This project has no golden contracts yet, which notice changes that break configurations."


def test_a_project_without_golden_contracts_is_offered_some(project: pytest.Pytester) -> None:
    """Nobody begins with a wall of red."""
    shutil.rmtree(project.path / "contracts")
    result = project.runpytest_inprocess("--aicore-check", "-rs")
    result.assert_outcomes(passed=4, skipped=4)
    assert section(result) == [
        f"workflows/churn_dag.yaml:1:1: warning AIC903: {OFFER}",
        "1 warning: -v shows remedies, aicore_check_strict makes them fail",
    ]
    (skipped,) = (line for line in result.outlines if line.startswith("SKIPPED"))
    assert skipped.startswith("SKIPPED [4] ")
    assert skipped.endswith(f": {OFFER}")
    remedy = "Write them, review them, and commit them: pytest --aicore-check --aicore-update"
    assert remedy in project.runpytest_inprocess("--aicore-check", "-v").outlines
    project.runpytest_inprocess("--aicore-check", TRAINING).assert_outcomes(passed=1, skipped=1)
    strict = project.runpytest_inprocess("--aicore-check", "-o", "aicore_check_strict=true")
    strict.assert_outcomes(passed=4, failed=1, skipped=3)
    project.runpytest_inprocess("--aicore-check", "--aicore-update").assert_outcomes(passed=8)
    (project.path / GOLDEN).unlink()
    project.runpytest_inprocess("--aicore-check", TRAINING).assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize("content", ["", "{}", "no contract"])
def test_other_files_beside_are_no_contracts_and_a_broken_one_is(project: pytest.Pytester, content: str) -> None:
    shutil.rmtree(project.path / "contracts")
    project.mkdir("contracts").joinpath("notes.json").write_text(content)
    project.runpytest_inprocess("--aicore-check").assert_outcomes(passed=4, skipped=4)
    (project.path / GOLDEN).write_text(content)
    project.runpytest_inprocess("--aicore-check").assert_outcomes(passed=4, failed=4)


def test_a_golden_contract_without_workflow_is_named_once(project: pytest.Pytester) -> None:
    (project.path / TRAINING).unlink()
    (project.path / "contracts" / "notes.json").write_text("{}")
    result = project.runpytest_inprocess("--aicore-check", "-k", "contract")
    result.assert_outcomes(failed=1, passed=2, deselected=3)
    assert failures(result) == [
        (
            f"{GOLDEN}:1:1: error AIC906: No workflow file in 'workflows' belongs to this golden contract: every"
            " configuration of 'text-clf-train-tutorial' stops working."
        ),
        "Put the workflow back, or delete the contract as well.",
    ]
    named = sorted(str(path) for path in (project.path / "workflows").iterdir())
    project.runpytest_inprocess("--aicore-check", "-k", "contract", *named).assert_outcomes(passed=3, deselected=3)
    (project.path / GOLDEN).unlink()
    project.runpytest_inprocess("--aicore-check", "-k", "contract").assert_outcomes(passed=3, deselected=3)


def test_contracts_of_a_folder_that_is_gone_are_named_as_well(project: pytest.Pytester) -> None:
    (project.path / "contracts" / "old").mkdir()
    (project.path / GOLDEN).rename(project.path / "contracts" / "old" / "train.json")
    (project.path / TRAINING).unlink()
    result = project.runpytest_inprocess("--aicore-check", "-k", "contract")
    result.assert_outcomes(failed=1, passed=2, deselected=3)
    assert failures(result)[0] == (
        "contracts/old/train.json:1:1: error AIC906: No workflow file in 'workflows/old' belongs to this golden"
        " contract: every configuration of 'text-clf-train-tutorial' stops working."
    )


def test_a_workflow_file_that_was_moved_finds_its_contract(project: pytest.Pytester) -> None:
    (project.path / "workflows" / "text").mkdir()
    (project.path / TRAINING).rename(project.path / "workflows" / "text" / "train.yaml")
    result = project.runpytest_inprocess("--aicore-check", "-k", "contract")
    result.assert_outcomes(failed=1, passed=3, deselected=4)
    assert failures(result) == [
        (
            f"workflows/text/train.yaml:1:1: error AIC903: The golden contract of 'text-clf-train-tutorial' is still"
            f" '{GOLDEN}': the workflow file was moved."
        ),
        "Move it to 'contracts/text/train.json', or let this command do it: pytest --aicore-check --aicore-update",
    ]
    project.runpytest_inprocess("--aicore-check", "--aicore-update", "-k", "contract").assert_outcomes(
        passed=4, deselected=4
    )
    assert not (project.path / GOLDEN).exists()
    project.runpytest_inprocess("--aicore-check", "-k", "contract").assert_outcomes(passed=4, deselected=4)


def test_a_file_of_two_templates_has_no_contract_and_says_so(project: pytest.Pytester) -> None:
    other = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
    training = project.path / TRAINING
    training.write_text(training.read_text() + other)
    project.runpytest_inprocess("--aicore-check", "-k", "contract").assert_outcomes(passed=4, deselected=4)
    churn = project.path / "workflows" / "churn_dag.yaml"
    training.write_text(f"{training.read_text()}---\n{churn.read_text()}")
    result = project.runpytest_inprocess("--aicore-check", "-k", "contract and training")
    result.assert_outcomes(failed=1, deselected=7)
    assert failures(result) == [
        f"{TRAINING}:1:1: error AIC904: The file holds 2 templates, and a golden contract is of one.",
        "Give each template a file of its own.",
    ]


def test_a_golden_contract_that_is_no_text_can_be_written_anew(project: pytest.Pytester) -> None:
    golden = project.path / GOLDEN
    before = golden.read_bytes()
    golden.write_bytes(b"\xff" + before)
    result = project.runpytest_inprocess("--aicore-check", "-k", "contract")
    result.assert_outcomes(failed=1, passed=3, deselected=4)
    assert failures(result) == [
        f"{TRAINING}:1:1: error AIC904: The golden file '{golden}' is not UTF-8 text (at byte 0).",
        "Restore it from git, or update it: pytest --aicore-check --aicore-update",
    ]
    project.runpytest_inprocess("--aicore-check", "--aicore-update").assert_outcomes(passed=8)
    assert golden.read_bytes() == before


def test_a_renamed_workflow_file_finds_its_contract(project: pytest.Pytester) -> None:
    (project.path / TRAINING).rename(project.path / "workflows" / "train.yaml")
    result = project.runpytest_inprocess("--aicore-check", "-k", "contract")
    result.assert_outcomes(failed=1, passed=3, deselected=4)
    assert failures(result) == [
        (
            f"workflows/train.yaml:1:1: error AIC903: The golden contract of 'text-clf-train-tutorial' is still"
            f" '{GOLDEN}': the workflow file was renamed."
        ),
        "Rename it to 'train.json', or let this command do it: pytest --aicore-check --aicore-update",
    ]
    assert "AIC906" not in result.stdout.str()
    result = project.runpytest_inprocess("--aicore-check", "--aicore-update", "-k", "contract")
    result.assert_outcomes(passed=4, deselected=4)
    assert (
        f"contracts/train.json (was {GOLDEN}): executable 'text-clf-train-tutorial', version '1.0.0', unchanged: no"
        " difference"
    ) in result.outlines
    assert not (project.path / GOLDEN).exists()
    project.runpytest_inprocess("--aicore-check", "-k", "contract").assert_outcomes(passed=4, deselected=4)


def test_a_broken_golden_contract_fails(project: pytest.Pytester, edit: Callable[..., None]) -> None:
    edit(GOLDEN, '"version": "1.0.0"', '"versions": "1.0.0"')
    result = project.runpytest_inprocess("--aicore-check", "-k", "contract")
    result.assert_outcomes(failed=1, passed=3, deselected=4)
    assert failures(result) == [
        (
            f"{TRAINING}:1:1: error AIC904: {GOLDEN}: This is not a golden contract: it has an unknown key 'versions'."
            " Did you mean 'version'?"
        ),
        "Restore it from git, or update it: pytest --aicore-check --aicore-update",
    ]
    result = project.runpytest_inprocess("--aicore-check", "--aicore-update", "-k", "contract")
    assert (
        f"{GOLDEN}: was not a readable contract ({GOLDEN}: This is not a golden contract: it has an unknown key 'versions'."
        " Did you mean 'version'?)"
    ) in result.outlines
    assert json.loads((project.path / GOLDEN).read_text())["version"] == "1.0.0"


def test_a_link_that_leaves_the_contracts_is_neither_read_nor_written(project: pytest.Pytester) -> None:
    outside = project.path.parent / f"{project.path.name}.json"
    golden = project.path / GOLDEN
    golden.rename(outside)
    golden.symlink_to(outside)
    before = outside.read_text()
    message = f"The golden file '{golden}' would be outside of '{project.path / 'contracts'}', at '{outside}'."
    for arguments, prefix in (([], f"{TRAINING}:1:1: error AIC904: "), (["--aicore-update"], "")):
        result = project.runpytest_inprocess("--aicore-check", "-k", "contract", *arguments)
        result.assert_outcomes(failed=1, passed=3, deselected=4)
        assert failures(result) == [
            f"{prefix}{message}",
            "Remove the symbolic link or the `..` that leads there.",
        ]
    assert outside.read_text() == before


def test_two_workflows_do_not_share_a_contract(project: pytest.Pytester) -> None:
    training = project.path / TRAINING
    training.with_suffix(".yml").write_text(training.read_text().replace("tutorial", "other"))
    result = project.runpytest_inprocess("--aicore-check", "-k", "contract")
    result.assert_outcomes(failed=1, passed=4, deselected=5)
    assert failures(result) == [
        (
            "workflows/training_workflow_tutorial.yml:1:1: error AIC904: Its golden contract would be"
            f" '{GOLDEN}', which is that of '{TRAINING}'."
        ),
        "Rename one of the two workflow files.",
    ]


# --- update -----------------------------------------------------------------------------------------------------


def test_update_shows_the_table_and_then_writes(project: pytest.Pytester, edit: Callable[..., None]) -> None:
    edit(TRAINING, 'default: "3"', 'default: "4"')
    (project.path / "contracts" / "churn_dag.json").unlink()
    result = project.runpytest_inprocess("--aicore-check", "--aicore-update", "-k", "contract")
    result.assert_outcomes(passed=4, deselected=4)
    lines = result.outlines
    table = lines.index(f"{GOLDEN}: executable 'text-clf-train-tutorial', version '1.0.0', unchanged")
    assert lines[table + 1 : table + 3] == [
        "  needs a new version label  parameter 'DEPTH': default changed from '3' to '4'",
        "                             Configurations that do not bind 'DEPTH' run with another value than before.",
    ]
    assert "contracts/churn_dag.json: executable 'churn-train', new" in lines
    assert section(result) == [
        "--aicore-update: wrote contracts/churn_dag.json",
        f"--aicore-update: wrote {GOLDEN}",
    ]
    project.runpytest_inprocess("--aicore-check", "-k", "contract").assert_outcomes(passed=4, deselected=4)
    assert not list((project.path / "workflows").glob("*.json"))


def test_update_shows_the_table_without_a_reporter_as_well(project: pytest.Pytester, edit: Callable[..., None]) -> None:
    edit(TRAINING, 'default: "3"', 'default: "4"')
    result = project.runpytest_subprocess("--aicore-check", "--aicore-update", "-k", "training", "-p", "no:terminal")
    assert result.ret == 0
    assert result.outlines[0] == f"{GOLDEN}: executable 'text-clf-train-tutorial', version '1.0.0', unchanged"


def test_update_says_that_there_was_nothing_to_do(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("--aicore-check", "--aicore-update")
    result.assert_outcomes(passed=8)
    assert section(result) == ["--aicore-update: every golden file was up to date"]
    project.makepyfile("def test_it(): pass")
    result = project.runpytest_inprocess("--aicore-update")
    result.assert_outcomes(passed=1)
    assert section(result) == ["--aicore-update: no test wrote a golden file"]


def test_update_writes_only_what_was_selected(project: pytest.Pytester, edit: Callable[..., None]) -> None:
    edit(TRAINING, 'default: "3"', 'default: "4"')
    before = (project.path / GOLDEN).read_text()
    project.runpytest_inprocess("--aicore-check", "--aicore-update", "-k", "churn")
    project.runpytest_inprocess("--aicore-check", "--aicore-update", "--collect-only")
    assert (project.path / GOLDEN).read_text() == before


def test_update_fails_where_it_cannot_write(project: pytest.Pytester, edit: Callable[..., None]) -> None:
    for golden in (project.path / "contracts").iterdir():
        golden.unlink()
    (project.path / "contracts").rmdir()
    (project.path / "contracts").write_text("a file")
    result = project.runpytest_inprocess("--aicore-check", "--aicore-update", "-k", "contract and churn")
    result.assert_outcomes(failed=1, deselected=7)
    assert failures(result) == [
        f"The golden file '{project.path / 'contracts' / 'churn_dag.json'}' cannot be written: File exists."
    ]
    assert section(result) == ["--aicore-update: not every golden file was written"]


def test_update_is_refused_under_xdist(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("--aicore-check", "--aicore-update", "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert error_of(result) == (
        "ERROR: --aicore-update writes files, and the workers of pytest-xdist would write them concurrently."
        " Run it with `-n 0`."
    )
    project.runpytest_inprocess("--aicore-check", "--aicore-update", "-n", "0").assert_outcomes(passed=8)


def test_update_is_refused_from_an_ini_file(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("--aicore-check", "-o", "addopts=--aicore-update")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert error_of(result) == (
        "ERROR: --aicore-update is set in the `addopts` of an ini file, but a person must review each change of a"
        " golden file. Remove it there, and pass it on the command line."
    )
    project.makeini("[pytest]\naicore_update = true\n")
    result = project.runpytest_inprocess("--aicore-check", "--strict-config")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


# --- where contracts lie ------------------------------------------------------------------------------------------


def test_contracts_can_lie_elsewhere(project: pytest.Pytester) -> None:
    (project.path / "contracts").rename(project.path / "promises")
    project.runpytest_inprocess("--aicore-check").assert_outcomes(passed=4, skipped=4)
    project.runpytest_inprocess("--aicore-check", "-o", "aicore_contracts=promises").assert_outcomes(passed=8)


@pytest.mark.parametrize("place", ["workflows", "workflows/contracts", "promises/../workflows"])
def test_contracts_never_lie_in_the_workflows_folder(project: pytest.Pytester, place: str) -> None:
    result = project.runpytest_inprocess("--aicore-check", "-o", f"aicore_contracts={place}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert error_of(result) == (
        f"ERROR: ini aicore_contracts = {project.path / place}: the golden contracts would be in the workflows folder"
        f" {project.path / 'workflows'}, which AI Core's Git sync reads. Keep them elsewhere."
    )


def test_workflows_of_other_folders_have_contracts_as_well(project: pytest.Pytester) -> None:
    other = project.mkdir("serving")
    (project.path / "workflows" / "serving_workflow_tutorial.yaml").rename(other / "serve.yaml")
    (project.path / "contracts" / "serving_workflow_tutorial.json").unlink()
    project.runpytest_inprocess("--aicore-check", "--aicore-update").assert_outcomes(passed=8)
    assert (project.path / "contracts" / "serving" / "serve.json").is_file()
    project.runpytest_inprocess("--aicore-check", "serving").assert_outcomes(passed=2)


# --- rendered manifests -------------------------------------------------------------------------------------------

RENDERING = """
    import pytest

    @pytest.mark.aicore("training_workflow_tutorial.yaml", artifacts={"text-data": "ai://default/data"})
    def test_manifest(aicore_workflow):
        rendered = aicore_workflow.render(parameters={"DEPTH": 5}, artifacts={"text-data": "ai://default/data"})
        assert rendered["spec"]["templates"][0]["container"]["env"] == [{"name": "DEPTH", "value": "5"}]
        assert rendered.matches_golden("golden/train.yaml")
"""


def test_a_rendered_manifest_is_compared_with_its_golden_file(project: pytest.Pytester) -> None:
    folder = project.mkdir("tests")
    project.makepyfile(**{"tests/test_manifest": RENDERING})
    golden = folder / "golden" / "train.yaml"
    result = project.runpytest_inprocess("tests")
    result.assert_outcomes(failed=1)
    assert f"The golden file does not exist: '{golden}'." in result.stdout.str()
    result = project.runpytest_inprocess("tests", "--aicore-update")
    result.assert_outcomes(passed=1)
    assert section(result) == ["--aicore-update: wrote tests/golden/train.yaml"]
    assert "      value: '5'\n" in golden.read_text()
    project.runpytest_inprocess("tests").assert_outcomes(passed=1)
    golden.write_text(golden.read_text().replace("'5'", "'6'"))
    result = project.runpytest_inprocess("tests")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E *The golden file '{golden}' has different content.", "E *-      value: '6'"])
    assert "goldens.py" not in result.stdout.str()
    assert "rendering.py" not in result.stdout.str()


def test_a_wrong_rendering_is_shown_at_the_line_of_the_test(project: pytest.Pytester) -> None:
    project.makepyfile(RENDERING.replace('"DEPTH": 5', '"Depth": 5'))
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    assert (
        "E       PlanError: training_workflow_tutorial.yaml has no parameter 'Depth'. Did you mean"
        " 'DEPTH'? Its parameters: 'DEPTH'."
    ) in result.outlines
    assert "rendering.py" not in result.stdout.str()
    assert "template.py" not in result.stdout.str()
