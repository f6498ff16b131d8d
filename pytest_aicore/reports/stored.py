"""Reads the files that `--aicore-report` wrote, in other sessions, on other machines, by other versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.echo import shown
from pytest_aicore.errors import ReportError
from pytest_aicore.http.exchange import parse_time
from pytest_aicore.reports.document import DOCUMENT, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_NUMBER: Final = (float, int)
_TEXTS: Final = {"*": str}
# A shape: a type, several as a tuple, a list of one shape, or names with shapes. `?` ends the name of what may be
# missing, and `*` is any name.
_RULE: Final = {"metric": str, "rule": str, "passed": bool, "value": (*_NUMBER, None), "baseline": (*_NUMBER, None)}
_STEP: Final = {
    "name": str,
    "phase": str,
    "message": (str, None),
    "exit_code": (int, None),
    "seconds": _NUMBER,
    "cpu_seconds": (*_NUMBER, None),
    "peak_memory": (*_NUMBER, None),
    "plan": (str, None),
    "plan_memory": (*_NUMBER, None),
    "repeat": (str, None),
    "started?": (str, None),
    "ended?": (str, None),
}
_RUN: Final = {
    "identity?": str,
    "workflow": str,
    "workflow_hash?": str,
    "executable": str,
    "scenario": (str, None),
    "configuration_id": (str, None),
    "artifacts": {"*": {"url": str}},
    "parameters": _TEXTS,
    "execution_id": (str, None),
    "status": (str, None),
    "history": [{"status": str, "time": str}],
    "duration": (*_NUMBER, None),
    "outputs": [{"name": str, "url": str}],
    "plans": [str],
    "cost": ({"amount": _NUMBER, "currency": str}, None),
    "stopped": (str, None),
    "metrics": ({"*": (*_NUMBER, None)}, None),
    "tests": [
        {"id": str, "expected": (str, None), "as_expected": bool, "looked?": bool, "outcome?": str, "error?": str}
    ],
    "diagnosis": [{"likely": str, "seen?": str, "remedy?": str}],
    "failure": (str, None),
    "steps?": [_STEP],
    "message?": (str, None),
    "log?": ({"text": str, "lines": int, "left_out": int, "problem": (str, None)}, None),
    "series?": {"*": [[(*_NUMBER, None)]]},
    "requests?": [{"method": str, "path": str, "status": (int, None), "times": int}],
}
_MEMBER: Final = {
    "execution_id": (str, None),
    "status": (str, None),
    "duration": (*_NUMBER, None),
    "metrics": ({"*": (*_NUMBER, None)}, None),
}
_SHAPE: Final = {
    "mode": str,
    "host": (str, None),
    "resource_group": str,
    "started_at": str,
    "ended_at": str,
    "exit_status": (int, None),
    "build?": (str, None),
    "runs": [_RUN],
    "families?": [{"test": str, "workflow": str, "varying": [str], "runs": [_MEMBER]}],
    "gates?": [{"run?": ({}, None), "rules": [_RULE]}],
    "workflows?": [
        {"workflow": str, "text": str, "findings": [{"rule": str, "severity": str, "line": int, "text": str}]}
    ],
}
_LATER: Final[Mapping[str, Any]] = {
    "steps": [], "message": "", "details": None, "log": None, "series": {}, "requests": [],
}  # fmt: skip
"""Keys of a run that the first reports of this version do not have."""


def read_documents(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Return the documents in files, and in all files `*.json` of folders and what is below; each has its `file`.

    Args:
        paths: files and folders.

    Raises:
        ReportError: one cannot be read, or is not a report.
    """
    return [_read(file) for path in paths for file in _files(path)]


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.rglob("*.json"))
    if not found:
        raise ReportError(f"{shown(path)}: the folder has no file *.json. Name what --aicore-report=FILE wrote.")
    return found


def _read(path: Path) -> dict[str, Any]:
    name = shown(path)
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise ReportError(f"{name} cannot be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError) as error:
        raise ReportError(
            f"{name} is damaged, or not a report: it is not JSON ({error}). Expected what --aicore-report=FILE wrote."
        ) from None
    if not isinstance(document, dict) or document.get("document") != DOCUMENT:
        raise ReportError(f"{name} is not a report of a session. Expected what --aicore-report=FILE wrote.")
    version = document.get("version")
    if version != VERSION:
        raise ReportError(
            f"{name} is a report of version {json.dumps(version)}, and this pytest-aicore reads version {VERSION}. Use"
            " the pytest-aicore that wrote it."
        )
    wrong = next(_wrong(document, _SHAPE, ""), None)
    if wrong is None:
        wrong = next(
            (f"{key} is not a time" for key in ("started_at", "ended_at") if not parse_time(document[key])), None
        )
    if wrong is not None:
        raise ReportError(f"{name} is damaged: {wrong}. Write it again with --aicore-report=FILE.")
    runs = [{**_LATER, **run} for run in document["runs"]]
    return {**document, "runs": runs, "file": str(path)}


def _wrong(value: object, shape: Any, place: str) -> Iterator[str]:
    """Yield what is not as it has to be, with its place."""
    shapes = shape if isinstance(shape, tuple) else (shape,)
    if any(_is(value, each) for each in shapes):
        own = next(each for each in shapes if _is(value, each))
    else:
        yield f"{place or 'the report'} is {json.dumps(value, default=str)[:40]}"
        return
    if isinstance(own, list):
        for number, inner in enumerate(value if isinstance(value, list) else ()):
            yield from _wrong(inner, own[0], f"{place}[{number}]")
    elif isinstance(own, dict) and isinstance(value, Mapping):
        for name, inner_shape in own.items():
            key = name.removesuffix("?")
            inner_place = f"{place}.{key}" if place else key
            if name == "*":
                for each, inner in value.items():
                    yield from _wrong(inner, inner_shape, f"{place}.{each}")
            elif key in value:
                yield from _wrong(value[key], inner_shape, inner_place)
            elif name == key:
                yield f"{inner_place} is missing"


def _is(value: object, shape: Any) -> bool:
    if isinstance(shape, (dict, list)):
        return isinstance(value, type(shape))
    if shape is None:
        return value is None
    return isinstance(value, shape) and (shape is bool or not isinstance(value, bool))
