"""How steps end: one table for all engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from pytest_aicore.running.pods import ArtifactIn

if TYPE_CHECKING:
    from pytest_aicore.running.pods import Phase
    from tests.running.pods_here import Here

pytestmark = pytest.mark.once


class Ending(NamedTuple):
    command: tuple[str, ...]
    phase: Phase
    exit_code: int | None
    message: str


NOT_IN_PATH = 'failed to find name in PATH: exec: "no-such-program": executable file not found in $PATH'
ENDINGS = {
    "success": Ending(("true",), "Succeeded", 0, ""),
    "failure": Ending(("sh", "-c", "exit 1"), "Failed", 1, "Error (exit code 1)"),
    "not executable, in a shell": Ending(("sh", "-c", "/etc/passwd"), "Failed", 126, "Error (exit code 126)"),
    "not found, in a shell": Ending(("sh", "-c", "no-such-program"), "Failed", 127, "Error (exit code 127)"),
    "interrupted": Ending(("sh", "-c", "exit 130"), "Failed", 130, "Error (exit code 130)"),
    "killed": Ending(("sh", "-c", "kill -KILL $$$$"), "Failed", 137, "Error (exit code 137)"),
    "out of bounds": Ending(("sh", "-c", "kill -SEGV $$$$"), "Failed", 139, "Error (exit code 139)"),
    "terminated": Ending(("sh", "-c", "kill -TERM $$$$"), "Failed", 143, "Error (exit code 143)"),
    "exit code of another byte": Ending(("sh", "-c", "exit 255"), "Failed", 255, "Error (exit code 255)"),
    "exception": Ending(("python", "-c", "1 / 0"), "Failed", 1, "Error (exit code 1)"),
    "not found": Ending(("no-such-program",), "Failed", 64, f"Error (exit code 64): {NOT_IN_PATH}"),
    "not found by its path": Ending(
        ("/no/program",),
        "Failed",
        64,
        'Error (exit code 64): failed to find name in PATH: exec: "/no/program": stat /no/program: no such file or'
        " directory",
    ),
    "not executable": Ending(
        ("/etc/passwd",),
        "Failed",
        64,
        'Error (exit code 64): failed to find name in PATH: exec: "/etc/passwd": permission denied',
    ),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_an_ending(here: Here, name: str) -> None:
    ending = ENDINGS[name]
    how = here.run(*ending.command)
    assert (how.phase, how.exit_code, how.message) == (ending.phase, ending.exit_code, ending.message)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "exec format error"),
        (b"echo no shebang\n", "exec format error"),
        (b"#!/no/interpreter\n", "no such file or directory"),
        (b"#!/bin/sh\r\necho of Windows\r\n", "no such file or directory"),
    ],
)
def test_a_script_that_the_kernel_cannot_execute(here: Here, content: bytes, reason: str) -> None:
    """A shell would execute the first two, and the first would succeed."""
    how = here.run("/app/tool", artifacts_in=(ArtifactIn("tool", "/app/tool", content, mode=0o755),))
    assert (how.phase, how.exit_code) == ("Failed", 64)
    assert how.message == f"Error (exit code 64): fork/exec /app/tool: {reason}"


def test_an_argument_that_is_too_long(here: Here) -> None:
    how = here.run("echo", "x" * (1 << 21))
    assert (how.phase, how.exit_code, how.message) == (
        "Failed",
        64,
        "Error (exit code 64): fork/exec echo: argument list too long",
    )


def test_a_deadline(here: Here) -> None:
    how = here.sh("echo begins; sleep 60", deadline=0.3)
    assert (how.phase, how.exit_code) == ("Failed", 137)
    assert how.message == "Pod was active on the node longer than the specified deadline"
    assert how.last_lines == ("begins",)
    assert how.seconds < 10


def test_a_deadline_that_is_kept(here: Here) -> None:
    assert here.sh("true", deadline=60).phase == "Succeeded"


def test_no_command_anywhere(of_machine: Here) -> None:
    how = of_machine.run()
    assert (how.phase, how.exit_code) == ("Error", None)
    begin = 'failed to look-up entrypoint/cmd for image "docker.io/me/train:1", you must either explicitly specify'
    assert how.message == f"{begin} the command, or map the image to the folder of its Dockerfile"


def test_a_program_that_does_not_exist_is_said_in_the_log(here: Here) -> None:
    how = here.run("no-such-program")
    assert how.last_lines[-1] == NOT_IN_PATH == here.lines[-1]
