"""`pytest-aicore sweep`: stops the executions and deployments that interrupted live sessions left running.

Executions that the ledger of this machine records for sessions that have ended are stopped. An execution that has the
name of pytest-aicore but is not in the ledger may belong to a live session on another machine, so it is stopped only if
the user gives a minimum age.
"""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pytest_aicore.config.settings import resource_group_named
from pytest_aicore.echo import shown
from pytest_aicore.errors import CredentialsError, RunError, SettingsError
from pytest_aicore.printable import on_one_line, say
from pytest_aicore.training.clock import RealClock
from pytest_aicore.training.live.budget import parse_duration, show_duration
from pytest_aicore.training.live.ledger import EXECUTION, FileLedger
from pytest_aicore.training.live.stop import end_deployment, executions_of, settle, stop_execution
from pytest_aicore.training.plan import ORIGIN
from pytest_aicore.training.service import credentials
from pytest_aicore.training.service.api import TrainingApi
from pytest_aicore.training.service.deployment_api import DeploymentApi
from pytest_aicore.training.service.failures import CallError
from pytest_aicore.training.service.retry import patiently
from pytest_aicore.training.service.sdk import make_patient_client

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ai_api_client_sdk.models.execution import Execution

    from pytest_aicore.training.live.ledger import Entry
    from pytest_aicore.training.service.credentials import Credentials

_SKEW = 60.0
"""Seconds by which the clocks of two machines may differ without a message about it."""
_LONG_AGO = 48 * 3600.0
"""Seconds after which a message gives a date instead of a duration."""


def sweep(
    *,
    ledger_file: Path,
    service_key: Path | None,
    resource_group: str | None,
    older_than: str | None,
    dry_run: bool,
) -> int:
    """Stop leftover executions, print what was done, and return the exit status: 1 if something still runs, or may.

    Args:
        ledger_file: the ledger of the sessions; it need not exist.
        service_key: a service key file; None for SAP's own lookup.
        resource_group: the only one to sweep; None for the environment's, and those in which sessions of the ledger
            started something.
        older_than: minimum age of the executions, a duration such as `2h`; None for any age.
        dry_run: whether nothing is stopped.

    Raises:
        AicoreError: credentials or resource group are missing, or the ledger cannot be read.
    """
    least_age = _least_age(older_than)
    _refuse_impossible_group("--resource-group", resource_group)
    _refuse_impossible_group("environment AICORE_RESOURCE_GROUP", os.environ.get("AICORE_RESOURCE_GROUP"))
    found = _credentials(service_key)
    ledger = FileLedger(ledger_file, "sweep")
    ledger.refresh()
    groups = [resource_group] if resource_group else _resource_groups(ledger, found.host)
    status = 0
    unreachable = False
    for group in groups:
        where = _where(found.host, group)
        if unreachable:
            say(f"could not check {where} either")
            status = 1
            continue
        try:
            for of_deployments in (False, True):
                swept = _Sweep(ledger, found, group, least_age, dry_run=dry_run, of_deployments=of_deployments)
                status = max(status, swept.run())
        except RunError as error:
            unreachable = isinstance(error, CallError) and error.transient
            is_open = any(each.is_open for each in _at(ledger, found.host, group))
            if is_open or resource_group or unreachable:
                status = 1
                say(f"could not check {where}: {error}")
            else:  # the resource group may have been deleted since
                say(f"could not check {where}, where the ledger records nothing left running: {error}")
    if not groups:
        say(
            f"the ledger {ledger.file} records no executions at {found.host}; --resource-group NAME finds those that"
            " other machines left running"
        )
    if _report_elsewhere(ledger, {(found.host, group) for group in groups}, found.host) and not resource_group:
        status = 1
    for problem in ledger.problems:
        say(problem)
    return status


def _where(host: str, group: str) -> str:
    return f"the resource group {group} at {host}"


def _at(ledger: FileLedger, host: str, group: str) -> list[Entry]:
    """Return the ledger's entries of one resource group at one host."""
    return [
        each for each in ledger.entries.values() if (each.facts["host"], each.facts["resource_group"]) == (host, group)
    ]


def _report_elsewhere(ledger: FileLedger, swept: set[tuple[str, str]], host: str) -> bool:
    """Print how many executions were left running in other resource groups, and return whether there were any."""
    places = [(str(each.facts["host"]), str(each.facts["resource_group"])) for each in ledger.entries.values()]
    left = False
    for place in sorted(set(places) - swept):
        number = sum(each.is_open and not _is_alive(ledger, each) for each in _at(ledger, *place))
        if number:
            left = True
            why = "--resource-group names another" if place[0] == host else f"the credentials are for {host}"
            say(
                f"not checked: {number} left running in {_where(*place)}, because {why}. If nothing can run there any"
                f" more, delete {ledger.file}."
            )
    return left


def _is_alive(ledger: FileLedger, entry: Entry) -> bool:
    try:
        return ledger.is_alive(entry.session)
    except RunError:
        return False


def _least_age(text: str | None) -> float | None:
    try:
        return None if text is None else parse_duration(text, none=True)
    except ValueError as error:
        raise SettingsError(f"--older-than {shown(text)}: {error}") from None


def _credentials(service_key: Path | None) -> Credentials:
    if service_key is not None:
        return credentials.read_service_key(service_key.expanduser(), "--service-key")
    given = os.environ.get(credentials.CONTENT_VARIABLE, "")
    if not given.strip():
        return credentials.find_credentials()
    from pathlib import Path

    return credentials.read_service_key(
        credentials.content_or_file(given, Path()), f"environment {credentials.CONTENT_VARIABLE}"
    )


def _refuse_impossible_group(source: str, name: str | None) -> None:
    if not name:
        return
    try:
        resource_group_named(name)
    except ValueError as error:
        raise SettingsError(f"{source} = {shown(name)}: {error}") from None


def _resource_groups(ledger: FileLedger, host: str) -> list[str]:
    """Return the resource groups in which something may run.

    A group of the ledger in which nothing was started is left out, because its name may be mistyped.
    """
    known = [each for each in ledger.entries.values() if each.facts["host"] == host]
    groups = {str(each.facts["resource_group"]) for each in known if each.stages[EXECUTION].process is not None}
    profile = credentials.resource_group_of_profile()
    named = os.environ.get("AICORE_RESOURCE_GROUP") or (profile[0] if profile else None)
    if named:
        groups.add(named)
    if not groups and not ledger.entries:
        raise CredentialsError(
            f"No resource group is given, and the ledger {ledger.file} records none at {host}. Give one with"
            " --resource-group NAME."
        )
    return sorted(groups)


class _Sweep:
    """The sweep of one resource group: of its executions, or of its deployments."""

    def __init__(
        self,
        ledger: FileLedger,
        found: Credentials,
        group: str,
        least_age: float | None,
        *,
        dry_run: bool,
        of_deployments: bool = False,
    ) -> None:
        self._of_deployments = of_deployments
        self._ledger = ledger
        self._host, self._group = found.host, group
        self._where = _where(found.host, group)
        self._entries: list[Entry] = []
        self._least_age = least_age
        self._dry_run = dry_run
        api = DeploymentApi if of_deployments else TrainingApi
        self._api: TrainingApi = api(lambda: make_patient_client(found, group))
        self._end = end_deployment if of_deployments else stop_execution
        self._clock = RealClock()
        self._swept: set[str] = set()
        self._left = 0
        self._stopped = 0

    def run(self) -> int:
        running = {execution.id: execution for execution in patiently(self._clock, self._api.unfinished)}
        # The ledger is read second: an execution is written there before it is started, so whatever is running is
        # known by now, also if its session has just begun.
        self._ledger.refresh()
        there = _at(self._ledger, self._host, self._group)
        self._entries = [each for each in there if each.is_deployment is self._of_deployments]
        alive: list[Entry] = []
        for entry in self._entries:
            try:
                is_alive = self._ledger.is_alive(entry.session)
            except RunError as error:
                if entry.is_open:
                    self._left += 1
                    say(f"could not check {self._named(entry)}: {error}")
                alive.append(entry)  # its session may be alive
                continue
            if is_alive:
                alive.append(entry)
            elif entry.is_open:
                self._sweep_entry(entry, running)
        self._sweep_others(running.values(), alive)
        busy = sum(each.is_open for each in alive)
        if busy:
            say(f"left alone: {busy} of a session that is still running on this machine")
        if not (self._stopped or self._left):
            if not self._of_deployments:  # most sessions have none
                say(f"no leftover executions in {self._where}")
        elif self._dry_run:
            say(f"would stop {self._counted} in {self._where}; nothing was stopped, because of --dry-run")
        else:
            say(f"{self._counted} stopped, {self._left} left in {self._where}")
        return 1 if self._left or (self._dry_run and self._stopped) else 0

    @property
    def _counted(self) -> str:
        if not self._of_deployments:
            return str(self._stopped)
        return f"{self._stopped} deployment{'' if self._stopped == 1 else 's'}"

    def _named(self, entry: Entry, execution: str | None = None) -> str:
        test = entry.facts.get("place") or "a test"
        started = self._started(float(entry.facts["time"]))
        name = (
            f"{execution or entry.execution_id or f'a {entry.kind}'} of {entry.facts['workflow']}, {started} by {test}"
        )
        return on_one_line(name)

    def _started(self, moment: float) -> str:
        age = self._clock.now() - moment
        if age < -_SKEW:
            return "started in the future by the clock of this machine"
        if age < 1:
            return "started just now"
        if age > _LONG_AGO:
            return f"started on {datetime.fromtimestamp(moment, timezone.utc).date()}"
        return f"started {show_duration(age)} ago"

    def _is_too_young(self, moment: float) -> bool:
        return self._least_age is not None and max(0.0, self._clock.now() - moment) < self._least_age

    def _sweep_entry(self, entry: Entry, running: dict[str, Execution]) -> None:
        if self._is_too_young(float(entry.facts["time"])):
            say(f"younger than {show_duration(self._least_age or 0)}: {self._named(entry)}")
            self._leave(entry)
            return
        others = self._ledger.executions_of_others(entry)
        try:
            if self._dry_run:
                for execution in executions_of(self._api, self._clock, entry, others):
                    self._swept.add(execution)
                    if execution in running:
                        self._stopped += 1
                        say(f"would stop {self._named(entry, execution)}")
                return
            outcomes = settle(
                self._api,
                self._clock,
                entry,
                lambda event, **facts: self._ledger.record(event, run=entry.id, **facts),
                others,
            )
        except RunError as error:
            self._left += 1
            self._leave(entry)
            say(f"could not stop {self._named(entry)}: {error}")
            return
        for execution, outcome in outcomes:
            self._swept.add(execution)
            self._stopped += execution in running
            say(f"{self._named(entry, execution)}: {outcome}")

    def _leave(self, entry: Entry) -> None:
        self._swept.update(filter(None, [entry.execution_id, entry.configuration_id]))

    def _sweep_others(self, running: Iterable[Execution], alive: Iterable[Entry]) -> None:
        """Stop what still runs although it is closed in the ledger, and what other machines may have started, by age.

        If the id of an execution is not known yet, because it is being started or its start was never answered, the
        execution is recognized by its configuration.
        """
        of_living: set[str | None] = {each for entry in alive for each in (entry.execution_id, entry.configuration_id)}
        closed = {each.execution_id: each for each in self._entries if each.execution_id}
        configured = {each.configuration_id: each for each in self._entries if each.owns_configuration}
        for execution in running:
            if {execution.id, execution.configuration_id} & (of_living | self._swept):
                continue
            entry = closed.get(execution.id) or configured.get(execution.configuration_id)
            created = execution.created_at.timestamp()
            if entry is not None:
                if not self._is_too_young(created):
                    self._stop(execution.id, self._named(entry, execution.id))
            elif execution.configuration_name.startswith(ORIGIN):
                name = f"{execution.id} of the configuration {execution.configuration_name!r}, {self._started(created)}"
                if self._least_age is None:
                    self._left += 1
                    say(
                        f"left alone: {name}, which is not in the ledger of this machine. It may belong to a session"
                        " of another machine; --older-than 2h stops it when it is older than 2 hours."
                    )
                elif not self._is_too_young(created):
                    self._stop(execution.id, name)

    def _stop(self, execution_id: str, name: str) -> None:
        if self._dry_run:
            self._stopped += 1
            say(f"would stop {name}")
            return
        try:
            outcome = self._end(self._api, self._clock, execution_id)
        except RunError as error:
            self._left += 1
            say(f"could not stop {name}: {error}")
        else:
            self._stopped += 1
            say(f"{name}: {outcome}")
