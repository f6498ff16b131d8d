"""The hooks of the workflow itself, and its exit handler.

Source: argo-workflows 3.5, workflow/controller/operator.go, hooks.go and exit_handler.go.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from pytest_aicore.running.walking.arguments import arguments_of
from pytest_aicore.running.walking.calls import Call
from pytest_aicore.running.walking.hooks import EXIT, Hooks
from pytest_aicore.running.walking.nodes import COMPLETED, pod_name
from pytest_aicore.running.walking.substituting import substituted
from pytest_aicore.running.walking.templates import name_of
from pytest_aicore.running.walking.values import Plain, Scope, ValueProblem

if TYPE_CHECKING:
    from pytest_aicore.running.walking.calls import Execute
    from pytest_aicore.running.walking.nodes import NodePhase, NodeStatus
    from pytest_aicore.running.walking.run_state import RunState


class Handlers:
    """What runs beside a workflow, and when it has ended.

    Args:
        run: the run.
        spec: the specification of the workflow, in which its own tags are replaced.
        execute: carries out what is called.
    """

    def __init__(self, run: RunState, spec: Plain, execute: Execute) -> None:
        self._run = run
        self._spec = spec
        self._execute = execute
        self._begin = time.monotonic()
        run.texts["workflow.status"] = "Running"
        self._hooks = Hooks(spec, self._carry_out_hook)
        if self._hooks:
            run.watch(run.name, self._follow)

    def _follow(self, root: NodeStatus) -> None:
        if root.phase not in COMPLETED:
            self._hooks.look(Scope(dict(self._run.texts)))

    async def _carry_out_hook(self, key: str, hook: Plain) -> None:
        name = f"{self._run.name}.hooks.{key}"
        try:
            await self._carry_out(name, hook)
        except ValueProblem as problem:
            self._run.change(self._run.node(name, name, "Skipped", name_of(hook["template"])), "Error", str(problem))

    async def _carry_out(self, name: str, hook: Plain) -> NodeStatus:
        arguments = self._run.arguments
        if hook.get("arguments"):
            arguments = arguments_of(substituted(hook, self._run.texts), self._run.global_scope())
        return await self._execute(Call(name, name, hook["template"], arguments))

    async def finish(self, root: NodeStatus, message: str) -> tuple[NodePhase, str]:
        """Carry out what belongs to the end of the workflow, and return its phase and message.

        Args:
            root: its root node, which has ended.
            message: why, as the workflow says it.
        """
        texts = self._run.texts
        texts["workflow.status"] = root.phase
        texts["workflow.failures"] = _failures(self._run)
        texts["workflow.duration"] = f"{time.monotonic() - self._begin:.6f}"
        self._run.begin_again()
        self._hooks.look(Scope(dict(texts)))
        await self._hooks.ended()
        if self._hooks.problem and root.phase == "Succeeded":
            return "Error", self._hooks.problem
        handler = self._exit_handler
        if handler is None:
            return root.phase, message
        try:
            last = await self._carry_out(f"{self._run.name}.onExit", handler)
        except ValueProblem as problem:
            return ("Error", str(problem)) if root.phase == "Succeeded" else (root.phase, message)
        if root.phase == "Succeeded" and last.has_failed:
            return last.phase, last.message
        return root.phase, message

    @property
    def _exit_handler(self) -> Plain | None:
        if self._spec.get("onExit"):
            return {"template": self._spec["onExit"]}
        hook: Plain | None = (self._spec.get("hooks") or {}).get(EXIT)
        return hook


def _failures(state: RunState) -> str:
    """Return what `{{workflow.failures}}` means: a list as JSON, and that as a string in quotes (operator.go)."""
    failures = [
        {
            "displayName": node.display_name,
            "message": node.message,
            "templateName": node.template,
            "phase": node.phase,
            "podName": pod_name(state.name, node.template, node.name),
            "finishedAt": None if node.finished is None else node.finished.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for node in state.nodes.values()
        if node.has_failed
    ]
    listed = json.dumps(failures or None, separators=(",", ":"), ensure_ascii=False)
    return json.dumps(listed, ensure_ascii=False)


__all__ = ["Handlers"]
