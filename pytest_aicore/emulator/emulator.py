"""The emulator: SAP AI Core inside this process, as one object that tests can hold."""

from __future__ import annotations

import heapq
import sys
import traceback
from collections import deque
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator import bindings
from pytest_aicore.emulator.call import Call
from pytest_aicore.emulator.faults import Fault, Kind, operation_named
from pytest_aicore.emulator.handlers import token
from pytest_aicore.emulator.lifecycle import (
    OUTPUTS_BEFORE_COMPLETION_SECONDS,
    TERMINAL,
    Clock,
    Details,
    Logs,
    MetricValues,
    Script,
    course,
)
from pytest_aicore.emulator.routes import NEEDS_NO_GROUP, ROOTS, TOKEN, TOKEN_PATH, Route, RouteTable
from pytest_aicore.emulator.state import (
    Artifact,
    Configuration,
    Execution,
    LogLine,
    Metric,
    Published,
    ResourceGroup,
    State,
)
from pytest_aicore.emulator.wire import (
    ApiError,
    Request,
    Response,
    empty_response,
    error_body,
    internal_path,
    json_response,
    text_response,
)
from pytest_aicore.errors import EmulatorError, did_you_mean, listing
from pytest_aicore.redact import Secret, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pytest_aicore.workflows import Executable, Template

API_URL = "https://api.ai.aicore.invalid"
AUTH_URL = "https://emulator.authentication.aicore.invalid"
"""Under the top-level name that can never exist: a client that outlives the emulator reaches nobody."""

MISSING_GROUP_MEANS = "default"
"""Documentation; the specification calls the header required."""
REMEMBERED_REQUESTS = 500
REMEMBERED_BYTES = 2000
TOKEN_ROUTE = Route("POST", TOKEN_PATH, TOKEN, lambda call: token.create(call.emulator, call.request), "captured")


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request that reached the emulator, and what became of it.

    Args:
        number: counts the logical calls; attempts of one call share it.
        attempt: 1 for the first try of a logical call.
        method: upper case.
        path: with the query.
        operation: as faults name it, or an empty string where the emulator knows no such call.
        status: HTTP status; 0 when the client got no answer.
        at: the emulator's time, seconds since the epoch.
        resource_group: as the header names it, or an empty string.
    """

    number: int
    attempt: int
    method: str
    path: str
    operation: str
    status: int
    at: float
    resource_group: str
    _request_body: bytes
    _response_body: bytes

    @property
    def request_body(self) -> str:
        """What was sent, cut to a readable length and without secrets."""
        return redact(self._request_body.decode("utf-8", "replace"))

    @property
    def response_body(self) -> str:
        """What was answered, cut to a readable length and without secrets."""
        return redact(self._response_body.decode("utf-8", "replace"))

    def __str__(self) -> str:
        return redact(f"{self.method} {self.path} -> {self.status or 'no answer'}")

    __repr__ = __str__


@dataclass(slots=True)
class Checkpoint:
    """A moment of an emulator to which it can be rolled back."""

    state: State
    agenda: list[_Appointment]
    scripts: list[_Standing]
    faults: list[Fault]
    now: float
    driven: bool


@dataclass(slots=True)
class _Standing:
    """A script with how many executions it has been used for."""

    script: Script
    used: int = 0


@dataclass(frozen=True, slots=True, order=True)
class _Appointment:
    """What happens to an execution at a time, if it then still is in the status and on the course it was."""

    at: float
    number: int
    group: str
    execution: str
    status: str
    outputs: bool

    def __hash__(self) -> int:
        return hash((self.at, self.number))


class Emulator:
    """A stateful stand-in for SAP AI Core.

    It answers requests (`handle`), can be told how executions end (`script`) and which calls go wrong
    (`fault`), remembers what it was asked (`requests`) and can be rolled back to an earlier moment.

    Args:
        seed: two emulators with the same seed give the same bytes for the same requests.
        base_url: where clients think the API is, without `/v2`.
        auth_url: where clients think the token service is, without `/oauth/token`.
    """

    def __init__(self, seed: int = 0, *, base_url: str = API_URL, auth_url: str = AUTH_URL) -> None:
        self.seed = seed
        self.base_url = base_url
        self.auth_url = auth_url
        self.state = State(seed)
        self.clock = Clock()
        self.lock = RLock()
        self.requests: deque[RequestRecord] = deque(maxlen=REMEMBERED_REQUESTS)
        self.incidents: list[str] = []
        self.routes = RouteTable()
        self._agenda: list[_Appointment] = []
        self._scripts: list[_Standing] = []
        self._faults: list[Fault] = []
        self._calls = 0
        self._last_call: object = None
        self._attempt = 0

    def __repr__(self) -> str:
        return f"<Emulator {self.base_url} seed={self.seed} at {self.now:%Y-%m-%dT%H:%M:%SZ}>"

    @property
    def now(self) -> datetime:
        """The emulator's time, in UTC."""
        return datetime.fromtimestamp(self.clock.now(), timezone.utc)

    @property
    def service_key(self) -> dict[str, Any]:
        """A service key as SAP BTP hands them out, with credentials that this emulator accepts."""
        return {
            "appname": f"pytest-aicore-{self.seed}!b1|aicore!b1",
            "clientid": f"sb-pytest-aicore-{self.seed}!b1|aicore!b1",
            "clientsecret": Secret(f"emulated-{self.seed}-secret"),
            "identityzone": "emulator",
            "identityzoneid": "00000000-0000-4000-8000-000000000000",
            "serviceurls": {"AI_API_URL": self.base_url},
            "url": self.auth_url,
        }

    def accepts_credentials(self, host: str, client_id: str, client_secret: str | None) -> bool:
        """Tell whether a client gets a token. On the real service's hosts any client does: its key is not ours."""
        if host.endswith(".hana.ondemand.com"):
            return bool(client_id)
        key = self.service_key
        return client_id == key["clientid"] and client_secret == key["clientsecret"]

    # What the tenant has ------------------------------------------------------------------------------------

    def publish(self, template: Template | Executable) -> None:
        """Publish what a template defines, as AI Core's Git sync does.

        Args:
            template: a workflow template, or the executable derived from one.
        """
        executable: Executable = getattr(template, "executable", template)  # type: ignore[arg-type]
        with self.lock:
            now = self.clock.now()
            before = self.state.published.get(executable.id)
            self.state.published[executable.id] = Published(executable, before.created_at if before else now, now)

    def publish_folder(self, folder: Mapping[str, Template]) -> None:
        """Publish every template of a folder."""
        for template in folder.values():
            self.publish(template)

    def create_resource_group(self, name: str) -> None:
        """Add a resource group that has the object-store secret `default`; one that exists is left as it is."""
        with self.lock:
            self.state.groups.setdefault(name, ResourceGroup(name))

    # What tests say -----------------------------------------------------------------------------------------

    def script(
        self,
        *,
        executable: str | None = None,
        execution: str | None = None,
        times: int | None = None,
        outcome: str | None = None,
        unknown: float | None = None,
        pending: float | None = None,
        running: float | None = None,
        stopping: float | None = None,
        polls: int | Mapping[str, int] | None = None,
        stuck_in: str | None = None,
        logs: Logs = None,
        metrics: MetricValues = None,
        status_details: Details = None,
        status_message: str | None = None,
        omit_outputs: bool | Sequence[str] | None = None,
        place: str | None = None,
    ) -> Script:
        """Say how executions go. What is left out stays as it is.

        Args:
            executable: only executions of this executable.
            execution: only this execution, which exists already.
            times: only the next so many executions; without it, all from now on. Counted scripts follow each other.
            outcome: where it ends: `COMPLETED`, `DEAD` or `STOPPED`.
            unknown: seconds in status UNKNOWN.
            pending: seconds in status PENDING.
            running: seconds in status RUNNING.
            stopping: seconds in status STOPPING.
            polls: instead of by time, go on to the next status after so many looks; a mapping says it by status.
            stuck_in: a status that it never leaves by itself.
            logs: lines that the training writes, or a function of the execution that returns them.
            metrics: by name a value or a list of values (one per step), or a function of the execution.
            status_details: what the API shows once it has failed, or a function of the execution.
            status_message: what the API shows once it has failed.
            omit_outputs: names of output artifacts that the training does not leave behind; True for all.
            place: `file:line` that messages name; the caller's when left out.

        Raises:
            EmulatorError: a value cannot be used, or contradicts what another script says about the same executions.
        """
        script = Script(
            executable=executable,
            execution=execution,
            times=times,
            outcome=outcome,
            unknown=unknown,
            pending=pending,
            running=running,
            stopping=stopping,
            polls=polls,
            stuck_in=stuck_in,
            logs=logs,
            metrics=metrics,
            status_details=status_details,
            status_message=status_message,
            omit_outputs=omit_outputs,
            place=_caller() if place is None else place,
        )
        with self.lock:
            self._settle()
            self._refuse_if_wrong(script)
            self._scripts.append(_Standing(script))
            if execution is not None:
                self._change_course(execution)
        return script

    def fault(
        self,
        call: str,
        *,
        status: int | None = None,
        body: Any = None,
        retry_after: float | str | None = None,
        kind: Kind | None = None,
        times: int | None = 1,
        after: int = 0,
        attempts: int | None = None,
        processed: bool = False,
    ) -> Fault:
        """Say which calls go wrong.

        Args:
            call: as the SDK names it (`execution.get`, `artifact.create`, `token`), as the specification does
                (`GET /v2/lm/executions/{executionId}`), or `*` for all.
            status: HTTP status to answer with.
            body: JSON content, text or bytes to answer with; a fitting one when left out.
            retry_after: seconds, or an HTTP date, for the header `Retry-After`.
            kind: instead of a status: `connection reset`, `timeout`, `truncated json`, `html`, `expired token`.
            times: how many logical calls go wrong; None for all from now on.
            after: how many go well first.
            attempts: how many attempts of each such call go wrong, so that a client's own retry helps; None for all.
            processed: whether the service does what it was asked to before the answer gets lost.

        Returns:
            The fault; its `struck` counts the logical calls that it has hit.

        Raises:
            EmulatorError: no such call, or a value that cannot be used.
        """
        operation = operation_named(call, [*self.routes.operations, TOKEN], self.routes.signatures)
        fault = Fault(operation, status, body, retry_after, kind, times, after, attempts, processed)
        with self.lock:
            self._faults.append(fault)
        return fault

    # What clients ask ---------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer a request; never raises for anything that a client can send."""
        with self.lock:
            self._settle()
            route, parameters, methods = self._route(request)
            if request.call is None or request.call is not self._last_call:
                self._calls, self._last_call, self._attempt = self._calls + 1, request.call, 0
            self._attempt += 1
            response = self._answer(request, route, parameters, methods)
            self._remember(request, route, response)
            return response

    def take_incidents(self) -> list[str]:
        """Return what must fail the test that is running, and forget it."""
        with self.lock:
            incidents, self.incidents = self.incidents, []
        return incidents

    # Moments ------------------------------------------------------------------------------------------------

    def checkpoint(self) -> Checkpoint:
        """Return this moment."""
        with self.lock:
            return Checkpoint(
                state=self.state.copy(),
                agenda=list(self._agenda),
                scripts=[copy(standing) for standing in self._scripts],
                faults=[copy(fault) for fault in self._faults],
                now=self.clock.now(),
                driven=self.clock.driven,
            )

    def rollback(self, checkpoint: Checkpoint) -> None:
        """Go back to a moment: records, scripts, faults, ids and time are as they were then."""
        with self.lock:
            self.state = checkpoint.state.copy()
            self._agenda = list(checkpoint.agenda)
            self._scripts = [copy(standing) for standing in checkpoint.scripts]
            self._faults = [copy(fault) for fault in checkpoint.faults]
            self.clock.set(checkpoint.now, driven=checkpoint.driven)
            self.requests.clear()
            self.incidents.clear()

    @contextmanager
    def baseline(self, checkpoint: Checkpoint) -> Iterator[None]:
        """Make something that outlives the rollback to a checkpoint, for example a run that tests share.

        The block sees the world of the checkpoint, without the scripts, faults and records of the test that is
        running; afterwards both that test and the checkpoint have what was made in it.

        Args:
            checkpoint: the moment that takes up what is made; it is changed.
        """
        with self.lock:
            own, log = self.checkpoint(), list(self.requests)
            self.rollback(checkpoint)
            self.state.drawn = own.state.drawn  # so that ids stay unique when both worlds meet again
            self.clock.set(max(own.now, checkpoint.now), driven=checkpoint.driven)
        try:
            yield
        finally:
            with self.lock:
                made, incidents = self.checkpoint(), self.incidents
                made_log = list(self.requests)
                self.rollback(own)
                self.incidents = incidents
                self.requests.extend([*log, *made_log])
                self.state.drawn = made.state.drawn
                self.clock.set(max(made.now, own.now), driven=own.driven)
                for name, group in made.state.groups.items():
                    _take_over(self.state.groups.setdefault(name, ResourceGroup(name)), group)
                checkpoint.state = made.state
                checkpoint.agenda = made.agenda
                checkpoint.now = made.now

    # What executions go through -----------------------------------------------------------------------------

    def start_execution(
        self, group: ResourceGroup, configuration: Configuration, schedule_id: str | None = None
    ) -> Execution:
        """Start an execution of a configuration, on the course that the scripts say."""
        published = self.state.published.get(configuration.executable_id)
        executable = published.executable if published else None
        execution_id = self.state.short_id("e")
        message = executable and bindings.wrong_binding(group, configuration, executable)
        said, place = self._said_about(configuration.executable_id, execution_id, count=True)
        if "default" not in group.object_store_secrets:
            said = {**said, "stuck_in": "UNKNOWN"}
        now = self.clock.now()
        execution = group.executions.add(
            Execution(
                id=execution_id,
                number=self.state.next_number(),
                configuration_id=configuration.id,
                configuration_name=configuration.name,
                scenario_id=configuration.scenario_id,
                executable_id=configuration.executable_id,
                status="UNKNOWN",
                target_status="COMPLETED",
                created_at=now,
                modified_at=now,
                course=course(
                    said,
                    place,
                    bound_wrongly=bindings.refused_details(execution_id, message) if message else None,
                ),
                entered_at=now,
                schedule_id=schedule_id,
            )
        )
        self._appoint(group, execution)
        return execution

    def stop_execution(self, group: ResourceGroup, execution: Execution) -> None:
        """Stop an execution that may be stopped."""
        self._enter(group, replace(execution, target_status="STOPPED"), "STOPPING", self.clock.now())

    def delete_execution(self, group: ResourceGroup, execution: Execution) -> None:
        """Delete an execution that may be deleted.

        It is gone at once: how long the service still shows it, with the target status DELETED, is not known.
        """
        group.executions.remove(execution.id)
        if execution.id in group.metrics:
            group.metrics.remove(execution.id)

    def look(self, group: ResourceGroup, executions: Iterable[Execution]) -> None:
        """Let happen what a client's look at executions makes happen: time passes, or the count of looks grows."""
        time_passes = False
        for execution in executions:
            if execution.status in TERMINAL:
                continue
            stay = execution.course.stay(execution.status)
            if stay is None or stay.looks is None:
                time_passes = True
                continue
            seen = group.executions.put(replace(execution, looks=execution.looks + 1))
            following = seen.course.after(seen.status)
            if seen.looks >= stay.looks and following:
                self._enter(group, seen, following, self.clock.now())
        if time_passes:
            self.clock.look()

    def _settle(self) -> None:
        """Let everything happen whose time has come, in order."""
        now = self.clock.now()
        while self._agenda and self._agenda[0].at <= now:
            appointment = heapq.heappop(self._agenda)
            group = self.state.groups.get(appointment.group)
            execution = group.executions.get(appointment.execution) if group else None
            if group is None or execution is None or execution.status != appointment.status:
                continue
            if appointment.outputs:
                if execution.course.outcome == "COMPLETED":
                    self._register_outputs(group, execution, appointment.at)
            elif _due(execution) == appointment.at:
                following = execution.course.after(execution.status)
                if following:
                    self._enter(group, execution, following, appointment.at)

    def _appoint(self, group: ResourceGroup, execution: Execution) -> None:
        due = _due(execution)
        if due is None:
            return
        moments = [(due, False)]
        if execution.status == "RUNNING" and execution.course.outcome == "COMPLETED":
            moments.append((max(due - OUTPUTS_BEFORE_COMPLETION_SECONDS, execution.entered_at), True))
        for at, outputs in moments:
            heapq.heappush(
                self._agenda,
                _Appointment(at, execution.number, group.id, execution.id, execution.status, outputs),
            )

    def _enter(self, group: ResourceGroup, execution: Execution, status: str, at: float) -> None:
        changes: dict[str, Any] = {"status": status, "entered_at": at, "modified_at": at, "looks": 0}
        if status == "RUNNING":
            changes |= {"submission_time": at, "start_time": at}
        entered = replace(execution, **changes)
        if status == "RUNNING":
            entered = self._with_telemetry(entered)
        elif status == "STOPPING":
            logs = tuple(line for line in entered.logs if line.at <= at)
            metrics = tuple(metric for metric in entered.metrics if metric.at <= at)
            entered = replace(entered, logs=logs, metrics=metrics, target_status="STOPPED")
        elif status == "COMPLETED":
            self._register_outputs(group, entered, at)
        if status in TERMINAL:
            entered = replace(entered, completion_time=at)
        if status == "DEAD":
            entered = self._with_reasons(entered)
        group.executions.put(entered)
        self._appoint(group, entered)

    def _with_telemetry(self, execution: Execution) -> Execution:
        """Return the execution with the lines and metrics that its training will write while it runs."""
        way = execution.course
        lines = self._called(execution, "logs", way.logs, list, _default_logs(execution))
        values = self._called(execution, "metrics", way.metrics, dict, {})
        stay = way.stay("RUNNING")
        start, length = execution.entered_at, (stay.seconds if stay else None) or 0.0
        logs = [LogLine(at, str(line)) for at, line in zip(_spread(start, length, len(lines)), lines, strict=True)]
        metrics = []
        for name, series in values.items():
            steps = list(series) if isinstance(series, (list, tuple)) else [series]
            for step, (at, value) in enumerate(zip(_spread(start, length, len(steps)), steps, strict=True)):
                metrics.append(Metric(name, value, at, step))
        return replace(
            execution,
            logs=(LogLine(start, 'level=info msg="Starting Workflow Executor"', "init"), *logs),
            metrics=tuple(sorted(metrics, key=lambda metric: metric.at)),
        )

    def _with_reasons(self, execution: Execution) -> Execution:
        last = [line.message for line in execution.logs if line.container == "main"][-5:]
        default = bindings.failed_details(execution.id, execution.executable_id, last)
        way = execution.course
        details = self._called(execution, "status_details", way.status_details, dict, default)
        return replace(execution, status_details=details, status_message=way.status_message)

    def _called(self, execution: Execution, name: str, said: Any, shape: Callable[[Any], Any], default: Any) -> Any:
        """Return what a script says, calling it where it is a function; what it raises must fail the test."""
        if said is None:
            return default
        try:
            return shape(said(execution) if callable(said) else said)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            raised = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            inside = f" ({_short(where.filename)}:{where.lineno})" if callable(said) else ""
            self.incidents.append(
                f"{execution.course.script_place}: script: {name}= failed for execution {execution.id} of "
                f"{execution.executable_id!r}: {raised}{inside}. The execution went on without it."
            )
            return default

    def _register_outputs(self, group: ResourceGroup, execution: Execution, at: float) -> None:
        """Register the output artifacts that are not registered yet."""
        published = self.state.published.get(execution.executable_id)
        omitted = execution.course.omit_outputs
        if published is None or omitted is True:
            return
        _, there = group.artifacts.select({"execution_id": execution.id})
        urls = {artifact.url for artifact in there}
        for output in published.executable.output_artifacts:
            url = f"ai://default/{execution.id}/{output.name}{output.suffix or ''}"
            if output.name in omitted or url in urls:
                continue
            group.artifacts.add(
                Artifact(
                    id=self.state.uuid(),
                    number=self.state.next_number(),
                    name=output.registered_name,
                    kind=output.kind or "model",
                    url=url,
                    scenario_id=execution.scenario_id,
                    created_at=at,
                    description=output.description or "",
                    labels=output.labels or None,
                    execution_id=execution.id,
                )
            )

    # Scripts ------------------------------------------------------------------------------------------------

    def _said_about(self, executable_id: str, execution_id: str, *, count: bool) -> tuple[dict[str, Any], str]:
        """Return what the scripts say about an execution, the more special ones above the more general."""
        general, special, own = [], [], []
        for standing in self._scripts:
            script = standing.script
            if script.execution is not None:
                if script.execution == execution_id:
                    own.append(standing)
            elif script.executable in (None, executable_id):
                (general if script.executable is None else special).append(standing)
        said: dict[str, Any] = {}
        place = ""
        for level in (general, special, own):
            lasting = [standing for standing in level if standing.script.times is None]
            counted = next(
                (each for each in level if each.script.times is not None and each.used < each.script.times),
                None,
            )
            for standing in [*lasting, counted] if counted and count else lasting:
                said |= standing.script.said()
                place = standing.script.place
            if counted and count:
                counted.used += 1
        return said, place

    def _refuse_if_wrong(self, script: Script) -> None:
        if script.executable is not None and script.executable not in self.state.published:
            hint = did_you_mean(script.executable, self.state.published)
            raise EmulatorError(
                f"{script.place}: script: no executable {script.executable!r} is published.{hint} "
                f"Published are: {listing(self.state.published)}."
            )
        if script.execution is not None and self._whereabouts(script.execution) is None:
            raise EmulatorError(f"{script.place}: script: there is no execution {script.execution!r}.")
        for standing in self._scripts:
            field = script.contradicts(standing.script)
            if field:
                before, after = standing.script.said()[field], script.said()[field]
                whom = script.executable or script.execution or "every execution"
                raise EmulatorError(
                    f"{script.place}: script: {field}={after!r} for {whom} contradicts {field}={before!r}, said at "
                    f"{standing.script.place}. Give them different executables, or times= to let one follow the other."
                )

    def _whereabouts(self, execution_id: str) -> tuple[ResourceGroup, Execution] | None:
        for group in self.state.groups.values():
            execution = group.executions.get(execution_id)
            if execution:
                return group, execution
        return None

    def _change_course(self, execution_id: str) -> None:
        found = self._whereabouts(execution_id)
        if found is None:
            return
        group, execution = found
        said, place = self._said_about(execution.executable_id, execution_id, count=False)
        if execution.status in TERMINAL:
            raise EmulatorError(
                f"{place}: script: execution {execution_id} has ended already, {execution.status}; "
                "script it before, or script the next one with times=1."
            )
        if execution.status not in ("UNKNOWN", "PENDING", "RUNNING", "STOPPING"):
            return
        changed = replace(execution, course=course(said, place))
        if changed.status == "RUNNING":
            changed = self._with_telemetry(changed)
        self._appoint(group, group.executions.put(changed))

    # Answers ------------------------------------------------------------------------------------------------

    def _route(self, request: Request) -> tuple[Route | None, dict[str, str], tuple[str, ...]]:
        if request.path == TOKEN_PATH and request.method == "POST":
            return TOKEN_ROUTE, {}, ()
        return self.routes.find(request.method, request.path)

    def _answer(
        self, request: Request, route: Route | None, parameters: dict[str, str], methods: tuple[str, ...]
    ) -> Response:
        if route is None:
            return self._unrouted(request, methods)
        for fault in self._faults:
            if fault.strikes(route.operation, request.call or object()):
                answer = self._served(request, route, parameters) if fault.processed else None
                return fault.response(request, self.state.uuid(), internal_path(request.path), answer)
        return self._served(request, route, parameters)

    def _served(self, request: Request, route: Route, parameters: dict[str, str]) -> Response:
        if route.operation == TOKEN:
            return token.create(self, request)
        refusal = token.refuse(request, self.seed)
        if refusal:
            return refusal
        name = request.headers.get("ai-resource-group") or MISSING_GROUP_MEANS
        group = self.state.groups.get(name)
        if group is None:
            if route.operation not in NEEDS_NO_GROUP:
                return text_response(403, "RBAC: access denied")
            group = self.state.groups["default"]
        try:
            return route.handler(Call(self, request, parameters, group))
        except ApiError as error:
            body = error_body(error, request_id=self.state.uuid(), target=internal_path(request.path))
            return json_response(error.status, {"error": body})

    def _unrouted(self, request: Request, methods: tuple[str, ...]) -> Response:
        if methods:
            return empty_response(405, {"allow": ", ".join(methods)})
        if not request.path.startswith(ROOTS):
            return empty_response(404)
        hint = did_you_mean(f"{request.method} {request.path}", self.routes.signatures)
        sentence = f"The emulator does not know {request.method} {request.path}.{hint}"
        self.incidents.append(
            f"{sentence} It answered 501, so that nobody takes this for an answer of AI Core. "
            "If AI Core has this call, please report it; a fault or a stub of your own can answer it meanwhile."
        )
        return text_response(501, sentence)

    def _remember(self, request: Request, route: Route | None, response: Response) -> None:
        query = request.url.partition("?")[2]
        self.requests.append(
            RequestRecord(
                self._calls,
                self._attempt,
                request.method,
                f"{request.path}?{query}" if query else request.path,
                route.operation if route else "",
                0 if response.failure else response.status,
                self.clock.now(),
                request.headers.get("ai-resource-group", ""),
                request.body[:REMEMBERED_BYTES],
                response.body[:REMEMBERED_BYTES],
            )
        )


def _due(execution: Execution) -> float | None:
    stay = execution.course.stay(execution.status)
    if stay is None or stay.seconds is None or execution.course.after(execution.status) is None:
        return None
    return execution.entered_at + stay.seconds


def _default_logs(execution: Execution) -> list[str]:
    begun = f"Training {execution.executable_id} started"
    ending = {
        "COMPLETED": ["Training finished"],
        "DEAD": ["Traceback (most recent call last):", "RuntimeError: training failed"],
    }
    return [begun, *ending.get(execution.course.outcome, [])]


def _spread(start: float, length: float, count: int) -> list[float]:
    """Return so many moments, evenly within a length of time, the last at its end."""
    return [start + length * (index + 1) / count for index in range(count)]


def _take_over(group: ResourceGroup, other: ResourceGroup) -> None:
    """Add to a group the records that only the other one has."""
    for mine, theirs in (
        (group.artifacts, other.artifacts),
        (group.configurations, other.configurations),
        (group.executions, other.executions),
        (group.metrics, other.metrics),
    ):
        for record in theirs:
            if record.id not in mine:
                mine.add(record)  # type: ignore[arg-type]


def _caller() -> str:
    """Return `file:line` of the first frame outside this package."""
    package = str(Path(__file__).parent.parent)
    frame = sys._getframe(1)  # noqa: SLF001
    while frame.f_back and frame.f_code.co_filename.startswith(package):
        frame = frame.f_back
    return f"{_short(frame.f_code.co_filename)}:{frame.f_lineno}"


def _short(path: str) -> str:
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
