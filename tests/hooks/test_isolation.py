"""One test apart from the next, the door, and what the emulator cannot answer."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Message = Callable[..., str]

ARTIFACT = """
import pytest
import requests
from ai_api_client_sdk.models.artifact import Artifact

def artifact(client, name="mine"):
    return client.artifact.create(
        name=name, kind=Artifact.Kind.DATASET, url="ai://default/x", scenario_id="text-clf-tutorial"
    )

def names(client):
    return sorted(each.name for each in client.artifact.query().resources)
"""
HOST = "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com"


def test_what_a_test_makes_is_gone_after_it(project: pytest.Pytester) -> None:
    project.makepyfile(
        ARTIFACT
        + """
@pytest.mark.parametrize("time", [1, 2])
def test_it(aicore_client, time):
    assert names(aicore_client) == []
    artifact(aicore_client)
    assert names(aicore_client) == ["mine"]
"""
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


def test_what_a_function_fixture_makes_is_gone_after_the_test(project: pytest.Pytester) -> None:
    project.makepyfile(
        ARTIFACT
        + """
@pytest.fixture(autouse=True)
def registered(aicore_client):
    artifact(aicore_client)
    yield
    assert names(aicore_client) == ["body", "mine"]  # the rollback comes after a fixture's own end

@pytest.mark.parametrize("time", [1, 2])
def test_it(aicore_client, time):
    artifact(aicore_client, "body")
"""
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


@pytest.mark.parametrize("scope", ["class", "module", "package", "session"])
def test_what_a_wider_fixture_makes_stays_as_long_as_the_fixture(project: pytest.Pytester, scope: str) -> None:
    project.makepyfile(
        ARTIFACT
        + f"""
@pytest.fixture(scope="{scope}")
def registered(aicore_client):
    artifact(aicore_client, "wide")
    yield
    assert names(aicore_client) == ["wide"]

class TestIt:
    @pytest.mark.parametrize("time", [1, 2])
    def test_it(self, tmp_path, registered, aicore_client, time):
        assert names(aicore_client) == ["wide"]
        artifact(aicore_client)
"""
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


def test_wider_fixture_that_is_asked_for_in_the_middle_of_a_test(project: pytest.Pytester) -> None:
    project.makepyfile(
        ARTIFACT
        + """
@pytest.fixture(scope="module")
def registered(aicore_client):
    return artifact(aicore_client, "wide")

def test_first(aicore_client, request):
    artifact(aicore_client)
    request.getfixturevalue("registered")
    assert names(aicore_client) == ["mine", "wide"]

def test_second(aicore_client, registered):
    assert names(aicore_client) == ["wide"]
"""
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


def test_scripts_and_faults_of_a_wider_fixture_end_with_it(project: pytest.Pytester) -> None:
    head = """
        import pytest

        pytestmark = pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})
        """
    project.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def no_deployments(aicore_emulator):
            aicore_emulator.fault("deployment.query", status=501, times=None)
        """
    )
    bad_tenant = """
        @pytest.fixture(scope="module", params=["DEAD", "STOPPED"])
        def tenant(request, aicore_emulator):
            request.getfixturevalue("no_deployments")
            aicore_emulator.script(outcome=request.param)
            aicore_emulator.fault("scenario.query", status=501, times=None)
            yield request.param

        def test_it(tenant, aicore_client, aicore_run):
            assert aicore_run(expect=None).execution.status.value == tenant
            with pytest.raises(Exception):
                aicore_client.scenario.query()
        """
    project.makepyfile(
        test_1=head + bad_tenant,
        test_2=head
        + """
        def test_plain(aicore_execution, aicore_client):
            assert aicore_client.scenario.query().resources
            with pytest.raises(Exception):
                aicore_client.deployment.query()
        """,
    )
    result = project.runpytest_inprocess("-p", "no:randomly", "test_1.py", "test_2.py")
    result.assert_outcomes(passed=3)


def test_scripts_and_faults_are_rolled_back(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})

        def test_scripted(aicore_emulator, aicore_run):
            aicore_emulator.script(outcome="DEAD")
            aicore_emulator.fault("scenario.query", status=503, times=None)
            assert aicore_run(expect="DEAD").execution

        def test_plain(aicore_execution, aicore_client):
            assert aicore_client.scenario.query().resources
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


def test_two_tests_may_script_in_contradicting_ways(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})

        @pytest.mark.parametrize("outcome", ["DEAD", "STOPPED", "COMPLETED"])
        def test_it(aicore_emulator, aicore_run, outcome):
            aicore_emulator.script(outcome=outcome)
            assert aicore_run(expect=outcome).execution
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=3)


def test_script_markers_of_class_and_function_add_up(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        pytestmark = [
            pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"}, expect=None),
            pytest.mark.aicore_script(outcome="DEAD", logs=["from the module"]),
        ]

        @pytest.mark.aicore_script(outcome="STOPPED")
        def test_nearer_wins_field_by_field(aicore_execution):
            assert aicore_execution.status.value == "STOPPED"
            assert "from the module" in aicore_execution.logs

        @pytest.mark.aicore_script(executable="churn-train", outcome="COMPLETED")
        def test_another_target_is_another_script(aicore_execution, aicore_run):
            assert aicore_execution.status.value == "DEAD"
            churn = aicore_run("churn-train", artifacts={"contracts": "ai://default/x"})
            assert churn.execution.status.value == "COMPLETED"
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


OTHER_FOLDER = """
import json
import pytest
import requests

ADMIN = "https://api.ai.aicore.invalid/v2/admin/dockerRegistrySecrets"

def headers(client):
    return {"Authorization": client.rest_client.get_token(), "AI-Resource-Group": "default"}

@pytest.fixture(autouse=True)
def sees(request, aicore_client, tmp_path_factory):
    yield
    scenarios = [each.id for each in aicore_client.scenario.query().resources]
    mine = aicore_client.executable.query("elsewhere").resources if "elsewhere" in scenarios else []
    secrets = requests.get(ADMIN, headers=headers(aicore_client)).json()
    seen = [scenarios, [(each.id, str(each.created_at)) for each in mine], secrets["resources"]]
    with open("seen.jsonl", "a") as file:
        file.write(json.dumps([request.node.name, seen]) + "\\n")

BOUND = {"artifacts": {"text-data": "ai://default/data"}}

def test_none(): pass

@pytest.mark.aicore("others/other.yaml", **BOUND)
def test_marked(): pass

@pytest.mark.aicore("others/other.yaml", **BOUND)
def test_shared(aicore_execution): pass

@pytest.mark.aicore("others/other.yaml", fresh=True, **BOUND)
def test_own(aicore_execution): pass

@pytest.mark.aicore("others/other.yaml", **BOUND)
def test_shared_again(aicore_execution):
    assert len(aicore_execution.output_artifacts) == 1

def test_asked_for(aicore_run):
    assert aicore_run("others/other.yaml", **BOUND).execution.status.value == "COMPLETED"

@pytest.mark.aicore("others/other.yaml")
@pytest.mark.aicore_script(executable="other-training", outcome="DEAD")
def test_scripted(): pass
"""


def test_what_a_test_sees_does_not_depend_on_the_workflows_of_others(project: pytest.Pytester) -> None:
    """A workflow outside the folder is there for the tests that name it, with all that it brings along."""
    text = (project.path / "workflows" / "training_workflow_tutorial.yaml").read_text()
    for before, after in (
        ("  name: text-clf-train-tutorial", "  name: other-training"),
        ("text-clf-tutorial", "elsewhere"),
        ("docker-registry-secret", "other-registry"),
    ):
        assert before in text
        text = text.replace(before, after)
    (project.path / "others").mkdir()
    (project.path / "others" / "other.yaml").write_text(text)
    (project.path / "pytest.ini").write_text("[pytest]\naicore_emulator_start = 2026-01-01T00:00:00Z\n")
    project.makepyfile(OTHER_FOLDER)
    names = re.findall(r"def (test_\w+)", OTHER_FOLDER)
    seen: list[dict[str, object]] = []
    for order in (names, names[::-1], names[3:] + names[:3], *([name] for name in names)):
        (project.path / "seen.jsonl").unlink(missing_ok=True)
        module = "test_what_a_test_sees_does_not_depend_on_the_workflows_of_others.py"
        result = project.runpytest_inprocess(*(f"{module}::{name}" for name in order))
        result.assert_outcomes(passed=len(order))
        seen.append(dict(json.loads(line) for line in (project.path / "seen.jsonl").read_text().splitlines()))
    alone = {name: what for each in seen[3:] for name, what in each.items()}
    assert seen[:3] == [alone] * 3
    assert [name for name, what in alone.items() if "other-registry" in str(what)] == names[1:]
    assert len({str(what) for name, what in alone.items() if name != "test_none"}) == 1


def test_rolled_back_shared_run_can_still_be_asked_for_logs(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})

        def test_first(aicore_execution): pass

        def test_second(aicore_execution):
            assert "Training finished" in aicore_execution.logs
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


@pytest.mark.parametrize("swallow", ["try:\n        {}\n    except Exception:\n        pass", "{}"])
def test_unknown_endpoint_fails_the_test_even_if_its_body_swallows_the_exception(
    project: pytest.Pytester, swallow: str
) -> None:
    call = 'aicore_client.rest_client.get("/no/such/thing")'
    project.makepyfile(f"def test_it(aicore_client):\n    {swallow.format(call)}\ndef test_next(aicore_client): pass\n")
    result = project.runpytest_inprocess("-rN")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*The emulator does not know GET /v2/lm/no/such/thing.*"])
    if swallow != "{}":
        result.stdout.no_fnmatch_line("*Traceback*")
        result.stdout.fnmatch_lines(
            ["____* test_it *____", "The emulator does not know GET /v2/lm/no/such/thing.*"], consecutive=True
        )


@pytest.mark.parametrize("phase", ["setup", "teardown"])
def test_unknown_endpoint_in_a_fixture_fails_the_test_as_well(project: pytest.Pytester, phase: str) -> None:
    lines = ["    ask(aicore_client)", "    yield"]
    project.makepyfile(
        "import pytest\n"
        "def ask(client):\n    try: client.rest_client.get('/no/such/thing')\n    except Exception: pass\n"
        "@pytest.fixture\ndef it(aicore_client):\n"
        + "\n".join(lines if phase == "setup" else reversed(lines))
        + "\ndef test_it(it): pass\n"
    )
    result = project.runpytest_inprocess("-rN")
    result.assert_outcomes(**({"failed": 1} if phase == "setup" else {"passed": 1, "errors": 1}))
    result.stdout.fnmatch_lines(["The emulator does not know GET /v2/lm/no/such/thing.*"])


def test_exception_in_a_callback_fails_the_test_and_names_the_script(message: Message) -> None:
    source = """import pytest

pytestmark = pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"}, expect=None)

def lines(execution):
    raise ZeroDivisionError("mine")

def test_it(aicore_emulator, aicore_run):
    aicore_emulator.script(logs=lines)
    try:
        aicore_run().execution.logs
    except Exception:
        pass
"""
    shown = message(source)
    assert "ZeroDivisionError: mine" in shown
    assert "test_it.py:9" in shown


def test_hosts_of_the_real_service_are_answered_by_the_emulator(project: pytest.Pytester) -> None:
    project.makepyfile(
        ARTIFACT
        + f"""
from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

def own_client():
    return AIAPIV2Client(
        base_url="{HOST}/v2/lm", auth_url="https://me.authentication.eu10.hana.ondemand.com/oauth/token",
        client_id="x", client_secret="y", resource_group="default",
    )

def test_ours(aicore_client):
    artifact(own_client())
    assert names(aicore_client) == ["mine"]

def test_of_somebody_who_uses_nothing_of_ours():
    assert names(own_client()) == []
"""
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


def test_other_hosts_are_not_ours_to_block(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import http.server, threading, requests

        def test_it(aicore_client):
            with http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
                thread = threading.Thread(target=server.handle_request)
                thread.start()
                assert requests.get(f"http://127.0.0.1:{server.server_port}/", timeout=5).status_code == 200
                thread.join()
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)


def test_blocked_network_fails_the_test_with_the_url(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import requests

        def test_it():
            try:
                requests.get("http://example.test/data")
            except requests.exceptions.ConnectionError:
                pass
        """
    )
    result = project.runpytest_inprocess("-o", "aicore_block_network=true", "-rN")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["____* test_it *____", "GET http://example.test/data would have reached the network, which *"],
        consecutive=True,
    )


def test_session_that_asks_for_a_fixture_in_the_middle_of_a_test_only(project: pytest.Pytester) -> None:
    project.makepyfile(
        ARTIFACT
        + """
@pytest.mark.parametrize("time", [1, 2])
def test_it(request, time):
    client = request.getfixturevalue("aicore_client")
    assert names(client) == []
    artifact(client)
"""
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


def test_door_is_closed_after_the_session(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(aicore_client): pass")
    from requests.adapters import HTTPAdapter

    before = HTTPAdapter.send
    project.runpytest_inprocess().assert_outcomes(passed=1)
    assert HTTPAdapter.send is before


def test_unittest_classes(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import unittest
        import pytest

        @pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})
        class Test(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def finished(self, aicore_execution):
                self.execution = aicore_execution

            def test_it(self):
                self.assertEqual(self.execution.status.value, "COMPLETED")
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)


SILENT_FAULTS = """
import pytest
from ai_api_client_sdk.exception import AIAPIServerException

def test_never(aicore_emulator, aicore_client):
    aicore_emulator.fault("artifact.query", status=503)
    aicore_emulator.fault("scenario.query", status=503, after=3)
    aicore_emulator.fault("execution.get", kind="not found")
    aicore_client.scenario.query()

def test_struck(aicore_emulator, aicore_client):
    aicore_emulator.fault("scenario.query", status=500, times=1, attempts=1)
    aicore_client.scenario.query()

def test_looked_at(aicore_emulator, aicore_client):
    fault = aicore_emulator.fault("artifact.create", status=503)
    aicore_client.scenario.query()
    assert fault.struck == 0

def test_left_to_chance(aicore_emulator, aicore_client):
    aicore_emulator.fault("scenario.query", status=503, probability=0.001)
    aicore_emulator.profile("not found at first")
    aicore_client.scenario.query()

def test_failed_for_another_reason(aicore_emulator):
    aicore_emulator.fault("scenario.query", status=503)
    raise AssertionError("something else")
"""
WARNINGS = (
    "test_it.py:5: fault: 'artifact.query' was never triggered: no such call was made, or another fault answered it.",
    "test_it.py:6: fault: 'scenario.query' was never triggered: after=3 skips more such calls than were made: 1.",
    (
        "test_it.py:7: fault: 'execution.get' was never triggered: no such call was made for a record that the fault "
        "applies to."
    ),
)


def test_a_fault_that_never_struck_is_told(project: pytest.Pytester) -> None:
    """A test that has nothing go wrong passes for the wrong reason; it is warned, and may ask for an error."""
    project.makepyfile(test_it=SILENT_FAULTS)
    result = project.runpytest_inprocess("-W", "default::pytest_aicore.FaultWarning")
    result.assert_outcomes(passed=4, failed=1, warnings=3)
    advice = "If the test expects that, read the fault's `struck` in it."
    told = [line.partition("FaultWarning: ")[2] for line in result.outlines if "FaultWarning: " in line]
    assert told == [f"{warning} {advice}" for warning in WARNINGS]
    ignored = project.runpytest_inprocess("-W", "ignore::pytest_aicore.FaultWarning")
    ignored.assert_outcomes(passed=4, failed=1)
    everything = project.runpytest_inprocess("-W", "error")
    everything.assert_outcomes(passed=4, failed=1, warnings=3)
    strict = project.runpytest_inprocess("-W", "error::pytest_aicore.FaultWarning", "-k", "never or struck")
    strict.assert_outcomes(passed=2, errors=1)
