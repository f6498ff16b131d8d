"""What `pytest-aicore run` offers while a workflow is worked on: to keep, to repeat, to watch, to look into it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.running.engines.sandbox import Sandbox
from tests.cli.test_run_command import TWO_STEPS, command, write
from tests.prepared import run_command
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.once

FIRST_FAILS_LATER = TWO_STEPS.replace("echo made", "echo made {{workflow.parameters.code}}")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a workflow of two steps, in which the commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    write("two.yaml", FIRST_FAILS_LATER)
    return tmp_path


@pytest.fixture(params=["sandbox", "process"])
def run(request: pytest.FixtureRequest) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that runs the workflow by each engine to its end."""
    if request.param == "sandbox" and (reason := Sandbox().probe()) is not None:
        pytest.skip(reason)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_command("run", "two.yaml", "--engine", request.param, *arguments)

    return run


def test_one_step_with_what_the_others_left(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert run("--parameter", "code=3").returncode == 1
    again = run("--only", "use", "--format", "json")
    assert again.returncode == 0
    content = json.loads(again.stdout)
    pods = {node["displayName"]: node for node in content["nodes"] if node["type"] == "Pod"}
    assert content["status"] == "COMPLETED"
    assert (pods["make"]["exitCode"], pods["use"]["lastLines"]) == (None, ["hello"])
    name = again.stderr.partition("was given other values for 'code'")[0].rpartition("the last run, ")[2].rstrip(", ")
    (said,) = [line for line in again.stderr.splitlines() if "is taken" in line]
    assert f"what it left in the run {name}, " in said
    assert said.startswith("pytest-aicore: [0].make is not carried out (--only use): what it left in the run e")


def test_a_step_and_all_after_it(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert run().returncode == 0
    again = run("--from", "[0].make", "--parameter", "code=3")
    assert again.returncode == 1
    assert "is taken" not in again.stderr
    assert "[0].make | made 3" in again.stdout
    assert "[1].use | hello" in again.stdout


def test_a_step_after_which_nothing_is_known(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """The run ends there, and well: the step that was asked for has succeeded."""
    assert run("--parameter", "code=3").returncode == 1
    again = run("--only", "make")
    assert again.returncode == 0
    assert "[0].make | made 0" in again.stdout
    assert "[1].use Failed: ended after make (--only make)" in again.stdout


def test_what_cannot_be_taken(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    nothing = run("--only", "use")
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert nothing.stderr.splitlines()[-1] == (
        "pytest-aicore: --only use: nothing is known of an earlier run of this workflow, from which the outputs of the "
        "other steps could be taken. Run it once without this option."
    )
    write("two.yaml", TWO_STEPS.replace("echo made", "exit 4"))
    name = json.loads(run("--format", "json").stdout)["name"]
    unknown = run("--from", "mak")
    assert unknown.returncode == 2
    assert unknown.stderr.splitlines()[-1] == (
        f"pytest-aicore: --from mak: the last run, {name}, had no such step. Did you mean '[0].make'? "
        "It had: '[0].make'."
    )


def test_outputs_to_which_somebody_has_written_are_not_taken(
    run: Callable[..., subprocess.CompletedProcess[str]], folder: Path
) -> None:
    """They share their files with what is kept for the next run."""
    whole = "{name: data, globalName: data, archive: {none: {}}, path: /out/data}"
    write("two.yaml", TWO_STEPS.replace("{name: data, path: /out/data}", whole))
    assert run("--output", "out").returncode == 0
    assert run("--only", "use").returncode == 0
    assert run("--output", "out2").returncode == 0
    with (folder / "out2" / "data").open("a") as file:
        file.write("more\n")
    again = run("--only", "use", "--format", "json")
    pods = {node["displayName"]: node for node in json.loads(again.stdout)["nodes"] if node["type"] == "Pod"}
    assert again.returncode == 1
    assert pods["make"]["message"].startswith(
        "not carried out (--only use), and nothing can be taken of it: its artifact 'data' was changed in the outputs"
    )


def test_files_of_a_failed_step_are_kept(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    result = run("--parameter", "code=3", "--keep")
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("to repeat it by hand: ")]
    words = ["/bin/sh", "-c", line.partition(": ")[2]]
    again = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30, cwd="/", env={})
    assert (again.returncode, again.stdout, again.stderr) == (3, "hello\n", "")


def test_a_shell_in_a_failed_step(run: Callable[..., subprocess.CompletedProcess[str]], folder: Path) -> None:
    """At a terminal; without one it is refused."""
    refused = run("--shell-on-failure")
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1] == (
        "pytest-aicore: --shell-on-failure needs a terminal as standard input and output; here is none."
    )
    engine = "sandbox" if Sandbox().probe() is None else "process"
    ours, theirs = pty.openpty()
    words = command("two.yaml", "--engine", engine, "--parameter", "code=3", "--shell-on-failure")
    with subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        shown = b""
        while b"goes on when it ends" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, b"echo it is $(cat in/copy), $((40 + 2))\nexit\n")
        while b"it is hello, 42" not in shown and process.poll() is None:
            shown += os.read(ours, 4096)
        assert process.wait(30) == 1
    os.close(ours)
    assert b"it is hello, 42" in shown


def test_a_saved_file_begins_the_next_run(folder: Path) -> None:
    """After a run, during one, and after a mistake; Ctrl-C ends."""
    (folder / "image").mkdir()
    dockerfile = folder / "image" / "Dockerfile"
    dockerfile.write_text(f"FROM python:{sys.version_info[0]}.{sys.version_info[1]}\n")
    lines = folder / "lines"
    words = command("two.yaml", "--engine", "process", "--watch", "--image", "me/*=image")
    with lines.open("w") as out, subprocess.Popen(words, stdout=out, stderr=out) as process:

        def shows(text: str, times: int = 1) -> None:
            until(lambda: lines.read_text().count(text) >= times, f"{text}: {lines.read_text()}")

        shows("the next run begins when a file is saved")
        write("two.yaml", FIRST_FAILS_LATER.replace("echo made", "echo slowly; sleep 50; echo"))
        began = time.monotonic()
        shows("[0].make | slowly")
        assert time.monotonic() - began < 20
        dockerfile.write_text("FRM python\n")  # ends the run that goes on
        shows("stopped, because image/Dockerfile was saved")
        shows("unknown instruction 'FRM'")
        dockerfile.write_text(f"FROM python:{sys.version_info[0]}.{sys.version_info[1]}\nENV A=1\n")
        shows("[0].make | slowly", 2)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert "Traceback" not in lines.read_text()


def test_watching_needs_a_folder_for_each_run() -> None:
    result = run_command("run", "two.yaml", "--watch", "--output", "left")
    assert (result.returncode, result.stderr) == (
        2,
        "pytest-aicore: --watch: not together with --output, which would be the folder of several runs.\n",
    )
