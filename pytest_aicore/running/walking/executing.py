"""Carries a template out, whatever its type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from pytest_aicore.running.walking.arguments import inputs_of, scope_of_inputs, written_outputs
from pytest_aicore.running.walking.container_sets import carry_out_container_set
from pytest_aicore.running.walking.dag import carry_out_dag
from pytest_aicore.running.walking.graphs import Graph
from pytest_aicore.running.walking.locks import locks_of
from pytest_aicore.running.walking.memoizing import remember, remembered
from pytest_aicore.running.walking.nodes import Outputs, pod_name
from pytest_aicore.running.walking.pod_making import pod_of, seconds_of, timeout_of
from pytest_aicore.running.walking.retries import carry_out_attempts
from pytest_aicore.running.walking.steps import carry_out_steps
from pytest_aicore.running.walking.substituting import substituted
from pytest_aicore.running.walking.templates import Definition
from pytest_aicore.running.walking.values import Plain, Scope, Supplied, ValueProblem, Values
from pytest_aicore.running.walking.volumes import claimed_mounts, volumes_in, with_volumes, without_volumes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.running.pods import Pod
    from pytest_aicore.running.walking.calls import Call
    from pytest_aicore.running.walking.nodes import NodeStatus
    from pytest_aicore.running.walking.run_state import RunState

_DEEPEST: Final = 100
"""How many templates may call each other (argo-workflows, workflow/controller/operator.go, `maxOperationDepth`)."""
_TOO_DEEP: Final = "Maximum recursion depth exceeded. See https://argo-workflows.readthedocs.io/en/latest/scaling/"


class Executor:
    """Carries out calls of templates.

    Args:
        run: the run.
        templates: by name.
        spec: the specification of the workflow, in which its own tags are replaced.
        bound: the artifacts that a configuration binds, by name.
    """

    def __init__(
        self, run: RunState, templates: Mapping[str, Definition], spec: Plain, bound: Mapping[str, Supplied]
    ) -> None:
        self._run = run
        self._templates = templates
        self._spec = spec
        self._bound = bound

    async def execute(self, call: Call) -> NodeStatus:
        """Carry out a call to its end, and return its node.

        Args:
            call: the call.
        """
        definition = Definition("", call.inline, 0) if call.inline else self._templates[call.template]
        known = {**self._run.texts, **call.texts}
        content = substituted(definition.content, known)
        try:
            _refuse_too_deep(call)
            inputs = inputs_of(content, call.arguments, self._bound, self._run)
        except ValueProblem as problem:
            node = self._run.node(call.name, call.display_name, definition.node_type, definition.name, call.parent)
            node.setup_error = str(problem)
            return self._run.change(node, "Error", str(problem))
        scope = scope_of_inputs(content, inputs)
        content = substituted(content, {**known, **scope.texts})
        template = _Template(call, definition._replace(content=content), inputs, scope)
        strategy = template.content.get("retryStrategy")
        strategy = self._spec.get("retryStrategy") if strategy is None else strategy
        try:
            locks = locks_of(content, self._run.config_maps)
        except ValueProblem as problem:
            return self._run.change(self._node(template), "Error", str(problem))
        async with self._run.locked(locks):
            memoize = content.get("memoize")
            if not memoize:
                return await self._carry_out_template(template, strategy)
            return await self._memoized(memoize, template, strategy)

    async def _memoized(self, memoize: Plain, template: _Template, strategy: Plain | None) -> NodeStatus:
        """Carry a template out, unless an earlier call with its key has left what it would leave."""
        try:
            outputs = remembered(self._run, memoize)
        except ValueProblem as problem:
            return self._run.change(self._node(template), "Error", str(problem))
        if outputs is None:
            node = await self._carry_out_template(template, strategy)
            remember(self._run, memoize, node)
            return node
        node = self._node(template)
        node.outputs = outputs
        self._run.publish(template.content, outputs)
        return self._run.change(node, "Succeeded")

    def _node(self, template: _Template) -> NodeStatus:
        call, definition = template.call, template.definition
        return self._run.node(call.name, call.display_name, definition.node_type, definition.name, call.parent)

    async def _carry_out_template(self, template: _Template, strategy: Plain | None) -> NodeStatus:
        if strategy is None:  # an empty one means attempts without end
            node = self._node(template)
            await self._carry_out(node, template)
            return node
        return await self._with_retries(template, strategy)

    async def _with_retries(self, template: _Template, strategy: Plain) -> NodeStatus:
        call = template.call
        node = self._run.node(call.name, call.display_name, "Retry", template.definition.name, call.parent)
        self._run.change(node, "Running")

        async def attempt(number: int, texts: Mapping[str, str]) -> NodeStatus:
            own = f"({number})"
            child = self._run.node(
                call.name + own, call.display_name + own, template.definition.node_type, template.definition.name, node
            )
            await self._carry_out(child, template, texts)
            return child

        await carry_out_attempts(self._run, node, strategy, attempt)
        return node

    async def _carry_out(self, node: NodeStatus, template: _Template, texts: Mapping[str, str] | None = None) -> None:
        """Carry out a template whose inputs are known, to the end of its node."""
        pod = pod_name(self._run.name, node.template, node.name)
        own = {"node.name": node.name, **({"pod.name": pod} if node.type == "Pod" else {}), **(texts or {})}
        known = {**self._run.texts, **template.call.texts, **template.scope.texts, **own}
        content = substituted(template.content, known)
        if node.type == "Pod":
            await self._carry_out_pod(node, template, content, pod)
            return
        self._run.change(node, "Running")
        if node.type == "Suspend":
            await self._pause(node, content["suspend"])
            return
        word: Literal["steps", "tasks"] = "steps" if node.type == "Steps" else "tasks"
        try:
            graph = Graph(self._run, self.execute, node, content, template.scope, template.call.depth, word)
        except ValueProblem as problem:
            self._run.change(node, "Error", str(problem))
            return
        await (carry_out_steps(graph) if node.type == "Steps" else carry_out_dag(graph))

    async def _pause(self, node: NodeStatus, suspend: Plain) -> None:
        try:
            await self._run.pause(seconds_of(suspend["duration"]))
        except ValueProblem as problem:
            self._run.change(node, "Error", str(problem))
            return
        self._run.change(node, "Succeeded" if self._run.over is None else "Failed", self._run.over or "")

    async def _carry_out_pod(self, node: NodeStatus, template: _Template, content: Plain, name: str) -> None:
        def made(one: Plain) -> Pod:
            return pod_of(
                one,
                template.inputs,
                node=node.name,
                name=name,
                line=template.definition.line,
                spec=self._spec,
                config_maps=self._run.config_maps,
                keep_result=template.call.keep_result,
            )

        mounts = claimed_mounts(content, self._spec)
        claims = dict.fromkeys(mount["name"] for mount in mounts)
        try:
            timeout = timeout_of(content)
            # What a claimed volume holds is passed on from pod to pod, so only one at a time has it.
            async with self._run.locked({f"Volume/{claim}": 1 for claim in sorted(claims)}):
                if "containerSet" in content:
                    node.pod = name
                    ended = await carry_out_container_set(self._run, node, content, made, timeout, claims)
                else:
                    pod = with_volumes(made(content), mounts, self._run.volumes)
                    node.pod, node.plan = name, pod.plan
                    ended = await self._run.pod(node, pod, timeout)
                    self._run.volumes.update(volumes_in(ended))
                    ended = without_volumes(ended)
        except ValueProblem as problem:
            self._run.change(node, "Error", str(problem))
            return
        node.ended = ended
        artifacts = {name: Supplied(stored, stored.archive) for name, stored in ended.artifacts.items()}
        written = {} if ended.exit_code is None else written_outputs(content)
        node.outputs = Outputs(ended.result, {**written, **ended.parameters}, artifacts)
        self._run.publish(content, node.outputs)
        self._run.change(node, ended.phase, ended.message)


def _refuse_too_deep(call: Call) -> None:
    if call.depth >= _DEEPEST:
        raise ValueProblem(_TOO_DEEP)


class _Template(NamedTuple):
    """A template that is called, with its inputs."""

    call: Call
    definition: Definition
    inputs: Values
    scope: Scope

    @property
    def content(self) -> Plain:
        return self.definition.content


__all__ = ["Executor"]
