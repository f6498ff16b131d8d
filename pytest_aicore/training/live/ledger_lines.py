"""The lines of a ledger: each is read alone, so that a damaged line does not affect the others.

A ledger is kept for months; other versions of this package write it, processes are killed while they write a line, and
users edit it. So every value of a line is checked before it is used.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ARTIFACTS, CONFIGURATION, EXECUTION = "artifacts", "configuration", "execution"
STAGES = (ARTIFACTS, CONFIGURATION, EXECUTION)
_LATEST = 253402300799.0
"""The last second of the year 9999; no later time can be shown as a date."""
_ID = re.compile(r"[\w .-]{1,200}", re.ASCII)
"""Ids of pytest-aicore become parts of the names of lock files."""
_PLACE = re.compile(r"[!-~]{1,500}")
"""Hosts and resource groups become parts of requests."""
_THEIR_ID = re.compile(r"[\w-][\w.-]{0,199}", re.ASCII)
"""Ids of AI Core become parts of paths of requests."""


class DamagedLineError(ValueError):
    """A line that this package did not write, or that was damaged; the text says why."""


def read_line(raw: bytes) -> dict[str, Any]:
    """Return the event of a line and all facts that it needs, each of the right type.

    Args:
        raw: the line without its line end.

    Raises:
        DamagedLineError: it is not a valid line of a ledger.
    """
    try:
        line = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise DamagedLineError("not UTF-8") from None
    except (ValueError, RecursionError):  # also whole numbers with too many digits
        raise DamagedLineError("not JSON") from None
    if not isinstance(line, dict):
        raise DamagedLineError("not a JSON object")
    event = line.get("event")
    facts = _FACTS.get(event) if isinstance(event, str) else None
    if facts is None:
        raise DamagedLineError("unknown event")
    name = ""
    try:
        for name, read in facts.items():
            line[name] = read(line.get(name))
        if event == "made":
            _check_result(line["stage"], line["result"])
    except (TypeError, ValueError):
        raise DamagedLineError(f"{event}: invalid {name}") from None
    return line


def _check_result(stage: str, result: dict[str, Any]) -> None:
    """Check that a result has the ids of what was created."""
    if stage != ARTIFACTS:
        result["id"] = _their_id(result.get("id"))
        return
    for made in result.values():
        if not isinstance(made, dict):
            raise TypeError
        made["id"], made["url"] = _their_id(made.get("id")), _text(made.get("url"))


# Readers of facts: each returns the checked value, or raises TypeError or ValueError ----------------------------------


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    # A lone surrogate can be neither printed nor written to a file.
    return value.encode("utf-8", "replace").decode("utf-8")


def _id(value: object) -> str:
    if not (isinstance(value, str) and _ID.fullmatch(value)):
        raise ValueError
    return value


def _their_id(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not (isinstance(value, str) and _THEIR_ID.fullmatch(value)):
        raise ValueError
    return value


def _place(value: object) -> str:
    if not (isinstance(value, str) and _PLACE.fullmatch(value)):
        raise ValueError
    return value


def _number(value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError
    try:
        number = float(value)
    except OverflowError:
        raise ValueError from None
    if not (math.isfinite(number) and 0 <= number <= _LATEST):
        raise ValueError
    return number


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _stage(value: object) -> str:
    if value not in STAGES:
        raise ValueError
    return str(value)


def _result(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _texts(value: object) -> list[str]:
    if not isinstance(value, list):
        raise TypeError
    return [_text(each) for each in value]


def _perhaps(read: Callable[[object], Any]) -> Callable[[object], Any]:
    return lambda value: None if value is None else read(value)


def _perhaps_texts(value: object) -> list[str]:
    return [] if value is None else _texts(value)


_RUN = {"id": _perhaps(_id), "run": _id}
_SESSION = {"id": _perhaps(_id), "session": _id}
_FACTS: dict[str, dict[str, Callable[[object], Any]]] = {
    "opened": {**_SESSION, "process": _perhaps(_id)},
    "closed": _SESSION,
    "restored": {**_SESSION, "time": _number, "ticks": _perhaps(_number)},
    "checked": {**_SESSION, "executable": _text, "found": _perhaps(_text)},
    "done": {**_SESSION, "tests": _texts},
    "run": {
        **_RUN,
        "session": _id,
        "key": _text,
        "workflow": _text,
        "host": _place,
        "resource_group": _place,
        "scenario": _perhaps(_text),
        "executable": _perhaps(_text),
        "place": _perhaps(_text),
        "time": _number,
        "kind": _perhaps(_text),
        "plans": _perhaps_texts,
    },
    "intends": {
        **_RUN,
        "process": _id,
        "stage": _stage,
        "time": _number,
        "ticks": _perhaps(_number),
        "name": _perhaps(_text),
        "configuration": _perhaps(_text),
        "others": _perhaps_texts,
        "reuse": _perhaps(_flag),
    },
    "made": {**_RUN, "stage": _stage, "result": _result},
    "failed": {**_RUN, "stage": _stage, "why": _text, "in_doubt": _flag},
    "running": {**_RUN, "time": _number, "ticks": _perhaps(_number), "began": _perhaps(_number)},
    "ended": {**_RUN, "status": _text, "seconds": _number},
    "lost": _RUN,
    "stops": {**_RUN, "reason": _text, "why": _text},
    "stopping": {
        **_RUN,
        "time": _perhaps(_number),
        "seconds": _perhaps(_number),
        "executions": _perhaps_texts,
        "why": _perhaps(_text),
    },
    "kept": _RUN,
    "gone": _RUN,
    "adopted": {**_RUN, "session": _id},
    "wanted": {**_RUN, "tests": _texts},
    "unwanted": _RUN,
    "waits": {**_RUN, "process": _id, "time": _number},
}
"""By event, the facts that it needs and their readers."""
