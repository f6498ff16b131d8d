"""The fixture `aicore_server`: the test's emulator, for code in other processes."""

from __future__ import annotations

import shutil

import pytest

from tests.places import WORKFLOWS

pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")

CODE_UNDER_TEST = """
import json, sys, urllib.parse, urllib.request

key = json.load(open(sys.argv[1]))
form = {"grant_type": "client_credentials", "client_id": key["clientid"], "client_secret": key["clientsecret"]}
answer = urllib.request.urlopen(key["url"] + "/oauth/token", urllib.parse.urlencode(form).encode())
token = json.load(answer)["access_token"]
request = urllib.request.Request(
    key["serviceurls"]["AI_API_URL"] + "/v2/lm/executions?status=DEAD",
    headers={"Authorization": "Bearer " + token, "AI-Resource-Group": "default"},
)
print([execution["id"] for execution in json.load(urllib.request.urlopen(request))["resources"]])
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with the workflows of this repository."""
    pytester.makeini("[pytest]\naddopts = -p no:randomly -p no:cacheprovider\nfilterwarnings = error")
    shutil.copytree(WORKFLOWS, pytester.path / "workflows", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    pytester.makepyfile(asks_aicore=CODE_UNDER_TEST)
    return pytester


def test_another_process_sees_what_the_test_did(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_it="""
        import json, subprocess, sys
        import pytest

        @pytest.mark.parametrize("number", [1, 2])
        @pytest.mark.aicore(
            "training_workflow_tutorial.yaml", artifacts={"text-data": "ai://default/data"}, expect="DEAD"
        )
        def test_it(number, aicore_emulator, aicore_server, aicore_run):
            aicore_emulator.script(outcome="DEAD")
            execution = aicore_run().execution
            assert aicore_server.url.startswith("http://127.0.0.1:")
            assert json.loads(aicore_server.service_key_file.read_text()) == aicore_server.service_key
            assert aicore_server.service_key_file.stat().st_mode & 0o077 == 0
            command = [sys.executable, "asks_aicore.py", str(aicore_server.service_key_file)]
            seen = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            assert seen == f"[{execution.id!r}]\\n"
            assert aicore_emulator.requests[-1].path == "/v2/lm/executions?status=DEAD"
        """
    )
    project.runpytest_subprocess().assert_outcomes(passed=2)


POLLS = """
import json, sys, time, urllib.parse, urllib.request
key = json.load(open(sys.argv[1]))
form = {"grant_type": "client_credentials", "client_id": key["clientid"], "client_secret": key["clientsecret"]}
answer = urllib.request.urlopen(key["url"] + "/oauth/token", urllib.parse.urlencode(form).encode())
headers = {"Authorization": "Bearer " + json.load(answer)["access_token"], "AI-Resource-Group": "default"}
for _ in range(4):
    request = urllib.request.Request(key["url"] + "/v2/lm/executions/" + sys.argv[2], headers=headers)
    print(json.load(urllib.request.urlopen(request))["status"])
    time.sleep(0.02)
"""


def test_time_passes_at_a_pace_for_other_processes(project: pytest.Pytester) -> None:
    project.makepyfile(polls_aicore=POLLS)
    project.makepyfile(
        test_it="""
        import subprocess, sys
        import pytest
        from pytest_aicore.errors import EmulatorError

        pytestmark = pytest.mark.aicore(
            "training_workflow_tutorial.yaml", artifacts={"text-data": "ai://default/data"}, fresh=True
        )

        def statuses(server, client, configuration):
            execution = client.execution.create(configuration.id)
            command = [sys.executable, "polls_aicore.py", str(server.service_key_file), execution.id]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()

        @pytest.mark.parametrize(
            ("pace", "expected"),
            [("polls", ["UNKNOWN", "PENDING", "RUNNING", "COMPLETED"]), ("instant", ["COMPLETED"] * 4)],
        )
        def test_steps(pace, expected, aicore_server, aicore_client, aicore_configuration):
            aicore_server.pace = pace
            assert aicore_server.pace == pace
            assert statuses(aicore_server, aicore_client, aicore_configuration) == expected

        def test_scaled(aicore_server, aicore_client, aicore_configuration, aicore_emulator):
            aicore_server.pace = "100000x"
            began = aicore_emulator.now
            assert statuses(aicore_server, aicore_client, aicore_configuration)[-1] == "COMPLETED"
            assert (aicore_emulator.now - began).total_seconds() > 60

        def test_the_next_test_has_none(aicore_server, aicore_emulator):
            assert aicore_server.pace is None
            assert aicore_emulator.pace == {}
            with pytest.raises(EmulatorError, match="unknown pace"):
                aicore_server.pace = "slow"
        """
    )
    project.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=4)


def test_what_is_unknown_over_http_fails_the_test(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_it="""
        import http.client

        def test_it(aicore_server):
            connection = http.client.HTTPConnection("127.0.0.1", aicore_server.port)
            connection.request("GET", "/v2/lm/artefacts")
            assert connection.getresponse().read()
            connection.close()
        """
    )
    result = project.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["The emulator does not know GET /v2/lm/artefacts. Did you mean*"])


def test_without_the_extra_it_says_what_to_install(project: pytest.Pytester) -> None:
    project.makepyfile(test_it="def test_it(aicore_server): pass")
    project.makeconftest("import sys\nsys.modules['waitress'] = None")
    result = project.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["The server needs the package waitress, which is not installed: pip install 'pytest-aicore[[]server[]]'"]
    )
    assert "Traceback" not in result.stdout.str()


def test_the_real_service_is_not_served(project: pytest.Pytester) -> None:
    project.makepyfile(test_it="def test_it(aicore_server): pass")
    project.runpytest_subprocess("--aicore-live", "--aicore-resource-group=default").assert_outcomes(skipped=1)
