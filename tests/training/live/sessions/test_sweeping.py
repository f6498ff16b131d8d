"""`pytest-aicore sweep` in this process: places that cannot be looked at, what cannot be stopped, whose a run is."""

from __future__ import annotations

import json
import re
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.cli import main
from pytest_aicore.cli import sweep as sweeping
from pytest_aicore.training.live.ledger import EXECUTION, FileLedger
from pytest_aicore.training.service.api import TrainingApi
from pytest_aicore.training.service.credentials import from_service_key
from pytest_aicore.training.service.sdk import make_patient_client

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_aicore.emulator import RequestRecord
    from tests.training.live.sessions.conftest import Service


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch, empty_project: pytest.Pytester) -> None:
    """What is tried for a minute is tried for a moment."""
    monkeypatch.setattr("pytest_aicore.training.service.retry.PATIENCE", 0.5)
    monkeypatch.setattr("pytest_aicore.training.live.stop.PATIENCE", 0.5)
    monkeypatch.setattr("pytest_aicore.training.live.stop._PAUSE", 0.01)


@pytest.fixture
def pace() -> str:
    """Trainings do not end by themselves."""
    return "real"


@pytest.fixture
def course() -> dict[str, int]:
    """How long an execution is in which status, in seconds."""
    return {"unknown": 0, "pending": 0, "running": 10**7}


@pytest.fixture
def api(service: Service, course: dict[str, Any]) -> TrainingApi:
    """The calls of runs on the service."""
    service.emulator.script(**course)
    return TrainingApi(lambda: make_patient_client(from_service_key(service.server.service_key, "test"), "default"))


@pytest.fixture
def sweep(service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[str]]]:
    """A function that sweeps, and returns the exit status and the lines that were printed, without host and times."""
    key = tmp_path / "key.json"
    key.write_text(json.dumps(service.server.service_key), encoding="utf-8")

    def sweep(*arguments: str, key: str | None = str(key)) -> tuple[int, list[str]]:
        named = ["--service-key", key] if key else []
        status = main(["sweep", *named, "--ledger", str(tmp_path / "ledger.jsonl"), *arguments])
        text = re.sub(r"started [1-9]\S* ago", "started 90s ago", "".join(capsys.readouterr()))
        return status, text.replace(service.server.url, "HOST").replace(str(tmp_path), "TMP").splitlines()

    return sweep


def started(api: TrainingApi) -> tuple[str, str]:
    """Start an execution, and return the ids of its configuration and of itself."""
    scenario, executable = "text-clf-tutorial", "text-clf-train-tutorial"
    artifact = api.register_artifact("text-data", "dataset", "ai://default/data", scenario, "", {})
    name = f"pytest-aicore {executable} 1"
    configuration = api.create_configuration(name, scenario, executable, {}, {"text-data": artifact.id})
    return configuration.id, api.start_execution(configuration.id).id


def remember(
    tmp_path: Path,
    service: Service,
    *events: tuple[str, dict[str, Any]],
    configuration: str | None = "c",
    session: str = "gone",
    **facts: Any,
) -> str:
    """Have a ledger remember a run of a session that has ended, and return its id."""
    ledger = FileLedger(tmp_path / "ledger.jsonl", session)
    known = {"host": service.server.url, "resource_group": "default", "workflow": "w.yaml", "place": "test_it.py:1"}
    entry = ledger.begin("key", **{**known, "time": time.time() - 90, **facts})
    if configuration is not None:
        intent = {"stage": EXECUTION, "process": f"{session}-0", "configuration": configuration}
        ledger.write("intends", run=entry.id, time=time.time() - 90, **intent)
    for event, its in events:
        ledger.write(event, run=entry.id, **its)
    return entry.id


def made(execution: str) -> tuple[str, dict[str, Any]]:
    """Return the event of a started execution."""
    return "made", {"stage": EXECUTION, "result": {"id": execution}}


# Places -----------------------------------------------------------------------------------------------------------


def test_resource_group_in_which_nothing_was_started_is_forgotten(
    sweep: Callable[..., tuple[int, list[str]]], service: Service, tmp_path: Path
) -> None:
    remember(tmp_path, service, configuration=None, resource_group="mistyped")
    assert sweep() == (
        0,
        [
            (
                "the ledger TMP/ledger.jsonl records no executions at HOST; --resource-group NAME finds those that other"
                " machines left running"
            )
        ],
    )
    assert service.calls == []


def test_place_that_cannot_be_looked_at_does_not_hide_the_others(
    sweep: Callable[..., tuple[int, list[str]]], service: Service, tmp_path: Path, api: TrainingApi
) -> None:
    _, execution = started(api)
    remember(tmp_path, service, made(execution))
    remember(tmp_path, service, made("e1"), resource_group="another")
    remember(tmp_path, service, made("e2"), ("gone", {}), resource_group="closed")
    remember(tmp_path, service, made("e3"), host="https://elsewhere")
    status, lines = sweep()
    assert status == 1
    refused, closed, stopped, summary, elsewhere = lines
    assert refused.startswith("could not check the resource group another at HOST: could not list the executions that")
    assert "HTTP 403" in refused
    assert closed.startswith(
        "could not check the resource group closed at HOST, where the ledger records nothing left running: could not list"
    )
    assert stopped == f"{execution} of w.yaml, started 90s ago by test_it.py:1: is being stopped"
    assert summary == "1 stopped, 0 left in the resource group default at HOST"
    assert elsewhere == (
        "not checked: 1 left running in the resource group default at https://elsewhere, because the credentials are for"
        " HOST. If nothing can run there any more, delete TMP/ledger.jsonl."
    )
    assert service.unwatched() == []


def test_place_where_everything_is_closed_may_be_gone(
    sweep: Callable[..., tuple[int, list[str]]], service: Service, tmp_path: Path
) -> None:
    remember(tmp_path, service, made("e2"), ("gone", {}), resource_group="closed")
    assert sweep()[0] == 0
    assert sweep("--resource-group=closed")[0] == 1


def test_only_the_named_resource_group_counts(
    sweep: Callable[..., tuple[int, list[str]]], service: Service, tmp_path: Path
) -> None:
    remember(tmp_path, service, made("e1"), resource_group="another")
    assert sweep("--resource-group=default") == (
        0,
        [
            "no leftover executions in the resource group default at HOST",
            (
                "not checked: 1 left running in the resource group another at HOST, because --resource-group names another."
                " If nothing can run there any more, delete TMP/ledger.jsonl."
            ),
        ],
    )


def test_resource_group_of_the_environment_is_not_the_only_one(
    sweep: Callable[..., tuple[int, list[str]]],
    service: Service,
    tmp_path: Path,
    api: TrainingApi,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, execution = started(api)
    remember(tmp_path, service, made(execution))
    monkeypatch.setenv("AICORE_RESOURCE_GROUP", "another")
    assert sweep()[0] == 0
    assert service.unwatched() == []


def test_service_that_cannot_be_reached_is_not_tried_for_each_place(
    sweep: Callable[..., tuple[int, list[str]]], service: Service, tmp_path: Path
) -> None:
    for group in ("a", "b", "c"):
        remember(tmp_path, service, made("e1"), resource_group=group)
    service.emulator.fault("execution.query", status=503, times=None)
    status, lines = sweep()
    assert status == 1
    assert lines[0].startswith("could not check the resource group a at HOST: could not list the executions that are")
    assert lines[1:] == [
        "could not check the resource group b at HOST either",
        "could not check the resource group c at HOST either",
    ]


def test_session_whose_lock_cannot_be_read_is_left_alone_and_said(
    sweep: Callable[..., tuple[int, list[str]]], service: Service, tmp_path: Path, api: TrainingApi
) -> None:
    _, execution = started(api)
    remember(tmp_path, service, made(execution))
    lock = tmp_path / "ledger.jsonl.alive-gone-1"
    lock.symlink_to(lock)
    status, lines = sweep()
    assert status == 1
    assert lines[0] == (
        f"could not check {execution} of w.yaml, started 90s ago by test_it.py:1: TMP/ledger.jsonl.alive-gone-1"
        " cannot be read (Too many levels of symbolic links), so it is not known whether the session of a run is still"
        " running."
    )
    assert service.unwatched() == ["RUNNING"]


@pytest.mark.parametrize("arguments", [(), ("--resource-group=default",)])
def test_ledger_that_cannot_be_read(
    sweep: Callable[..., tuple[int, list[str]]], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "ledger.jsonl").mkdir()
    assert sweep(*arguments) == (
        2, ["pytest-aicore: The ledger TMP/ledger.jsonl cannot be read: Is a directory."]
    )  # fmt: skip


def test_damaged_lines_are_said(sweep: Callable[..., tuple[int, list[str]]], tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").write_bytes(b"[" * 100_000 + b'\n{"event": "running", "run": "r", "time": 1e400}\n')
    assert sweep("--resource-group=default") == (
        0,
        [
            "no leftover executions in the resource group default at HOST",
            "2 lines of the ledger TMP/ledger.jsonl cannot be read and were skipped; line 1: not JSON.",
        ],
    )


def test_names_that_standard_output_does_not_take(
    sweep: Callable[..., tuple[int, list[str]]],
    service: Service,
    tmp_path: Path,
    api: TrainingApi,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, execution = started(api)
    remember(tmp_path, service, made(execution), workflow="modèle\ud800.yaml")
    monkeypatch.setattr("sys.stdout", Ascii(sys.stdout))
    assert sweep()[1][0] == f"{execution} of mod\\xe8le?.yaml, started 90s ago by test_it.py:1: is being stopped"


class Ascii:
    """A standard output that takes ASCII only."""

    encoding = "ascii"

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def write(self, text: str) -> int:
        """Write what can be written."""
        text.encode("ascii")
        return int(self._inner.write(text))

    def flush(self) -> None:
        """Do as asked."""
        self._inner.flush()


# What cannot be stopped -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False], ids=["of the ledger", "of no ledger"])
def test_what_cannot_be_stopped_is_said_and_counts(
    sweep: Callable[..., tuple[int, list[str]]], service: Service, tmp_path: Path, api: TrainingApi, *, known: bool
) -> None:
    _, execution = started(api)
    if known:
        remember(tmp_path, service, made(execution))
    service.emulator.fault("execution.modify", status=403, times=None)
    status, lines = sweep("--resource-group=default", "--older-than=0s")
    assert status == 1
    what = "of w.yaml, started 90s ago by test_it.py:1" if known else "of the configuration 'pytest-aicore text-clf-"
    assert lines[0].startswith(f"could not stop {execution} {what}")
    assert "could not stop the execution" in lines[0]
    assert "HTTP 403" in lines[0]
    assert lines[1:] == ["0 stopped, 1 left in the resource group default at HOST"]
    assert service.unwatched() == ["RUNNING"]


def test_run_whose_executions_cannot_be_looked_for(
    sweep: Callable[..., tuple[int, list[str]]], service: Service, tmp_path: Path
) -> None:
    remember(tmp_path, service)
    service.emulator.fault("execution.query", status=403, times=None, after=3)
    status, lines = sweep()
    assert (status, lines[-1]) == (1, "0 stopped, 1 left in the resource group default at HOST")
    assert lines[0].startswith(
        "could not stop a run of w.yaml, started 90s ago by test_it.py:1: could not search for executions"
    )


@pytest.mark.parametrize(
    ("moved", "outcome"),
    [("COMPLETED", "has ended COMPLETED"), ("STOPPING", "is being stopped"), ("UNKNOWN", "is being deleted")],
)
def test_stop_that_is_refused_says_what_became_of_it(
    sweep: Callable[..., tuple[int, list[str]]],
    service: Service,
    tmp_path: Path,
    api: TrainingApi,
    monkeypatch: pytest.MonkeyPatch,
    moved: str,
    outcome: str,
) -> None:
    """The execution has gone on while it was asked to stop: AI Core refuses that, and its status says why."""
    _, execution = started(api)
    remember(tmp_path, service, made(execution))
    service.emulator.fault("execution.modify", status=400, times=None)
    look = TrainingApi.execution

    def moved_on(self: TrainingApi, execution_id: str) -> Any:
        from ai_api_client_sdk.models.status import Status

        found = look(self, execution_id)
        found.status = Status(moved)
        return found

    monkeypatch.setattr(TrainingApi, "execution", moved_on)
    deleted: list[str] = []
    monkeypatch.setattr(TrainingApi, "delete", lambda _, execution_id: deleted.append(execution_id))
    status, lines = sweep()
    assert (status, lines[0]) == (0, f"{execution} of w.yaml, started 90s ago by test_it.py:1: {outcome}")
    assert deleted == ([execution] if moved == "UNKNOWN" else [])


# Whose it is ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("course", [{"unknown": 10**7}])
def test_what_is_deleted_and_still_shown_is_not_stopped_again(
    sweep: Callable[..., tuple[int, list[str]]], service: Service, tmp_path: Path, api: TrainingApi
) -> None:
    configuration, execution = started(api)
    remember(tmp_path, service, configuration=configuration)
    api.delete(execution)
    assert api.execution(execution).target_status.value == "DELETED"
    status, lines = sweep("--older-than=0s")
    assert (status, lines[-1]) == (0, "no leftover executions in the resource group default at HOST")


@pytest.mark.parametrize("course", [{"unknown": 0, "pending": 10**7}])
def test_execution_that_is_being_started_is_known_by_its_configuration(
    sweep: Callable[..., tuple[int, list[str]]], service: Service, tmp_path: Path, api: TrainingApi
) -> None:
    """Its session lives, and has not learnt its id yet; the execution may be PENDING already."""
    configuration, _ = started(api)
    ledger = FileLedger(tmp_path / "ledger.jsonl", "alive")
    ledger.open()
    remember(tmp_path, service, configuration=configuration, session="alive")
    assert sweep("--older-than=0s") == (
        0,
        [
            "left alone: 1 of a session that is still running on this machine",
            "no leftover executions in the resource group default at HOST",
        ],
    )
    assert service.unwatched() == ["PENDING"]
    ledger.close(well=False)
    status, lines = sweep()
    assert (status, lines[-1]) == (0, "1 stopped, 0 left in the resource group default at HOST")
    assert service.unwatched() == []


def test_session_that_begins_while_the_service_is_asked_is_left_alone(
    sweep: Callable[..., tuple[int, list[str]]], service: Service, tmp_path: Path, api: TrainingApi
) -> None:
    """What it starts is in the answer, and in the ledger that is read afterwards."""
    configuration, _ = started(api)
    ledger = FileLedger(tmp_path / "ledger.jsonl", "alive")

    def begin(record: RequestRecord) -> None:
        if record.operation == "execution.query" and not ledger.file.exists():
            ledger.open()
            remember(tmp_path, service, configuration=configuration, session="alive")

    with service.emulator.recording(begin):
        assert sweep("--older-than=0s", "--resource-group=default") == (
            0,
            [
                "left alone: 1 of a session that is still running on this machine",
                "no leftover executions in the resource group default at HOST",
            ],
        )
    assert service.unwatched() == ["RUNNING"]


@pytest.mark.parametrize(("closed", "learnt"), [("gone", False), ("ended", True), ("stopping", True)])
def test_what_runs_although_the_ledger_has_it_closed_is_stopped(
    sweep: Callable[..., tuple[int, list[str]]],
    service: Service,
    tmp_path: Path,
    api: TrainingApi,
    closed: str,
    *,
    learnt: bool,
) -> None:
    configuration, execution = started(api)
    facts = {"gone": {}, "ended": {"status": "DEAD", "seconds": 1.0}, "stopping": {"time": 1.0, "executions": []}}
    events = [made(execution)] if learnt else []
    remember(tmp_path, service, *events, (closed, facts[closed]), configuration=configuration)
    status, lines = sweep("--dry-run")
    assert (status, lines[0]) == (1, f"would stop {execution} of w.yaml, started 90s ago by test_it.py:1")
    assert service.unwatched() == ["RUNNING"]
    assert sweep("--older-than=1h")[1] == ["no leftover executions in the resource group default at HOST"]
    status, lines = sweep()
    assert (status, lines[0]) == (0, f"{execution} of w.yaml, started 90s ago by test_it.py:1: is being stopped")
    assert service.unwatched() == []


def test_execution_of_a_configuration_that_others_reuse_may_be_theirs(
    sweep: Callable[..., tuple[int, list[str]]], service: Service, tmp_path: Path, api: TrainingApi
) -> None:
    configuration, _ = started(api)
    run = remember(tmp_path, service, configuration=None)
    ledger = FileLedger(tmp_path / "ledger.jsonl", "gone")
    intent = {"stage": EXECUTION, "process": "gone-0", "configuration": configuration, "reuse": True}
    ledger.write("intends", run=run, time=1.0, **intent)
    ledger.write("ended", run=run, status="COMPLETED", seconds=1.0)
    status, lines = sweep()
    assert status == 1
    expected = (
        "which is not in the ledger of this machine. It may belong to a session of another machine; --older-than 2h"
    )
    assert expected in lines[0]
    assert service.unwatched() == ["RUNNING"]


def test_young_run_is_spared_whatever_the_clocks_say(
    sweep: Callable[..., tuple[int, list[str]]], service: Service, tmp_path: Path, api: TrainingApi
) -> None:
    configuration, _ = started(api)
    remember(tmp_path, service, configuration=configuration, time=time.time() + 7200)
    status, lines = sweep("--older-than=1m")
    assert (status, service.unwatched()) == (0, ["RUNNING"])
    assert lines[0] == (
        "younger than 60s: a run of w.yaml, started in the future by the clock of this machine by test_it.py:1"
    )
    assert sweep("--older-than=0s")[0] == 0
    assert service.unwatched() == []


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (-86395.0, "started in the future by the clock of this machine"),
        (-60.5, "started in the future by the clock of this machine"),
        (-59.5, "started just now"),
        (0.0, "started just now"),
        (0.9, "started just now"),
        (1.0, "started 1s ago"),
        (7200.0, "started 2h ago"),
        (48 * 3600.0, "started 48h ago"),
        (48 * 3600.0 + 1, "started on 1970-02-23"),
        (4_800_000.0, "started on 1970-01-01"),
    ],
)
def test_times_as_people_say_them(age: float, said: str, service: Service, tmp_path: Path) -> None:
    found = from_service_key(service.server.service_key, "test")
    ledger = FileLedger(tmp_path / "ledger.jsonl", "sweep")
    it = sweeping._Sweep(ledger, found, "default", None, dry_run=False)
    it._clock.now = lambda: 4_800_000.0  # type: ignore[method-assign]
    assert it._started(4_800_000.0 - age) == said


# Credentials ------------------------------------------------------------------------------------------------------


def test_key_of_the_variable(
    sweep: Callable[..., tuple[int, list[str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_AICORE_SERVICE_KEY", str(tmp_path / "key.json"))
    expected = (0, ["no leftover executions in the resource group default at HOST"])
    assert sweep("--resource-group=default", key=None) == expected
    monkeypatch.setenv("PYTEST_AICORE_SERVICE_KEY", str(tmp_path / "none.json"))
    assert sweep("--resource-group=default") == expected  # the option comes first
    status, lines = sweep("--resource-group=default", key=None)
    assert status == 2
    assert "PYTEST_AICORE_SERVICE_KEY" in lines[0]


def test_key_of_the_sdk_s_own_lookup(
    sweep: Callable[..., tuple[int, list[str]]], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = service.server.service_key
    names = {"CLIENT_ID": key["clientid"], "CLIENT_SECRET": key["clientsecret"], "AUTH_URL": key["url"]}
    for name, value in {**names, "BASE_URL": key["serviceurls"]["AI_API_URL"], "RESOURCE_GROUP": "default"}.items():
        monkeypatch.setenv(f"AICORE_{name}", value)
    assert sweep(key=None) == (0, ["no leftover executions in the resource group default at HOST"])
    monkeypatch.delenv("AICORE_CLIENT_SECRET")
    status, lines = sweep(key=None)
    assert status == 2
    assert lines[0].startswith("pytest-aicore: ")
