"""A job for the CI of the forge that a repository is on."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_PYTHON: Final = "3.13"
_GITHUB: Final = """\
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
          python-version: "{python}"
"""
_GITLAB: Final = """\
aicore-acceptance:
  image: python:{python}-slim
  script:
"""
_AZURE: Final = """\
pool:
  vmImage: ubuntu-latest

steps:
  - task: UsePythonVersion@0
    inputs:
      versionSpec: "{python}"
"""
_JENKINS: Final = """\
pipeline {{
    agent {{ docker {{ image 'python:{python}' }} }}
    stages {{
        stage('SAP AI Core') {{
            steps {{
                sh '''
                    python -m venv .venv-aicore
                    . .venv-aicore/bin/activate
{commands}
                '''
            }}
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Job:
    """A CI job.

    Attributes:
        forge: whose CI it is, a name.
        file: the file that has it, relative to the repository.
        text: the file's content.
    """

    forge: str
    file: Path
    text: str


def job_for(root: Path, commands: Sequence[Sequence[str]]) -> Job | None:
    """Return the job for the forge that a repository shows, None if it shows none.

    A forge is seen by its CI file or folder, and otherwise by the remote that `.git/config` names.

    Args:
        root: the folder of the repository.
        commands: the words of what the job runs.
    """
    lines = [shlex.join(command) for command in commands]
    forges = {
        "GitHub": (".github", "github.", ".github/workflows/aicore.yml", _GITHUB, "      - run: "),
        "GitLab": (".gitlab-ci.yml", "gitlab", ".gitlab-ci.yml", _GITLAB, "    - "),
        "Azure Pipelines": ("azure-pipelines.yml", "dev.azure.com", "azure-pipelines.yml", _AZURE, "  - script: "),
        "Jenkins": ("Jenkinsfile", None, "Jenkinsfile", _JENKINS, " " * 20),
    }
    remotes = _remotes(root)
    for by_file in (True, False):
        for forge, (sign, host, file, text, indent) in forges.items():
            if (root / sign).exists() if by_file else host is not None and host in remotes:
                steps = "\n".join(f"{indent}{line}" for line in lines)
                filled = text.format(python=_PYTHON, commands=steps)
                return Job(forge, Path(file), filled if forge == "Jenkins" else f"{filled}{steps}\n")
    return None


def _remotes(root: Path) -> str:
    """Return the addresses of the remotes of a repository, in small letters."""
    try:
        text = (root / ".git" / "config").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(line for line in text.lower().splitlines() if line.strip().startswith("url"))


__all__ = ["Job", "job_for"]
