"""What the fixtures do when a test asks for one.

Apart from `fixtures`, so that sessions that use none of them do not load it.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.config.markers import MarkerUse, aicore, aicore_deployment, bind_marker
from pytest_aicore.config.parameter_sets import filled
from pytest_aicore.errors import AicoreError, PlanError
from pytest_aicore.hooks import failing_plainly
from pytest_aicore.hooks.context import deployed, marked, parameter_values, place_of, settings_of
from pytest_aicore.hooks.isolation import Isolation, isolation_of
from pytest_aicore.hooks.verdicts import await_with_body
from pytest_aicore.training.plan import TrainingPlan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.deployment.deployment import Deployment
    from pytest_aicore.deployment.plan import DeploymentPlan
    from pytest_aicore.deployment.serving import Serving
    from pytest_aicore.emulator import Emulator
    from pytest_aicore.emulator.serve.server import Server
    from pytest_aicore.session.environment import Environment
    from pytest_aicore.session.protocols import OutputWriter
    from pytest_aicore.session.session import Session
    from pytest_aicore.session.virtual_time import VirtualTime
    from pytest_aicore.training.finished import FinishedExecution
    from pytest_aicore.training.run import Run
    from pytest_aicore.workflows import Template
    from pytest_aicore.workflows.contracts.goldens import Goldens


def _isolation(request: pytest.FixtureRequest) -> Isolation:
    isolation = isolation_of(request.config)
    isolation.begin_late(request.node if isinstance(request.node, pytest.Item) else None)
    return isolation


def session_for(request: pytest.FixtureRequest) -> Session:
    """Return what the tests of this pytest session share.

    Args:
        request: of the fixture.
    """
    session = _isolation(request).session
    with failing_plainly():
        session.require_readable_folder()
    return session


def virtual_time(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    """Return the virtual time of a test, by which its tokens expire as well.

    Args:
        request: of the fixture.
        monkeypatch: of the test.
    """
    from pytest_aicore.session.virtual_time import VirtualTime

    session = session_for(request)
    clock = VirtualTime(session.clock, live=session.is_real)
    if not session.is_real:
        session.import_sdk()
        monkeypatch.setattr(session.emulator.gateway, "tokens_expire", True)
    clock.install(monkeypatch.setattr)
    return clock


def workflow_for(request: pytest.FixtureRequest) -> Template:
    """Return the workflow that the `aicore` markers of a test name.

    Args:
        request: of the fixture.
    """
    session = session_for(request)
    with failing_plainly():
        template = session.workflow(marked(request.node).get("workflow"), place_of(request.node), near=request.path)
    return template.with_goldens(_goldens(request))


def _goldens(request: pytest.FixtureRequest) -> Goldens:
    from pytest_aicore.hooks.workflow_files import WRITTEN
    from pytest_aicore.workflows.contracts.goldens import Goldens

    config = request.config
    update = settings_of(config).update.value
    return Goldens(request.path.parent, config.rootpath, update=update, written=config.stash.get(WRITTEN, []))


def plan_for(request: pytest.FixtureRequest, workflow: Template) -> TrainingPlan:
    """Return the plan that the `aicore` markers of a test ask for.

    Args:
        request: of the fixture.
        workflow: that of the test.
    """
    session = session_for(request)
    with failing_plainly():
        return session.plan(workflow, marked(request.node), place_of(request.node))


def _checked(plan: object, session: Session) -> TrainingPlan:
    """Return the plan that `aicore_plan` returned; the user may have overridden that fixture.

    Raises:
        PlanError: it is not a plan, or not one for the resource group of the session.
    """
    if not isinstance(plan, TrainingPlan):
        raise PlanError(
            f"The fixture 'aicore_plan' of this folder or test module returned {plan!r}, which is not a TrainingPlan."
            " Return for example dataclasses.replace(aicore_plan, timeout=60)."
        )
    group = session.settings.resource_group.value
    if plan.resource_group != group:
        raise PlanError(
            f"The fixture 'aicore_plan' of this folder or test module returned a plan for the resource group"
            f" {plan.resource_group!r}, but all trainings of a session run in one, which is {group!r}: where money may"
            " be spent is said by --aicore-resource-group, AICORE_RESOURCE_GROUP or ini aicore_resource_group alone."
        )
    return plan


def run_for(request: pytest.FixtureRequest, plan: TrainingPlan) -> Run:
    """Return the run of a plan for a test; nothing of it happens before it is used.

    Args:
        request: of the fixture.
        plan: what the fixture `aicore_plan` returned.
    """
    isolation = _isolation(request)
    with failing_plainly():
        return isolation.run(request.node, _checked(plan, isolation.session))


class RunStarter:
    """Starts the runs that the body of one test asks `aicore_run` for.

    Args:
        request: of the fixture.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._near = request.path
        self._session = session_for(request)
        self._isolation = _isolation(request)
        with failing_plainly():
            self._defaults = marked(request.node)
        self._started: list[Run] = []
        await_with_body(request.node, self)
        self._asking = Lock()  # pytest's fixtures are not made for threads, and a body may start its runs from several

    def start(self, workflow: Any = None, **arguments: Any) -> Run:
        """Start a run.

        Args:
            workflow: that of the markers if None.
            arguments: of the `aicore` marker.

        Raises:
            AicoreError: the run cannot be started.
        """
        __tracebackhide__ = True
        try:
            run = self._isolation.run(self._request.node, self._plan(workflow, arguments))
            self._started.append(run)
            run.start()
        except AicoreError as error:
            raise error.with_traceback(None) from None
        return run

    def _plan(self, workflow: Any, arguments: dict[str, Any]) -> TrainingPlan:
        session = self._session
        place = place_of(self._request.node)
        use = MarkerUse(*filled(((workflow,), arguments), parameter_values(self._request.node), place))
        given = bind_marker("aicore_run", aicore, use, place, "the call of")
        workflow = given.pop("workflow")
        if given.get("timeout", 0) is None:
            del given["timeout"]
        template = None if workflow is None else session.workflow(workflow, place, near=self._near)
        if template is None or template is session.workflow_of(self._defaults, self._near):
            with self._asking:
                default = _checked(self._request.getfixturevalue("aicore_plan"), session)
            return replace(default, place=place, **given)
        # Artifacts and parameters of one workflow do not fit another.
        asked = {name: value for name, value in self._defaults.items() if name in ("expect", "timeout", "fresh")}
        return session.plan(template, {**asked, **given}, place)

    def finish(self) -> None:
        """Wait for the runs whose execution the body did not ask for: each must end as expected."""
        with failing_plainly():
            for run in self._started:
                if not run.looked:
                    _ = run.execution


class Deployer:
    """Deploys what one test asks for, and stops what is the test's own.

    Args:
        request: of the fixture.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._item = request.node
        self._near = request.path
        self._session = session_for(request)
        self._own = _isolation(request).is_own(request.node)
        with failing_plainly():
            self._defaults = deployed(request.node)
        self._servings: list[Serving] = []

    def marked(self) -> Deployment:
        """Return the deployment that the markers of the test ask for; it runs and answers.

        Raises:
            AicoreError: it cannot be deployed, or does not answer rightly.
        """
        session, place = self._session, place_of(self._item)
        template = session.workflow(self._defaults.get("workflow"), place, near=self._near, deployable=True)
        return self._deployed(session.deployment_plan(template, self._defaults, place))

    def deploy(self, workflow: Any = None, **arguments: Any) -> Deployment:
        """Deploy a serving template, and return the deployment, which runs and answers.

        Args:
            workflow: that of the markers if None.
            arguments: of the `aicore_deployment` marker.

        Raises:
            AicoreError: it cannot be deployed, or does not answer rightly.
        """
        __tracebackhide__ = True
        session, place = self._session, place_of(self._item)
        try:
            use = MarkerUse(*filled(((workflow,), arguments), parameter_values(self._item), place))
            given = bind_marker("aicore_deploy", aicore_deployment, use, place, "the call of")
            named = given.pop("workflow")
            default = self._defaults.get("workflow")
            find = partial(session.workflow, place=place, near=self._near, deployable=True)
            template = find(default if named is None else named)
            # Artifacts and parameters of one template do not fit another.
            fits = named is None or (default is not None and template is find(default))
            kept = self._defaults if fits else {}
            return self._deployed(session.deployment_plan(template, {**kept, **given}, place))
        except AicoreError as error:
            raise error.with_traceback(None) from None

    def _deployed(self, plan: DeploymentPlan) -> Deployment:
        from pytest_aicore.deployment.deployment import Deployment

        run: Run | None = self._request.getfixturevalue("_aicore_run_of_test") if plan.trained else None
        own = self._own or plan.fresh or (run is not None and run.plan.fresh)
        key = self._session.deployment_key(plan, None if run is None else run.plan)
        if run is not None:
            outputs = run.execution.output_artifacts
            plan = plan.with_outputs(outputs.__getitem__)
        if not self._session.live:
            self._session.publish(plan.template)
        serving = self._session.deployments.get(plan, key, self._item.nodeid, own=own)
        self._servings.append(serving)
        deployment = Deployment(plan, serving)
        _isolation(self._request).note(self._item, deployment)
        serving.require(plan)
        return deployment

    def give_back(self) -> None:
        """Stop the deployments that are the test's own."""
        self._session.deployments.give_back(self._servings)


@contextmanager
def deploying(request: pytest.FixtureRequest) -> Iterator[Deployer]:
    """Deploy for a test, and stop afterwards what is its own.

    Args:
        request: of the fixture.
    """
    deployer = Deployer(request)
    try:
        yield deployer
    finally:
        deployer.give_back()


def output_writer(request: pytest.FixtureRequest) -> OutputWriter:
    """Return the function that writes the output artifacts of an execution to a file.

    Args:
        request: of the fixture.
    """
    session = session_for(request)

    def aicore_training_output(file: Path | str, execution: FinishedExecution | None = None) -> dict[str, Any]:
        __tracebackhide__ = True
        finished = request.getfixturevalue("aicore_execution") if execution is None else execution
        try:
            return session.write_output(Path(file), finished)
        except AicoreError as error:
            raise error.with_traceback(None) from None

    return aicore_training_output


@contextmanager
def serving(emulator: Emulator, folder: Path) -> Iterator[Server]:
    """Serve an emulator over HTTP.

    Args:
        emulator: that of the test.
        folder: where its service key is written.
    """
    from pytest_aicore.emulator.serve.server import Server
    from pytest_aicore.processes import Home

    home = Home()
    with failing_plainly():
        server = Server(emulator)
        server.write_service_key(folder / "service_key.json")
        server.start()
    yield server
    server.stop()
    if home.is_here:
        server.service_key_file.unlink(missing_ok=True)


@contextmanager
def setting_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> Iterator[Environment]:
    """Set the environment variables of the SAP SDK.

    Args:
        request: of the fixture.
        monkeypatch: what sets them, and restores them after the test.
        folder: where a service key is written.
    """
    from pytest_aicore.session.environment import make_environment

    session = session_for(request)
    served = request.scope == "function" and "aicore_server" in request.fixturenames
    server = request.getfixturevalue("aicore_server") if served else None
    with failing_plainly():
        credentials = session.credentials if server is None else session.credentials_of(server)
        group = session.settings.resource_group.value
        environment = make_environment(credentials, group, folder, emulated=not session.live)
    for name in environment.foreign:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.variables.items():
        monkeypatch.setenv(name, value)
    yield environment
    environment.remove()


@contextmanager
def setting_wider_environment(request: pytest.FixtureRequest, folder: Path) -> Iterator[Environment]:
    """Set the environment variables of the SAP SDK for more than one test.

    Args:
        request: of the fixture.
        folder: where a service key is written.
    """
    with pytest.MonkeyPatch.context() as monkeypatch, setting_environment(request, monkeypatch, folder) as environment:
        yield environment
