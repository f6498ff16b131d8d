"""One configuration of a deployment, served on this machine, from its first report to its last."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from pytest_aicore.emulator.world.bindings import SERVING
from pytest_aicore.errors import WorkflowError
from pytest_aicore.http.upstream import Upstream
from pytest_aicore.local.carried import Carried, problem_of
from pytest_aicore.local.details import server_details
from pytest_aicore.local.log_lines import LogLines
from pytest_aicore.running.known_images import PodsWithKnownImages
from pytest_aicore.running.local_pods import LocalPods
from pytest_aicore.running.serving.model import model_files
from pytest_aicore.running.serving.server import ModelServer
from pytest_aicore.running.serving.service import STORAGE_URI, service_of
from pytest_aicore.running.settings import Settings
from pytest_aicore.running.step import COMMAND_ERROR
from pytest_aicore.workflows.cache import cache_folder
from pytest_aicore.workflows.template import ServingTemplate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.local.carried import Surroundings
    from pytest_aicore.local.job import Job
    from pytest_aicore.running.images.image import Images
    from pytest_aicore.running.pods import ArtifactIn, Pod
    from pytest_aicore.running.serving.service import Service

_GRACE: Final = 30.0
"""Seconds in which a server that is replaced may answer what it has been asked (Kubernetes' grace period of a pod)."""


class Deployed(Carried):
    """One configuration of a deployment, served on this machine.

    Args:
        job: what is deployed.
        around: what it finds around it.
        before: what serves the previous configuration, until this one is ready; None without one.
    """

    def __init__(self, job: Job, around: Surroundings, before: Deployed | None) -> None:
        super().__init__(job, around)
        self._before = before
        self._ready: Upstream | None = None
        self._was_ready = False
        self._server: ModelServer | None = None
        self._images: Images | None = None

    @property
    def server(self) -> Upstream | None:
        """What answers requests: its own server once that is ready, until then the previous one."""
        before = self._before
        return self._ready or (before.server if before is not None else None)

    def end(self) -> None:
        """Let it end, without waiting for that."""
        with self._mutex:
            self._is_unwanted = True
            self._may_go_on.set()
            server, images, before = self._server, self._images, self._before
        if images is not None:
            images.stop()
        if server is not None:
            server.let_go()
        if before is not None:
            before.replace()

    def carry_out(self) -> None:
        """Serve, and report what happens, as it happens."""
        self._status("PENDING")
        try:
            problem = self._served()
        except Exception as error:
            problem = problem_of(error)
        self._ready = None
        if self._is_unwanted:
            self._status("STOPPED")
        else:
            self.refuse(problem)
        self._end_previous()

    def _served(self) -> str:
        """Serve until the server is to end or has ended, and return why it has."""
        self._folder.mkdir()
        with ExitStack() as exits:
            log = partial(self._desk.log, self.job.id, container=SERVING)
            lines = exits.enter_context(LogLines(lambda bundle: log(*bundle)))
            service = self._service()
            for remark in service.remarks:
                self._warn(f"{self.job.id}: {remark}")
            pod = replace(service.pod, artifacts_in=(*service.pod.artifacts_in, *self._model(service)))
            images = self._engine.images(self._choices.images, cache_folder() or self._folder, self._folder)
            exits.callback(images.close)
            server = ModelServer(service, lines.add)

            def say(_: Pod, line: str) -> None:
                lines.add(line)

            settings = Settings(
                self._engine,
                images,
                self._folder,
                secrets=self._choices.secrets,
                log=say,
                limits_memory=self._choices.limits_memory,
                started=server.started,
                kept=None if self._choices.kept is None else self._choices.kept / self.job.id,
            )
            pods = LocalPods(settings)
            exits.callback(pods.close)
            known = PodsWithKnownImages(
                pods, images, may_substitute=self._choices.may_substitute, warn=self._warn, asked=self._choices.asked
            )
            if not self._engine.has_ports_of_its_own and self._before is not None:
                lines.add(f"pytest-aicore: the engine {self._engine.name} has each port once: the previous server ends")
                self._end_previous()
            with self._mutex:
                self._server, self._images = server, images
            if not self._is_unwanted:
                known.start(pod, server.ended)
                self._serve(server, service)
        return self._why(server)

    def _serve(self, server: ModelServer, service: Service) -> None:
        """Let requests in as soon as it is ready, until it has ended or is to end."""
        if self._is_unwanted:  # since it was started
            return
        if server.wait_until_ready():
            self._ready, self._was_ready = Upstream(server.connect, service.seconds), True
            self._status("RUNNING")
            before = self._before
            previous = before.server if before is not None else None
            if previous is not None:
                previous.hand_over(self._ready, _GRACE)
            self._end_previous()
            server.wait_until_over()

    def _end_previous(self) -> None:
        with self._mutex:
            before, self._before = self._before, None
        if before is not None:
            before.replace()
            before.join()

    def _service(self) -> Service:
        job = self.job
        template = job.template
        if not isinstance(template, ServingTemplate):
            raise WorkflowError(
                f"The code of the executable {job.executable_id!r} is not known, so it cannot be deployed on this "
                "machine: only templates that were published from a YAML file can."
            )
        parameters = {each.name for each in template.executable.parameters}
        artifacts = {each.name for each in template.executable.input_artifacts}
        manifest = template.render(
            {name: value for name, value in job.parameters.items() if name in parameters},
            {name: url for name, url in job.artifacts.items() if name in artifacts},
        )
        return service_of(template, manifest, f"{job.id}-predictor", self._choices.config_maps)

    def _model(self, service: Service) -> tuple[ArtifactIn, ...]:
        """Return the files of the model, all of which are on this machine now."""
        url = service.model
        if url is None:
            return ()
        bound = f"{STORAGE_URI} is {url}"
        found = self._found(lambda: {STORAGE_URI: self._store.fetched(STORAGE_URI, bound, url, self._new_folder)})
        return model_files(bound, found[STORAGE_URI].path, self._new_folder) if found else ()

    def _why(self, server: ModelServer) -> str:
        """Return why its server has failed."""
        how = server.how
        if server.problem or how is None:
            return server.problem
        if how.exit_code is None:
            return how.message
        _, of_executor, reason = how.message.partition(f"Error (exit code {COMMAND_ERROR}): ")
        if of_executor:
            return f"its program cannot be executed: {reason.removeprefix('failed to find name in PATH: ')}"
        when = "" if self._was_ready else " before it was ready"
        last = f" Its last line: {how.last_lines[-1]}" if how.last_lines else ""
        return f"{SERVING} ended{when}: {how.message or 'Completed (exit code 0)'}.{last}"

    def _refusal(self, message: str) -> Mapping[str, object]:
        return server_details(self.job.id, message, self._server.how if self._server is not None else None)


__all__ = ["Deployed"]
