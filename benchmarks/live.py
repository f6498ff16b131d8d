"""Live mode against the server: many runs beside one, polls per polling interval, processor time while waiting."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from benchmarks.measuring import Figure
from benchmarks.service import WORKFLOW

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERVAL = 5.0
TEST = """
import pytest

@pytest.mark.aicore("training_workflow_tutorial", artifacts={{"text-data": "ai://default/data"}}, fresh=True)
@pytest.mark.parametrize("n", range({number}))
def test_it(aicore_execution, n):
    pass
"""


class Rehearsal:
    """A server in a process of its own, and live sessions against it.

    Args:
        folder: an empty one.
        pace: of the server's time.
    """

    def __init__(self, folder: Path, pace: str) -> None:
        self._folder = folder
        (folder / "workflows").mkdir()
        shutil.copy(WORKFLOW, folder / "workflows")
        self._server = subprocess.Popen(
            [
                sys.executable, "-m", "pytest_aicore.cli", "serve", "--workflows", "workflows",
                "--service-key-out", "key.json", "--pace", pace,
            ],
            cwd=folder, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._server.stdout is not None
        self.url = self._server.stdout.readline().split()[-1]

    def tell(self, call: str, content: dict[str, Any] | None = None, method: str = "POST") -> Any:
        """Say something to `/__aicore__/`, and return the answer."""
        body = None if content is None else json.dumps(content).encode()
        with urlopen(Request(f"{self.url}/__aicore__/{call}", body, method=method)) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def train(self, number: int) -> tuple[float, float, list[str]]:
        """Run so many trainings in a session, and return its wall clock, processor time and requests."""
        (self._folder / "test_it.py").write_text(TEST.format(number=number), encoding="utf-8")
        self.tell("requests", method="DELETE")
        command = [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--aicore-live",
            "--aicore-service-key=key.json", "--aicore-resource-group=default", "--aicore-ledger=ledger.jsonl",
            f"--aicore-poll-interval={INTERVAL}", f"--aicore-max-parallel={number}",
        ]  # fmt: skip
        before, began = os.times(), time.perf_counter()
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=False)
        wall, after = time.perf_counter() - began, os.times()
        assert done.returncode == 0, done.stdout
        processor = after.children_user + after.children_system - before.children_user - before.children_system
        requests = [each["operation"] for each in self.tell("requests", method="GET")["requests"]]
        return wall, processor, requests

    def stop(self) -> None:
        """End the server."""
        self._server.terminate()
        self._server.communicate()


@contextmanager
def rehearsal(pace: str = "real") -> Iterator[Rehearsal]:
    """Give a server and sessions against it."""
    with tempfile.TemporaryDirectory() as folder:
        found = Rehearsal(Path(folder), pace)
        try:
            yield found
        finally:
            found.stop()


def figures() -> list[Figure]:
    """Measure."""
    found: list[Figure] = []
    with rehearsal() as service:
        service.tell("scripts", {"unknown": 0, "pending": 0, "running": 10})
        one, _, _ = service.train(1)
        many, _, requests = service.train(20)
        looks = requests.count("execution.query") + requests.count("execution.get")
        allowed = many / INTERVAL + 2 * 20
        found += [
            Figure("20 runs of 10 s, over one", many / one, "x", at_most=1.5, detail=f"{many:.1f} s over {one:.1f} s"),
            Figure("polls of the watcher, over what is allowed", looks / allowed, "x", at_most=1.0,
                   detail=f"{looks} in {many:.0f} s"),
        ]  # fmt: skip
    with rehearsal() as service:
        service.tell("scripts", {"unknown": 0, "pending": 0, "running": 60})
        _, started, _ = service.train(1)
        wall, processor, requests = service.train(200)
        _, ended, _ = service.train(1)
        service.tell("reset")
        service.tell("scripts", {"unknown": 0, "pending": 0, "running": 0})
        _, at_once, few = service.train(200)
        waiting = max(0.0, processor - at_once)
        found += [
            Figure("200 runs: processor time while waiting, of a core", 100 * waiting / 60, "%", at_most=5,
                   detail=f"{processor:.1f} s in {wall:.0f} s, {at_once:.1f} s of it to start and end them;"
                   f" one run: {min(started, ended):.1f} s"),
            Figure("200 runs: requests per interval", requests.count("execution.query") / (wall / INTERVAL), "x",
                   at_most=1.5, detail=f"{requests.count('execution.query')} in {wall:.0f} s"),
        ]  # fmt: skip
        del few
    with rehearsal("instant") as service:
        _, _, requests = service.train(1)
        found.append(Figure("requests of a run that completes at once", len(requests), "", at_most=12))
    return found
