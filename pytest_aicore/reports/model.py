"""The report of a training run: one typed object that the terminal, the files, JUnit and pytest-xdist use."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from pytest_aicore.session.session import Session
    from pytest_aicore.training.diagnosis import Cause
    from pytest_aicore.training.run import Run, Training

CARRIED = "aicore_runs"
"""The attribute of pytest's reports that has the plain data of a test's runs: pytest-xdist carries it."""
CARRIED_GATES = "aicore_gates"
"""The attribute that has the plain data of a test's quality gates, likewise."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """The report of a run by one test.

    Attributes:
        run: identifies the run, also among several workers of pytest-xdist.
        test: the name of the test that used it.
        workflow: the file, or the id of the executable.
        live: whether it happened on the real service.
        id: of the execution, None if there is none.
        status: of the execution, None if there is none.
        stopped: why this session stopped it, None if it did not.
        seconds: how long it took, or ran so far; None if that is not known.
        plans: the resource plans of its steps.
        looked: whether the test used the execution itself.
        expected: whether it ended as the test expected.
        outputs: its output artifacts, as `training.output.outputs_of` returns them.
        node: the test's id.
        host: of the service, None if its credentials were not needed.
        executable: its id.
        scenario: the id of the executable's scenario, None if it names none.
        configuration_id: None if there is none.
        artifacts: id and URL of each input artifact by its name.
        parameters: value by name.
        expect: the final status that the test expects, None for any.
        history: each status and when it was first seen.
        metrics: the last value by name, None if they were not requested.
        diagnosis: the likely causes of its failure, the likeliest first.
        failure: why the execution did not finish, None if it did.
        local: whether it really ran on this machine.
        family: the test's id without its parameter set.
        steps: what each of its steps took there.
        outcome: of the test: `passed`, `failed` or `skipped`; empty if it was interrupted.
        error: the message with which the test failed, cut.
        message: what the service says of the status.
        details: the status details, of any shape.
        log: the log as `details.log_of` returns it; None if it is not known.
        series: steps and values of each metric, as `details.series_of` returns them.
        requests: the last requests of the test, if it failed; the emulator knows them.
        identity: of what was asked for, as `identity.identity_of` returns it.
        workflow_hash: of the content of the workflow's file.
    """

    run: str
    test: str
    workflow: str
    live: bool = False
    id: str | None = None
    status: str | None = None
    stopped: str | None = None
    seconds: float | None = None
    plans: list[str] = field(default_factory=list)
    looked: bool = False
    expected: bool = False
    outputs: list[dict[str, str]] = field(default_factory=list)
    node: str = ""
    host: str | None = None
    executable: str = ""
    scenario: str | None = None
    configuration_id: str | None = None
    artifacts: dict[str, dict[str, str]] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    expect: str | None = None
    history: list[dict[str, str]] = field(default_factory=list)
    metrics: dict[str, float] | None = None
    diagnosis: list[dict[str, str]] = field(default_factory=list)
    failure: str | None = None
    local: bool = False
    family: str = ""
    steps: list[dict[str, Any]] = field(default_factory=list)
    outcome: str = ""
    error: str = ""
    message: str = ""
    details: Any = None
    log: dict[str, Any] | None = None
    series: dict[str, list[list[float]]] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    identity: str = ""
    workflow_hash: str = ""

    def data(self) -> dict[str, Any]:
        """Return it as plain data that can be carried to another process."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def report_of(
    run: Run,
    test: str,
    session: Session,
    node: str = "",
    causes: Sequence[Cause] = (),
    steps: Sequence[Mapping[str, Any]] = (),
    family: str = "",
    own: bool = False,
    **more: Any,
) -> RunReport:
    """Return the report of a run by one test.

    Args:
        run: which.
        test: the name of the test that used it.
        session: of the test.
        node: the test's id.
        causes: the likely causes of its failure.
        steps: what its steps took.
        family: the test's id without its parameter set.
        own: whether the test says what the emulator does with the run, so that it is equal to no other test's.
        more: further attributes of the report.
    """
    from pytest_aicore.reports.identity import hash_of, identity_of
    from pytest_aicore.training.output import outputs_of

    training, plan = run.training, run.plan
    watch, finished, failure = training.watch, training.made, training.problem
    executable, configuration = plan.template.executable, training.configuration.made
    return RunReport(
        run=name_of(training, session),
        test=test,
        workflow=plan.workflow,
        live=session.live,
        local=session.local,
        id=watch.execution_id if watch else None,
        status=watch.history[-1].status.value if watch else None,
        stopped=watch.stopped if watch else None,
        seconds=finished.duration if finished else watch.ran if watch else None,
        plans=list(executable.resource_plans),
        looked=run.looked or bool(finished),
        expected=finished is not None and plan.expect in (None, finished.status.value),
        outputs=outputs_of(finished) if finished else [],
        node=node,
        family=family,
        host=session.host,
        executable=executable.id,
        scenario=executable.scenario_id,
        configuration_id=configuration.id if configuration else None,
        artifacts=artifacts_of(training),
        parameters=dict(plan.parameters),
        expect=plan.expect,
        history=history_of(training),
        metrics={name: float(value) for name, value in finished.metrics.items()}
        if finished is not None and finished.knows_metrics
        else None,
        diagnosis=[cause._asdict() for cause in causes],
        failure=str(failure) if failure is not None else None,
        steps=[dict(step) for step in steps],
        identity=identity_of(plan, node if own and not session.is_real else ""),
        workflow_hash=hash_of(plan.template),
        **more,
    )


def name_of(training: Training, session: Session) -> str:
    """Return what identifies a run, also among several workers of pytest-xdist.

    Several workers may use one execution that really happens. Emulated ids are not unique: the emulators of two workers
    give the same, and so does one after a rollback.

    Args:
        training: of the run, or of a deployment.
        session: of the test.
    """
    if session.is_real and training.watch:
        return training.watch.execution_id
    return f"{os.environ.get('PYTEST_XDIST_WORKER', '')}:{training.number}"


def artifacts_of(training: Training) -> dict[str, dict[str, str]]:
    """Return id and URL of each input artifact by its name.

    Args:
        training: of a run, or of a deployment.
    """
    return {name: {"id": each.id, "url": str(each.url)} for name, each in (training.artifacts.made or {}).items()}


def history_of(training: Training) -> list[dict[str, str]]:
    """Return each status, and when it was first seen.

    Args:
        training: of a run, or of a deployment.
    """
    watch = training.watch
    return [{"status": seen.status.value, "time": time_text(seen.time)} for seen in (watch.history if watch else ())]


def time_text(time: datetime) -> str:
    """Return a time as reports have it.

    Args:
        time: in UTC.
    """
    return f"{time:%Y-%m-%dT%H:%M:%S.%fZ}"


def reports_in(report: object) -> list[RunReport]:
    """Return what a report of pytest carries of a test's runs.

    Args:
        report: of a test; other reports carry nothing.
    """
    carried: Iterable[Mapping[str, Any]] = getattr(report, CARRIED, ())
    return [RunReport(**each) for each in carried]


def gates_in(report: object) -> list[dict[str, Any]]:
    """Return what a report of pytest carries of a test's quality gates, as `baselines.verdict.Verdict.data` has it.

    Args:
        report: of a test; other reports carry nothing.
    """
    return list(getattr(report, CARRIED_GATES, ()))


def encodable(value: Any) -> Any:
    """Return plain data that can be carried to another process and written into files.

    Half a surrogate pair, which JSON of the service can hold, is in no encoding; pytest-xdist would end its worker.

    Args:
        value: texts, numbers, lists and dictionaries.
    """
    if isinstance(value, dict):
        return {encodable(name): encodable(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [encodable(inner) for inner in value]
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def properties(reports: Iterable[RunReport]) -> list[tuple[str, str]]:
    """Return what JUnit XML shows of a test's runs: names and values, one group for each run.

    Args:
        reports: of the test's runs.
    """
    found: list[tuple[str, str]] = []
    for each in reports:
        if each.id is None:
            continue
        found += [("aicore_execution_id", each.id), ("aicore_status", str(each.status))]
        if each.seconds is not None:
            found.append(("aicore_duration", f"{each.seconds:g}"))
        found += [("aicore_output", f"{output['name']} {output['id']} {output['url']}") for output in each.outputs]
    return found


class DistinctRun(NamedTuple):
    """A run that several tests used.

    Attributes:
        run: the report of the test that used most of it.
        tests: how many tests used its execution; those that used only what it was made of do not count.
    """

    run: RunReport
    tests: int


def distinct(reports: Iterable[RunReport]) -> list[DistinctRun]:
    """Return each execution once, in the order in which they were reported.

    Args:
        reports: of all tests.
    """
    found: dict[str, DistinctRun] = {}
    for each in reports:
        if each.id is None:
            continue
        known, tests = found.get(each.run, DistinctRun(each, 0))
        if each.looked:  # live, an execution may run already when a test asks for its artifacts alone
            expected = each.expected and (known.expected or not known.looked)
            newest = each if each.seconds is not None or not known.looked else known
            known = replace(
                known,
                test=known.test if known.looked else each.test,
                status=newest.status,
                stopped=newest.stopped,
                seconds=newest.seconds,
                outputs=newest.outputs,
                metrics=each.metrics or known.metrics,
                steps=newest.steps or known.steps,
                looked=True,
                expected=expected,
            )
        # How far an execution is when a test asks for its artifacts alone depends on how fast this machine is.
        found[each.run] = DistinctRun(known, tests + each.looked)
    return list(found.values())
