"""`pytest-aicore init` in repositories of the shapes that users have: what it writes passes at once."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.places import SHARED, WORKFLOWS
from tests.prepared import prepare, run_command
from tests.projects import NEEDLESS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TUTORIAL = (WORKFLOWS / "training_workflow_tutorial.yaml").read_text(encoding="utf-8")
SERVING = (WORKFLOWS / "serving_workflow_tutorial.yaml").read_text(encoding="utf-8")
QUIET = ("-p", "no:cacheprovider", *(word for name in NEEDLESS[2:] for word in ("-p", f"no:{name}")))


class Repository:
    """A repository of a user."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        self.path = pytester.path

    def add(self, file: str, text: str = "") -> None:
        path = self.path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def add_training(self, file: str, name: str, **replaced: str) -> None:
        text = TUTORIAL.replace("text-clf-train-tutorial", name)
        for old, new in replaced.items():
            assert old in text
            text = text.replace(old, new)
        self.add(file, text)

    def init(self, *arguments: str, status: int = 0) -> str:
        done = run_command("init", *arguments)
        assert (done.returncode, done.stdout if status else done.stderr) == (status, ""), done.stdout + done.stderr
        return done.stderr if status else done.stdout

    def pytest(self, *arguments: str) -> pytest.RunResult:
        return self._pytester.runpytest_inprocess(*QUIET, *arguments)

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.path).as_posix(): path.read_bytes()
            for path in sorted(self.path.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }

    def text(self, file: str) -> str:
        return (self.path / file).read_text(encoding="utf-8")


@pytest.fixture
def repository(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Repository:
    prepare(pytester, monkeypatch)
    monkeypatch.chdir(pytester.path)
    return Repository(pytester)


# Five shapes --------------------------------------------------------------------------------------------------------

FIRST_TEST = '''\
"""Each training completes and leaves its outputs, each deployment runs.

Written by `pytest-aicore init`; change it as you like, and say what a good model is. `pytest` runs these tests
against an emulator of SAP AI Core, `pytest --aicore-local` with the code of the images on this machine,
`pytest --aicore-live` on AI Core.
"""

import pytest


@pytest.mark.aicore(
    "beans.yaml",
    artifacts={"text-data": "ai://default/text-data"},
    parameters={"DEPTH": "3"},
)
def test_beans_train(aicore_execution):
    assert sorted(aicore_execution.output_artifacts) == ["text-model-tutorial"]
'''
GITHUB = """\
name: SAP AI Core

on: [push, pull_request]

permissions:
  contents: read

jobs:
  acceptance:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.13"
      - run: pip install 'pytest-aicore[sdk]'
      - run: pytest tests/test_aicore.py pipelines --aicore-check
"""


def indented(text: str) -> str:
    return "".join(f"    {line}".rstrip() + "\n" for line in text.splitlines())


def test_one_folder(repository: Repository) -> None:
    repository.add_training("pipelines/beans.yaml", "beans-train")
    repository.add(".git/config", '[remote "origin"]\n\turl = git@github.com:acme/beans.git\n')
    said = repository.init()
    ini = "[pytest]\naicore_workflows = pipelines\n"
    assert said == (
        "1 workflow in 'pipelines'\n\n"
        f"new: pytest.ini\n{indented(ini)}\n"
        f"new: tests/test_aicore.py\n{indented(FIRST_TEST)}\n"
        f"new: .github/workflows/aicore.yml\n{indented(GITHUB)}\n"
        "new: contracts/beans.json\n\n"
        "Run the tests:\n\n    pytest tests/test_aicore.py\n\n"
        "Check the workflows as well:\n\n    pytest --aicore-check\n"
    )
    assert repository.text("pytest.ini") == ini
    assert repository.text("tests/test_aicore.py") == FIRST_TEST
    assert repository.text(".github/workflows/aicore.yml") == GITHUB
    repository.pytest().assert_outcomes(passed=1)
    repository.pytest("tests/test_aicore.py", "pipelines", "--aicore-check").assert_outcomes(passed=3)


def test_an_output_that_loses_its_global_name_fails_the_test(repository: Repository) -> None:
    repository.add_training("workflows/beans.yaml", "beans-train")
    repository.init()
    repository.pytest().assert_outcomes(passed=1)
    repository.add_training("workflows/beans.yaml", "beans-train", **{"globalName: text-model-tutorial": "# gone"})
    repository.pytest().assert_outcomes(failed=1)


def test_a_mono_repo(repository: Repository) -> None:
    pyproject = '[project]\r\nname = "ml"\r\nversion = "1"'
    (repository.path / "pyproject.toml").write_bytes(pyproject.encode())
    repository.add(".gitlab-ci.yml", "stages: [test]\n")
    for name in ("delay", "fraud"):
        repository.add_training(f"services/{name}/workflows/train.yaml", f"{name}-train")
        repository.add(f"services/{name}/tests/test_{name}.py", "def test_it(): pass\n")
    said = repository.init()
    table = '\r\n\r\n[tool.pytest.ini_options]\r\naicore_workflows = ["services/*/workflows"]\r\n'
    assert (repository.path / "pyproject.toml").read_bytes() == (pyproject + table).encode()
    assert '"train.yaml",' in repository.text("services/fraud/tests/test_aicore_fraud.py")
    assert repository.text(".gitlab-ci.yml") == "stages: [test]\n"
    modules = "services/delay/tests/test_aicore_delay.py services/fraud/tests/test_aicore_fraud.py"
    assert (
        ".gitlab-ci.yml exists. A job for GitLab that could be added:\n"
        "    aicore-acceptance:\n"
        "      image: python:3.13-slim\n"
        "      script:\n"
        "        - pip install 'pytest-aicore[sdk]'\n"
        f"        - pytest {modules} services/delay/workflows services/fraud/workflows --aicore-check\n"
    ) in said
    repository.pytest().assert_outcomes(passed=4)
    repository.pytest("--aicore-check").assert_outcomes(passed=8)


def test_dockerfiles_and_data(repository: Repository) -> None:
    repository.add_training("workflows/train.yaml", "beans-train")
    repository.add("images/trainer/Dockerfile", "FROM python:3-slim\nCOPY src /app/src\n")
    repository.add("images/trainer/src/train.py")
    repository.add("images/web/Dockerfile", "FROM nginx\n")
    repository.add("samples/text_data/tickets.csv", "a,b\n")
    said = repository.init()
    assert repository.text("pytest.ini") == (
        "[pytest]\naicore_workflows = workflows\n"
        "aicore_local_images = docker.io/example/text-clf-train:* = images/trainer\n"
        "aicore_local_store = samples\n"
    )
    assert 'artifacts={"text-data": "ai://default/text_data"}' in repository.text("tests/test_aicore.py")
    assert said.endswith(
        "\n\nRun the real code of these trainings on this machine (pip install 'pytest-aicore[local]'):\n\n"
        "    pytest --aicore-local tests/test_aicore.py::test_beans_train\n"
    )
    repository.pytest().assert_outcomes(passed=1)


def test_no_tests_yet_and_workflows_beside_the_code(repository: Repository) -> None:
    repository.add_training("training.yaml", "beans-train")
    repository.add("app.py", "print(1)\n")
    said = repository.init()
    assert said.startswith("1 workflow in the project's folder\n")
    assert sorted(repository.files()) == [
        "app.py", "contracts/training.json", "pytest.ini", "tests/test_aicore.py", "training.yaml",
    ]  # fmt: skip
    repository.pytest().assert_outcomes(passed=1)
    repository.pytest("--aicore-check").assert_outcomes(passed=3)


UNITTEST = """
import unittest

class TestPrices(unittest.TestCase):
    def test_sum(self):
        self.assertEqual(1 + 1, 2)
"""


def test_a_suite_of_unittest_with_settings_of_its_own(repository: Repository) -> None:
    repository.add_training("ai/train.yaml", "beans-train")
    repository.add("test/__init__.py")
    repository.add("test/test_prices.py", UNITTEST)
    config = "[metadata]\nname = beans\n\n[tool:pytest]\ntestpaths = test\n"
    repository.add("setup.cfg", config)
    repository.add("azure-pipelines.yml", "steps: []\n")
    said = repository.init()
    assert "\nAdd to pytest's table in setup.cfg:\n    aicore_workflows = ai\n" in said
    assert "\n      - script: pytest test/test_aicore.py ai --aicore-check --aicore-workflows=ai\n" in said
    assert repository.text("setup.cfg") == config
    repository.pytest().assert_outcomes(passed=2)
    given = ("test/test_aicore.py", "ai", "--aicore-check", "--aicore-workflows=ai")
    repository.pytest(*given).assert_outcomes(passed=3)
    repository.add("setup.cfg", f"{config}aicore_workflows = ai\n")
    repository.pytest().assert_outcomes(passed=2)
    unittest = subprocess.run([sys.executable, "-m", "unittest", "-q"], capture_output=True, text=True, check=False)
    assert unittest.returncode == 0, unittest.stderr


# What it does not do ------------------------------------------------------------------------------------------------


def test_a_dry_run_writes_nothing_and_shows_the_same(repository: Repository) -> None:
    repository.add_training("pipelines/train.yaml", "beans-train")
    before = repository.files()
    said = repository.init("--dry-run")
    assert repository.files() == before
    assert said.endswith("new: contracts/train.json\n\nNothing was written: --dry-run.\n")
    shown = said.partition("\n\nNothing")[0]
    assert repository.init().startswith(shown)


def test_what_exists_is_left_alone(repository: Repository) -> None:
    repository.add_training("pipelines/train.yaml", "beans-train")
    repository.add(".github/dependabot.yml")
    repository.init()
    repository.add("tests/test_aicore.py", "# mine\n")
    before = repository.files()
    said = repository.init()
    assert repository.files() == before
    assert "new:" not in said
    assert "exists, left alone: tests/test_aicore.py\nexists, left alone: contracts/train.json\n" in said


def test_another_folder_than_the_current_one(repository: Repository) -> None:
    repository.add_training("sub/pipelines/train.yaml", "beans-train")
    assert "new: pytest.ini\n" in repository.init("sub")
    assert (repository.path / "sub" / "pytest.ini").is_file()
    repository.pytest("--rootdir=sub", "-c", "sub/pytest.ini", "sub").assert_outcomes(passed=1)


# What cannot be tested ----------------------------------------------------------------------------------------------


def test_workflows_that_ai_core_would_not_take_are_left_out_with_the_reason(repository: Repository) -> None:
    repository.add_training("a/train.yaml", "beans-train")
    repository.add_training("b/train.yaml", "beans-train")
    repository.add("c/serve.yaml", SERVING.replace("ai.sap.com/id: text-clf-tutorial", "ai.sap.com/id: other-scenario"))
    repository.add_training("d/train.yaml", "peas-train", **{"scenarios.ai.sap.com/id: text-clf-tutorial": "x: y"})
    repository.add_training("e/train.yaml", "lentils-train", **{"apiVersion:": "\tapiVersion:"})
    lines = repository.init().splitlines()
    assert [line.partition(": ")[2].partition(": ")[0] for line in lines if line.startswith("left out: ")] == [
        "b", "e", "c/serve.yaml", "d/train.yaml",
    ]  # fmt: skip
    assert (
        "left out: c/serve.yaml: AI Core shows the scenario 'other-scenario' only with a WorkflowTemplate of it, and"
        " there is none"
    ) in lines
    assert "left out: d/train.yaml: AI Core does not publish it without label scenarios.ai.sap.com/id" in lines
    repository.pytest().assert_outcomes(passed=1)


@pytest.mark.parametrize("content", [None, "kind: Deployment\n"])
def test_without_workflows_it_says_what_one_is(repository: Repository, content: str | None) -> None:
    if content is not None:
        repository.add("deploy.yaml", content)
    before = repository.files()
    assert repository.init(status=2) == (
        f"pytest-aicore: No workflow of SAP AI Core was found in '{repository.path}' that a test could train or"
        " deploy.\nA workflow is a YAML file of the kind WorkflowTemplate or ServingTemplate, with the labels that AI"
        " Core requires: `pytest-aicore check` says what is missing.\n"
    )
    assert repository.files() == before


def test_a_folder_that_does_not_exist(repository: Repository) -> None:
    assert repository.init("gone", status=2) == "pytest-aicore: 'gone' is not a folder.\n"


def test_settings_that_pytest_cannot_read(repository: Repository) -> None:
    repository.add_training("workflows/train.yaml", "beans-train")
    repository.add("pytest.ini", "[pytest\n")
    assert repository.init(status=2) == (
        "pytest-aicore: pytest cannot read the settings of '.': `pytest --collect-only` says why.\n"
    )


# Names --------------------------------------------------------------------------------------------------------------


def test_names_of_modules_and_functions_are_unique(repository: Repository) -> None:
    repository.add(
        "pytest.ini", "[pytest]\npython_files = *_test.py\naicore_workflows =\n  one/*/flows\n  two/*/flows\n"
    )
    for place in ("one", "two"):
        repository.add_training(f"{place}/beans/flows/a.yaml", f"{place}-train")
    repository.add_training("one/beans/flows/b.yaml", "one.train")
    repository.add("one/beans/flows/c.yaml", SERVING)
    repository.init()
    tests = sorted(file for file in repository.files() if file.endswith(".py"))
    assert tests == ["one/beans/tests/aicore_beans_test.py", "two/beans/tests/aicore_beans_2_test.py"]
    functions = re.findall(r"def (\w+)", repository.text(tests[0]))
    assert functions == ["test_one_train", "test_one_train_2", "test_text_clf_infer_tutorial"]
    repository.pytest().assert_outcomes(passed=4)


@pytest.mark.parametrize(
    ("remote", "file", "command"),
    [
        (
            "https://github.com/a/b",
            ".github/workflows/aicore.yml",
            lambda job: job["jobs"]["acceptance"]["steps"][-1]["run"],
        ),
        ("git@gitlab.acme.com:a/b", ".gitlab-ci.yml", lambda job: job["aicore-acceptance"]["script"][-1]),
        ("https://me@dev.azure.com/a/_git/b", "azure-pipelines.yml", lambda job: job["steps"][-1]["script"]),
    ],
)
def test_the_job_of_each_forge_runs_what_was_written(
    repository: Repository, remote: str, file: str, command: Callable[[dict[str, object]], str]
) -> None:
    repository.add_training("work flows/train.yaml", "beans-train")
    repository.add(".git/config", f'[remote "origin"]\n  url = {remote}\n')
    repository.init()
    assert command(yaml.safe_load(repository.text(file))) == "pytest tests/test_aicore.py 'work flows' --aicore-check"


def test_workflows_with_errors_are_tested_and_not_checked_by_the_job(repository: Repository) -> None:
    repository.add_training("workflows/train.yaml", "beans-train", **{"resourcePlan: starter": "resourcePlan: nothing"})
    repository.add(".github/x")
    said = repository.init()
    if "The checks find errors" in said:
        assert "--aicore-check" not in repository.text(".github/workflows/aicore.yml")
    repository.pytest().assert_outcomes(passed=1)


# What others have written -------------------------------------------------------------------------------------------


@pytest.mark.once
def test_public_workflows_pass_at_once(repository: Repository) -> None:
    corpus: Path = SHARED / "corpus" / "aicore"
    if not corpus.is_dir():
        pytest.skip(f"there are no public workflows at {corpus}; PYTEST_AICORE_SHARED names the folder with corpus/")
    for number, file in enumerate(sorted(corpus.glob("*.yaml"))):
        repository.add(f"service{number}/flows/{file.name}", file.read_text(encoding="utf-8"))
    said = repository.init()
    number = int(said.partition(" ")[0])
    assert number >= 20
    repository.pytest().assert_outcomes(passed=number)
