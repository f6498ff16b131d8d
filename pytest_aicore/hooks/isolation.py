"""The hooks of a session that uses the plugin: they isolate tests from each other and explain failures.

Registered when the first test that uses the plugin is collected, so that other sessions pay nothing.
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.config.markers import merge_scripts
from pytest_aicore.errors import AicoreError, PlanError, listing, our_message
from pytest_aicore.hooks import failing_plainly
from pytest_aicore.hooks.context import (
    family_of,
    hiding_of,
    is_varied,
    marked,
    marker_levels,
    place_of,
    session_of,
)
from pytest_aicore.hooks.gates import PLUGIN_NAME as GATES
from pytest_aicore.hooks.gates import Gates
from pytest_aicore.hooks.verdicts import PLUGIN_NAME as VERDICTS
from pytest_aicore.hooks.verdicts import Verdicts
from pytest_aicore.printable import printable
from pytest_aicore.training.plan import COMPLETED

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from pytest_aicore.deployment.deployment import Deployment
    from pytest_aicore.emulator.emulator import Condition
    from pytest_aicore.hooks.run_details import RunDetails
    from pytest_aicore.redact import Redactor
    from pytest_aicore.reports.deployments import DeploymentReport
    from pytest_aicore.reports.model import RunReport
    from pytest_aicore.session.session import Session
    from pytest_aicore.training.diagnosis import Cause
    from pytest_aicore.training.plan import TrainingPlan
    from pytest_aicore.training.run import Run

__tracebackhide__ = our_message

_LONGEST_FAILURE = 4000
"""Number of characters of a test's failure that are searched for known symptoms."""
PLUGIN_NAME = "aicore-isolation"
_ISOLATION: pytest.StashKey[Isolation] = pytest.StashKey()
_RECORD: pytest.StashKey[ItemRecord] = pytest.StashKey()


class FaultWarning(pytest.PytestWarning):
    """A fault that a test injected was never triggered: the failure that the test is about did not happen."""


class LocalWarning(pytest.PytestWarning):
    """A training on this machine differs from one on AI Core, for example by its image (`--aicore-local`)."""


class NetworkWarning(pytest.PytestWarning):
    """A test uses something that can reach the network although `aicore_block_network` is set."""


class ItemRecord:
    """What one test did.

    Attributes:
        runs: the runs that it used.
        deployments: the deployments that it used.
        incidents: what failed it without an exception.
        started: the programs that it started and that may reach the network.
        unseen: the packages that may do so unseen.
        outcomes: of its phases so far.
        causes: the likely causes of the failure of a run.
        steps: what the steps of a run took.
        details: what a report file shows of a run besides.
        requests: the last requests of the test, if it failed.
        error: the message with which it failed.
    """

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.deployments: list[Deployment] = []
        self.incidents: list[str] = []
        self.started: list[str] = []
        self.unseen: list[str] = []
        self.outcomes: dict[str, str] = {}
        self.causes: dict[Run, Sequence[Cause]] = {}
        self.steps: dict[Run, Sequence[Mapping[str, Any]]] = {}
        self.details: dict[Run, dict[str, Any]] = {}
        self.requests: list[dict[str, Any]] = []
        self.error = ""

    @property
    def outcome(self) -> str:
        """How the test ended so far, in one word."""
        return next((each for each in ("failed", "skipped") if each in self.outcomes.values()), "passed")


def isolation_of(config: pytest.Config) -> Isolation:
    """Return the hooks of this session; the first call registers them."""
    if _ISOLATION not in config.stash:
        config.stash[_ISOLATION] = Isolation(session_of(config), hiding_of(config).redact, config)
        config.pluginmanager.register(config.stash[_ISOLATION], PLUGIN_NAME)
        config.pluginmanager.register(Verdicts(), VERDICTS)
        config.pluginmanager.register(config.stash[_ISOLATION].gates, GATES)
    return config.stash[_ISOLATION]


def unreported(config: pytest.Config) -> tuple[list[RunReport], list[DeploymentReport]]:
    """Return the runs and deployments of a test that was interrupted, and therefore has no report."""
    isolation = config.stash.get(_ISOLATION, None)
    return ([], []) if isolation is None else isolation.unreported()


def _warn(item: pytest.Item, warning: pytest.PytestWarning) -> None:
    """Warn of what a test did.

    A filter that turns all warnings into errors does not apply to this one, because nothing is wrong with the code
    under test. A filter that names its class does.
    """
    named = type(warning)
    try:
        item.warn(warning)
    except named:
        if any(how == "error" and category is named for how, _, category, *_ in warnings.filters):
            raise
        path, line, _ = item.location
        message = warnings.WarningMessage(warning, named, path, (line or 0) + 1)
        recorded = {"warning_message": message, "when": "runtest", "nodeid": item.nodeid, "location": None}
        item.ihook.pytest_warning_recorded.call_historic(kwargs=recorded)


class Isolation:
    """The hooks. They call the session, which does not depend on pytest."""

    def __init__(self, session: Session, redact: Redactor, config: pytest.Config) -> None:
        self.session = session
        self.gates = Gates(config, session, lambda item: self._record(item).runs)
        self._redact = redact
        self._causes: dict[tuple[int, str, str], list[Cause]] = {}
        self._unreported: pytest.Item | None = None
        self._item: pytest.Item | None = None
        self._refusal: AicoreError | None = None
        self._follows_tests = False
        self._of_fixtures: list[Condition] = []
        self._warned: set[str] = set()
        self._details: RunDetails | None = None
        settings = session.settings
        writes_allure = config.pluginmanager.has_plugin("allure_listener")  # without --alluredir there is none
        self._is_shown_elsewhere = writes_allure or bool(getattr(config.option, "htmlpath", None))
        if settings.report.value is not None or settings.html.value is not None or self._is_shown_elsewhere:
            from pytest_aicore.hooks.run_details import RunDetails

            # Live, only the page is worth requests to the service.
            asks = settings.html.value is not None or (self._is_shown_elsewhere and not session.live)
            self._details = RunDetails(session, asks=asks)

    def begin_late(self, item: pytest.Item | None) -> None:
        """Begin to isolate a test that is running already: it is the first to use the plugin.

        That was not known when it was collected, because it uses `request.getfixturevalue`.

        Args:
            item: the test, None if a fixture of a wider scope asks.
        """
        if item is not None:
            self.gates.follow(item)
        if not self._follows_tests:
            self._follows_tests = True
            self.session.open()
            self.session.begin()

    def run(self, item: pytest.Item, plan: TrainingPlan) -> Run:
        """Return the run of a plan for a test, shared unless the test has scripts or faults of its own."""
        run = self.session.run(plan, own=self.is_own(item), user=item.nodeid)
        self._record(item).runs.append(run)
        return run

    def note(self, item: pytest.Item, deployment: Deployment) -> None:
        """Note that a test uses a deployment: its section and reports show it, values of the test may come from it.

        Args:
            item: the test.
            deployment: which.
        """
        self._record(item).deployments.append(deployment)
        self.gates.follow(item).note(deployment)

    @staticmethod
    def is_own(item: pytest.Item) -> bool:
        """Return whether a test has scripts or faults of its own, so that nothing is shared with it."""
        own = "aicore_emulator" in getattr(item, "fixturenames", ()) or item.get_closest_marker("aicore_script")
        return bool(own)

    def _record(self, item: pytest.Item) -> ItemRecord:
        return item.stash.setdefault(_RECORD, ItemRecord())

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Fail a module that would have reached a blocked network when it was imported, even if it swallowed that."""
        report = yield
        incidents = [] if self.session.live else self.session.emulator.take_incidents()
        if incidents and report.passed:
            report.outcome, report.longrepr, report.result = "failed", "\n".join(incidents), []
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Redirect calls to AI Core's hosts to the emulator, also in tests that do not use the plugin."""
        item.stash[_RECORD] = ItemRecord()
        self._item = None
        self._unreported = item
        self._follows_tests = True
        self.session.open()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Begin to isolate the test at its first function-scoped fixture.

        What wider fixtures create stays, as on the real service; their scripts, faults and answers end with them.
        """
        if fixturedef.scope == "function":
            self._begin(request.node)
            # The fixture is set up first, because pytest expects each fixture to be either set up or failed.
            try:
                result = yield
            except PlanError as error:
                if fixturedef.argname != "aicore_plan" or error.is_shown_alone:
                    raise
                # The user's own `aicore_plan` made the plan: report the error as for a marker, without a traceback.
                asked = PlanError(f"{error}\nThe fixture 'aicore_plan' that replaces the plugin's asked for this.")
                asked.is_shown_alone = True
                raise asked from None
            self._refuse()
            return result
        made: list[Condition] = []
        fixturedef.addfinalizer(lambda: self.session.lift(made))
        with self.session.kept():
            before = self.session.conditions()
            try:
                return (yield)
            finally:
                # What a fixture said that was set up meanwhile ends with that fixture.
                known = {id(each) for each in (*before, *self._of_fixtures)}
                made += [each for each in self.session.conditions() if id(each) not in known]
                self._of_fixtures += made

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail the test for what the emulator could not answer, even if its body swallowed the exception."""
        self._begin(item)
        self._refuse()
        try:
            result = yield
        except BaseException:
            self._note_incidents(item)
            raise
        self._note_incidents(item)
        self._fail_for_incidents(item)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Roll back what a test did that began to use the plugin late."""
        __tracebackhide__ = True
        result = yield
        if self._item is None:
            self._leave(item)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add the section to a failed test's report, and the data of the summary to the last report of a test."""
        report = yield
        if call.excinfo is not None and getattr(call.excinfo.value, "is_shown_alone", False):
            report.longrepr = call.excinfo.getrepr(style="value", chain=False)
        record = self._record(item)
        record.outcomes[call.when] = report.outcome
        if call.when == "call" and self.session.is_real and is_varied(item):
            self._ask_for_metrics(record)
        if call.when != "teardown":  # after it the emulator has forgotten the test
            record.steps.update({run: found for run in record.runs if (found := self._steps(run))})
        used = record.runs or record.deployments
        if report.failed or (used and call.when == "teardown"):
            from pytest_aicore.reports import deployments, model
            from pytest_aicore.reports import terminal as reporting

            if report.failed:
                self._note_incidents(item)
                # After the teardown the emulator has forgotten the test.
                ask = call.when != "teardown"
                failure = str(call.excinfo.value)[:_LONGEST_FAILURE] if call.excinfo else ""
                requests = self.session.emulator.requests if ask and not self.session.live else ()
                explain = partial(self._explain, record, failure, ask)
                hints = reporting.hints(record.started, record.unseen)
                if requests:
                    hints += reporting.unknown_groups(requests, self.session.emulator.state.groups)
                lines = reporting.section(
                    record.runs,
                    record.incidents,
                    requests,
                    explain,
                    ask=ask,
                    hints=hints,
                    steps=lambda run: record.steps.get(run, ()),
                    deployments=record.deployments,
                )
                if lines:
                    report.sections.append((reporting.TITLE, "\n".join(lines)))
                if ask and self._details is not None:
                    from pytest_aicore.reports.details import requests_of

                    record.error = failure
                    record.requests = requests_of(requests)
            if used and call.when == "teardown":
                reports, deployed = self._reports(item), self._deployments(item)
                if reports:
                    setattr(report, model.CARRIED, [each.data() for each in reports])
                if deployed:
                    setattr(report, deployments.CARRIED_DEPLOYMENTS, [each.data() for each in deployed])
                report.user_properties += model.properties(reports) + deployments.deployment_properties(deployed)
                self._unreported = None
        if self._details is not None and call.when == "call":
            record.details.update(self._details.of(record.runs))
        is_seen = call.when == "call" or (call.when == "setup" and report.failed)
        if self._is_shown_elsewhere and is_seen and record.runs:
            from pytest_aicore.hooks.other_reports import add_runs

            add_runs(item.config, report, self._reports(item))
        return report

    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> list[str] | None:
        """Show the history of the execution whose status is not the expected one."""
        from pytest_aicore.reports.terminal import compared, is_status

        if self._item is None or not (is_status(left) or is_status(right)):
            return None
        return compared(left, op, right, self._record(self._item).runs)

    def unreported(self) -> tuple[list[RunReport], list[DeploymentReport]]:
        """Return the runs and deployments of a test that was interrupted, so that it has no report."""
        item = self._unreported
        return ([], []) if item is None else (self._reports(item), self._deployments(item))

    def _reports(self, item: pytest.Item) -> list[RunReport]:
        """Return what a test saw of its runs, without secrets."""
        from pytest_aicore.reports.model import RunReport, encodable, report_of

        record = self._record(item)
        reports = [
            report_of(
                run,
                item.name,
                self.session,
                item.nodeid,
                record.causes.get(run, ()),
                record.steps.get(run, ()),
                family_of(item),
                self.is_own(item),
                outcome=record.outcome if "teardown" in record.outcomes else "",
                error=record.error,
                requests=record.requests,
                **record.details.get(run, {}),
            )
            for run in record.runs
        ]
        return [RunReport(**encodable(self._redact.data(each.data()))) for each in reports]

    def _deployments(self, item: pytest.Item) -> list[DeploymentReport]:
        """Return what a test saw of its deployments, without secrets."""
        record = self._record(item)
        if not record.deployments:
            return []
        from pytest_aicore.reports.deployments import DeploymentReport, deployment_report
        from pytest_aicore.reports.model import encodable

        reports = [deployment_report(each, item.name, self.session, item.nodeid) for each in record.deployments]
        return [DeploymentReport(**encodable(self._redact.data(each.data()))) for each in reports]

    def _ask_for_metrics(self, record: ItemRecord) -> None:
        """Ask for the metrics of runs that have completed, for the table of their family."""
        for run in record.runs:
            finished = run.training.made
            if finished is not None and finished.status.value == COMPLETED:
                with suppress(AicoreError):  # the table does without
                    _ = finished.metrics

    def _steps(self, run: Run) -> Sequence[Mapping[str, Any]]:
        watch = run.training.watch
        return [] if watch is None else self.session.steps(watch.execution_id)

    def _explain(self, record: ItemRecord, failure: str, ask: bool, run: Run) -> Sequence[Cause]:
        """Return why a run failed: the same for all tests that use it, and for the report files."""
        from pytest_aicore.training.diagnosis import diagnose, evidence_of

        training, expect = run.training, run.plan.expect
        if training.problem is not None or (training.made and expect not in (None, training.made.status.value)):
            failure = ""  # the cause is in the run, not in the message of the test's failure
        key = (training.number, str(expect), failure)
        if key not in self._causes:
            now = datetime.fromtimestamp(self.session.clock.now(), timezone.utc)
            self._causes[key] = diagnose(evidence_of(run, self.session.api if ask else None, now, failure))
        record.causes[run] = self._causes[key] or record.causes.get(run, [])
        return self._causes[key]

    def pytest_unconfigure(self) -> None:
        """Close the door, and the emulator behind it."""
        self.session.end()

    def _begin(self, item: pytest.Item) -> None:
        if self._item is item:
            return
        self._item = item
        self._refusal = None
        self.session.begin()
        # Runs after the finalizers of the test's own fixtures, and before those of wider ones.
        item.addfinalizer(self._end)
        try:
            if item.get_closest_marker("aicore") is not None:
                self.session.publish_marked(marked(item), item.path)
            self._apply_scripts(item)
        except AicoreError as error:
            self._refusal = error

    def _refuse(self) -> None:
        """Refuse the test whose markers cannot be followed."""
        refusal, self._refusal = self._refusal, None
        if refusal is not None:
            with failing_plainly():
                raise refusal

    def _end(self) -> None:
        item, self._item = self._item, None
        if item is not None:
            self._leave(item)

    def _leave(self, item: pytest.Item) -> None:
        __tracebackhide__ = True
        try:
            self._note_incidents(item)
            # The report of the body's failure has named the incidents already.
            if self._record(item).outcomes.get("call") == "passed":
                self._fail_for_incidents(item)
                for sentence in self.session.silent_faults():
                    _warn(item, FaultWarning(printable(sentence)))
            if self.session.settings.block_network.value:
                self._warn_of_gaps(item)
            for sentence in self.session.take_told():
                _warn(item, LocalWarning(printable(sentence)))
        finally:
            self.session.rollback()

    def _apply_scripts(self, item: pytest.Item) -> None:
        if self.session.live or item.get_closest_marker("aicore_script") is None:
            return
        place = place_of(item)
        levels = marker_levels(item, "aicore_script")
        for script in merge_scripts(levels, self.session.emulator.script, place):
            self.session.emulator.script(place=place, **script)

    def _note_incidents(self, item: pytest.Item) -> None:
        record = self._record(item)
        record.incidents.extend(self.session.incidents())
        if not self.session.live:
            started, record.unseen = self.session.unseen_by_emulator()
            record.started.extend(program for program in started if program not in record.started)

    def _warn_of_gaps(self, item: pytest.Item) -> None:
        """Warn once a session for each program and package that the network is not blocked for it."""
        record = self._record(item)
        for names, where in ((record.started, "other processes"), (record.unseen, "packages that Python cannot watch")):
            new = [name for name in names if name not in self._warned]
            if new:
                self._warned.update(new)
                _warn(item, NetworkWarning(f"aicore_block_network does not reach into {where}: {listing(new)}."))

    def _fail_for_incidents(self, item: pytest.Item) -> None:
        incidents = self._record(item).incidents
        if incidents:
            pytest.fail(printable("\n".join(incidents)), pytrace=False)
