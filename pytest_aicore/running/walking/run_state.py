"""A run while it goes on: its nodes, what tags of the workflow mean, and the pods that are there."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

from pytest_aicore.running.pods import Ended
from pytest_aicore.running.walking.locations import place_of
from pytest_aicore.running.walking.nodes import NodeStatus, node_id
from pytest_aicore.running.walking.values import Scope, Values, items, json_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from pytest_aicore.running.pods import Pod, Pods, Stored
    from pytest_aicore.running.walking.config_maps import ConfigMaps
    from pytest_aicore.running.walking.nodes import NodePhase, NodeType, Outputs
    from pytest_aicore.running.walking.values import Plain, Supplied

DEADLINE = "Step exceeded its deadline"
"""The message of what the workflow's deadline ends (argo-workflows, workflow/controller/exec_control.go)."""


class Memo(NamedTuple):
    """What a memoized template left.

    Attributes:
        outputs: what it left.
        made: when, on the monotonic clock.
    """

    outputs: Outputs
    made: float


class RunState:
    """What changes while a workflow is carried out. Belongs to the event loop of the run.

    Args:
        name: of the workflow.
        pods: runs the pods.
        changed: gets each node when it is new and whenever its phase has changed.
        config_maps: the values of ConfigMaps.

    Attributes:
        name: of the workflow.
        config_maps: the values of ConfigMaps.
        nodes: by id, in the order in which they came.
        texts: by the name of a tag of the workflow (`workflow.name`) its text.
        parameters: the global output parameters.
        artifacts: the global output artifacts.
        places_written: by place the artifacts that steps wrote to a place of its own.
        arguments: those of the workflow.
        volumes: by name what those volumes hold that the workflow claims.
        memos: by cache and key the outputs of memoized templates, and when they were made.
        over: the message of all that must not run any more; None while the run goes on.
    """

    def __init__(self, name: str, pods: Pods, changed: Callable[[NodeStatus], None], config_maps: ConfigMaps) -> None:
        self.name = name
        self.config_maps = config_maps
        self.nodes: dict[str, NodeStatus] = {}
        self.texts: dict[str, str] = {}
        self.parameters: dict[str, str] = {}
        self.artifacts: dict[str, Supplied] = {}
        self.places_written: dict[str, Supplied] = {}
        self.arguments = Values()
        self.volumes: dict[str, Stored] = {}
        self.memos: dict[tuple[str, str], Memo] = {}
        self.over: str | None = None
        self._is_over = asyncio.Event()
        self._pods = pods
        self._changed = changed
        self._watchers: dict[str, Callable[[NodeStatus], None]] = {}
        self._places = places(None)
        self._locks: dict[str, asyncio.Semaphore] = {}
        self._active: set[str] = set()

    def allow(self, count: int) -> None:
        """Limit how many pods may be there at once.

        Args:
            count: how many.
        """
        self._places = places(count)

    def node(
        self, name: str, display_name: str, kind: NodeType, template: str = "", parent: NodeStatus | None = None
    ) -> NodeStatus:
        """Return a new node, which is Pending.

        Args:
            name: its name.
            display_name: its short name.
            kind: what it is.
            template: the name of its template.
            parent: the node above it.
        """
        node = NodeStatus(name, display_name, node_id(self.name, name), kind, template)
        self.nodes[node.id] = node
        if parent is not None:
            parent.children.append(node.id)
        self._tell_of(node)
        return node

    def watch(self, name: str, watcher: Callable[[NodeStatus], None]) -> None:
        """Let something follow a node.

        Args:
            name: the name of the node, which need not be there yet.
            watcher: gets it when it is new and whenever its phase has changed.
        """
        self._watchers[node_id(self.name, name)] = watcher

    def _tell_of(self, node: NodeStatus) -> None:
        self._changed(node)
        watcher = self._watchers.get(node.id)
        if watcher is not None:
            watcher(node)

    def change(self, node: NodeStatus, phase: NodePhase, message: str = "") -> NodeStatus:
        """Give a node another phase, and return it.

        Args:
            node: the node.
            phase: the phase.
            message: why.
        """
        node.phase, node.message = phase, message
        if phase != "Running":
            node.finished = datetime.now(timezone.utc)
        self._tell_of(node)
        return node

    async def pod(self, node: NodeStatus, pod: Pod, timeout: float | None = None) -> Ended:
        """Run a pod to its end.

        Args:
            node: its node.
            pod: the pod.
            timeout: seconds after which it must have ended, with what it waits for its turn; None for any number.
        """
        begin = time.monotonic()
        async with self._places:
            if self.over is not None:
                return Ended("Failed", self.over)
            if timeout is not None:
                left = timeout - (time.monotonic() - begin)
                if left <= 0:
                    return Ended("Failed", "timeout")
                pod = replace(pod, deadline=left if pod.deadline is None else min(left, pod.deadline))
            self.change(node, "Running")
            loop = asyncio.get_running_loop()
            ending: asyncio.Future[Ended] = loop.create_future()
            self._active.add(pod.name)
            try:
                self._pods.start(pod, lambda ended: _tell(loop, ending, ended))
                return await ending
            except (OSError, RuntimeError) as error:
                return Ended("Error", f"the pod could not be started: {error}")
            finally:
                self._active.remove(pod.name)

    @asynccontextmanager
    async def locked(self, locks: Mapping[str, int]) -> AsyncIterator[None]:
        """Hold locks; when the run is over nobody waits for them any more.

        Args:
            locks: by name how many may hold each.
        """
        taken: list[asyncio.Semaphore] = []
        try:
            for name, size in locks.items():
                lock = self._locks.setdefault(name, asyncio.Semaphore(size))
                if await self._acquired(lock):
                    taken.append(lock)
            yield
        finally:
            for lock in taken:
                lock.release()

    async def _acquired(self, lock: asyncio.Semaphore) -> bool:
        """Return whether a lock is held; it is not when the run was over before."""
        acquiring = asyncio.ensure_future(lock.acquire())
        ending = asyncio.ensure_future(self._is_over.wait())
        await asyncio.wait({acquiring, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        return not acquiring.cancel()  # what has ended cannot be cancelled

    def end(self, message: str) -> None:
        """End all pods, and let no other begin.

        Args:
            message: why; the nodes are then Failed with it.
        """
        if self.over is None:
            self.over = message
            self._is_over.set()
            for name in list(self._active):
                self._pods.stop(name, message)

    def begin_again(self) -> None:
        """Let pods run although a deadline has passed: those of exit handlers."""
        self.over = None
        self._is_over.clear()

    async def pause(self, seconds: float) -> None:
        """Let time pass, unless the run is over before.

        Args:
            seconds: how many.
        """
        try:
            await asyncio.wait_for(self._is_over.wait(), seconds)
        except asyncio.TimeoutError:
            return

    def publish(self, template: Plain, outputs: Outputs) -> None:
        """Make those outputs known to the whole workflow that have a `globalName` or a place; the last writer wins.

        Args:
            template: the content of the template that declares them.
            outputs: what was left.
        """
        for each in items(template, "outputs", "parameters"):
            if each.get("globalName") and each["name"] in outputs.parameters:
                self.parameters[each["globalName"]] = outputs.parameters[each["name"]]
                self.texts[f"workflow.outputs.parameters.{each['globalName']}"] = outputs.parameters[each["name"]]
        for each in items(template, "outputs", "artifacts"):
            if each.get("globalName") and each["name"] in outputs.artifacts:
                self.artifacts[each["globalName"]] = outputs.artifacts[each["name"]]
            place = place_of(each)
            if place is not None and each["name"] in outputs.artifacts:
                self.places_written[place] = outputs.artifacts[each["name"]]

    def global_scope(self) -> Scope:
        """Return what the tags of the workflow mean."""
        artifacts = {f"workflow.outputs.artifacts.{name}": each for name, each in self.artifacts.items()}
        return Scope(dict(self.texts), {**artifacts, **self.places_written})

    def set_parameters(self, values: dict[str, str]) -> None:
        """Make the parameters of the workflow known.

        Args:
            values: by name.
        """
        self.texts.update({f"workflow.parameters.{name}": value for name, value in values.items()})
        listed = json_of([{"name": name, "value": value} for name, value in values.items()])
        self.texts.update({"workflow.parameters": listed, "workflow.parameters.json": listed})


def places(count: int | None) -> AbstractAsyncContextManager[object]:
    """Return what only so many may hold at once.

    Args:
        count: how many; None for any number.
    """
    return nullcontext() if count is None else asyncio.Semaphore(count)


def _tell(loop: asyncio.AbstractEventLoop, ending: asyncio.Future[Ended], ended: Ended) -> None:
    """Tell the run, from any thread, that a pod has ended."""

    def tell() -> None:
        if not ending.done():
            ending.set_result(ended)

    try:
        loop.call_soon_threadsafe(tell)
    except RuntimeError:  # the run was given up, and its loop is closed
        return


__all__ = ["DEADLINE", "Memo", "RunState", "places"]
