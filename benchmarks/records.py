"""What 100,000 artifacts, configurations and executions cost that 1,000 of each do not, and the memory they take."""

from __future__ import annotations

import gc
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import Figure, in_turns, python, timed
from benchmarks.memory import resident
from benchmarks.service import EXECUTABLE, SCENARIO, Service

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
FEW, MANY = 1_000, 100_000
PAGE = "$top=100"
LABEL = "ext.ai.sap.com/number"
KINDS = ("dataset", "model", "resultset", "other")
IMPORT = """
import time
began = time.process_time()
import pytest_aicore.emulator
pytest_aicore.emulatorUSE
print(time.process_time() - began)
"""
REQUESTS = {
    "page of artifacts": f"/artifacts?{PAGE}",
    "page of artifacts of a scenario and kind": f"/artifacts?{PAGE}&scenarioId={SCENARIO}&kind=model",
    "tenth page of artifacts of a kind": f"/artifacts?{PAGE}&kind=dataset&$skip=150",
    "page of artifacts that a search finds": f"/artifacts?{PAGE}&$search=table",
    "page of few artifacts that a search finds": f"/artifacts?{PAGE}&$search=Sales of&scenarioId={SCENARIO}",
    "page of artifacts found in any case": f"/artifacts?{PAGE}&$search=TABLE&searchCaseInsensitive=true",
    "page of artifacts with a label": f"/artifacts?{PAGE}&artifactLabelSelector={LABEL}=3",
    "page of artifacts without a value of a label": f"/artifacts?{PAGE}&artifactLabelSelector={LABEL}!=3",
    "page of configurations of an executable": f"/configurations?{PAGE}&executableIds=some-other,{EXECUTABLE}",
    "page of configurations that a search finds": f"/configurations?{PAGE}&$search=training",
    "page of executions of a status": f"/executions?{PAGE}&status=COMPLETED",
    "page of statuses of an executable": f"/executions?{PAGE}&executableIds={EXECUTABLE}&$select=status",
}


def figures(rounds: int = 20) -> Iterator[Figure]:
    """Measure pages of 100, asking the emulator itself; then the memory and the import.

    Args:
        rounds: how many pairs of batches of requests to measure.
    """
    before = resident()
    many = filled(MANY)
    gc.collect()
    bytes_each = (resident() - before) / (4 * MANY)
    few = filled(FEW)
    for name, request in REQUESTS.items():
        compared = in_turns(partial(ask, many, request), partial(ask, few, request), rounds)
        yield Figure(
            f"records: {name}, {MANY} of each over {FEW}",
            compared.ratio,
            "x",
            at_most=3,
            detail=compared.medians("ms", 1e3),
        )
    gc.collect()
    with_indexes = (resident() - before) / (4 * MANY)
    yield Figure(
        f"records: memory of each of {4 * MANY} records, indexes included",
        with_indexes / 1024,
        "KiB",
        at_most=2,
        detail=f"{bytes_each / 1024:.2f} KiB before the first request; artifacts that executions left count, too",
    )
    yield from imports(rounds)


def imports(rounds: int) -> Iterator[Figure]:
    """Measure what importing the emulator takes, and what the first use of its class takes with it."""
    for what, use, target in (
        ("import of pytest_aicore.emulator", "", 30),
        ("the same and its Emulator", ".Emulator", None),
    ):
        code = IMPORT.replace("USE", use)
        python(code, ROOT)
        times = sorted(float(python(code, ROOT)) * 1e3 for _ in range(rounds))
        yield Figure(
            f"records: {what}, without a door",
            times[len(times) // 2],
            "ms",
            at_most=target,
            detail=f"{len(times)} interpreters, processor time; best {times[0]:.3g}",
        )


def filled(number: int) -> Service:
    """Return an emulator with so many artifacts, configurations and finished executions of the tutorial's training."""
    service = Service()
    for index in range(number):
        artifact = {
            "name": "Sales of 2025" if index % (number // 200) == 0 else f"table-{index}",
            "kind": KINDS[index % len(KINDS)],
            "url": f"ai://default/tables/{index}",
            "scenarioId": SCENARIO,
            "labels": [{"key": LABEL, "value": str(index % (number // 200))}],
        }
        artifact_id = service.ask("POST", "/artifacts", artifact)["id"]
        configuration = {
            "name": f"training-{index}",
            "scenarioId": SCENARIO,
            "executableId": EXECUTABLE,
            "inputArtifactBindings": [{"key": "text-data", "artifactId": artifact_id}],
        }
        configuration_id = service.ask("POST", "/configurations", configuration)["id"]
        service.ask("POST", "/executions", {"configurationId": configuration_id})
    service.emulator.clock.advance(3600)
    service.ask("GET", "/executions?$top=1")  # everything ends now
    return service


def ask(service: Service, request: str) -> float:
    """Return the seconds that the request takes."""
    return timed(5, lambda: service.ask("GET", request))
