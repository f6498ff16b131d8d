"""Canaries: secrets planted wherever credentials may lie; live sessions that go wrong in every way; then a search.

The service is the server over real sockets, in another process. Its client secret is the canary that works, its tokens
are known by how JSON web tokens begin; all others stand beside it, unused.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.serve.servers import WORKFLOW, Program
from tests.prepared import start_pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.once

SEED = 9075310642
SECRET = f"emulated-{SEED}-secret"
CANARY = "cAnArY"
TOKEN = "eyJ"
SERVED: dict[str, dict[str, Any]] = {
    "flowers": {},
    "dying": {"outcome": "DEAD", "logs": ["Authorization: Bearer cAnArY-of-a-log", "RuntimeError: no"]},
    "endless": {"stuck_in": "RUNNING"},
}

TESTS = """
import json, logging, os, pathlib, signal, threading, time, warnings

import pytest

FLOWERS = pytest.mark.aicore("flowers", artifacts={"pictures": "ai://default/in"})
log = logging.getLogger("of.the.user")


@FLOWERS
def test_of_the_body(aicore_execution, aicore_client, aicore_environment):
    environment, client = dict(os.environ), aicore_client
    key = aicore_environment.service_key_file.read_text()
    token = client.rest_client.get_token()
    headers = {"Authorization": token, "Cookie": token}
    authenticator = vars(client.rest_client.get_token.__self__)
    log.debug("sent %s with %s", headers, key)
    print(key, token)
    assert {**environment, "token": token} == {"key": key}


@FLOWERS
def test_logged_exception(aicore_execution, aicore_client):
    token = aicore_client.rest_client.get_token()
    try:
        raise ValueError(f"refused: {token}")
    except ValueError:
        log.exception("it failed")
    print(aicore_client.rest_client.get_token(), aicore_execution.status)


def test_of_the_sdk(aicore_client):
    aicore_client.execution.get("e000000000000000")


def test_error_body_with_a_token(aicore_client):
    aicore_client.execution.query()


def test_no_connection(aicore_environment):
    client = make_client()
    client.rest_client.base_url = "http://127.0.0.1:9/v2/lm"
    client.rest_client.num_request_retries = 0
    client.execution.query()


def test_no_token(aicore_environment):
    client = make_client()
    authenticator = client.rest_client.get_token.__self__
    authenticator.url = "ftp://127.0.0.1:9/oauth/token"
    client.execution.query()


def make_client():
    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

    names = {"AUTH_URL", "CLIENT_ID", "CLIENT_SECRET", "CERT_STR", "KEY_STR", "CERT_FILE_PATH", "KEY_FILE_PATH"}
    arguments = {name.lower(): os.environ[f"AICORE_{name}"] for name in names if f"AICORE_{name}" in os.environ}
    client = AIAPIV2Client(base_url=os.environ["AICORE_BASE_URL"] + "/lm", **arguments)
    client.rest_client.get_token()
    return client


@pytest.mark.aicore("dying", artifacts={"pictures": "ai://default/in"})
def test_dead(aicore_execution): pass


@pytest.mark.aicore("endless", artifacts={"pictures": "ai://default/in"}, timeout=0.2)
def test_endless(aicore_execution): pass


OWN = os.environ.get("AICORE_CLIENT_SECRET") or os.environ.get("AICORE_SERVICE_KEY") or "client_secret=" + "n1-one"


@pytest.mark.xfail(reason=OWN)
def test_of_the_doors_expected(record_property, record_xml_attribute):
    record_property("nested", {"a": [OWN]})
    record_xml_attribute("attribute", OWN)
    warnings.warn(OWN)
    raise ValueError(OWN)


@pytest.mark.parametrize("own", [OWN])
def test_of_the_doors(own):
    pytest.skip(own)


def test_of_the_doors_thread():
    thread = threading.Thread(target=lambda: print(1 / 0, OWN), name=OWN)
    thread.start()
    thread.join()
    pytest.fail(OWN)


@pytest.mark.timeout(0.5)
def test_timeout_of_pytest(aicore_client):
    headers = {"Authorization": aicore_client.rest_client.get_token()}
    time.sleep(30)
"""
CRASH = {
    "crash": "    os._exit(3)\n",
    "abort": "    os.abort()\n",
    "timeout by thread": "    time.sleep(30)\n",
    "interrupt": (
        "    wait(headers['Authorization'], secret['client_secret'])\n\n"
        "def wait(token, secret):\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(30)\n"
    ),
    "terminate": "    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(30)\n",
}
LAST = """

{marker}
def test_last(aicore_client, request):
    headers = {{"Authorization": aicore_client.rest_client.get_token()}}
    log.debug("%s", headers)
    secret = vars(aicore_client.rest_client.get_token.__self__)
"""
BROKEN_TESTS = """
import os

own, environment = os.environ.get("AICORE_CLIENT_SECRET"), dict(os.environ)
raise ValueError(f"no tests because of {own}")
"""
BROKEN_PLUGIN = """
def pytest_runtest_logfinish(nodeid):
    import os
    environment, secret = dict(os.environ), os.environ["AICORE_CLIENT_SECRET"]
    if "test_last" in nodeid:
        raise RuntimeError("broken plugin")
"""
LOUD = (
    "-vv", "--showlocals", "--tb=long", "--log-level=DEBUG", "-o", "log_cli=true", "-rA",
    "--log-file=session.log", "--log-file-level=DEBUG", "--junitxml=junit.xml", "-o", "junit_logging=all",
    "--continue-on-collection-errors", "--setup-show", "--debug=trace.log",
    "--aicore-report=report.json", "--aicore-poll-interval=0.05", "--aicore-live", "--aicore-resource-group=default", "-p", "no:randomly",
    "-p", "no:hypothesispytest", "-p", "no:rerunfailures",
)  # fmt: skip


def pem(kind: str, canary: str) -> str:
    body = "\n".join((canary.replace("-", "") + "A" * 64)[:64] for _ in range(3))
    return f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n"


@dataclass
class Planted:
    """Where the credentials lie for one session."""

    environment: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server; its URL, and the folder of its workflows."""
    folder = tmp_path_factory.mktemp("served")
    workflows = folder / "workflows"
    workflows.mkdir()
    for name in SERVED:
        (workflows / f"{name}.yaml").write_text(WORKFLOW.replace("train-flowers", name), encoding="utf-8")
    key = folder / "key.json"
    arguments = (f"--seed={SEED}", "--pace=polls", "--allow-x509-over-http", f"--service-key-out={key}")
    with Program(*arguments, f"--workflows={workflows}") as program:
        url = program.url
        with program.client(key) as client:
            for name, script in SERVED.items():
                if script:
                    answer = client.ask("POST", "/__aicore__/scripts", {"executable": name, **script})
                    assert answer.status == 201, answer.text
            body = {"error": {"code": "1", "message": f"no: Bearer {CANARY}-of-a-body, access_token={CANARY}-too"}}
            fault = {"call": "execution.query", "status": 400, "body": body, "times": None}
            assert client.ask("POST", "/__aicore__/faults", fault).status == 201
        yield url, workflows


@pytest.fixture
def folder(pytester: pytest.Pytester, service: tuple[str, Path]) -> Path:
    """A project whose tests go wrong."""
    pytester.makeini("[pytest]\n")
    (pytester.path / "workflows").symlink_to(service[1])
    (pytester.path / "planted").mkdir()
    (pytester.path / "tmp").mkdir()
    pytester.makepyfile(test_it=TESTS, test_broken=BROKEN_TESTS)
    return pytester.path


def service_key(url: str, **credentials: Any) -> dict[str, Any]:
    client_id = f"sb-pytest-aicore-{SEED}!b1|aicore!b1"
    return {"clientid": client_id, "url": url, "serviceurls": {"AI_API_URL": url}, **credentials}


def decoys(planted: Path) -> dict[str, str]:
    """Plant secrets that are not used, in all the places that there are."""
    foreign = "https://foreign.invalid"
    key = json.dumps(service_key(foreign, clientsecret=f"{CANARY}-of-the-variable"))
    home = planted / "decoy-home"
    home.mkdir()
    config = {
        "AICORE_CLIENT_SECRET": f"{CANARY}-of-the-config",
        "AICORE_KEY_STR": pem("PRIVATE KEY", f"{CANARY}config"),
    }
    (home / "config.json").write_text(json.dumps(config))
    (planted / "decoy-key.pem").write_text(pem("RSA PRIVATE KEY", f"{CANARY}file"))
    vcap = {"aicore": [{"label": "aicore", "credentials": service_key(foreign, clientsecret=f"{CANARY}-of-vcap")}]}
    return {
        "AICORE_SERVICE_KEY": key,
        "AICORE_CLIENT_SECRET": f"{CANARY}-of-AICORE_CLIENT_SECRET",
        "AICORE_CERT_STR": pem("CERTIFICATE", f"{CANARY}certstr"),
        "AICORE_KEY_STR": pem("PRIVATE KEY", f"{CANARY}keystr").replace("\n", "\\n"),
        "AICORE_KEY_FILE_PATH": str(planted / "decoy-key.pem"),
        "AICORE_HOME": str(home),
        "VCAP_SERVICES": json.dumps(vcap),
    }


def plant(source: str, planted: Path, url: str) -> Planted:
    """Plant credentials that work, in one place."""
    key = service_key(url, clientsecret=SECRET)
    base = {"AICORE_BASE_URL": url, "AICORE_AUTH_URL": url, "AICORE_CLIENT_ID": key["clientid"]}
    cert, private = pem("CERTIFICATE", f"{CANARY}cert"), pem("PRIVATE KEY", f"{CANARY}key")
    file = planted / "key.json"
    if source == "service key":
        file.write_text(json.dumps(key))
        return Planted(decoys(planted), (f"--aicore-service-key={file}",))
    if source == "variables":
        return Planted({**base, "AICORE_CLIENT_SECRET": SECRET})
    if source == "AICORE_SERVICE_KEY":
        return Planted({"AICORE_SERVICE_KEY": json.dumps(key)})
    if source == "content in a variable":
        return Planted({"PYTEST_AICORE_SERVICE_KEY": base64.b64encode(json.dumps(key).encode()).decode()})
    if source == "profile":
        (planted / "config_mine.json").write_text(json.dumps({**base, "AICORE_CLIENT_SECRET": SECRET}))
        return Planted({"AICORE_HOME": str(planted), "AICORE_PROFILE": "mine"})
    if source == "VCAP_SERVICES":
        return Planted({"VCAP_SERVICES": json.dumps({"aicore": [{"label": "aicore", "credentials": key}]})})
    if source == "X.509 in a service key":
        x509 = service_key(url, certurl=url, certificate=cert, key=private)
        file.write_text(json.dumps(x509))
        return Planted(options=(f"--aicore-service-key={file}",))
    (planted / "cert.pem").write_text(cert)
    (planted / "key.pem").write_text(private)
    files = {"AICORE_CERT_FILE_PATH": str(planted / "cert.pem"), "AICORE_KEY_FILE_PATH": str(planted / "key.pem")}
    return Planted({**base, **files})


SOURCES = (
    "service key", "variables", "AICORE_SERVICE_KEY", "profile", "VCAP_SERVICES", "X.509 in a service key", "X.509 files",
    "content in a variable",
)  # fmt: skip


def run(folder: Path, planted: Planted, *options: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Run a session in a process of its own; return its exit status and all that it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AICORE_", "PYTEST_"))}
    # DEBUG is how the SDK is told to log payloads and answers.
    own = {**kept, "DEBUG": "true", "TMPDIR": str(folder / "tmp"), "HOME": str(folder / "tmp"), "COLUMNS": "200"}
    output = folder.with_name("printed.txt")
    process = start_pytest(
        [*LOUD, *planted.options, *options],
        cwd=folder,
        output=output,
        env={**own, **planted.environment, **(env or {})},
    )
    return process.wait(100), output.read_text(encoding="utf-8")


def leaks(folder: Path, printed: str) -> list[str]:
    """Return each line with a secret, in what was printed and in every file that nobody planted."""
    texts = {"what was printed": printed}
    for file in folder.rglob("*"):
        planted = {"planted", "workflows"} & {*file.relative_to(folder).parts} or file.suffix in (".py", ".pyc")
        if file.is_file() and not planted:
            texts[str(file.relative_to(folder))] = file.read_text(encoding="utf-8", errors="replace")
    return [
        f"{name}: {line[:300]}"
        for name, text in texts.items()
        for line in text.splitlines()
        if SECRET in line or CANARY in line or TOKEN in line
    ]


@pytest.mark.parametrize("source", SOURCES)
def test_no_canary_of_a_failing_session(folder: Path, service: tuple[str, Path], source: str) -> None:
    planted = plant(source, folder / "planted", service[0])
    # Where the credentials come from makes no difference to most tests.
    some = ("--full-trace",) if source == SOURCES[0] else ("-k", "of_the or logged or dead")
    status, printed = run(folder, planted, *some)
    assert status == 1, printed
    assert "aicore: LIVE (from --aicore-live), http://127.0.0.1:" in printed
    for seen in ("1 passed", "headers    = ", "Sending get request to", "of.the.user:", "POST /oauth/token HTTP/1.1"):
        assert seen in printed, seen  # it was loud enough
    report = json.loads((folder / "report.json").read_text())
    assert (report["mode"], report["host"]) == ("live", service[0])
    assert "program failed" in [cause["name"] for each in report["runs"] for cause in each["diagnosis"]]
    assert "no tests because of" in printed
    assert "aicore_execution_id" in (folder / "junit.xml").read_text()
    assert "opened" in (folder / ".pytest_cache" / "aicore" / "ledger.jsonl").read_text()
    assert leaks(folder, printed) == []


@pytest.mark.parametrize("way", CRASH)
def test_no_canary_of_a_crashing_session(folder: Path, service: tuple[str, Path], way: str) -> None:
    marker = "@pytest.mark.timeout(0.5, method='thread')" if way == "timeout by thread" else ""
    tests = TESTS.split("def test_no_connection")[0] + LAST.format(marker=marker) + CRASH[way]
    (folder / "test_it.py").write_text(tests.replace(", aicore_environment", "").replace("key = aicore", "key = '' # "))
    planted = plant("service key", folder / "planted", service[0])
    status, printed = run(folder, planted, "--full-trace", "-k", "sdk or last")
    assert status not in (0, 5), printed
    assert "test_last" in printed
    assert leaks(folder, printed) == []


def test_no_canary_of_a_broken_plugin(folder: Path, service: tuple[str, Path]) -> None:
    (folder / "test_it.py").write_text(TESTS + LAST.format(marker=""))
    (folder / "conftest.py").write_text(BROKEN_PLUGIN)
    status, printed = run(folder, plant("variables", folder / "planted", service[0]), "--full-trace", "-k", "last")
    assert status == pytest.ExitCode.INTERNAL_ERROR
    assert "INTERNALERROR> secret     = " in printed
    assert leaks(folder, printed) == []


def test_no_canary_under_xdist(folder: Path, service: tuple[str, Path]) -> None:
    (folder / "test_it.py").write_text(TESTS + LAST.format(marker="") + CRASH["abort"])
    planted = plant("service key", folder / "planted", service[0])
    status, printed = run(folder, planted, "-n2", "--max-worker-restart=0", "-k", "not no_")
    assert status == 1, printed
    assert "crashed while running 'test_it.py::test_last'" in printed
    executions = [each["execution_id"] for each in json.loads((folder / "report.json").read_text())["runs"]]
    assert len(executions) == len(set(executions)) >= 3
    assert leaks(folder, printed) == []
