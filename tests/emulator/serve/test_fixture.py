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
