"""What an execution needs from the emulator's records, read once when it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_aicore.emulator.store.objects import objects_below
from pytest_aicore.emulator.store.records import Deployment
from pytest_aicore.emulator.world.bindings import wrong_binding
from pytest_aicore.service_facts import DEFAULT_STORE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.emulator.store.records import Enactment
    from pytest_aicore.emulator.store.state import ResourceGroup
    from pytest_aicore.emulator.store.stored_object import StoredObject
    from pytest_aicore.workflows import Executable
    from pytest_aicore.workflows.template import Template


@dataclass(frozen=True, slots=True)
class Job:
    """An execution or deployment, as it begins.

    Attributes:
        id: its id.
        group: the id of its resource group.
        executable_id: the id of its executable.
        is_deployment: whether it is a deployment.
        template: what its executable was derived from, None if that is not known.
        parameters: the bound values by name.
        artifacts: the URLs of the bound artifacts by name.
        suffixes: what AI Core adds to the names of its output artifacts.
        problem: why the cluster refuses it, None if it does not.
        uploads: what clients have uploaded to the URLs of its artifacts.
        has_store: whether its resource group has the object-store secret without which AI Core starts nothing.
    """

    id: str
    group: str
    executable_id: str
    is_deployment: bool
    template: Template | None
    parameters: Mapping[str, str]
    artifacts: Mapping[str, str]
    suffixes: Mapping[str, str]
    problem: str | None
    uploads: tuple[StoredObject, ...]
    has_store: bool


def job_of(group: ResourceGroup, enactment: Enactment, executable: Executable | None, template: Template | None) -> Job:
    """Return what an execution or deployment needs; the world's lock is held.

    Args:
        group: its resource group.
        enactment: its record.
        executable: what it runs, None if that is no longer published.
        template: what the executable was derived from, None if that is not known.
    """
    configuration = group.configurations.get(enactment.configuration_id)
    registered = {
        name: artifact
        for name, artifact_id in (configuration.artifacts if configuration else ())
        if (artifact := group.artifacts.get(artifact_id)) is not None
    }
    return Job(
        id=enactment.id,
        group=group.id,
        executable_id=enactment.executable_id,
        is_deployment=isinstance(enactment, Deployment),
        template=template,
        parameters=dict(configuration.parameters) if configuration else {},
        artifacts={name: artifact.url for name, artifact in registered.items()},
        suffixes={each.name: each.suffix or "" for each in (executable.output_artifacts if executable else ())},
        problem=wrong_binding(group, configuration, executable) if configuration and executable else None,
        uploads=tuple(
            upload
            for artifact in registered.values()
            for upload in objects_below(group.objects, artifact.url.removeprefix("ai://"))
        ),
        has_store=DEFAULT_STORE in group.object_store_secrets,
    )


__all__ = ["Job", "job_of"]
