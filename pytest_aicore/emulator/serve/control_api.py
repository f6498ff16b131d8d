"""`/__aicore__/`: the control API, with which tests in other processes script a server.

Everything is JSON. Names of arguments are those of `Emulator.script` and `Emulator.fault`, unchanged or in camel case.
Programs on the server's own machine may use it, and whoever has the administrator's token; other pages in a browser and
other machines may not.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from hmac import compare_digest
from inspect import signature
from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.control.faults import Fault
from pytest_aicore.emulator.serve.names import Names, is_loopback
from pytest_aicore.emulator.store.statuses import CAN_BE_DELETED, CAN_BE_STOPPED, TERMINAL
from pytest_aicore.errors import AicoreError, EmulatorError, did_you_mean
from pytest_aicore.http.exchange import Json, Request, Response, empty_response, json_response, microseconds_z
from pytest_aicore.known_secrets import remember

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_aicore.emulator.api.request_record import RequestRecord
    from pytest_aicore.emulator.emulator import Emulator
    from pytest_aicore.emulator.store.records import Enactment
    from pytest_aicore.emulator.store.state import ResourceGroup
    from pytest_aicore.emulator.world.world import Checkpoint
    from pytest_aicore.objects.store import Store

ADMIN_ROOT = "/__aicore__/"
SHORTEST_TOKEN = 8
_TOKEN = re.compile(rf"[!-~]{{{SHORTEST_TOKEN},}}")
_OF_PROXIES = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers of requests that a proxy of this machine passes on for others."""
_OWN_PAGES = frozenset({None, "none", "same-origin"})
"""The `Sec-Fetch-Site` of what no page of a stranger has caused: a program, an address that was typed, our own page."""
_CAPITAL = re.compile(r"(?<=[a-z0-9])[A-Z]")


class Admin:
    """Answers requests below `/__aicore__/`.

    Args:
        emulator: the emulator that it controls.
        url: of the server, for messages.
        names: of the server.
        token: with which others may use it as well; None for nobody.
        page_token: with which pages in a browser of this machine may use it.

    Raises:
        EmulatorError: the token is too short, or has characters that a header cannot have.
    """

    def __init__(
        self, emulator: Emulator, url: str, names: Names, token: str | None = None, page_token: str | None = None
    ) -> None:
        if token is not None:
            if not _TOKEN.fullmatch(token):
                raise EmulatorError(
                    f"--admin-token: invalid token; expected at least {SHORTEST_TOKEN} characters of ASCII without"
                    " blanks, for example from: openssl rand -hex 24"
                )
            remember([token])
        self._emulator = emulator
        self._url = url
        self._names = names
        self._token = token
        self._page_token = page_token
        self._beginning: Checkpoint = emulator.checkpoint()
        self._calls: dict[tuple[str, str], tuple[Callable[[Json], Response], str]] = {
            ("GET", ""): (self._overview, "this list"),
            ("GET", "clock"): (self._clock, "the emulator's time"),
            ("POST", "clock"): (self._advance, 'move the clock forward: {"advance": 3600} (seconds)'),
            ("POST", "scripts"): (self._script, 'script how executions run: {"outcome": "DEAD", "running": 5}'),
            ("POST", "answers"): (
                self._answer,
                'give what deployments answer: {"target": "my-serving", "path": "/v1/predict", "response": {"cat": 1}}',
            ),
            ("GET", "faults"): (self._faults, "the faults, and how many calls each has affected"),
            ("POST", "faults"): (self._fault, 'inject a fault: {"call": "execution.get", "status": 503}'),
            ("POST", "profiles"): (
                self._profile,
                'inject the faults of a profile: {"name": "throttled"}',
            ),
            ("POST", "objects"): (
                self._put,
                'put a file into an object store: {"url": "ai://default/data/a.csv", "base64": "YSxi"}',
            ),
            ("POST", "objects/list"): (self._list, 'the URLs of stored files: {"url": "ai://default/data"}'),
            ("POST", "stop"): (self._stop, 'stop an execution or deployment: {"id": "e1a2..."}'),
            ("POST", "delete"): (self._delete, 'delete one that has ended: {"id": "e1a2..."}'),
            ("POST", "fail"): (self._fail, 'let one that is under way end DEAD now: {"id": "e1a2..."}'),
            ("POST", "reset"): (self._reset, "forget everything but the workflows"),
            ("GET", "requests"): (self._requests, "the last 500 requests of clients, without secrets"),
            ("DELETE", "requests"): (self._forget_requests, "forget the requests of clients"),
            ("GET", "incidents"): (
                self._incidents,
                "unknown calls, failed scripts and errors of the emulator since the last call",
            ),
        }

    def answer(self, request: Request, peer: str) -> Response:
        """Answer a request from an address; it is not in the log of requests.

        Args:
            request: to a path below `/__aicore__/`.
            peer: the address it came from.
        """
        of_machine = self._is_of_machine(request, peer)
        if not (self._has(self._token, request) or (of_machine and self._is_welcome(request))):
            return self._refusal()
        name = request.path.removeprefix(ADMIN_ROOT).rstrip("/")
        known = self._calls.get((request.method, name))
        if known is None:
            return self._unknown(request.method, name)
        try:
            said = json.loads(request.body.decode("utf-8") or "{}")
        except (ValueError, RecursionError):
            return _wrong(400, "The body is not valid JSON.")
        if not isinstance(said, dict):
            return _wrong(400, "The body must be a JSON object.")
        try:
            return known[0](said)
        except AicoreError as error:
            return _wrong(400, str(error))
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            return _wrong(400, f"{request.method} {request.path}: a value cannot be used: {error}.")

    def _has(self, token: str | None, request: Request) -> bool:
        scheme, _, presented = request.headers.get("authorization", "").partition(" ")
        return (
            token is not None
            and scheme.lower() == "bearer"
            and compare_digest(presented.strip().encode(), token.encode())
        )

    def _is_of_machine(self, request: Request, peer: str) -> bool:
        """Return whether a program of this machine asks, and nobody by way of a proxy."""
        headers = request.headers
        return (
            is_loopback(peer)
            and not any(name in headers for name in _OF_PROXIES)
            and not self._names.is_public(headers.get("host", ""))
        )

    def _is_welcome(self, request: Request) -> bool:
        """Return whether it is not a page in a browser that asks, or one that has its token."""
        headers = request.headers
        is_page = "origin" in headers or headers.get("sec-fetch-site") not in _OWN_PAGES
        return not is_page or self._has(self._page_token, request)

    def _refusal(self) -> Response:
        if self._token is None:
            return _wrong(403, f"{ADMIN_ROOT} answers only programs on the server's own machine.")
        refusal = _wrong(
            401,
            f"{ADMIN_ROOT} answers programs on the server's own machine, and others with the token of --admin-token:"
            " Authorization: Bearer TOKEN.",
        )
        refusal.headers["www-authenticate"] = f'Bearer realm="{ADMIN_ROOT}"'
        return refusal

    def _unknown(self, method: str, name: str) -> Response:
        methods = sorted(known for known, path in self._calls if path == name)
        if methods:
            return empty_response(405, {"allow": ", ".join(methods)})
        hint = did_you_mean(name, {path for _, path in self._calls if path})
        return _wrong(404, f"Unknown call {method} {ADMIN_ROOT}{name}.{hint} GET {ADMIN_ROOT} lists all calls.")

    def _overview(self, _: Json) -> Response:
        emulator = self._emulator
        with emulator.lock:
            executables = sorted(emulator.state.published)
        calls = {f"{method} {ADMIN_ROOT}{path}": what for (method, path), (_, what) in self._calls.items()}
        return json_response(
            200,
            {"calls": calls, "executables": executables, "now": self._now(), "seed": emulator.seed, "url": self._url},
        )

    def _clock(self, _: Json) -> Response:
        return json_response(200, {"now": self._now()})

    def _advance(self, said: Json) -> Response:
        seconds = _only(said, "advance")
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            raise EmulatorError(f"invalid advance={seconds!r}: expected a number of seconds.")
        with self._emulator.lock:
            self._emulator.clock.advance(seconds)
        return self._clock({})

    def _script(self, said: Json) -> Response:
        script = self._emulator.script(**_arguments(said, self._emulator.script), place=f"POST {ADMIN_ROOT}scripts")
        set_by_it = script.said()
        if "outputs" in set_by_it:
            set_by_it["outputs"] = {name: sorted(files) for name, files in set_by_it["outputs"].items()}
        return json_response(201, {"script": set_by_it})

    def _answer(self, said: Json) -> Response:
        arguments = {"status": 200, **said}
        status = arguments.pop("status")
        given = _arguments(arguments, self._emulator.answer)
        for name in ("target", "path", "response"):
            if name not in given:
                raise EmulatorError(f'answer: "{name}" is missing.')
        answer = self._emulator.answer(**{**given, "response": (given["response"], status)})
        return json_response(201, {"answer": {"path": answer.path, "target": answer.target}})

    def _fault(self, said: Json) -> Response:
        arguments = _arguments(said, self._emulator.fault)
        if not isinstance(arguments.get("call"), str):
            raise EmulatorError('fault: "call" is missing, for example "execution.get".')
        fault = self._emulator.fault(**arguments)
        return json_response(201, {"fault": _fault_json(fault)})

    def _faults(self, _: Json) -> Response:
        with self._emulator.lock:
            armed = [each for each in self._emulator.conditions if isinstance(each, Fault)]
            faults = [_fault_json(fault) | {"struck": fault.struck} for fault in armed]
        return json_response(200, {"count": len(faults), "faults": faults})

    def _profile(self, said: Json) -> Response:
        arguments = _arguments(said, self._emulator.profile)
        if "name" not in arguments:
            raise EmulatorError('profile: "name" is missing, for example "throttled".')
        faults = self._emulator.profile(**arguments)
        return json_response(201, {"calls": [fault.call for fault in faults], "profile": arguments["name"]})

    def _stop(self, said: Json) -> Response:
        with self._emulator.lock:
            group, enactment = self._meant(said)
            if enactment.status not in CAN_BE_STOPPED:
                raise EmulatorError(f"stop: {enactment.id} is {enactment.status}, which cannot be stopped.")
            self._emulator.cluster.stop(group, enactment)
        return json_response(202, {"id": enactment.id})

    def _delete(self, said: Json) -> Response:
        with self._emulator.lock:
            group, enactment = self._meant(said)
            if enactment.status not in CAN_BE_DELETED:
                raise EmulatorError(f"delete: {enactment.id} is {enactment.status}: stop it first.")
            self._emulator.cluster.delete(group, enactment)
        return json_response(202, {"id": enactment.id})

    def _fail(self, said: Json) -> Response:
        emulator = self._emulator
        with emulator.lock:
            _, enactment = self._meant(said)
            if not emulator.plays_scripts:
                raise EmulatorError("fail: real code runs here, and ends as it does; it can be stopped.")
            if enactment.status in TERMINAL:
                raise EmulatorError(f"fail: {enactment.id} has ended {enactment.status} already.")
            emulator.cluster.status(enactment.id, "DEAD", message=f"failed by POST {ADMIN_ROOT}fail")
        return json_response(202, {"id": enactment.id})

    def _meant(self, said: Json) -> tuple[ResourceGroup, Enactment]:
        """Return the execution or deployment that a request names, after what is due has happened.

        Raises:
            EmulatorError: unknown id.
        """
        identifier = _only(said, "id")
        self._emulator.agenda.settle()
        found = self._emulator.cluster.find(identifier) if isinstance(identifier, str) else None
        if found is None:
            raise EmulatorError(f"unknown execution or deployment {identifier!r}.")
        return found

    def _reset(self, _: Json) -> Response:
        emulator = self._emulator
        with emulator.lock:
            published = emulator.state.published
            emulator.rollback(self._beginning)
            # Executables of applications are removed with the applications.
            kept = {name: each.covered if each.application else each for name, each in published.items()}
            emulator.state.published = {name: each for name, each in kept.items() if each}
            emulator.clock.restart()
        return self._clock({})

    def _put(self, said: Json) -> Response:
        store, url = self._store(said, ("base64",))
        try:
            content = b64decode(said["base64"], validate=True)
        except ValueError:  # its words depend on the version of Python
            raise EmulatorError('objects: invalid "base64": expected the content of a file, encoded.') from None
        return json_response(201, {"url": store.put(url, content)})

    def _list(self, said: Json) -> Response:
        store, url = self._store(said)
        return json_response(200, {"urls": store.list(url)})

    def _store(self, said: Json, more: tuple[str, ...] = ()) -> tuple[Store, str]:
        """Return the store of the resource group that is meant, and the URL.

        Raises:
            EmulatorError: unknown argument, resource group or URL.
        """
        from pytest_aicore.objects.store import Store  # late: only rehearsals of live sessions use it

        arguments = {"resourceGroup": "default", **said}
        if set(arguments) != {"url", "resourceGroup", *more}:
            expected = ", ".join(("url", *more))
            raise EmulatorError(f"Expected {expected}, and resourceGroup if it is not 'default'.")
        group, known = arguments["resourceGroup"], self._emulator.state.groups
        if group not in known:
            raise EmulatorError(f"unknown resource group {group!r}.{did_you_mean(str(group), known)}")
        return Store(self._emulator.stores(group), _no_folder), arguments["url"]

    def _requests(self, _: Json) -> Response:
        with self._emulator.lock:
            records = list(self._emulator.requests)
        return json_response(200, {"count": len(records), "requests": [_record_json(record) for record in records]})

    def _forget_requests(self, _: Json) -> Response:
        with self._emulator.lock:
            self._emulator.requests.clear()
        return empty_response(204)

    def _incidents(self, _: Json) -> Response:
        return json_response(200, {"incidents": self._emulator.take_incidents()})

    def _now(self) -> str:
        return microseconds_z(self._emulator.clock.now())


def _no_folder() -> Path:
    raise EmulatorError("nothing is fetched here")


def _arguments(said: Json, function: Callable[..., object]) -> Json:
    """Return the fields of a request as arguments of a function.

    Raises:
        EmulatorError: unknown argument.
    """
    known = [name for name in signature(function).parameters if name != "place"]
    arguments: Json = {}
    for name, value in said.items():
        written = _CAPITAL.sub(lambda match: f"_{match[0].lower()}", name)
        if written not in known:
            hint = did_you_mean(name, known)
            raise EmulatorError(f"{function.__name__}: unknown argument {name!r}.{hint} Arguments: {', '.join(known)}.")
        arguments[written] = value
    return arguments


def _only(said: Json, name: str) -> Any:
    if set(said) != {name}:
        raise EmulatorError(f"Expected {name!r} and nothing else.")
    return said[name]


def _fault_json(fault: Fault) -> Json:
    return {"call": fault.call, "kind": fault.kind, "status": fault.status}


def _record_json(record: RequestRecord) -> Json:
    return {
        "at": microseconds_z(record.at),
        "attempt": record.attempt,
        "method": record.method,
        "number": record.number,
        "operation": record.operation,
        "path": record.path,
        "requestBody": record.request_body,
        "resourceGroup": record.resource_group,
        "responseBody": record.response_body,
        "status": record.status,
    }


def _wrong(status: int, message: str) -> Response:
    return json_response(status, {"error": {"message": message}})
