"""Service keys in every wrapping that tools give them: read, or explained without a word of them."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.errors import CredentialsError
from pytest_aicore.redact import Secret
from pytest_aicore.training.service.credentials import find_credentials, read_service_key, secrets_around

if TYPE_CHECKING:
    from pathlib import Path

KEY: dict[str, Any] = {
    "clientid": "sb-1",
    "clientsecret": "canary",
    "url": "https://auth.example.com",
    "serviceurls": {"AI_API_URL": "https://api.example.com"},
}
TEXT = json.dumps(KEY)
PROFILE = {
    "AICORE_CLIENT_ID": "sb-1",
    "AICORE_CLIENT_SECRET": "canary",
    "AICORE_AUTH_URL": "https://auth.example.com",
    "AICORE_BASE_URL": "https://api.example.com",
}
EXPECTED = "expected a JSON object with clientid, clientsecret, url and serviceurls"
VCAP = {"aicore": [{"label": "aicore", "credentials": KEY}]}
PEM = "-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----"


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


READ = {
    "as it is": TEXT,
    "on several lines": json.dumps(KEY, indent=4),
    "with a byte order mark": f"\ufeff{TEXT}",
    "with space around": f"\n\n  {TEXT} \r\n\n",
    "after what cf says": f"Getting key k for service instance i as me...\n\n{json.dumps({'credentials': KEY}, indent=2)}\n",
    "after what cf says on Windows": f"Getting key k for service instance i as me...\r\n\r\n{TEXT}\r\n",
    "in an object credentials": json.dumps({"credentials": KEY}),
    "as text in an object credentials": json.dumps({"credentials": TEXT}),
    "in a binding of BTP": json.dumps({"id": "1", "name": "k", "ready": True, "credentials": KEY}),
    "quoted": json.dumps(TEXT),
    "quoted twice": json.dumps(json.dumps(TEXT)),
    "base64": b64(TEXT),
    "base64 with a name": f"base64:{b64(TEXT)}",
    "a URL of data": f"data:application/json;base64,{b64(TEXT)}",
    "base64 on lines": "\n".join(b64(TEXT)[at : at + 64] for at in range(0, len(b64(TEXT)), 64)) + "\n",
    "base64 without its end": b64(TEXT).rstrip("="),
    "base64 for URLs": base64.urlsafe_b64encode(json.dumps({**KEY, "x": "\u00ff\u00fe?>?"}).encode()).decode(),
    "base64 twice": b64(b64(TEXT)),
    "base64 of UTF-16": b64(f"\ufeff{TEXT}".encode("utf-16-le")),
    "base64 of credentials": b64(json.dumps({"credentials": KEY})),
}
EXPLAINED = {
    "": f"is empty: {EXPECTED}.",
    "  \n": f"is empty: {EXPECTED}.",
    "[]": f"is not a service key: {EXPECTED}, not a list.",
    json.dumps([KEY]): f"is not a service key: {EXPECTED}, not a list.",
    "null": f"is not a service key: {EXPECTED}, not null.",
    "12": f"is not a service key: {EXPECTED}, not a number.",
    json.dumps(PROFILE): (
        "is a profile of AICORE_HOME (AICORE_CLIENT_ID and similar names), not a service key. Give the path of its"
        " file in the environment variable AICORE_CONFIG instead."
    ),
    json.dumps(VCAP): (
        "is the content of Cloud Foundry's VCAP_SERVICES, not a service key. Set that variable to it, or give only the"
        " `credentials` of its service `aicore`."
    ),
    json.dumps({"VCAP_SERVICES": VCAP}): (
        "is the content of Cloud Foundry's VCAP_SERVICES, not a service key. Set that variable to it, or give only the"
        " `credentials` of its service `aicore`."
    ),
    json.dumps({"apiVersion": "v1", "kind": "Secret", "data": {"key": b64(TEXT)}}): (
        "is a Kubernetes object, not a service key. Give the value of its `data` that holds the key, with or without"
        " its base64 encoding."
    ),
    f"apiVersion: v1\nkind: Secret\ndata:\n  key: {b64(TEXT)}\n": (
        f"is YAML or a list of names and values, not a service key: {EXPECTED}. From a secret of Kubernetes, give the"
        " value of its `data` that holds the key."
    ),
    f"AICORE_SERVICE_KEY='{TEXT}'": (
        "is a line of variables (NAME=value), not a service key. Give only the value after the `=`, without its"
        " quotes, or set the variables in the environment."
    ),
    "# of us\nexport AICORE_CLIENT_ID=sb-1\nexport AICORE_CLIENT_SECRET=canary\n": (
        "is a line of variables (NAME=value), not a service key. Give only the value after the `=`, without its"
        " quotes, or set the variables in the environment."
    ),
    PEM: (
        "is a certificate or private key (PEM), not a service key. With a client certificate, give the service key that"
        " holds `certificate` and `key`, or set AICORE_CERT_FILE_PATH and AICORE_KEY_FILE_PATH beside AICORE_CLIENT_ID,"
        " AICORE_AUTH_URL and AICORE_BASE_URL."
    ),
    '\'{"clientsecret": "canary"}\'': (
        "is JSON in quotes that JSON does not allow ('), not a service key. Give it without them."
    ),
    "`{canary}`": "is JSON in quotes that JSON does not allow (`), not a service key. Give it without them.",
    "%7B%22clientsecret%22%3A%22canary%22%7D": (
        "is JSON encoded for a URL (%7B...), not a service key. Give it without the encoding."
    ),
    "{'clientsecret': 'canary'}": (
        "is a Python dictionary, not a service key. JSON has double quotes: write it with `json.dumps`."
    ),
    "<html>canary</html>": (
        "is XML or HTML, not a service key. Download the key again: a login page may have been saved in its place."
    ),
    TEXT[:-1]: "is not valid JSON: Expecting ',' delimiter: line 1 column 139 (char 138).",
    "canary": "is not valid JSON: Expecting value: line 1 column 1 (char 0).",
    "FAILED\n{canary": (
        "without the text before the first brace, is not valid JSON: Expecting property name enclosed in double"
        " quotes: line 1 column 2 (char 1)."
    ),
    "[" * 100_000: "is not valid JSON: a number or a nesting in it is too large.",
    json.dumps({**KEY, "clientsecret": ["canary"]}): "clientsecret is not a string. Copy the whole service key again.",
    json.dumps({**KEY, "clientsecret": "<client secret>"}): (
        "clientsecret was left to be filled in. Put the real value in its place."
    ),
    json.dumps({**KEY, "url": "auth.example.com"}): "url is not a URL: it must begin with https://.",
    json.dumps({**KEY, "url": "canary://auth"}): "url is not a URL: it must begin with https://.",
    json.dumps({**KEY, "url": "https://me:canary@auth.example.com"}): (
        "url has a user or a password before its host (`user:password@`). Remove them."
    ),
    json.dumps({**KEY, "url": "https://auth.example.com/oauth/token?grant_type=client_credentials"}): (
        "url must end before `?` or `#`."
    ),
    json.dumps({**KEY, "serviceurls": {"AI_API_URL": "https://api.example .com"}}): (
        "serviceurls.AI_API_URL is not a URL: its host or its path has characters that are not allowed."
    ),
    json.dumps({**KEY, "serviceurls": {"AI_API_URL": "https://api.example.com/v2/inference/deployments/d1"}}): (
        "serviceurls.AI_API_URL is a path below the API: it must end before or with /v2."
    ),
    json.dumps({**KEY, "serviceurls": "https://api.example.com"}): (
        "lacks serviceurls.AI_API_URL. It has 'url', 'clientid', 'clientsecret'."
    ),
}


@pytest.mark.parametrize("text", READ.values(), ids=READ)
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-16", "utf-32", "variable", "SDK's variable"]
)
def test_a_key_is_read_in_each_wrapping(tmp_path: Path, text: str, encoding: str) -> None:
    if encoding == "SDK's variable":
        found = find_credentials({"AICORE_SERVICE_KEY": text}, tmp_path)
    elif encoding == "variable":
        found = read_service_key(Secret(text), "the variable")
    else:
        (tmp_path / "key.json").write_bytes(text.encode(encoding))
        found = read_service_key(tmp_path / "key.json", "--aicore-service-key")
    assert (found.client_id, found.client_secret) == ("sb-1", "canary")
    assert (found.base_url, found.auth_url) == ("https://api.example.com/v2", "https://auth.example.com/oauth/token")


@pytest.mark.parametrize(("text", "message"), EXPLAINED.items(), ids=[text[:30] for text in EXPLAINED])
def test_what_is_no_key_is_explained_and_not_repeated(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "key.json"
    file.write_text(text)
    with pytest.raises(CredentialsError) as caught:
        read_service_key(file, "ini aicore_service_key")
    said = str(caught.value).removeprefix(f"the service key {file} (from ini aicore_service_key)").lstrip(" :,")
    assert said == message
    assert "canary" not in said


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://auth.example.com/oauth/token", "https://api.example.com/v2"),
        (" https://auth.example.com/\n", "https://api.example.com/v2/ "),
        ("https://auth.example.com/oauth/token/", "https://api.example.com/v2/lm"),
        ("https://auth.example.com", "https://api.example.com/v2/lm/"),
        ("https://auth.example.com//", "https://api.example.com/lm"),
    ],
)
def test_urls_may_have_their_endings(url: str, api: str) -> None:
    key = {**KEY, "url": url, "serviceurls": {"AI_API_URL": api}, "clientid": "sb-1\n", "clientsecret": " canary\n"}
    found = read_service_key(Secret(json.dumps(key)), "the variable")
    assert (found.base_url, found.auth_url) == ("https://api.example.com/v2", "https://auth.example.com/oauth/token")
    assert (found.client_id, found.client_secret) == ("sb-1", "canary")


def test_a_file_that_is_none(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "large").write_bytes(b" " * 1_000_001)
    said = []
    for name in (".", "pipe", "large", "missing", "x" * 300, "a\0b"):
        with pytest.raises(CredentialsError) as caught:
            read_service_key(tmp_path / name, "--aicore-service-key")
        said.append(str(caught.value).partition(" cannot be read: ")[2])
    assert said == [
        "it is a folder: give a file in it.",
        "it is not a regular file.",
        "it has more than 1000000 bytes, more than any service key.",
        "No such file or directory.",
        "File name too long.",
        "a file cannot have this name.",
    ]


HIDDEN = "characters, not shown because they may be a secret)"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"AICORE_SERVICE_KEY": "{home}/key.json"},
            (
                "environment AICORE_SERVICE_KEY = {home}/key.json: this is the path of a file, but the variable takes"
                " the content of a service key. Give the file with --aicore-service-key=FILE or the environment"
                " variable PYTEST_AICORE_SERVICE_KEY."
            ),
        ),
        (
            {"AICORE_CONFIG": "{home}/key.json"},
            (
                "the config file {home}/key.json is a service key, not a profile (AICORE_CLIENT_ID and similar names)."
                " Give it with --aicore-service-key=FILE."
            ),
        ),
        (
            {"AICORE_CONFIG": TEXT},
            (
                f"environment AICORE_CONFIG = *** (139 {HIDDEN}: expected the path of a profile, not the content of a"
                " file. The content of a service key belongs in the environment variable PYTEST_AICORE_SERVICE_KEY."
            ),
        ),
        (
            {"AICORE_HOME": json.dumps(PROFILE)},
            (
                f"environment AICORE_HOME = *** (155 {HIDDEN}: expected the path of a folder, not the content of a"
                " file. The content of a service key belongs in the environment variable PYTEST_AICORE_SERVICE_KEY."
            ),
        ),
        (
            {"AICORE_PROFILE": b64(TEXT)},
            (
                f"environment AICORE_PROFILE = *** (188 {HIDDEN}: expected the name of a profile, not the content of a"
                " file. The content of a service key belongs in the environment variable PYTEST_AICORE_SERVICE_KEY."
            ),
        ),
        (
            {**PROFILE, "AICORE_CLIENT_SECRET": "", "AICORE_CERT_FILE_PATH": PEM, "AICORE_KEY_FILE_PATH": "{home}"},
            (
                "environment AICORE_CLIENT_ID, AICORE_AUTH_URL, AICORE_BASE_URL, AICORE_CERT_FILE_PATH,"
                " AICORE_KEY_FILE_PATH: cert_file_path holds a certificate or key itself. Give it as cert_str."
            ),
        ),
        (
            {
                **PROFILE,
                "AICORE_CLIENT_SECRET": "",
                "AICORE_CERT_FILE_PATH": "{home}",
                "AICORE_KEY_FILE_PATH": "/no/key",
            },
            (
                "environment AICORE_CLIENT_ID, AICORE_AUTH_URL, AICORE_BASE_URL, AICORE_CERT_FILE_PATH,"
                " AICORE_KEY_FILE_PATH: key_file_path is the path of a file, and there is no /no/key."
            ),
        ),
        (
            {**PROFILE, "AICORE_CLIENT_SECRET": "${SECRET}"},
            (
                "environment AICORE_CLIENT_ID, AICORE_CLIENT_SECRET, AICORE_AUTH_URL, AICORE_BASE_URL: client_secret was"
                " left to be filled in. Put the real value in its place."
            ),
        ),
        (
            {"VCAP_SERVICES": TEXT},
            (
                "environment VCAP_SERVICES is invalid: expected a JSON object of lists of services, as Cloud Foundry"
                " writes it."
            ),
        ),
    ],
)
def test_what_stands_in_the_place_of_something_else(tmp_path: Path, variables: dict[str, str], message: str) -> None:
    (tmp_path / "key.json").write_text(TEXT)
    given = {name: value.replace("{home}", str(tmp_path)) for name, value in variables.items()}
    with pytest.raises(CredentialsError) as caught:
        find_credentials(given, tmp_path / "home")
    assert str(caught.value) == message.replace("{home}", str(tmp_path))


@pytest.mark.parametrize("text", READ.values(), ids=READ)
def test_the_secret_of_each_wrapping_is_known_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("PYTEST_AICORE_SERVICE_KEY", text)
    assert {"canary", *([text.strip()] if text.startswith("ey") else [])} <= secrets_around(Secret(text), tmp_path)
    monkeypatch.delenv("PYTEST_AICORE_SERVICE_KEY")
    (tmp_path / "key.json").write_text(text, encoding="utf-16")
    assert "canary" in secrets_around(tmp_path / "key.json", tmp_path)
