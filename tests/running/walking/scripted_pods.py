"""Pods that end as a test says, and workflows that are carried out with them."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_aicore.running.pods import Ended, Stored
from pytest_aicore.running.walking.walk import Walk
from pytest_aicore.running.workflow import PlainWorkflow
from pytest_aicore.workflows.template import WorkflowTemplate
from pytest_aicore.workflows.yaml.source import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_aicore.running.pods import Pod
    from pytest_aicore.running.walking.nodes import NodeStatus
    from pytest_aicore.running.walking.walk import Outcome

NAME = "wf"
FAILS = Ended("Failed", "Error (exit code 1)", 1)
BREAKS = Ended("Error", "Error (exit code 1): artifact data failed to load: no such file", None)
HANGS = Ended("Failed", "it hangs until it is stopped")
"""Says that a pod runs until it is stopped; compared by identity."""


class ScriptedPods:
    """Runs no pod: each ends at once, as the script says.

    Args:
        script: by the name of a node how its pod ends, or how that follows from the pod; the others succeed and leave
            whatever they declare.
    """

    def __init__(self, script: Mapping[str, Ended | Callable[[Pod], Ended]]) -> None:
        self._script = script
        self.started: list[Pod] = []
        self.stopped: list[tuple[str, str | None]] = []
        self.hanging: dict[str, Callable[[Ended], None]] = {}
        self.otherwise: Callable[[Pod], Ended] = left
        self.on_start: Callable[[Pod], None] = lambda pod: None

    def start(self, pod: Pod, ended: Callable[[Ended], None]) -> None:
        """Start a pod."""
        self.started.append(pod)
        how = self._script.get(pod.node, self.otherwise)
        if how is HANGS:
            self.hanging[pod.name] = ended
        else:
            ended(how(pod) if callable(how) else how)
        self.on_start(pod)

    def stop(self, name: str, message: str | None = None) -> None:
        """End a pod."""
        self.stopped.append((name, message))
        ended = self.hanging.pop(name, None)
        if ended is not None:
            ended(Ended("Failed", message or "Error (exit code 137)", 137))

    def pod(self, node: str) -> Pod:
        """Return the pod of a node."""
        return next(pod for pod in self.started if pod.node == node)

    @property
    def nodes(self) -> list[str]:
        """The nodes whose pods were started, in that order."""
        return [pod.node for pod in self.started]


def left(pod: Pod, result: str | None = None, **parameters: str) -> Ended:
    """Return the end of a pod that succeeded and left all that it declares.

    Args:
        pod: the pod.
        result: what it wrote to stdout.
        parameters: values of output parameters; the others are called as they are.
    """
    return Ended(
        "Succeeded",
        exit_code=0,
        result=result if pod.keep_result else None,
        parameters={each.name: parameters.get(each.name, each.name) for each in pod.parameters_out},
        artifacts={each.name: Stored(Path("/stored", pod.node, each.name), each.archive) for each in pod.artifacts_out},
    )


def prints(text: str, **parameters: str) -> Callable[[Pod], Ended]:
    """Return what lets a pod write a text to stdout.

    Args:
        text: the text.
        parameters: values of output parameters.
    """
    return lambda pod: left(pod, text, **parameters)


def workflow(spec: str, kind: str = "Workflow") -> WorkflowTemplate:
    """Return a workflow.

    Args:
        spec: the YAML of its specification.
        kind: `Workflow` or `WorkflowTemplate`.
    """
    head = f"apiVersion: argoproj.io/v1alpha1\nkind: {kind}\nmetadata:\n  name: {NAME}\nspec:\n"
    document = parse(head + textwrap.indent(textwrap.dedent(spec).strip("\n"), "  ") + "\n", "wf.yaml")
    return PlainWorkflow(document) if kind == "Workflow" else WorkflowTemplate(document)


class Walked:
    """A workflow that was carried out with scripted pods.

    Args:
        spec: the YAML of its specification.
        script: how its pods end.
        kind: of the workflow.
        given: parameters and artifacts of the run.
    """

    def __init__(
        self,
        spec: str,
        script: Mapping[str, Ended | Callable[[Pod], Ended]] | None = None,
        kind: str = "Workflow",
        **given: Any,
    ) -> None:
        self.pods = ScriptedPods(script or {})
        self.walk = Walk(workflow(spec, kind), NAME, self.pods, changed=self._changed, **given)
        self.changes: list[tuple[str, str]] = []
        self.outcome: Outcome

    def _changed(self, node: NodeStatus) -> None:
        self.changes.append((node.name, node.phase))

    def run(self) -> Walked:
        """Carry it out to its end."""
        self.outcome = self.walk.run()
        return self

    @property
    def end(self) -> tuple[str, str, str]:
        """Status, phase and message of the workflow."""
        return self.outcome.status, self.outcome.phase, self.outcome.message

    @property
    def phases(self) -> dict[str, str]:
        """The phase of each node, by its name."""
        return {node.name: node.phase for node in self.outcome.nodes}

    def node(self, name: str) -> NodeStatus:
        """Return a node by its name."""
        return next(node for node in self.outcome.nodes if node.name == name)


def walked(spec: str, script: Mapping[str, Ended | Callable[[Pod], Ended]] | None = None, **given: Any) -> Walked:
    """Return a workflow that was carried out to its end.

    Args:
        spec: the YAML of its specification.
        script: how its pods end.
        given: its kind, and parameters and artifacts of the run.
    """
    return Walked(spec, script, **given).run()
