"""SAP's OpenAPI file, asked whether an answer of the emulator is one that it allows."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.http.exchange import Request, Response

Json = dict[str, Any]

VARIABLE = "PYTEST_AICORE_OPENAPI"
FILE = Path(os.environ.get(VARIABLE) or ROOT.parent / "shared" / "reference" / "AI_CORE_API.yaml")
WHY_NOT = f"SAP's OpenAPI file is not there: {VARIABLE} says where it is"

BASE = "/v2"
NOT_SPECIFIED = frozenset(
    {"meta.get_versions", "healthz.get", "tracking.query", "tracking.modify", "tracking.delete", "token"}
)
"""Calls that SAP's SDKs make, but its specification does not have."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something about an answer that the specification does not allow."""

    operation: str
    status: int
    what: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.operation} {self.status}: {self.what}{f' (at {self.where})' if self.where else ''}"


def _refused_by_the_gateway(violation: Violation, response: Response) -> bool:
    text = response.headers.get("content-type") == "text/plain"
    return violation.status in (401, 403) and text and violation.what.startswith(("status", "content type"))


def _is_a_name(violation: Violation, response: Response) -> bool:
    content = json.loads(response.body) if violation.where == "id" else {}
    return violation.where == "id" and not 4 <= len(str(content["id"])) <= 64


def _was_offboarded(violation: Violation, response: Response) -> bool:
    details = violation.where == "error/details" or violation.what == "is a server error"
    return violation.operation == "repositories.create" and violation.status == 500 and details


def _has_no_metrics(violation: Violation, response: Response) -> bool:
    return violation.operation == "metrics.query" and violation.status == 404 and violation.what.startswith("status")


def _is_just_a_number(violation: Violation, response: Response) -> bool:
    return violation.operation == "secrets.delete" and response.body == b"200"


DEVIATIONS: dict[str, tuple[Callable[[Violation, Response], bool], str]] = {
    "the gateway refuses in plain text": (
        _refused_by_the_gateway,
        "captured: `RBAC: access denied`; tokens are refused by Envoy's filter before the service sees them",
    ),
    "the ids of the administration are names": (
        _is_a_name,
        "the specification lets names be shorter or longer than the ids (4 to 64 characters) that it shows them as",
    ),
    "the name of an off-boarded repository": (
        _was_offboarded,
        "captured: a 500 whose details are a list, where the specification has an object",
    ),
    "an execution without metrics": (
        _has_no_metrics,
        "captured: SAP's own tests expect a 404, which only the deletion of metrics has in the specification",
    ),
    "deleting a generic secret answers 200": (
        _is_just_a_number,
        "captured: the body is the number 200, where the specification has none",
    ),
}
"""By name where the observed service itself differs from its specification, how that is told, and who saw it."""


class Specification:
    """The operations of an OpenAPI 3.0 file.

    Args:
        path: the file.
    """

    def __init__(self, path: Path = FILE) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.document: Json = yaml.load(path.read_text(encoding="utf-8"), loader)
        self._components = _draft_4(self.document["components"])
        self._validators: dict[str, Any] = {}

    def operations(self) -> list[tuple[str, str, str]]:
        """Return method, path and operation id of each operation."""
        return [
            (method.upper(), path, operation["operationId"])
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
            if method in ("get", "post", "put", "patch", "delete")
        ]

    def violations(self, operation: str, method: str, path: str, response: Response) -> list[Violation]:
        """Return what the specification does not allow about an answer, named deviations left out.

        Args:
            operation: as the emulator calls it.
            method: upper case.
            path: with `{parameter}`s, as the emulator's routes have it.
            response: the answer.
        """
        found = list(self._violations(operation, method, path, response))
        if response.status >= 500:
            found.append(Violation(operation, response.status, "is a server error"))
        return [each for each in found if not any(deviates(each, response) for deviates, _ in DEVIATIONS.values())]

    def _violations(self, operation: str, method: str, path: str, response: Response) -> list[Violation]:
        def violation(what: str, where: str = "") -> Violation:
            return Violation(operation, response.status, what, where)

        specified = self.document["paths"].get(path.removeprefix(BASE), {}).get(method.lower())
        if specified is None:
            return [violation(f"{method} {path} is not in the specification")]
        answers = specified["responses"]
        answer = self._resolved(answers.get(str(response.status)) or answers.get("default") or {})
        if not answer:
            return [violation(f"status is none of {', '.join(answers)}")]
        found = [
            violation(f"header {name} is missing")
            for name, header in answer.get("headers", {}).items()
            if header.get("required") and name.lower() not in response.headers
        ]
        contents = answer.get("content", {})
        content_type = response.headers.get("content-type", "").partition(";")[0]
        if not contents:
            return [*found, violation("has a body")] if response.body else found
        if content_type not in contents:
            return [*found, violation(f"content type {content_type!r} is none of {', '.join(contents)}")]
        schema = contents[content_type].get("schema", {})
        if content_type == "application/octet-stream":
            return found
        try:
            content = json.loads(response.body)
        except ValueError:
            return [*found, violation("the body is no JSON")]
        errors = self._validator(schema).iter_errors(content)
        return [*found, *(violation(error.message, "/".join(map(str, error.instance_path))) for error in errors)]

    def _resolved(self, node: Json) -> Json:
        if "$ref" not in node:
            return node
        target: Any = self.document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return self._resolved(target)

    def _validator(self, schema: Json) -> Any:
        import jsonschema_rs

        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {"allOf": [_draft_4(schema)], "components": self._components}
            self._validators[key] = jsonschema_rs.Draft4Validator(whole, validate_formats=True)
        return self._validators[key]


def _draft_4(node: Any) -> Any:
    """Return a schema of OpenAPI 3.0 as JSON Schema knows it: `nullable` becomes a choice."""
    if isinstance(node, list):
        return [_draft_4(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _draft_4(value) for key, value in node.items() if key not in ("nullable", "example", "x-examples")}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


@lru_cache(maxsize=1)
def specification() -> Specification:
    """Return the specification, read once in a session."""
    return Specification()


class Recorder:
    """Looks at the answers of emulators while a test runs."""

    def __init__(self) -> None:
        self.violations: list[str] = []

    def look(self, request: Request, route: Any, response: Response) -> None:
        """Look at one answer."""
        if route.operation in NOT_SPECIFIED or response.failure:
            return
        for violation in specification().violations(route.operation, route.method, route.path, response):
            self.violations.append(f"{request.method} {request.url}: {violation}")
