"""Applications: folders of repositories whose templates AI Core synchronises."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.api.handlers.admin import by_name, list_response, missing, named, refused
from pytest_aicore.emulator.api.validation import ObjectOf, Text, json_body
from pytest_aicore.emulator.store.admin_records import Application
from pytest_aicore.emulator.store.state import TENANT_ID
from pytest_aicore.emulator.world.git_sync import FIRST_SYNC_SECONDS, REFRESH_SECONDS
from pytest_aicore.emulator.world.quotas import APPLICATIONS, refuse_beyond
from pytest_aicore.http.exchange import Json, invalid, json_response, seconds_z

if TYPE_CHECKING:
    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.http.exchange import Response

EXISTS_STATUS = 409
"""Assumed: no capture shows the answer to an application that already exists."""
NEVER = "Unknown"
"""Captured: every text of the status before the first synchronisation, except the health."""

NAME = Text(54, re.compile(r"^[a-z0-9\-]+\Z", re.ASCII), 3)
PATH_NAME = Text(63, re.compile(r"^[a-z0-9\-]+\Z", re.ASCII), 3)
_SOURCE = {"revision": Text(), "path": Text()}
POST_DATA = ObjectOf(
    {**_SOURCE, "repositoryUrl": Text(), "repositoryName": Text(), "applicationName": NAME},
    required=("revision", "path"),
)
PATCH_DATA = ObjectOf({**_SOURCE, "repositoryUrl": Text()}, required=("repositoryUrl", "revision", "path"))


def create(call: ApiCall) -> Response:
    """Create an application; it is synchronised a little later. Without a name it gets a generated one (assumed)."""
    body = json_body(call.request, POST_DATA)
    if ("repositoryUrl" in body) == ("repositoryName" in body):
        raise invalid("either repositoryUrl or repositoryName is required")
    applications = call.state.tenant.applications
    name = body.get("applicationName") or call.state.short_id("a")
    if name in applications:
        raise refused(EXISTS_STATUS, f"Application {name} already exists for tenant {TENANT_ID}")
    refuse_beyond(len(applications), APPLICATIONS, "applications")
    application = Application(name, call.state.next_number(), _url(call, body), body["revision"], body["path"])
    applications.add(call.platform.gitsync.plan(application, FIRST_SYNC_SECONDS))
    return json_response(200, {"id": name, "message": "Application has been successfully created."})


def query(call: ApiCall) -> Response:
    """List the applications of the tenant."""
    return list_response(call, by_name(call.state.tenant.applications), _application_json)


def get(call: ApiCall) -> Response:
    """Show one application."""
    return json_response(200, _application_json(_find(call)))


def get_status(call: ApiCall) -> Response:
    """Show the result of the last synchronisation of an application."""
    _find(call)
    call.platform.world.poll()
    return json_response(200, _status_json(_find(call)))


def modify(call: ApiCall) -> Response:
    """Give an application another folder or revision."""
    body = json_body(call.request, PATCH_DATA)
    application = _find(call)
    changed = Application(application.id, application.number, body["repositoryUrl"], body["revision"], body["path"])
    call.state.tenant.applications.put(call.platform.gitsync.plan(changed, FIRST_SYNC_SECONDS))
    return json_response(200, {"id": application.id, "message": "ArgoCD application has been updated"})


def refresh(call: ApiCall) -> Response:
    """Synchronise an application soon, not only after three minutes."""
    application = _find(call)
    call.state.tenant.applications.put(call.platform.gitsync.plan(application, REFRESH_SECONDS))
    return json_response(202, {"id": application.id, "message": "A refresh of the application has been scheduled."})


def delete(call: ApiCall) -> Response:
    """Delete an application, with the executables that it has published."""
    application = _find(call)
    call.platform.gitsync.remove(application)
    return json_response(200, {"id": application.id, "message": "ArgoCD application has been deleted"})


def _url(call: ApiCall, body: Json) -> str:
    name = body.get("repositoryName")
    if name is None:
        return str(body["repositoryUrl"])
    repository = call.state.tenant.repositories.get(name)
    if repository is None:
        raise refused(400, f"Repository {name} not found for tenant {TENANT_ID}")
    return repository.url


def _find(call: ApiCall) -> Application:
    name = named(call, "applicationName", PATH_NAME)
    application = call.state.tenant.applications.get(name)
    if application is None:
        raise missing("Application", name)
    return application


def _application_json(application: Application) -> Json:
    return {
        "applicationName": application.id,
        "path": application.path,
        "repositoryUrl": application.repository_url,
        "revision": application.revision,
    }


def _status_json(application: Application) -> Json:
    never = application.reconciled_at is None
    resources: list[dict[str, Any]] = [
        {"kind": each.kind, "message": each.message, "name": each.name, "status": each.status}
        for each in application.resources
    ]
    source = {"path": application.path, "repoURL": application.repository_url, "revision": application.revision}
    return {
        "healthStatus": application.health_status,
        "message": application.message,
        "reconciledAt": _time(application.reconciled_at),
        "source": dict.fromkeys(source, NEVER) if never else source,
        "syncFinishedAt": _time(application.sync_finished_at),
        "syncResourcesStatus": resources,
        "syncRessourcesStatus": resources,
        "syncStartedAt": _time(application.sync_started_at),
        "syncStatus": application.sync_status,
    }


def _time(moment: float | None) -> str:
    return NEVER if moment is None else seconds_z(moment)
