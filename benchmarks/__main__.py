"""Run the benchmarks, all or those named, and print one table: figure, target, met or missed."""

from __future__ import annotations

import argparse
import importlib
import sys

from benchmarks.measuring import Figure, circumstances, table

BENCHMARKS = {
    "idle": "what the plugin costs a run that does not use it",
    "network": "what the guard of the network costs lookups, connections and other audit events",
    "get": "one SDK call, against a static stub",
    "predict": "one prediction that a test has given, against a static stub",
    "suite": "100 acceptance tests, against stubs by hand and against moto",
    "checks": "what the checks find, say wrongly and cost, beside others",
    "scale": "10,000 executions in the emulator, against 10",
    "records": "pages of 100,000 records against 1,000, their memory, the emulator's import",
    "reading": "one workflow YAML, against PyYAML's bare nodes",
    "memory": "growth over 100,000 requests",
    "live": "live mode against the server: 20 runs beside one, 200 runs watched, requests",
    "local": "steps in the sandbox beside bare processes and kfp's runner, many at once, log lines",
    "training": "a session of pytest with one tiny training on this machine, beside `python train.py`",
    "serving": "requests to a deployment on this machine, against the bare server; how soon it is ready",
    "report": "the report as a page: its size, how soon it is written and drawn",
    "server": "the server against bare waitress, Prism and moto_server; how soon it is ready",
}


def main() -> int:
    """Run what the command line asks for; the exit status is 1 if a target was missed."""
    if sys.argv[1:2] == ["mutants"]:  # a tool of its own: it takes an hour, and needs the tests
        return int(importlib.import_module("benchmarks.mutants").main(sys.argv[2:]))
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"  {name:8}{what}" for name, what in BENCHMARKS.items())
        + "\nBy itself alone: mutants [MODULE ...] [--sample N --seed S], what share of them the tests kill.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)}")
    names = parser.parse_args().names or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    print(circumstances(), flush=True)
    figures: list[Figure] = []
    for name in names:
        print(f"{name}: {BENCHMARKS[name]} ...", file=sys.stderr, flush=True)
        for figure in importlib.import_module(f"benchmarks.{name}").figures():
            print(f"  {figure.name}: {figure.value:.3g} {figure.unit}", file=sys.stderr, flush=True)
            figures.append(figure)
    print(*table(figures), sep="\n")
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
