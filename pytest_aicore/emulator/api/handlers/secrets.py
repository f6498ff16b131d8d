"""Generic secrets, in three scopes: a resource group's, the main tenant's, and those that all groups get."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from pytest_aicore.emulator.api.handlers.admin import (
    LABELS,
    SECRET_CREATED,
    SECRET_EXISTS,
    by_name,
    labels_of,
    list_response,
    missing,
    named,
)
from pytest_aicore.emulator.api.handlers.artifacts import labels_json
from pytest_aicore.emulator.api.validation import ObjectOf, Text, json_body
from pytest_aicore.emulator.store.admin_records import NamedSecret
from pytest_aicore.emulator.world.quotas import SECRETS, SHARED_SECRETS, refuse_beyond
from pytest_aicore.http.exchange import Json, invalid, json_response, present, seconds_space

if TYPE_CHECKING:
    from typing import Any

    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.emulator.store.tables import Table
    from pytest_aicore.http.exchange import Response

NAME = Text(252, re.compile(r"^[a-z0-9\-\.]+\Z", re.ASCII), 1)
ALL_GROUPS = "*"
UNNAMED_SCOPE = "default"
"""Assumed: the scope if neither a resource group nor the tenant's scope is named."""


class SecretScope(NamedTuple):
    """The scope of the secrets of a call."""

    secrets: Table[NamedSecret]
    maximum: int
    what: str


def _data(value: Any, where: str) -> Json:
    """Check the data; whether they are base64 is not checked (no capture shows a refusal)."""
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise invalid(f"{where} must be an object whose values are strings")
    return value


POST_DATA = ObjectOf({"name": NAME, "data": _data, "labels": LABELS}, required=("name", "data"))
PATCH_DATA = ObjectOf({"data": _data, "labels": LABELS}, required=("data",))


def create(call: ApiCall) -> Response:
    """Create a secret; an existing one is left unchanged."""
    body = json_body(call.request, POST_DATA)
    scope = scope_of(call)
    name = body["name"]
    if name in scope.secrets:
        return json_response(200, {"message": SECRET_EXISTS, "name": name})
    of_clients = sum(secret.number >= 0 for secret in scope.secrets)  # the others came with a workflow
    refuse_beyond(of_clients, scope.maximum, scope.what)
    scope.secrets.add(NamedSecret(name, call.state.next_number(), call.now, labels_of(body)))
    return json_response(200, {"message": SECRET_CREATED, "name": name})


def query(call: ApiCall) -> Response:
    """List the secrets of a scope."""
    return list_response(call, by_name(scope_of(call).secrets), lambda secret: _secret_json(secret))


def get(call: ApiCall) -> Response:
    """Show one secret; for one that all resource groups get, also which of them have it."""
    scope, secret = _find(call)
    shared = scope.secrets is call.state.tenant.shared_secrets
    synced = {group.id: group.ready_at is None for group in call.state.groups.values()} if shared else None
    return json_response(200, _secret_json(secret, synced))


def modify(call: ApiCall) -> Response:
    """Update the data of a secret; labels that are left out stay."""
    body = json_body(call.request, PATCH_DATA)
    scope, secret = _find(call)
    if "labels" in body:
        scope.secrets.put(replace(secret, labels=labels_of(body)))
    return json_response(200, {"message": "The secret has been modified", "name": secret.id})


def delete(call: ApiCall) -> Response:
    """Delete a secret; the body of the answer is the number 200 (captured)."""
    scope, secret = _find(call)
    scope.secrets.remove(secret.id)
    return json_response(200, 200)


def scope_of(call: ApiCall) -> SecretScope:
    """Return the scope of a call; the tenant's scope takes precedence over a resource group.

    Raises:
        ApiError: the resource group does not exist.
    """
    tenant_scope = call.request.headers.get("ai-tenant-scope", "false").strip().lower()
    if tenant_scope not in ("true", "false"):
        raise invalid("AI-Tenant-Scope must be a boolean")
    if tenant_scope == "true":
        return SecretScope(call.state.tenant.secrets, SECRETS, "generic secrets of the main tenant")
    name = call.request.headers.get("ai-resource-group") or UNNAMED_SCOPE
    if name == ALL_GROUPS:
        return SecretScope(call.state.tenant.shared_secrets, SHARED_SECRETS, "tenant-wide generic secrets")
    group = call.state.groups.get(name)
    if group is None:
        raise missing("Resource group", name)
    return SecretScope(group.secrets, SECRETS, f"generic secrets of resource group {name}")


def _find(call: ApiCall) -> tuple[SecretScope, NamedSecret]:
    name = named(call, "secretName", NAME)
    scope = scope_of(call)
    secret = scope.secrets.get(name)
    if secret is None:
        raise missing("Secret", name)
    return scope, secret


def _secret_json(secret: NamedSecret, synced: dict[str, bool] | None = None) -> Json:
    return present(
        createdAt=seconds_space(secret.created_at),
        labels=labels_json(secret.labels),
        name=secret.id,
        resourceGroupSecretsSyncStatus=synced,
    )
