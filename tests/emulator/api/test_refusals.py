"""What the specification allows in a body or a query, and what every filter finds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.emulator.conftest import House

ARTIFACT = {"name": "a", "kind": "model", "url": "ai://default/a", "scenarioId": "some-scenario"}
CONFIGURATION = {"name": "c", "scenarioId": "house-prices", "executableId": "house-train"}
NAME = """^[\\w\\s.!?,;:\\[\\](){}<>"'=+*/\\\\^&%@~$#|-]*$"""
ID = "^[\\w.-]{4,64}$"


def with_field(body: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    return {**body, name: value}


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


def labelled(key: Any, value: Any) -> dict[str, Any]:
    return with_field(ARTIFACT, "labels", [{"key": key, "value": value}])


def bound(**binding: Any) -> dict[str, Any]:
    return with_field(CONFIGURATION, "parameterBindings", [binding])


REFUSED: list[tuple[str, str, Any, str]] = [
    *(("POST", "/artifacts", without(ARTIFACT, name), f"{name} is required") for name in ARTIFACT),
    *(("POST", "/artifacts", with_field(ARTIFACT, name, None), f"{name} is required") for name in ARTIFACT),
    *(("POST", "/artifacts", with_field(ARTIFACT, name, 1), f"{name} must be a string") for name in ARTIFACT),
    ("POST", "/artifacts", with_field(ARTIFACT, "name", "a" * 257), "name must not be longer than 256 characters"),
    ("POST", "/artifacts", with_field(ARTIFACT, "name", "Straße"), f"name must match {NAME}"),
    ("POST", "/artifacts", with_field(ARTIFACT, "name", "back`tick"), f"name must match {NAME}"),
    (
        "POST",
        "/artifacts",
        with_field(ARTIFACT, "kind", "Model"),
        "kind must be one of model, dataset, resultset, other",
    ),
    ("POST", "/artifacts", with_field(ARTIFACT, "url", "default/a"), "url must match ([a-z0-9-]+):\\/\\/.+"),
    ("POST", "/artifacts", with_field(ARTIFACT, "url", "ai://"), "url must match ([a-z0-9-]+):\\/\\/.+"),
    (
        "POST",
        "/artifacts",
        with_field(ARTIFACT, "url", "ai://" + "a" * 1020),
        "url must not be longer than 1024 characters",
    ),
    ("POST", "/artifacts", with_field(ARTIFACT, "scenarioId", "abc"), f"scenarioId must match {ID}"),
    ("POST", "/artifacts", with_field(ARTIFACT, "scenarioId", "a" * 65), f"scenarioId must match {ID}"),
    ("POST", "/artifacts", with_field(ARTIFACT, "scenarioId", "some id"), f"scenarioId must match {ID}"),
    ("POST", "/artifacts", with_field(ARTIFACT, "scenarioId", "some-id\n"), f"scenarioId must match {ID}"),
    (
        "POST",
        "/artifacts",
        with_field(ARTIFACT, "description", "d" * 5001),
        "description must not be longer than 5000 characters",
    ),
    ("POST", "/artifacts", with_field(ARTIFACT, "labels", {}), "labels must be an array"),
    ("POST", "/artifacts", with_field(ARTIFACT, "labels", ["x"]), "labels[0] must be an object"),
    ("POST", "/artifacts", labelled("ext.ai.sap.com/a", None), "labels[0].value is required"),
    (
        "POST",
        "/artifacts",
        labelled("example.com/a", "x"),
        "labels[0].key must match ^ext\\.ai\\.sap\\.com\\/[\\w\\.-]+$",
    ),
    (
        "POST",
        "/artifacts",
        labelled("ext.ai.sap.com/" + "a" * 242, "x"),
        "labels[0].key must not be longer than 256 characters",
    ),
    (
        "POST",
        "/artifacts",
        labelled("ext.ai.sap.com/a", "x" * 5001),
        "labels[0].value must not be longer than 5000 characters",
    ),
    ("POST", "/artifacts", [ARTIFACT], "the body must be an object"),
    ("POST", "/artifacts", None, "the body is not valid JSON"),
    ("POST", "/artifacts", "{", "the body is not valid JSON"),
    ("POST", "/artifacts", b"\xff", "the body is not valid JSON"),
    ("POST", "/artifacts", "[" * 100_000, "the body is not valid JSON"),
    *(("POST", "/configurations", without(CONFIGURATION, name), f"{name} is required") for name in CONFIGURATION),
    ("POST", "/configurations", with_field(CONFIGURATION, "executableId", "x"), f"executableId must match {ID}"),
    ("POST", "/configurations", bound(key="DEPTH", value=3), "parameterBindings[0].value must be a string"),
    ("POST", "/configurations", bound(key="DEPTH", value=True), "parameterBindings[0].value must be a string"),
    ("POST", "/configurations", bound(key="DEPTH"), "parameterBindings[0].value is required"),
    ("POST", "/configurations", bound(value="3"), "parameterBindings[0].key is required"),
    (
        "POST",
        "/configurations",
        bound(key="k" * 257, value="3"),
        "parameterBindings[0].key must not be longer than 256 characters",
    ),
    (
        "POST",
        "/configurations",
        bound(key="k", value="3" * 5001),
        "parameterBindings[0].value must not be longer than 5000 characters",
    ),
    (
        "POST",
        "/configurations",
        with_field(CONFIGURATION, "parameterBindings", [{"key": "k", "value": "v"}] * 1001),
        "parameterBindings must have at most 1000 items",
    ),
    (
        "POST",
        "/configurations",
        with_field(CONFIGURATION, "inputArtifactBindings", [{"key": "houses"}]),
        "inputArtifactBindings[0].artifactId is required",
    ),
    (
        "POST",
        "/configurations",
        with_field(CONFIGURATION, "inputArtifactBindings", [{"key": "houses", "artifactId": "a b"}]),
        f"inputArtifactBindings[0].artifactId must match {ID}",
    ),
    ("POST", "/executions", {}, "configurationId is required"),
    ("POST", "/executions", {"configurationId": "no"}, f"configurationId must match {ID}"),
    ("PATCH", "/executions/some-id", {}, "targetStatus is required"),
    ("PATCH", "/executions/some-id", {"targetStatus": "DELETED"}, "targetStatus must be one of STOPPED"),
    ("PATCH", "/executions/some-id", {"targetStatus": "stopped"}, "targetStatus must be one of STOPPED"),
    ("PATCH", "/executions/no", {"targetStatus": "STOPPED"}, f"executionId must match {ID}"),
    ("DELETE", "/executions/n@body", None, f"executionId must match {ID}"),
    ("GET", "/executions/", None, f"executionId must match {ID}"),
    ("GET", "/artifacts/no", None, f"artifactId must match {ID}"),
    ("GET", "/configurations/no", None, f"configurationId must match {ID}"),
    ("GET", "/scenarios/no", None, f"scenarioId must match {ID}"),
    ("GET", "/scenarios/no/executables", None, f"scenarioId must match {ID}"),
    ("GET", "/scenarios/no/versions", None, f"scenarioId must match {ID}"),
    ("GET", "/scenarios/house-prices/executables/no", None, f"executableId must match {ID}"),
    ("GET", "/scenarios/house-prices/versions?labelSelector=x", None, "labelSelector[0] must match "),
    ("GET", "/artifacts?scenarioId=no", None, f"scenarioId must match {ID}"),
    ("GET", "/artifacts?executionId=", None, f"executionId must match {ID}"),
    ("GET", "/artifacts?name=Stra%C3%9Fe", None, f"name must match {NAME}"),
    ("GET", "/artifacts?kind=MODEL", None, "kind must be one of model, dataset, resultset, other"),
    ("GET", "/artifacts?$top=100001", None, "$top must be at most 100000"),
    ("GET", "/artifacts?$top=-1", None, "$top must be at least 0"),
    ("GET", "/artifacts?$top=ten", None, "$top must be an integer"),
    ("GET", "/artifacts?$top=1.0", None, "$top must be an integer"),
    ("GET", "/artifacts?$skip=-1", None, "$skip must be at least 0"),
    ("GET", "/artifacts?$skip=", None, "$skip must be an integer"),
    ("GET", "/artifacts?$search=a~b", None, "$search must match ^[^~]{1,80}$"),
    ("GET", "/artifacts?$search=", None, "$search must match ^[^~]{1,80}$"),
    ("GET", f"/artifacts?$search={'a' * 81}", None, "$search must match ^[^~]{1,80}$"),
    ("GET", "/artifacts?searchCaseInsensitive=yes", None, "searchCaseInsensitive must be a boolean"),
    ("GET", "/artifacts?$expand=everything", None, "$expand must be one of scenario"),
    ("GET", "/artifacts/some-id?$expand=x", None, "$expand must be one of scenario"),
    (
        "GET",
        "/artifacts?artifactLabelSelector=a=b",
        None,
        "artifactLabelSelector[0] must match ^ext\\.ai\\.sap\\.com\\/[\\w\\.-]+!?=[^ =,]+$",
    ),
    (
        "GET",
        "/artifacts?artifactLabelSelector=" + ",".join(["ext.ai.sap.com/a=b"] * 11),
        None,
        "artifactLabelSelector must have at most 10 items",
    ),
    ("GET", "/artifacts/$count?kind=x", None, "kind must be one of model, dataset, resultset, other"),
    ("GET", "/configurations?executableIds=house-train,x", None, f"executableIds[1] must match {ID}"),
    (
        "GET",
        "/configurations?executableIds=" + ",".join(["some-id"] * 1001),
        None,
        "executableIds must have at most 1000 items",
    ),
    ("GET", "/configurations/$count?scenarioId=x", None, f"scenarioId must match {ID}"),
    (
        "GET",
        "/executions?status=DONE",
        None,
        "status must be one of UNKNOWN, PENDING, RUNNING, COMPLETED, DEAD, STOPPING, STOPPED",
    ),
    ("GET", "/executions?$select=id", None, "$select must be one of status"),
    ("GET", "/executions/some-id?$select=id", None, "$select must be one of status"),
    ("GET", "/configurations/some-id?$expand=x", None, "$expand must be one of scenario"),
    ("GET", "/executions?configurationId=x", None, f"configurationId must match {ID}"),
    ("GET", "/executions?executionScheduleId=x", None, f"executionScheduleId must match {ID}"),
    ("GET", "/executions/$count?scenarioId=x", None, f"scenarioId must match {ID}"),
]


@pytest.mark.parametrize(("method", "path", "content", "sentence"), REFUSED)
def test_what_the_specification_does_not_allow(
    house: House, method: str, path: str, content: Any, sentence: str
) -> None:
    answer = house.ask(method, path, content)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "01010001")
    if sentence.endswith("match "):
        assert error["message"].startswith(f"Invalid Request, {sentence}")
    else:
        assert error["message"] == f"Invalid Request, {sentence}"
    assert error["target"] == "/api/v2" + path.partition("?")[0]
    assert json.dumps(answer.json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False) == answer.text


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/artifacts", with_field(ARTIFACT, "name", "")),
        ("/artifacts", with_field(ARTIFACT, "name", "a" * 256)),
        ("/artifacts", with_field(ARTIFACT, "name", 'What? A "name", (really) [so] {odd} <it> is; 50% & #1: a/b\\c~')),
        ("/artifacts", with_field(ARTIFACT, "url", "see s3://bucket/x y")),
        ("/artifacts", with_field(ARTIFACT, "url", "gs://kfserving-examples/models/")),
        ("/artifacts", with_field(ARTIFACT, "scenarioId", "a.b-")),
        ("/artifacts", with_field(ARTIFACT, "scenarioId", "a" * 64)),
        ("/artifacts", with_field(ARTIFACT, "description", "d" * 5000)),
        ("/artifacts", with_field(ARTIFACT, "description", None)),
        ("/artifacts", with_field(ARTIFACT, "unknown", {"fields": ["are", "ignored"]})),
        ("/artifacts", with_field(ARTIFACT, "labels", [])),
        ("/artifacts", labelled("ext.ai.sap.com/a.b-c_1", "")),
        ("/configurations", with_field(CONFIGURATION, "parameterBindings", [])),
        ("/configurations", bound(key="unheard of", value="")),
        (
            "/configurations",
            with_field(CONFIGURATION, "inputArtifactBindings", [{"key": "houses", "artifactId": "not-registered"}]),
        ),
    ],
)
def test_what_it_allows(house: House, path: str, content: Any) -> None:
    created = house.create(path, content)
    assert house.ask("GET", f"{path}/{created}").status_code == 200


@pytest.mark.parametrize("path", ["/artifacts", "/configurations", "/executions"])
@pytest.mark.parametrize("said", ["text/plain", "application/xml; charset=utf-8", "application/x-www-form-urlencoded"])
def test_a_body_that_says_it_is_no_json(house: House, path: str, said: str) -> None:
    answer = house.ask("POST", path, ARTIFACT, content_type=said)
    sentence = f"Invalid Request, Content-Type must be application/json, not {said.partition(';')[0]}"
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["message"]) == (400, "01010001", sentence)


@pytest.mark.parametrize("said", ["", "application/json;charset=UTF-8", "Application/JSON", "application/vnd.me+json"])
def test_a_body_that_says_nothing_or_that_it_is_json(house: House, said: str) -> None:
    assert house.ask("POST", "/artifacts", ARTIFACT, content_type=said).status_code == 201


def test_text_that_is_no_unicode_is_answered_all_the_same(house: House) -> None:
    text = json.dumps(with_field(ARTIFACT, "description", "half a \ud83d pair, and \u2028 and \x00"))
    created = house.create("/artifacts", text)
    assert house.client().artifact.get(created).description == "half a ? pair, and \u2028 and \x00"


BULK = [
    ({}, "executions is required"),
    ({"executions": []}, "executions must have at least 1 items"),
    ({"executions": [{"id": "some-id"}]}, "executions[0].targetStatus is required"),
    ({"executions": [{"targetStatus": "STOPPED"}]}, "executions[0].id is required"),
    (
        {"executions": [{"id": "some-id", "targetStatus": "RUNNING"}]},
        "executions[0].targetStatus must be one of STOPPED, DELETED",
    ),
    (
        {"executions": [{"id": f"id-{number}", "targetStatus": "STOPPED"} for number in range(101)]},
        "executions must have at most 100 items",
    ),
    (
        {"executions": [{"id": "some-id", "targetStatus": status} for status in ("STOPPED", "DELETED")]},
        "executions must name each id once",
    ),
]


@pytest.mark.parametrize(("content", "sentence"), BULK)
def test_bulk_changes_that_the_specification_does_not_allow(house: House, content: Any, sentence: str) -> None:
    answer = house.ask("PATCH", "/executions", content, content_type="application/merge-patch+json")
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, f"Invalid Request, {sentence}")


def test_a_hundred_changes_at_once_are_allowed_but_only_as_json(house: House) -> None:
    content = {"executions": [{"id": f"id-{number}", "targetStatus": "STOPPED"} for number in range(100)]}
    for content_type in ("application/merge-patch+json", "application/json", "application/json; charset=utf-8"):
        answer = house.ask("PATCH", "/executions", content, content_type=content_type)
        assert (answer.status_code, len(answer.json()["executions"])) == (202, 100)
    refused = house.ask("PATCH", "/executions", content, content_type="text/plain")
    assert refused.json()["error"]["message"] == "Invalid Request, Content-Type must be application/merge-patch+json"


# Filters ------------------------------------------------------------------------------------------------------


def found(house: House, path: str, by: str = "name", **query: str) -> list[str]:
    """Return the names of what a list shows, after making sure that the count agrees."""
    answer = house.ask("GET", path, **query).json()
    assert answer["count"] == len(answer["resources"])
    unpaged = {name: value for name, value in query.items() if name not in ("S_top", "S_skip", "S_expand", "S_select")}
    if unpaged == query:
        assert house.ask("GET", f"{path}/$count", **query).json() == answer["count"]
    return [str(each[by]) for each in answer["resources"]]


def label(name: str, value: str) -> dict[str, str]:
    return {"key": f"ext.ai.sap.com/{name}", "value": value}


@pytest.fixture
def artifacts(house: House) -> House:
    """Three artifacts: `plain`, `One` and `one, two`, in this order."""
    house.create("/artifacts", {**ARTIFACT, "name": "plain", "description": "about One"})
    house.create(
        "/artifacts",
        {**ARTIFACT, "name": "One", "kind": "dataset", "labels": [label("stage", "dev"), label("size", "1,5")]},
    )
    house.create(
        "/artifacts",
        {**ARTIFACT, "name": "one, two", "scenarioId": "other-scenario", "labels": [label("stage", "prod")]},
    )
    return house


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["one, two", "One", "plain"]),
        ({"scenarioId": "some-scenario"}, ["One", "plain"]),
        ({"kind": "model"}, ["one, two", "plain"]),
        ({"kind": "dataset", "scenarioId": "some-scenario"}, ["One"]),
        ({"name": "One"}, ["One"]),
        ({"name": "On"}, []),
        ({"S_search": "One"}, ["One", "plain"]),
        ({"S_search": "one"}, ["one, two"]),
        ({"S_search": "one", "searchCaseInsensitive": "true"}, ["one, two", "One", "plain"]),
        ({"S_search": "one", "searchCaseInsensitive": "True"}, ["one, two", "One", "plain"]),
        ({"S_search": "one", "searchCaseInsensitive": "false"}, ["one, two"]),
        ({"S_search": "e, t"}, ["one, two"]),
        ({"artifactLabelSelector": "ext.ai.sap.com/stage=dev"}, ["One"]),
        ({"artifactLabelSelector": "ext.ai.sap.com/stage!=dev"}, ["one, two"]),
        ({"artifactLabelSelector": "ext.ai.sap.com/size=1{comma}5"}, ["One"]),
        ({"artifactLabelSelector": "ext.ai.sap.com/size!=1{comma}5"}, []),
        ({"artifactLabelSelector": "ext.ai.sap.com/stage=dev,ext.ai.sap.com/size=1{comma}5"}, ["One"]),
        ({"artifactLabelSelector": "ext.ai.sap.com/stage=prod,ext.ai.sap.com/size=1{comma}5"}, []),
        ({"executionId": "nobody-knows"}, []),
        ({"S_top": "2"}, ["one, two", "One"]),
        ({"S_top": "2", "S_skip": "1"}, ["One", "plain"]),
        ({"S_skip": "2"}, ["plain"]),
        ({"S_skip": "3"}, []),
        ({"S_top": "0"}, []),
        ({"S_top": "100000"}, ["one, two", "One", "plain"]),
        ({"top": "1", "skip": "1", "unheard": "of"}, ["one, two", "One", "plain"]),
    ],
)
def test_artifacts_are_found(artifacts: House, query: dict[str, str], names: list[str]) -> None:
    assert found(artifacts, "/artifacts", **query) == names


def test_the_sdk_finds_artifacts(artifacts: House) -> None:
    client = artifacts.client()
    by_label = client.artifact.query(artifact_label_selector=["ext.ai.sap.com/stage!=dev"])
    assert [artifact.name for artifact in by_label.resources] == ["one, two"]
    searched = client.artifact.query(search="one", search_case_insensitive=True, expand="scenario", top=1)
    assert [artifact.scenario for artifact in searched.resources] == [None, None, None]
    assert client.artifact.count(scenario_id="other-scenario") == 1


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["serve", "train twice", "Train"]),
        ({"executableIds": "house-train"}, ["train twice", "Train"]),
        ({"executableIds": "house-train,house-serve"}, ["serve", "train twice", "Train"]),
        ({"executableIds": "house-serve,unheard-of"}, ["serve"]),
        ({"scenarioId": "house-prices"}, ["serve", "train twice", "Train"]),
        ({"scenarioId": "other"}, []),
        ({"S_search": "rai"}, ["train twice", "Train"]),
        ({"S_search": "TRAIN", "searchCaseInsensitive": "true", "S_top": "1"}, ["train twice"]),
    ],
)
def test_configurations_are_found(house: House, query: dict[str, str], names: list[str]) -> None:
    for name, executable in (("Train", "house-train"), ("train twice", "house-train"), ("serve", "house-serve")):
        house.create("/configurations", {"name": name, "scenarioId": "house-prices", "executableId": executable})
    assert found(house, "/configurations", **query) == names


def test_executions_are_found(house: House) -> None:
    client = house.client()
    house.emulator.clock.hold()
    first, second = house.configure(client), house.configure(client)
    done = client.execution.create(first).id
    house.emulator.clock.advance(100)
    running = client.execution.create(second).id
    house.emulator.clock.advance(20)
    waiting = client.execution.create(second).id
    for query, ids in (
        ({}, [waiting, running, done]),
        ({"status": "COMPLETED"}, [done]),
        ({"status": "RUNNING"}, [running]),
        ({"status": "UNKNOWN"}, [waiting]),
        ({"status": "DEAD"}, []),
        ({"configurationId": second}, [waiting, running]),
        ({"configurationId": second, "status": "RUNNING", "executableIds": "x-tra,house-train"}, [running]),
        ({"scenarioId": "house-prices", "S_top": "1", "S_skip": "1"}, [running]),
        ({"executableIds": "house-serve"}, []),
        ({"executionScheduleId": "some-schedule"}, []),
        ({"S_select": "status", "S_skip": "1"}, [running, done]),
    ):
        assert found(house, "/executions", "id", **query) == ids
    assert found(house, "/artifacts", executionId=done) == ["House report", "house-model"]
    assert found(house, "/artifacts", executionId=running) == []


# Resource groups ----------------------------------------------------------------------------------------------


def test_resource_groups_see_nothing_of_each_other(house: House) -> None:
    house.emulator.create_resource_group("team-a")
    mine, theirs = house.client(), house.client("team-a")
    execution_id = house.start(mine)
    artifact_id = mine.artifact.query().resources[0].id
    configuration_id = mine.configuration.query().resources[0].id
    mine.metrics.rest_client.patch(
        "/metrics", body={"execution_id": execution_id, "tags": [{"name": "a", "value": "b"}]}
    )
    for path in ("/artifacts", "/configurations", "/executions"):
        assert len(found(house, path, "id")) == 1
        answer = house.ask("GET", path, resource_group="team-a")
        assert answer.json() == {"count": 0, "resources": []}
        assert house.ask("GET", f"{path}/$count", resource_group="team-a").text == "0"
    for path in (
        f"/artifacts/{artifact_id}",
        f"/configurations/{configuration_id}",
        f"/executions/{execution_id}",
        f"/executions/{execution_id}/logs",
        f"/metrics?executionIds={execution_id}",
    ):
        assert house.ask("GET", path).status_code == 200
        assert house.ask("GET", path, resource_group="team-a").status_code == 404
    assert (
        house.ask("POST", "/executions", {"configurationId": configuration_id}, resource_group="team-a").status_code
        == 400
    )
    assert house.ask("DELETE", f"/executions/{execution_id}", resource_group="team-a").status_code == 404
    assert [scenario.id for scenario in theirs.scenario.query().resources] == [
        scenario.id for scenario in mine.scenario.query().resources
    ]


def test_a_missing_header_means_the_default_group_and_an_unknown_one_is_refused(house: House) -> None:
    created = house.create("/artifacts", ARTIFACT, resource_group=None)
    assert house.ask("GET", f"/artifacts/{created}").status_code == 200
    refused = house.ask("GET", "/artifacts", resource_group="nobody")
    assert (refused.status_code, refused.text, refused.headers["content-type"]) == (
        403,
        "RBAC: access denied",
        "text/plain",
    )
    assert house.ask("GET", "/meta", resource_group="nobody").status_code == 200
