"""What takes time in the administration of a tenant: provisioning, on-boarding, reserving nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_aicore.emulator.store.admin_records import NodePlan, Repository
from pytest_aicore.emulator.store.state import ResourceGroup
from pytest_aicore.emulator.store.tables import Table
from pytest_aicore.emulator.world.cluster import DELETION_SECONDS

if TYPE_CHECKING:
    from pytest_aicore.emulator.store.records import Labels
    from pytest_aicore.emulator.world.world import World

PROVISIONING_SECONDS = 5.0
"""Observed by SAP's own tests: within seconds. Until then a resource group can be used already (assumed)."""
ONBOARDING_SECONDS = 5.0
"""Assumed: no capture shows for how long a repository is IN-PROGRESS."""
NODES_SECONDS = 300.0
"""Assumed: no capture shows how long it takes to reserve nodes."""

_GROUP, _GROUP_DELETION = "resource group", "deletion of a resource group"
_REPOSITORY, _NODES = "repository", "nodes"
"""The kinds of appointments that it handles."""


class Tenancy:
    """Completes requests of an administrator as time passes. It has no state of its own.

    Args:
        world: the world of the tenant.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        world.agenda.when_due(_GROUP, self._wake_group)
        world.agenda.when_due(_GROUP_DELETION, self._wake_group_deletion)
        world.agenda.when_due(_REPOSITORY, self._wake_repository)
        world.agenda.when_due(_NODES, self._wake_nodes)

    def create_group(self, name: str, labels: Labels | None, *, store: bool, at_once: bool) -> ResourceGroup:
        """Add a resource group.

        Args:
            name: its id.
            labels: keys and values.
            store: whether it has the object-store secret `default`.
            at_once: whether it is provisioned without delay.
        """
        state, now = self._world.state, self._world.clock.now()
        group = ResourceGroup(
            name,
            number=state.next_number(),
            created_at=now,
            labels=labels,
            ready_at=None if at_once else self._world.clock.due(PROVISIONING_SECONDS),
        )
        if not store:
            group.object_store_secrets = Table()
        state.groups[name] = group
        self._world.agenda.appoint(group.ready_at, group.number, _GROUP, name, "")
        return group

    def delete_group(self, group: ResourceGroup) -> None:
        """Delete a resource group: its content is gone at once, itself after `DELETION_SECONDS`.

        Deleting it again changes nothing (assumed).
        """
        if group.is_being_deleted:
            return
        state = self._world.state
        state.groups[group.id] = ResourceGroup(
            group.id,
            object_store_secrets=Table(),
            number=group.number,
            created_at=group.created_at,
            labels=group.labels,
            is_being_deleted=True,
        )
        gone_at = self._world.clock.due(DELETION_SECONDS)
        self._world.agenda.appoint(gone_at, group.number, _GROUP_DELETION, group.id, "")

    def onboard(self, name: str, url: str) -> Repository:
        """On-board a repository."""
        state = self._world.state
        ready_at = self._world.clock.due(ONBOARDING_SECONDS)
        repository = state.tenant.repositories.add(Repository(name, state.next_number(), url, ready_at))
        self._world.agenda.appoint(ready_at, repository.number, _REPOSITORY, "", name)
        return repository

    def request_nodes(self, plan: str, number: int) -> None:
        """Reserve a number of nodes of a plan."""
        state, nodes = self._world.state, self._world.state.tenant.nodes
        kept = nodes.get(plan) or nodes.add(NodePlan(plan, state.next_number(), 0, 0))
        ready_at = self._world.clock.due(NODES_SECONDS)
        nodes.put(replace(kept, requested=number, ready_at=ready_at))
        self._world.agenda.appoint(ready_at, kept.number, _NODES, "", plan)

    def _wake_group(self, group_id: str, _: str, at: float) -> None:
        group = self._world.state.groups.get(group_id)
        if group and group.ready_at == at:
            group.ready_at = None

    def _wake_group_deletion(self, group_id: str, _: str, at: float) -> None:  # noqa: ARG002  # a `Waker`
        group = self._world.state.groups.get(group_id)
        if group and group.is_being_deleted:
            del self._world.state.groups[group_id]

    def _wake_repository(self, _: str, name: str, at: float) -> None:
        repositories = self._world.state.tenant.repositories
        repository = repositories.get(name)
        if repository and repository.ready_at == at:
            repositories.put(replace(repository, ready_at=None))

    def _wake_nodes(self, _: str, plan: str, at: float) -> None:
        nodes = self._world.state.tenant.nodes
        kept = nodes.get(plan)
        if kept and kept.ready_at == at:
            nodes.put(replace(kept, provisioned=kept.requested, ready_at=None))
