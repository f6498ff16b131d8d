"""Records: what the emulator remembers of each thing that the API shows.

Records are immutable; a change is a new record in the place of the old one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pytest_aicore.emulator.store.statuses import TERMINAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.emulator.store.protocols import Outlook
    from pytest_aicore.workflows import Executable

EPOCH = datetime(2025, 1, 1, tzinfo=timezone.utc).timestamp()
"""Where every emulator's time begins, so that two runs give the same bytes."""

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
        """The texts that `$search` looks through."""
        return self.name, self.description


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration: an executable with what it is bound to."""

    id: str
    number: int
    name: str
    scenario_id: str
    executable_id: str
    created_at: float
    parameters: tuple[tuple[str, str], ...] = ()
    artifacts: tuple[tuple[str, str], ...] = ()

    @property
    def searched(self) -> tuple[str, ...]:
        """The texts that `$search` looks through."""
        return (self.name,)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of an execution's log; it can be read from its time on."""

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
class Metrics:
    """What the tracking service keeps for one execution."""

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
    """When it came into its status."""
    looks: int = 0
    """How often somebody looked at it since."""
    submission_time: float | None = None
    start_time: float | None = None
    completion_time: float | None = None
    status_message: str | None = None
    status_details: Mapping[str, Any] | None = None
    logs: tuple[LogEntry, ...] = ()

    @property
    def is_unfinished(self) -> bool:
        """Whether something can still become of it."""
        return self.status not in TERMINAL

    @property
    def goes_by_looks(self) -> bool:
        """Whether it goes on after so many looks, not after so much time."""
        return self.course.goes_by_looks(self.status)


@dataclass(frozen=True, slots=True)
class Execution(Enactment):
    """An execution."""

    schedule_id: str | None = None
    metrics: tuple[Metric, ...] = ()


@dataclass(frozen=True, slots=True)
class Deployment(Enactment):
    """A deployment."""

    ttl: str | None = None
    """As it was asked for: `10m`, `24H`, `7d`."""
    expires_at: float | None = None
    last_operation: str = "CREATE"
    latest_running_configuration_id: str | None = None

    @property
    def is_unfinished(self) -> bool:
        """Whether something will become of it by itself: not of one that runs and has no end."""
        if self.status != "RUNNING":
            return self.status not in TERMINAL
        return self.course.goes_on("RUNNING") or self.expires_at is not None


AnyEnactment = TypeVar("AnyEnactment", bound=Enactment)


@dataclass(frozen=True, slots=True)
class ObjectStoreSecret:
    """An object-store secret of a resource group; its id is its name."""

    id: str
    number: int
    metadata: tuple[tuple[str, str], ...]
    """What the service shows of it: `storage.ai.sap.com/bucket` and the like."""

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
    """What the workflows folder, or a test, had published under this id: there again when the application goes."""


class Appointment(NamedTuple):
    """A moment at which somebody looks after a record.

    Of two at the same moment, the record with the lower number comes first.
    """

    at: float
    number: int
    kind: str
    group: str
    id: str
