"""What a test is told when other libraries than `requests`, or other processes, ask for AI Core's hosts or the network."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.prepared import run_unprepared

if TYPE_CHECKING:
    from collections.abc import Callable

REFUSED = (
    "api.ai.aicore.invalid is a host of SAP AI Core. In this process the emulator answers only the library requests, "
    "which SAP's SDKs use. For other libraries and other processes add the fixture aicore_server to the "
    "test: its url, and then also the variables of aicore_environment, lead to the same emulator."
)
BLOCKED = (
    "Looking up 'shop.example' would have reached the network, which aicore_block_network = true forbids (loopback "
    "addresses stay open). Answer it with a stub, or allow it by removing that setting."
)
BLOCK = ("-o", "aicore_block_network=true")
ASKS = """
import os, urllib.request

def scenarios():
    return urllib.request.urlopen(os.environ["AICORE_BASE_URL"] + "/lm/scenarios", timeout=5)
"""


def section(result: pytest.RunResult) -> list[str]:
    """Return the rows of the failed test's section, unwrapped."""
    lines = result.outlines
    begin = next(number for number, line in enumerate(lines) if line.strip("- ") == "SAP AI Core")
    rows: list[str] = []
    for line in lines[begin + 1 :]:
        if line.startswith(("---", "===", "___")):
            break
        label, text = line[:15].strip(), line[15:].strip()
        if label:
            rows.append(f"{label}: {text}")
        elif rows and text:
            rows[-1] += f" {text}"
    return rows


def test_another_library_fails_with_the_way_out(project: pytest.Pytester) -> None:
    project.makepyfile(ASKS + "\ndef test_it(aicore_environment): scenarios()\n")
    result = project.runpytest_inprocess("--tb=short", "-rN")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E * urllib.error.URLError: <urlopen error *{REFUSED}>"])
    assert f"incident: {REFUSED}" in section(result)
    result.stdout.no_fnmatch_line("*network.py*")  # the traceback ends where Python was asked


def test_a_swallowed_refusal_fails_the_test(message: Callable[[str], str]) -> None:
    source = ASKS + "\ndef test_it(aicore_environment):\n    try: scenarios()\n    except OSError: pass\n"
    assert message(source).startswith(REFUSED)


def test_with_the_server_every_library_and_process_is_answered(project: pytest.Pytester) -> None:
    pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")
    project.makepyfile(asking=ASKS)
    project.makepyfile(
        """
import json, os, subprocess, sys
import pytest
from urllib.error import HTTPError
from asking import scenarios

def test_it(aicore_environment, aicore_server, aicore_client):
    assert os.environ["AICORE_BASE_URL"] == aicore_server.url + "/v2"
    assert os.environ["AICORE_AUTH_URL"] == aicore_server.url + "/oauth/token"
    key = json.loads(aicore_environment.service_key_file.read_text())
    assert (key["url"], key["serviceurls"]) == (aicore_server.url, {name: aicore_server.url for name in ("AI_API_URL", "ML_API_URL")})
    with pytest.raises(HTTPError, match="401"):
        scenarios()
    code = "import asking; asking.scenarios()"
    assert b"HTTP Error 401" in subprocess.run([sys.executable, "-c", code], capture_output=True).stderr
    assert aicore_client.scenario.query().resources
    assert sorted({record.status for record in aicore_server.emulator.requests}) == [200, 401]

def test_without(aicore_environment):
    assert os.environ["AICORE_BASE_URL"] == "https://api.ai.aicore.invalid/v2"
    assert "NO_PROXY" not in os.environ  # there is no proxy to keep away from
"""
    )
    project.syspathinsert()
    project.runpytest_inprocess().assert_outcomes(passed=2)


def test_the_emulators_hosts_are_not_asked_of_the_machines_proxy(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    project.makepyfile(
        ASKS
        + f"""
import pytest

def test_it(aicore_environment, aicore_emulator):
    with pytest.raises(OSError) as raised:
        scenarios()
    assert {REFUSED!r} in str(raised.value)
    assert len(aicore_emulator.take_incidents()) == 1
    assert os.environ["NO_PROXY"] == "intranet.example,api.ai.aicore.invalid,emulator.authentication.aicore.invalid"

def test_afterwards():
    assert os.environ["NO_PROXY"] == "intranet.example" and "no_proxy" not in os.environ
"""
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


@pytest.mark.parametrize("swallow", [True, False])
def test_a_blocked_network_is_blocked_for_imports_too(project: pytest.Pytester, swallow: bool) -> None:
    code = "    socket.getaddrinfo('shop.example', 443)"
    ask = f"try:\n{code}\nexcept OSError:\n    pass" if swallow else f"if True:\n{code}"
    project.makepyfile(test_a=f"import socket\n{ask}\ndef test_a(): pass", test_b="def test_b(): pass")
    result = project.runpytest_inprocess(*BLOCK, "-rN", "--continue-on-collection-errors")
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["*_ ERROR collecting test_a.py _*", f"*{BLOCKED}"])


@pytest.mark.parametrize("where", ["session", "function", "teardown"])
def test_a_blocked_network_is_blocked_for_fixtures(project: pytest.Pytester, where: str) -> None:
    asks = "    try: socket.getaddrinfo('shop.example', 443)\n    except OSError: pass\n"
    body = f"    yield\n{asks}" if where == "teardown" else f"{asks}    yield\n"
    scope = "function" if where == "teardown" else where
    project.makepyfile(
        f"import socket, pytest\n@pytest.fixture(scope={scope!r})\ndef data():\n{body}\ndef test_it(data): pass\n"
    )
    result = project.runpytest_inprocess(*BLOCK, "-rN")
    assert result.ret == 1
    result.stdout.fnmatch_lines([BLOCKED])


def test_after_the_session_the_network_is_open(project: pytest.Pytester) -> None:
    before = vars(socket.socket).get("connect")
    project.makepyfile("def test_it(): pass")
    project.runpytest_inprocess(*BLOCK).assert_outcomes(passed=1)
    assert vars(socket.socket).get("connect") is before
    sys.audit("socket.getaddrinfo", "shop.example", 443, 0, 0, 0)


PROCESSES = """
import asyncio, os, platform, subprocess, sys

def start():
    subprocess.run([sys.executable, "-c", ""], check=True)

async def start_in_a_loop():
    await (await asyncio.create_subprocess_exec("true")).wait()

def test_internal():
    platform.processor()  # asks uname

def test_starts():
    start()

def test_starts_again():
    start()
    os.system("true")
    asyncio.run(start_in_a_loop())
"""


def test_processes_that_may_pass_the_block_are_named_once(project: pytest.Pytester) -> None:
    project.makepyfile(PROCESSES)
    result = project.runpytest_inprocess(*BLOCK, "-W", "error")
    result.assert_outcomes(passed=3, warnings=2)
    said = "aicore_block_network does not reach into other processes"
    told = [line.partition("NetworkWarning: ")[2] for line in result.outlines if "NetworkWarning: " in line]
    python = Path(sys.executable).name
    assert told == [f"{said}: '{python}'.", f"{said}: 'sh', 'true'."]
    open_network = project.runpytest_inprocess("-W", "error")
    open_network.assert_outcomes(passed=3)


@pytest.mark.parametrize("leads", [True, False])
def test_a_failed_test_that_led_another_process_to_ai_core_gets_a_hint(project: pytest.Pytester, leads: bool) -> None:
    environment = "None" if leads else "{}"
    project.makepyfile(
        f"""
        import subprocess, sys

        def test_it(aicore_environment):
            subprocess.run([sys.executable, "-c", "import sys; sys.exit(3)"], check=True, env={environment})
        """
    )
    result = project.runpytest_inprocess("-rN")
    result.assert_outcomes(failed=1)
    python = Path(sys.executable).name
    hint = f"hint: This test started '{python}', and the emulator is not in other processes. Give them the URL of the"
    if leads:
        assert section(result) == [f"{hint} fixture aicore_server."]
    else:
        assert hint not in result.stdout.str()


def test_a_package_that_python_cannot_watch_is_named(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycurl", sys)
    project.makepyfile(
        "def test_fails(aicore_environment): assert 0\ndef test_passes(): pass\ndef test_fails_again(): assert 0"
    )
    result = project.runpytest_inprocess("-rN")
    result.assert_outcomes(passed=1, failed=2)
    hint = "'pycurl' may ask for AI Core's hosts in ways that Python cannot watch. Give them the URL of the fixture"
    assert section(result) == [f"hint: {hint} aicore_server."]
    assert result.stdout.str().count("may ask for AI Core's hosts") == 1
    blocked = project.runpytest_inprocess(*BLOCK, "-k", "passes")
    blocked.assert_outcomes(passed=1, deselected=2, warnings=1)
    blocked.stdout.fnmatch_lines(
        ["*NetworkWarning: aicore_block_network does not reach into packages that Python cannot watch: 'pycurl'."]
    )


def test_who_uses_nothing_of_ours_gets_no_audit_hook(project: pytest.Pytester) -> None:
    project.makeconftest(
        "import sys\nhooks = []\nsys.addaudithook = hooks.append\n"
        "def pytest_terminal_summary(terminalreporter): terminalreporter.line(f'hooks: {len(hooks)}')"
    )
    project.makepyfile(test_it="def test_it(): pass", test_ours="def test_it(aicore_emulator): pass")
    for file, count in (("test_it.py", 0), ("test_ours.py", 1)):
        result = run_unprepared(project, file)
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines([f"hooks: {count}"])
