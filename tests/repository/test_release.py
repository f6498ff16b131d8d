"""A release holds what it should, and says of itself only what was tried."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from packaging.requirements import Requirement

from tests.places import ROOT

if TYPE_CHECKING:
    from email.message import Message

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DISTRIBUTIONS = os.environ.get("PYTEST_AICORE_TEST_DIST", "")
VERSIONS = [f"3.{minor}" for minor in range(10, 14)]
"""The versions of Python that `.ci/run` starts."""

built = pytest.mark.skipif(not DISTRIBUTIONS, reason="PYTEST_AICORE_TEST_DIST names the folder of built distributions")


def workflow(name: str) -> dict[str, Any]:
    text = (ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8")
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def repository_files() -> set[str]:
    """Return the names of the package's files that git has, relative to the repository."""
    command = ["git", "ls-files", "-z", "pytest_aicore"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("not a git clone, so nobody knows which files are the repository's")
    return set(listing.stdout.split("\0")) - {""}


def metadata(text: str) -> Message:
    return HeaderParser().parsestr(text)


@built
def test_the_wheel_holds_the_package_and_nothing_else() -> None:
    [wheel] = Path(DISTRIBUTIONS).glob("*.whl")
    about = f"pytest_aicore-{PROJECT['version']}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        assert set(archive.namelist()) == repository_files() | {
            f"{about}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
        }
        assert "pytest_aicore/py.typed" in archive.namelist()
        assert archive.read(f"{about}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
        assert_metadata(metadata(archive.read(f"{about}/METADATA").decode()))


@built
def test_the_source_distribution_holds_what_builds_the_wheel() -> None:
    [source] = Path(DISTRIBUTIONS).glob("*.tar.gz")
    top = f"pytest_aicore-{PROJECT['version']}/"
    with tarfile.open(source) as archive:
        names = {member.name.removeprefix(top) for member in archive.getmembers() if member.isfile()}
        others = {"PKG-INFO", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", ".gitignore"}
        assert names == repository_files() | others
        about = archive.extractfile(f"{top}PKG-INFO")
        assert about is not None
        assert_metadata(metadata(about.read().decode()))


def assert_metadata(found: Message) -> None:
    """Compare what a distribution says of itself with pyproject.toml."""
    assert found["Name"] == PROJECT["name"]
    assert found["Version"] == PROJECT["version"]
    assert found["License-Expression"] == "Apache-2.0"
    assert found["License-File"] == "LICENSE"
    assert found["Requires-Python"] == PROJECT["requires-python"]
    assert found["Description-Content-Type"] == "text/markdown"
    assert found.get_all("Classifier") == PROJECT["classifiers"]
    assert set(found.get_all("Provides-Extra", [])) == set(PROJECT["optional-dependencies"])
    required = {Requirement(text).name.lower() for text in found.get_all("Requires-Dist", []) if "extra ==" not in text}
    assert required == {Requirement(text).name.lower() for text in PROJECT["dependencies"]}


def test_classifiers_name_only_what_was_tried() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f"for version in {' '.join(VERSIONS)}; do" in script
    python = "Programming Language :: Python :: "
    named = [text.removeprefix(python) for text in PROJECT["classifiers"] if text.startswith(f"{python}3.")]
    assert named == VERSIONS
    systems = [text for text in PROJECT["classifiers"] if text.startswith("Operating System")]
    assert systems == ["Operating System :: POSIX :: Linux"]


def test_the_matrix_tries_more_than_the_classifiers_name() -> None:
    matrix = workflow("ci.yml")["jobs"]["matrix"]["strategy"]["matrix"]
    assert matrix == {"os": ["ubuntu-latest", "macos-latest", "windows-latest"], "python": [*VERSIONS, "3.14"]}


def test_only_the_job_that_publishes_can_publish() -> None:
    """Trusted publishing: the index trusts a job's identity, and no step of the build may have it."""
    release = workflow("release.yml")
    permissions = {name: job.get("permissions", release["permissions"]) for name, job in release["jobs"].items()}
    assert permissions == {
        "build": {"contents": "read"},
        "publish": {"id-token": "write"},
        "announce": {"contents": "write"},
    }
    steps = [step.get("run") or step["uses"] for step in release["jobs"]["publish"]["steps"]]
    assert [step.partition("@")[0] for step in steps] == ["actions/download-artifact", "pypa/gh-action-pypi-publish"]
    assert "secrets." not in (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("tag", ["v{version}", "v0.0.1"])
def test_a_tag_that_is_not_the_version_publishes_nothing(tag: str, tmp_path: Path) -> None:
    """Runs the lines of the workflow, in a folder that has what `.ci/run` leaves."""
    tag = tag.format(version=PROJECT["version"])
    [lines] = [
        step["run"] for step in workflow("release.yml")["jobs"]["build"]["steps"] if "kacl" in step.get("run", "")
    ]
    folder, tools = tmp_path / ".venv-ci" / "dist", tmp_path / ".venv-ci" / "release" / "bin"
    folder.mkdir(parents=True)
    tools.mkdir(parents=True)
    for name in (f"pytest_aicore-{PROJECT['version']}-py3-none-any.whl", f"pytest_aicore-{PROJECT['version']}.tar.gz"):
        (folder / name).touch()
    (tools / "kacl-cli").write_text('#!/bin/sh\necho "notes of $4"\n', encoding="utf-8")
    (tools / "kacl-cli").chmod(0o755)
    ran = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", lines],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "GITHUB_REF_NAME": tag},
        capture_output=True,
        text=True,
        check=False,
    )
    if tag == "v0.0.1":
        assert ran.returncode != 0
        assert not list((tmp_path / "dist").iterdir())
    else:
        assert ran.returncode == 0, ran.stderr
        assert len(list((tmp_path / "dist").iterdir())) == 2
        assert (tmp_path / "notes.md").read_text(encoding="utf-8") == f"notes of {PROJECT['version']}\n"


def test_what_is_public_in_the_list_is_exported() -> None:
    """The list is made by griffe in a step of `.ci/run`; this notices at once what is missing in it."""
    import pytest_aicore
    from pytest_aicore import emulator, fixtures, workflows
    from pytest_aicore.workflows import checks

    listed = (ROOT / ".ci" / "public_names.txt").read_text(encoding="utf-8")
    found = set(re.findall(r"^(?:class )?(pytest_aicore(?:\.[a-z]\w*)*?\.\w+)(?![\w.])", listed, re.MULTILINE))
    exported = {
        f"{module.__name__}.{name}"
        for module in (pytest_aicore, emulator, workflows, checks)
        for name in module.__all__
    }
    assert exported - found == set(), "python .ci/public_names.py > .ci/public_names.txt"
    assert set(re.findall(r"^fixture (\w+)$", listed, re.MULTILINE)) == {
        name for name in vars(fixtures) if name.startswith("aicore_")
    }, "python .ci/public_names.py > .ci/public_names.txt"
