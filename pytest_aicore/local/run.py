"""One execution, carried out on this machine in a thread of its own, from its first report to its last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.emulator.world.bindings import refused_details
from pytest_aicore.errors import SettingsError, WorkflowError
from pytest_aicore.local.carried import Carried, problem_of
from pytest_aicore.local.details import failed_details, steps_of
from pytest_aicore.local.log_lines import LogLines
from pytest_aicore.running.known_images import PodsWithKnownImages
from pytest_aicore.running.local_pods import LocalPods
from pytest_aicore.running.settings import Settings
from pytest_aicore.running.telling import telling
from pytest_aicore.running.walking.refusing import lost_outputs
from pytest_aicore.running.walking.walk import Walk
from pytest_aicore.workflows.cache import cache_folder
from pytest_aicore.workflows.template import WorkflowTemplate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.local.carried import Surroundings
    from pytest_aicore.local.job import Job
    from pytest_aicore.running.images.image import Images
    from pytest_aicore.running.pods import Pod
    from pytest_aicore.running.walking.nodes import NodeStatus
    from pytest_aicore.running.walking.walk import Outcome


class Run(Carried):
    """One execution, carried out on this machine.

    Args:
        job: what is carried out.
        around: what it finds around it.
        tracking: the variables with which its steps find the tracking service.
    """

    def __init__(self, job: Job, around: Surroundings, tracking: Mapping[str, str]) -> None:
        super().__init__(job, around)
        self._tracking = tracking
        self._walk: Walk | None = None
        self._images: Images | None = None
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

    def carry_out(self) -> None:
        """Carry it out, and report what happens, as it happens."""
        self._status("PENDING")
        try:
            outcome = self._outcome()
            self._desk.steps(self.job.id, steps_of(outcome))
            details = failed_details(self.job.id, outcome)
        except Exception as error:
            problem = problem_of(error)
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
        artifacts = self._found(
            lambda: {name: self._store.find(name, url, self._new_folder) for name, url in self.job.artifacts.items()}
        )
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

    def _refusal(self, message: str) -> Mapping[str, object]:
        return refused_details(self.job.id, message)

    def _workflow(self) -> WorkflowTemplate:
        job = self.job
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
                with telling(f"{self.job.id}: saving the output artifact {name!r}", self._warn):
                    self._store.keep(self.job.id, f"{name}{self.job.suffixes.get(name, '')}", content)
            except OSError as error:
                raise SettingsError(f"The output artifact {name!r} cannot be kept: {error}") from None
            self._desk.output(self.job.id, name)


__all__ = ["Run"]
