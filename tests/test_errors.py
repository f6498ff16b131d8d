"""How errors of ours are shown, and how they travel."""

from __future__ import annotations

import pickle
import traceback

import pytest

import pytest_aicore.training.live.fleet
import pytest_aicore.workflows.yaml.source  # noqa: F401  some kinds of errors are declared there
from pytest_aicore.errors import AicoreError
from pytest_aicore.training.service.failures import CallError
from pytest_aicore.training.watcher import LateError
from tests.projects import empty_project, project

__all__ = ["empty_project", "project"]


def kinds() -> list[type[AicoreError]]:
    found: list[type[AicoreError]] = [AicoreError]
    for kind in found:
        found += kind.__subclasses__()
    return [*dict.fromkeys(found)]  # some are of two kinds


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_name_is_short(kind: type[AicoreError]) -> None:
    error = kind.__new__(kind, "what happened")
    assert "".join(traceback.format_exception_only(error)).startswith(f"{kind.__name__}: ")
    assert "." not in kind.__name__


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_error_travels_between_processes(kind: type[AicoreError]) -> None:
    error = kind.__new__(kind, "what happened")
    error.__dict__["fact"] = 1
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert again.args == ("what happened",)
    assert again.__dict__ == {"fact": 1}


def test_names_are_unique() -> None:
    """They are all that is known of an error that comes from another process."""
    names = [kind.__qualname__ for kind in kinds()]
    assert sorted(names) == sorted(set(names))
    assert {LateError.__name__, CallError.__name__} <= set(names)


def test_a_kind_that_is_not_known_here_is_an_error_of_ours() -> None:
    class OwnError(AicoreError):
        pass

    packed = pickle.dumps(OwnError("what happened"))
    OwnError.__qualname__ = "Elsewhere"
    again = pickle.loads(packed)
    assert type(again) is AicoreError
    assert str(again) == "what happened"


def test_a_body_shows_it(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_it(aicore_emulator):
            aicore_emulator.fault("execution.creat", status=403)
        """
    )
    result = project.runpytest_inprocess("-rf")
    result.stdout.fnmatch_lines(["E * EmulatorError: *", "FAILED * - EmulatorError: *"])
    result.stdout.no_fnmatch_line("*pytest_aicore.errors*")
