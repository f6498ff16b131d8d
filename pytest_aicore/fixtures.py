"""The fixtures. The first line of each docstring is what `pytest --fixtures` shows.

Every pytest run of the environment loads this module, and pytest loads the modules of plugins slowly, in proportion to
their code. So what takes more than a few lines is in `hooks/fixture_bodies.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore.hooks import EMULATED_ONLY, failing_plainly

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client
    from ai_api_client_sdk.models.artifact_create_response import ArtifactCreateResponse
    from ai_api_client_sdk.models.configuration_create_response import ConfigurationCreateResponse

    from pytest_aicore.deployment.deployment import Deployment
    from pytest_aicore.emulator import Emulator
    from pytest_aicore.emulator.serve.server import Server
    from pytest_aicore.objects.store import Store
    from pytest_aicore.session.environment import Environment
    from pytest_aicore.session.protocols import DeploymentFactory, OutputWriter, RunFactory
    from pytest_aicore.session.trajectories import Trajectories
    from pytest_aicore.session.virtual_time import VirtualTime
    from pytest_aicore.training.finished import FinishedExecution
    from pytest_aicore.training.plan import TrainingPlan
    from pytest_aicore.training.run import Run
    from pytest_aicore.workflows import Template


@pytest.fixture(scope="session")
def aicore_client(request: pytest.FixtureRequest) -> AIAPIV2Client:
    """The authenticated `AIAPIV2Client` of the SAP SDK: offline it is connected to the emulator.

    What a test creates with it is removed after the test; what a fixture of wider scope creates stays.
    """
    from pytest_aicore.hooks.fixture_bodies import session_for

    session = session_for(request)
    with failing_plainly():
        return session.client


@pytest.fixture(scope="session")
def aicore_emulator(request: pytest.FixtureRequest) -> Emulator:
    """The `Emulator` to script: outcomes, durations, faults; rolled back after each test.

    A test that asks for it gets runs of its own, and is skipped under `--aicore-live` and `--aicore-local`.
    """
    from pytest_aicore.hooks.fixture_bodies import session_for

    session = session_for(request)
    if session.is_real:
        pytest.skip(EMULATED_ONLY.format(option=session.settings.real_option))
    return session.emulator


@pytest.fixture
def aicore_server(aicore_emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The test's emulator over HTTP, for code in other processes: `.url`, `.service_key`, `.service_key_file`.

    Needs `pip install 'pytest-aicore[server]'`. Time is the emulator's; `.pace = "60x"` lets it pass by itself.
    """
    from pytest_aicore.hooks.fixture_bodies import serving

    with serving(aicore_emulator, tmp_path_factory.mktemp("aicore")) as server:
        yield server


@pytest.fixture
def aicore_workflow(request: pytest.FixtureRequest) -> Template:
    """The workflow template that the test's `aicore` marker names, parsed."""
    from pytest_aicore.hooks.fixture_bodies import workflow_for

    return workflow_for(request)


@pytest.fixture
def aicore_plan(request: pytest.FixtureRequest, aicore_workflow: Template) -> TrainingPlan:
    """The `TrainingPlan` made of the test's `aicore` markers.

    Override it in a conftest to change the plans of a folder, for example with `dataclasses.replace`.
    """
    from pytest_aicore.hooks.fixture_bodies import plan_for

    return plan_for(request, aicore_workflow)


@pytest.fixture
def _aicore_run_of_test(request: pytest.FixtureRequest, aicore_plan: TrainingPlan) -> Run:
    """Internal to pytest-aicore: the run that the other fixtures of this test use."""
    from pytest_aicore.hooks.fixture_bodies import run_for

    return run_for(request, aicore_plan)


@pytest.fixture
def aicore_artifacts(_aicore_run_of_test: Run) -> Mapping[str, ArtifactCreateResponse]:
    """The registered input artifacts by input name: the SDK's create responses (`id`, `message`, `url`)."""
    with failing_plainly():
        return _aicore_run_of_test.artifacts


@pytest.fixture
def aicore_artifact(_aicore_run_of_test: Run) -> ArtifactCreateResponse:
    """The registered input artifact of a workflow that has one: the SDK's create response."""
    with failing_plainly():
        return _aicore_run_of_test.artifact


@pytest.fixture
def aicore_configuration(_aicore_run_of_test: Run) -> ConfigurationCreateResponse:
    """The created configuration: the SDK's create response (`id`, `message`)."""
    with failing_plainly():
        return _aicore_run_of_test.configuration


@pytest.fixture
def aicore_execution(_aicore_run_of_test: Run) -> FinishedExecution:
    """The finished execution; fails the test unless its final status is the expected one.

    `.id .message .status .history .output_artifacts .logs .metrics .duration .execution`
    """
    with failing_plainly():
        return _aicore_run_of_test.execution


@pytest.fixture
def aicore_run(request: pytest.FixtureRequest) -> RunFactory:
    """A function that starts a run: `aicore_run(workflow, artifacts=..., parameters=...)`, for several in one test.

    It takes the arguments of the `aicore` marker. What is left out is as in `aicore_plan`, that is: as the test's
    markers say; a workflow other than theirs takes over only `expect`, `timeout` and `fresh`. The run is started at
    once; the first access to its `.execution` waits for its end. A run whose `.execution` was not used is awaited when
    the body has returned, and fails the test unless it ends as expected.
    """
    from pytest_aicore.hooks.fixture_bodies import RunStarter

    return RunStarter(request).start


@pytest.fixture
def aicore_deployment(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """The running deployment of the test's `aicore_deployment` marker, which answers rightly.

    `.id .url .status .history .logs .configuration .readiness`, `.predict(json)`, `.get(path)`, `.post(path, json=...)`
    """
    from pytest_aicore.hooks.fixture_bodies import deploying

    with deploying(request) as deployer:
        with failing_plainly():
            deployment = deployer.marked()
        yield deployment


@pytest.fixture
def aicore_deploy(request: pytest.FixtureRequest) -> Iterator[DeploymentFactory]:
    """A function that deploys: `aicore_deploy(serving_template, artifacts=..., predict=...)`, for several in one test.

    It takes the arguments of the `aicore_deployment` marker. What is left out is as the test's markers say, unless it
    is another template. It returns when the deployment runs and answers rightly.
    """
    from pytest_aicore.hooks.fixture_bodies import deploying

    with deploying(request) as deployer:
        yield deployer.deploy


@pytest.fixture(scope="session")
def aicore_store(request: pytest.FixtureRequest) -> Store:
    """Files in object stores by `ai://SECRET/PATH`: `.put(url, content)`, `.get(url)`, `.open(url)`, `.list(url)`.

    Offline the emulator's, with `--aicore-local` what takes their place on this machine, with `--aicore-live` the
    real ones, with your own access keys.
    """
    from pytest_aicore.hooks.fixture_bodies import session_for

    return session_for(request).store


@pytest.fixture
def aicore_training_output(request: pytest.FixtureRequest) -> OutputWriter:
    """A function that writes id, name and URL of the output artifacts to a JSON file for the next stage of a pipeline.

    `aicore_training_output(file)` takes the test's own execution, `aicore_training_output(file, execution)` another.
    """
    from pytest_aicore.hooks.fixture_bodies import output_writer

    return output_writer(request)


@pytest.fixture
def aicore_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Environment]:
    """The SDK's environment variables and a service key file, for code under test that builds its own client.

    `AICoreV2Client.from_env()` works; the machine's own AICORE_* variables, profiles and VCAP_SERVICES do not leak in.
    In a test that asks for `aicore_server` as well, they name that server, which every library and process can reach.
    """
    from pytest_aicore.hooks.fixture_bodies import setting_environment

    with setting_environment(request, monkeypatch, tmp_path_factory.mktemp("aicore")) as environment:
        yield environment


@pytest.fixture(scope="class")
def aicore_class_environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Environment]:
    """As `aicore_environment`, for a whole class: set before its `setUpClass`, for example of `unittest`."""
    from pytest_aicore.hooks.fixture_bodies import setting_wider_environment

    with setting_wider_environment(request, tmp_path_factory.mktemp("aicore")) as environment:
        yield environment


@pytest.fixture(scope="module")
def aicore_module_environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Environment]:
    """As `aicore_environment`, for a whole module."""
    from pytest_aicore.hooks.fixture_bodies import setting_wider_environment

    with setting_wider_environment(request, tmp_path_factory.mktemp("aicore")) as environment:
        yield environment


@pytest.fixture(scope="session")
def aicore_session_environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Environment]:
    """As `aicore_environment`, for the whole session."""
    from pytest_aicore.hooks.fixture_bodies import setting_wider_environment

    with setting_wider_environment(request, tmp_path_factory.mktemp("aicore")) as environment:
        yield environment


@pytest.fixture
def aicore_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    """Virtual time for the test: `time.sleep` advances the emulator's clock and returns at once.

    `time.time`, `time.monotonic` and `time.perf_counter` show that time, by which tokens expire and
    SAP's SDK renews them; `datetime.now` keeps the machine's. Under `--aicore-live` time stays real.
    """
    from pytest_aicore.hooks.fixture_bodies import virtual_time

    return virtual_time(request, monkeypatch)


@pytest.fixture
def aicore_trajectories(
    aicore_emulator: Emulator, aicore_client: AIAPIV2Client, aicore_configuration: ConfigurationCreateResponse
) -> Trajectories:
    """A function that runs waiting code under every legal course of an execution, in virtual time: offline only.

    `aicore_trajectories(lambda client, execution_id: ...).assert_sound()` fails with a table of what goes wrong.
    """
    from pytest_aicore.session.trajectories import Trajectories

    return Trajectories(aicore_emulator, aicore_client, aicore_configuration.id, pytest.MonkeyPatch.context)
