"""Doors of pytest, and who inherits them: a secret of the environment at the start of the session passes none."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import threading
import warnings
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.config.options import SECRET_VARIABLES
from pytest_aicore.hooks.context import hiding_of
from pytest_aicore.hooks.live_log import LiveLog
from pytest_aicore.hooks.secrets import LOGGERS, _Clean
from pytest_aicore.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OWN = "own-Sec3t-of-the-developer"
SERVICE_KEY_SECRET = "s3cret-in-the-key$of=mine"

TESTS = """
import logging, os, threading, warnings

import pytest

S = os.environ["AICORE_CLIENT_SECRET"]


def test_environment(aicore_environment, record_property, record_xml_attribute, record_testsuite_property):
    key = aicore_environment
    assert os.environ["AICORE_CLIENT_SECRET"] != S
    record_property("nested", {"a": [S, ("b", {"c": S})], "n": 1})
    record_property("password", "sword" "fish")
    record_property("object", ValueError(S))
    record_property("named " + S, 1)
    record_xml_attribute("attribute", S)
    record_testsuite_property("suite", [S])
    print(S)
    assert S == 1


@pytest.mark.xfail(reason="expected " + S)
def test_expected():
    assert 0


@pytest.mark.xfail(reason="not expected " + S)
def test_unexpected():
    pass


@pytest.mark.skip(reason="skipped " + S)
def test_skipped():
    pass


def test_skips():
    pytest.skip("skips " + S)


def test_fails():
    pytest.fail("fails " + S)


@pytest.mark.parametrize("x", [S, S + "!", "client_secret=a1-swordfish"])
def test_id(x, tmp_path):
    assert "Sec3t" not in str(tmp_path)


class Unraisable:
    def __del__(self):
        raise ValueError("unraisable " + S)


def test_unraisable():
    Unraisable()


def test_thread():
    def work():
        raise ValueError("thread " + S)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    warnings.warn("warned " + S)
    warnings.warn_explicit("placed", UserWarning, S, 3)


@pytest.fixture(params=[S])
def shown(request):
    return request.param


def test_shown(shown, caplog):
    logging.getLogger("of.the.user").warning("logged %s", shown)
    assert caplog.messages == ["logged " + shown]
"""
SUBTESTS = """

def test_subtests(subtests):
    with subtests.test(S, argument=S):
        print(S)
        assert S == 2
    with subtests.test("skips", token=S):
        pytest.skip("subskip " + S)
"""
LOUD = (
    "-vv", "--showlocals", "-rA", "--setup-show", "--durations=3", "--continue-on-collection-errors",
    "--junitxml=junit.xml", "-o", "junit_logging=all", "--debug=trace.log", "--log-file=session.log",
    "-p", "no:randomly", "-p", "no:hypothesispytest", "-W", "default", "-o", "junit_family=xunit1",
)  # fmt: skip


def everything(folder: Path, printed: str) -> dict[str, str]:
    files = {
        str(file.relative_to(folder)): file.read_text(encoding="utf-8", errors="replace")
        for file in folder.rglob("*")
        if file.is_file() and file.suffix not in (".py", ".pyc")
    }
    return {"what was printed": printed, **files}


def leaks(folder: Path, result: pytest.RunResult, *secrets: str) -> list[str]:
    texts = everything(folder, "\n".join([*result.outlines, *result.errlines]))
    return [
        f"{name}: {line[:200]}"
        for name, text in texts.items()
        for line in text.splitlines()
        if any(secret in line for secret in secrets or (OWN, "swordfish"))
    ]


@pytest.fixture
def own(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder, and a secret in the environment as a developer of AI Core has it."""
    monkeypatch.setenv("AICORE_CLIENT_SECRET", OWN)
    pytester.makeini("[pytest]\n")
    return pytester


def test_no_door_shows_a_secret_of_the_environment(own: pytest.Pytester) -> None:
    subtests = pytest.version_tuple >= (9,)
    own.makepyfile(
        test_it=TESTS + (SUBTESTS if subtests else ""),
        test_broken="import os\nS = os.environ['AICORE_CLIENT_SECRET']\nprint(S)\nraise ValueError('broken ' + S)\n",
        test_left_out=(
            "import os, pytest\npytest.skip('left out ' + os.environ['AICORE_CLIENT_SECRET'], allow_module_level=True)"
        ),
    )
    result = own.runpytest(*LOUD)
    assert leaks(own.path, result) == []
    printed = result.stdout.str()
    for seen in (
        "broken ***", "left out ***", "expected ***", "not expected ***", "skipped ***", "skips ***", "fails ***",
        "test_id[***]", "unraisable ***", "thread ***", "warned ***", "logged ***", "SETUP    F shown['***']",
        "assert '***' == 1", *(("subskip ***",) if subtests else ()),
    ):  # fmt: skip
        assert seen in printed, seen
    document = (own.path / "junit.xml").read_text(encoding="utf-8")
    for seen in (
        "{'a': ['***', ('b', {'c': '***'})], 'n': 1}", '<property name="password" value="***"',
        '<property name="object" value="***"', 'attribute="***"', "<property name=\"suite\" value=\"['***']\"",
        'name="test_id[***]"', 'name="test_id[***!]"', 'name="test_id[client_secret=***]"', "broken ***",
    ):  # fmt: skip
        assert seen in document, seen
    assert "test_it.py::test_id[***]" in (own.path / "trace.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("conftest", "shown"),
    [
        ("raise RuntimeError('x ' + S)", "RuntimeError: x ***"),
        ("def pytest_configure(config): raise RuntimeError('x ' + S)", "INTERNALERROR> RuntimeError: x ***"),
        ("def pytest_configure(config): raise pytest.UsageError('x ' + S)", "ERROR: x ***"),
        ("def pytest_sessionstart(): raise pytest.UsageError('x ' + S)", "ERROR: x ***"),
        ("def pytest_sessionstart(): pytest.exit('x ' + S)", "Exit: x ***"),
        ("def pytest_sessionstart():\n    secret = S\n    1 / 0", "INTERNALERROR> ZeroDivisionError: division by zero"),
        ("def pytest_report_header(): return 'x ' + S", "x ***"),
        (
            "def pytest_unconfigure(): warnings.showwarning(UserWarning('x ' + S), UserWarning, 'f', 1)",
            "UserWarning: x ***",
        ),
        ("def pytest_unconfigure(): raise ValueError('x ' + S)", "ValueError: x ***"),
    ],
)
def test_no_secret_before_the_session_and_after_it(own: pytest.Pytester, conftest: str, shown: str) -> None:
    own.makeconftest(f"import os, pytest, warnings\nS = os.environ['AICORE_CLIENT_SECRET']\n{conftest}\n")
    result = own.runpytest("-p", "no:randomly", "-p", "no:hypothesispytest")
    assert shown in result.stdout.str() + result.stderr.str()
    assert leaks(own.path, result) == []


def test_what_a_test_prints_does_not_pass_by_while_a_thread_of_ours_logs(own: pytest.Pytester) -> None:
    """pytest gives up capturing while it writes to the live log."""
    own.makepyfile(
        """
        import logging, os, sys, threading

        def test_it():
            stopped, log = threading.Event(), logging.getLogger("of.a.thread")

            def talk():
                while not stopped.is_set():
                    log.warning("still there")

            thread = threading.Thread(target=talk, name="pytest-aicore talk")
            thread.start()
            for number in range(2000):
                print(number, os.environ["AICORE_CLIENT_SECRET"])
                if number == 1000:
                    log.warning("half of it")
            stopped.set()
            thread.join()
            log.warning("last of the test")
            log_of_end = threading.Thread(target=log.warning, args=("the end",), name="pytest-aicore end")
            log_of_end.start()
            log_of_end.join()
        """
    )
    result = own.runpytest_subprocess("-o", "log_cli=true", "--log-file=log.txt", "-p", "no:randomly")
    assert leaks(own.path, result) == []
    shown = [line.split()[-1] for line in result.outlines if "of.a.thread" in line]
    assert {*shown} == {"there", "it", "test", "end"}
    assert shown.index("there") < shown.index("it") < shown.index("test") < shown.index("end")
    logged = (own.path / "log.txt").read_text(encoding="utf-8")
    assert shown.count("there") == logged.count("still there")


@pytest.mark.parametrize("method", ["thread", "signal"])
def test_what_pytest_timeout_dumps_is_clean(own: pytest.Pytester, method: str) -> None:
    own.makepyfile(
        """
        import os, sys, threading, time

        import pytest

        SECRET = os.environ["AICORE_CLIENT_SECRET"]

        @pytest.mark.timeout(1, func_only=True)
        def test_it(aicore_client):
            threading.Thread(target=time.sleep, args=(30,), name="for " + SECRET, daemon=True).start()
            print("printed", SECRET)
            print("printed", SECRET, file=sys.stderr)
            os.write(1, f"written {SECRET}\\n".encode())
            time.sleep(30)
        """
    )
    result = own.runpytest_subprocess("--showlocals", f"--timeout-method={method}")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert leaks(own.path, result) == []
    printed = result.stdout.str()
    assert [seen for seen in ("Stack of for ***", "printed ***", "written ***") if seen not in printed] == []


def test_what_was_kept_for_the_live_log_is_written_by_one_thread_at_a_time() -> None:
    written: list[str] = []
    other_has_written = threading.Event()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.msg == "kept":
                other_has_written.wait(0.5)
            written.append(record.msg)

    def log(message: str) -> None:
        handler.handle(logging.LogRecord("log", logging.INFO, "file.py", 1, message, None, None))
        other_has_written.set()

    handler = Handler()
    live_log = LiveLog(handler)
    ours = threading.Thread(target=log, args=("kept",), name="pytest-aicore fleet")
    ours.start()
    ours.join()
    other_has_written.clear()
    assert written == []
    writing = threading.Thread(target=live_log.write, name="main")
    writing.start()
    theirs = threading.Thread(target=log, args=("at the same time",), name="of the test")
    theirs.start()
    writing.join()
    theirs.join()
    assert written == ["kept", "at the same time"]
    live_log.end()
    log("afterwards")
    assert written[-1] == "afterwards"


def test_a_secret_that_comes_later_is_hidden_too(pytester: pytest.Pytester) -> None:
    key = json.dumps({"clientsecret": SERVICE_KEY_SECRET})
    pytester.makepyfile(
        f"""
        import os

        def test_it(aicore_client, monkeypatch):
            monkeypatch.setenv("AICORE_SERVICE_KEY", {key!r})
            assert os.environ["AICORE_SERVICE_KEY"][18:-2] == ""
        """
    )
    result = pytester.runpytest("-p", "no:randomly")
    result.stdout.fnmatch_lines(["*assert '[*][*][*]' == ''"])


def test_a_secret_of_a_session_that_had_none_is_hidden(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRET_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    pytester.makeconftest(
        f"import pytest\n@pytest.fixture\ndef late(monkeypatch): monkeypatch.setenv('AICORE_CLIENT_SECRET', {OWN!r})\n"
    )
    pytester.makepyfile("import os\ndef test_it(late): assert os.environ['AICORE_CLIENT_SECRET'] == ''")
    result = pytester.runpytest("-p", "no:randomly", "-p", "no:hypothesispytest", "--no-showlocals")
    result.stdout.fnmatch_lines(["*assert '[*][*][*]' == ''"])
    assert OWN not in result.stdout.str()


def test_a_secret_that_a_conftest_loads_is_hidden(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {name: os.environ[name] for name in os.environ if name not in SECRET_VARIABLES})
    pytester.makeconftest(f"import os\nos.environ['AICORE_CLIENT_SECRET'] = {OWN!r}\n")
    pytester.makepyfile(
        """
        import os, pytest

        @pytest.mark.parametrize("x", [os.environ["AICORE_CLIENT_SECRET"]])
        def test_it(x): print(x)
        """
    )
    result = pytester.runpytest("-rA", "-p", "no:randomly", "-p", "no:hypothesispytest")
    result.assert_outcomes(passed=1)
    assert leaks(pytester.path / "none", result) == []


def _key() -> str:
    return json.dumps({"clientid": "sb-x", "clientsecret": SERVICE_KEY_SECRET, "url": "https://x", "y": "z" * 100})


@pytest.mark.parametrize("key", [_key(), base64.b64encode(_key().encode()).decode(), "Zq8vTn3LwRk7PmXc2HsJ="])
@pytest.mark.parametrize(
    "arguments",
    [["--aicore-service-keys={}"], ["{}"], ["test_it.py::{}"], ["--aicore-live={}"], ["-k", "{}"], ["addopts"]],
)
def test_no_usage_error_of_pytest_repeats_a_key(pytester: pytest.Pytester, key: str, arguments: list[str]) -> None:
    pytester.makepyfile(test_it="def test_it(): pass")
    if arguments == ["addopts"]:
        pytester.makeini(f'[pytest]\naddopts = "--servicekey={key.replace(chr(34), chr(92) + chr(34))}"\n')
        arguments = []
    result = pytester.runpytest(*(each.format(key) for each in arguments), "-p", "no:randomly")
    printed = result.stdout.str() + result.stderr.str()
    assert result.ret in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED)
    assert [part for part in (SERVICE_KEY_SECRET, key[:30], key[-30:]) if part in printed] == []


DAMAGED = {
    "in quotation marks": lambda key: f"'{key}'",
    "of Python": lambda key: repr(json.loads(key)),
    "escaped": lambda key: key.replace('"', '\\"'),
    "a variable": lambda key: f"AICORE_SERVICE_KEY='{key}'",
    "base64 with a name": lambda key: "base64:" + base64.b64encode(key.encode()).decode(),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_a_key_that_nobody_can_use_is_hidden_from_whoever_debugs_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, damage: Callable[[str], str]
) -> None:
    monkeypatch.setenv("AICORE_SERVICE_KEY", damage(_key()))
    pytester.makepyfile(
        f"""
        import os

        def test_environment(aicore_client): pass

        def test_debugged():
            environment, lines = dict(os.environ), os.environ["AICORE_SERVICE_KEY"].split(", ")
            secret = "-".join({SERVICE_KEY_SECRET.split("-")})
            print(os.environ, secret)
            assert environment == {{"secret": secret}}
        """
    )
    result = pytester.runpytest_subprocess(
        "--aicore-live", "--aicore-resource-group=team", "-vv", "--showlocals", "--junitxml=junit.xml"
    )
    result.assert_outcomes(failed=1, errors=1)
    assert leaks(pytester.path, result, SERVICE_KEY_SECRET) == []


def test_what_fails_in_collection_is_clean_although_nothing_is_of_ours(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("client_secret = 's3cr3t-of-a-test'\nraise ValueError(client_secret + ' client_secret=a1-b2')")
    result = pytester.runpytest("--showlocals", "-p", "no:randomly")
    assert "client_secret = '***'" in result.stdout.str()
    assert "client_secret=***" in result.stdout.str()


def test_everything_is_as_it_was_afterwards(own: pytest.Pytester) -> None:
    own.makepyfile("def test_it(aicore_client): pass")
    before = (warnings.showwarning, [logging.getLogger(name).filters[:] for name in LOGGERS])
    result = own.runpytest("-p", "no:randomly")
    result.assert_outcomes(passed=1)
    assert (warnings.showwarning, [logging.getLogger(name).filters for name in LOGGERS]) == before


def test_two_tests_whose_names_differ_by_a_secret_stay_two(own: pytest.Pytester) -> None:
    own.makepyfile(
        """
        import os, pytest

        @pytest.mark.parametrize("x", ["client_secret=a1-b2", "client_secret=c3-d4"])
        def test_id(x, request):
            assert x.startswith("client_secret=") and "***" in request.node.name
        """
    )
    result = own.runpytest("-v", "-p", "no:randomly")
    result.stdout.fnmatch_lines(
        ["*::test_id[[]client_secret=[*][*][*][]] PASSED*", "*::test_id[[]client_secret=[*][*][*]-2[]] PASSED*"]
    )


class _Refuses:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize("raises", [True, False], ids=["logging raises", "logging is silent"])
@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("%s %s", (OWN,)),
        ("%d", (OWN,)),
        ("%(a)s", ({"b": OWN},)),
        ("%s", (_Refuses(),)),
        ("none", (OWN, 1)),
        ("%s", (_Refuses(), OWN)),
    ],
    ids=["too few", "wrong type", "mapping without the name", "refuses", "too many", "refuses, too many"],
)  # fmt: skip
@pytest.mark.parametrize("logger", ["urllib3", "of.the.user"])
def test_a_bad_record_raises_nothing_into_the_code_under_test(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    logger: str, message: str, arguments: tuple[object, ...], raises: bool,
) -> None:  # fmt: skip
    from pytest_aicore.hooks.secrets import _Filter, _Formatter

    redact = Redactor(lambda: [OWN])
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter(logging.Formatter(), redact))
    monkeypatch.setattr(logging, "raiseExceptions", raises)
    log = logging.Logger(logger)
    log.addFilter(_Filter(redact))
    log.addHandler(handler)
    log.info(message, *arguments)
    written = capsys.readouterr().err
    assert OWN not in re.sub(r"(?m)^.*log\.info.*$", "", written)
    assert ("--- Logging error ---" in written) is raises  # whoever logs it hears of it


def test_what_allure_writes_is_clean() -> None:
    class Parameter:
        __attrs_attrs__ = ()

        def __init__(self, name: str, value: str) -> None:
            self.name, self.value = name, value

    written: list[object] = []
    write = _Clean(lambda *arguments: written.extend(arguments), Redactor(lambda: [OWN]))
    plain, named = Parameter("x", OWN), Parameter("password", "swordfish")
    write(f"a {OWN}".encode(), b"\xff\xd8", f"b {OWN}", [plain, named])
    assert written[:3] == [b"a ***", b"\xff\xd8", "b ***"]
    assert (plain.value, named.value) == ("***", "***")


def test_hiding_begins_once(pytestconfig: pytest.Config) -> None:
    assert hiding_of(pytestconfig) is hiding_of(pytestconfig)
