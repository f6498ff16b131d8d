"""The report of a deployment: one typed object that the terminal, the files, JUnit and pytest-xdist use."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_aicore.reports.model import artifacts_of, history_of, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_aicore.deployment.deployment import Deployment
    from pytest_aicore.session.session import Session
    from pytest_aicore.training.live.runs import EndOfDeployment

CARRIED_DEPLOYMENTS = "aicore_deployments"
"""The attribute of pytest's reports that has the plain data of a test's deployments: pytest-xdist carries it."""


@dataclass(frozen=True, slots=True)
class DeploymentReport:
    """The report of a deployment by one test.

    Attributes:
        deployment: identifies it, also among several workers of pytest-xdist.
        test: the name of the test that used it.
        node: the test's id.
        workflow: the file, or the id of the executable.
        live: whether it ran on the real service.
        local: whether it really ran on this machine.
        host: of the service, None if its credentials were not needed.
        executable: its id.
        scenario: the id of the executable's scenario, None if it names none.
        plans: the resource plans of its template.
        configuration_id: the one that it has got last, None if there is none.
        artifacts: id and URL of each input artifact by its name.
        parameters: value by name.
        id: its id, None if there is none.
        status: as it was last seen, None if there is none.
        url: below which it answers, empty before it ran.
        history: each status and when it was first seen.
        running: seconds from its creation, or from when this session resumed it, until AI Core said RUNNING: its
            readiness probe had passed; None if that was not seen.
        listening: the same until the server answered something.
        answered: the same until the first right answer.
        retried: how many requests were repeated before its first answer.
        resumed: whether an earlier session had created it.
        seconds: for how long it had run; None if it was not seen to run.
        stopped: why this session stopped it, None if that is not known, or it was kept.
        diagnosis: the likely causes of its failure.
        failure: why it does not answer rightly, None if it does.
    """

    deployment: str
    test: str
    node: str
    workflow: str
    live: bool = False
    local: bool = False
    host: str | None = None
    executable: str = ""
    scenario: str | None = None
    plans: list[str] = field(default_factory=list)
    configuration_id: str | None = None
    artifacts: dict[str, dict[str, str]] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    id: str | None = None
    status: str | None = None
    url: str = ""
    history: list[dict[str, str]] = field(default_factory=list)
    running: float | None = None
    listening: float | None = None
    answered: float | None = None
    retried: int = 0
    resumed: bool = False
    seconds: float | None = None
    stopped: str | None = None
    diagnosis: list[dict[str, str]] = field(default_factory=list)
    failure: str | None = None

    def data(self) -> dict[str, Any]:
        """Return it as plain data that can be carried to another process."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def deployment_report(deployment: Deployment, test: str, session: Session, node: str = "") -> DeploymentReport:
    """Return the report of a deployment by one test.

    Args:
        deployment: which.
        test: the name of the test that used it.
        session: of the test.
        node: the test's id.
    """
    from pytest_aicore.deployment.deployment import serving_of

    serving, plan = serving_of(deployment), deployment.plan
    stages, executable, readiness = serving.stages, plan.template.executable, serving.readiness
    watch, problem = stages.watch, stages.problem
    newest = watch.execution if watch is not None else None
    configuration = stages.configuration.made
    failure = serving.failure if serving.failure is not None or problem is None else str(problem)
    return DeploymentReport(
        deployment=name_of(stages, session),
        test=test,
        node=node,
        workflow=plan.workflow,
        live=session.live,
        local=session.local,
        host=session.host,
        executable=executable.id,
        scenario=executable.scenario_id,
        plans=list(executable.resource_plans),
        configuration_id=serving.configuration_id if configuration else None,
        artifacts=artifacts_of(stages),
        parameters=dict(plan.parameters),
        id=watch.execution_id if watch else None,
        status=watch.history[-1].status.value if watch else None,
        url=str(newest.deployment_url or "") if newest is not None else "",
        history=history_of(stages),
        running=readiness.running,
        listening=readiness.listening,
        answered=readiness.answered,
        retried=readiness.retried,
        resumed=readiness.resumed,
        seconds=serving.ran(),
        diagnosis=[] if serving.cause is None else [serving.cause._asdict()],
        failure=failure,
    )


def deployments_in(report: object) -> list[DeploymentReport]:
    """Return what a report of pytest carries of a test's deployments.

    Args:
        report: of a test; other reports carry nothing.
    """
    carried: Iterable[Mapping[str, Any]] = getattr(report, CARRIED_DEPLOYMENTS, ())
    return [DeploymentReport(**each) for each in carried]


def deployment_properties(reports: Iterable[DeploymentReport]) -> list[tuple[str, str]]:
    """Return what JUnit XML shows of a test's deployments: id, status and URL of each.

    Args:
        reports: of the test's deployments.
    """
    return [("aicore_deployment", f"{each.id} {each.status} {each.url}".rstrip()) for each in reports if each.id]


class DistinctDeployment(NamedTuple):
    """A deployment that several tests used.

    Attributes:
        deployment: the newest report of it, with the first of its times that is known.
        tests: the ids of the tests that used it.
    """

    deployment: DeploymentReport
    tests: list[str]


def distinct_deployments(
    reports: Iterable[DeploymentReport], ends: Mapping[str, EndOfDeployment]
) -> list[DistinctDeployment]:
    """Return each deployment once, in the order in which they were reported, with what is known of their ends.

    Args:
        reports: of all tests.
        ends: how long those of the real service have run by their ids, and why they were stopped.
    """
    found: dict[str, DistinctDeployment] = {}
    for each in reports:
        known = found.get(each.deployment)
        if known is None:
            found[each.deployment] = DistinctDeployment(each, [each.node])
            continue
        # Each worker of pytest-xdist has its own times: what is known first counts.
        earlier = known.deployment
        newest = replace(
            each,
            test=earlier.test,
            running=_first(earlier.running, each.running),
            listening=_first(earlier.listening, each.listening),
            answered=_first(earlier.answered, each.answered),
            retried=max(earlier.retried, each.retried),
            failure=each.failure or earlier.failure,
            diagnosis=each.diagnosis or earlier.diagnosis,
        )
        tests = known.tests if each.node in known.tests else [*known.tests, each.node]
        found[each.deployment] = DistinctDeployment(newest, tests)
    return [
        each._replace(deployment=replace(each.deployment, seconds=end.seconds, stopped=end.why))
        if (end := ends.get(each.deployment.id or "")) is not None and each.deployment.live
        else each
        for each in found.values()
    ]


def _first(*moments: float | None) -> float | None:
    return min((each for each in moments if each is not None), default=None)
