"""What the ledger and the service say does not act where `pytest-aicore sweep` prints it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.cli import main
from tests.emulator.serve.servers import Client
from tests.hostile import EVERYTHING, acting

if TYPE_CHECKING:
    from pathlib import Path

    from tests.training.live.sessions.conftest import Service

pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")

DEAD_SESSION = "s.0"


@pytest.fixture
def pace() -> str:
    """Nothing ends by itself."""
    return "real"


def ledger_of(service: Service, execution_id: str) -> str:
    """Return the ledger of a session that was killed while it watched an execution."""
    now = time.time()
    run = {"run": "r", "session": DEAD_SESSION, "workflow": EVERYTHING, "place": EVERYTHING, "key": "k", "time": now}
    lines: list[dict[str, object]] = [
        {"event": "opened", "session": DEAD_SESSION, "process": "dead"},
        {"event": "run", "host": service.server.url, "resource_group": "default", "executable": EVERYTHING, **run},
        {"event": "intends", "run": "r", "stage": "execution", "process": "dead", "time": now, "configuration": "c"},
        {"event": "made", "run": "r", "stage": "execution", "result": {"id": execution_id}},
        {"event": "run", "host": service.server.url, "resource_group": "default", **run, "run": "odd"},
        {"event": "intends", "run": "odd", "stage": "execution", "process": "dead", "time": now, "configuration": "d"},
        {"event": "made", "run": "odd", "stage": "execution", "result": {"id": "\x1b[2J\u202e"}},
    ]
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def test_sweep(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with Client(service.server.url, service.server.service_key).authorise() as client:
        artifact = {"name": "text-data", "kind": "dataset", "url": "ai://default/x", "scenarioId": "text-clf-tutorial"}
        data = client.ask("POST", "/v2/lm/artifacts", artifact).json["id"]
        ids = []
        for _ in range(2):
            configuration = {
                "name": "pytest-aicore",
                "scenarioId": "text-clf-tutorial",
                "executableId": "text-clf-train-tutorial",
                "inputArtifactBindings": [{"key": "text-data", "artifactId": data}],
            }
            made = client.ask("POST", "/v2/lm/configurations", configuration).json
            ids.append(client.ask("POST", "/v2/lm/executions", {"configurationId": made["id"]}).json["id"])
    group = service.emulator.state.groups["default"]
    for each in list(group.configurations):  # the emulator refuses such a name; a service may not
        group.configurations.put(replace(each, name=f"pytest-aicore {EVERYTHING}"))
    (tmp_path / "key.json").write_text(json.dumps(service.server.service_key), encoding="utf-8")
    (tmp_path / "ledger.jsonl").write_text(ledger_of(service, ids[1]), encoding="utf-8")
    sweep = ["sweep", "--service-key=key.json", "--ledger=ledger.jsonl", "--resource-group=default"]
    for arguments in (["--dry-run"], ["--older-than=5h"], ["--dry-run", "--older-than=0.0001s"], []):
        main([*sweep, *arguments])
        out, err = capsys.readouterr()
        assert (err, acting(out)) == ("", [])
        assert r"x1b[2J" in out
        beginnings = (
            "would stop ",
            "left alone: ",
            "younger ",
            "could not stop ",
            ids[1],
            "no leftover executions ",
        )
        assert [each for each in out.splitlines() if not (each.startswith(beginnings) or each[0].isdigit())] == []
    # It would become part of a path of a request.
    assert "1 line of the ledger ledger.jsonl cannot be read and was skipped; line 7: made: invalid result." in out
