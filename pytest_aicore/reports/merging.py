"""Merges the documents of shards: parts of one session that ran on several machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.http.exchange import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NO_TESTS: Final = 5
"""pytest's exit status of a session without tests, as a shard may be."""


def sessions_of(documents: Sequence[Mapping[str, Any]], *, is_one: bool = False) -> list[dict[str, Any]]:
    """Return one document a session, the oldest first, with the `files` that it was in; no document counts twice.

    Documents are shards of one session if the same build of a CI system made them, or, where no build is known, their
    times overlap; and if no test is in two of them: a job for each version of Python repeats the tests.

    Args:
        documents: of `stored.read_documents`.
        is_one: whether all of them are shards of one session, whatever they say.
    """
    groups: list[list[Mapping[str, Any]]] = []
    for document in sorted(_distinct(documents), key=lambda each: _time(each, "started_at")):
        group = next((each for each in groups if is_one or _belongs(document, each)), None)
        if group is None:
            groups.append([document])
        else:
            group.append(document)
    return [_merged(group) for group in groups]


def _distinct(documents: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    seen: list[dict[str, Any]] = []
    for document in documents:
        content = {**document, "file": ""}
        if content not in seen:
            seen.append(content)
            found.append(document)
    return found


def _belongs(document: Mapping[str, Any], group: Sequence[Mapping[str, Any]]) -> bool:
    return all(
        all(document.get(name) == each.get(name) for name in ("mode", "host", "resource_group", "build"))
        and (document.get("build") is not None or _overlap(document, each))
        and _tests(document).isdisjoint(_tests(each))
        for each in group
    )


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return max(_time(one, "started_at"), _time(other, "started_at")) < min(
        _time(one, "ended_at"), _time(other, "ended_at")
    )


def _time(document: Mapping[str, Any], name: str) -> float:
    return parse_time(document[name]) or 0.0


def _tests(document: Mapping[str, Any]) -> set[str]:
    return {test["id"] for run in document["runs"] for test in run["tests"]}


def _merged(group: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first = group[0]
    return {
        **first,
        "host": next((each["host"] for each in group if each["host"]), None),
        "started_at": min(group, key=lambda each: _time(each, "started_at"))["started_at"],
        "ended_at": max(group, key=lambda each: _time(each, "ended_at"))["ended_at"],
        "exit_status": _exit_status([each["exit_status"] for each in group]),
        "runs": _runs(group),
        "deployments": [deployment for each in group for deployment in each.get("deployments", ())],
        "families": [family for each in group for family in each.get("families", ())],
        "gates": [gate for each in group for gate in each.get("gates", ())],
        "workflows": _workflows(group),
        "files": [each["file"] for each in group],
    }


def _exit_status(found: Sequence[int | None]) -> int | None:
    """Return the worst: a session of which a part failed has failed."""
    bad = [each for each in found if each not in (0, _NO_TESTS, None)]
    if bad:
        return max(bad, key=int)
    return None if None in found else min(found, key=lambda each: each or 0)


def _runs(group: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the runs; an execution that really happened and that several shards used is one run."""
    found: list[dict[str, Any]] = []
    known: dict[str, dict[str, Any]] = {}
    for document in group:
        for run in document["runs"]:
            # Emulated ids are not unique: the emulators of two machines give the same.
            name = run["execution_id"] if document["mode"] != "offline" else None
            if name is not None and name in known:
                known[name]["tests"] += run["tests"]
                if len(run["history"]) > len(known[name]["history"]):
                    newer = {
                        each: run[each] for each in ("status", "history", "duration", "outputs", "stopped", "cost")
                    }
                    known[name].update(newer)
                for each in ("metrics", "diagnosis", "failure", "log", "series", "message", "details"):
                    known[name][each] = known[name][each] or run[each]
                continue
            run = {**run, "tests": [*run["tests"]]}
            found.append(run)
            if name is not None:
                known[name] = run
    return found


def _workflows(group: Sequence[Mapping[str, Any]]) -> list[Any]:
    found: list[Any] = []
    for document in group:
        found += [each for each in document.get("workflows", ()) if each not in found]
    return found
