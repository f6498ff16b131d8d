"""Who a live session is, and where it may spend money: found, named with its source, never shown."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.training.live.sessions.conftest import Service

PASSES = "def test_it(aicore_client):\n    assert aicore_client.scenario.query().count > 0"
NO_GROUP = (
    "ERROR: --aicore-live: no resource group is named, and live trainings cost money where they run. Name it with"
    " --aicore-resource-group=NAME, the environment variable AICORE_RESOURCE_GROUP, or ini aicore_resource_group."
)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (None, "the service key {file} (from --aicore-service-key) cannot be read: No such file or directory."),
        ("{", "the service key {file} (from --aicore-service-key) is not valid JSON: *"),
        ("[]", "the service key {file} (from --aicore-service-key) is not a service key: expected a JSON object *"),
        (
            '{"clientid": "x"}',
            (
                "the service key {file} (from --aicore-service-key) lacks serviceurls.AI_API_URL, url and a credential"
                " (clientsecret, or certificate and key). It has 'clientid'."
            ),
        ),
    ],
)
def test_unusable_service_key(project: pytest.Pytester, key: str | None, message: str) -> None:
    file = project.path / "key.json"
    if key is not None:
        file.write_text(key)
    project.makepyfile("def test_it(aicore_client): pass\ndef test_others(): pass")
    result = project.runpytest_inprocess(
        "--aicore-live", "--aicore-service-key=key.json", "--aicore-resource-group=team", "-rN"
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["____*", message.format(file=file)], consecutive=True)
    result.stdout.fnmatch_lines(["aicore: LIVE (from --aicore-live), no usable credentials: the service key *"])


def test_no_credentials_says_where_was_looked(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AICORE_HOME", str(project.path / "nothing"))
    monkeypatch.setenv("AICORE_RESOURCE_GROUP", "team")
    project.makepyfile("def test_it(aicore_client): pass")
    result = project.runpytest_inprocess("--aicore-live", "-rN")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "No credentials for SAP AI Core were found. Give a service key with --aicore-service-key=FILE (*",
            (
                "Places that were searched: environment AICORE_SERVICE_KEY (not set); environment AICORE_CLIENT_ID,"
                " AICORE_CLIENT_SECRET, ... (not set);"
                f" {project.path / 'nothing' / 'config.json'} (does not exist); environment VCAP_SERVICES (not set)."
            ),
        ],
        consecutive=True,
    )


def test_resource_group_must_be_named(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(): pass")
    result = project.runpytest_inprocess("--aicore-live")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([NO_GROUP])
    project.runpytest_inprocess("--aicore-live", "--version").stdout.fnmatch_lines(["pytest *"])


def test_resource_groups_that_are_not_allowed_are_refused(project: pytest.Pytester) -> None:
    project.makefile(".ini", pytest="[pytest]\naicore_live_resource_groups =\n    ci-tests\n    team-x")
    project.makepyfile("def test_it(): pass")
    result = project.runpytest_inprocess("-c", "pytest.ini", "--aicore-live", "--aicore-resource-group=ci-test")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            (
                "ERROR: --aicore-resource-group = ci-test: live sessions may not use this resource group. Did you mean"
                " 'ci-tests'? ini aicore_live_resource_groups allows 'ci-tests', 'team-x'."
            )
        ]
    )
    project.runpytest_inprocess("-c", "pytest.ini", "--aicore-resource-group=ci-test").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "shape", ["service key", "variables", "profile", "VCAP_SERVICES", "wrapped", "old key", "content", "base64"]
)
def test_each_place_that_may_hold_credentials(
    service: Service, project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    key, home = service.server.service_key, project.mkdir("home")
    url = service.server.url
    variables = {
        "AICORE_CLIENT_ID": key["clientid"],
        "AICORE_CLIENT_SECRET": key["clientsecret"],
        "AICORE_AUTH_URL": f"{url}/oauth/token",
        "AICORE_BASE_URL": f"{url}/v2/lm",
        "AICORE_RESOURCE_GROUP": "default",
    }
    source = f"environment {shape}"
    monkeypatch.setenv("AICORE_HOME", str(home))
    if shape == "variables":
        source = "environment AICORE_CLIENT_ID, *"
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
    elif shape == "profile":
        monkeypatch.setenv("AICORE_PROFILE", "team")
        source = f"config file {home / 'config_team.json'}"
        (home / "config_team.json").write_text(json.dumps(variables))
    elif shape == "VCAP_SERVICES":
        monkeypatch.setenv("VCAP_SERVICES", json.dumps({"aicore": [{"label": "aicore", "credentials": key}]}))
    else:
        shown = {"wrapped": {"credentials": key}, "old key": {**key, "serviceurls": {"ML_API_URL": url}}}.get(
            shape, key
        )
        (project.path / "key.json").write_text(json.dumps(shown))
        base64 = b64encode(json.dumps(key).encode()).decode()
        given = {"content": json.dumps(key), "base64": base64}.get(shape, "key.json")
        monkeypatch.setenv("PYTEST_AICORE_SERVICE_KEY", given)
        source = "environment PYTEST_AICORE_SERVICE_KEY"
    if shape != "profile":
        monkeypatch.setenv("AICORE_RESOURCE_GROUP", "default")
    project.makepyfile(PASSES)
    result = project.runpytest_inprocess("--aicore-live")
    result.assert_outcomes(passed=1)
    group = source if shape == "profile" else "environment AICORE_RESOURCE_GROUP"
    result.stdout.fnmatch_lines(
        [
            f"aicore: LIVE (from --aicore-live), {url} (from {source})",
            f"aicore: resource group default (from {group}), workflows workflows (default)",
        ]
    )
    assert key["clientsecret"] not in result.stdout.str()


def test_wrong_secret_is_said_before_anything_is_made(
    service: Service, project: pytest.Pytester, live: Callable[..., pytest.RunResult]
) -> None:
    key = {**service.server.service_key, "clientsecret": "canary"}
    (project.path / "key.json").write_text(json.dumps(key))
    result = live("def test_it(aicore_execution): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            (
                f"could not get the scenario 'text-clf-tutorial' at {service.server.url}/v2/lm: no token (HTTP 401:*)."
                " Check the credentials and the token URL."
            )
        ]
    )
    assert service.calls == []
    assert "canary" not in result.stdout.str()


@pytest.mark.parametrize("shape", ["file", "content", "base64"])
def test_sweep_takes_the_key_that_the_sessions_take(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shape: str
) -> None:
    text = json.dumps(service.server.service_key)
    (tmp_path / "key.json").write_text(text)
    monkeypatch.chdir(tmp_path)
    given = {"file": "key.json", "content": text, "base64": b64encode(text.encode()).decode()}[shape]
    monkeypatch.setenv("PYTEST_AICORE_SERVICE_KEY", given)
    assert main(["sweep", "--resource-group=default"]) == 0
    told = f"no leftover executions in the resource group default at {service.server.url}\n"
    assert capsys.readouterr().out == told


def test_sweep_repeats_no_token_that_was_given_as_a_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AICORE_RESOURCE_GROUP", "aB3canary=" * 5)
    assert main(["sweep"]) == 2
    assert capsys.readouterr().err == (
        "pytest-aicore: environment AICORE_RESOURCE_GROUP = *** (50 characters, not shown because they may be a"
        " secret): a resource group has 3 to 253 letters, digits, dots and hyphens, and begins and ends with a letter"
        " or digit.\n"
    )
