"""Common parts of the handlers under `/v2/admin`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from pytest_aicore.emulator.api.validation import ANY_NUMBER, ListOf, ObjectOf, Text, query_flag, query_whole
from pytest_aicore.emulator.store.state import TENANT_ID
from pytest_aicore.http.exchange import ApiError, Json, Response, json_response, page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.emulator.store.records import Labels

AnyRecord = TypeVar("AnyRecord")

# With the specification's limit of 63 characters this matches the same as its nested repetition, which would backtrack.
LABEL_KEY = re.compile(r"^ext.ai.sap.com/[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?\Z", re.ASCII)
LABELS = ListOf(ObjectOf({"key": Text(63, LABEL_KEY), "value": Text(5000)}, required=("key", "value")))
SECRET_EXISTS = "Secret exists"  # noqa: S105
"""Captured for docker registry secrets: a success that changes nothing; for the other secrets it is assumed."""
SECRET_CREATED = "secret has been created"  # noqa: S105
"""Captured, in lower case; the specification's example has a capital."""


def list_response(call: ApiCall, records: Iterable[AnyRecord], shown: Callable[[AnyRecord], Json]) -> Response:
    """Return a list of the administration, in the order of names (assumed).

    `count` is the number in the response, with `$count=true` the number on the server (specification).
    """
    everything = list(records)
    skip = query_whole(call.request, "$skip", 0, 0, ANY_NUMBER)
    top = query_whole(call.request, "$top", ANY_NUMBER, 0, ANY_NUMBER)
    chosen = everything[skip : skip + top]
    count = len(everything) if query_flag(call.request, "$count") else len(chosen)
    return json_response(200, page(map(shown, chosen), count))


def by_name(records: Iterable[AnyRecord]) -> list[AnyRecord]:
    """Return records in the order of their ids."""
    return sorted(records, key=lambda record: record.id)  # type: ignore[attr-defined]


def named(call: ApiCall, parameter: str, check: Text) -> str:
    """Return a name from the path.

    Raises:
        ApiError: 400 if it does not have the form of a name.
    """
    return check(call.parameters[parameter], parameter)


def missing(what: str, name: str) -> ApiError:
    """Return the 404 of the administration, worded like the only captured one."""
    return refused(404, f"{what} {name} not found for tenant {TENANT_ID}")


def refused(status: int, message: str) -> ApiError:
    """Return an error of the administration, whose code is the HTTP status (captured for a 500)."""
    return ApiError(status, str(status), message)


def labels_of(body: Json) -> Labels | None:
    """Return the labels in a body, or None."""
    labels = body.get("labels")
    return tuple((label["key"], label["value"]) for label in labels) if labels else None
