"""The content of a service key where a path or a name is expected: at no door is a word of it repeated."""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_aicore.cli import command_line as cli
from pytest_aicore.config.options import OPTIONS
from pytest_aicore.config.settings import Given, read_settings
from pytest_aicore.echo import MISPLACED, shown
from pytest_aicore.errors import AicoreError
from pytest_aicore.reports.terminal import header
from pytest_aicore.training.service.credentials import content_or_file, read_service_key

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "c4Nary-of-the-client"
KEY: dict[str, Any] = {
    "clientid": "sb-cAnArY!b1|aicore!b2",
    "clientsecret": SECRET,
    "url": "https://cAnArY.authentication.example.com",
    "serviceurls": {"AI_API_URL": "https://api.example.com"},
}
TEXT = json.dumps(KEY)
BASE64 = base64.b64encode(TEXT.encode()).decode()
NOT_SHOWN = "characters, not shown because they may be a secret)"
REFUSED = (
    "expected a path, but this is the content of a file. The content of a service key belongs into the environment variable"
    " PYTEST_AICORE_SERVICE_KEY."
)


# The variable that takes the content ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [TEXT, BASE64, json.dumps(KEY, indent=2), json.dumps({"credentials": KEY})])
def test_the_variable_takes_content(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PYTEST_AICORE_SERVICE_KEY", text)
    project.makepyfile("def test_it(): pass")
    result = project.runpytest_inprocess("--aicore-live", "--aicore-resource-group=team", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["aicore: LIVE (from --aicore-live), https://api.example.com (from environment PYTEST_AICORE_SERVICE_KEY)"]
    )
    assert "anary" not in result.stdout.str().lower()
    assert BASE64[8:30] not in result.stdout.str()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT[:60], "environment PYTEST_AICORE_SERVICE_KEY is not valid JSON: *"),
        (BASE64[:-24], "environment PYTEST_AICORE_SERVICE_KEY is not valid JSON: *"),
        (
            "x" + BASE64[:-3],
            f"the service key [*][*][*] ({{length}} {NOT_SHOWN} (from environment PYTEST_AICORE_SERVICE_KEY) cannot be read: *",
        ),
        (
            "canary\nand-of-two-lines",
            "environment PYTEST_AICORE_SERVICE_KEY is not valid JSON: Expecting value: line 1 column 1 (char 0).",
        ),
    ],
)
def test_content_that_is_damaged(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.setenv("PYTEST_AICORE_SERVICE_KEY", text)
    project.makepyfile("def test_it(aicore_client): pass")
    result = project.runpytest_inprocess("--aicore-live", "--aicore-resource-group=team", "-v")
    result.assert_outcomes(errors=1)
    length = len(str(project.path / text))
    result.stdout.fnmatch_lines([f"*no usable credentials: {message.format(length=length)}"])
    assert text[2:22] not in result.stdout.str()


# Everywhere else ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [TEXT, BASE64, f"KEY='{TEXT}'", "-----BEGIN PRIVATE KEY-----", "two\nlines", str(KEY)])
@pytest.mark.parametrize(
    "option", [each for each in OPTIONS if each.metavar in ("FILE", "DIR")], ids=lambda each: each.name
)
def test_each_path_refuses_content(option: Any, text: str) -> None:
    doors = {option.flag: ({option.dest: text}, {}), f"ini {option.ini}": ({}, {option.ini: text})}
    for source, (options, ini) in doors.items():
        if source is None:
            continue
        with pytest.raises(AicoreError) as caught:
            read_settings(Given(options.get, {}, ini.get, Path("/a"), Path("/b"), Path("/c")))
        assert str(caught.value) == f"{source} = *** ({len(text)} {NOT_SHOWN}: {REFUSED}"


@pytest.mark.parametrize(
    "option", [each for each in OPTIONS if each.metavar in ("FILE", "DIR")], ids=lambda each: each.name
)
def test_each_path_that_no_file_can_have_is_refused(tmp_path: Path, option: Any) -> None:
    with pytest.raises(AicoreError) as caught:
        read_settings(Given(lambda name: None, {}, {option.ini: "x" * 300}.get, tmp_path, tmp_path, tmp_path))
    assert str(caught.value) == f"ini {option.ini} = *** (300 {NOT_SHOWN}: File name too long."


@pytest.mark.parametrize("way", ["--aicore-service-key={}", "-oaicore_service_key={}"])
def test_a_session_is_refused(project: pytest.Pytester, way: str) -> None:
    project.makepyfile("def test_it(): pass")
    result = project.runpytest_inprocess(way.format(TEXT))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    source = "ini aicore_service_key" if way.startswith("-o") else "--aicore-service-key"
    assert result.errlines == [f"ERROR: {source} = *** ({len(TEXT)} {NOT_SHOWN}: {REFUSED}", ""]
    assert "anary" not in result.stdout.str().lower()


def test_the_remedy_is_not_hidden_with_a_line_of_variables(project: pytest.Pytester) -> None:
    text = f"AICORE_SERVICE_KEY='{TEXT}'"
    result = project.runpytest_inprocess(f"--aicore-service-key={text}")
    assert result.errlines == [f"ERROR: --aicore-service-key = *** ({len(text)} {NOT_SHOWN}: {REFUSED}", ""]


def test_an_argument_of_its_own_is_not_repeated_by_pytest(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("--aicore-live", "--aicore-resource-group=team", "--aicore-service-key=", TEXT)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.errlines == [f"ERROR: {MISPLACED}", ""]
    assert "anary" not in result.stdout.str().lower()
    node = project.makepyfile(
        "import pytest\n@pytest.mark.parametrize('x', ['{client_secret=1}'])\ndef test_it(x): pass"
    )
    project.runpytest_inprocess("--aicore-timeout=5", f"{node.name}::test_it[{{client_secret=1}}]").assert_outcomes(
        passed=1
    )


def test_a_table_in_toml_is_not_repeated(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml(
        f"[tool.pytest{'' if pytest.version_tuple >= (9,) else '.ini_options'}]\n"
        f"aicore_service_key = {{clientid = 'cAnArY', clientsecret = '{SECRET}'}}"
    )
    result = pytester.runpytest_inprocess("-p", "no:hypothesispytest", "-p", "no:randomly")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "aicore_service_key" in result.stderr.str()
    assert "anary" not in (result.stdout.str() + result.stderr.str()).lower()


def test_a_file_may_be_called_as_it_likes(tmp_path: Path) -> None:
    for name in ("{key}.json", "client_secret=1", "a" * 100):
        (tmp_path / name).write_text(TEXT)
        found = read_settings(
            Given({"aicore_service_key": name}.get, {}, lambda name: None, tmp_path, tmp_path, tmp_path)
        ).service_key.value
        assert found == tmp_path / name
        assert content_or_file(name, tmp_path) == tmp_path / name
        assert read_service_key(tmp_path / name, "here").client_secret == SECRET


@pytest.mark.parametrize(
    "value",
    ["key.json", "/etc/aicore/team-dev/key.json", "~/.aicore/client_secret.json", "../keys/de_eu10 (prod).json", "default",
     "C:\\Users\\me\\key.json", "45m", "soon", "train.l = 3.20 EUR", "ci-tests", "schluessel-fuer-die-umgebung-der-abnahme"],
)  # fmt: skip
def test_paths_and_names_are_shown(value: str) -> None:
    assert shown(value) == value


@pytest.mark.parametrize(
    "value",
    ["eyJhbGciOiJSUzI1NiJ9.eyJqdGkiOiI0In0.c2ln", "3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0x",
     "aB3" * 9, "https://me:hunter22@example.com", "a\x1b[31mb", "a\udcffb", "two\nlines", "{", "Bearer abcdefgh12"],
)  # fmt: skip
def test_what_may_be_a_secret_is_not_shown(value: str) -> None:
    assert shown(value) == f"*** ({len(value)} {NOT_SHOWN}"


# For any key, in any encoding, at any door ----------------------------------------------------------------------------

PARTS = st.text("abcdefghijkLMNOPQRSTUVWXYZ0123456789+/=$!|-_.", min_size=16, max_size=60).filter(
    lambda text: len(set(text)) > 6
)
ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "on lines": lambda text: json.dumps(json.loads(text), indent=2),
    "of Python": lambda text: repr(json.loads(text)),
    "quoted": json.dumps,
    "cut": lambda text: text[:-7],
    "in credentials": lambda text: f'{{"credentials": {text}}}',
    "a list": lambda text: f"[{text}]",
    "after words": lambda text: f"Getting key...\n\n{text}",
    "a variable": lambda text: f"AICORE_SERVICE_KEY='{text}'",
    "with NUL": lambda text: f"{text}\0",
    "with a surrogate": lambda text: f"{text}\udcff",
    "for URLs": quote,
    "hexadecimal": lambda text: text.encode().hex(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 on lines": lambda text: base64.encodebytes(text.encode()).decode(),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16")).decode(),
    "base64 of base64": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "base64 of gzip": lambda text: base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode(),
    "base64, cut": lambda text: base64.b64encode(text.encode()).decode()[:-5],
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "ASCII 85": lambda text: base64.a85encode(text.encode()).decode(),
}
VARIABLES = ("PYTEST_AICORE_SERVICE_KEY", "AICORE_SERVICE_KEY", "AICORE_CONFIG", "AICORE_HOME", "AICORE_PROFILE",
             "AICORE_RESOURCE_GROUP", "AICORE_CERT_FILE_PATH", "AICORE_BASE_URL", "VCAP_SERVICES", "PYTEST_AICORE_LIVE")  # fmt: skip
DOORS = [
    *((kind, each.name) for each in OPTIONS for kind in ("option", "ini") if each.metavar is not None),
    *(("environment", name) for name in VARIABLES),
    *(
        ("command", words)
        for words in (
            "sweep --service-key",
            "sweep --ledger",
            "sweep",
            "sweep --older-than",
            "check",
            "serve --workflows",
            "serve --port",
            "serve --pace",
            "serve --tls-key",
            "check --explain",
            "check --format",
            "nothing",
        )
    ),
]


def printed(kind: str, name: str, value: str, folder: Path) -> str:
    """Return what is said when a value comes in by a door."""
    if kind == "command":
        out = io.StringIO()
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.redirect_stderr(out))
            stack.enter_context(contextlib.redirect_stdout(out))
            stack.enter_context(contextlib.suppress(SystemExit))
            stack.enter_context(mock.patch.dict(os.environ, environment, clear=True))
            cli.main([*name.split(), value])
        return out.getvalue()
    option: dict[str, object] = {f"aicore_{name}": value} if kind == "option" else {}
    ini = {f"aicore_{name}": value} if kind == "ini" else {}
    variables = {"AICORE_CLIENT_ID": "sb", "HOME": str(folder), **({name: value} if kind == "environment" else {})}
    variables = {name: text.replace("\0", "") for name, text in variables.items()}  # no variable can hold it
    option = {"aicore_live": True, "aicore_resource_group": "team", **option}
    with mock.patch.dict(os.environ, variables, clear=True):
        try:
            found = read_settings(Given(option.get, os.environ, ini.get, folder, folder, folder))
            key = found.service_key
            return "\n".join([*header(found), "" if isinstance(key.value, Path) else repr(key)])
        except AicoreError as error:
            return str(error)


def test_a_line_of_a_key_that_looks_like_a_name_is_not_shown_either(tmp_path: Path) -> None:
    """A list takes the lines of base64 apart, and one alone may have neither digits nor small letters."""
    dull = "0" * 24
    key = {**KEY, "certificate": dull}
    for width in range(16, 77):
        packed = base64.b64encode(json.dumps(key).encode()).decode()
        lines = [packed[at : at + width] for at in range(0, len(packed), width)]
        said = printed("ini", "live_resource_groups", "\n".join(lines), tmp_path)
        assert [line for line in lines if len(line) > 3 and line in said] == [], width


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secrets=st.tuples(PARTS, PARTS, PARTS))
def test_no_part_of_any_key_is_printed_at_any_door(
    tmp_path: Path, encoding: str, secrets: tuple[str, str, str]
) -> None:
    key = {**KEY, "clientid": secrets[0], "clientsecret": secrets[1], "certificate": secrets[2]}
    value = ENCODINGS[encoding](json.dumps(key))
    pieces = [*secrets, *(value[at : at + 24] for at in range(0, len(value) - 24, 24))]
    for door in DOORS:
        said = printed(*door, value, tmp_path)
        assert [piece for piece in pieces if piece in said] == [], door
