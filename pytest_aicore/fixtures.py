"""What a test may ask for. The first line of each docstring is what `pytest --fixtures` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client
    from ai_api_client_sdk.models.artifact_create_response import ArtifactCreateResponse
    from ai_api_client_sdk.models.configuration_create_response import ConfigurationCreateResponse

    from pytest_aicore.emulator import Emulator
    from pytest_aicore.emulator.serve.server import Server
    from pytest_aicore.session.environment import Environment
    from pytest_aicore.session.protocols import OutputWriter, RunFactory
    from pytest_aicore.session.session import Session
    from pytest_aicore.session.trajectories import Trajectories
    from pytest_aicore.session.virtual_time import VirtualTime
    from pytest_aicore.training.finished import FinishedExecution
    from pytest_aicore.training.plan import TrainingPlan
    from pytest_aicore.training.run import Run
    from pytest_aicore.workflows import Template
    from pytest_aicore.workflows.contracts.goldens import Goldens


def _isolation(request: pytest.FixtureRequest) -> Any:
    from pytest_aicore.hooks.isolation import isolation_of

    isolation = isolation_of(request.config)
    isolation.begin_late()
    return isolation


def _session(request: pytest.FixtureRequest) -> Session:
    session: Session = _isolation(request).session
    with _clean():
        session.require_readable_folder()
    return session


class _clean:  # noqa: N801  reads like the function it is used as
    """Fail with the message alone: a traceback of ours says nothing about a mistake in a test or workflow."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """Turn an error of ours into a failure without traceback."""
        __tracebackhide__ = True
        if error is None:
            return
        from pytest_aicore.errors import AicoreError

        if isinstance(error, AicoreError):
            raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture(scope="session")
def aicore_client(request: pytest.FixtureRequest) -> AIAPIV2Client:
    """The authenticated `AIAPIV2Client` of the SAP SDK: offline it speaks to the emulator.

    What a test makes with it is gone after the test; what a fixture of wider scope makes stays.
    """
    session = _session(request)
    with _clean():
        return session.client


@pytest.fixture(scope="session")
def aicore_emulator(request: pytest.FixtureRequest) -> Emulator:
    """The `Emulator` to script: outcomes, durations, faults; rolled back after each test.

    A test that asks for it gets runs of its own, and is skipped under `--aicore-live`.
    """
    session = _session(request)
    if session.live:
        pytest.skip("aicore_emulator: nobody can order the real SAP AI Core about")
    return session.emulator


@pytest.fixture
def aicore_server(aicore_emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The test's emulator over HTTP, for code in other processes: `.url`, `.service_key`, `.service_key_file`.

    Needs `pip install 'pytest-aicore[server]'`. Time is the emulator's: script `polls=1` for code that sleeps.
    """
    from pytest_aicore.emulator.serve.server import Server
    from pytest_aicore.processes import Home

    home = Home()
    with _clean():
        server = Server(aicore_emulator)
        server.write_service_key(tmp_path_factory.mktemp("aicore") / "service_key.json")
        server.start()
    yield server
    server.stop()
    if home.is_here:
        server.service_key_file.unlink(missing_ok=True)


@pytest.fixture
def aicore_workflow(request: pytest.FixtureRequest) -> Template:
    """The workflow template that the test's `aicore` marker names, parsed."""
    from pytest_aicore.hooks.context import marked, place_of

    session = _session(request)
    with _clean():
        template = session.workflow(marked(request.node).get("workflow"), place_of(request.node))
    return template.with_goldens(_goldens(request))


def _goldens(request: pytest.FixtureRequest) -> Goldens:
    from pytest_aicore.hooks.context import settings_of
    from pytest_aicore.hooks.workflow_files import WRITTEN
    from pytest_aicore.workflows.contracts.goldens import Goldens

    config = request.config
    update = settings_of(config).update.value
    return Goldens(request.path.parent, config.rootpath, update=update, written=config.stash.get(WRITTEN, []))


@pytest.fixture
def aicore_plan(request: pytest.FixtureRequest, aicore_workflow: Template) -> TrainingPlan:
    """The `TrainingPlan` made of the test's `aicore` markers.

    Override it in a conftest to change the plans of a folder, for example with `dataclasses.replace`.
    """
    from pytest_aicore.hooks.context import marked, place_of

    session = _session(request)
    with _clean():
        return session.plan(aicore_workflow, marked(request.node), place_of(request.node))


def _checked(plan: object) -> TrainingPlan:
    """Return what `aicore_plan` gave, which may be anybody's fixture.

    Raises:
        PlanError: it is no plan.
    """
    from pytest_aicore.errors import PlanError
    from pytest_aicore.training.plan import TrainingPlan

    if not isinstance(plan, TrainingPlan):
        raise PlanError(
            f"The fixture 'aicore_plan' of this folder or test module gave {plan!r}, which is no TrainingPlan."
            " Return for example dataclasses.replace(aicore_plan, timeout=60)."
        )
    return plan


@pytest.fixture
def _aicore_run_of_test(request: pytest.FixtureRequest, aicore_plan: TrainingPlan) -> Run:
    """Internal to pytest-aicore: the run that the other fixtures of this test look at."""
    isolation = _isolation(request)
    with _clean():
        run: Run = isolation.run(request.node, _checked(aicore_plan))
        return run


@pytest.fixture
def aicore_artifacts(_aicore_run_of_test: Run) -> Mapping[str, ArtifactCreateResponse]:
    """The registered input artifacts by input name: the SDK's create responses (`id`, `message`, `url`)."""
    with _clean():
        return _aicore_run_of_test.artifacts


@pytest.fixture
def aicore_artifact(_aicore_run_of_test: Run) -> ArtifactCreateResponse:
    """The registered input artifact of a workflow that has one: the SDK's create response."""
    with _clean():
        return _aicore_run_of_test.artifact


@pytest.fixture
def aicore_configuration(_aicore_run_of_test: Run) -> ConfigurationCreateResponse:
    """The created configuration: the SDK's create response (`id`, `message`)."""
    with _clean():
        return _aicore_run_of_test.configuration


@pytest.fixture
def aicore_execution(_aicore_run_of_test: Run) -> FinishedExecution:
    """The finished execution; fails the test unless its final status is the expected one.

    `.id .message .status .history .output_artifacts .logs .metrics .duration .execution`
    """
    with _clean():
        return _aicore_run_of_test.execution


@pytest.fixture
def aicore_run(request: pytest.FixtureRequest) -> Iterator[RunFactory]:
    """A function that starts a run: `aicore_run(workflow, artifacts=..., parameters=...)`, for several in one test.

    It takes the arguments of the `aicore` marker. What is left out is as in `aicore_plan`, that is: as the test's
    markers say; a workflow other than theirs takes over only `expect`, `timeout` and `fresh`. The run is started at
    once and waited for when its `.execution` is looked at. A run nobody looked at is waited for when the test has
    passed, and fails it unless it ends as expected.
    """
    from threading import Lock

    from pytest_aicore.hooks.context import marked, place_of
    from pytest_aicore.hooks.isolation import passed

    session = _session(request)
    isolation = _isolation(request)
    with _clean():
        defaults = marked(request.node)
    started: list[Run] = []
    asking = Lock()  # pytest's fixtures are not made for threads, and a body may start its runs from several

    def aicore_run(workflow: Any = None, **arguments: Any) -> Run:
        __tracebackhide__ = True
        from dataclasses import replace

        from pytest_aicore.config.markers import MarkerUse, aicore, bind_marker
        from pytest_aicore.errors import AicoreError

        try:
            place = place_of(request.node)
            given = bind_marker("aicore_run", aicore, MarkerUse((workflow,), arguments), place, "the call of")
            del given["workflow"]
            if given.get("timeout", 0) is None:
                del given["timeout"]
            template = None if workflow is None else session.workflow(workflow, place)
            if template is None or template is session.workflow_of(defaults):
                with asking:
                    default = _checked(request.getfixturevalue("aicore_plan"))
                plan = replace(default, place=place, **given)
            else:
                # What is bound to one workflow means nothing to another.
                asked = {name: value for name, value in defaults.items() if name in ("expect", "timeout", "fresh")}
                plan = session.plan(template, {**asked, **given}, place)
            run: Run = isolation.run(request.node, plan)
            started.append(run)
            run.start()
        except AicoreError as error:
            raise error.with_traceback(None) from None
        return run

    yield aicore_run
    if passed(request.node):
        with _clean():
            for run in started:
                if not run.looked:
                    _ = run.execution


@pytest.fixture
def aicore_training_output(request: pytest.FixtureRequest) -> OutputWriter:
    """A function that writes id, name and URL of the output artifacts to a JSON file for the next stage of a pipeline.

    `aicore_training_output(file)` takes the test's own execution, `aicore_training_output(file, execution)` another.
    """
    from pathlib import Path

    from pytest_aicore.errors import AicoreError

    session = _session(request)

    def aicore_training_output(file: Path | str, execution: FinishedExecution | None = None) -> dict[str, Any]:
        __tracebackhide__ = True
        finished = request.getfixturevalue("aicore_execution") if execution is None else execution
        try:
            return session.write_output(Path(file), finished)
        except AicoreError as error:
            raise error.with_traceback(None) from None

    return aicore_training_output


@pytest.fixture
def aicore_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Environment]:
    """The SDK's environment variables and a service key file, for code under test that builds its own client.

    `AICoreV2Client.from_env()` works; the machine's own AICORE_* variables, profiles and VCAP_SERVICES do not leak in.
    In a test that asks for `aicore_server` as well, they name that server, which every library and process can reach.
    """
    from pytest_aicore.session.environment import make_environment

    session = _session(request)
    served = "aicore_server" in request.fixturenames
    server = request.getfixturevalue("aicore_server") if served else None
    folder = tmp_path_factory.mktemp("aicore")
    with _clean():
        credentials = session.credentials if server is None else session.credentials_of(server)
        group = session.settings.resource_group.value
        environment = make_environment(credentials, group, folder, emulated=not session.live)
    for name in environment.foreign:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.variables.items():
        monkeypatch.setenv(name, value)
    yield environment
    environment.remove()


@pytest.fixture
def aicore_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    """Virtual time for the test: `time.sleep` advances the emulator's clock and returns at once.

    `time.time`, `time.monotonic` and `time.perf_counter` show that time; `datetime.now` keeps the machine's. Under
    `--aicore-live` time stays real.
    """
    from pytest_aicore.session.virtual_time import VirtualTime

    session = _session(request)
    clock = VirtualTime(session.clock, live=session.live)
    clock.install(monkeypatch.setattr)
    return clock


@pytest.fixture
def aicore_trajectories(
    aicore_emulator: Emulator, aicore_client: AIAPIV2Client, aicore_configuration: ConfigurationCreateResponse
) -> Trajectories:
    """A function that runs waiting code under every legal course of an execution, in virtual time: offline only.

    `aicore_trajectories(lambda client, execution_id: ...).assert_sound()` fails with a table of what goes wrong.
    """
    from pytest_aicore.session.trajectories import Trajectories

    return Trajectories(aicore_emulator, aicore_client, aicore_configuration.id, pytest.MonkeyPatch.context)
