"""What holds for every test: answers follow SAP's specification, and secrets of one test are none of the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.specification.openapi import FILE, Recorder, specification

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.emulator.api.routes import Route
    from pytest_aicore.http.exchange import Request, Response

settings.register_profile("tests", deadline=None)  # a time is no test
settings.load_profile("tests")


@pytest.fixture(autouse=True)
def secrets_are_of_one_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process remembers the credentials that it has used; those of tests may be ordinary words."""
    from pytest_aicore import known_secrets

    monkeypatch.setattr(known_secrets, "_met", set())


@pytest.fixture(autouse=True)
def answers_follow_the_specification(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail the test if the service's own answer, before any fault, is one that the specification does not allow."""
    if not FILE.is_file():
        yield
        return
    from pytest_aicore.emulator.api.dispatch import Dispatcher

    specification()  # read it now, not while an emulator is being asked
    recorder = Recorder()
    serve = Dispatcher._served

    def served(self: Dispatcher, request: Request, route: Route, *arguments: Any, **options: Any) -> Response:
        try:
            response = serve(self, request, route, *arguments, **options)
        except Exception as error:
            recorder.violations.append(f"{request.method} {request.url}: {error!r}")
            raise
        recorder.look(request, route, response)
        return response

    monkeypatch.setattr(Dispatcher, "_served", served)
    yield
    assert recorder.violations == []
