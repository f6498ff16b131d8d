"""The command that repeats a step by hand."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.running.pods import ArtifactIn

if TYPE_CHECKING:
    from pathlib import Path

    from tests.running.pods_here import Here

pytestmark = pytest.mark.once

SECRET = 'tok3n\' of "mine"'
FAILS = """
mkdir /out/made || exit 9
cat /in/data
echo changed > /in/data
echo "$PWD $WORD $TOKEN"
exit 7
"""


@pytest.fixture
def kept(of_machine: Here) -> Here:
    """Return what runs pods whose files are kept."""
    of_machine.options |= {"kept": of_machine.folder / "kept", "secrets": {"hub": {"token": SECRET}}}
    return of_machine


def repeated(command: str, tmp_path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Paste a command into a shell that knows nothing of the step.

    Args:
        command: the command.
        tmp_path: where the shell is.
        **env: the variables of the shell, beside the usual ones.
    """
    variables = {"PATH": "/usr/bin:/bin", **env}
    return subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False, timeout=30
    )


def test_the_command_repeats_the_step(kept: Here, tmp_path: Path) -> None:
    """As often as it is pasted, with the files with which the step started."""
    how = kept.sh(
        FAILS,
        artifacts_in=(ArtifactIn("data", "/in/data", b"given\n"),),
        empty_dirs=("/out",),
        workdir="/out",
        env={"WORD": "it's $(me) *"},
        secrets={"TOKEN": ("hub", "token", False)},
    )
    assert (how.phase, how.exit_code) == ("Failed", 7)
    assert how.repeat is not None
    for _ in range(2):
        again = repeated(how.repeat, tmp_path, SECRET_HUB_TOKEN=SECRET)
        assert (again.returncode, again.stderr) == (7, "")
        given, said = again.stdout.splitlines()
        assert given == "given"
        assert said.endswith(f"/out it's $(me) * {SECRET}")


def test_no_secret_is_written(kept: Here, tmp_path: Path) -> None:
    how = kept.run("sh", "-c", "exit 1", "$(TOKEN)", secrets={"TOKEN": ("hub", "token", False)})
    assert how.repeat is not None
    content = b"".join(path.read_bytes() for path in (kept.folder / "kept").rglob("*") if path.is_file())
    assert b"tok3n" not in content
    refused = repeated(how.repeat, tmp_path)
    assert refused.returncode != 0
    assert "SECRET_HUB_TOKEN: set it to the value of the key token of the secret hub" in refused.stderr


def test_without_that_wish_nothing_is_kept(here: Here) -> None:
    assert here.sh("exit 1").repeat is None
    assert list((here.folder / "steps").iterdir()) == []
