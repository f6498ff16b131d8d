"""The emulator serves every operation of SAP's specification, and the proof of its answers can fail."""

from __future__ import annotations

import json

import pytest

from pytest_aicore.emulator.api.routes import ROUTES
from pytest_aicore.http.exchange import Response
from tests.emulator.specification.openapi import (
    BASE,
    DEVIATIONS,
    FILE,
    NOT_SPECIFIED,
    WHY_NOT,
    Specification,
    specification,
)

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=WHY_NOT)


def test_every_operation_is_served() -> None:
    """Each operation of the file has a route, and each route is an operation or a known exception."""
    specified = {(method, BASE + path) for method, path, _ in specification().operations()}
    served = {(route.method, route.path) for route in ROUTES if route.operation not in NOT_SPECIFIED}
    assert specified - served == set()
    assert served - specified == set()
    assert len(specified) == 89


ANSWERS = [
    pytest.param(
        200,
        {"count": 0, "resources": []},
        {},
        [],
        id="an answer that is allowed",
    ),
    pytest.param(
        500,
        {},
        {},
        ["artifact.query 500: status is none of 200, 400", "artifact.query 500: is a server error"],
        id="a server error",
    ),
    pytest.param(
        418,
        {},
        {},
        ["artifact.query 418: status is none of 200, 400"],
        id="a status that is not documented",
    ),
    pytest.param(
        200,
        {"count": "0", "resources": [{"id": "x"}]},
        {},
        [
            'artifact.query 200: "0" is not of type "integer" (at count)',
            'artifact.query 200: "name" is a required property (at resources/0)',
            'artifact.query 200: "kind" is a required property (at resources/0)',
            'artifact.query 200: "url" is a required property (at resources/0)',
            'artifact.query 200: "scenarioId" is a required property (at resources/0)',
            'artifact.query 200: "createdAt" is a required property (at resources/0)',
            'artifact.query 200: "modifiedAt" is a required property (at resources/0)',
            r'artifact.query 200: "x" does not match "^[\w.-]{4,64}$" (at resources/0/id)',
        ],
        id="a body of another shape",
    ),
    pytest.param(
        200,
        {"count": 0, "resources": []},
        {"content-type": "text/html"},
        ["artifact.query 200: content type 'text/html' is none of application/json"],
        id="another content type",
    ),
]


@pytest.mark.parametrize(("status", "content", "headers", "expected"), ANSWERS)
def test_the_proof_can_fail(status: int, content: object, headers: dict[str, str], expected: list[str]) -> None:
    """An answer that breaks the specification is told, with what is wrong and where."""
    response = Response(status, {"content-type": "application/json", **headers}, json.dumps(content).encode())
    found = specification().violations("artifact.query", "GET", "/v2/lm/artifacts", response)
    assert sorted(map(str, found)) == sorted(expected)


def test_a_missing_header_is_told() -> None:
    """The headers that keep a browser from running a file are required."""
    response = Response(200, {"content-type": "application/octet-stream", "x-content-type-options": "nosniff"}, b"x")
    found = Specification().violations("file.download", "GET", "/v2/lm/dataset/files/{path}", response)
    assert list(map(str, found)) == [
        "file.download 200: header Content-Security-Policy is missing",
        "file.download 200: header Content-Disposition is missing",
    ]


def test_each_deviation_has_a_source() -> None:
    """Where the observed service differs from its specification is said in words."""
    assert all(source.startswith(("captured: ", "the specification ")) for _, source in DEVIATIONS.values())
