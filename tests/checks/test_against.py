"""`pytest-aicore check --against`: contracts compared with a git revision."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.checks.programs import Command

TRAINING = "workflows/training_workflow_tutorial.yaml"

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(project: pytest.Pytester, *arguments: str) -> None:
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@example.com",
    }
    subprocess.run(["git", *arguments], cwd=project.path, env=environment, check=True, capture_output=True)


@pytest.fixture
def repository(project: pytest.Pytester) -> pytest.Pytester:
    """The project as a git repository with one commit, called `v1` and `main`."""
    git(project, "init", "-q", "-b", "main")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "first")
    git(project, "tag", "v1")
    return project


def test_nothing_changed(repository: pytest.Pytester, command: Command) -> None:
    result = command("workflows", "--against", "HEAD")
    assert (result.returncode, result.stdout) == (0, "4 files checked: nothing found\n")


def test_a_breaking_change_fails_at_its_line(
    repository: pytest.Pytester, command: Command, edit: Callable[..., None]
) -> None:
    edit(TRAINING, "name: text-data #", "name: text-rows #")
    edit(TRAINING, "artifacts.ai.sap.com/text-data.kind", "artifacts.ai.sap.com/text-rows.kind")
    git(repository, "commit", "-qam", "second")
    result = command("workflows", "--against", "v1")
    assert result.returncode == 1
    assert result.stdout == (
        f"{TRAINING}:33:19: error AIC901: Input 'text-data' removed (renamed to 'text-rows'?): breaking. Configurations"
        " that bind 'text-data' stop working: AI Core binds by name, and nothing has that name any more, so their"
        " executions end DEAD or stay PENDING.\n"
        "    33 |           - name: text-rows # A configuration binds a registered arti...\n"
        "       |                   ^\n"
        'Undo it, or tell it with a new `ai.sap.com/version`, which still is "1.0.0".\n'
        "\n"
        f"{TRAINING}:33:19: error AIC901: Input 'text-rows' added: breaking. All existing configurations stop working:"
        " none binds an artifact to 'text-rows', so their executions end DEAD or stay PENDING.\n"
        "    33 |           - name: text-rows # A configuration binds a registered arti...\n"
        "       |                   ^\n"
        'Undo it, or tell it with a new `ai.sap.com/version`, which still is "1.0.0".\n'
        "\n"
        "4 files checked: 2 errors\n"
    )
    edit(TRAINING, '"1.0.0"', '"2.0.0"')
    result = command(TRAINING, "--against", "main~1")
    assert result.returncode == 0
    assert result.stdout.endswith("\n1 file checked: 3 hints\n")
    assert (
        f"{TRAINING}:8:5: hint AIC908: Version changed from '1.0.0' to '2.0.0': compatible.\n"
        '     8 |     ai.sap.com/version: "2.0.0" # In quotes: a bare 2.0 would be a nu...\n'
        "       |     ^\n"
        "It is compatible with every configuration that exists.\n"
    ) in result.stdout
    assert result.stdout.count("It is announced by the new version label.\n") == 2


@pytest.mark.parametrize("committed", [False, True])
def test_a_renamed_file_is_the_same_workflow(
    repository: pytest.Pytester, command: Command, edit: Callable[..., None], committed: bool
) -> None:
    (repository.path / TRAINING).rename(repository.path / "workflows" / "train.yml")
    edit("workflows/train.yml", "DEPTH", "DEEP")
    if committed:
        git(repository, "add", "-A")
        git(repository, "commit", "-qm", "second")
    result = command("workflows", "--against", "v1")
    assert result.stdout.startswith(
        "workflows/train.yml:23:15: error AIC901: Parameter 'DEPTH' removed (renamed to 'DEEP'?)"
    )
    assert result.stdout.endswith("4 files checked: 1 error, 1 hint\n")


def test_a_file_with_another_name_and_another_id_is_told_by_what_it_holds(
    repository: pytest.Pytester, command: Command, edit: Callable[..., None]
) -> None:
    (repository.path / TRAINING).rename(repository.path / "workflows" / "train.yaml")
    edit("workflows/train.yaml", "name: text-clf-train-tutorial #", "name: text-train #")
    result = command("workflows", "--against", "HEAD")
    assert result.stdout.splitlines()[0] == (
        "workflows/train.yaml:5:3: error AIC901: Executable id changed from 'text-clf-train-tutorial' to 'text-train':"
        " breaking. Every configuration of 'text-clf-train-tutorial' stops working: AI Core finds no executable of that"
        " id any more."
    )


def test_files_that_swap_names_are_told_by_their_ids(repository: pytest.Pytester, command: Command) -> None:
    folder = repository.path / "workflows"
    (folder / "churn_dag.yaml").rename(folder / "x")
    (folder / "house_price_steps.yaml").rename(folder / "churn_dag.yaml")
    (folder / "x").rename(folder / "house_price_steps.yaml")
    assert command("workflows", "--against", "HEAD").stdout == "4 files checked: nothing found\n"


def test_a_workflow_that_is_gone_is_told_for_folders_alone(repository: pytest.Pytester, command: Command) -> None:
    (repository.path / TRAINING).unlink()
    result = command("workflows", "--against", "main")
    assert result.returncode == 1
    assert (
        f"{TRAINING}:1:1: error AIC907: The executable 'text-clf-train-tutorial' was here in main, and is gone: every"
        " configuration of it stops working.\n"
        "Put the workflow back, or compare with a revision that does not have it once its configurations are gone.\n"
    ) in result.stdout
    assert command("workflows/churn_dag.yaml", "--against", "main").returncode == 0


def test_a_new_or_broken_workflow_breaks_nothing(
    repository: pytest.Pytester, command: Command, edit: Callable[..., None]
) -> None:
    new = repository.path / "workflows" / "new.yaml"
    new.write_text((repository.path / TRAINING).read_text().replace("text-clf-train-tutorial", "another"))
    assert command("workflows/new.yaml", "--against", "HEAD").stdout == "1 file checked: nothing found\n"
    edit(TRAINING, "metadata:", "metadata: {")
    result = command(TRAINING, "workflows", "--against", "HEAD")
    assert "AIC9" not in result.stdout


def test_it_works_from_a_folder_below_and_inside_of_a_hook(
    repository: pytest.Pytester, command: Command, edit: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(TRAINING, 'default: "3"', 'default: "4"')
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    result = command(str(repository.path / "workflows"), "--against", "HEAD")
    assert result.stdout.startswith(f"{repository.path / TRAINING}:25:18: error AIC902: ")


@pytest.mark.parametrize("reference", ["nope", "-x", "--help", "", "v1:workflows", "HEAD^{tree}", "mian", "a b"])
def test_a_wrong_revision_is_an_error(repository: pytest.Pytester, command: Command, reference: str) -> None:
    result = command("workflows", f"--against={reference}")
    hint = {"mian": " Did you mean 'main'?"}.get(reference, "")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"pytest-aicore: The repository '{repository.path}' has no revision {reference!r}.{hint}\n"
        "A shallow clone, as CI systems make them, has only the newest commit of one branch: fetch the other one first,"
        " for example with `git fetch origin main:refs/remotes/origin/main`.\n"
    )


def test_without_a_repository_it_is_an_error(project: pytest.Pytester, command: Command) -> None:
    result = command("workflows", "--against", "HEAD")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"pytest-aicore: '{project.path / 'workflows'}' lies in no git repository, so there is no revision to compare"
        " with.\n"
    )


def test_without_git_it_is_an_error(
    repository: pytest.Pytester, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(repository.path))
    result = command("workflows", "--against", "HEAD")
    assert (result.returncode, result.stderr) == (
        2,
        "pytest-aicore: There is no program `git` on the PATH, which comparing with a revision needs.\n",
    )


def test_links_and_large_files_of_a_revision_are_not_read(repository: pytest.Pytester, command: Command) -> None:
    folder = repository.path / "workflows"
    (folder / "link.yaml").symlink_to("churn_dag.yaml")
    (folder / "large.yaml").write_text((folder / "churn_dag.yaml").read_text() + "#" * 2_000_000)
    (folder / "f\tn\n.yaml").write_bytes(b"\xff\0")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "second")
    for name in ("link.yaml", "large.yaml", "f\tn\n.yaml"):
        (folder / name).unlink()
    assert command("workflows", "--against", "HEAD").stdout == "4 files checked: nothing found\n"


def test_nothing_is_checked_out(repository: pytest.Pytester, command: Command, edit: Callable[..., None]) -> None:
    edit(TRAINING, 'default: "3"', 'default: "4"')

    def files() -> list[tuple[Path, int]]:
        caches = {"__pycache__", ".cache"}
        return sorted(
            (path, path.stat().st_mtime_ns)
            for path in repository.path.rglob("*")
            if path.is_file() and caches.isdisjoint(path.parts)
        )

    before = files()
    command("workflows", "--against", "v1")
    assert files() == before
