"""Secrets of object stores and docker registries, and generic ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.api.test_resource_groups import TENANT

if TYPE_CHECKING:
    from pytest_aicore.emulator import Emulator
    from tests.emulator.api.conftest import Answer, Caller

STORES = "/v2/admin/objectStoreSecrets"
DOCKER = "/v2/admin/dockerRegistrySecrets"
SECRETS = "/v2/admin/secrets"
SECRET = "s3cr3t-that-must-never-come-back"
S3 = {
    "name": "mine",
    "type": "S3",
    "bucket": "my-bucket",
    "endpoint": "s3.example.com",
    "region": "eu-central-1",
    "pathPrefix": "prefix/of-mine",
    "data": {"AWS_ACCESS_KEY_ID": SECRET, "AWS_SECRET_ACCESS_KEY": SECRET},
}


def names(answer: Answer) -> list[str]:
    """Return the names in a list."""
    return [each["name"] for each in answer.content["resources"]]


# Object stores ----------------------------------------------------------------------------------------------


def test_an_object_store_secret(ask: Caller) -> None:
    """It is shown with its metadata and without its data."""
    answer = ask("POST", STORES, S3)
    assert (answer.status, answer.content) == (202, {"message": "secret has been created"})
    shown = ask("GET", f"{STORES}/mine")
    assert shown.content == {
        "metadata": {
            "serving.kubeflow.org/s3-endpoint": "s3.example.com",
            "serving.kubeflow.org/s3-region": "eu-central-1",
            "serving.kubeflow.org/s3-usehttps": "1",
            "serving.kubeflow.org/s3-verifyssl": "0",
            "storage.ai.sap.com/bucket": "my-bucket",
            "storage.ai.sap.com/endpoint": "s3.example.com",
            "storage.ai.sap.com/pathPrefix": "prefix/of-mine",
            "storage.ai.sap.com/region": "eu-central-1",
            "storage.ai.sap.com/type": "S3",
        },
        "name": "mine",
    }
    assert SECRET.encode() not in shown.body
    assert names(ask("GET", STORES)) == ["default", "mine"]
    assert ask("GET", STORES).content["resources"][1] == shown.content


def test_a_change_keeps_what_it_leaves_out(ask: Caller) -> None:
    """A PATCH needs name, type and data."""
    ask("POST", STORES, {**S3, "usehttps": "0"})
    change = {"name": "mine", "type": "S3", "bucket": "another", "data": {}}
    answer = ask("PATCH", f"{STORES}/mine", change)
    assert (answer.status, answer.content) == (202, {"id": "mine", "message": "Secret has been modified"})
    metadata = ask("GET", f"{STORES}/mine").content["metadata"]
    assert metadata["storage.ai.sap.com/bucket"] == "another"
    assert metadata["storage.ai.sap.com/region"] == "eu-central-1"
    assert metadata["serving.kubeflow.org/s3-usehttps"] == "0"
    del change["data"]
    assert ask("PATCH", f"{STORES}/mine", change).error == (400, "01010001", "Invalid Request, data is required")


def test_another_kind_of_store(ask: Caller) -> None:
    """One that is no S3 has nothing of S3."""
    body = {"name": "blobs", "type": "azure", "containerUri": "https://x", "data": {}}
    ask("POST", STORES, body)
    assert ask("GET", f"{STORES}/blobs").content["metadata"] == {
        "storage.ai.sap.com/containerUri": "https://x",
        "storage.ai.sap.com/type": "azure",
    }


def test_object_store_secrets_belong_to_a_group(ask: Caller, emulator: Emulator) -> None:
    """Without a header the group `default` is meant."""
    emulator.create_resource_group("team-a")
    ask("POST", STORES, S3, group="team-a")
    assert names(ask("GET", STORES, group="team-a")) == ["default", "mine"]
    assert names(ask("GET", STORES, group=None)) == ["default"]
    assert ask("GET", f"{STORES}/mine", group=None).error == (
        404,
        "404",
        f"Object store secret mine not found for tenant {TENANT}",
    )
    refused = ask("GET", STORES, group="nowhere")
    assert (refused.status, refused.body) == (403, b"RBAC: access denied")


def test_an_object_store_secret_is_deleted(ask: Caller) -> None:
    """It is gone at once."""
    ask("POST", STORES, S3)
    answer = ask("DELETE", f"{STORES}/mine")
    assert (answer.status, answer.content) == (202, {"id": "mine", "message": "Object Store Secret has been deleted"})
    for method in ("GET", "DELETE", "PATCH"):
        assert ask(method, f"{STORES}/mine", S3).status == 404


def test_one_that_exists_stays(ask: Caller) -> None:
    """That is a success which changes nothing."""
    ask("POST", STORES, S3)
    answer = ask("POST", STORES, {**S3, "bucket": "another"})
    assert (answer.status, answer.content) == (202, {"message": "Secret exists"})
    assert ask("GET", f"{STORES}/mine").content["metadata"]["storage.ai.sap.com/bucket"] == "my-bucket"


def test_pages_of_secrets(ask: Caller) -> None:
    """As everywhere in the administration."""
    for name in ("beta", "alpha"):
        ask("POST", STORES, {**S3, "name": name})
    assert names(ask("GET", f"{STORES}?$skip=1")) == ["beta", "default"]
    assert ask("GET", f"{STORES}?$skip=1").content["count"] == 2
    assert ask("GET", f"{STORES}?$top=1&$count=true").content["count"] == 3
    assert names(ask("GET", f"{STORES}?top=1")) == ["alpha", "beta", "default"]


STORE_BODIES = [
    ({"name": None}, "name is required"),
    ({"name": "My"}, r"name must match ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"),
    ({"name": "a" * 234}, "name must not be longer than 233 characters"),
    ({"type": None}, "type is required"),
    ({"data": []}, "data must be an object"),
    ({"bucket": 5}, "bucket must be a string"),
    ({"usehttps": True}, "usehttps must be a string"),
]


@pytest.mark.parametrize(("changes", "message"), STORE_BODIES, ids=lambda value: str(value)[:30])
def test_object_store_secrets_that_are_refused(ask: Caller, changes: dict[str, Any], message: str) -> None:
    """Everything is a string."""
    answer = ask("POST", STORES, {**S3, **changes})
    assert answer.error == (400, "01010001", f"Invalid Request, {message}")
    assert names(ask("GET", STORES)) == ["default"]


# Docker registries ------------------------------------------------------------------------------------------


def test_a_docker_registry_secret(ask: Caller) -> None:
    """It belongs to the tenant, and nothing of it is shown but its name."""
    body = {"name": "registry", "data": {".dockerconfigjson": f'{{"auths": "{SECRET}"}}'}}
    answer = ask("POST", DOCKER, body, group=None)
    assert (answer.status, answer.content) == (202, {"message": "secret has been created"})
    again = ask("POST", DOCKER, body, group=None)
    assert (again.status, again.content) == (202, {"message": "Secret exists"})
    assert ask("GET", f"{DOCKER}/registry", group="nowhere").content == {"name": "registry"}
    listed = ask("GET", DOCKER, group=None).content
    assert listed == {"count": 2, "resources": [{"name": "docker-registry-secret"}, {"name": "registry"}]}
    change = {"data": {".dockerconfigjson": "{}"}}
    changed = ask("PATCH", f"{DOCKER}/registry", change, content_type="application/merge-patch+json")
    assert (changed.status, changed.content) == (202, {"id": "registry", "message": "Secret has been modified"})
    deleted = ask("DELETE", f"{DOCKER}/registry")
    message = "Docker Registry Secret has been deleted"
    assert (deleted.status, deleted.content) == (202, {"id": "registry", "message": message})
    for method in ("GET", "DELETE", "PATCH"):
        assert ask(method, f"{DOCKER}/registry", change).error == (
            404,
            "404",
            f"Docker registry secret registry not found for tenant {TENANT}",
        )


NAME_PATTERN = r"^(?!.*__)[a-z0-9][a-z0-9_.\-]*(?<!_)[a-z0-9]$"
DOCKER_BODIES = [
    ({"name": None}, "name is required"),
    ({"name": "a"}, f"name must match {NAME_PATTERN}"),
    ({"name": "a__bc"}, f"name must match {NAME_PATTERN}"),
    ({"name": "ab_c"}, f"name must match {NAME_PATTERN}"),
    ({"name": "_abc"}, f"name must match {NAME_PATTERN}"),
    ({"name": "a" * 64}, "name must not be longer than 63 characters"),
    ({"data": None}, "data is required"),
    ({"data": "x"}, "data must be an object"),
    ({"data": {}}, "data..dockerconfigjson is required and must be a string"),
    ({"data": {".dockerconfigjson": {}}}, "data..dockerconfigjson is required and must be a string"),
    ({"data": {".dockerconfigjson": "", "other": ""}}, "data must not have other"),
]


@pytest.mark.parametrize(("changes", "message"), DOCKER_BODIES, ids=lambda value: str(value)[:30])
def test_docker_registry_secrets_that_are_refused(ask: Caller, changes: dict[str, Any], message: str) -> None:
    """The data hold one key and no other."""
    body = {"name": "registry", "data": {".dockerconfigjson": "{}"}, **changes}
    assert ask("POST", DOCKER, body).error == (400, "01010001", f"Invalid Request, {message}")


@pytest.mark.parametrize("name", ["ab", "a_bc", "a.b-c", "0", "my_registry.eu-1"])
def test_names_of_docker_registry_secrets(ask: Caller, name: str) -> None:
    """The specification's pattern, to the letter."""
    import re

    allowed = re.match(r"^[a-z0-9](?:_?[a-z0-9\.\-]+)*[a-z0-9]$", name) is not None
    answer = ask("POST", DOCKER, {"name": name, "data": {".dockerconfigjson": "{}"}})
    assert (answer.status == 202) is allowed


def test_no_more_than_fifty_docker_registry_secrets(ask: Caller) -> None:
    """The fifty-first is refused."""
    body = {"data": {".dockerconfigjson": "{}"}}
    for number in range(49):  # and the one that the workflows name
        assert ask("POST", DOCKER, {**body, "name": f"registry-{number}"}).status == 202
    assert ask("POST", DOCKER, {**body, "name": "one-more"}).error == (
        400,
        "400",
        "Quota reached: the tenant has 50 docker registry secrets, which is the maximum",
    )
    assert ask("POST", DOCKER, {**body, "name": "registry-7"}).content == {"message": "Secret exists"}
    quota = ask("GET", "/v2/admin/resourceQuota/dockerRegistrySecrets").content
    assert quota == {"quota": {"maxCount": 50}, "usage": {"count": 50}}


# Generic secrets --------------------------------------------------------------------------------------------


def test_a_generic_secret(ask: Caller) -> None:
    """It is shown without its data; deleting it answers just a number."""
    labels = [{"key": "ext.ai.sap.com/my-label", "value": "x"}]
    body = {"name": "my-secret", "data": {"key": SECRET}, "labels": labels}
    answer = ask("POST", SECRETS, body)
    assert (answer.status, answer.content) == (200, {"message": "secret has been created", "name": "my-secret"})
    shown = ask("GET", f"{SECRETS}/my-secret")
    expected = {"createdAt": "2025-01-01 00:00:00+00:00", "labels": labels, "name": "my-secret"}
    assert shown.content == expected
    assert ask("GET", SECRETS).content == {"count": 1, "resources": [expected]}
    changed = ask("PATCH", f"{SECRETS}/my-secret", {"data": {"key": "bmV3"}})
    assert changed.content == {"message": "The secret has been modified", "name": "my-secret"}
    assert ask("GET", f"{SECRETS}/my-secret").content == expected
    ask("PATCH", f"{SECRETS}/my-secret", {"data": {}, "labels": []})
    assert "labels" not in ask("GET", f"{SECRETS}/my-secret").content
    assert ask("POST", SECRETS, body).content == {"message": "Secret exists", "name": "my-secret"}
    deleted = ask("DELETE", f"{SECRETS}/my-secret")
    assert (deleted.status, deleted.body) == (200, b"200")
    assert ask("DELETE", f"{SECRETS}/my-secret").error == (
        404,
        "404",
        f"Secret my-secret not found for tenant {TENANT}",
    )


def test_scopes_are_apart(ask: Caller, emulator: Emulator) -> None:
    """A resource group's, the main tenant's, and those that every group gets."""
    emulator.create_resource_group("team-a")
    for number, (group, scope) in enumerate((("default", ""), ("team-a", ""), ("team-a", "true"), ("*", ""))):
        body = {"name": f"secret-{number}", "data": {}}
        assert ask("POST", SECRETS, body, group=group, ai_tenant_scope=scope or "false").status == 200
    assert names(ask("GET", SECRETS)) == ["secret-0"]
    assert names(ask("GET", SECRETS, group=None)) == ["secret-0"]
    assert names(ask("GET", SECRETS, group="team-a")) == ["secret-1"]
    assert names(ask("GET", SECRETS, ai_tenant_scope="True")) == ["secret-2"]
    assert names(ask("GET", SECRETS, group="*")) == ["secret-3"]
    assert ask("GET", f"{SECRETS}/secret-1").status == 404
    assert ask("GET", SECRETS, group="nowhere").error == (
        404,
        "404",
        f"Resource group nowhere not found for tenant {TENANT}",
    )
    assert ask("GET", SECRETS, ai_tenant_scope="yes").error == (
        400,
        "01010001",
        "Invalid Request, AI-Tenant-Scope must be a boolean",
    )


def test_shared_secrets_reach_every_group(ask: Caller, emulator: Emulator) -> None:
    """Which groups have one is shown; a group that is being provisioned has it later."""
    ask("POST", SECRETS, {"name": "shared", "data": {}}, group="*")
    ask("POST", "/v2/admin/resourceGroups", {"resourceGroupId": "team-a"})
    shown = ask("GET", f"{SECRETS}/shared", group="*").content
    assert shown["resourceGroupSecretsSyncStatus"] == {"default": True, "team-a": False}
    emulator.clock.advance(5)
    shown = ask("GET", f"{SECRETS}/shared", group="*").content
    assert shown["resourceGroupSecretsSyncStatus"] == {"default": True, "team-a": True}


def test_no_more_than_five_shared_secrets(ask: Caller) -> None:
    """The sixth is refused; the quota of each scope is its own."""
    for number in range(5):
        assert ask("POST", SECRETS, {"name": f"shared-{number}", "data": {}}, group="*").status == 200
    assert ask("POST", SECRETS, {"name": "one-more", "data": {}}, group="*").error == (
        400,
        "400",
        "Quota reached: the tenant has 5 tenant-wide generic secrets, which is the maximum",
    )
    quota = "/v2/admin/resourceQuota/secrets"
    assert ask("GET", quota, group="*").content == {"quota": {"maxCount": 5}, "usage": {"count": 5}}
    assert ask("GET", f"{quota}?quotaOnly=true").content == {"quota": {"maxCount": 50}}
    assert ask("GET", quota, ai_tenant_scope="true").content["usage"] == {"count": 0}


SECRET_BODIES = [
    ({"name": None}, "name is required"),
    ({"name": ""}, "name must not be shorter than 1 characters"),
    ({"name": "My"}, r"name must match ^[a-z0-9\-\.]+$"),
    ({"name": "a" * 253}, "name must not be longer than 252 characters"),
    ({"data": None}, "data is required"),
    ({"data": {"key": 5}}, "data must be an object whose values are strings"),
    ({"labels": "x"}, "labels must be an array"),
]


@pytest.mark.parametrize(("changes", "message"), SECRET_BODIES, ids=lambda value: str(value)[:30])
def test_generic_secrets_that_are_refused(ask: Caller, changes: dict[str, Any], message: str) -> None:
    """Values are strings."""
    body = {"name": "my-secret", "data": {"key": "eA=="}, **changes}
    assert ask("POST", SECRETS, body).error == (400, "01010001", f"Invalid Request, {message}")


def test_secrets_leave_no_trace(ask: Caller, emulator: Emulator) -> None:
    """Neither the emulator's records nor its log of requests keep what is secret."""
    ask("POST", STORES, S3)
    ask("POST", DOCKER, {"name": "registry", "data": {".dockerconfigjson": SECRET}})
    ask("POST", SECRETS, {"name": "my-secret", "data": {"clientsecret": SECRET}})
    ask(
        "POST",
        "/v2/admin/repositories",
        {"name": "repo", "url": "https://example.com/x", "username": "me", "password": SECRET},
    )
    group, tenant = emulator.state.groups["default"], emulator.state.tenant
    kept = [*group.object_store_secrets, *group.secrets, *tenant.docker_secrets, *tenant.repositories]
    assert len(kept) == 6
    assert SECRET not in repr(kept)
    assert [record.request_body for record in emulator.requests] == ["***"] * 4
    assert SECRET not in "".join(record.response_body for record in emulator.requests)


def test_secrets_of_other_calls_leave_no_trace(ask: Caller, emulator: Emulator) -> None:
    """What parameters and labels are called says what their values are; what is cut is cut after that."""
    pairs = [{"key": name, "value": SECRET} for name in ("DB_PASSWORD", "STORAGE_ACCESS_KEY", "privateData")]
    plain = {"key": "learning-rate", "value": "0.1"}
    filler = {"key": "text", "value": "x" * 1800}
    ask("POST", "/v2/lm/configurations", {"name": "c", "parameterBindings": [*pairs, plain]})
    ask("POST", "/v2/lm/configurations", {"parameterBindings": [filler], "sasToken": SECRET * 20})
    ask("GET", f"/v2/lm/executions?sig={SECRET}&access_token={SECRET}")
    shown = [f"{record.path} {record.request_body} {record.response_body}" for record in emulator.requests]
    assert [text for text in shown if SECRET[:8] in text] == []
    assert '"learning-rate", "value": "0.1"' in shown[0] or '"learning-rate","value":"0.1"' in shown[0]
