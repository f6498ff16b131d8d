"""One execution, carried out on this machine in a thread of its own, from its first report to its last."""

from __future__ import annotations

import tempfile
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_aicore.emulator.control.scripts import LONGEST_STATUS_MESSAGE
from pytest_aicore.emulator.world.bindings import refused_details
from pytest_aicore.errors import AicoreError, SettingsError, WorkflowError
from pytest_aicore.local.details import failed_details, steps_of
from pytest_aicore.local.finding import Finding
from pytest_aicore.local.log_lines import LogLines
from pytest_aicore.running.copying import remove
from pytest_aicore.running.known_images import PodsWithKnownImages
from pytest_aicore.running.local_pods import LocalPods
from pytest_aicore.running.settings import Settings
from pytest_aicore.running.walking.refusing import lost_outputs
from pytest_aicore.running.walking.walk import Walk
from pytest_aicore.workflows.cache import cache_folder
from pytest_aicore.workflows.template import WorkflowTemplate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_aicore.emulator.world.engine import Desk
    from pytest_aicore.local.choices import LocalChoices
    from pytest_aicore.local.job import Job
    from pytest_aicore.local.object_store import ObjectStore
    from pytest_aicore.running.engines.engine import Engine
    from pytest_aicore.running.images.image import Images
    from pytest_aicore.running.pods import Pod
    from pytest_aicore.running.walking.nodes import NodeStatus
    from pytest_aicore.running.walking.walk import Outcome


class Run(threading.Thread):
    """One execution, carried out on this machine.

    Args:
        job: what is carried out.
        desk: where it is reported.
        choices: what users have chosen.
        engine: what runs its steps.
        store: holds its artifacts.
        folder: a new folder for its files, which is made for it and removed at the end.
        tracking: the variables with which its steps find the tracking service.
        warn: gets what the user should know.
        over: called after the last report.
    """

    def __init__(
        self,
        job: Job,
        desk: Desk,
        choices: LocalChoices,
        engine: Engine,
        store: ObjectStore,
        folder: Path,
        tracking: Mapping[str, str],
        warn: Callable[[str], None],
        over: Callable[[Run], None],
    ) -> None:
        super().__init__(daemon=True, name=f"aicore-{job.id}")
        self.job = job
        self._desk = desk
        self._choices = choices
        self._engine = engine
        self._store = store
        self._folder = folder
        self._tracking = tracking
        self._warn = warn
        self._over = over
        self._mutex = threading.Lock()
        self._at_end = ExitStack()
        self._walk: Walk | None = None
        self._images: Images | None = None
        self._is_unwanted = False
        self._may_go_on = threading.Event()
        self._reports = True
        self._has_started = False

    def end(self) -> None:
        """Let it end, without waiting for that."""
        with self._mutex:
            self._is_unwanted = True
            self._may_go_on.set()
            walk, images = self._walk, self._images
        if images is not None:
            images.stop()
        if walk is not None:
            walk.stop()

    def replace(self) -> None:
        """Let it end, and report no status any more: another takes its place."""
        self._reports = False
        self.end()

    def run(self) -> None:
        """Carry it out, and report what happens, as it happens."""
        try:
            self._report_end()
        finally:
            self._at_end.close()
            with suppress(OSError):  # it is in the engine's own folder, which is removed later
                remove(self._folder)
            self._over(self)

    def refuse(self, message: str) -> None:
        """Report that it ends without having done what it should.

        Args:
            message: why.
        """
        self._warn(f"{self.job.id}: {message}")
        details = {} if self.job.is_deployment else refused_details(self.job.id, message)
        self._status("DEAD", message=message, details=details)

    def _report_end(self) -> None:
        self._status("PENDING")
        try:
            outcome = self._outcome()
            self._desk.steps(self.job.id, steps_of(outcome))
            details = failed_details(self.job.id, outcome)
        except AicoreError as error:
            problem = str(error)
        except OSError as error:
            problem = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        except Exception as error:
            problem = f"internal error of pytest-aicore, please report it: {type(error).__name__}: {error}"
        else:
            problem = ""
        if self._is_unwanted:
            self._status("STOPPED")
        elif problem:
            self.refuse(problem)
        elif outcome.status == "COMPLETED":
            self._status("COMPLETED")
        else:
            self._status("DEAD", message=outcome.message, details=details)

    def _outcome(self) -> Outcome:
        """Carry the workflow out; what it has left is kept and reported."""
        workflow = self._workflow()
        folder = self._folder
        folder.mkdir()

        def fetched() -> Path:
            return Path(tempfile.mkdtemp(prefix="fetched-", dir=folder))

        finding = Finding(
            lambda: {name: self._store.find(name, url, fetched) for name, url in self.job.artifacts.items()},
            self._may_go_on,
        )
        finding.start()
        self._may_go_on.wait()  # until everything is found, or the run is to end
        artifacts = finding.found()
        with LogLines(lambda lines: self._desk.log(self.job.id, *lines)) as lines:
            images = self._engine.images(self._choices.images, cache_folder() or folder, folder)

            def log(pod: Pod, line: str) -> None:
                del pod
                lines.add(line)

            settings = Settings(
                self._engine,
                images,
                folder,
                secrets=self._choices.secrets,
                given=self._tracking,
                log=log,
                limits_memory=self._choices.limits_memory,
                kept=None if self._choices.kept is None else self._choices.kept / self.job.id,
            )
            pods = LocalPods(settings)
            known = PodsWithKnownImages(
                pods,
                images,
                may_substitute=self._choices.may_substitute,
                warn=self._warn,
                asked=self._choices.asked,
            )
            walk = Walk(
                workflow,
                self.job.id,
                known,
                parameters=self.job.parameters,
                artifacts=artifacts,
                config_maps=self._choices.config_maps,
                changed=self._node_changed,
            )
            with self._mutex:
                self._walk, self._images = walk, images
                is_unwanted = self._is_unwanted
            if is_unwanted:
                self.end()  # again: there was nothing to stop
            self._at_end.callback(images.close)
            self._at_end.callback(pods.close)
            try:
                known.make(workflow)
                outcome = walk.run()
            except BaseException:
                self._at_end.close()  # else all pods have ended
                raise
            if outcome.status == "COMPLETED" and not self._is_unwanted:
                self._keep(outcome)
                for sentence in lost_outputs(workflow):
                    self._warn(f"{self.job.id}: {sentence}")
        return outcome

    def _workflow(self) -> WorkflowTemplate:
        job = self.job
        if job.is_deployment:
            raise WorkflowError("Deployments are not carried out on this machine: only executions are.")
        if job.problem is not None:
            raise WorkflowError(job.problem)
        if not isinstance(job.template, WorkflowTemplate):
            raise WorkflowError(
                f"The code of the executable {job.executable_id!r} is not known, so it cannot run on this machine: "
                "only workflows that were published from a YAML file can."
            )
        return job.template

    def _node_changed(self, node: NodeStatus) -> None:
        if node.type == "Pod" and node.phase == "Running" and not self._has_started:
            self._has_started = True
            self._status("RUNNING")

    def _keep(self, outcome: Outcome) -> None:
        for name, content in outcome.artifacts.items():
            try:
                self._store.keep(self.job.id, f"{name}{self.job.suffixes.get(name, '')}", content)
            except OSError as error:
                raise SettingsError(f"The output artifact {name!r} cannot be kept: {error}") from None
            self._desk.output(self.job.id, name)

    def _status(self, status: str, *, message: str | None = None, details: Mapping[str, object] | None = None) -> None:
        if self._reports:
            shown = None if message is None else _shortened(message)
            self._desk.status(self.job.id, status, message=shown, details=details)
            self._choices.news()


def _shortened(message: str) -> str:
    return message if len(message) <= LONGEST_STATUS_MESSAGE else f"{message[: LONGEST_STATUS_MESSAGE - 1]}…"


__all__ = ["Run"]
