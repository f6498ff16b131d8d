"""How much a session of 100,000 requests makes the process grow."""

from __future__ import annotations

import gc
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ai_api_client_sdk.models.status import Status

from benchmarks.measuring import Figure
from benchmarks.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUESTS = 100_000
WARM_UP = 2_000
PER_TEST = 20
MEBIBYTE = 1024 * 1024


def figures(requests: int = REQUESTS) -> Iterator[Figure]:
    """Measure the growth over requests of the SDK, in blocks like tests: 20 requests, then a rollback.

    Args:
        requests: how many to make.
    """
    service = Service(executions=1)
    (execution_id,) = service.execution_ids
    with service.reachable():
        block(service, execution_id, WARM_UP)
        before = resident()
        block(service, execution_id, requests)
        after = resident()
    yield Figure(
        f"memory: growth over {requests} requests",
        (after - before) / MEBIBYTE,
        "MiB",
        at_most=20,
        detail=f"{before / MEBIBYTE:.0f} MiB before, {after / MEBIBYTE:.0f} MiB after",
    )


def block(service: Service, execution_id: str, requests: int) -> None:
    """Make so many requests, and roll back after every 20."""
    client, emulator = service.client, service.emulator
    configuration_id = client.execution.get(execution_id).configuration_id
    checkpoint = emulator.checkpoint()
    for _ in range(requests // PER_TEST):
        created = client.execution.create(configuration_id)
        for _ in range(PER_TEST - 3):
            client.execution.get(created.id)
        client.execution.query(status=Status.COMPLETED, top=5)
        client.execution.query_logs(created.id)
        emulator.rollback(checkpoint)


def resident() -> int:
    """Return the bytes of memory that the process holds now; or its peak where the system reports only that."""
    gc.collect()
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
