"""Volumes that last longer than a container: those of a container set, and the claims of a workflow.

Each pod has files of its own, so what such a volume holds is copied into a pod, and taken out of it when it has ended.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pytest_aicore.running.pods import ArtifactIn, ArtifactOut
from pytest_aicore.running.walking.values import Plain, items

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.running.pods import Ended, Pod, Stored

_VOLUME: Final = "volume."
"""The beginning of the names under which volumes are passed on; artifacts of users have no dot in theirs."""
_MODE: Final = 0o777


def claims_of(spec: Plain) -> list[Plain]:
    """Return the volumes that a workflow claims for all its pods (`volumeClaimTemplates`).

    Args:
        spec: the specification of the workflow.
    """
    return [{"name": (claim.get("metadata") or {}).get("name")} for claim in items(spec, "volumeClaimTemplates")]


def claimed_mounts(template: Plain, spec: Plain) -> list[Plain]:
    """Return the mounts of a template whose volumes the workflow claims.

    Args:
        template: its content.
        spec: the specification of the workflow.
    """
    own = {volume["name"] for volume in [*items(template, "volumes"), *items(spec, "volumes")]}
    claims = {claim["name"] for claim in claims_of(spec)} - own
    containers = [template.get(key) or {} for key in ("container", "script", "containerSet")]
    containers += items(template, "containerSet", "containers")
    return [mount for owner in containers for mount in items(owner, "volumeMounts") if mount["name"] in claims]


def with_volumes(pod: Pod, mounts: list[Plain], volumes: Mapping[str, Stored]) -> Pod:
    """Return a pod that begins with what volumes hold, and leaves what they hold then.

    Args:
        pod: the pod, in which an empty folder is mounted at each place.
        mounts: the mounts.
        volumes: by name what they hold.
    """
    shared = [(mount["name"], mount["mountPath"]) for mount in mounts]
    shared = [(name, path) for name, path in shared if path in set(pod.empty_dirs) - set(pod.closed_dirs)]
    before = [ArtifactIn(_VOLUME + name, path, volumes[name], mode=_MODE) for name, path in shared if name in volumes]
    after = [ArtifactOut(_VOLUME + name, path, "none", optional=True) for name, path in shared]
    return replace(pod, artifacts_in=(*before, *pod.artifacts_in), artifacts_out=(*pod.artifacts_out, *after))


def volumes_in(ended: Ended) -> dict[str, Stored]:
    """Return by name what the volumes hold that a pod has left.

    Args:
        ended: how it ended.
    """
    held = {name: stored for name, stored in ended.artifacts.items() if name.startswith(_VOLUME)}
    return {name.removeprefix(_VOLUME): stored for name, stored in held.items()}


def without_volumes(ended: Ended) -> Ended:
    """Return how a pod ended without the volumes, which are nobody's outputs.

    Args:
        ended: how it ended.
    """
    artifacts = {name: stored for name, stored in ended.artifacts.items() if not name.startswith(_VOLUME)}
    return replace(ended, artifacts=artifacts)


__all__ = ["claimed_mounts", "claims_of", "volumes_in", "with_volumes", "without_volumes"]
