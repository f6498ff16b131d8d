"""The engine of an emulator that carries executions out on this machine, with their real code."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING
from uuid import uuid4

from pytest_aicore.emulator.api.handlers.inference import NOT_RUNNING, NOT_RUNNING_STATUS
from pytest_aicore.emulator.serve.server import Server
from pytest_aicore.emulator.world.engine import OpenEnd
from pytest_aicore.errors import EmulatorError
from pytest_aicore.http.exchange import text_response
from pytest_aicore.local.carried import Surroundings
from pytest_aicore.local.deployed import Deployed
from pytest_aicore.local.job import job_of
from pytest_aicore.local.object_store import ObjectStore, shelf_at
from pytest_aicore.local.run import Run
from pytest_aicore.local.tracking import tracking_variables
from pytest_aicore.running.engines.choosing import chosen_engine
from pytest_aicore.running.own_folder import own_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator.emulator import Emulator
    from pytest_aicore.emulator.store.records import Configuration, Enactment
    from pytest_aicore.emulator.store.state import ResourceGroup
    from pytest_aicore.emulator.world.engine import Desk
    from pytest_aicore.http.exchange import Request, Response
    from pytest_aicore.local.carried import Carried
    from pytest_aicore.local.choices import LocalChoices


def _nobody_listens(sentence: str) -> None:
    del sentence


def _no_server(request: Request) -> Response:
    del request
    return text_response(NOT_RUNNING_STATUS, NOT_RUNNING)


class LocalEngine:
    """Carries executions out on this machine: each in a thread of its own, with its steps as processes.

    Args:
        desk: where it reports.
        choices: what users have chosen.
        warn: gets what the user should know and the API does not show, from any thread.

    Attributes:
        runner: what runs the steps.
        store: holds the artifacts.
        tracking_url: where steps find the service for what `Tracking()` logs, None if nobody takes it.

    Raises:
        SettingsError: the chosen engine does not work on this machine, or a store is in S3 and boto3 is not installed.
    """

    def __init__(self, desk: Desk, choices: LocalChoices, warn: Callable[[str], None] = _nobody_listens) -> None:
        self.runner = chosen_engine(choices.engine, network=choices.network)
        self.tracking_url: str | None = None
        self._desk = desk
        self._choices = choices
        self._warn = warn
        self._exits = ExitStack()
        self._exits.callback(self.runner.close)
        places = {name: shelf_at(name, place) for name, place in choices.store.items()}
        self._folder = self._exits.enter_context(own_folder())
        outputs = choices.outputs or self._folder / "outputs"
        self.store = ObjectStore(places, outputs, self._folder / "written", choices.others)
        self._runs: dict[str, Carried] = {}
        self._threads: set[Carried] = set()
        self._mutex = threading.Lock()

    def serve_steps(self, emulator: Emulator) -> None:
        """Serve an emulator to the steps until `close`, so that `Tracking()` logs to it.

        Args:
            emulator: the one whose engine this is.

        Raises:
            EmulatorError: no server can be started.
        """
        server = Server(emulator, admin=False)
        self._exits.callback(server.stop)
        server.start()
        self.tracking_url = server.url

    def plan(
        self,
        group: ResourceGroup,  # noqa: ARG002  # as in `Engine`
        configuration: Configuration,  # noqa: ARG002
        enactment_id: str,  # noqa: ARG002
        *,
        deployed: bool,  # noqa: ARG002
    ) -> OpenEnd:
        """Return that nothing is known in advance."""
        return OpenEnd()

    def begin(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Start a thread that carries it out, in place of the one that there may be.

        Without the object-store secret `default` it stays UNKNOWN, as on AI Core.

        Args:
            group: its resource group.
            enactment: its record.
        """
        executable = self._desk.executable_of(enactment)
        template_of = self._choices.template_of
        job = job_of(group, enactment, executable, template_of(enactment.executable_id) if template_of else None)
        if not (job.has_store or job.is_deployment):
            self._warn(
                f"{job.id} stays UNKNOWN, as on AI Core: the resource group {job.group!r} has no object-store secret "
                "`default`"
            )
            return
        folder = self._folder / f"run-{uuid4().hex}"
        store = self.store.with_uploads(lambda: job.uploads)
        around = Surroundings(self._desk, self._choices, self.runner, store, folder, self._warn, self._forget)
        run: Carried
        with self._mutex:
            before = self._runs.get(job.id)
            if job.is_deployment:
                run = Deployed(job, around, before if isinstance(before, Deployed) else None)
            else:
                run = Run(job, around, tracking_variables(job.id, job.group, self.tracking_url))
            self._runs[job.id] = run
            self._threads.add(run)
        try:
            run.start()
        except RuntimeError as error:  # the system allows no further thread
            run.refuse(f"it cannot be started: {error}")
            self._forget(run)

    def stop(self, group: ResourceGroup, enactment: Enactment) -> None:  # noqa: ARG002
        """End its steps.

        Args:
            group: its resource group.
            enactment: its record.
        """
        self.abandon(enactment.id)

    def carried(self) -> tuple[str, ...]:
        """Return those whose thread has not made its last report."""
        with self._mutex:
            return tuple(self._runs)

    def abandon(self, enactment_id: str) -> None:
        """End its steps.

        Args:
            enactment_id: its id; nothing happens if it has ended.
        """
        with self._mutex:
            run = self._runs.get(enactment_id)
        if run is not None:
            run.end()

    def server_of(self, deployment_id: str) -> Callable[[Request], Response]:
        """Return what answers requests to a deployment; without a server that is ready, what the gateway answers.

        Args:
            deployment_id: its id.
        """
        with self._mutex:
            run = self._runs.get(deployment_id)
        server = run.server if isinstance(run, Deployed) else None
        return server or _no_server

    def polled(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Do nothing: polls have no effect on what really runs."""

    def script_changed(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Refuse the script.

        Args:
            group: its resource group.
            enactment: its record.

        Raises:
            EmulatorError: always.
        """
        raise EmulatorError(
            f"{enactment.id} of the resource group {group.id!r} really runs on this machine: it follows no script."
        )

    def close(self) -> None:
        """End everything that still runs, and return when all of it has ended; own folders are removed."""
        with self._mutex:
            runs = list(self._threads)
        for run in runs:
            run.end()
        for run in runs:
            run.join()
        self._exits.close()

    def _forget(self, run: Carried) -> None:
        """Take note of the last report of a run."""
        with self._mutex:
            self._threads.discard(run)
            if self._runs.get(run.job.id) is run:
                del self._runs[run.job.id]


__all__ = ["LocalEngine"]
