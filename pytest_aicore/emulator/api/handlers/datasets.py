"""Dataset files: CSV files that clients put into a resource group's object store and take out of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_aicore.emulator.api.validation import query_flag
from pytest_aicore.emulator.store.records import DatasetFile
from pytest_aicore.http.exchange import GATEWAY, ApiError, Response, empty_response, json_response

if TYPE_CHECKING:
    from pytest_aicore.emulator.api.call import Call

CODE = "03021655"
"""Specification: the one code that its examples have for every error of these calls."""
LARGEST_BYTES = 104_857_600
"""Documentation."""
LONGEST_PATH = 1024
SUFFIX = ".csv"
"""Documentation: other files are refused; that they are told by their suffix is assumed."""
STORE_TYPE = "s3"
"""Documentation: only this type of object store."""

_PATH = re.compile(r"^(([\w.-]+):([\w.-]+)|([\w.-]+))(/([\w./-]+[\w.-]+)?)?\Z", re.ASCII)


def upload(call: Call) -> Response:
    """Put a file into the object store; one that is there stays as it is, unless `overwrite=true`."""
    path = _path(call)
    secret, _, rest = path.partition("/")
    if not rest.lower().endswith(SUFFIX):
        raise _problem(400, f"Only {SUFFIX} files are supported.")
    _check_store(call, secret, 400)
    if len(call.request.body) > LARGEST_BYTES:
        raise _problem(413, f"The file size exceeds the supported limit of {LARGEST_BYTES} bytes.")
    there = call.group.files.get(path)
    if there and not query_flag(call.request, "overwrite"):
        raise _problem(409, "The specified file already exists and cannot be overwritten.")
    if there:
        call.group.files.put(DatasetFile(path, there.number, call.request.body))
    else:
        call.group.files.add(DatasetFile(path, call.state.next_number(), call.request.body))
    url = f"ai://{path}"
    return json_response(201, {"message": f"File {path} created successfully.", "url": url}, {"location": url})


def download(call: Call) -> Response:
    """Give a file out, with the headers that keep browsers from running what is in it (specification)."""
    return Response(
        200,
        {
            "content-type": "application/octet-stream",
            "content-disposition": "attachment",
            "content-security-policy": "default-src 'none'; sandbox",
            "x-content-type-options": "nosniff",
            **GATEWAY,
        },
        _find(call).content,
    )


def delete(call: Call) -> Response:
    """Take a file out of the object store."""
    call.group.files.remove(_find(call).id)
    return empty_response(204)


def _path(call: Call) -> str:
    """Return the path of a file: a secret's name, then at least one segment, none of which leads elsewhere."""
    path = call.parameters["path"]
    if len(path) > LONGEST_PATH or not _PATH.match(path):
        raise _problem(400, "The path is not valid.")
    segments = path.split("/")
    if len(segments) < 2 or any(segment in ("", ".", "..") for segment in segments):
        raise _problem(400, "The path is not valid.")
    return path


def _check_store(call: Call, secret: str, status: int) -> None:
    kept = call.group.object_store_secrets.get(secret)
    if kept is None:
        raise _problem(status, f"The object store secret {secret} was not found.")
    if kept.type.lower() != STORE_TYPE:
        raise _problem(400, f"The object store secret {secret} is of type {kept.type}, but only S3 is supported.")


def _find(call: Call) -> DatasetFile:
    path = _path(call)
    _check_store(call, path.partition("/")[0], 404)
    found = call.group.files.get(path)
    if found is None:
        raise _problem(404, "The resource you requested was not found.")
    return found


def _problem(status: int, message: str) -> ApiError:
    return ApiError(status, CODE, message)
