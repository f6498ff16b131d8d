"""Repositories: Git repositories that are on-boarded, so that applications may synchronise them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_aicore.emulator.api.handlers.admin import by_name, list_response, missing, named
from pytest_aicore.emulator.api.validation import ObjectOf, Text, json_body
from pytest_aicore.emulator.store.state import TENANT_ID
from pytest_aicore.emulator.world.quotas import REPOSITORIES, refuse_beyond
from pytest_aicore.http.exchange import ApiError, Json, internal_path, json_response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.emulator.store.admin_records import Repository
    from pytest_aicore.http.exchange import Response

NAME = Text(51, re.compile(r"^[a-z0-9\-]+\Z", re.ASCII), 1)
_CREDENTIALS = {"username": Text(), "password": Text()}
POST_DATA = ObjectOf({"name": NAME, "url": Text(), **_CREDENTIALS}, required=("url", "username", "password"))
PATCH_DATA = ObjectOf(_CREDENTIALS, required=("username", "password"))


def create(call: ApiCall) -> Response:
    """On-board a repository. Without a name it gets a generated one (assumed: of random letters)."""
    body = json_body(call.request, POST_DATA)
    tenant = call.state.tenant
    name = body.get("name") or call.state.short_id("r")
    if name in tenant.repositories:
        message = f"Repository {name} already exists for tenant {TENANT_ID}"
        raise ApiError(409, "409", message)
    if name in tenant.offboarded:
        return _stays_gone(call, name)
    refuse_beyond(len(tenant.repositories), REPOSITORIES, "repositories")
    call.platform.tenancy.onboard(name, body["url"])
    return json_response(200, {"id": name, "message": "Repository has been on-boarded."})


def query(call: ApiCall) -> Response:
    """List the repositories of the tenant."""
    poll(call, call.state.tenant.repositories)
    return list_response(call, by_name(call.state.tenant.repositories), _repository_json)


def get(call: ApiCall) -> Response:
    """Show one repository, without its credentials."""
    poll(call, [_find(call)])
    return json_response(200, _repository_json(_find(call)))


def modify(call: ApiCall) -> Response:
    """Update the credentials of a repository; the API never shows them."""
    json_body(call.request, PATCH_DATA)
    return json_response(200, {"id": _find(call).id, "message": "The repository credentials have been updated."})


def delete(call: ApiCall) -> Response:
    """Off-board a repository. Its name cannot be used again (captured)."""
    repository = _find(call)
    tenant = call.state.tenant
    tenant.repositories.remove(repository.id)
    tenant.offboarded |= {repository.id}
    return json_response(200, {"id": repository.id, "message": "The repository has been off-boarded."})


def poll(call: ApiCall, repositories: Iterable[Repository]) -> None:
    """Let the time of a poll pass for a client that waits for the on-boarding of a repository."""
    if any(repository.ready_at is not None for repository in repositories):
        call.platform.world.poll()


def _stays_gone(call: ApiCall, name: str) -> Response:
    """Return the answer to the name of an off-boarded repository, in the captured format.

    Unlike any other error it has a `request_id`, which is null.
    """
    message = f"Repository {name} not found for tenant {TENANT_ID}"
    error = {
        "code": "500",
        "details": [{"code": None, "message": message}],
        "message": message,
        "request_id": None,
        "target": internal_path(call.request.path),
    }
    return json_response(500, {"error": error})


def _find(call: ApiCall) -> Repository:
    name = named(call, "repositoryName", NAME)
    repository = call.state.tenant.repositories.get(name)
    if repository is None:
        raise missing("Repository", name)
    return repository


def _repository_json(repository: Repository) -> Json:
    return {"name": repository.id, "status": repository.status, "url": repository.url}
