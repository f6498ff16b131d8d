"""How errors of ours are shown, and how they travel."""

from __future__ import annotations

import pickle
import traceback

import pytest

import pytest_aicore.training.live.fleet
import pytest_aicore.workflows.yaml.source  # noqa: F401  some kinds of errors are declared there
from pytest_aicore.errors import AicoreError, did_you_mean
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


OPERATIONS = ["execution.create", "execution.get", "metrics.query", "GET /v2/lm/meta", "POST /v2/lm/executions"]


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("trian.yaml", ["train.yaml", "serve.yaml"], "train.yaml"),
        ("text_data", ["text-data"], "text-data"),
        ("text_dta", ["text-data"], "text-data"),
        ("churn-train-v2", ["churn-train-v3"], "churn-train-v3"),
        ("execution.gett", OPERATIONS, "execution.get"),
        ("POST /v2/lm/execution", OPERATIONS, "POST /v2/lm/executions"),
        ("query", OPERATIONS, "metrics.query"),
        ("complete", ["COMPLETED", "DEAD"], "COMPLETED"),
        ("a.yaml", ["b.yaml", "c.yaml"], None),
        ("churn-serve-daily", ["churn-train-daily"], None),
        ("execution.xyz", OPERATIONS, None),
        ("POST /v2/lm/promptTemplates", OPERATIONS, None),
        ("my-model", ["your-model"], None),
    ],
)
def test_only_what_is_near_is_asked_for(word: str, known: list[str], near: str | None) -> None:
    """What a word shares with all of its kind (an extension, a resource, the root of a path) makes nothing near."""
    assert did_you_mean(word, known) == ("" if near is None else f" Did you mean {near!r}?")
