"""Documents of sessions as `--aicore-report` writes them: as many runs as a benchmark wants, a tenth of them failed."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any

BEGAN = datetime(2026, 3, 2, 2, 0, tzinfo=timezone.utc)
_WORKFLOWS = ("churn_dag.yaml", "house_price_steps.yaml", "training_workflow_tutorial.yaml", "demand_forecast.yaml")
_CAUSES = (
    {
        "name": "GPU out of memory",
        "likely": "the GPU ran out of memory",
        "seen": "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
        "remedy": "use smaller batches, or a resource plan with a larger GPU",
    },
    {
        "name": "program failed",
        "likely": "the training program failed: KeyError: 'label'",
        "seen": "container main ended with exit code 1",
        "remedy": "see the end of its log below",
    },
)


def document(runs: int, *, log_lines: int = 0, live: bool = True) -> dict[str, Any]:
    """Return the document of a session.

    Args:
        runs: how many training runs it has.
        log_lines: how many lines each of their logs has, none if 0.
        live: whether they happened on AI Core.
    """
    made = [_run(number, log_lines, live=live) for number in range(runs)]
    end = max(datetime.fromisoformat(run["history"][-1]["time"].replace("Z", "+00:00")) for run in made)
    return {
        "document": "pytest-aicore report",
        "version": 1,
        "mode": "live" if live else "offline",
        "host": "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com",
        "resource_group": "nightly",
        "started_at": _z(BEGAN),
        "ended_at": _z(end + timedelta(seconds=20)),
        "exit_status": int(any(run["status"] != "COMPLETED" for run in made)),
        "runs": made,
        "families": [],
        "gates": [],
    }


def _run(number: int, log_lines: int, *, live: bool) -> dict[str, Any]:
    has_failed = number % 10 == 3
    workflow = _WORKFLOWS[number % len(_WORKFLOWS)]
    begin = BEGAN + timedelta(seconds=20 * (number // 10) * 40 + number % 10 * 4)
    waited, ran = 30 + 37 * number % 60, 200 + 91 * number % 500
    times = [("UNKNOWN", 0), ("PENDING", 5), ("RUNNING", waited), ("DEAD" if has_failed else "COMPLETED", waited + ran)]
    test = f"tests/test_{workflow.partition('.')[0]}.py::test_trains[{number}]"
    message = f"execution e{number:015x} of {workflow} ended DEAD, expected COMPLETED." if has_failed else ""
    loss = [[step, round(math.exp(-step / 20) + 0.01 * (step * number % 7), 5)] for step in range(40)]
    return {
        "workflow": workflow,
        "executable": workflow.partition(".")[0].replace("_", "-"),
        "scenario": "nightly",
        "configuration_id": f"0bc5d984-e034-493d-88f0-{number:012x}",
        "artifacts": {"data": {"id": f"4b5c8222-3e45-41ba-9a34-{number:012x}", "url": "ai://default/data"}},
        "parameters": {"LEARNING_RATE": f"{0.01 * (1 + number // 4):g}"},
        "execution_id": f"e{number:015x}",
        "status": times[-1][0],
        "history": [{"status": status, "time": _z(begin + timedelta(seconds=after))} for status, after in times],
        "duration": float(ran),
        "outputs": [],
        "plans": ["train.l"],
        "cost": {"amount": round(ran / 3600 * 3.2, 4), "currency": "EUR"} if live else None,
        "stopped": None,
        "metrics": None if has_failed else {"loss": loss[-1][1], "accuracy": round(0.9 - number % 9 / 100, 3)},
        "tests": [
            {
                "id": test,
                "expected": "COMPLETED",
                "as_expected": not has_failed,
                "looked": True,
                "outcome": "failed" if has_failed else "passed",
                "error": message,
            }
        ],
        "diagnosis": [_CAUSES[number // 10 % 2]] if has_failed else [],
        "failure": None,
        "steps": [],
        "message": "",
        "details": None,
        "log": _log(number, log_lines, has_failed=has_failed),
        "series": {} if has_failed or not log_lines else {"loss": loss},
        "requests": [],
    }


def _log(number: int, lines: int, *, has_failed: bool) -> dict[str, Any] | None:
    if not lines:
        return None
    told = [
        f"02:{line // 60 % 60:02}:{line % 60:02}  epoch {line} run {number} loss=0.{line % 9973:04}"
        for line in range(lines)
    ]
    if has_failed:
        told[-3:] = ["02:59:58  Traceback (most recent call last):", "02:59:58  KeyError: 'label'", "02:59:59  bye"]
    return {"text": "\n".join(told), "lines": lines, "left_out": 0, "problem": None}


def _z(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S.%fZ}"
