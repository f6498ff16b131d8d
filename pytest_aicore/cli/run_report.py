"""What a run on this machine looks like: lines while it goes on, or JSON at its end."""

from __future__ import annotations

import json
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from pytest_aicore.errors import listing
from pytest_aicore.printable import on_one_line, say
from pytest_aicore.quantities import beyond_plan, usage_text
from pytest_aicore.redact import redact
from pytest_aicore.running.walking.nodes import title_of
from pytest_aicore.workflows.resource_plans import memory_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_aicore.running.engines.engine import Engine
    from pytest_aicore.running.pods import Pod
    from pytest_aicore.running.walking.nodes import NodeStatus
    from pytest_aicore.running.walking.walk import Outcome
    from pytest_aicore.workflows.template import WorkflowTemplate

_SILENT = frozenset({"Pending"})
"""The phases of a node that are not told."""


Logged: TypeAlias = "Mapping[str, list[dict[str, Any]]]"
"""What `Tracking()` logged, by the names of its kinds in the API."""


class Report(Protocol):
    """Tells of a run."""

    def begin(self, workflow: WorkflowTemplate, name: str, engine: Engine) -> None:
        """Take what runs.

        Args:
            workflow: the workflow.
            name: of the run.
            engine: what runs its steps.
        """

    def changed(self, node: NodeStatus) -> None:
        """Take a node that has changed.

        Args:
            node: the node.
        """

    def log(self, pod: Pod, line: str) -> None:
        """Take a line of a step.

        Args:
            pod: of which step.
            line: the line.
        """

    def end(self, outcome: Outcome, logged: Logged, kept: Mapping[str, Path]) -> None:
        """Take how it ended.

        Args:
            outcome: how.
            logged: metrics, tags and custom information, as in the API.
            kept: where its outputs lie, by name.
        """


class TextReport:
    """Prints a run as it goes on, from whichever thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._run = ""

    def begin(self, workflow: WorkflowTemplate, name: str, engine: Engine) -> None:
        """Say what runs.

        Args:
            workflow: the workflow.
            name: of the run.
            engine: what runs its steps.
        """
        self._run = name
        self._say(f"{workflow.name} runs on this machine as {name}, by the engine `{engine.name}`")

    def changed(self, node: NodeStatus) -> None:
        """Say that a node has changed, if it is one that users know: a pod, or what has not run.

        Args:
            node: the node.
        """
        if node.type not in ("Pod", "Skipped") or node.phase in _SILENT:
            return
        title = self._title(node.name)
        if node.phase == "Running":
            self._say(f"{title} starts ({node.template})")
            return
        said = [node.phase + (f": {node.message}" if node.message else "")]
        if node.ended is not None and node.ended.exit_code is not None:
            said.append(usage_text(node.ended.seconds, node.ended.cpu_seconds, node.ended.peak_memory))
        self._say(f"{title} {', '.join(said)}")
        self._warn_of_plan(title, node)

    def _warn_of_plan(self, title: str, node: NodeStatus) -> None:
        beyond = beyond_plan(node.ended.peak_memory, node.plan, memory_of(node.plan)) if node.ended else None
        if beyond is not None:
            self._say(f"{title} needs more memory than its resource plan has: {beyond}")

    def log(self, pod: Pod, line: str) -> None:
        """Print a line of a step.

        Args:
            pod: of which step.
            line: the line.
        """
        self._say(f"{self._title(pod.node)} | {line}")

    def end(self, outcome: Outcome, logged: Logged, kept: Mapping[str, Path]) -> None:
        """Say how it ended.

        Args:
            outcome: how.
            logged: metrics, tags and custom information, as in the API.
            kept: where its outputs lie, by name.
        """
        reason = f": {outcome.message}" if outcome.message else ""
        for node in outcome.nodes:
            if node.type == "Pod" and node.has_failed:
                self._say(f"failed: {self._title(node.name)} ({node.id}): {node.message}")
                if node.ended is not None and node.ended.repeat is not None:
                    self._say(f"to repeat it by hand: {node.ended.repeat}")
        self._say(f"{outcome.status} after {outcome.seconds:.1f} s{reason}")
        for metric in logged["metrics"]:
            self._say(f"metric {metric['name']} = {metric['value']} (step {metric['step']})")
        for kind in ("tags", "customInfo"):
            for each in logged[kind]:
                self._say(f"{kind} {each['name']} = {each['value']}")
        for name, value in outcome.parameters.items():
            self._say(f"output parameter {name} = {value}")
        for name, path in kept.items():
            self._say(f"output artifact {name}: {path}")
        lost = dict.fromkeys(name for node in outcome.nodes if node.type == "Pod" for name in node.outputs.artifacts)
        if lost and not kept:
            self._say(f"no output artifact has a globalName, so AI Core would register none of them: {listing(lost)}")

    def _title(self, node: str) -> str:
        """Return the name of a node without that of the run, which stands before all of them."""
        return title_of(node, self._run)

    def _say(self, line: str) -> None:
        with self._lock:
            say(on_one_line(redact(line)))


class JsonReport:
    """Prints a run as JSON when it has ended."""

    def begin(self, workflow: WorkflowTemplate, name: str, engine: Engine) -> None:
        """Keep what runs."""
        self._head = {"workflow": workflow.name, "name": name, "engine": engine.name}

    def changed(self, node: NodeStatus) -> None:
        """Wait for the end."""

    def log(self, pod: Pod, line: str) -> None:
        """Wait for the end."""

    def end(self, outcome: Outcome, logged: Logged, kept: Mapping[str, Path]) -> None:
        """Print everything."""
        content = {
            **self._head,
            "status": outcome.status,
            "message": redact(outcome.message),
            **logged,
            "duration": round(outcome.seconds, 3),
            "outputs": {
                "parameters": {each: redact(value) for each, value in outcome.parameters.items()},
                "artifacts": {each: str(path) for each, path in kept.items()},
            },
            "nodes": [_node(node) for node in outcome.nodes],
        }
        say(json.dumps(content, indent=2))


def _node(node: NodeStatus) -> dict[str, Any]:
    content: dict[str, Any] = {
        "id": node.id,
        "name": node.name,
        "displayName": node.display_name,
        "type": node.type,
        "templateName": node.template,
        "phase": node.phase,
        "message": redact(node.message),
        "startedAt": node.started.isoformat(),
        "finishedAt": None if node.finished is None else node.finished.isoformat(),
        "children": node.children,
    }
    if node.ended is not None and node.type == "Pod":
        ended = node.ended
        content |= {
            "podName": node.pod,
            "exitCode": ended.exit_code,
            "seconds": round(ended.seconds, 3),
            "peakMemory": ended.peak_memory,
            "cpuSeconds": ended.cpu_seconds,
            "resourcePlan": node.plan,
            "repeat": ended.repeat,
            "planMemory": memory_of(node.plan),
            "lastLines": [redact(line) for line in ended.last_lines],
        }
    return content


__all__ = ["JsonReport", "Report", "TextReport"]
