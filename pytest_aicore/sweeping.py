"""`pytest-aicore sweep`: stops what interrupted live sessions left running.

What the ledger of this machine remembers of sessions that have ended is stopped. What carries our name but is not in
the ledger may belong to a session of another machine that is still alive, so it is stopped only if the user says how
old it must be.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from pytest_aicore.echo import shown
from pytest_aicore.errors import CredentialsError, RunError, SettingsError
from pytest_aicore.printable import on_one_line, say
from pytest_aicore.settings import resource_group_named
from pytest_aicore.training import credentials
from pytest_aicore.training.client import TrainingApi, make_patient_client
from pytest_aicore.training.ledger import FileLedger
from pytest_aicore.training.money import parse_duration, show_duration
from pytest_aicore.training.patience import patiently
from pytest_aicore.training.plan import ORIGIN
from pytest_aicore.training.stopping import executions_of, settle, stop_execution
from pytest_aicore.training.watcher import RealClock

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ai_api_client_sdk.models.execution import Execution

    from pytest_aicore.training.credentials import Credentials
    from pytest_aicore.training.ledger import Entry


def sweep(
    *,
    ledger_file: Path,
    service_key: Path | None,
    resource_group: str | None,
    older_than: str | None,
    dry_run: bool,
) -> int:
    """Stop what was left running, say so, and return the exit status: 1 if something still runs.

    Args:
        ledger_file: of the sessions; it need not exist.
        service_key: a service key file; None for SAP's own lookup.
        resource_group: which one; None for the environment's, else the one of the ledger.
        older_than: how long ago executions were started, as people write durations; None for any time.
        dry_run: whether nothing is stopped.

    Raises:
        AicoreError: there are no credentials, or the service could not be asked.
    """
    least_age = _least_age(older_than)
    _refuse_impossible_group("--resource-group", resource_group)
    _refuse_impossible_group("environment AICORE_RESOURCE_GROUP", os.environ.get("AICORE_RESOURCE_GROUP"))
    found = _credentials(service_key)
    ledger = FileLedger(ledger_file, "sweep")
    ledger.refresh()
    groups = _resource_groups(resource_group, ledger, found.host)
    return max(_Sweep(ledger, found, group, least_age, dry_run=dry_run).run() for group in groups)


def _least_age(text: str | None) -> float | None:
    try:
        return None if text is None else parse_duration(text)
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


def _resource_groups(named: str | None, ledger: FileLedger, host: str) -> list[str]:
    if named:
        return [named]
    if os.environ.get("AICORE_RESOURCE_GROUP"):
        return [os.environ["AICORE_RESOURCE_GROUP"]]
    profile = credentials.resource_group_of_profile()
    if profile is not None:
        return [profile[0]]
    found = sorted(
        {str(each.facts["resource_group"]) for each in ledger.entries.values() if each.facts["host"] == host}
    )
    if not found:
        raise CredentialsError(
            f"No resource group is named, and the ledger {ledger.file} knows of none at {host}. Name it with"
            " --resource-group NAME."
        )
    return found


class _Sweep:
    """The sweep of one resource group."""

    def __init__(
        self, ledger: FileLedger, found: Credentials, group: str, least_age: float | None, *, dry_run: bool
    ) -> None:
        self._ledger = ledger
        self._host = found.host
        self._group = group
        self._least_age = least_age
        self._dry_run = dry_run
        self._api = TrainingApi(lambda: make_patient_client(found, group))
        self._clock = RealClock()
        self._swept: set[str] = set()
        self._left = 0
        self._stopped = 0

    def run(self) -> int:
        running = {execution.id: execution for execution in patiently(self._clock, self._api.unfinished)}
        for entry in self._ledger.left_behind(self._host, self._group):
            self._sweep_entry(entry, running)
        alive = [each for each in self._ledger.entries.values() if each.is_open and each.id not in self._swept]
        owned = {each.execution_id for each in alive} | self._swept
        strangers = [
            execution
            for execution in running.values()
            if execution.id not in owned and execution.configuration_name.startswith(ORIGIN)
        ]
        self._sweep_strangers(strangers)
        busy = [each for each in alive if each.facts.get("resource_group") == self._group]
        if busy:
            say(f"{len(busy)} of a session that is still running on this machine: left alone")
        where = f"the resource group {self._group} at {self._host}"
        if not (self._stopped or self._left):
            say(f"nothing of ours was left running in {where}")
        elif self._dry_run:
            say(f"{self._stopped} to be stopped in {where}; nothing was, because of --dry-run")
        else:
            say(f"{self._stopped} stopped, {self._left} left in {where}")
        return 1 if self._left or (self._dry_run and self._stopped) else 0

    def _sweep_entry(self, entry: Entry, running: dict[str, Execution]) -> None:
        self._swept.add(entry.id)
        age = self._clock.now() - float(entry.facts.get("time", 0.0))
        test = entry.facts.get("place") or "a test"
        what = on_one_line(f"of {entry.facts.get('workflow')}, started {show_duration(age)} ago by {test}")
        if self._least_age is not None and age < self._least_age:
            say(f"younger than {show_duration(self._least_age)}: {entry.execution_id or 'a run'} {what}")
            self._swept.update(filter(None, [entry.execution_id]))
            return
        others = self._ledger.executions_of_others(entry)
        try:
            if self._dry_run:
                for execution in executions_of(self._api, self._clock, entry, others):
                    self._swept.add(execution)
                    if execution in running:
                        self._stopped += 1
                        say(f"would stop {execution} {what}")
                return
            outcomes = settle(
                self._api, self._clock, entry, lambda event, **facts: self._note(entry, event, **facts), others
            )
        except RunError as error:
            self._left += 1
            say(f"could not stop {entry.execution_id or 'a run'} {what}: {error}")
            return
        for execution, outcome in outcomes:
            self._swept.add(execution)
            self._stopped += execution in running
            say(f"{execution} {what}: {outcome}")

    def _note(self, entry: Entry, event: str, **facts: object) -> None:
        self._ledger.write(event, run=entry.id, **facts)

    def _sweep_strangers(self, strangers: Iterable[Execution]) -> None:
        for execution in strangers:
            age = time.time() - execution.created_at.timestamp()
            what = f"of the configuration {execution.configuration_name!r}, started {show_duration(max(age, 0))} ago"
            if self._least_age is None:
                self._left += 1
                say(
                    f"left alone: {execution.id} {what}, which no ledger here knows. It may belong to a session of"
                    " another machine; --older-than 2h stops it once it is older than that."
                )
            elif age >= self._least_age:
                if self._dry_run:
                    self._stopped += 1
                    say(f"would stop {execution.id} {what}")
                    continue
                try:
                    outcome = stop_execution(self._api, self._clock, execution.id)
                except RunError as error:
                    self._left += 1
                    say(f"could not stop {execution.id} {what}: {error}")
                else:
                    self._stopped += 1
                    say(f"{execution.id} {what}: {outcome}")
