"""Credentials: found where SAP's own SDK looks, complete or refused, never shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_aicore.errors import CredentialsError
from pytest_aicore.training.service.credentials import Credentials, find_credentials, from_service_key, read_service_key

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIcanary\n-----END CERTIFICATE-----\n"
PRIVATE_KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIcanary\n-----END RSA PRIVATE KEY-----\n"  # notsecret
KEY: dict[str, Any] = {
    "clientid": "sb-1",
    "clientsecret": "canary",
    "url": "https://me.authentication.eu10.hana.ondemand.com",
    "serviceurls": {"AI_API_URL": "https://api.ai.prod.example.com"},
}
X509: dict[str, Any] = {
    "clientid": "sb-1",
    "certificate": CERTIFICATE.replace("\n", "\\n"),
    "key": PRIVATE_KEY,
    "certurl": "https://me.authentication.cert.eu10.hana.ondemand.com/",
    "url": "https://me.authentication.eu10.hana.ondemand.com",
    "serviceurls": {"AI_API_URL": "https://api.ai.prod.example.com/"},
}
VARIABLES = {
    "AICORE_CLIENT_ID": "sb-2",
    "AICORE_CLIENT_SECRET": "canary",
    "AICORE_AUTH_URL": "https://auth.example.com/oauth/token",
    "AICORE_BASE_URL": "https://api.example.com/v2",
}


def test_service_key_with_secret() -> None:
    credentials = from_service_key(KEY, "the key")
    assert credentials.client_arguments() == {
        "auth_url": "https://me.authentication.eu10.hana.ondemand.com/oauth/token",
        "client_id": "sb-1",
        "client_secret": "canary",
    }
    assert credentials.base_url == "https://api.ai.prod.example.com/v2"
    assert credentials.host == "https://api.ai.prod.example.com"


def test_service_key_with_certificate_uses_its_own_token_endpoint() -> None:
    assert from_service_key(X509, "the key").client_arguments() == {
        "auth_url": "https://me.authentication.cert.eu10.hana.ondemand.com/oauth/token",
        "client_id": "sb-1",
        "cert_str": CERTIFICATE,
        "key_str": PRIVATE_KEY,
    }


@pytest.mark.parametrize(
    "key",
    [
        {**KEY, "serviceurls": {"ML_API_URL": "https://api.ai.prod.example.com"}},
        {"credentials": KEY},
        {**KEY, "serviceurls": {"AI_API_URL": "https://api.ai.prod.example.com/v2/"}},
        {**KEY, "serviceurls": {"AI_API_URL": "https://api.ai.prod.example.com/v2/lm"}},
    ],
)
def test_old_and_wrapped_service_keys(key: dict[str, Any]) -> None:
    assert from_service_key(key, "the key").base_url == "https://api.ai.prod.example.com/v2"


@pytest.mark.parametrize("key", [KEY, X509])
def test_service_key_and_environment_can_be_made_again(key: dict[str, Any]) -> None:
    credentials = from_service_key(key, "the key")
    again = from_service_key(credentials.service_key(), "the key")
    found = find_credentials(credentials.environment(), Path("/nowhere"))
    assert again == credentials
    assert (found.base_url, found.client_arguments()) == (credentials.base_url, credentials.client_arguments())


@pytest.mark.parametrize("key", [KEY, X509])
def test_credentials_never_show_themselves(key: dict[str, Any]) -> None:
    credentials = from_service_key(key, "the key")
    for text in (repr(credentials), str(credentials), repr(credentials.client_arguments()), f"{credentials!r:>10}"):
        assert "canary" not in text


def test_places_are_looked_at_in_the_sdks_order(tmp_path: Path) -> None:
    (tmp_path / ".aicore").mkdir()
    (tmp_path / ".aicore" / "config.json").write_text(json.dumps({**VARIABLES, "AICORE_CLIENT_ID": "sb-3"}))
    vcap = json.dumps({"aicore": [{"label": "aicore", "credentials": {**KEY, "clientid": "sb-4"}}]})
    everything = {"AICORE_SERVICE_KEY": json.dumps(KEY), **VARIABLES, "VCAP_SERVICES": vcap}
    variables = {name: value for name, value in everything.items() if name != "AICORE_SERVICE_KEY"}
    found = [
        find_credentials(everything, tmp_path),
        find_credentials(variables, tmp_path),
        find_credentials({"VCAP_SERVICES": vcap}, tmp_path),
        find_credentials({"VCAP_SERVICES": vcap}, tmp_path / "elsewhere"),
    ]
    assert [(credentials.client_id, credentials.source) for credentials in found] == [
        ("sb-1", "environment AICORE_SERVICE_KEY"),
        ("sb-2", "environment AICORE_CLIENT_ID, AICORE_CLIENT_SECRET, AICORE_AUTH_URL, AICORE_BASE_URL"),
        ("sb-3", f"config file {tmp_path / '.aicore' / 'config.json'}"),
        ("sb-4", "environment VCAP_SERVICES"),
    ]


@pytest.mark.parametrize(
    ("variables", "file"),
    [
        ({"AICORE_CONFIG": "{home}/mine.json"}, "mine.json"),
        ({"AICORE_HOME": "{home}/other"}, "other/config.json"),
        ({"AICORE_HOME": "{home}/other", "AICORE_PROFILE": "default"}, "other/config.json"),
        ({"AICORE_PROFILE": "team"}, ".aicore/config_team.json"),
    ],
)
def test_config_file_of_a_profile(tmp_path: Path, variables: dict[str, str], file: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(VARIABLES))
    given = {name: value.format(home=tmp_path) for name, value in variables.items()}
    assert find_credentials(given, tmp_path).source == f"config file {path}"


def test_same_as_the_sdk_finds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sdk = pytest.importorskip("ai_core_sdk.credentials", reason="only sap-ai-sdk-core has this lookup")
    monkeypatch.setenv("AICORE_HOME", str(tmp_path))
    for variables in (VARIABLES, {"VCAP_SERVICES": json.dumps({"x": [{"label": "aicore", "credentials": X509}]})}):
        with monkeypatch.context() as context:
            for name, value in variables.items():
                context.setenv(name, value)
            theirs = sdk.fetch_credentials()
            ours = find_credentials()
        theirs.pop("resource_group", None)
        assert {"base_url": ours.base_url, **ours.client_arguments()} == theirs


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"AICORE_CLIENT_ID": "sb-2", "AICORE_CLIENT_SECRET": "canary"},
            "environment AICORE_CLIENT_ID, AICORE_CLIENT_SECRET lacks base_url and auth_url. It has 'client_id', 'client_secret'.",
        ),
        (
            {**VARIABLES, "AICORE_CERT_STR": CERTIFICATE, "AICORE_KEY_STR": PRIVATE_KEY},
            (
                "environment AICORE_CLIENT_ID, AICORE_CLIENT_SECRET, AICORE_AUTH_URL, AICORE_BASE_URL, AICORE_CERT_STR,"
                " AICORE_KEY_STR has more than one credential (client_secret and cert_str). Keep one of:"
                " client_secret, or cert_str and key_str, or cert_file_path and key_file_path."
            ),
        ),
        (
            {name: value for name, value in VARIABLES.items() if name != "AICORE_CLIENT_SECRET"},
            (
                "environment AICORE_CLIENT_ID, AICORE_AUTH_URL, AICORE_BASE_URL lacks a credential (client_secret, or"
                " cert_str and key_str, or cert_file_path and key_file_path). It has 'auth_url', 'base_url',"
                " 'client_id'."
            ),
        ),
        (
            {"AICORE_SERVICE_KEY": '{"canary"'},
            "environment AICORE_SERVICE_KEY is not valid JSON: Expecting ':' delimiter: line 1 column 10 (char 9).",
        ),
        (
            {"AICORE_SERVICE_KEY": "[1]"},
            (
                "environment AICORE_SERVICE_KEY is not a service key: expected a JSON object with clientid, clientsecret,"
                " url and serviceurls, not a list."
            ),
        ),
        ({"AICORE_PROFILE": "team"}, "AICORE_PROFILE is 'team', but there is no /nowhere/.aicore/config_team.json."),
        (
            {"VCAP_SERVICES": "[]"},
            (
                "environment VCAP_SERVICES is invalid: expected a JSON object of lists of services, as Cloud Foundry"
                " writes it."
            ),
        ),
        (
            {"VCAP_SERVICES": '{"xsuaa": [{"label": "xsuaa"}]}'},
            (
                "No credentials for SAP AI Core were found. Give a service key with --aicore-service-key=FILE"
                " (pytest-aicore sweep: --service-key=FILE).\n"
                "Places that were searched: environment AICORE_SERVICE_KEY (not set); environment AICORE_CLIENT_ID,"
                " AICORE_CLIENT_SECRET, ... (not set); /nowhere/.aicore/config.json (does not exist); environment"
                " VCAP_SERVICES (no service with the label"
                " aicore)."
            ),
        ),
    ],
)
def test_unusable_credentials_say_what_is_wrong_without_showing_them(variables: dict[str, str], message: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        find_credentials(variables, Path("/nowhere"))
    assert str(caught.value) == message
    assert "canary" not in message


def test_service_key_file_that_is_not_text(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_bytes(b"{\x80\xfe}")
    with pytest.raises(CredentialsError) as caught:
        read_service_key(file, "--aicore-service-key")
    assert str(caught.value) == (
        f"the service key {file} (from --aicore-service-key) cannot be read: it is neither UTF-8 nor UTF-16 text."
    )


def test_certificate_files_become_a_service_key(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_text(CERTIFICATE)
    key.write_text(PRIVATE_KEY)
    credentials = Credentials(
        base_url="https://api.example.com/v2",
        auth_url="https://auth.example.com/oauth/token",
        client_id="sb",
        source="test",
        cert_file_path=str(certificate),
        key_file_path=str(key),
    )
    assert credentials.service_key() == {
        "clientid": "sb",
        "certificate": CERTIFICATE,
        "key": PRIVATE_KEY,
        "certurl": "https://auth.example.com",
        "serviceurls": dict.fromkeys(["AI_API_URL", "ML_API_URL"], "https://api.example.com"),
    }
