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

    from tests.cli.programs import Command

TRAINING = "workflows/training_workflow_tutorial.yaml"

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(shutil.which("git") is None, reason="needs git"),
]


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
        " that bind 'text-data' stop working: AI Core binds by name, and that name no longer exists, so their"
        " executions end DEAD or stay PENDING.\n"
        "    33 |           - name: text-rows # A configuration binds a registered arti...\n"
        "       |                   ^\n"
        'Undo it, or announce it with a new `ai.sap.com/version`, which is still "1.0.0".\n'
        "\n"
        f"{TRAINING}:33:19: error AIC901: Input 'text-rows' added: breaking. All existing configurations stop working:"
        " none binds an artifact to 'text-rows', so their executions end DEAD or stay PENDING.\n"
        "    33 |           - name: text-rows # A configuration binds a registered arti...\n"
        "       |                   ^\n"
        'Undo it, or announce it with a new `ai.sap.com/version`, which is still "1.0.0".\n'
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
        "workflows/train.yaml:5:3: error AIC907: Executable id changed from 'text-clf-train-tutorial' to 'text-train':"
        " breaking. Every configuration of 'text-clf-train-tutorial' stops working: AI Core has no executable with that"
        " id any more."
    )


@pytest.mark.parametrize(
    ("old", "new", "place", "what", "restored"),
    [
        (
            "name: text-clf-train-tutorial #",
            "name: text-train #",
            "5:3",
            (
                "Executable id changed from 'text-clf-train-tutorial' to 'text-train': breaking. Every configuration of"
                " 'text-clf-train-tutorial' stops working: AI Core has no executable with that id any more."
            ),
            "metadata.name: text-clf-train-tutorial",
        ),
        (
            "scenarios.ai.sap.com/id: text-clf-tutorial",
            "scenarios.ai.sap.com/id: text-clf",
            "7:5",
            (
                "Scenario id changed from 'text-clf-tutorial' to 'text-clf': breaking. Every configuration of scenario"
                " 'text-clf-tutorial' stops working: AI Core finds no executable 'text-clf-train-tutorial' in it any"
                " more."
            ),
            "scenarios.ai.sap.com/id: text-clf-tutorial",
        ),
    ],
    ids=["executable", "scenario"],
)
def test_no_version_label_excuses_that_an_executable_is_gone(
    repository: pytest.Pytester,
    command: Command,
    edit: Callable[..., None],
    old: str,
    new: str,
    place: str,
    what: str,
    restored: str,
) -> None:
    edit(TRAINING, old, new)
    edit(TRAINING, 'version: "1.0.0"', 'version: "2.0.0"')
    result = command(TRAINING, "--against", "HEAD")
    lines = result.stdout.splitlines()
    assert (result.returncode, lines[0]) == (1, f"{TRAINING}:{place}: error AIC907: {what}")
    assert (
        f"Restore `{restored}`, or add the old template beside this one. If it was removed on purpose,"
        " `--ignore AIC907` says so."
    ) in lines
    result = command(TRAINING, "--against", "HEAD", "--ignore", "AIC907")
    assert (result.returncode, result.stdout.count("AIC907")) == (0, 0)


def test_an_older_version_is_not_called_compatible(
    repository: pytest.Pytester, command: Command, edit: Callable[..., None]
) -> None:
    edit(TRAINING, 'version: "1.0.0"', 'version: "0.9.0"')
    alone = command(TRAINING, "--against", "HEAD")
    assert alone.stdout.splitlines()[0] == (
        f"{TRAINING}:8:5: hint AIC908: Version changed from '1.0.0' to '0.9.0', which is older: not new."
    )
    edit(TRAINING, "docker.io/example/text-clf-train:1", "docker.io/example/text-clf-gpu:1")
    rejected = command(TRAINING, "--against", "HEAD")
    assert (rejected.returncode, "compatible" in rejected.stdout) == (1, False)
    assert rejected.stdout.splitlines()[-1] == "1 file checked: 1 error"
    assert (
        'Undo it, or announce it with a new `ai.sap.com/version`: "0.9.0" is older than "1.0.0".'
        in rejected.stdout.splitlines()
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
        f"{TRAINING}:1:1: error AIC907: The executable 'text-clf-train-tutorial' was here in main and is missing now:"
        " every configuration of it stops working.\n"
        "Put the workflow back, or name the folder that it was moved to as well; `--ignore AIC907` says that it was"
        " removed on purpose.\n"
    ) in result.stdout
    assert command("workflows/churn_dag.yaml", "--against", "main").returncode == 0


def test_a_workflow_that_was_given_up_can_be_left_out(repository: pytest.Pytester, command: Command) -> None:
    (repository.path / TRAINING).unlink()
    assert command("workflows", "--against", "main", "--ignore", "AIC907").returncode == 0
    assert command("workflows", "--against", "main", "--ignore", "training*: AIC907").returncode == 0
    assert command("workflows", "--against", "main", "--ignore", "other*: AIC907").returncode == 1


def test_a_file_that_holds_something_else_now_has_lost_its_workflow(
    repository: pytest.Pytester, command: Command
) -> None:
    (repository.path / TRAINING).write_text("replicas: 1\n")
    result = command("workflows", "--against", "main")
    assert f"{TRAINING}:1:1: error AIC907: The executable 'text-clf-train-tutorial' was here in main" in result.stdout


def test_one_file_is_compared_with_what_it_was_wherever_that_was(repository: pytest.Pytester, command: Command) -> None:
    """Two workflows swapped their files, and only one of them is asked for."""
    folder = repository.path / "workflows"
    churn, house = folder / "churn_dag.yaml", folder / "house_price_steps.yaml"
    texts = churn.read_text(), house.read_text()
    churn.write_text(texts[1])
    house.write_text(texts[0])
    assert command("workflows/churn_dag.yaml", "--against", "HEAD").stdout == "1 file checked: nothing found\n"


def test_a_changed_template_in_a_folder_that_is_not_visited_is_not_gone(
    repository: pytest.Pytester, command: Command
) -> None:
    hidden = repository.path / ".hidden"
    hidden.mkdir()
    text = (repository.path / TRAINING).read_text().replace("text-clf-train-tutorial", "hidden")
    (hidden / "train.yaml").write_text(text)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "second")
    (hidden / "train.yaml").write_text(text.replace("DEPTH", "DEEP"))
    assert command(".", "--against", "HEAD").stdout == "4 files checked: nothing found\n"


def test_several_workflows_of_one_file_are_compared_one_by_one(
    repository: pytest.Pytester, command: Command, edit: Callable[..., None]
) -> None:
    folder = repository.path / "workflows"
    texts = [(folder / name).read_text() for name in ("churn_dag.yaml", "training_workflow_tutorial.yaml")]
    for name in ("churn_dag.yaml", "training_workflow_tutorial.yaml"):
        (folder / name).unlink()
    (folder / "both.yaml").write_text("\n---\n".join(texts))
    result = command("workflows", "--against", "HEAD")
    assert result.stdout.endswith("\n3 files checked: 1 warning\n"), result.stdout
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "second")
    edit("workflows/both.yaml", 'default: "3"', 'default: "4"')
    result = command("workflows/both.yaml", "--against", "HEAD")
    assert "error AIC902: Parameter 'DEPTH': default changed from '3' to '4'" in result.stdout
    (folder / "both.yaml").write_text(texts[0])
    result = command("workflows", "--against", "HEAD")
    assert [line for line in result.stdout.splitlines() if " error " in line] == [
        (
            "workflows/both.yaml:1:1: error AIC907: The executable 'text-clf-train-tutorial' was here in HEAD and is"
            " missing now: every configuration of it stops working."
        )
    ]


def test_what_only_argo_knows_promises_nothing(repository: pytest.Pytester, command: Command) -> None:
    """A WorkflowTemplate without any label of AI Core is not published there."""
    text = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: housekeeping}
spec:
  entrypoint: main
  arguments: {parameters: [{name: days, value: "3"}]}
  templates: [{name: main, container: {image: "busybox:1", args: ["{{workflow.parameters.days}}"]}}]
"""
    folder = repository.path / "argo"
    folder.mkdir()
    (folder / "housekeeping.yaml").write_text(text)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "second")
    (folder / "housekeeping.yaml").write_text(text.replace('"3"', '"4"'))
    assert "AIC9" not in command("argo", "--against", "HEAD").stdout
    (folder / "housekeeping.yaml").unlink()
    assert "AIC9" not in command("argo", "--against", "HEAD").stdout


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
        "`git log --all --oneline` lists its commits.\n"
    )


@pytest.mark.parametrize(
    ("depth", "advice"),
    [
        ([], "`git fetch --tags` gets what was pushed since; `git branch --all` and `git tag` list what there is.\n"),
        (
            ["--depth=1"],
            (
                "It is a shallow clone, as CI systems make them, which has only the newest commit of one branch: fetch"
                " the other one first, for example with `git fetch origin main:refs/remotes/origin/main`.\n"
            ),
        ),
    ],
    ids=["full", "shallow"],
)
def test_how_a_clone_gets_a_revision(
    repository: pytest.Pytester, command: Command, depth: list[str], advice: str
) -> None:
    git(repository, "clone", "-q", *depth, repository.path.as_uri(), "clone")
    result = command("clone/workflows", "--against=v9")
    assert result.stderr.splitlines(keepends=True)[1:] == [advice]


def test_without_a_repository_it_is_an_error(project: pytest.Pytester, command: Command) -> None:
    result = command("workflows", "--against", "HEAD")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"pytest-aicore: '{project.path / 'workflows'}' is not in a git repository, so it has no revisions to compare"
        " with.\n"
    )


def test_without_git_it_is_an_error(
    repository: pytest.Pytester, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(repository.path))
    result = command("workflows", "--against", "HEAD")
    assert (result.returncode, result.stderr) == (
        2,
        "pytest-aicore: The program `git` is not on the PATH; comparing with a revision needs it.\n",
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
