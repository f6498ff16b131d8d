"""Resource groups: made, listed in chunks, labelled, deleted with everything in them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from ai_api_client_sdk.exception import AIAPIInvalidRequestException, AIAPINotFoundException
from ai_api_client_sdk.models.label import Label
from ai_api_client_sdk.models.status import Status

from tests.emulator.api.conftest import SERVE, TRAIN

if TYPE_CHECKING:
    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

    from pytest_aicore.emulator import Emulator
    from tests.emulator.api.conftest import Caller

PATH = "/v2/admin/resourceGroups"
TENANT = "00000000-0000-4000-8000-000000000000"


def make(ask: Caller, name: str, **labels: str) -> None:
    """Make a resource group."""
    listed = [{"key": f"ext.ai.sap.com/{key}", "value": value} for key, value in labels.items()]
    assert ask("POST", PATH, {"resourceGroupId": name, "labels": listed}, group=None).status == 202


def ids(ask: Caller, query: str = "", **headers: str) -> list[str]:
    """Return the ids of a list."""
    listed = ask("GET", PATH + query, group=None, **headers).content
    assert listed["count"] == len(listed["resources"])
    return [each["resourceGroupId"] for each in listed["resources"]]


def test_a_resource_group_is_provisioned(ask: Caller, emulator: Emulator) -> None:
    """It takes a little while."""
    labels = [{"key": "ext.ai.sap.com/team", "value": "a"}]
    answer = ask("POST", PATH, {"resourceGroupId": "team-a", "labels": labels}, group=None)
    assert answer.status == 202
    assert answer.content == {"resourceGroupId": "team-a", "tenantId": TENANT, "zoneId": TENANT}
    shown = {
        "createdAt": "2025-01-01T00:00:00Z",
        "labels": labels,
        "resourceGroupId": "team-a",
        "servicePlan": "extended",
        "status": "PROVISIONING",
        "statusMessage": "Onboarding in progress.",
        "tenantId": TENANT,
        "zoneId": TENANT,
    }
    assert ask("GET", f"{PATH}/team-a", group=None).content == shown
    emulator.clock.advance(5)
    provisioned = {**shown, "status": "PROVISIONED", "statusMessage": "All onboarding steps are completed."}
    assert ask("GET", f"{PATH}/team-a", group=None).content == provisioned
    listed = ask("GET", PATH, group=None).content
    assert listed["count"] == 2
    assert listed["resources"][0]["resourceGroupId"] == "default"
    assert listed["resources"][1] == provisioned


def test_a_polling_loop_comes_to_its_end(client: AIAPIV2Client, emulator: Emulator) -> None:
    """Who waits for the provisioning gets there without moving the clock."""
    emulator.clock.set(emulator.clock.now(), held=False)
    client.resource_groups.create("team-a", labels=[Label("ext.ai.sap.com/x", "y")])
    seen = [client.resource_groups.get("team-a").status for _ in range(3)]
    assert seen[0] == "PROVISIONING"
    assert seen[-1] == "PROVISIONED"


def test_labels(client: AIAPIV2Client, ask: Caller) -> None:
    """They are replaced as a whole."""
    client.resource_groups.create("team-a", labels=[Label("ext.ai.sap.com/x", "y")])
    client.resource_groups.modify("team-a", labels=[Label("ext.ai.sap.com/z", "1")])
    assert [(each.key, each.value) for each in client.resource_groups.get("team-a").labels] == [
        ("ext.ai.sap.com/z", "1")
    ]
    answer = ask("PATCH", f"{PATH}/team-a", {}, group=None)
    assert (answer.status, answer.body, answer.headers["location"]) == (202, b"", f"{PATH}/team-a")
    assert len(client.resource_groups.get("team-a").labels) == 1


def test_it_takes_its_contents_along(client: AIAPIV2Client, ask: Caller, emulator: Emulator) -> None:
    """What was in a deleted resource group is gone, also when one of the same name is made again."""
    emulator.create_resource_group("team-a")
    training = ask.configuration(TRAIN, group="team-a")
    execution = ask("POST", "/v2/lm/executions", {"configurationId": training}, group="team-a").content["id"]
    serving = ask.configuration(SERVE, group="team-a")
    deployment = ask("POST", "/v2/lm/deployments", {"configurationId": serving}, group="team-a").content["id"]
    cron = {"name": "n", "cron": "0 * * * *", "configurationId": training}
    ask("POST", "/v2/lm/executionSchedules", cron, group="team-a")
    ask("PUT", "/v2/lm/dataset/files/default/x.csv", b"1", group="team-a")
    ask("POST", "/v2/admin/secrets", {"name": "s", "data": {}}, group="team-a")
    answer = client.resource_groups.delete("team-a")
    assert (answer.id, answer.message) == ("team-a", "Resource Group deletion scheduled")
    gone = ask("GET", f"/v2/lm/executions/{execution}", group="team-a")
    assert (gone.status, gone.body) == (403, b"RBAC: access denied")
    emulator.clock.advance(86400)
    with pytest.raises(AIAPINotFoundException) as caught:
        client.resource_groups.get("team-a")
    assert caught.value.error_message == f"Resource group team-a not found for tenant {TENANT}"
    make(ask, "team-a")
    for path in (
        "/v2/lm/executions",
        "/v2/lm/deployments",
        "/v2/lm/executionSchedules",
        "/v2/lm/configurations",
        "/v2/lm/artifacts",
        "/v2/admin/objectStoreSecrets",
        "/v2/admin/secrets",
    ):
        assert ask("GET", path, group="team-a").content == {"count": 0, "resources": []}
    assert ask("GET", f"/v2/lm/deployments/{deployment}", group="team-a").status == 404
    assert ask("GET", "/v2/lm/dataset/files/default/x.csv", group="team-a").status == 404


def test_a_deleted_one_is_shown_for_a_minute(ask: Caller, emulator: Emulator) -> None:
    """Like a deleted deployment; its API has no word for that but the sentence beside the status."""
    make(ask, "team-a")
    emulator.clock.advance(5)
    assert ask("DELETE", f"{PATH}/team-a", group=None).status == 202
    emulator.clock.advance(59)
    assert ask("DELETE", f"{PATH}/team-a", group=None).status == 202  # once more, which changes nothing
    shown = ask("GET", f"{PATH}/team-a", group=None).content
    assert (shown["status"], shown["statusMessage"]) == ("PROVISIONED", "Offboarding in progress.")
    assert ids(ask) == ["default", "team-a"]
    again = ask("POST", PATH, {"resourceGroupId": "team-a"}, group=None)
    assert again.content["error"]["message"] == f"Resource group team-a already exists for tenant {TENANT}"
    emulator.clock.advance(1)
    assert ids(ask) == ["default"]
    make(ask, "team-a")


def test_who_waits_for_the_end_of_one_without_sleeping_gets_there(ask: Caller, emulator: Emulator) -> None:
    make(ask, "team-a")
    emulator.clock.set(emulator.clock.now(), held=False)
    assert ask("DELETE", f"{PATH}/team-a", group=None).status == 202
    looks = 0
    while ask("GET", f"{PATH}/team-a", group=None).status == 200:
        looks += 1
    assert 10 < looks < 15


def test_executions_need_an_object_store_secret(client: AIAPIV2Client, ask: Caller, emulator: Emulator) -> None:
    """In a group that a client makes, an execution stays UNKNOWN until the secret `default` was there before it."""
    client.resource_groups.create("team-a")
    emulator.clock.advance(5)
    configuration = ask.configuration(TRAIN, group="team-a")
    stuck = client.execution.create(configuration, resource_group="team-a").id
    emulator.clock.advance(86400)
    assert client.execution.get(stuck, resource_group="team-a").status is Status.UNKNOWN
    body = {"name": "default", "type": "S3", "data": {}}
    ask("POST", "/v2/admin/objectStoreSecrets", body, group="team-a")
    started = client.execution.create(configuration, resource_group="team-a").id
    emulator.clock.advance(60)
    assert client.execution.get(started, resource_group="team-a").status is Status.COMPLETED
    assert client.execution.get(stuck, resource_group="team-a").status is Status.UNKNOWN


def test_groups_with_and_without_the_secret(ask: Caller, emulator: Emulator) -> None:
    """A group made in the test has the secret, unless it is told not to."""
    emulator.create_resource_group("with")
    emulator.create_resource_group("without", object_store_secret=False)
    names = {
        group: [each["name"] for each in ask("GET", "/v2/admin/objectStoreSecrets", group=group).content["resources"]]
        for group in ("default", "with", "without")
    }
    assert names == {"default": ["default"], "with": ["default"], "without": []}
    assert ask("GET", f"{PATH}/with", group=None).content["status"] == "PROVISIONED"


def test_chunks(ask: Caller, emulator: Emulator) -> None:
    """`Prefer: maxpagesize` cuts the list; each chunk links to the next one, and together they are the whole."""
    for number in range(7):
        make(ask, f"group-{number}")
    everything = ids(ask)
    seen = []
    path: str | None = PATH
    sizes = []
    while path:
        answer = ask("GET", path, group=None, prefer="maxpagesize=3")
        chunk = [each["resourceGroupId"] for each in answer.content["resources"]]
        sizes.append(len(chunk))
        seen += chunk
        link = answer.headers.get("link")
        path = None
        if link:
            url, _, relation = link.partition("; ")
            assert relation == 'rel="next"'
            assert url.startswith(f"<{emulator.base_url}{PATH}?continueToken=")
            parts = urlsplit(url.strip("<>"))
            path = f"{parts.path}?{parts.query}"
    assert seen == everything
    assert sizes == [3, 3, 2]
    for prefer in ("maxpagesize=0", "maxpagesize=x", "respond-async", "maxpagesize=8", "maxpagesize=-1"):
        answer = ask("GET", PATH, group=None, prefer=prefer)
        assert "link" not in answer.headers
        assert len(answer.content["resources"]) == 8
    assert ids(ask, prefer="return=minimal, odata.maxpagesize = 2") == everything[:2]


def test_a_chunk_keeps_size_and_filter_of_its_list(ask: Caller) -> None:
    """Following a link needs no header, and shows nothing that the first request had filtered out."""
    for number in range(6):
        make(ask, f"group-{number}", team="a" if number % 2 else "b")
    first = ask("GET", f"{PATH}?labelSelector=ext.ai.sap.com/team=a", group=None, prefer="maxpagesize=2")
    assert [each["resourceGroupId"] for each in first.content["resources"]] == ["group-1", "group-3"]
    url = urlsplit(first.headers["link"].partition(">")[0][1:])
    assert ids(ask, f"?{url.query}") == ["group-5"]


def test_a_token_that_is_too_old(ask: Caller, emulator: Emulator) -> None:
    """After ten minutes the list has to be begun anew."""
    make(ask, "team-a")
    link = ask("GET", PATH, group=None, prefer="maxpagesize=1").headers["link"]
    query = urlsplit(link.partition(">")[0][1:]).query
    emulator.clock.advance(600)
    assert ids(ask, f"?{query}") == ["team-a"]
    emulator.clock.advance(1)
    assert ask("GET", f"{PATH}?{query}", group=None).error == (
        410,
        "410",
        "ResourceExpired: the continue token is no longer valid, start again without it",
    )


@pytest.mark.parametrize("token", ["x", "%00", "W10", "WzEsIDFd", "bnVsbA", "\u00e9", "[" * 5000])
def test_a_token_that_is_none(ask: Caller, token: str) -> None:
    """What was never given out is refused."""
    answer = ask("GET", f"{PATH}?continueToken={token}", group=None)
    assert answer.error == (400, "01010001", "Invalid Request, continueToken is not recognized")


def test_selectors(ask: Caller) -> None:
    """Here `!=` means "does not have this value", so a group without the key fits too."""
    make(ask, "group-1", team="a", stage="dev")
    make(ask, "group-2", team="b")
    team, stage = "ext.ai.sap.com/team", "ext.ai.sap.com/stage"
    assert ids(ask, f"?labelSelector={team}=a") == ["group-1"]
    assert ids(ask, f"?labelSelector={team}!=a") == ["default", "group-2"]
    assert ids(ask, f"?labelSelector={team}!=c,{stage}=dev") == ["group-1"]
    assert ids(ask, f"?labelSelector={team}=nobody") == []
    assert ask("GET", f"{PATH}?labelSelector=team", group=None).error == (
        400,
        "01010001",
        "Invalid Request, labelSelector[0] must match ^[^ =,!]+!?=[^ =,!]+$",
    )


def test_pages_and_counts(client: AIAPIV2Client, ask: Caller) -> None:
    """`count` is what is shown; with `$count=true`, what there is."""
    for number in range(4):
        make(ask, f"group-{number}")
    assert ids(ask, "?$top=2&$skip=1") == ["group-0", "group-1"]
    assert ids(ask, "?$top=0") == []
    assert ask("GET", f"{PATH}?$top=2&$count=true", group=None).content["count"] == 5
    assert client.resource_groups.query().count == 5
    assert [each.resource_group_id for each in client.resource_groups.query(search="up-3").resources] == ["group-3"]
    assert client.resource_groups.query(search="UP-3").count == 0
    assert client.resource_groups.query(search="UP-3", search_case_insensitive=True).count == 1
    for query in ("$top=-1", "$skip=x", "$count=1"):
        assert ask("GET", f"{PATH}?{query}", group=None).status == 400


def test_the_default_group_stays(client: AIAPIV2Client) -> None:
    """It cannot be deleted."""
    with pytest.raises(AIAPIInvalidRequestException) as caught:
        client.resource_groups.delete("default")
    assert caught.value.error_message == "Resource group default cannot be deleted"
    assert client.resource_groups.get("default").status == "PROVISIONED"


def test_no_more_than_fifty(ask: Caller) -> None:
    """The fifty-first is refused, and the quota says so."""
    for number in range(49):
        make(ask, f"group-{number}")
    assert ask("POST", PATH, {"resourceGroupId": "one-more"}, group=None).error == (
        400,
        "400",
        "Quota reached: the tenant has 50 resource groups, which is the maximum",
    )
    quota = ask("GET", "/v2/admin/resourceQuota/resourceGroups", group=None).content
    assert quota == {"quota": {"maxCount": 50}, "usage": {"count": 50}}
    ask("DELETE", f"{PATH}/group-0", group=None)
    make(ask, "one-more")


BODIES = [
    ({}, "resourceGroupId is required"),
    ({"resourceGroupId": "ab"}, "resourceGroupId must not be shorter than 3 characters"),
    ({"resourceGroupId": "a" * 254}, "resourceGroupId must not be longer than 253 characters"),
    (
        {"resourceGroupId": "-team"},
        "resourceGroupId must match ^[a-zA-Z0-9][a-zA-Z0-9.-]{1,251}[a-zA-Z0-9]$",
    ),
    ({"resourceGroupId": "team-a", "labels": {}}, "labels must be an array"),
    ({"resourceGroupId": "team-a", "labels": [{"key": "x"}]}, "labels[0].value is required"),
    (
        {"resourceGroupId": "team-a", "labels": [{"key": "ext.ai.sap.com/-", "value": ""}]},
        "labels[0].key must match ^ext.ai.sap.com/[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$",
    ),
    (
        {"resourceGroupId": "team-a", "labels": [{"key": f"ext.ai.sap.com/{'a' * 49}", "value": ""}]},
        "labels[0].key must not be longer than 63 characters",
    ),
]


@pytest.mark.parametrize(("body", "message"), BODIES, ids=lambda value: str(value)[:40])
def test_what_is_refused(ask: Caller, body: dict[str, object], message: str) -> None:
    """Names and labels have limits."""
    assert ask("POST", PATH, body, group=None).error == (400, "01010001", f"Invalid Request, {message}")
    assert ids(ask) == ["default"]


def test_a_name_is_taken_once(ask: Caller) -> None:
    """Nothing of the group that exists is lost."""
    make(ask, "team-a", team="a")
    answer = ask("POST", PATH, {"resourceGroupId": "team-a"}, group=None)
    assert answer.error == (400, "400", f"Resource group team-a already exists for tenant {TENANT}")
    assert answer.content["error"]["target"] == "/api/v4alpha/resourceGroups"
    assert ask("GET", f"{PATH}/team-a", group=None).content["labels"] != []


def test_a_rollback_takes_groups_along(ask: Caller, emulator: Emulator) -> None:
    """Groups, their labels and their provisioning are as they were."""
    make(ask, "before", team="a")
    checkpoint = emulator.checkpoint()
    make(ask, "after")
    ask("PATCH", f"{PATH}/before", {"labels": []}, group=None)
    emulator.clock.advance(10)
    emulator.rollback(checkpoint)
    assert ids(ask) == ["default", "before"]
    shown = ask("GET", f"{PATH}/before", group=None).content
    assert (shown["status"], len(shown["labels"])) == ("PROVISIONING", 1)
    emulator.clock.advance(5)
    assert ask("GET", f"{PATH}/before", group=None).content["status"] == "PROVISIONED"
