"""Dataset files: CSV and JSON files that clients upload to a resource group's object store, and download."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_aicore.emulator.api.validation import query_flag
from pytest_aicore.emulator.store.objects import store_object
from pytest_aicore.http.exchange import GATEWAY, ApiError, Response, empty_response, json_response

if TYPE_CHECKING:
    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.emulator.store.stored_object import StoredObject

CODE = "03021655"
"""Specification: its examples have this code for every error of these calls."""
LARGEST_BYTES = 104_857_600
"""Documentation."""
LONGEST_PATH = 1024
SUFFIXES = (".csv", ".json")
"""Documentation for the first, SAP's tutorials for the second; that the suffix decides, and that other files are still
refused, is assumed."""
STORE_TYPE = "s3"
"""Documentation: only this type of object store."""

_PATH = re.compile(r"^(([\w.-]+):([\w.-]+)|([\w.-]+))(/([\w./-]+[\w.-]+)?)?\Z", re.ASCII)


def upload(call: ApiCall) -> Response:
    """Upload a file; an existing one is left unchanged, unless `overwrite=true`."""
    path = _path(call)
    secret, _, rest = path.partition("/")
    if not rest.lower().endswith(SUFFIXES):
        raise _problem(400, f"Only {' and '.join(SUFFIXES)} files are supported.")
    _check_store(call, secret, 400)
    if len(call.request.body) > LARGEST_BYTES:
        raise _problem(413, f"The file size exceeds the supported limit of {LARGEST_BYTES} bytes.")
    if path in call.group.objects and not query_flag(call.request, "overwrite"):
        raise _problem(409, "The specified file already exists and cannot be overwritten.")
    store_object(call.state, call.group, path, call.request.body)
    url = f"ai://{path}"
    return json_response(201, {"message": f"File {path} created successfully.", "url": url}, {"location": url})


def download(call: ApiCall) -> Response:
    """Download a file, with the headers that keep browsers from executing it (specification)."""
    return Response(
        200,
        {
            "content-type": "application/octet-stream",
            "content-disposition": "attachment",
            "content-security-policy": "default-src 'none'; sandbox",
            "x-content-type-options": "nosniff",
            **GATEWAY,
        },
        _content(call),
    )


def delete(call: ApiCall) -> Response:
    """Delete a file."""
    call.group.objects.remove(_find(call).id)
    return empty_response(204)


def _content(call: ApiCall) -> bytes:
    """Return the content of a file, which an engine may keep elsewhere."""
    stored = call.platform.world.stored(call.group, _path(call))
    return _find(call).content if stored is None else stored


def _path(call: ApiCall) -> str:
    """Return the path of a file: a secret's name, then at least one segment; `.` and `..` are refused."""
    path = call.parameters["path"]
    if len(path) > LONGEST_PATH or not _PATH.match(path):
        raise _problem(400, "The path is not valid.")
    segments = path.split("/")
    if len(segments) < 2 or any(segment in ("", ".", "..") for segment in segments):
        raise _problem(400, "The path is not valid.")
    return path


def _check_store(call: ApiCall, secret: str, status: int) -> None:
    kept = call.group.object_store_secrets.get(secret)
    if kept is None:
        raise _problem(status, f"The object store secret {secret} was not found.")
    if kept.type.lower() != STORE_TYPE:
        raise _problem(400, f"The object store secret {secret} is of type {kept.type}, but only S3 is supported.")


def _find(call: ApiCall) -> StoredObject:
    path = _path(call)
    _check_store(call, path.partition("/")[0], 404)
    found = call.group.objects.get(path)
    if found is None:
        raise _problem(404, "The resource you requested was not found.")
    return found


def _problem(status: int, message: str) -> ApiError:
    return ApiError(status, CODE, message)
