"""Good neighbours: other mocks, other plugins, and sessions that want nothing of us."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

import pytest_aicore
from tests.prepared import run_unprepared

HEAD = """
import pytest

pytestmark = pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})
"""
ACCEPTANCE = (
    HEAD
    + """
def test_first(aicore_execution): pass
def test_second(aicore_execution, aicore_client): assert aicore_client.execution.count() == 1
@pytest.mark.aicore_script(outcome="DEAD")
@pytest.mark.aicore(expect="DEAD")
def test_third(aicore_execution): pass
"""
)
QUIET = "[pytest]\naddopts = -p no:hypothesispytest -p no:cacheprovider"


def has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


# Other mocks --------------------------------------------------------------------------------------------------------

MOCKS = {
    "responses.activate": """
import responses, requests

@responses.activate
def {name}(aicore_client, {arguments}):
    responses.get("http://example.test/a", json=1)
    assert requests.get("http://example.test/a").json() == 1
    {body}
""",
    "RequestsMock": """
import responses, requests

def {name}(aicore_client, {arguments}):
    with responses.RequestsMock() as mock:
        mock.get("http://example.test/a", json=1)
        assert requests.get("http://example.test/a").json() == 1
        {body}
""",
    "requests_mock": """
import requests

def {name}(aicore_client, requests_mock, {arguments}):
    requests_mock.get("http://example.test/a", json=1)
    assert requests.get("http://example.test/a").json() == 1
    {body}
""",
}


@pytest.mark.parametrize("mock", MOCKS)
def test_mock_of_the_test_works_beside_ours(project: pytest.Pytester, mock: str) -> None:
    if mock == "requests_mock":
        pytest.importorskip("requests_mock")
    tests = [
        MOCKS[mock].format(name=name, arguments=arguments, body=body)
        for name, arguments, body in (
            ("test_client", "tmp_path", "assert aicore_client.scenario.query().resources"),
            ("test_run_in_the_body", "request", 'assert request.getfixturevalue("aicore_execution").logs'),
            ("test_again", "aicore_execution", "assert aicore_client.execution.get(aicore_execution.id)"),
        )
    ]
    after = "\ndef test_after(aicore_client):\n    assert aicore_client.scenario.query().resources\n"
    project.makepyfile(HEAD + "".join(tests) + after)
    project.runpytest_inprocess().assert_outcomes(passed=4)


# Other plugins ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        pytest.param(("-n2",), marks=pytest.mark.skipif(not has("xdist"), reason="pytest-xdist is not installed")),
        pytest.param(
            ("-p", "randomly"),
            marks=pytest.mark.skipif(not has("pytest_randomly"), reason="pytest-randomly is not installed"),
        ),
        ("--timeout=60",),
        ("-p", "no:cacheprovider"),
        ("-p", "no:terminal"),
        ("--import-mode=importlib",),
        ("-W", "error"),
    ],
    ids=" ".join,
)
def test_acceptance_tests_pass_in_every_company(project: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    random = [] if "randomly" in arguments else ["-p", "no:randomly"]
    project.makeini(QUIET)
    project.makepyfile(ACCEPTANCE)
    result = project.runpytest_subprocess(*random, *(word for word in arguments if arguments != ("-p", "randomly")))
    assert result.ret == 0, result.stdout.str() + result.stderr.str()
    if arguments != ("-p", "no:terminal"):
        result.assert_outcomes(passed=3)


def test_plugin_by_name_with_autoload_off(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    project.makeini("[pytest]\naddopts = -p pytest_aicore.plugin")
    project.makepyfile(ACCEPTANCE)
    run_unprepared(project).assert_outcomes(passed=3)


def test_autoload_off_switches_everything_off(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    project.makeini("[pytest]")
    project.makepyfile("def test_it(aicore_client): pass")
    result = run_unprepared(project)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'aicore_client' not found"])


def test_no_aicore_switches_everything_off(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(): pass\ndef test_ours(aicore_client): pass")
    result = project.runpytest_inprocess("-p", "no:aicore")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*fixture 'aicore_client' not found"])
    result.stdout.no_fnmatch_line("aicore:*")


@pytest.mark.parametrize("question", ["--collect-only", "--setup-plan", "--fixtures", "--markers"])
def test_questions_start_nothing(project: pytest.Pytester, question: str) -> None:
    project.makeconftest(
        """
        import sys

        def pytest_unconfigure():
            assert not {"responses", "ai_api_client_sdk", "yaml"} & set(sys.modules)
        """
    )
    project.makepyfile(ACCEPTANCE.replace("def test_first", "def test_it"))
    project.makeini(QUIET + " -p no:randomly -p no:requests_mock")
    result = run_unprepared(project, question)
    if question != "--setup-plan":  # asks to run tests without their fixtures, which opens the door
        assert result.ret == 0, result.stdout.str() + result.stderr.str()


@pytest.mark.skipif(not has("pytest_rerunfailures"), reason="pytest-rerunfailures is not installed")
def test_rerun_of_a_failed_fresh_run_really_runs_again(project: pytest.Pytester) -> None:
    project.makeini(QUIET + " -p no:randomly")
    project.makepyfile(
        HEAD
        + """
attempts = []

@pytest.fixture
def flaky(aicore_emulator):
    attempts.append(1)
    if len(attempts) < 3:
        aicore_emulator.script(outcome="DEAD")

@pytest.mark.aicore(fresh=True)
def test_fresh(flaky, aicore_execution):
    assert len(attempts) == 3
"""
    )
    result = project.runpytest_inprocess("--reruns=2")
    assert result.parseoutcomes() == {"passed": 1, "rerun": 2}


@pytest.mark.skipif(not has("pytest_rerunfailures"), reason="pytest-rerunfailures is not installed")
def test_rerun_does_not_repeat_a_failed_shared_run(project: pytest.Pytester) -> None:
    project.makeini(QUIET + " -p no:randomly")
    project.makepyfile(
        HEAD
        + """
@pytest.fixture(scope="module", autouse=True)
def dead_once(aicore_client, request):
    from pytest_aicore.hooks.isolation import isolation_of
    isolation_of(request.config).session.emulator.script(outcome="DEAD", times=1)

def test_shared(aicore_execution): pass
"""
    )
    result = project.runpytest_inprocess("--reruns=2")
    assert result.parseoutcomes() == {"failed": 1, "rerun": 2}


def test_two_plugins_of_one_session_with_the_same_test_names(project: pytest.Pytester) -> None:
    for name in ("one", "two"):
        folder = project.mkdir(name)
        (folder / f"test_{name}.py").write_text(ACCEPTANCE)
    project.runpytest_inprocess().assert_outcomes(passed=6)


# Sessions that want nothing of us -----------------------------------------------------------------------------------

HEAVY = (
    "requests",
    "responses",
    "yaml",
    "ai_api_client_sdk",
    "urllib3",
    "pytest_aicore.emulator",
    "pytest_aicore.training",
)


def test_idle_session_imports_nothing_heavy(empty_project: pytest.Pytester) -> None:
    empty_project.makeini(f"{QUIET} -p no:randomly -p no:requests_mock -p no:xdist -p no:rerunfailures")
    empty_project.makeconftest(
        f"""
        import sys

        def pytest_unconfigure():
            print("HEAVY:", [name for name in {HEAVY!r} if name in sys.modules])
        """
    )
    empty_project.makepyfile("def test_it(): pass\ndef test_failing(): assert False")
    result = run_unprepared(empty_project, "-v")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["HEAVY: []"])


def test_importing_the_plugin_imports_little(pytester: pytest.Pytester) -> None:
    script = (
        "import sys, pytest; before = set(sys.modules); import pytest_aicore.plugin, pytest_aicore.fixtures;"
        "import json; print(json.dumps(sorted(set(sys.modules) - before - {'json'})))"
    )
    result = pytester.run(sys.executable, "-c", script)
    ours = json.loads(result.outlines[-1])
    assert [name for name in ours if not name.startswith(("pytest_aicore", "json"))] == []
    assert [name for name in ours if name.startswith("pytest_aicore")] == [
        "pytest_aicore",
        "pytest_aicore.config",
        "pytest_aicore.config.options",
        "pytest_aicore.fixtures",
        "pytest_aicore.hooks",
        "pytest_aicore.own_bytecode",
        "pytest_aicore.plugin",
    ]


def test_modules_are_loaded_as_those_of_other_packages(empty_project: pytest.Pytester) -> None:
    """Only those that pytest itself imports come from its assertion rewriting, which checks each source again."""
    empty_project.makepyfile(
        """
        import sys
        from importlib.machinery import SourceFileLoader

        pytest_plugins = "pytester"

        def test_it(aicore_client, pytester):
            ours = {name: module for name, module in sys.modules.items() if name.startswith("pytest_aicore.")}
            rewritten = [name for name, module in ours.items() if type(module.__loader__) is not SourceFileLoader]
            # Of an editable installation pytest knows no files: it rewrites what it imports as a plugin alone.
            assert {name.partition(".")[2] for name in rewritten} <= {"fixtures", "own_bytecode", "plugin"}
            assert len(ours) > 50
            pytester.makepyfile("def test_it(aicore_client): assert aicore_client")
            pytester.runpytest_inprocess("-W", "error").assert_outcomes(passed=1)
        """
    )
    empty_project.runpytest_subprocess("-W", "error").assert_outcomes(passed=1)


def test_idle_session_reads_the_installed_distributions_no_more_often(empty_project: pytest.Pytester) -> None:
    """Reading them takes longer than all else that the plugin does at start-up; pytest does it for `pytest_plugins`."""
    empty_project.makepyfile(
        sitecustomize="""
        import atexit
        from importlib import metadata

        calls = []
        distributions = metadata.distributions
        metadata.distributions = lambda **arguments: calls.append(1) or distributions(**arguments)
        atexit.register(lambda: print("READ:", len(calls)))
        """,
        test_it="def test_it(): pass",
    )
    counts = [
        [line for line in run_unprepared(empty_project, *arguments).outlines if line.startswith("READ:")]
        for arguments in ([], ["-p", "no:aicore"])
    ]
    assert counts[0] == counts[1] != []


# Public names -------------------------------------------------------------------------------------------------------


def test_public_names_are_resolved_lazily_and_all_exist() -> None:
    for name in pytest_aicore.__all__:
        assert getattr(pytest_aicore, name).__name__ == name
        assert name in dir(pytest_aicore)
    with pytest.raises(AttributeError) as caught:
        _ = pytest_aicore.Statuses
    assert str(caught.value) == "module 'pytest_aicore' has no attribute 'Statuses'"


def test_statuses_are_the_sdks_own() -> None:
    from ai_api_client_sdk.models.artifact import Artifact
    from ai_api_client_sdk.models.status import Status
    from ai_api_client_sdk.models.target_status import TargetStatus

    from pytest_aicore.service_facts import FINAL_STATUSES
    from pytest_aicore.training.plan import STATUSES

    assert pytest_aicore.Status is Status
    assert pytest_aicore.TargetStatus is TargetStatus
    assert pytest_aicore.Artifact is Artifact
    assert set(STATUSES) == {status.value for status in Status}
    assert set(FINAL_STATUSES) < set(STATUSES)


def test_without_sdk_the_first_use_says_which_command_to_run(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocker = Path(str(project.path)) / "sitecustomize.py"
    blocker.write_text(
        "import sys\n"
        "class Blocker:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'ai_api_client_sdk':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Blocker())\n"
    )
    project.makeini(QUIET + " -p no:randomly")
    project.makepyfile(
        """
        def test_client(aicore_client): pass
        def test_emulator(aicore_emulator): pass
        def test_name():
            from pytest_aicore import Status
        """
    )
    monkeypatch.setenv("PYTHONPATH", str(project.path))
    result = run_unprepared(project, "-rN")
    result.assert_outcomes(passed=1, failed=1, errors=1)
    said = [
        "The SAP SDK (import package ai_api_client_sdk) is not installed. Install one of the two distributions that ship it:",
        "    pip install 'pytest-aicore[sdk]'                 sap-ai-sdk-base, maintained by SAP",
        "    pip install 'pytest-aicore[ai-api-client-sdk]'   ai-api-client-sdk, no longer maintained",
    ]
    result.stdout.fnmatch_lines(
        ["*ERROR at setup of test_client*", said[0], *(line.replace("[", "[[]") for line in said[1:])]
    )
    result.stdout.fnmatch_lines([f"E * SdkMissingError: {said[0]}"])


def test_both_distributions_over_each_other_are_said(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, version in (("sap_ai_sdk_base", "3.4.0"), ("ai_api_client_sdk", "2.6.1")):
        folder = project.path / "site" / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n")
    monkeypatch.setenv("PYTHONPATH", str(project.path / "site"))
    project.makeini(QUIET + " -p no:randomly")
    project.makepyfile("def test_client(aicore_client): pass")
    result = run_unprepared(project)
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(
        [
            (
                "*SdkConflictWarning: sap-ai-sdk-base 3.4.0 and ai-api-client-sdk 2.6.1 are both installed, and overwrite each other's"
                " files of ai_api_client_sdk. Remove both, then install one:"
            )
        ]
    )
