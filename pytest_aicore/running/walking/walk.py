"""Carries a workflow out: from its arguments to its end."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final, Literal
from uuid import uuid4

from pytest_aicore.errors import WorkflowError
from pytest_aicore.running.walking.arguments import arguments_of, own_value
from pytest_aicore.running.walking.calls import Call
from pytest_aicore.running.walking.carried_out import LETTERS
from pytest_aicore.running.walking.config_maps import ConfigMaps
from pytest_aicore.running.walking.executing import Executor
from pytest_aicore.running.walking.handlers import Handlers
from pytest_aicore.running.walking.pod_making import whole_number
from pytest_aicore.running.walking.refusing import refusals
from pytest_aicore.running.walking.run_state import DEADLINE, RunState
from pytest_aicore.running.walking.substituting import substituted
from pytest_aicore.running.walking.templates import library_of, link, templates_of
from pytest_aicore.running.walking.values import (
    Plain,
    Scope,
    Supplied,
    ValueProblem,
    Values,
    items,
    json_of,
    text_of,
)
from pytest_aicore.running.workflow import PlainWorkflow
from pytest_aicore.workflows.yaml.source import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_aicore.running.pods import Pods, Stored
    from pytest_aicore.running.walking.nodes import NodePhase, NodeStatus
    from pytest_aicore.workflows.template import WorkflowTemplate

STOPPED: Final = "stopped"
"""The message of what ends because the run was stopped, unless another is given."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        status: as AI Core shows it.
        phase: as Argo shows it.
        message: why, empty if it succeeded.
        nodes: all nodes, in the order in which they came.
        parameters: the output parameters with a `globalName`.
        artifacts: the output artifacts with a `globalName`: those that AI Core registers.
        seconds: how long it took.
    """

    status: Literal["COMPLETED", "DEAD", "STOPPED"]
    phase: NodePhase
    message: str
    nodes: tuple[NodeStatus, ...]
    parameters: Mapping[str, str]
    artifacts: Mapping[str, Stored | bytes]
    seconds: float


class _InvalidSpec(Exception):  # noqa: N818 - the workflow's end, in Argo's words
    """Values with which Argo refuses the workflow."""


def _nobody_listens(node: NodeStatus) -> None:
    del node


class Walk:
    """One run of a workflow.

    Args:
        workflow: the workflow.
        name: of the run: the id of the execution.
        pods: runs the pods.
        parameters: values by the names of the workflow's parameters.
        artifacts: what is bound to input artifacts, by their names.
        config_maps: the values for `configMapKeyRef`: by the name of a ConfigMap its values by key.
        changed: gets each node when it is new and whenever its phase has changed, in the thread that runs.

    Raises:
        WorkflowError: the workflow has something that is not carried out here; all of it is named.
    """

    def __init__(
        self,
        workflow: WorkflowTemplate,
        name: str,
        pods: Pods,
        *,
        parameters: Mapping[str, str] | None = None,
        artifacts: Mapping[str, Stored] | None = None,
        config_maps: Mapping[str, Mapping[str, str]] | None = None,
        changed: Callable[[NodeStatus], None] = _nobody_listens,
    ) -> None:
        library = library_of(workflow)
        refused = refusals(workflow, library, artifacts or ())
        if refused:
            raise WorkflowError(
                f"{workflow.document.name} cannot be carried out on this machine, so nothing was started. "
                "Change these places, or run it on AI Core:\n" + "\n".join(f"  {each}" for each in refused)
            )
        self._workflow = workflow
        self._name = name
        self._pods = pods
        self._given = dict(parameters or {})
        self._bound = {each: Supplied(stored, "none") for each, stored in (artifacts or {}).items()}
        self._config_maps = ConfigMaps(config_maps or {})
        self._changed = changed
        self._templates = templates_of(workflow, library)
        self._spec: Plain = plain(workflow.spec)
        link(self._spec, "")
        self._wish: str | None = None
        self._running: tuple[asyncio.AbstractEventLoop, RunState] | None = None

    def run(self) -> Outcome:
        """Carry the workflow out, and return when it has ended.

        Needs a thread without a running event loop.
        """
        return asyncio.run(self._run())

    def stop(self, message: str = STOPPED) -> None:
        """End the run with all its pods; from any thread, or from a signal handler of the thread that runs.

        Nothing happens if it has ended.

        Args:
            message: why; it becomes the message of what ends by it.
        """
        self._wish = self._wish or message
        running = self._running
        if running is None:
            return  # it is seen when the run begins
        loop, state = running
        try:
            loop.call_soon_threadsafe(state.end, message)
        except RuntimeError:  # the loop is closed: it has ended
            return

    async def _run(self) -> Outcome:
        begin = time.monotonic()
        phase: NodePhase
        state = RunState(self._name, self._pods, self._changed, self._config_maps)
        self._running = asyncio.get_running_loop(), state
        if self._wish is not None:
            state.end(self._wish)
        try:
            phase, message = await self._carry_out(state)
        except Exception as error:
            phase = "Error"
            message = f"internal error of pytest-aicore, please report it: {type(error).__name__}: {error}"
        finally:
            self._running = None
            state.end(STOPPED)  # pods are left only after an error of ours
        is_stopped = self._wish is not None and phase != "Succeeded"
        return Outcome(
            "COMPLETED" if phase == "Succeeded" else "STOPPED" if is_stopped else "DEAD",
            phase,
            message,
            tuple(state.nodes.values()),
            dict(state.parameters),
            {name: supplied.source for name, supplied in state.artifacts.items()},
            time.monotonic() - begin,
        )

    async def _carry_out(self, state: RunState) -> tuple[NodePhase, str]:
        """Carry out the entrypoint and the exit handler, and return phase and message of the workflow."""
        try:
            values = self._parameters()
        except _InvalidSpec as problem:
            return "Failed", f"invalid spec: {problem}"
        except ValueProblem as problem:
            return "Failed", f"failed to set global parameters: {problem}"
        entrypoint = self._spec["entrypoint"]
        now = datetime.now(timezone.utc)
        state.texts.update(
            {
                "workflow.name": self._name,
                "workflow.uid": str(uuid4()),
                "workflow.mainEntrypoint": entrypoint,
                "workflow.creationTimestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "workflow.creationTimestamp.RFC3339": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "workflow.creationTimestamp.s": str(int(now.timestamp())),
                **{f"workflow.creationTimestamp.{letter}": now.strftime(f"%{letter}") for letter in LETTERS},
                "workflow.namespace": "default",
                "workflow.serviceAccountName": text_of(self._spec.get("serviceAccountName") or "default"),
                **self._metadata("labels"),
                **self._metadata("annotations"),
            }
        )
        if self._spec.get("priority") is not None:
            state.texts["workflow.priority"] = text_of(self._spec["priority"])
        state.set_parameters(values)
        spec = substituted({key: value for key, value in self._spec.items() if key != "templates"}, state.texts)
        try:
            if spec.get("parallelism") is not None:
                state.allow(whole_number(spec["parallelism"], "parallelism"))
            seconds = spec.get("activeDeadlineSeconds")
            deadline = None if seconds is None else whole_number(seconds, "activeDeadlineSeconds")
            passed = arguments_of(spec, Scope())
        except ValueProblem as problem:
            return "Failed", f"invalid spec: {problem}"
        arguments = state.arguments = Values({**passed.parameters, **values}, passed.artifacts)
        executor = Executor(state, self._templates, spec, self._bound)
        timer = None if deadline is None else asyncio.get_running_loop().call_later(deadline, state.end, DEADLINE)
        handlers = Handlers(state, spec, executor.execute)
        root = await executor.execute(Call(self._name, self._name, entrypoint, arguments))
        if timer is not None:
            timer.cancel()
        message = f"error in entry template execution: {root.setup_error}" if root.setup_error else root.message
        if self._wish is not None:
            return root.phase, message
        return await handlers.finish(root, message)

    def _metadata(self, kind: str) -> dict[str, str]:
        """Return what the tags of labels or annotations mean."""
        own = plain(self._workflow.metadata.mapping(kind))
        given = {**own, **((self._spec.get("workflowMetadata") or {}).get(kind) or {})}
        texts = {f"workflow.{kind}.{name}": text_of(value) for name, value in given.items() if value is not None}
        return {**texts, f"workflow.{kind}.json": json_of(given)}

    def _parameters(self) -> dict[str, str]:
        """Return the values of the workflow's parameters."""
        values: dict[str, str] = {}
        is_of_aicore = not isinstance(self._workflow, PlainWorkflow)  # Argo itself has no use for `default` there
        for each in items(self._spec, "arguments", "parameters"):
            name = each["name"]
            value = self._given.get(name)
            if value is None:
                value = own_value(each, self._config_maps)
            if value is None and is_of_aicore:
                value = each.get("default")
            if value is None:
                raise ValueProblem(
                    f"either value or valueFrom must be specified in order to set global parameter {name}"
                )
            values[name] = text_of(value)
            if each.get("enum") and values[name] not in map(text_of, each["enum"]):
                raise _InvalidSpec(f"spec.arguments.{name}.value should be present in spec.arguments.{name}.enum list")
        return values


__all__ = ["STOPPED", "Outcome", "Walk"]
