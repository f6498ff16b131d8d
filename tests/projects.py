"""A project of a user, as the tests of the plugin need it."""

from __future__ import annotations

import shutil
from contextlib import suppress
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING

import pytest

import pytest_aicore
from pytest_aicore.training.service.sdk import sdk
from tests.places import WORKFLOWS
from tests.prepared import prepare

# pytester forgets the modules that an inner session has imported: what is imported here is imported once.
for _module in walk_packages(pytest_aicore.__path__, "pytest_aicore."):
    with suppress(ImportError):  # what an extra is for that is not installed
        import_module(_module.name)
with suppress(ImportError):
    import_module("jinja2")  # templates of two of its copies would not take each other's markup for such
sdk("AIAPIV2Client")

if TYPE_CHECKING:
    from collections.abc import Callable

# Plugins that an inner session does not need, above all those that it would import again and again.
START = "2025-01-01T00:00:00Z"
"""When the emulator's time begins in the projects of tests, so that times can be compared."""
NEEDLESS = ("randomly", "cacheprovider", "hypothesispytest", "xdist", "xdist.looponfail", "rerunfailures")


@pytest.fixture
def empty_project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with nothing in it."""
    prepare(pytester, monkeypatch)
    pytester.makeini(f"[pytest]\naddopts = --strict-markers {' '.join(f'-p no:{name}' for name in NEEDLESS)}")
    return pytester


@pytest.fixture
def project(empty_project: pytest.Pytester) -> pytest.Pytester:
    """A project with the workflows of this repository and no tests yet."""
    pytester = empty_project
    ini = pytester.path / "tox.ini"
    ini.write_text(f"{ini.read_text()}\naicore_emulator_start = {START}\n")
    folder = pytester.mkdir("workflows")
    for file in WORKFLOWS.glob("*.yaml"):
        shutil.copy(file, folder)
    return pytester


@pytest.fixture
def message(project: pytest.Pytester) -> Callable[[str], str]:
    """A function that runs one test and returns the message with which it failed."""

    def run(source: str, *args: str) -> str:
        project.makepyfile(test_it=source)
        result = project.runpytest_inprocess("--tb=long", "-rN", *args)
        outcomes = result.parseoutcomes()
        assert outcomes in ({"errors": 1}, {"failed": 1}), result.stdout.str()
        lines = result.outlines
        begin = next(number for number, line in enumerate(lines) if line.startswith("____"))
        ends = ("---", "===")
        end = next(number for number, line in enumerate(lines[begin + 1 :], begin + 1) if line.startswith(ends))
        return "\n".join(lines[begin + 1 : end]).strip()

    return run
