"""Secrets in texts that are not usable service keys are found as well, so that they can be hidden."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest

from pytest_aicore.redact import Redactor
from pytest_aicore.training.service.credentials import find_credentials, secrets_around

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = "c4nary-of/the+client$9f$Zz="
KEY: dict[str, Any] = {
    "clientid": "sb-1!b2|aicore!b3",
    "clientsecret": SECRET,
    "url": "https://tenant.example.com",
    "serviceurls": {"AI_API_URL": "https://api.example.com"},
}
TEXT = json.dumps(KEY)
LINES = json.dumps(KEY, indent=2)
BASE64 = base64.b64encode(TEXT.encode()).decode()
YAML = f"clientid: sb-1\nclientsecret: {SECRET}\nurl: https://tenant.example.com\n"
SHAPES = {
    "in quotation marks": f'"{TEXT}"',
    "in single ones": f"'{TEXT}'",
    "in backticks": f"`{TEXT}`",
    "with typographic ones": TEXT.replace('"', "\u201d"),
    "without any": TEXT.replace('"', ""),
    "of Python": repr(KEY),
    "with escaped marks": TEXT.replace('"', '\\"'),
    "with escaped lines": LINES.replace("\n", "\\n"),
    "escaped": LINES.replace('"', '\\"').replace("\n", "\\n"),
    "with a comma too many": TEXT[:-1] + ",}",
    "without its end": TEXT[: TEXT.index(SECRET) + len(SECRET)],
    "without its beginning": TEXT[20:],
    "without braces": TEXT[1:-1],
    "twice": TEXT + TEXT,
    "with words around it": f"Getting key\n\n{TEXT}\n\nOK",
    "after an invisible character": f"\u200b{TEXT}",
    "a variable": f"AICORE_SERVICE_KEY='{TEXT}'",
    "a variable in base64": f"AICORE_SERVICE_KEY='{BASE64}'",
    "a variable that is exported": f"export AICORE_SERVICE_KEY={TEXT}",
    "variables": f"AICORE_CLIENT_ID=sb-1\nAICORE_CLIENT_SECRET={SECRET}\n",
    "YAML": YAML,
    "YAML on one line": f"{{clientid: sb-1, clientsecret: {SECRET}, url: https://tenant.example.com}}",
    "TOML": f'clientid = "sb-1"\nclientsecret = "{SECRET}"\n',
    "a form": urlencode({"clientid": "sb-1", "clientsecret": SECRET}),
    "for URLs": quote(TEXT),
    "HTML": TEXT.replace('"', "&quot;"),
    "base64 in quotation marks": f"'{BASE64}'",
    "base64 on lines in quotation marks": f"'{BASE64[:76]}\r\n{BASE64[76:]}'",
    "base64 with a name": f"base64:{BASE64}",
    "a data URL": f"data:application/json;base64,{BASE64}",
    "a secret of Kubernetes": json.dumps({"kind": "Secret", "data": {"key": BASE64}}),
    "the same in YAML": f"kind: Secret\ndata:\n  key: {BASE64}\n",
    "of a secret store": json.dumps({"data": {"data": {"service_key": TEXT}}}),
    "a list": json.dumps({**KEY, "clientsecret": [SECRET]}),
    "an object": json.dumps({**KEY, "clientsecret": {"value": SECRET}}),
}  # fmt: skip
SENTENCES = (
    "environment PYTEST_AICORE_SERVICE_KEY is a line of variables (NAME=value): expected a JSON object with clientid,"
    " clientsecret, url and serviceurls; AICORE_CLIENT_ID, AICORE_CLIENT_SECRET, https://tenant.example.com"
)


@pytest.mark.parametrize("name", ["AICORE_SERVICE_KEY", "PYTEST_AICORE_SERVICE_KEY", "VCAP_SERVICES"])
@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES)
def test_of_a_variable(tmp_path: Path, text: str, name: str) -> None:
    redact = Redactor(lambda: secrets_around(environment={name: text}, home=tmp_path))
    assert redact(f"got {SECRET}.") == "got ***."
    assert redact(SENTENCES) == SENTENCES


@pytest.mark.parametrize(
    "encode", [str.encode, lambda text: text.encode("utf-16"), lambda text: b"\xef\xbb\xbf" + text.encode()]
)
def test_of_files(tmp_path: Path, encode: Callable[[str], bytes]) -> None:
    profile = tmp_path / ".aicore" / "config_team.json"
    profile.parent.mkdir()
    profile.write_bytes(encode(YAML))
    key = tmp_path / "key.json"
    key.write_bytes(encode(f"'{TEXT.replace(SECRET, 'c4nary-of-the-file')}'"))
    redact = Redactor(lambda: secrets_around(key, tmp_path, {}))
    assert redact(f"{SECRET} c4nary-of-the-file") == "*** ***"


def test_each_line_of_a_private_key_that_no_json_holds(tmp_path: Path) -> None:
    lines = ["MIIcanary" + "A1b2" * 12, "canaryII" + "C3d4" * 12]
    pem = "\n".join(("-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----"))
    for text in (f'{{"key": "{pem}"}}', f"""{{'key': '{pem}'}}""".replace("\n", "\\n")):
        redact = Redactor(lambda text=text: secrets_around(environment={"AICORE_SERVICE_KEY": text}, home=tmp_path))  # type: ignore[misc]
        assert [redact(line) for line in lines] == ["***", "***"]


def test_a_whole_key_is_read_as_it_is_and_nothing_else_is_hidden(tmp_path: Path) -> None:
    environment = {"AICORE_SERVICE_KEY": TEXT}
    assert find_credentials(environment, tmp_path).client_secret == SECRET
    assert secrets_around(environment=environment, home=tmp_path) == {SECRET}


@pytest.mark.parametrize("name", ["AICORE_SERVICE_KEY", "VCAP_SERVICES"])
@pytest.mark.parametrize("deep", [900, 3000, 100_000])
def test_of_json_that_is_nested_deeper_than_calls_may_be(tmp_path: Path, deep: int, name: str) -> None:
    for begin, end in (("[", "]"), ('{"data": ', "}"), ('{"credentials": ', "}")):
        text = f"{begin * deep}{TEXT}{end * deep}"
        assert SECRET in secrets_around(environment={name: text}, home=tmp_path)
