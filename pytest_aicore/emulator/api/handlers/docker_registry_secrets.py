"""Docker registry secrets, with which the tenant's images are pulled."""

from __future__ import annotations

import re
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
from pytest_aicore.emulator.store.admin_records import NamedSecret
from pytest_aicore.emulator.world.quotas import DOCKER_REGISTRY_SECRETS, refuse_beyond
from pytest_aicore.http.exchange import Json, invalid, json_response

if TYPE_CHECKING:
    from typing import Any

    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.http.exchange import Response

# The specification's `^[a-z0-9](?:_?[a-z0-9\.\-]+)*[a-z0-9]$`, without its nested repetition.
NAME = Text(63, re.compile(r"^(?!.*__)[a-z0-9][a-z0-9_.\-]*(?<!_)[a-z0-9]\Z", re.ASCII))
_KEY = ".dockerconfigjson"


def _data(value: Any, where: str) -> Json:
    if not isinstance(value, dict):
        raise invalid(f"{where} must be an object")
    if not isinstance(value.get(_KEY), str):
        raise invalid(f"{where}.{_KEY} is required and must be a string")
    for name in value:
        if name != _KEY:
            raise invalid(f"{where} must not have {name}")
    return value


POST_DATA = ObjectOf({"name": NAME, "data": _data}, required=("name", "data"))
PATCH_DATA = ObjectOf({"data": _data}, required=("data",))


def create(call: ApiCall) -> Response:
    """Create a secret; an existing one is left unchanged, with a success as the answer (captured)."""
    body = json_body(call.request, POST_DATA)
    secrets = call.state.tenant.docker_secrets
    if body["name"] in secrets:
        return json_response(202, {"message": SECRET_EXISTS})
    refuse_beyond(len(secrets), DOCKER_REGISTRY_SECRETS, "docker registry secrets")
    secrets.add(NamedSecret(body["name"], call.state.next_number(), call.now))
    return json_response(202, {"message": SECRET_CREATED})


def query(call: ApiCall) -> Response:
    """List the secrets of the tenant."""
    return list_response(call, by_name(call.state.tenant.docker_secrets), _secret_json)


def get(call: ApiCall) -> Response:
    """Show one secret: its name."""
    return json_response(200, _secret_json(_find(call)))


def modify(call: ApiCall) -> Response:
    """Update the data of a secret; the API never shows them."""
    json_body(call.request, PATCH_DATA)
    return json_response(202, {"id": _find(call).id, "message": "Secret has been modified"})


def delete(call: ApiCall) -> Response:
    """Delete a secret."""
    secret = _find(call)
    call.state.tenant.docker_secrets.remove(secret.id)
    return json_response(202, {"id": secret.id, "message": "Docker Registry Secret has been deleted"})


def _find(call: ApiCall) -> NamedSecret:
    name = named(call, "dockerRegistryName", NAME)
    secret = call.state.tenant.docker_secrets.get(name)
    if secret is None:
        raise missing("Docker registry secret", name)
    return secret


def _secret_json(secret: NamedSecret) -> Json:
    return {"name": secret.id}
