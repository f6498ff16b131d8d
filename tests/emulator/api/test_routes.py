"""The table of routes leads somewhere, and costs nothing until it does."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_aicore.emulator.api import routes
from pytest_aicore.emulator.api.routes import ROUTES, Route, RouteTable


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_each_handler_is_there(route: Route) -> None:
    """Handlers are found when they are called, so a misspelt one must be found here."""
    assert callable(routes._handler(*route.handler.args))  # type: ignore[attr-defined]
    assert route.handler.func is routes._handled  # type: ignore[attr-defined]


def test_an_emulator_brings_no_handler_of_the_administration() -> None:
    """Nor what keeps it going, nor YAML: few tests need them."""
    program = (
        "import sys; from pytest_aicore.emulator import Emulator; Emulator(); "
        "print(sorted(name.removeprefix('pytest_aicore.emulator.') for name in sys.modules "
        "if name.startswith('pytest_aicore.emulator.api.handlers.') or name in ('yaml', 'requests', 'responses') "
        "or name.endswith(('.git_sync', '.schedules', '.provisioning', '.catalogue', '.cron', '.pace', '_records'))))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "['api.handlers.token']\n"


@pytest.mark.parametrize(
    ("path", "operation", "parameters"),
    [
        ("/v2/lm/executions/$count", "execution.count", {}),
        ("/v2/lm/executions/e0123456789abcde", "execution.get", {"executionId": "e0123456789abcde"}),
        ("/v2/lm/dataset/files/default/a/b.csv", "file.download", {"path": "default/a/b.csv"}),
        ("/v2/lm/dataset/files/default%2Fa.csv", "file.download", {"path": "default/a.csv"}),
        ("/v2/lm/dataset/files/", "file.download", {"path": ""}),
        ("/v2/lm/dataset/files", None, {}),
        ("/v2/admin/applications/app/status", "applications.get_status", {"applicationName": "app"}),
        ("/v2/admin/applications/a%2Fb", "applications.get", {"applicationName": "a/b"}),
        ("/v2/admin/applications/app/status/x", None, {}),
        ("/v2/admin", None, {}),
    ],
)
def test_paths(path: str, operation: str | None, parameters: dict[str, str]) -> None:
    """A variable is one segment, but a file's path is the rest."""
    route, found, _ = RouteTable().find("GET", path)
    assert (route.operation if route else None) == operation
    assert not route or found == parameters


def test_methods_of_a_path() -> None:
    """What a path has is told to who asks with another method."""
    assert RouteTable().find("POST", "/v2/lm/dataset/files/x/y.csv")[2] == ("DELETE", "GET", "PUT")
    assert RouteTable().find("DELETE", "/v2/lm/artifacts/x")[2] == ("GET",)
