"""What 10,000 executions cost that 10 do not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measuring import Figure, in_turns, timed
from benchmarks.service import EXECUTABLE, SCENARIO, Service

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW, MANY = 10, 10_000
CALLS = 50
PAGE = "$top=5&$skip=2"


def figures(rounds: int = 40) -> Iterator[Figure]:
    """Measure `get` and filtered pages of `query`, asking the emulator itself: HTTP and SDK would hide it.

    Args:
        rounds: how many pairs of batches of 50 requests to measure.
    """
    for finished, status in ((True, "COMPLETED"), (False, "UNKNOWN")):
        few, many = Service(FEW, finished=finished), Service(MANY, finished=finished)
        requests = {
            "get": "/executions/{id}",
            "page of one status": f"/executions?status={status}&{PAGE}",
            "page of one scenario": f"/executions?scenarioId={SCENARIO}&{PAGE}",
            "page of one executable": f"/executions?executableIds={EXECUTABLE}&{PAGE}",
            "page of a scenario, executable and status": (
                f"/executions?scenarioId={SCENARIO}&executableIds={EXECUTABLE}&status={status}&{PAGE}"
            ),
            "page of any of three executables": f"/executions?executableIds=some-other,{EXECUTABLE},a-third&{PAGE}",
            "page of a status nothing has": f"/executions?status=DEAD&{PAGE}",
            "count": f"/executions/$count?status={status}",
        }
        for name, request in requests.items():
            compared = in_turns(partial(ask, many, request), partial(ask, few, request), rounds)
            yield Figure(
                f"scale: {name}, {MANY} {'finished' if finished else 'waiting'} executions over {FEW}",
                compared.ratio,
                "x",
                at_most=2,
                detail=compared.medians("us", 1e6),
            )


def ask(service: Service, request: str) -> float:
    """Return the seconds that the request takes, about an execution in the middle if about one.

    The clock is put back afterwards: a poll of an unfinished execution takes time, and it must not end.
    """
    path = request.replace("{id}", service.execution_ids[len(service.execution_ids) // 2])
    clock = service.emulator.clock
    now = clock.now()
    clock.set(now, held=True)
    return timed(CALLS, lambda: service.ask("GET", path))
