"""Records: the state of each object that the API shows.

Records are immutable; a change replaces the old record by a new one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pytest_aicore.emulator.store.statuses import TERMINAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.emulator.store.protocols import Outlook
    from pytest_aicore.workflows import Executable, Template

EPOCH = datetime(2025, 1, 1, tzinfo=timezone.utc).timestamp()
"""The initial time of every emulator, so that two runs give the same bytes."""

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RegisteredArtifact:
    """A registered artifact; `execution_id` is set on outputs only."""

    id: str
    number: int
    name: str
    kind: str
    url: str
    scenario_id: str
    created_at: float
    description: str = ""
    labels: Labels | None = None
    execution_id: str | None = None

    @property
    def searched(self) -> tuple[str, ...]:
        """The texts that `$search` searches."""
        return self.name, self.description


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration: an executable with its bindings."""

    id: str
    number: int
    name: str
    scenario_id: str
    executable_id: str
    created_at: float
    parameters: tuple[tuple[str, str], ...] = ()
    artifacts: tuple[tuple[str, str], ...] = ()
    played: Mapping[str, Any] = field(default_factory=dict)
    """What its executions write where no code runs: fields of a script."""

    @property
    def searched(self) -> tuple[str, ...]:
        """The texts that `$search` searches."""
        return (self.name,)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of an execution's log, visible from its time on."""

    at: float
    message: str
    container: str = "main"


@dataclass(frozen=True, slots=True)
class Metric:
    """One value of one metric."""

    name: str
    value: float
    at: float
    step: int = 0
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of an execution is done, shown from its time on."""

    at: float
    percent: int


@dataclass(frozen=True, slots=True)
class Metrics:
    """The data of the tracking service for one execution."""

    id: str
    number: int
    created_at: float
    modified_at: float
    metrics: tuple[Metric, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    custom_info: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Enactment:
    """What executions and deployments have in common (the SDK's word). Times are seconds since the epoch."""

    id: str
    number: int
    configuration_id: str
    configuration_name: str
    scenario_id: str
    executable_id: str
    status: str
    target_status: str
    created_at: float
    modified_at: float
    course: Outlook
    entered_at: float
    """The time at which it got its status."""
    polls: int = 0
    """The number of polls since then."""
    submission_time: float | None = None
    start_time: float | None = None
    completion_time: float | None = None
    status_message: str | None = None
    status_details: Mapping[str, Any] | None = None
    logs: tuple[LogEntry, ...] = ()
    progress: tuple[Progress, ...] = ()

    @property
    def is_unfinished(self) -> bool:
        """Whether it will change without a client: its status is not final, or it will be gone."""
        return self.status not in TERMINAL or self.target_status == "DELETED"

    @property
    def is_being_deleted(self) -> bool:
        """Whether it was deleted and is only shown for a while; its status does not change any more."""
        return self.target_status == "DELETED" and self.status != "STOPPING"

    @property
    def counts_polls(self) -> bool:
        """Whether it leaves its status after a number of polls, not after a time."""
        return self.course.counts_polls(self.status)


@dataclass(frozen=True, slots=True)
class Execution(Enactment):
    """An execution."""

    schedule_id: str | None = None
    metrics: tuple[Metric, ...] = ()
    steps: tuple[Mapping[str, Any], ...] = ()
    """What an engine has told of its steps, as plain data; the API shows none of it."""


@dataclass(frozen=True, slots=True)
class Deployment(Enactment):
    """A deployment."""

    ttl: str | None = None
    """As requested: `10m`, `24H`, `7d`."""
    expires_at: float | None = None
    last_operation: str = "CREATE"
    latest_running_configuration_id: str | None = None

    @property
    def is_unfinished(self) -> bool:
        """Whether its status will change without a client; False for one that runs and has no end."""
        if self.status != "RUNNING":
            return self.status not in TERMINAL or self.target_status == "DELETED"
        return self.course.advances("RUNNING") or self.expires_at is not None


AnyEnactment = TypeVar("AnyEnactment", bound=Enactment)


@dataclass(frozen=True, slots=True)
class ObjectStoreSecret:
    """An object-store secret of a resource group; its id is its name."""

    id: str
    number: int
    metadata: tuple[tuple[str, str], ...]
    """The keys that the service shows, for example `storage.ai.sap.com/bucket`."""

    @property
    def type(self) -> str:
        """The type of the store: `S3`, `gcs`, `azure` ..."""
        return dict(self.metadata)["storage.ai.sap.com/type"]


@dataclass(frozen=True, slots=True)
class PublishedExecutable:
    """An executable as the tenant has synced it."""

    executable: Executable
    created_at: float
    modified_at: float
    application: str | None = None
    """The application that synchronised it."""
    covered: PublishedExecutable | None = None
    """The executable of the workflows folder, or of a test, with the same id; restored with the application's end."""
    template: Template | None = field(default=None, compare=False)
    """What it was derived from, for engines that carry it out; None if only the executable was given."""


class Appointment(NamedTuple):
    """A time at which a record has to be handled.

    Of two at the same time, the record with the lower number comes first.
    """

    at: float
    number: int
    kind: str
    group: str
    id: str
