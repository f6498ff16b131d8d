"""What the emulator remembers: records per resource group.

Records are immutable; a change is a new record in the place of the old one. So a checkpoint is a copy of the
tables, a rollback puts the copy back, and a record that somebody holds never changes under their hands.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from copy import copy
from dataclasses import dataclass, field, fields, replace
from heapq import heapify, merge
from itertools import islice, product
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pytest_aicore.emulator.store.search import LabelIndex, Search, Selectors, TextIndex, can_be_found
from pytest_aicore.emulator.world.course import EPOCH, TERMINAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from typing_extensions import Self

    from pytest_aicore.emulator.control.faults import Fault
    from pytest_aicore.emulator.control.scripts import Standing
    from pytest_aicore.emulator.store.tenant import (
        Application,
        DatasetFile,
        NamedSecret,
        NodePlan,
        Repository,
        Schedule,
        Service,
    )
    from pytest_aicore.emulator.world.agenda import Appointment
    from pytest_aicore.emulator.world.course import Course
    from pytest_aicore.workflows import Executable

TENANT_ID = "00000000-0000-4000-8000-000000000000"
"""The tenant and its zone: an emulator is one tenant."""
DEFAULT_STORE = "default"
"""The object-store secret that output artifacts go to, and without which no execution starts (documentation)."""
EXTENDED, STANDARD = "extended", "standard"
SERVICE_PLANS = (EXTENDED, STANDARD)
"""Documentation: generative AI comes with the service plan `extended`."""

Labels = tuple[tuple[str, str], ...]


class Record(Protocol):
    """What a table keeps: something with an id and a running number that grows with its creation."""

    @property
    def id(self) -> str:
        """The id that the API shows."""
        ...

    @property
    def number(self) -> int:
        """The position in the order of creation."""
        ...


R = TypeVar("R", bound=Record)
C = TypeVar("C", TextIndex, LabelIndex)
FEW = 1000
"""So many records are looked at in a moment, without any index."""


class Table(Generic[R]):
    """Records by id, in the order of their creation.

    A page costs what it shows, however many records there are: for each combination of attributes that was asked
    for together there is an index, made when first needed, that holds the sorted numbers of the records with the
    same values, so that the newest are read from its end. What searches and labels ask for has indexes of its own.

    Args:
        indexed: the names of the attributes for whose values `select` uses an index.
    """

    def __init__(self, *indexed: str) -> None:
        self._by_id: dict[str, R] = {}
        self._by_number: dict[int, R] = {}
        self._order: list[int] = []
        self._indexed = indexed
        self._indexes: dict[tuple[str, ...], dict[tuple[Any, ...], list[int]]] = {}
        self._contents: dict[object, TextIndex | LabelIndex] = {}
        """Indexes of what is in texts and labels. They only grow: any other change makes them anew."""

    @classmethod
    def of(cls, *records: R) -> Table[R]:
        """Return a table with these records, without indexes."""
        table = cls()
        for record in records:
            table.add(record)
        return table

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[R]:
        return iter(self._by_id.values())

    def __contains__(self, record_id: object) -> bool:
        return record_id in self._by_id

    def get(self, record_id: str) -> R | None:
        """Return the record with this id, or None."""
        return self._by_id.get(record_id)

    def add(self, record: R) -> R:
        """Put a new record in and return it."""
        if self._order and record.number < self._order[-1]:
            self._contents.clear()
        self._by_id[record.id] = record
        self._by_number[record.number] = record
        insort(self._order, record.number)
        for names, index in self._indexes.items():
            insort(index.setdefault(_values(record, names), []), record.number)
        return record

    def put(self, record: R) -> R:
        """Put a changed record in the place of the one with its id and return it."""
        old = self._by_id[record.id]
        self._contents.clear()
        self._by_id[record.id] = record
        self._by_number[record.number] = record
        for names, index in self._indexes.items():
            before, after = _values(old, names), _values(record, names)
            if before != after:
                _take_out(index, before, record.number)
                insort(index.setdefault(after, []), record.number)
        return record

    def remove(self, record_id: str) -> None:
        """Take a record out."""
        record = self._by_id.pop(record_id)
        self._contents.clear()
        del self._by_number[record.number]
        del self._order[bisect_left(self._order, record.number)]
        for names, index in self._indexes.items():
            _take_out(index, _values(record, names), record.number)

    def select(self, filters: Mapping[str, Any], *, skip: int = 0, top: int | None = None) -> list[R]:
        """Return a page of the records that match, the newest first.

        Args:
            filters: by attribute the value that a record must have, a frozenset of such values (of an indexed
                attribute), or a function that tells whether it fits, for example a `Search`; None means any.
            skip: how many of the newest to leave out.
            top: how many to show; None for all.
        """
        exact, asked = self._split(filters)
        rows = self._rows(exact)
        end = None if top is None else skip + top
        newest: Iterator[int]
        if asked:
            newest = islice(self._matching(rows, exact, asked), skip, end)
        elif len(rows) == 1:
            (row,) = rows
            newest = reversed(row[0 if end is None else max(len(row) - end, 0) : max(len(row) - skip, 0)])
        else:
            newest = islice(_newest(rows), skip, end)
        return [self._by_number[number] for number in newest]

    def count(self, filters: Mapping[str, Any]) -> int:
        """Return how many records match.

        Args:
            filters: as for `select`.
        """
        exact, asked = self._split(filters)
        rows = self._rows(exact)
        return sum(1 for _ in self._matching(rows, exact, asked)) if asked else sum(map(len, rows))

    def copy(self) -> Table[R]:
        """Return an independent copy; the records themselves are shared, they never change."""
        twin: Table[R] = Table(*self._indexed)
        twin._by_id = dict(self._by_id)
        twin._by_number = dict(self._by_number)
        twin._order = list(self._order)
        twin._indexes = {
            names: {values: list(numbers) for values, numbers in index.items()}
            for names, index in self._indexes.items()
        }
        return twin

    def _split(self, filters: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what an index answers, and what records have to be asked for."""
        exact: dict[str, Any] = {}
        asked: dict[str, Any] = {}
        for name, value in filters.items():
            if value is not None:
                (exact if name in self._indexed and not callable(value) else asked)[name] = value
        return exact, asked

    def _rows(self, exact: Mapping[str, Any]) -> list[list[int]]:
        """Return the sorted numbers of the records that have these values, in one list or several."""
        if not exact:
            return [self._order]
        names = tuple(name for name in self._indexed if name in exact)
        index = self._index(names)
        choices = [value if isinstance(value, frozenset) else (value,) for value in map(exact.__getitem__, names)]
        return [index[values] for values in product(*choices) if values in index]

    def _matching(
        self, rows: Sequence[Sequence[int]], exact: Mapping[str, Any], asked: Mapping[str, Any]
    ) -> Iterator[int]:
        """Return the numbers of the records that match, the newest first, beginning with where the fewest are."""
        size = sum(map(len, rows))
        numbers, wanted = _newest(rows), asked
        for name, value in asked.items():
            if isinstance(value, Selectors):
                labels = self._content(name, LabelIndex(name))
                candidates = labels.candidates(value)
                if len(candidates) < size:
                    numbers, size, wanted = reversed(candidates), len(candidates), {**exact, **asked}
        for name, value in asked.items():
            # With few candidates, or where most that is found would be no candidate, looking at each is faster.
            if isinstance(value, Search) and can_be_found(value) and size > max(FEW, len(self) // 2):
                texts = self._content((name, value.folded), TextIndex(name, folded=value.folded))
                numbers, wanted = texts.newest(value), {**exact, **asked}
                del wanted[name]
        return (number for number in numbers if _fits(self._by_number[number], wanted))

    def _content(self, key: object, new: C) -> C:
        """Return an index of contents that knows every record."""
        index: C = self._contents.setdefault(key, new)  # type: ignore[assignment]
        index.take(self._order, self._by_number)
        return index

    def _index(self, names: tuple[str, ...]) -> dict[tuple[Any, ...], list[int]]:
        """Return the index over these attributes."""
        index = self._indexes.get(names)
        if index is None:
            index = self._indexes[names] = {}
            for number in self._order:
                index.setdefault(_values(self._by_number[number], names), []).append(number)
        return index


def _newest(rows: Sequence[Sequence[int]]) -> Iterator[int]:
    """Return the numbers in sorted lists, the greatest first."""
    return reversed(rows[0]) if len(rows) == 1 else merge(*map(reversed, rows), reverse=True)


def _values(record: object, names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple([getattr(record, name) for name in names])


def _take_out(index: dict[tuple[Any, ...], list[int]], values: tuple[Any, ...], number: int) -> None:
    numbers = index[values]
    del numbers[bisect_left(numbers, number)]
    if not numbers:
        del index[values]


def _fits(record: object, wanted: Mapping[str, Any]) -> bool:
    for name, value in wanted.items():
        held = getattr(record, name)
        if callable(value):
            if not value(held):
                return False
        elif held not in value if isinstance(value, frozenset) else held != value:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Artifact:
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
class LogLine:
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
    course: Course
    entered_at: float
    """When it came into its status."""
    looks: int = 0
    """How often somebody looked at it since."""
    submission_time: float | None = None
    start_time: float | None = None
    completion_time: float | None = None
    status_message: str | None = None
    status_details: Mapping[str, Any] | None = None
    logs: tuple[LogLine, ...] = ()

    @property
    def is_unfinished(self) -> bool:
        """Whether something can still become of it."""
        return self.status not in TERMINAL

    @property
    def goes_by_looks(self) -> bool:
        """Whether it goes on after so many looks, not after so much time."""
        stay = self.course.stay(self.status)
        return stay is not None and stay.looks is not None


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
        return self.course.after("RUNNING") is not None or self.expires_at is not None


E = TypeVar("E", bound=Enactment)


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


def default_store() -> Table[ObjectStoreSecret]:
    """Return the object-store secrets of a resource group that has the one named `default`."""
    return Table.of(
        ObjectStoreSecret(
            DEFAULT_STORE,
            0,
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
    )


class Holder:
    """Something that holds tables and can be copied with them."""

    __slots__ = ()

    def tables(self) -> dict[str, Table[Any]]:
        """Return what it holds, by name."""
        values = {spec.name: getattr(self, spec.name) for spec in fields(self)}  # type: ignore[arg-type]
        return {name: value for name, value in values.items() if isinstance(value, Table)}

    def take_over(self, other: Self, before: Self | None) -> None:
        """Take over the records that another one has got since an earlier moment."""
        mine, known = self.tables(), before.tables() if before else {}
        for name, table in other.tables().items():
            for record in table:
                if record.id not in mine[name] and (name not in known or record.id not in known[name]):
                    mine[name].add(record)

    def copy(self) -> Self:
        """Return an independent copy."""
        tables: dict[str, Any] = {name: table.copy() for name, table in self.tables().items()}
        return replace(self, **tables)  # type: ignore[type-var]


H = TypeVar("H", bound=Holder)


@dataclass(slots=True)
class ResourceGroup(Holder):
    """What is seen with one value of the header `AI-Resource-Group`, and from nowhere else."""

    id: str
    artifacts: Table[Artifact] = field(default_factory=lambda: Table("scenario_id", "execution_id", "kind", "name"))
    configurations: Table[Configuration] = field(default_factory=lambda: Table("scenario_id", "executable_id"))
    executions: Table[Execution] = field(
        default_factory=lambda: Table(
            "scenario_id",
            "executable_id",
            "configuration_id",
            "status",
            "schedule_id",
            "is_unfinished",
            "goes_by_looks",
        )
    )
    deployments: Table[Deployment] = field(
        default_factory=lambda: Table(
            "scenario_id", "executable_id", "configuration_id", "status", "is_unfinished", "goes_by_looks"
        )
    )
    schedules: Table[Schedule] = field(default_factory=lambda: Table("configuration_id", "status"))
    metrics: Table[Metrics] = field(default_factory=Table)
    object_store_secrets: Table[ObjectStoreSecret] = field(default_factory=default_store)
    secrets: Table[NamedSecret] = field(default_factory=Table)
    files: Table[DatasetFile] = field(default_factory=Table)
    number: int = 0
    created_at: float = EPOCH
    labels: Labels | None = None
    ready_at: float | None = None
    """When it will be provisioned; None once it is."""

    @property
    def status(self) -> str:
        """How far its provisioning is."""
        return "PROVISIONED" if self.ready_at is None else "PROVISIONING"

    def table_of(self, enactment: E) -> Table[E]:
        """Return the table that keeps executions or deployments, whichever this one is."""
        table: Table[Any] = self.deployments if isinstance(enactment, Deployment) else self.executions
        return table


@dataclass(slots=True)
class Tenant(Holder):
    """What belongs to no resource group."""

    secrets: Table[NamedSecret] = field(default_factory=Table)
    """Those of the main tenant (`AI-Tenant-Scope: true`)."""
    shared_secrets: Table[NamedSecret] = field(default_factory=Table)
    """Those that every resource group gets (`AI-Resource-Group: *`)."""
    docker_secrets: Table[NamedSecret] = field(default_factory=Table)
    repositories: Table[Repository] = field(default_factory=Table)
    applications: Table[Application] = field(default_factory=Table)
    nodes: Table[NodePlan] = field(default_factory=Table)
    services: Table[Service] = field(default_factory=Table)
    offboarded: frozenset[str] = frozenset()
    """The names of repositories that were off-boarded."""
    mirrors: Mapping[str, str] = field(default_factory=dict)
    """By the URL of a repository the folder that stands for it."""

    def provide_docker_secret(self, name: str, now: float) -> None:
        """Have a docker registry secret that no client made; one that is there is left as it is.

        Args:
            name: its name, which is its id.
            now: seconds since the epoch.
        """
        from pytest_aicore.emulator.store.tenant import NamedSecret

        secrets = self.docker_secrets
        if name not in secrets:
            # A number before all others, so that the ids that clients get do not depend on it.
            secrets.add(NamedSecret(name, min((0, *(each.number for each in secrets))) - 1, now))


@dataclass(frozen=True, slots=True)
class Published:
    """An executable as the tenant has synced it."""

    executable: Executable
    created_at: float
    modified_at: float
    application: str | None = None
    """The application that synchronised it."""
    covered: Published | None = None
    """What the workflows folder, or a test, had published under this id: there again when the application goes."""


@dataclass(slots=True)
class State:
    """Everything the emulator remembers.

    Args:
        seed: two states with the same seed give the same ids in the same order.
    """

    seed: int = 0
    groups: dict[str, ResourceGroup] = field(default_factory=lambda: {"default": ResourceGroup("default")})
    published: dict[str, Published] = field(default_factory=dict)
    """By executable id, which is unique in the whole tenant."""
    drawn: int = 0
    """How many ids and numbers were given out."""
    agenda: list[Appointment] = field(default_factory=list)
    """What will happen as time passes: a heap."""
    scripts: list[Standing] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    tenant: Tenant = field(default_factory=Tenant)
    service_plan: str = EXTENDED

    def find_published(self, executable_id: str) -> Published | None:
        """Return an executable of the tenant, or of those that every tenant has."""
        return self.published.get(executable_id) or self._catalogue().get(executable_id)

    def all_published(self) -> list[Published]:
        """Return the tenant's executables, then those that every tenant has."""
        common = self._catalogue()
        return [*self.published.values(), *(item for name, item in common.items() if name not in self.published)]

    def find_record(self, identifier: str) -> Record | None:
        """Return what has this id, in whichever resource group."""
        tables = (table for group in self.groups.values() for table in group.tables().values())
        return next((table.get(identifier) for table in tables if identifier in table), None)

    def _catalogue(self) -> Mapping[str, Published]:
        from pytest_aicore.emulator.world.catalogue import catalogue_of  # late: it brings YAML with it

        return catalogue_of(self.service_plan)

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
            self.tenant.copy(),
            self.service_plan,
        )

    def take_over(self, other: State, before: State) -> None:
        """Take over what another state has since an earlier moment: records, and what awaits them.

        Args:
            other: a state that was made from the earlier one.
            before: the earlier moment.
        """
        self.drawn = max(self.drawn, other.drawn)
        self.published = {**other.published, **self.published}
        known_scripts = {id(standing.script) for standing in before.scripts}
        self.scripts += [replace(each) for each in other.scripts if id(each.script) not in known_scripts]
        self.faults += [fault for fault in other.faults if fault not in before.faults]
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
