"""What a step writes, however it writes."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.running.pods_here import Here

pytestmark = pytest.mark.once


def test_lines_come_while_the_step_runs(of_machine: Here) -> None:
    has_come = threading.Event()
    of_machine.options["log"] = lambda pod, line: has_come.set() if (pod.name, line) == ("wf", "first") else None
    started = of_machine.start(
        command=("sh", "-c", "echo first; while test ! -e /out/go; do sleep 0.01; done"), empty_dirs=("/out",)
    )
    assert has_come.wait(30)
    assert started.calls == []
    (of_machine.folder / "steps" / "wf" / "out" / "go").touch()
    assert started.wait().phase == "Succeeded"


def test_the_order_of_stdout_and_stderr(of_machine: Here) -> None:
    of_machine.sh("for n in 1 2 3 4 5; do echo out $n; echo err $n >&2; done")
    assert of_machine.lines == [f"{stream} {n}" for n in range(1, 6) for stream in ("out", "err")]


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        (r"a\nb", ["a", "b"]),
        (r"a\r\n", ["a"]),
        (r"\n\n", ["", ""]),
        (r"10%%\r20%%\n", ["10%\r20%"]),
        (r"\303\244\377\000z\n", ["ä\ufffd\x00z"]),
        ("", []),
    ],
)
def test_lines(here: Here, written: str, lines: list[str]) -> None:
    how = here.sh(f"printf '{written}'")
    assert here.lines == lines
    assert how.last_lines == tuple(lines)


def test_a_character_that_is_written_in_two_halves(here: Here) -> None:
    here.py("import os, time; os.write(1, b'\\xc3'); time.sleep(0.1); os.write(1, b'\\xa4\\n')")
    assert here.lines == ["ä"]


def test_binary_output_without_line_breaks_comes_in_parts(here: Here) -> None:
    how = here.py("import os; [os.write(1, bytes(range(128, 256)) * 512) for _ in range(20)]")
    assert how.phase == "Succeeded"
    assert sum(map(len, here.lines)) == 128 * 512 * 20
    assert max(map(len, here.lines)) == 256 * 1024
    assert max(map(len, how.last_lines)) == 2000


def test_many_lines(here: Here) -> None:
    how = here.py("for number in range(100_000): print('line', number)")
    assert how.phase == "Succeeded"
    assert (len(here.lines), here.lines[-1]) == (100_000, "line 99999")
    assert how.last_lines == tuple(f"line {number}" for number in range(99_980, 100_000))


def test_a_step_that_closes_its_outputs(here: Here) -> None:
    how = here.sh("echo said; exec >&- 2>&-; sleep 0.2; exit 4", keep_result=True)
    assert (how.exit_code, how.result, how.last_lines) == (4, "said", ("said",))


@pytest.mark.parametrize("detached", ["", "setsid "])
def test_a_child_that_keeps_stdout_open_does_not_hold_up_the_end(here: Here, detached: str) -> None:
    began = time.monotonic()
    how = here.sh(f"echo parent; {detached}sleep 50 & exit 0")
    assert (how.phase, how.last_lines) == ("Succeeded", ("parent",))
    assert time.monotonic() - began < 20


def test_a_child_that_writes_for_ever_does_not_hold_up_the_end(here: Here) -> None:
    how = here.sh("(while true; do echo child; done) & echo parent; exit 0")
    assert how.phase == "Succeeded"


def test_a_listener_that_fails_ends_the_step(here: Here) -> None:
    def fail(pod: object, line: str) -> None:
        raise ValueError(line)

    here.options["log"] = fail
    how = here.sh("echo said; sleep 50")
    assert (how.phase, how.message) == (
        "Error",
        "internal error of pytest-aicore, please report it: ValueError: said",
    )


def test_values_of_secrets_are_hidden_in_logs(here: Here) -> None:
    here.options["secrets"] = {"object-store": {"key": "s3cr3t-value"}}
    how = here.sh(
        'printf "%s" "$KEY"; sleep 0.05; echo', secrets={"KEY": ("object-store", "key", False)}, keep_result=True
    )
    assert here.lines == ["***"]
    assert how.last_lines == ("***",)
    assert how.result == "s3cr3t-value"  # what the next step gets
