"""The state of the emulator: records per resource group.

Records are immutable; a change replaces the old record by a new one. So a checkpoint is a copy of the tables, a
rollback restores the copy, and a record never changes while it is used.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, fields, replace
from heapq import heapify
from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.store.records import EPOCH, Deployment, ObjectStoreSecret
from pytest_aicore.emulator.store.tables import Table
from pytest_aicore.service_facts import DEFAULT_STORE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Self

    from pytest_aicore.emulator.store.admin_records import (
        AIService,
        Application,
        NamedSecret,
        NodePlan,
        Repository,
        Schedule,
    )
    from pytest_aicore.emulator.store.protocols import ArmedFault, GivenAnswer, StandingScript, TableRow
    from pytest_aicore.emulator.store.records import (
        AnyEnactment,
        Appointment,
        Configuration,
        Execution,
        Labels,
        Metrics,
        PublishedExecutable,
        RegisteredArtifact,
    )
    from pytest_aicore.emulator.store.stored_object import StoredObject
    from pytest_aicore.workflows.executable import Executable

    Catalogue = Callable[[str], Mapping[str, PublishedExecutable]]
    """Returns the executables that every tenant with a service plan has, by id."""

TENANT_ID = "00000000-0000-4000-8000-000000000000"
"""The tenant and its zone: an emulator is one tenant."""
EXTENDED, STANDARD = "extended", "standard"
SERVICE_PLANS = (EXTENDED, STANDARD)
"""Documentation: generative AI comes with the service plan `extended`."""


def default_store() -> Table[ObjectStoreSecret]:
    """Return the object-store secrets of a resource group that has the one named `default`."""
    return Table.of(emulated_store(DEFAULT_STORE, 0))


def emulated_store(name: str, number: int) -> ObjectStoreSecret:
    """Return an object-store secret that no client has made.

    Args:
        name: its name.
        number: its number.
    """
    return ObjectStoreSecret(
        name,
        number,
        (
            ("serving.kubeflow.org/s3-endpoint", "s3.aicore.invalid"),
            ("serving.kubeflow.org/s3-region", "eu-central-1"),
            ("serving.kubeflow.org/s3-usehttps", "1"),
            ("serving.kubeflow.org/s3-verifyssl", "0"),
            ("storage.ai.sap.com/bucket", "emulated-bucket"),
            ("storage.ai.sap.com/endpoint", "s3.aicore.invalid"),
            ("storage.ai.sap.com/region", "eu-central-1"),
            ("storage.ai.sap.com/type", "S3"),
        ),
    )


class Holder:
    """A dataclass of tables that can be copied."""

    __slots__ = ()

    def tables(self) -> dict[str, Table[Any]]:
        """Return its fields by name."""
        values = {spec.name: getattr(self, spec.name) for spec in fields(self)}  # type: ignore[arg-type]
        return {name: value for name, value in values.items() if isinstance(value, Table)}

    def take_over(self, other: Self, before: Self | None) -> None:
        """Take over the records that another one has got since an earlier checkpoint."""
        mine, known = self.tables(), before.tables() if before else {}
        for name, table in other.tables().items():
            for record in table:
                held, earlier = mine[name].get(record.id), known[name].get(record.id) if name in known else None
                if earlier is not None and earlier.number == record.number:
                    continue
                if held is not None and earlier is not None and held.number == earlier.number:
                    mine[name].remove(record.id)  # an object that was overwritten
                    held = None
                if held is None:
                    mine[name].add(record)

    def copy(self) -> Self:
        """Return an independent copy."""
        tables: dict[str, Any] = {name: table.copy() for name, table in self.tables().items()}
        return replace(self, **tables)  # type: ignore[type-var]


@dataclass(slots=True)
class ResourceGroup(Holder):
    """Everything that is visible only with one value of the header `AI-Resource-Group`."""

    id: str
    artifacts: Table[RegisteredArtifact] = field(
        default_factory=lambda: Table("scenario_id", "execution_id", "kind", "name")
    )
    configurations: Table[Configuration] = field(default_factory=lambda: Table("scenario_id", "executable_id"))
    executions: Table[Execution] = field(
        default_factory=lambda: Table(
            "scenario_id",
            "executable_id",
            "configuration_id",
            "status",
            "schedule_id",
            "is_unfinished",
            "counts_polls",
        )
    )
    deployments: Table[Deployment] = field(
        default_factory=lambda: Table(
            "scenario_id", "executable_id", "configuration_id", "status", "is_unfinished", "counts_polls"
        )
    )
    schedules: Table[Schedule] = field(default_factory=lambda: Table("configuration_id", "status"))
    metrics: Table[Metrics] = field(default_factory=Table)
    object_store_secrets: Table[ObjectStoreSecret] = field(default_factory=default_store)
    secrets: Table[NamedSecret] = field(default_factory=Table)
    objects: Table[StoredObject] = field(default_factory=Table)
    number: int = 0
    created_at: float = EPOCH
    labels: Labels | None = None
    ready_at: float | None = None
    """When it will be provisioned; None once it is."""
    is_being_deleted: bool = False
    """Whether it was deleted and is only shown for a while, without what was in it."""

    @property
    def status(self) -> str:
        """The status of its provisioning."""
        return "PROVISIONED" if self.ready_at is None else "PROVISIONING"

    def table_of(self, enactment: AnyEnactment) -> Table[AnyEnactment]:
        """Return the table of executions, or of deployments, for one of them."""
        table: Table[Any] = self.deployments if isinstance(enactment, Deployment) else self.executions
        return table


@dataclass(slots=True)
class Tenant(Holder):
    """Everything outside of resource groups."""

    secrets: Table[NamedSecret] = field(default_factory=Table)
    """Those of the main tenant (`AI-Tenant-Scope: true`)."""
    shared_secrets: Table[NamedSecret] = field(default_factory=Table)
    """Those that every resource group gets (`AI-Resource-Group: *`)."""
    docker_secrets: Table[NamedSecret] = field(default_factory=Table)
    repositories: Table[Repository] = field(default_factory=Table)
    applications: Table[Application] = field(default_factory=Table)
    nodes: Table[NodePlan] = field(default_factory=Table)
    services: Table[AIService] = field(default_factory=Table)
    offboarded: frozenset[str] = frozenset()
    """The names of repositories that were off-boarded."""
    mirrors: Mapping[str, str] = field(default_factory=dict)
    """Local folders by the URL of the repository that they mirror."""

    def provide_secrets(self, executable: Executable, now: float) -> None:
        """Add the secrets that an executable names and no client created; existing ones are left unchanged.

        Args:
            executable: names docker registry secrets and generic ones, which all resource groups get.
            now: seconds since the epoch.
        """
        for names, secrets in (
            (executable.pull_secrets, self.docker_secrets),
            (executable.secrets, self.shared_secrets),
        ):
            for name in names:
                if name not in secrets:
                    from pytest_aicore.emulator.store.admin_records import NamedSecret  # late: few templates name one

                    # A number before all others, so that ids of later records do not depend on it.
                    secrets.add(NamedSecret(name, min((0, *(each.number for each in secrets))) - 1, now))


def _no_catalogue(_: str) -> Mapping[str, PublishedExecutable]:
    return {}


@dataclass(slots=True)
class State:
    """The whole state of an emulator.

    Args:
        seed: two states with the same seed give the same ids in the same order.
        catalogue: returns the executables of every tenant with a service plan; none if left out.
    """

    seed: int = 0
    groups: dict[str, ResourceGroup] = field(default_factory=lambda: {"default": ResourceGroup("default")})
    published: dict[str, PublishedExecutable] = field(default_factory=dict)
    """By executable id, which is unique within the tenant."""
    drawn: int = 0
    """How many ids and numbers were given out."""
    agenda: list[Appointment] = field(default_factory=list)
    """What will happen as time passes: a heap."""
    scripts: list[StandingScript] = field(default_factory=list)
    faults: list[ArmedFault] = field(default_factory=list)
    answers: list[GivenAnswer] = field(default_factory=list)
    """What deployments answer, in the order in which it was given."""
    tenant: Tenant = field(default_factory=Tenant)
    service_plan: str = EXTENDED
    catalogue: Catalogue = _no_catalogue

    def find_published(self, executable_id: str) -> PublishedExecutable | None:
        """Return an executable of the tenant, or one that every tenant has."""
        return self.published.get(executable_id) or self._catalogue().get(executable_id)

    def all_published(self) -> list[PublishedExecutable]:
        """Return the tenant's executables, then those that every tenant has."""
        common = self._catalogue()
        return [*self.published.values(), *(item for name, item in common.items() if name not in self.published)]

    def find_record(self, identifier: str) -> TableRow | None:
        """Return the record with this id, in any resource group."""
        tables = (table for group in self.groups.values() for table in group.tables().values())
        return next((table.get(identifier) for table in tables if identifier in table), None)

    def _catalogue(self) -> Mapping[str, PublishedExecutable]:
        return self.catalogue(self.service_plan)

    def copy(self) -> State:
        """Return an independent copy."""
        return State(
            self.seed,
            {name: group.copy() for name, group in self.groups.items()},
            dict(self.published),
            self.drawn,
            list(self.agenda),
            [copy(standing) for standing in self.scripts],
            list(self.faults),
            list(self.answers),
            self.tenant.copy(),
            self.service_plan,
            self.catalogue,
        )

    def take_over(self, other: State, before: State) -> None:
        """Take over what another state has got since an earlier one: records, and their appointments.

        Args:
            other: a state that was derived from the earlier one.
            before: the earlier state.
        """
        self.drawn = max(self.drawn, other.drawn)
        self.published = {**other.published, **self.published}
        known_scripts = {id(standing.script) for standing in before.scripts}
        self.scripts += [copy(each) for each in other.scripts if id(each.script) not in known_scripts]
        self.faults += [fault for fault in other.faults if fault not in before.faults]
        self.answers += [answer for answer in other.answers if answer not in before.answers]
        self.tenant.take_over(other.tenant, before.tenant)
        for name, group in other.groups.items():
            if name in self.groups:
                self.groups[name].take_over(group, before.groups.get(name))
            elif name not in before.groups:
                self.groups[name] = group.copy()
        waiting = set(self.agenda)
        self.agenda += [appointment for appointment in other.agenda if appointment not in waiting]
        heapify(self.agenda)

    def next_number(self) -> int:
        """Return a number larger than any before."""
        self.drawn += 1
        return self.drawn

    def uuid(self) -> str:
        """Return the next id in the form of a version 4 UUID (artifacts, configurations)."""
        digits = self._digits()
        variant = "89ab"[int(digits[16], 16) % 4]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def short_id(self, letter: str) -> str:
        """Return the next id in the form of an execution's (`e` and 15 hexadecimal digits)."""
        return letter + self._digits()[:15]

    def _digits(self) -> str:
        self.drawn += 1
        from hashlib import blake2b  # late: it brings OpenSSL with it

        return blake2b(f"{self.seed}:{self.drawn}".encode(), digest_size=16).hexdigest()
