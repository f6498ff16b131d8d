"""From a request to its answer: route, faults, handler, and the log of requests."""

from __future__ import annotations

from collections import OrderedDict, deque
from functools import partial
from typing import TYPE_CHECKING

from pytest_aicore.emulator.api import elsewhere
from pytest_aicore.emulator.api.call import ApiCall, UnansweredError
from pytest_aicore.emulator.api.gateway import API, TOKENS
from pytest_aicore.emulator.api.handlers import token
from pytest_aicore.emulator.api.request_record import KEPT_BYTES, REMEMBERED_CALLS, RequestRecord
from pytest_aicore.emulator.api.routes import (
    INFERENCE_PATH,
    INFERENCE_ROUTE,
    ROOTS,
    TOKEN,
    TRACKING_PATH,
    Route,
    route_table,
)
from pytest_aicore.emulator.store.state import ResourceGroup
from pytest_aicore.errors import EmulatorError
from pytest_aicore.http.exchange import (
    ApiError,
    Request,
    Response,
    empty_response,
    error_body,
    internal_path,
    json_response,
    text_response,
)
from pytest_aicore.redact import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator.api.gateway import Gateway
    from pytest_aicore.emulator.api.passed import Passed
    from pytest_aicore.emulator.store.protocols import ArmedFault, TableRow
    from pytest_aicore.emulator.world.platform import Platform

METHOD_NOT_ALLOWED = 405
"""Assumed: no capture shows the answer to a method that a path does not have."""
MISSING_GROUP_MEANS = "default"
"""Documentation; the specification calls the header required."""
REMEMBERED_REQUESTS = 500
TOKEN_ROUTE = Route("POST", token.PATH, TOKEN, lambda call: token.create(call.gateway, call.request), "captured")


class Dispatcher:
    """Answers requests, and keeps the latest of them.

    Args:
        platform: the services that handlers use.
        gateway: checks hosts and credentials.
    """

    def __init__(self, platform: Platform, gateway: Gateway) -> None:
        self._platform = platform
        self._world = platform.world
        self._gateway = gateway
        self.routes = route_table()
        self.requests: deque[RequestRecord] = deque(maxlen=REMEMBERED_REQUESTS)
        self.listeners: list[Callable[[RequestRecord], None]] = []
        """Each is called with every request; its exceptions are raised where the request was made."""
        self._calls = 0
        self._recent: OrderedDict[int, tuple[object, int, int]] = OrderedDict()
        """The latest calls by identity, because threads may interleave them: the call, its number, its attempts."""

    def handle(self, request: Request) -> Response:
        """Answer a request; no request of a client makes it raise."""
        with self._world.lock:
            self._world.agenda.settle()
            route, parameters, methods = self._route(request)
            number, attempt = self._counted(request.call)
            try:
                response = self._answer(request, number, route, parameters, methods)
            except EmulatorError as error:
                response = self._unable(str(error))
            if isinstance(response, Response):
                self._remember(request, number, attempt, route, response)
                return response
        answered = response.answer()  # without the lock: the server of a deployment may take its time
        with self._world.lock:
            self._remember(request, number, attempt, route, answered)
        return answered

    def _route(self, request: Request) -> tuple[Route | None, dict[str, str], tuple[str, ...]]:
        is_token = request.raw_path == token.PATH
        if self._gateway.serves_only(request.host) == (API if is_token else TOKENS):
            return None, {}, ()
        if is_token:
            return (TOKEN_ROUTE, {}, ()) if request.method == "POST" else (None, {}, ("POST",))
        if request.raw_path.startswith(INFERENCE_PATH):
            return INFERENCE_ROUTE, {"deploymentId": request.raw_path.split("/", 5)[4]}, ()
        return self.routes.find(request.method, request.raw_path)

    def _counted(self, call: object) -> tuple[int, int]:
        """Return the number of a logical call, and which attempt of it this is."""
        _, number, attempts = self._recent.pop(id(call), (None, 0, 0)) if call is not None else (None, 0, 0)
        if not number:
            self._calls = number = self._calls + 1
        if call is not None:
            self._recent[id(call)] = (call, number, attempts + 1)
            if len(self._recent) > REMEMBERED_CALLS:
                self._recent.popitem(last=False)
        return number, attempts + 1

    def _answer(
        self,
        request: Request,
        number: int,
        route: Route | None,
        parameters: dict[str, str],
        methods: tuple[str, ...],
    ) -> Response | Passed:
        if route is None:
            return self._unrouted(request, methods)
        late = 0.0
        for fault in self._world.state.faults:
            if not fault.triggers(route.operation, number, self._record_of(fault, parameters)):
                continue
            if fault.delay:
                self._world.clock.sleep(fault.delay)
                self._world.agenda.settle()
            if fault.kind == "not found":
                return self._served(request, route, parameters, unseen=True)
            if fault.is_answer:
                asked = partial(fault.response, request, self._world.state.uuid(), internal_path(request.path))
                answer = self._served(request, route, parameters) if fault.is_processed else None
                return asked(answer) if answer is None or isinstance(answer, Response) else answer.changed(asked)
            late += fault.late
        return self._served(request, route, parameters, late=late)

    def _record_of(self, fault: ArmedFault, parameters: dict[str, str]) -> TableRow | None:
        """Return the record that a call is for, if the fault needs it."""
        if not (fault.is_for_records and parameters):
            return None
        return self._world.state.find_record(list(parameters.values())[-1])

    def _served(
        self,
        request: Request,
        route: Route,
        parameters: dict[str, str],
        *,
        late: float = 0.0,
        unseen: bool = False,
    ) -> Response | Passed:
        """Return what the service answers.

        Args:
            request: the request.
            route: its route.
            parameters: the variable parts of the path.
            late: seconds after which log lines are shown.
            unseen: whether to answer as if the resource group were empty.
        """
        if route.operation == TOKEN:
            return token.create(self._gateway, request)
        refusal = token.refuse(self._gateway, request) if route.needs_token else None
        if refusal:
            return refusal
        name = request.headers.get("ai-resource-group") or MISSING_GROUP_MEANS
        group = self._world.state.groups.get(name)
        if group is None or group.is_being_deleted:
            if route.needs_group:
                return text_response(403, "RBAC: access denied")
            group = self._world.state.groups["default"]
        try:
            seen = ResourceGroup(group.id) if unseen else group
            return route.handler(ApiCall(self._platform, self._gateway, request, parameters, seen, late))
        except UnansweredError as error:
            return self._unable(error.sentence, error.advice)
        except ApiError as error:
            body = error_body(error, request_id=self._world.state.uuid(), target=internal_path(request.path))
            return json_response(error.status, {"error": body})

    def _unrouted(self, request: Request, methods: tuple[str, ...]) -> Response:
        if methods:
            # The gateway comes before the service.
            needs_token = request.raw_path not in (token.PATH, TRACKING_PATH)
            refusal = token.refuse(self._gateway, request) if needs_token else None
            if refusal:
                return refusal
            return empty_response(METHOD_NOT_ALLOWED, {"allow": ", ".join(methods)})
        if self._gateway.serves_only(request.host) == TOKENS or not request.path.startswith(ROOTS):
            return empty_response(404)
        known = elsewhere.told(request.method, request.path, request.url)
        if known:
            return self._unable(*known)
        near = self.routes.near(request.method, request.path)
        hint = f" Did you mean {near!r}?" if near else ""
        sentence = f"The emulator does not know {request.method} {request.path}.{hint}"
        advice = "If AI Core has this call, please report it; a stub of your own can answer it meanwhile."
        return self._unable(sentence, advice)

    def _unable(self, sentence: str, advice: str = "") -> Response:
        """Answer 501 to a request that the emulator cannot answer, and make the test fail."""
        told = f"{sentence} It answered 501, so that this is not mistaken for an answer of AI Core. {advice}"
        self._world.report(told.rstrip())
        return text_response(501, sentence)

    def _remember(self, request: Request, number: int, attempt: int, route: Route | None, response: Response) -> None:
        query = request.url.partition("?")[2]
        record = RequestRecord(
            number,
            attempt,
            request.method,
            route.operation if route else "",
            0 if response.failure else response.status,
            self._world.clock.now(),
            request.headers.get("ai-resource-group", ""),
            f"{request.path}?{query}" if query else request.path,
            hash(request.body),
            HIDDEN.encode() if route and route.carries_secrets else request.body[:KEPT_BYTES],
            response.body[:KEPT_BYTES],
        )
        self.requests.append(record)
        for listener in self.listeners:
            listener(record)
