"""How steps are ended, and that nothing of them goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.running.engines.sandbox import Sandbox
from pytest_aicore.running.local_pods import LocalPods
from tests.places import ROOT
from tests.running.pods_here import Here, pod
from tests.waiting import commands, sleeping, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.running.pods_here import Started

pytestmark = pytest.mark.once

FAMILY = "setsid sleep {n} & (sleep {n} & setsid sleep {n}) & sleep {n} & echo ready; sleep {n}"
"""Children of any kind: of the same session, of another one, and of a process that has ended."""


@pytest.fixture
def seconds(request: pytest.FixtureRequest) -> str:
    """Return a number of seconds that no other process sleeps."""
    return f"9{os.getpid()}.{abs(hash(request.node.nodeid)) % 10**6:06}"


def started_family(here: Here, seconds: str) -> Started:
    """Start a step with children of any kind, and wait until all of them run."""
    has_begun = threading.Event()
    here.options["log"] = lambda pod, line: has_begun.set()
    started = here.start(command=("sh", "-c", FAMILY.format(n=seconds)))
    assert has_begun.wait(30)
    until(lambda: len(sleeping(seconds)) == 5, "the family")
    return started


def test_a_stop_ends_the_whole_tree(here: Here, seconds: str) -> None:
    started = started_family(here, seconds)
    started.pods.stop("wf")
    how = started.wait()
    assert (how.phase, how.exit_code, how.message) == ("Failed", 137, "Error (exit code 137)")
    until(lambda: sleeping(seconds) == [], "the end of the family")


def test_a_stop_with_a_message(here: Here) -> None:
    started = here.start(command=("sleep", "50"))
    started.pods.stop("wf", "Step exceeded its deadline")
    how = started.wait()
    assert (how.phase, how.message) == ("Failed", "Step exceeded its deadline")


@pytest.mark.parametrize("milliseconds", range(0, 60, 6))
def test_a_stop_while_the_step_starts(here: Here, seconds: str, milliseconds: int) -> None:
    started = here.start(command=("sleep", seconds))
    time.sleep(milliseconds / 1000)
    started.pods.stop("wf", "stopped")
    how = started.wait()
    assert (how.phase, how.message) == ("Failed", "stopped")
    assert naming(seconds) == []


def test_the_end_of_the_step_ends_its_children(sandboxed: Here, seconds: str) -> None:
    how = sandboxed.sh(f"setsid sleep {seconds} & (sleep {seconds} &) ; exit 0")
    assert how.phase == "Succeeded"
    until(lambda: sleeping(seconds) == [], "the end of the family")


def test_the_end_of_a_plain_step_ends_its_session(plain: Here, seconds: str) -> None:
    how = plain.sh(f"sleep {seconds} & (sleep {seconds} &) ; exit 0")
    assert how.phase == "Succeeded"
    until(lambda: sleeping(seconds) == [], "the end of the family")


def test_a_deadline_ends_the_whole_tree(sandboxed: Here, seconds: str) -> None:
    how = sandboxed.sh(FAMILY.format(n=seconds), deadline=0.5)
    assert how.message == "Pod was active on the node longer than the specified deadline"
    until(lambda: sleeping(seconds) == [], "the end of the family")


def test_stopping_what_has_ended_or_never_was(here: Here) -> None:
    started = here.start(command=("true",))
    started.wait()
    started.pods.stop("wf")
    started.pods.stop("unknown")
    assert len(started.calls) == 1


def test_closing_ends_all(here: Here, seconds: str) -> None:
    pods = LocalPods(here.settings())
    calls: list[str] = []
    for number in range(3):
        pods.start(pod(name=f"wf-{number}", command=("sleep", seconds)), lambda how: calls.append(how.message))
    pods.close()
    assert calls == ["Error (exit code 137)"] * 3
    assert sleeping(seconds) == []


def test_steps_run_beside_each_other(of_machine: Here) -> None:
    """Each of them waits until both have begun."""
    pods = LocalPods(of_machine.settings())
    calls: list[str] = []
    waiting = ("sh", "-c", "touch /out/begun; while test ! -e /out/go; do sleep 0.01; done")
    for name in "ab":
        pods.start(pod(name=name, command=waiting, empty_dirs=("/out",)), lambda how: calls.append(how.phase))
    folders = [of_machine.folder / "steps" / name / "out" for name in "ab"]
    until(lambda: all((folder / "begun").exists() for folder in folders), "the beginnings")
    for folder in folders:
        (folder / "go").touch()
    until(lambda: calls == ["Succeeded", "Succeeded"], "both ends")
    pods.close()


PARENT = """
import sys
from pathlib import Path
from pytest_aicore.running.engines.sandbox import Sandbox
from tests.running.pods_here import Here
here = Here(Sandbox(), Path(sys.argv[1]))
here.options["log"] = lambda pod, line: sys.stdout.write(line + "\\n") and sys.stdout.flush()
here.start(command=("sh", "-c", sys.argv[2])).wait()
"""


@pytest.mark.parametrize("number", range(3))
def test_a_killed_parent_leaves_no_process(tmp_path: Path, seconds: str, number: int) -> None:
    reason = Sandbox().probe()
    if reason is not None:
        pytest.skip(reason)
    command = [sys.executable, "-c", PARENT, str(tmp_path), FAMILY.format(n=seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        until(lambda: len(sleeping(seconds)) == 5, "the family")
        parent.send_signal(signal.SIGKILL)
    until(lambda: sleeping(seconds) == [], "the end of the family")


def naming(word: str) -> list[bytes]:
    """Return the command lines of the processes that contain a word."""
    return [b" ".join(words) for words in commands().values() if word.encode() in b" ".join(words)]


@pytest.mark.parametrize("milliseconds", range(0, 40, 4))
def test_a_parent_that_is_killed_while_a_sandbox_is_made_leaves_no_process(
    tmp_path: Path, seconds: str, milliseconds: int
) -> None:
    reason = Sandbox().probe()
    if reason is not None:
        pytest.skip(reason)
    says_when = PARENT.replace("here.start", "sys.stderr.write('now\\n')\nhere.start")
    command = [sys.executable, "-c", says_when, str(tmp_path), FAMILY.format(n=seconds)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stderr is not None
        assert parent.stderr.readline() == b"now\n"
        time.sleep(milliseconds / 1000)
        parent.send_signal(signal.SIGKILL)
    until(lambda: naming(seconds) == [], "the end of all that name it")


def test_a_step_that_is_stopped_before_it_starts(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """While its image is made, for example."""
    images = here.settings().images
    is_asked, may_go_on = threading.Event(), threading.Event()
    image = images.image("docker.io/me/train:1")

    def slow(name: str) -> object:
        is_asked.set()
        assert may_go_on.wait(30)
        return image

    monkeypatch.setattr(images, "image", slow)
    started = here.start(command=("sh", "-c", "echo ran"))
    assert is_asked.wait(30)
    started.pods.stop("wf", "stopped")
    may_go_on.set()
    how = started.wait()
    assert (how.phase, how.exit_code, how.message, here.lines) == ("Failed", None, "stopped", [])
