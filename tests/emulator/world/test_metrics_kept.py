"""What the tracking service keeps for executions, and how it is found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ai_api_client_sdk.exception import AIAPIInvalidRequestException, AIAPINotFoundException

if TYPE_CHECKING:
    import requests

    from tests.emulator.conftest import House

MERGE_PATCH = "application/merge-patch+json"


def track(house: House, execution_id: str, **content: Any) -> requests.Response:
    body = {"executionId": execution_id, **content}
    return house.ask("PATCH", "/metrics", body, content_type=MERGE_PATCH)


def found(house: House, **query: str) -> list[str]:
    answer = house.ask("GET", "/metrics", **query)
    if answer.status_code == 404:
        return []
    assert answer.json()["count"] == len(answer.json()["resources"])
    return [resource["executionId"] for resource in answer.json()["resources"]]


def test_metrics_byte_for_byte(house: House) -> None:
    house.emulator.clock.advance(1.5)
    labels = [{"name": "group", "value": "tree-82"}]
    kept = track(
        house,
        "exec-1",
        metrics=[
            {"name": "Error Rate", "value": 0.98, "timestamp": "2021-06-10T06:22:19.412Z", "step": 2, "labels": labels},
            {"name": "loss", "value": 1},
        ],
        tags=[{"name": "Artifact Group", "value": "RFC-1"}],
        customInfo=[{"name": "Confusion Matrix", "value": "[{'Predicted': 'False'}]"}],
    )
    assert (kept.status_code, kept.content, "content-type" in kept.headers) == (204, b"", False)
    house.emulator.clock.advance(1)
    assert track(house, "exec-1", tags=[{"name": "more", "value": "x"}]).status_code == 204
    assert house.ask("GET", "/metrics", executionIds="exec-1").text == (
        '{"count":1,"resources":[{"createdAt":"2025-01-01T00:00:01.500000Z",'
        '"customInfo":[{"name":"Confusion Matrix","value":"[{\'Predicted\': \'False\'}]"}],"executionId":"exec-1",'
        '"metrics":[{"labels":[{"name":"group","value":"tree-82"}],"name":"Error Rate","step":2,'
        '"timestamp":"2021-06-10T06:22:19.412000Z","value":0.98},'
        '{"name":"loss","step":0,"timestamp":"2025-01-01T00:00:01.500000Z","value":1}],'
        '"modifiedAt":"2025-01-01T00:00:02.500000Z",'
        '"tags":[{"name":"Artifact Group","value":"RFC-1"},{"name":"more","value":"x"}]}]}'
    )


def test_metrics_are_appended_tags_and_custom_info_replaced(house: House) -> None:
    for value in (1, 2):
        track(
            house,
            "exec-1",
            metrics=[{"name": "loss", "value": value, "step": 1}],
            tags=[{"name": "t", "value": str(value)}],
            customInfo=[{"name": "c", "value": str(value)}],
        )
    (kept,) = house.ask("GET", "/metrics", executionIds="exec-1").json()["resources"]
    assert [(metric["value"], metric["step"]) for metric in kept["metrics"]] == [(1, 1), (2, 1)]
    assert (kept["tags"], kept["customInfo"]) == ([{"name": "t", "value": "2"}], [{"name": "c", "value": "2"}])


def test_the_content_type_does_not_matter_and_the_execution_need_not_run(house: House, client: Any) -> None:
    execution_id = house.start(client)
    body = {"executionId": execution_id, "metrics": [{"name": "loss", "value": 1.5}]}
    assert house.ask("PATCH", "/metrics", body, content_type="application/json").status_code == 204
    (resource,) = client.metrics.query(execution_ids=[execution_id]).resources
    assert (resource.metrics[0].value, resource.tags, resource.custom_info) == (1.5, [], [])
    assert client.execution.get(execution_id).status.value == "UNKNOWN"


def test_what_clients_sent_and_what_the_training_wrote_stand_together(house: House, client: Any) -> None:
    house.emulator.script(metrics={"loss": [2, 1]})
    execution_id = house.start(client)
    house.emulator.clock.advance(100)
    track(house, execution_id, metrics=[{"name": "by-hand", "value": 3}])
    (resource,) = client.metrics.query(execution_ids=[execution_id]).resources
    assert [metric.name for metric in resource.metrics] == ["loss", "loss", "by-hand"]
    client.metrics.delete(execution_id)
    with pytest.raises(AIAPINotFoundException):
        client.metrics.query(execution_ids=[execution_id])


@pytest.mark.parametrize(
    ("select", "parts"),
    [
        ("metrics", {"metrics"}),
        ("tags,customInfo", {"tags", "customInfo"}),
        ("*", {"metrics", "tags", "customInfo"}),
        ("*,tags", {"metrics", "tags", "customInfo"}),
        ("", {"metrics", "tags", "customInfo"}),
    ],
)
def test_selected_parts(house: House, select: str, parts: set[str]) -> None:
    track(house, "exec-1", metrics=[{"name": "loss", "value": 1}])
    (resource,) = house.ask("GET", "/metrics", executionIds="exec-1", S_select=select).json()["resources"]
    assert resource.keys() == {"createdAt", "modifiedAt", "executionId", *parts}


@pytest.fixture
def tracked(house: House) -> House:
    """Three executions with tags."""
    for execution_id, tags in (
        ("exec-1", {"stage": "dev", "odd": "a,b=c&d"}),
        ("exec-2", {"stage": "prod"}),
        ("exec-3", {"size": "1"}),
    ):
        track(house, execution_id, tags=[{"name": name, "value": value} for name, value in tags.items()])
    return house


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("executionIds=exec-1", ["exec-1"]),
        ("executionIds=exec-3,exec-1", ["exec-3", "exec-1"]),
        ("executionIds=exec-1,exec-1,unheard-of", ["exec-1"]),
        ("$filter=executionId eq 'exec-2'", ["exec-2"]),
        ("$filter=executionId in ('exec-2', 'exec-3')", ["exec-2", "exec-3"]),
        ("$filter=executionId in 'exec-2','exec-3'", ["exec-2", "exec-3"]),
        ("tagFilters=stage", ["exec-1", "exec-2"]),
        ("tagFilters=stage=dev", ["exec-1"]),
        ("tagFilters=stage!=dev", ["exec-2"]),
        ("tagFilters=stage!=dev,stage!=prod", []),
        ("tagFilters=stage%3Ddev", ["exec-1"]),
        ("tagFilters=stage%3Ddev%2Csize", []),
        ("tagFilters=odd=a%2Cb%3Dc%26d", ["exec-1"]),
        ("tagFilters=odd!=a%2Cb%3Dc%26d", []),
        ("tagFilters=stage=dev,odd=a%2Cb%3Dc%26d", ["exec-1"]),
        ("executionIds=exec-2,exec-3&tagFilters=stage", ["exec-2"]),
        ("tagFilters=stage&$top=1", ["exec-1"]),
        ("tagFilters=stage&$skip=1", ["exec-2"]),
    ],
)
def test_metrics_are_found(tracked: House, query: str, ids: list[str]) -> None:
    answer = tracked.ask("GET", f"/metrics?{query}")
    assert [each["executionId"] for each in answer.json().get("resources", ())] == ids
    assert answer.status_code == (200 if ids else 404)


def test_a_page_behind_the_last_one_is_empty(tracked: House) -> None:
    assert tracked.ask("GET", "/metrics?tagFilters=stage&$skip=2").text == '{"count":0,"resources":[]}'


PAIR = {"name": "n", "value": "v"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({}, "executionId is required"),
        ({"executionId": ""}, "executionId must match ^[\\w.-]{4,64}$"),
        ({"executionId": "exec-1", "metrics": {}}, "metrics must be an array"),
        ({"executionId": "exec-1", "metrics": [{"name": "a"}]}, "metrics[0].value is required"),
        ({"executionId": "exec-1", "metrics": [{"value": 1}]}, "metrics[0].name is required"),
        ({"executionId": "exec-1", "metrics": [{"name": " ", "value": 1}]}, "metrics[0].name must match [\\w-]{1,64}"),
        ({"executionId": "exec-1", "metrics": [{"name": "a", "value": "1"}]}, "metrics[0].value must be a number"),
        ({"executionId": "exec-1", "metrics": [{"name": "a", "value": True}]}, "metrics[0].value must be a number"),
        ('{"executionId":"exec-1","metrics":[{"name":"a","value":NaN}]}', "the body is not valid JSON"),
        ('{"executionId":"exec-1","metrics":[{"name":"a","value":-Infinity}]}', "the body is not valid JSON"),
        ('{"executionId":"exec-1","metrics":[{"name":"a","value":1e999}]}', "metrics[0].value must be a number"),
        (
            {"executionId": "exec-1", "metrics": [{"name": "a", "value": 1, "step": -1}]},
            "metrics[0].step must be at least 0",
        ),
        (
            {"executionId": "exec-1", "metrics": [{"name": "a", "value": 1, "step": 1.5}]},
            "metrics[0].step must be an integer",
        ),
        (
            {"executionId": "exec-1", "metrics": [{"name": "a", "value": 1, "timestamp": "yesterday"}]},
            "metrics[0].timestamp must be a date-time",
        ),
        (
            {"executionId": "exec-1", "metrics": [{"name": "a", "value": 1, "timestamp": "2021-06-10T06:22:19"}]},
            "metrics[0].timestamp must be a date-time",
        ),
        (
            {"executionId": "exec-1", "metrics": [{"name": "a", "value": 1, "timestamp": "9999-12-31T23:59:59-01:00"}]},
            "metrics[0].timestamp must be a date-time",
        ),
        (
            {"executionId": "exec-1", "metrics": [{"name": "a", "value": 1, "labels": [PAIR] * 21}]},
            "metrics[0].labels must have at most 20 items",
        ),
        (
            {"executionId": "exec-1", "metrics": [{"name": "a", "value": 1, "labels": [{"name": "", "value": "x"}]}]},
            "metrics[0].labels[0].name must not be shorter than 1 characters",
        ),
        (
            {"executionId": "exec-1", "metrics": [{"name": "a", "value": 1}] * 1001},
            "metrics must have at most 1000 items",
        ),
        ({"executionId": "exec-1", "tags": [PAIR] * 101}, "tags must have at most 100 items"),
        (
            {"executionId": "exec-1", "tags": [{"name": "n", "value": "v" * 257}]},
            "tags[0].value must not be longer than 256 characters",
        ),
        ({"executionId": "exec-1", "customInfo": [PAIR] * 101}, "customInfo must have at most 100 items"),
        (
            {"executionId": "exec-1", "customInfo": [{"name": "n", "value": ""}]},
            "customInfo[0].value must not be shorter than 1 characters",
        ),
    ],
)
def test_what_cannot_be_kept(house: House, content: Any, sentence: str) -> None:
    answer = house.ask("PATCH", "/metrics", content, content_type=MERGE_PATCH)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["message"]) == (400, "02010001", f"Invalid Request, {sentence}")
    assert (error["target"], error["details"]) == ("/metrics", [{"code": "02010001", "message": sentence}])
    assert house.ask("GET", "/metrics?executionIds=exec-1").status_code == 404


@pytest.mark.parametrize(
    "metric",
    [
        {"name": "Error Rate", "value": -1e300},
        {"name": "a/b c" + "x" * 251, "value": 0},
        {"name": "a", "value": 1, "step": 3.0},
        {"name": "a", "value": 1, "timestamp": "2021-06-10T06:22:19.123456789+00:00"},
        {"name": "a", "value": 1, "timestamp": "2021-06-10t06:22:19z", "labels": []},
        {"name": "a", "value": 10**30},
    ],
)
def test_what_can_be_kept(house: House, metric: Any) -> None:
    assert track(house, "exec-1", metrics=[metric]).status_code == 204
    (resource,) = house.client().metrics.query(execution_ids=["exec-1"]).resources
    assert (resource.metrics[0].name, resource.metrics[0].value) == (metric["name"], metric["value"])


def test_too_much_at_once(house: House) -> None:
    answer = track(house, "exec-1", customInfo=[{"name": "n", "value": "v" * 5 * 1024 * 1024}])
    request_id = answer.json()["error"]["requestId"]
    assert (answer.status_code, answer.text) == (
        413,
        (
            '{"error":{"code":"02000005","details":[{"code":"02000005","message":"PayloadLimitException"}],'
            f'"message":"PayloadLimitException","requestId":"{request_id}","target":"/metrics"}}}}'
        ),
    )
    allowed = {"executionId": "exec-1", "customInfo": [{"name": "n", "value": "v" * (5 * 1024 * 1024 - 100)}]}
    assert len(json.dumps(allowed)) < 5 * 1024 * 1024
    assert house.ask("PATCH", "/metrics", allowed).status_code == 204


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "executionIds is required"),
        ("executionIds=", "executionIds is required"),
        ("executionIds=exec-1&$filter=executionId eq 'exec-1'", "give either executionIds or $filter"),
        (
            "executionIds=" + ",".join(f"exec-{number}" for number in range(11)),
            "executionIds must have at most 10 items",
        ),
        (
            "$filter=executionId gt 'exec-1'",
            "$filter must be executionId eq '<id>' or executionId in '<id>', '<id>'",
        ),
        ("executionIds=exec-1&$select=everything", "$select must be one of metrics, tags, customInfo, *"),
        ("executionIds=exec-1&$top=10001", "$top must be at most 10000"),
        ("executionIds=exec-1&$skip=x", "$skip must be an integer"),
        ("tagFilters=" + ",".join(["a"] * 101), "tagFilters must have at most 100 items"),
        ("tagFilters=" + "a" * 5001, "tagFilters must not be longer than 5000 characters"),
    ],
)
def test_questions_that_the_specification_does_not_allow(house: House, query: str, sentence: str) -> None:
    answer = house.ask("GET", f"/metrics?{query}")
    error = answer.json()["error"]
    assert (answer.status_code, error["message"]) == (400, f"Invalid Request, {sentence}")
    assert (error["target"], error["details"]) == ("/metrics", [{"code": "02010001", "message": sentence}])


def test_what_is_not_there(house: House, client: Any) -> None:
    missing = (
        '{"error":{"code":"02010055","details":[{"code":"02010055","message":"Empty result set."}],'
        '"message":"Metrics was not found.","requestId":"REQUEST","target":"/metrics"}}'
    )
    for method, query in (("GET", "executionIds=exec-1"), ("DELETE", "executionId=exec-1"), ("DELETE", "")):
        answer = house.ask(method, f"/metrics?{query}")
        text = answer.text.replace(answer.json()["error"]["requestId"], "REQUEST")
        assert (answer.status_code, text) == (404, missing)
    with pytest.raises(AIAPIInvalidRequestException):
        client.metrics.query()


def test_deleted(house: House, client: Any) -> None:
    track(house, "exec-1", tags=[PAIR])
    answer = house.ask("DELETE", "/metrics?executionId=exec-1")
    assert (answer.status_code, answer.text) == (
        200,
        '{"id":"exec-1","message":"Metric Resource was successfully deleted"}',
    )
    assert found(house, executionIds="exec-1") == []
    execution_id = house.start(client)
    track(house, execution_id, tags=[PAIR])
    client.execution.delete(execution_id)
    assert len(found(house, executionIds=execution_id)) == 1
    house.emulator.clock.advance(60)
    assert found(house, executionIds=execution_id) == []
