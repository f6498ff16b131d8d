"""Several containers in one pod.

They run one after the other, each when those have ended that it depends on: what an empty folder holds that they mount
is passed from one to the next, since each has files of its own. Containers that wait for each other without saying so
by `dependencies` wait here until a deadline.

Source: argo-workflows 3.5, docs/container-set-template.md and cmd/argoexec/commands/emissary.go.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pytest_aicore.running.pods import Ended
from pytest_aicore.running.walking.values import Plain, items
from pytest_aicore.running.walking.volumes import volumes_in, with_volumes, without_volumes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pytest_aicore.running.pods import Pod
    from pytest_aicore.running.walking.nodes import NodeStatus
    from pytest_aicore.running.walking.run_state import RunState

MAIN: Final = "main"
"""The container that has the inputs and outputs of the template."""


async def carry_out_container_set(
    run: RunState,
    node: NodeStatus,
    template: Plain,
    pod_of: Callable[[Plain], Pod],
    timeout: float | None,
    claims: Collection[str] = (),
) -> Ended:
    """Carry out the containers of a set, and return how their pod ended.

    Args:
        run: the run.
        node: the node of the pod.
        template: its content, in which all tags are replaced.
        pod_of: makes a pod of a template with one container.
        timeout: seconds after which it must have ended; None for any number.
        claims: the names of those of its volumes that the workflow claims.

    Raises:
        ValueProblem: a value that cannot be one, an unknown volume, or a missing ConfigMap.
    """
    begin = time.monotonic()
    wanted = {container["name"]: pod_of(_alone(template, container)) for container in _in_order(template)}
    mounts = {container["name"]: _mounts(template, container) for container in _in_order(template)}
    needs = {container["name"]: container.get("dependencies") or [] for container in _in_order(template)}
    volumes = {name: held for name, held in run.volumes.items() if name in claims}
    ends: dict[str, Ended] = {}
    run.change(node, "Running")
    for name, pod in wanted.items():
        child = run.node(f"{node.name}.{name}", name, "Container", parent=node)
        if any(ends[other].phase != "Succeeded" for other in needs[name]):
            ends[name] = Ended("Failed", "a container that it depends on has failed")
        else:
            child.pod = f"{pod.name}-{name}"
            ready = with_volumes(replace(pod, node=child.name, name=child.pod), mounts[name], volumes)
            left = time.monotonic() - begin
            if ready.deadline is not None:
                ready = replace(ready, deadline=max(ready.deadline - left, 0.001))
            ends[name] = await run.pod(child, ready, None if timeout is None else timeout - left)
            volumes.update(volumes_in(ends[name]))
        child.ended = ends[name]
        run.change(child, ends[name].phase, ends[name].message)
    run.volumes.update({name: held for name, held in volumes.items() if name in claims})
    return _together(ends)


def _in_order(template: Plain) -> list[Plain]:
    """Return the containers, each after those that it depends on; else in the order of the file."""
    waiting = items(template, "containerSet", "containers")
    found: dict[str, Plain] = {}
    while waiting:
        ready = next(each for each in waiting if found.keys() >= set(each.get("dependencies") or ()))
        found[ready["name"]] = ready
        waiting.remove(ready)
    return list(found.values())


def _mounts(template: Plain, container: Plain) -> list[Plain]:
    return [*items(template, "containerSet", "volumeMounts"), *items(container, "volumeMounts")]


def _alone(template: Plain, container: Plain) -> Plain:
    """Return a template with one container of the set; only `main` has the inputs and outputs."""
    hidden = ("containerSet", "dependencies") if container["name"] == MAIN else ("containerSet", "inputs", "outputs")
    own = {key: value for key, value in template.items() if key not in hidden}
    return {**own, "container": {**container, "volumeMounts": _mounts(template, container)}}


def _together(ends: dict[str, Ended]) -> Ended:
    main = ends.get(MAIN, Ended("Succeeded", exit_code=0))
    bad = {name: end for name, end in ends.items() if end.phase != "Succeeded"}
    worst = MAIN if MAIN in bad and main.exit_code is not None else next(iter(bad), MAIN)
    said = bad[worst].message if worst in bad else ""
    return replace(
        main,
        phase=bad[worst].phase if bad else "Succeeded",
        message=said if worst == MAIN or not said else f"{worst}: {said}",
        exit_code=ends[worst].exit_code if worst in ends else main.exit_code,
        artifacts=without_volumes(main).artifacts,
        last_lines=ends[worst].last_lines if worst in ends else (),
        seconds=sum(end.seconds for end in ends.values()),
        peak_memory=max((end.peak_memory for end in ends.values() if end.peak_memory is not None), default=None),
    )


__all__ = ["carry_out_container_set"]
