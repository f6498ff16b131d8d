"""Resource groups: created, listed in chunks, labelled, deleted with everything in them."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from pytest_aicore.emulator.api.handlers.admin import LABELS, labels_of, missing, named, refused
from pytest_aicore.emulator.api.handlers.artifacts import labels_json, searching
from pytest_aicore.emulator.api.validation import (
    ANY_NUMBER,
    ObjectOf,
    Text,
    json_body,
    query_flag,
    query_list,
    query_whole,
)
from pytest_aicore.emulator.store.state import TENANT_ID
from pytest_aicore.emulator.world.quotas import RESOURCE_GROUPS, refuse_beyond
from pytest_aicore.http.exchange import (
    ApiError,
    Json,
    empty_response,
    invalid,
    json_response,
    page,
    present,
    seconds_z,
)
from pytest_aicore.service_facts import RESOURCE_GROUP

if TYPE_CHECKING:
    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.emulator.store.state import ResourceGroup
    from pytest_aicore.http.exchange import Response

UNDELETABLE = "default"
"""Documentation; the refusal's status and sentence are assumed."""
EXISTS_STATUS = 400
"""Assumed: no capture shows the answer to a resource group that already exists."""
BEFORE_ALL = -1
"""The number before that of the first resource group."""
TOKEN_SECONDS = 600
"""Specification: a continue token is valid for five to fifteen minutes."""

NAME = Text(253, re.compile(rf"^{RESOURCE_GROUP}\Z", re.ASCII), 3)
SELECTOR = Text(pattern=re.compile(r"^[^ =,!]+!?=[^ =,!]+\Z"))
POST_DATA = ObjectOf({"resourceGroupId": NAME, "labels": LABELS}, required=("resourceGroupId",))
PATCH_DATA = ObjectOf({"labels": LABELS})
_PAGE_SIZE = re.compile(r"(?:^|[,;\s])(?:odata\.)?maxpagesize\s*=\s*\"?([1-9]\d{0,5})\"?\s*(?:$|[,;\s])", re.IGNORECASE)


def create(call: ApiCall) -> Response:
    """Create a resource group; it is provisioned a little later, and has no object-store secret."""
    body = json_body(call.request, POST_DATA)
    name = body["resourceGroupId"]
    if name in call.state.groups:
        raise refused(EXISTS_STATUS, f"Resource group {name} already exists for tenant {TENANT_ID}")
    kept = sum(not group.is_being_deleted for group in call.state.groups.values())
    refuse_beyond(kept, RESOURCE_GROUPS, "resource groups")
    call.platform.tenancy.create_group(name, labels_of(body), store=False, at_once=False)
    return json_response(202, {"resourceGroupId": name, "tenantId": TENANT_ID, "zoneId": TENANT_ID})


def get(call: ApiCall) -> Response:
    """Show one resource group."""
    _poll(call, [_find(call)])
    return json_response(200, _group_json(call, _find(call)))


def query(call: ApiCall) -> Response:
    """List resource groups; with `Prefer: maxpagesize=n` in chunks, each of which links to the next one."""
    _poll(call, _wanted(call))
    groups = _wanted(call)
    token = call.request.query.get("continueToken")
    size, after = _read_token(call, token) if token else (_page_size(call), BEFORE_ALL)
    groups = [group for group in groups if group.number > after]
    skip = query_whole(call.request, "$skip", 0, 0, ANY_NUMBER)
    top = query_whole(call.request, "$top", ANY_NUMBER, 0, ANY_NUMBER)
    wanted = groups[skip : skip + top]
    chunk = wanted[:size] if size else wanted
    headers = {}
    if len(chunk) < len(wanted):
        following = {**call.request.query, "continueToken": _write_token(call, size, chunk[-1].number)}
        following.pop("$skip", None)
        headers["link"] = f'<{call.base_url}{call.request.path}?{urlencode(following)}>; rel="next"'
    count = len(call.state.groups) if query_flag(call.request, "$count") else len(chunk)
    return json_response(200, page((_group_json(call, group) for group in chunk), count), headers)


def modify(call: ApiCall) -> Response:
    """Update the labels of a resource group."""
    body = json_body(call.request, PATCH_DATA)
    group = _find(call)
    if "labels" in body:
        group.labels = labels_of(body)
    return empty_response(202, {"location": call.request.path})


def delete(call: ApiCall) -> Response:
    """Delete a resource group with everything in it.

    What is in it is gone at once, and nothing can be done in it any more; itself is shown for a while (assumed).
    """
    group = _find(call)
    if group.id == UNDELETABLE:
        raise refused(400, f"Resource group {group.id} cannot be deleted")
    call.platform.tenancy.delete_group(group)
    call.platform.cluster.abandon_strangers()
    return json_response(202, {"id": group.id, "message": "Resource Group deletion scheduled"})


def _find(call: ApiCall) -> ResourceGroup:
    name = named(call, "resourceGroupId", NAME)
    group = call.state.groups.get(name)
    if group is None:
        raise missing("Resource group", name)
    return group


def _poll(call: ApiCall, groups: list[ResourceGroup]) -> None:
    if any(group.ready_at is not None or group.is_being_deleted for group in groups):
        call.platform.world.poll()


def _wanted(call: ApiCall) -> list[ResourceGroup]:
    """Return the groups that match the labels and the search, the oldest first.

    Here `key!=value` also matches a group without the key (specification). `$search` is known from the SDK only.
    """
    selectors = query_list(call.request, "labelSelector", SELECTOR, 1000) or []
    search = searching(call)
    groups = sorted(call.state.groups.values(), key=lambda group: group.number)
    for selector in selectors:
        key, _, value = selector.partition("=")
        differs = key.endswith("!")
        key = key.removesuffix("!")
        groups = [group for group in groups if (dict(group.labels or ()).get(key) == value) is not differs]
    return [group for group in groups if search is None or search((group.id,))]


def _page_size(call: ApiCall) -> int:
    """Return the maximum size of a chunk; 0 for all. An invalid preference is ignored."""
    match = _PAGE_SIZE.search(call.request.headers.get("prefer", ""))
    return int(match[1]) if match else 0


def _write_token(call: ApiCall, size: int, after: int) -> str:
    content = json.dumps([size, after, call.now, call.state.seed])
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def _read_token(call: ApiCall, token: str) -> tuple[int, int]:
    try:
        content = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, RecursionError):
        content = None
    if not (isinstance(content, list) and [type(each) for each in content] == [int, int, float, int]):
        raise invalid("continueToken is not recognized")
    size, after, made_at, seed = content
    if seed != call.state.seed or not 0 <= call.now - made_at <= TOKEN_SECONDS:
        raise ApiError(410, "410", "ResourceExpired: the continue token is no longer valid, start again without it")
    return size, after


def _group_json(call: ApiCall, group: ResourceGroup) -> Json:
    return present(
        createdAt=seconds_z(group.created_at),
        labels=labels_json(group.labels) or [],
        resourceGroupId=group.id,
        servicePlan=call.state.service_plan,
        status=group.status,
        statusMessage=_status_message(group),
        tenantId=TENANT_ID,
        zoneId=TENANT_ID,
    )


def _status_message(group: ResourceGroup) -> str:
    """Return the sentence beside its status, which has no word for a deletion."""
    if group.is_being_deleted:
        return "Offboarding in progress."  # assumed
    return "All onboarding steps are completed." if group.ready_at is None else "Onboarding in progress."
