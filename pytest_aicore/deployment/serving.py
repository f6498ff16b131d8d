"""One deployment in stages: artifacts, configuration, deployment, and that it answers. Several tests may share it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_aicore.deployment.answers import Answer, PredictionError, read
from pytest_aicore.deployment.diagnosis import evidence_of, explained, likely_cause
from pytest_aicore.errors import AicoreError, RunError, VerdictError, our_message
from pytest_aicore.service_facts import FINAL_STATUSES
from pytest_aicore.training.finished import LogLine
from pytest_aicore.training.live.stop import end_deployment
from pytest_aicore.training.service.retry import patiently

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.deployment.diagnosis import Cause
    from pytest_aicore.deployment.plan import DeploymentPlan
    from pytest_aicore.training.clock import Clock
    from pytest_aicore.training.live.ledger import Entry
    from pytest_aicore.training.maker import Maker
    from pytest_aicore.training.run import Training
    from pytest_aicore.training.service.deployment_api import DeploymentApi
    from pytest_aicore.training.watcher import Watch, Watcher

__tracebackhide__ = our_message

UNAVAILABLE = 503
_LOG_SECONDS = 5.0
"""Seconds for which a failed request for the log of a failed deployment is repeated."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """When a deployment came to answer, in seconds since its creation; None for what has not happened.

    Attributes:
        running: AI Core says RUNNING: its readiness probe has passed.
        listening: the server itself answered for the first time.
        answered: it gave the first right answer.
        retried: how many requests were repeated before that, because the connection was refused or the answer was 503.
        resumed: whether an earlier session has created it, so that the times begin when this session resumed it.
    """

    running: float | None = None
    listening: float | None = None
    answered: float | None = None
    retried: int = 0
    resumed: bool = False


class Serving:
    """The deployment of one plan.

    Args:
        plan: what is deployed.
        stages: its artifacts, its configuration, and its creation.
        maker_of: returns what makes the configuration of another plan.
        api: the service.
        watcher: polls the deployment.
        clock: measures the time, and waits.
        interval: the polling interval in seconds.
        refusal: returns why it must not run any longer, None if it may; left out where it may run for ever.
    """

    def __init__(
        self,
        plan: DeploymentPlan,
        stages: Training,
        maker_of: Callable[[DeploymentPlan], Maker],
        api: DeploymentApi,
        watcher: Watcher,
        clock: Clock,
        interval: float,
        refusal: Callable[[], str | None] | None = None,
    ) -> None:
        self.plan = plan
        self.stages = stages
        self.api = api
        self.readiness = Readiness()
        self.failure: str | None = None
        """How it failed last: the text of the error."""
        self.cause: Cause | None = None
        """The likely cause of that."""
        self.is_stopped = False
        self._maker_of = maker_of
        self._watcher = watcher
        self._clock = clock
        self._interval = interval
        self._refusal = refusal
        self._configuration_id: str | None = None
        self._right: set[tuple[object, ...]] = set()
        self._updated_at = self._polled = float("-inf")

    @property
    def entry(self) -> Entry | None:
        """What the ledger knows of it, None if nothing was recorded."""
        return getattr(self.stages.record.made, "entry", None)

    @property
    def watch(self) -> Watch:
        """What is known of it; it is created now, if it is not yet.

        Raises:
            AicoreError: the plan is incomplete, or AI Core refused something.
        """
        return self.stages.begin()

    @property
    def deployment(self) -> Any:
        """The SDK's `Deployment` of the newest poll."""
        return self.watch.last

    @property
    def url(self) -> str:
        """Where it answers."""
        return str(self.deployment.deployment_url)

    @property
    def configuration_id(self) -> str:
        """The id of the configuration that it has got last."""
        return self._configuration_id or self.stages.configuration().id

    def ran(self) -> float | None:
        """Return for how many seconds it has run, None if it was not seen to run."""
        running = self.readiness.running
        if running is None:
            return None
        recorded = self.stages.record().ran(self._clock, self.api.service_now())
        return recorded or max(0.0, self._since_start() - running)

    def poll(self) -> None:
        """Ask AI Core for its status.

        Raises:
            RunError: AI Core refuses to answer.
        """
        self._polled = self._clock.monotonic()
        self._watcher.poll([self.watch])

    # Until it answers -----------------------------------------------------------------------------------------------

    def require(self, plan: DeploymentPlan) -> None:
        """Wait until it runs, and gives the answer that a test calls right.

        Args:
            plan: of the test.

        Raises:
            AicoreError: it cannot be created, or does not answer rightly.
        """
        self.failure = self.cause = None  # of another test
        plan.require_complete()
        self.require_running(plan.timeout)
        self.require_right(plan)

    def require_running(self, timeout: float) -> None:
        """Wait until AI Core says that it is running.

        Args:
            timeout: seconds since its creation, or since its last update.

        Raises:
            VerdictError: it is DEAD, or not RUNNING in time.
            RunError: its status is not known.
        """
        watch = self.watch
        with self.stages.kept():
            deadline = max(watch.began, self._updated_at) + timeout
            while True:
                self._require_allowed()
                self._watcher.poll([watch])
                if self._is_running(watch):
                    break
                status = watch.history[-1].status.value
                if status in FINAL_STATUSES or watch.is_deleted:
                    raise VerdictError(self.failed(f"is {status}" if status in FINAL_STATUSES else "was deleted"))
                left = deadline - self._clock.monotonic()
                if left <= 0:
                    raise VerdictError(self.failed(f"was {status} {timeout:g} s after its start, and not RUNNING"))
                self._clock.sleep(min(self._interval, left))
        if self.readiness.running is None:
            resumed = self.entry is not None and self.entry.is_resumed
            self._note(running=self._since_start(), resumed=resumed)
            began = self.api.service_now() if resumed else watch.running_since
            record = self.stages.record()
            if record.running_since is None:
                record.note("running", time=self._clock.now(), ticks=self._clock.monotonic(), began=began)

    def _require_allowed(self) -> None:
        """Raise an error if it must not run any longer; it is stopped then.

        Raises:
            RunError: the budget of the session is spent.
        """
        if self._refusal is None:
            return
        if self._clock.monotonic() - self._polled >= self._interval:
            self.poll()  # from its answers the service's time is known, by which the budget counts
        why = self._refusal()
        if self.entry is not None and self.entry.stops is not None:
            why = self.entry.stops.why
        if why is not None:
            raise RunError(f"deployment {self.watch.execution_id} of {self.plan.workflow}: {why}")

    def _is_running(self, watch: Watch) -> bool:
        if watch.execution is None or watch.history[-1].status.value != "RUNNING":
            return False
        running = watch.execution.latest_running_configuration_id
        return bool(watch.execution.deployment_url) and running in (None, self.configuration_id)

    def require_right(self, plan: DeploymentPlan) -> None:
        """Wait until it gives the answer that a test calls right; only an answer that is wrong ends that early.

        Args:
            plan: of the test.

        Raises:
            PredictionError: the answer is wrong.
            VerdictError: there is none in time.
        """
        ready = plan.ready
        if ready is None:
            return
        check = ready.get("check")
        which = (ready["path"], repr(ready.get("json")), check)
        if which in self._right:
            return
        how = {"json": ready["json"]} if "json" in ready else {}
        answer = self.ask("POST" if how else "GET", ready["path"], plan.timeout, **how)
        wrong = self._why_wrong(answer, check)
        if wrong is not None:
            raise PredictionError(self.failed(f"runs, but {wrong}"))
        self._right.add(which)
        self._answered()

    def _why_wrong(self, answer: Answer, check: Callable[[Any], object] | None) -> str | None:
        if not answer.is_good:
            return f"{answer.asked} was answered {answer.status}: {answer.shown}"
        try:
            is_right = check is None or check(answer.content)
        except PredictionError as error:
            return str(error)
        except AssertionError as error:
            return f"the answer to {answer.asked} is not right ({str(error).partition(chr(10))[0]}): {answer.shown}"
        return None if is_right else f"the answer to {answer.asked} is not right by ready: check=: {answer.shown}"

    # Requests -------------------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, timeout: float, **how: Any) -> Answer:
        """Send a request, and return the answer.

        Args:
            method: of the request.
            path: below its URL.
            timeout: seconds since its creation until it must answer for the first time.
            how: further arguments of `requests.request`.

        Raises:
            VerdictError: there is no answer.
        """
        asked = f"{method} {path}"
        answer = read(self.send(method, path, timeout, **how, stream=True), asked, self._clock)
        if answer.is_good and self.plan.ready is None:
            self._answered()
        return answer

    def send(self, method: str, path: str, timeout: float, **how: Any) -> Any:
        """Send a request, and return the `requests.Response`, whatever it is.

        Until the server has answered for the first time, a refused connection or the status 503 means that it does not
        listen yet, and the request is repeated. Later it means what it says.

        Args:
            method: of the request.
            path: below its URL.
            timeout: seconds since its creation until it must answer for the first time.
            how: further arguments of `requests.request`.

        Raises:
            VerdictError: there is no answer.
        """
        import requests

        url = f"{self.url}{path}"
        deadline = self.watch.began + timeout
        while True:
            self._require_allowed()
            try:
                response = self.api.send(method, url, **how)
                if response.status_code != UNAVAILABLE or self.readiness.listening is not None:
                    break
                problem = f"was answered {UNAVAILABLE}"
                response.close()
            except requests.exceptions.RequestException as error:
                if self.readiness.listening is not None or not _is_refused(error):
                    why = f"{method} {path} was not answered ({type(error).__name__})"
                    raise VerdictError(self.failed(f"runs, but {why}")) from None
                problem = "was refused"
            if self._clock.monotonic() >= deadline:
                raise VerdictError(
                    self.failed(
                        f"runs, but {method} {path} {problem} for {timeout:g} s after its start"
                        f" ({self.readiness.retried} times repeated): it does not listen where AI Core expects it"
                    )
                )
            self._note(retried=self.readiness.retried + 1)
            self._clock.sleep(self._interval)
            with self.stages.kept():
                self.poll()
            status = self.watch.history[-1].status.value
            if status in FINAL_STATUSES:
                raise VerdictError(self.failed(f"is {status}"))
        if self.readiness.listening is None:
            self._note(listening=self._since_start())
        return response

    # Update and end -------------------------------------------------------------------------------------------------

    def update(self, plan: DeploymentPlan) -> None:
        """Give it another configuration; its id and URL stay.

        Args:
            plan: its new plan.

        Raises:
            AicoreError: AI Core refuses it, or it does not return to RUNNING.
        """
        plan.require_complete()
        maker = self._maker_of(plan)
        with self.stages.kept():
            bound = {name: response.id for name, response in maker.artifacts().items()}
            made = maker.configuration(bound)
            self.api.update(self.watch.execution_id, made.id)
        self._configuration_id, self._updated_at = made.id, self._clock.monotonic()
        self.plan = plan
        self._right.clear()
        self.require_running(plan.timeout)
        self.require_right(plan)

    def stop(self) -> None:
        """Stop it and delete it, unless that has happened; nothing happens if it was never created.

        Raises:
            RunError: AI Core refuses.
        """
        if self.is_stopped or self.stages.watch is None:
            return
        self.is_stopped = True
        with self.stages.kept():
            end_deployment(self.api, self._clock, self.stages.watch.execution_id)

    # What is known --------------------------------------------------------------------------------------------------

    def logs(self, seconds: float | None = None) -> list[LogLine]:
        """Return its log lines, oldest first.

        Args:
            seconds: for how long a failed request is repeated.
        """
        watch = self.watch
        since = self.deployment.created_at
        lines = patiently(self._clock, lambda: self.api.logs(watch.execution_id, since), seconds)
        return [LogLine(line.msg.removesuffix("\n"), line.timestamp) for line in lines]

    def known_logs(self) -> list[LogLine]:
        """Return its log lines for a report, which does not wait long for them.

        Raises:
            AicoreError: AI Core does not give them.
        """
        return self.logs(_LOG_SECONDS)

    def failed(self, how: str) -> str:
        """Return the text of an error: what happened, why that may be, and the end of the log.

        Args:
            how: how it failed, what follows its name in a sentence.
        """
        try:
            lines = self.known_logs()
        except AicoreError:
            lines = []
        place = f"{self.plan.place}: " if self.plan.place else ""
        told = f"{place}deployment {self.watch.execution_id} of {self.plan.workflow} {how.rstrip('.')}."
        evidence = evidence_of(self.plan, self.watch.execution, lines, how)
        self.cause = likely_cause(evidence)
        self.failure = "\n".join([told, *explained(evidence, self.cause)])
        return self.failure

    def _since_start(self) -> float:
        return max(0.0, self._clock.monotonic() - self.watch.began)

    def _answered(self) -> None:
        if self.readiness.answered is None:
            self._note(answered=self._since_start())

    def _note(self, **known: Any) -> None:
        self.readiness = replace(self.readiness, **known)


def _is_refused(error: Exception) -> bool:
    """Return whether a connection was refused, so that nothing was sent."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop()
        if isinstance(each, ConnectionRefusedError):
            return True
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            waiting += [each.__cause__, each.__context__, *each.args, getattr(each, "reason", None)]
    return False
