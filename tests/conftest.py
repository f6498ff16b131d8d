"""What holds for every test: nothing of the machine is seen, and nothing of one test in the next."""

from __future__ import annotations

import os
import signal
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.emulator.specification.openapi import FILE, Recorder, specification

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.emulator.api.routes import Route
    from pytest_aicore.http.exchange import Request, Response

_OF_THE_DEVELOPER = ("AICORE_", "PYTEST_AICORE_", "GIT_", "VCAP_SERVICES")
_OF_THE_TESTS = frozenset({"PYTEST_AICORE_SHARED", "PYTEST_AICORE_OPENAPI", "PYTEST_AICORE_KILLS"})
"""Variables that are meant for the tests: files that they read where they are there, how often they kill."""

settings.register_profile("tests", deadline=None)  # a time is no test
settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    """Give the session a home, caches, a zone and signals of its own, and no variables of the developer's.

    Before anything is collected, because test modules ask the package already when they are imported. The workers of
    pytest-xdist inherit it, so what is costly to derive is derived once and kept for all of them.
    """
    if hasattr(config, "workerinput"):
        return
    folder = tempfile.TemporaryDirectory(prefix="pytest-aicore-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    patch = pytest.MonkeyPatch()
    if hasattr(time, "tzset"):
        config.add_cleanup(time.tzset)  # what is added last runs first: this one when the zone is the machine's again
    config.add_cleanup(patch.undo)
    for name in list(os.environ):
        is_foreign = name.startswith(_OF_THE_DEVELOPER) or name.lower().endswith("_proxy")
        if is_foreign and name not in _OF_THE_TESTS:
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
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # `nohup`, which all inherit
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    patch.setenv("TZ", "UTC")
    if hasattr(time, "tzset"):
        time.tzset()


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
    from pytest_aicore.errors import EmulatorError

    specification()  # read it now, not while an emulator is being asked
    recorder = Recorder()
    serve = Dispatcher._served

    def served(self: Dispatcher, request: Request, route: Route, *arguments: Any, **options: Any) -> Response:
        try:
            response = serve(self, request, route, *arguments, **options)
        except EmulatorError:
            raise  # the dispatcher answers it, and the test fails
        except Exception as error:
            recorder.violations.append(f"{request.method} {request.url}: {error!r}")
            raise
        recorder.look(request, route, response)
        return response

    monkeypatch.setattr(Dispatcher, "_served", served)
    yield
    assert recorder.violations == []
