"""Forked processes have a copy of everything: what they do with it is refused, and never mistaken for the test's own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes can be forked")

HEAD = """
import concurrent.futures, ctypes, json, logging, multiprocessing, os, signal, sys, threading, time
import pytest, requests
from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

pytestmark = pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})
FORK = multiprocessing.get_context("fork")

def by_fork(work, fork=os.fork):
    child = fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def by_fork_in_c(work):
    return by_fork(work, ctypes.PyDLL(None).fork)

def by_multiprocessing(work):
    process = FORK.Process(target=work)
    process.start()
    process.join()
    return process.exitcode

def swallowing(work):
    def inner():
        try:
            work()
        except Exception as error:
            print(type(error).__name__, error, file=sys.stderr)
    return inner
"""


WAYS = ("fork", "c", "multiprocessing")
REAL = "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com/v2/lm/executions"
ABSENCE = (
    "the emulator is in the process that runs the test, and this came from one that was forked from it. Ask for the"
    " fixture aicore_server, and give the other process its url and service_key: it serves the emulator over HTTP."
)


def test_what_a_forked_process_asks_the_emulator_fails_the_test(project: pytest.Pytester) -> None:
    project.makepyfile(
        HEAD
        + """
WAYS = {"fork": by_fork, "c": by_fork_in_c, "multiprocessing": by_multiprocessing}

@pytest.mark.parametrize("way", WAYS)
def test_call(aicore_execution, way):
    WAYS[way](swallowing(lambda: requests.get("https://api.ai.aicore.invalid/v2/lm/executions", timeout=5)))

def test_client_of_its_own(aicore_environment):
    variables = aicore_environment.variables
    def work():
        client = AIAPIV2Client(
            base_url=variables["AICORE_BASE_URL"] + "/lm", auth_url=variables["AICORE_AUTH_URL"],
            client_id=variables["AICORE_CLIENT_ID"], client_secret=variables["AICORE_CLIENT_SECRET"],
        )
        client.execution.query(resource_group="default")
    by_fork(swallowing(work))

def test_real_host(aicore_client):
    by_fork(swallowing(lambda: requests.get("REAL", timeout=5)))

def test_run(aicore_run):
    by_fork(swallowing(lambda: aicore_run().execution))

@pytest.mark.parametrize("what", ["fault", "script", "publish"])
def test_emulator(aicore_emulator, what):
    work = {
        "fault": lambda: aicore_emulator.fault("execution.get", status=503),
        "script": lambda: aicore_emulator.script(outcome="DEAD"),
        "publish": lambda: aicore_emulator.withdraw("text-clf-train-tutorial"),
    }
    by_fork(swallowing(work[what]))

def test_while_a_thread_is_answered(aicore_emulator, aicore_client):
    taken, done = threading.Event(), threading.Event()
    def hold():
        with aicore_emulator.lock:
            taken.set()
            done.wait()
    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()
    by_fork(swallowing(lambda: requests.get("https://api.ai.aicore.invalid/v2/lm/scenarios", timeout=5)))
    by_fork(swallowing(lambda: aicore_emulator.create_resource_group("another")))
    done.set()
    thread.join()

def test_network(aicore_client):
    by_fork(swallowing(lambda: requests.get("http://example.invalid/", timeout=5)))

def test_the_next_test_is_not_blamed(aicore_client):
    assert aicore_client.execution.query().count == 1  # the one that tests share
""".replace("REAL", REAL)
    )
    result = project.runpytest_subprocess("-o", "aicore_block_network=true", timeout=60)
    result.assert_outcomes(failed=11, passed=1)
    text = result.stdout.str()
    api = "https://api.ai.aicore.invalid/v2/lm"
    assert text.count(f"GET {api}/executions was not answered: {ABSENCE}") >= len(WAYS)
    assert f"GET {api}/scenarios was not answered: {ABSENCE}" in text
    assert f"GET {REAL} was not answered: {ABSENCE}" in text
    token = "https://emulator.authentication.aicore.invalid/oauth/token"
    assert f"POST {token} was not answered: {ABSENCE}" in text
    assert text.count(f"\nThe emulator cannot be used here: {ABSENCE}") >= 5
    assert (
        "GET http://example.invalid/ would have reached the network, which aicore_block_network = true forbids." in text
    )


def test_what_a_forked_process_touches_unasked_works(project: pytest.Pytester) -> None:
    project.makepyfile(
        HEAD
        + """
def logging_and_sleeping():
    logging.getLogger("urllib3").warning("a secret: client_secret=%s", "abcdefgh")
    began = time.monotonic()
    time.sleep(0.05)
    assert 0.04 < time.monotonic() - began < 60
    assert time.time() > 1_750_000_000  # the machine's
    with pytest.raises(requests.ConnectionError, match="refused"):
        requests.get("http://127.0.0.1:9/", timeout=5)

def test_forked(aicore_clock, aicore_client, aicore_emulator):
    time.sleep(3600)
    aicore_client.execution.query()
    held = threading.Event()
    def work():
        logging_and_sleeping()
        with pytest.raises(Exception, match="aicore_clock works only in the process that runs the test"):
            aicore_clock.advance(3600)
    process = FORK.Process(target=work)
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert aicore_clock.elapsed == 3600

def start(service_key):
    client = AIAPIV2Client(
        base_url=service_key["serviceurls"]["AI_API_URL"] + "/v2/lm", auth_url=service_key["url"] + "/oauth/token",
        client_id=service_key["clientid"], client_secret=service_key["clientsecret"], resource_group="default",
    )
    return client.execution.create(service_key["configuration"]).id

def test_server_answers_forked_processes(aicore_server, aicore_configuration, aicore_client, aicore_emulator):
    asked = {**aicore_server.service_key, "configuration": aicore_configuration.id}
    with aicore_emulator.recording() as calls:
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=FORK) as pool:
            ids = set(pool.map(start, [asked] * 2))
    assert len(ids) == 2
    assert aicore_client.execution.query().count == 2
    with pytest.raises(AssertionError):
        calls.assert_no_duplicate_execution()
"""
    )
    result = project.runpytest_subprocess("-W", "ignore::DeprecationWarning", timeout=60)
    result.assert_outcomes(passed=2)


def test_forked_process_that_comes_back_into_pytest_takes_nothing_away(project: pytest.Pytester) -> None:
    project.makepyfile(
        HEAD
        + """
def test_forks(aicore_environment, aicore_server, aicore_execution):
    child = os.fork()
    if child == 0:
        sys.exit(3)  # pytest takes it for a failed test, as it does any exception, and goes on
    else:
        os.waitpid(child, 0)
        assert aicore_environment.service_key_file.exists()
        assert aicore_server.service_key_file.exists()
        assert requests.get(aicore_server.url, timeout=5).status_code
        assert not os.path.exists("report.json")
        assert not os.path.exists("output.json")
"""
    )
    result = project.runpytest_subprocess("--aicore-report=report.json", "--aicore-output=output.json", timeout=60)
    assert result.ret == 0
    assert json.loads((project.path / "report.json").read_text())["exit_status"] == 0
    assert len(json.loads((project.path / "output.json").read_text())["artifacts"]) == 1


FORKING = """
import os, pickle
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    # As pytest-forked does it.
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        hook = item.config.hook
        reports = [
            hook.pytest_report_to_serializable(config=item.config, report=report)
            for report in runtestprotocol(item, log=False, nextitem=nextitem)
        ]
        with os.fdopen(writing, "wb") as file:
            pickle.dump(reports, file)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        reports = pickle.load(file)
    os.waitpid(child, 0)
    for data in reports:
        report = item.config.hook.pytest_report_from_serializable(config=item.config, data=data)
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""


@pytest.fixture
def forking(project: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """A function that runs tests offline, each in a process that is forked for it."""

    def run(source: str, *arguments: str) -> pytest.RunResult:
        project.makeconftest(FORKING)
        project.makepyfile(HEAD + source)
        return project.runpytest_subprocess(*arguments, timeout=60)

    return run


def test_tests_that_a_plugin_forks_have_an_emulator_each(forking: Callable[..., pytest.RunResult]) -> None:
    result = forking(
        """
def test_one(aicore_execution, aicore_client, aicore_emulator):
    aicore_emulator.script(outcome="DEAD")
    assert aicore_client.execution.query().count == 1

def test_another(aicore_execution, aicore_clock):
    time.sleep(3600)
    assert aicore_clock.elapsed == 3600

def test_forks_in_turn(aicore_client):
    by_fork(swallowing(aicore_client.execution.query))
"""
    )
    result.assert_outcomes(passed=2, failed=1)
    assert ABSENCE in result.stdout.str()
