"""Object-store secrets: the stores of a resource group's artifacts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_aicore.emulator.api.handlers.admin import (
    SECRET_CREATED,
    SECRET_EXISTS,
    by_name,
    list_response,
    missing,
    named,
)
from pytest_aicore.emulator.api.validation import ObjectOf, Text, json_body
from pytest_aicore.emulator.store.records import ObjectStoreSecret
from pytest_aicore.http.exchange import Json, invalid, json_response

if TYPE_CHECKING:
    from typing import Any

    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.emulator.api.validation import Check
    from pytest_aicore.http.exchange import Response

NAME = Text(233, re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z", re.ASCII))
PATH_NAME = Text(pattern=re.compile(r"^[a-zA-Z0-9\.\-_]+\Z", re.ASCII))

_STORAGE = (
    "type",
    "bucket",
    "endpoint",
    "region",
    "pathPrefix",
    "hdfsNameNode",
    "headers",
    "containerUri",
    "subscriptionId",
    "tenantId",
    "projectId",
)
_SERVING = ("endpoint", "region", "usehttps", "verifyssl")
_S3_DEFAULTS = {"usehttps": "1", "verifyssl": "0"}


def _any_object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(f"{where} must be an object")
    return value


_FIELDS: dict[str, Check] = {**dict.fromkeys((*_STORAGE, *_SERVING), Text()), "data": _any_object}
POST_DATA = ObjectOf({**_FIELDS, "name": NAME}, required=("name", "type", "data"))
PATCH_DATA = ObjectOf({**_FIELDS, "name": Text()}, required=("name", "type", "data"))


def create(call: ApiCall) -> Response:
    """Create a secret; `data` is never shown again, so it is not kept."""
    body = json_body(call.request, POST_DATA)
    secrets = call.group.object_store_secrets
    if body["name"] in secrets:
        return json_response(202, {"message": SECRET_EXISTS})
    secrets.add(ObjectStoreSecret(body["name"], call.state.next_number(), _metadata({**_S3_DEFAULTS, **body})))
    return json_response(202, {"message": SECRET_CREATED})


def query(call: ApiCall) -> Response:
    """List the secrets of a resource group."""
    return list_response(call, by_name(call.group.object_store_secrets), _secret_json)


def get(call: ApiCall) -> Response:
    """Show one secret, without its data."""
    return json_response(200, _secret_json(_find(call)))


def modify(call: ApiCall) -> Response:
    """Update a secret; fields that are left out keep their values (observed)."""
    body = json_body(call.request, PATCH_DATA)
    secret = _find(call)
    kept = {key.rpartition("/")[2].removeprefix("s3-"): value for key, value in secret.metadata}
    call.group.object_store_secrets.put(replace(secret, metadata=_metadata({**_S3_DEFAULTS, **kept, **body})))
    return json_response(202, {"id": secret.id, "message": "Secret has been modified"})


def delete(call: ApiCall) -> Response:
    """Delete a secret. Without the one named `default`, executions do not leave the status UNKNOWN."""
    secret = _find(call)
    call.group.object_store_secrets.remove(secret.id)
    return json_response(202, {"id": secret.id, "message": "Object Store Secret has been deleted"})


def _find(call: ApiCall) -> ObjectStoreSecret:
    name = named(call, "objectStoreName", PATH_NAME)
    secret = call.group.object_store_secrets.get(name)
    if secret is None:
        raise missing("Object store secret", name)
    return secret


def _metadata(body: Json) -> tuple[tuple[str, str], ...]:
    """Return the fields of a secret that the service shows: for S3 also those for serving (SAP's own tests)."""
    shown = {f"storage.ai.sap.com/{name}": body[name] for name in _STORAGE if name in body}
    if body["type"].lower() == "s3":
        shown |= {f"serving.kubeflow.org/s3-{name}": body[name] for name in _SERVING if name in body}
    return tuple(sorted(shown.items()))


def _secret_json(secret: ObjectStoreSecret) -> Json:
    return {"metadata": dict(secret.metadata), "name": secret.id}
