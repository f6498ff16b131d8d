"""Records of the administration: secrets, repositories, applications, nodes, services, stored objects, schedules.

Immutable like all records of the emulator's state. Records of secrets do not contain the secret: the service never
shows it again. They are in a module of their own because few tests need them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_aicore.emulator.store.records import Labels


@dataclass(frozen=True, slots=True)
class NamedSecret:
    """A generic secret or a docker registry secret; its id is its name."""

    id: str
    number: int
    created_at: float
    labels: Labels | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """An execution schedule. Times are seconds since the epoch."""

    id: str
    number: int
    name: str
    cron: str
    configuration_id: str
    status: str
    created_at: float
    modified_at: float
    start: float | None = None
    end: float | None = None
    next_at: float | None = None
    """When it starts the next execution."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A Git repository that was on-boarded; its id is its name."""

    id: str
    number: int
    url: str
    ready_at: float | None = None
    """When it will be on-boarded; None once it is."""

    @property
    def status(self) -> str:
        """The status of its on-boarding."""
        return "COMPLETED" if self.ready_at is None else "IN-PROGRESS"


@dataclass(frozen=True, slots=True)
class ResourceSync:
    """The result of a synchronisation for one template."""

    kind: str
    name: str
    status: str
    message: str


@dataclass(frozen=True, slots=True)
class Application:
    """An application: a folder of a repository that is synchronised; its id is its name."""

    id: str
    number: int
    repository_url: str
    revision: str
    path: str
    sync_at: float | None = None
    """When it is synchronised next."""
    sync_status: str = "Unknown"
    health_status: str = "Healthy"
    message: str = "Unknown"
    sync_started_at: float | None = None
    sync_finished_at: float | None = None
    reconciled_at: float | None = None
    resources: tuple[ResourceSync, ...] = ()


@dataclass(frozen=True, slots=True)
class NodePlan:
    """Reserved nodes of a resource plan; its id is the plan's name."""

    id: str
    number: int
    requested: int
    provisioned: int
    ready_at: float | None = None
    """When the requested nodes will be reserved; None once they are."""


@dataclass(frozen=True, slots=True)
class AIService:
    """An AI service that the tenant has; its id is its name."""

    id: str
    number: int
    description: str
    url: str
