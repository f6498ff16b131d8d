"""What the guard of the network costs the process: other audit events, and what it looks at, with and without one.

An audit hook stays for the life of a process, so the first measurement of each round happens before there is one.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import Figure, python

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUND = """
import json, socket, sys, timeit
from pytest_aicore.http.network import Guard

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
address = server.getsockname()
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
cases = {
    "audit": lambda: sys.audit("other"),
    "lookup": lambda: socket.getaddrinfo("127.0.0.1", 80),
    "socket": lambda: socket.socket().close(),
    "connect": lambda: client.connect(address),
    "sendto": lambda: server.sendto(b"x", address),
}

def measured():
    return {name: min(timeit.repeat(case, number=2000, repeat=3)) / 2000 for name, case in cases.items()}

without = measured()
guard = Guard(["api.example"], print, lambda: True)
guard.begin()
within = measured()
guard.end()
print(json.dumps([without, within, measured()]))
"""
NAMES = {
    "audit": "an audit event that is not one of its",
    "lookup": "a lookup",
    "socket": "a new socket",
    "connect": "a connection",
    "sendto": "a datagram",
}
AT_MOST = {"audit": 1.0, "lookup": 20.0, "socket": 30.0, "connect": 30.0, "sendto": 30.0}


def figures(rounds: int = 11) -> Iterator[Figure]:
    """Measure what one event costs more under a guard, and after it.

    Args:
        rounds: how many interpreters to measure in.
    """
    with tempfile.TemporaryDirectory() as folder:
        python(ROUND, Path(folder))
        measured = [json.loads(python(ROUND, Path(folder))) for _ in range(rounds)]
    for number, when in ((1, "blocked"), (2, "after the session")):
        for case, name in NAMES.items():
            yield Figure(
                f"network: {name}, {when}, over a process without guard",
                statistics.median(each[number][case] - each[0][case] for each in measured) * 1e6,
                "us",
                at_most=AT_MOST[case],
                detail=f"{statistics.median(each[0][case] for each in measured) * 1e6:.2f} us without",
            )
