"""What holds for every test: nothing of the machine is seen, and nothing of one test in the next."""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.emulator.specification.openapi import FILE, Recorder, specification
from tests.prepared import end_prepared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.emulator.api.passed import Passed
    from pytest_aicore.emulator.api.routes import Route
    from pytest_aicore.http.exchange import Request

_NEEDED = frozenset({"PATH", "LANG", "LANGUAGE", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH", "VIRTUAL_ENV"})
"""Variables without which Python and git might not run; the rest is the developer's."""
_OF_WINDOWS = frozenset({"SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "WINDIR"})
_FOR_THE_TESTS = ("COV", "PYTEST_DEBUG_TEMPROOT", "PYTEST_XDIST_", "HYPOTHESIS_", "LC_", "MUTANT_")
_OF_THE_TESTS = frozenset(
    {
        "PYTEST_AICORE_SHARED",
        "PYTEST_AICORE_OPENAPI",
        "PYTEST_AICORE_KILLS",
        "PYTEST_AICORE_THOROUGH",
        "PYTEST_AICORE_TEST_API",
        "PYTEST_AICORE_TEST_DIST",
        "PYTEST_AICORE_TEST_WHEELS",
        "REPOSITORY_CHECKS",
        "PYTHONPATH",
    }
)
"""Variables that are meant for the tests: files that they read where they are there, how often they kill."""

settings.register_profile("tests", deadline=None)  # a time is no test
settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    """Give the session a home, caches, a zone and signals of its own, and no variables of the developer's.

    Before anything is collected, because test modules ask the package already when they are imported. The workers of
    pytest-xdist inherit it, so what is costly to derive is derived once and kept for all of them.
    """
    config.add_cleanup(end_prepared)
    if hasattr(config, "workerinput"):
        return
    folder = tempfile.TemporaryDirectory(prefix="pytest-aicore-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    patch = pytest.MonkeyPatch()
    if hasattr(time, "tzset"):
        config.add_cleanup(time.tzset)  # what is added last runs first: this one when the zone is the machine's again
    config.add_cleanup(patch.undo)
    for name in list(os.environ):
        is_needed = name.upper() in _NEEDED | _OF_WINDOWS | _OF_THE_TESTS or name.startswith(_FOR_THE_TESTS)
        if not is_needed:
            patch.delenv(name)
    for name, part in (
        ("HOME", "home"),
        ("USERPROFILE", "home"),
        ("XDG_CACHE_HOME", "cache"),
        ("LOCALAPPDATA", "cache"),
        ("XDG_CONFIG_HOME", "config"),
    ):
        path = Path(folder.name, part)
        path.mkdir(exist_ok=True)
        patch.setenv(name, str(path))
    if sys.dont_write_bytecode:  # else hundreds of sessions would each compile all modules again
        patch.setenv("PYTHONPYCACHEPREFIX", str(Path(folder.name, "bytecode")))
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # `nohup`, which all inherit
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    patch.setenv("TZ", "UTC")
    if hasattr(time, "tzset"):
        time.tzset()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Keep the thousands of collected tests from the garbage collector: each inner session has it search everything."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def variables_of_the_session_end_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inner sessions and commands see neither the worker of pytest-xdist around them nor what the tests are told."""
    for name in [name for name in os.environ if name.startswith(("PYTEST_AICORE_", "PYTEST_XDIST_"))]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def secrets_are_of_one_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process remembers the credentials that it has used; those of tests may be ordinary words."""
    from pytest_aicore import known_secrets

    monkeypatch.setattr(known_secrets, "_met", set())


@pytest.fixture(autouse=True)
def proxies_are_of_one_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """`urlopen` keeps the proxies that the environment named when it was called for the first time."""
    monkeypatch.setattr(urllib.request, "_opener", None)


@pytest.fixture(autouse=True)
def answers_follow_the_specification(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail the test if the service's own answer, before any fault, is one that the specification does not allow."""
    if not FILE.is_file():
        yield
        return
    from pytest_aicore.emulator.api.dispatch import Dispatcher
    from pytest_aicore.emulator.api.routes import INFERENCE_ROUTE
    from pytest_aicore.errors import EmulatorError
    from pytest_aicore.http.exchange import Response

    specification()  # read it now, not while an emulator is being asked
    recorder = Recorder()
    serve = Dispatcher._served

    def served(self: Dispatcher, request: Request, route: Route, *arguments: Any, **options: Any) -> Response | Passed:
        try:
            response = serve(self, request, route, *arguments, **options)
        except EmulatorError:
            raise  # the dispatcher answers it, and the test fails
        except Exception as error:
            recorder.violations.append(f"{request.method} {request.url}: {error!r}")
            raise
        if route is not INFERENCE_ROUTE:  # what is below the URL of a deployment, the specification leaves open
            assert isinstance(response, Response)
            recorder.look(request, route, response)
        return response

    monkeypatch.setattr(Dispatcher, "_served", served)
    yield
    assert recorder.violations == []
