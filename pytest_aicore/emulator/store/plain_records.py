"""The records of a run as plain data, which another process can read, and back."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.emulator.store.records import (
    Configuration,
    Execution,
    LogEntry,
    Metric,
    Metrics,
    Progress,
    RegisteredArtifact,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.emulator.store.protocols import Outlook, TableRow
    from pytest_aicore.emulator.store.state import ResourceGroup

    RunRecord = RegisteredArtifact | Configuration | Execution | Metrics

_KINDS: Final = {
    "artifacts": RegisteredArtifact,
    "configurations": Configuration,
    "executions": Execution,
    "metrics": Metrics,
}
"""The tables of a resource group in which records of a run are, and what is in them."""
_LISTS: Final = {"logs": LogEntry, "metrics": Metric, "progress": Progress}


def records_of(group: ResourceGroup, identifier: str) -> Iterator[tuple[str, TableRow]]:
    """Return the record with an id, each with the name of its table; with an execution what it has logged and left.

    Args:
        group: where it is.
        identifier: of an artifact, a configuration or an execution.
    """
    tables = group.tables()
    yield from ((name, found) for name in _KINDS if (found := tables[name].get(identifier)) is not None)
    yield from (("artifacts", each) for each in group.artifacts.select({"execution_id": identifier}))


def plain(table: str, record: TableRow) -> dict[str, Any]:
    """Return a record as plain data.

    Args:
        table: the name of its table.
        record: an artifact, a configuration, an execution, or what it has logged.
    """
    content = {name: value for name, value in _plain_fields(record).items() if name != "course"}
    return {"table": table, "record": content}


def _plain_fields(record: Any) -> dict[str, Any]:
    return {
        each.name: tuple(asdict(one) for one in value) if each.name in _LISTS else value
        for each in fields(record)
        for value in (getattr(record, each.name),)
    }


def record_from(data: dict[str, Any], course: Outlook) -> tuple[str, RunRecord]:
    """Return the record of plain data, and the name of its table.

    Args:
        data: as `plain` returns it, also after it was JSON.
        course: what is known in advance about an execution.
    """
    kind = _KINDS[data["table"]]
    content = {name: _as_tuples(value) for name, value in data["record"].items()}
    for name in _LISTS.keys() & content.keys():
        content[name] = tuple(
            _LISTS[name](**{key: _as_tuples(value) for key, value in each.items()}) for each in content[name]
        )
    return data["table"], kind(**content, **({"course": course} if kind is Execution else {}))


def _as_tuples(value: Any) -> Any:
    """Return lists of JSON as the tuples that records have; dictionaries stay as they are."""
    return tuple(_as_tuples(each) for each in value) if isinstance(value, (list, tuple)) else value


__all__ = ["plain", "record_from", "records_of"]
