"""A repository of several services: where their workflows are, which of them a test means, where their contracts are."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.places import WORKFLOWS

if TYPE_CHECKING:
    from pathlib import Path

TUTORIAL = (WORKFLOWS / "training_workflow_tutorial.yaml").read_text(encoding="utf-8")
NAME = "text-clf-train-tutorial"
A_TEST = """
import pytest

@pytest.mark.aicore({workflow}artifacts={{"text-data": "ai://default/data"}})
def test_{name}(aicore_execution, aicore_workflow):
    assert aicore_workflow.name == "{name}-train"
"""


def add_workflow(folder: Path, file: str, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(TUTORIAL.replace(NAME, name), encoding="utf-8")


def add_test(folder: Path, name: str, workflow: str = '"train.yaml", ') -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"test_{name}.py").write_text(A_TEST.format(name=name, workflow=workflow), encoding="utf-8")


@pytest.fixture
def services(empty_project: pytest.Pytester) -> pytest.Pytester:
    """Two services, each with a `train.yaml` of its own and a test of it."""
    for name in ("churn", "price"):
        add_workflow(empty_project.path / "services" / name / "workflows", "train.yaml", f"{name}-train")
        add_test(empty_project.path / "services" / name / "tests", name)
    ini = empty_project.path / "tox.ini"
    ini.write_text(f"{ini.read_text()}\naicore_workflows = services/*/workflows\n", encoding="utf-8")
    return empty_project


def failure(project: pytest.Pytester, *arguments: str) -> str:
    result = project.runpytest_inprocess("-rN", *arguments)
    assert "failed" in result.parseoutcomes() or "errors" in result.parseoutcomes(), result.stdout.str()
    return "\n".join(line.removeprefix("E   ").strip() for line in result.outlines)


def test_the_nearest_of_several_files_is_meant(services: pytest.Pytester) -> None:
    services.runpytest_inprocess().assert_outcomes(passed=2)
    services.runpytest_inprocess("services/price").assert_outcomes(passed=1)


def test_the_header_names_the_folders(services: pytest.Pytester) -> None:
    lines = services.runpytest_inprocess().outlines
    two = "services/churn/workflows, services/price/workflows"
    assert f"aicore: resource group default (default), workflows {two} (from ini aicore_workflows)" in lines
    for name in ("a", "b", "c"):
        add_workflow(services.path / "services" / name / "workflows", "other.yaml", f"{name}-train")
    lines = services.runpytest_inprocess().outlines
    three = "services/a/workflows, services/b/workflows, services/c/workflows and 2 more"
    assert f"aicore: resource group default (default), workflows {three} (from ini aicore_workflows)" in lines


def test_without_a_name_the_only_workflow_of_the_nearest_folder_is_meant(services: pytest.Pytester) -> None:
    add_test(services.path / "services" / "price" / "tests", "price", "")
    services.runpytest_inprocess("services/price").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "reference", ["churn-train", "churn/workflows/train.yaml", "services/churn/workflows/train.yaml"]
)
def test_of_files_that_are_as_near_one_is_named_with_its_folder(services: pytest.Pytester, reference: str) -> None:
    add_test(services.path / "tests", "churn")
    shown = failure(services, "tests")
    assert (
        "tests/test_churn.py:4: 'train.yaml' can mean more than one workflow of the folders"
        f" '{services.path}/services/churn/workflows' and '{services.path}/services/price/workflows':\n"
        "churn/workflows/train.yaml  churn-train\n"
        "price/workflows/train.yaml  price-train\n"
        "Name the file with its folder: 'churn/workflows/train.yaml'."
    ) in shown
    add_test(services.path / "tests", "churn", f'"{reference}", ')
    services.runpytest_inprocess("tests").assert_outcomes(passed=1)


def test_equal_ids_in_different_services_are_refused(services: pytest.Pytester) -> None:
    add_workflow(services.path / "services" / "price" / "workflows", "again.yaml", "churn-train")
    place = f"{services.path}/services"
    assert (
        "Two templates have the executable id 'churn-train', which must be unique in a tenant:\n"
        f"{place}/churn/workflows/train.yaml:5:9\n"
        f"{place}/price/workflows/again.yaml:5:9\n"
        "Give one of them another `metadata.name`."
    ) in failure(services, "services/churn")


def test_deployments_and_runs_of_a_body_find_the_nearest(services: pytest.Pytester) -> None:
    for name in ("churn", "price"):
        source = (WORKFLOWS / "serving_workflow_tutorial.yaml").read_text(encoding="utf-8")
        own = source.replace("text-clf-infer-tutorial", f"{name}-serve")
        (services.path / "services" / name / "workflows" / "serve.yaml").write_text(own, encoding="utf-8")
    (services.path / "services" / "price" / "test_both.py").write_text(
        """
import pytest
from pytest_aicore import from_run

def test_run(aicore_run):
    run = aicore_run("train.yaml", artifacts={"text-data": "ai://default/data"})
    assert run.plan.template.name == "price-train"
    assert run.execution.output_artifacts

@pytest.mark.aicore("train.yaml", artifacts={"text-data": "ai://default/data"})
@pytest.mark.aicore_deployment("serve.yaml", artifacts={"textmodel": from_run("text-model-tutorial")})
def test_deployment(aicore_deployment):
    assert aicore_deployment.plan.template.name == "price-serve"
""",
        encoding="utf-8",
    )
    services.runpytest_inprocess("services/price/test_both.py").assert_outcomes(passed=2)


def test_contracts_are_beside_their_workflows(services: pytest.Pytester) -> None:
    services.runpytest_inprocess("--aicore-update", "--aicore-check").assert_outcomes(passed=6)
    contracts = sorted(str(path.relative_to(services.path)) for path in services.path.rglob("contracts/*"))
    assert contracts == ["services/churn/contracts/train.json", "services/price/contracts/train.json"]
    services.runpytest_inprocess("--aicore-check").assert_outcomes(passed=6)
    (services.path / contracts[1]).unlink()  # one of another service shows that contracts are kept
    services.runpytest_inprocess("--aicore-check", "services/price").assert_outcomes(passed=2, failed=1)
    services.runpytest_inprocess("--aicore-update", "--aicore-check").assert_outcomes(passed=6)
    for name in ("churn", "price"):  # each folder of contracts is searched for what no workflow belongs to
        shutil.copy(services.path / contracts[0], services.path / "services" / name / "contracts" / "gone.json")
    result = services.runpytest_inprocess("--aicore-check", "-k", "contract")
    result.assert_outcomes(failed=2, deselected=4)
    assert sum("services/price/contracts/gone.json" in line for line in result.outlines) == 1


def test_one_folder_of_contracts_has_the_folders_of_the_workflows(services: pytest.Pytester) -> None:
    arguments = ("--aicore-check", "-o", "aicore_contracts=promises")
    services.runpytest_inprocess("--aicore-update", *arguments).assert_outcomes(passed=6)
    assert sorted(str(path.relative_to(services.path)) for path in services.path.rglob("*.json")) == [
        "promises/services/churn/workflows/train.json",
        "promises/services/price/workflows/train.json",
    ]
    services.runpytest_inprocess(*arguments).assert_outcomes(passed=6)


def test_a_conftest_sets_what_holds_for_its_folder_but_no_limit_of_money(services: pytest.Pytester) -> None:
    conftest = services.path / "services" / "churn" / "conftest.py"
    source = """
import dataclasses, pytest

@pytest.fixture
def aicore_plan(aicore_plan):
    return dataclasses.replace(aicore_plan, {change})
"""
    conftest.write_text(source.format(change="timeout=1"), encoding="utf-8")
    result = services.runpytest_inprocess("-p", "no:randomly")
    result.assert_outcomes(passed=1, failed=1)
    assert "had not ended 1 s after its start" in result.stdout.str()
    conftest.write_text(source.format(change="resource_group='rich'"), encoding="utf-8")
    assert (
        "The fixture 'aicore_plan' of this folder or test module returned a plan for the resource group 'rich', but"
        " all trainings of a session run in one, which is 'default': where money may be spent is said by"
        " --aicore-resource-group, AICORE_RESOURCE_GROUP or ini aicore_resource_group alone."
    ) in failure(services, "services/churn")


def test_a_glob_that_no_folder_matches_is_told(services: pytest.Pytester) -> None:
    shown = failure(services, "services/churn", "--aicore-workflows=service/*/flows")
    assert (
        f"No folder matches '{services.path}/service/*/flows', which names the workflows folders.\n"
        "Name the folder with `--aicore-workflows=DIR`, or with `aicore_workflows` in the ini file."
    ) in shown


def test_a_missing_folder_names_those_with_templates(services: pytest.Pytester) -> None:
    shown = failure(services, "services/churn", "-o", "aicore_workflows=flows")
    assert (
        f"The workflows folder '{services.path}/flows' does not exist; the nearest folder that does is"
        f" '{services.path}'. Templates are in 'services/churn/workflows', 'services/price/workflows' there."
    ) in shown


# Environments of classes, modules and sessions ----------------------------------------------------------------------

CLIENT = """
import os, unittest
import pytest
from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client
from pytest_aicore import Artifact

def client():
    given = os.environ
    return AIAPIV2Client(
        base_url=given["AICORE_BASE_URL"] + "/lm",
        auth_url=given["AICORE_AUTH_URL"],
        client_id=given["AICORE_CLIENT_ID"],
        client_secret=given["AICORE_CLIENT_SECRET"],
        resource_group=given["AICORE_RESOURCE_GROUP"],
    )
"""
CLASS = """
@pytest.mark.usefixtures("aicore_class_environment")
class TestRegistering(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = client()
        cls.data = cls.client.artifact.create("data", Artifact.Kind.DATASET, "ai://default/data", "text-clf-tutorial")

    def test_once(self):
        assert self.client.artifact.get(self.data.id).name == "data"

    def test_again(self):
        assert self.client.artifact.get(self.data.id).name == "data"

def test_it_ends_with_the_class():
    assert "AICORE_CLIENT_ID" not in os.environ
"""
PLAIN_CLASS = """
@pytest.mark.usefixtures("aicore_class_environment")
class TestScenarios:
    @classmethod
    def setup_class(cls):
        cls.client = client()

    def test_one(self):
        assert self.client.scenario.query().count > 1

    def test_two(self, aicore_environment):
        assert aicore_environment.variables["AICORE_CLIENT_ID"] == os.environ["AICORE_CLIENT_ID"]

    def test_three(self):
        assert client().scenario.query().count > 1
"""
MODULE = """
pytestmark = pytest.mark.usefixtures("aicore_module_environment")

def setup_module(module):
    module.scenarios = client().scenario.query()

def test_it():
    assert scenarios.count > 1
"""
SESSION = """
@pytest.fixture(scope="session")
def scenarios(aicore_session_environment):
    return client().scenario.query()

def test_it(scenarios):
    assert scenarios.count > 1
"""


@pytest.mark.parametrize(("source", "passed"), [(CLASS, 3), (PLAIN_CLASS, 3), (MODULE, 1), (SESSION, 1)])
def test_wider_environments_are_set_before_the_code_that_needs_them(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str, passed: int
) -> None:
    monkeypatch.setenv("AICORE_PROFILE", "of this machine")
    project.makepyfile(test_it=CLIENT + source)
    project.runpytest_inprocess("--aicore-workflows=workflows").assert_outcomes(passed=passed)
