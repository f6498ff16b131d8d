"""Sessions whose trainings run in containers: what is left of them when they are interrupted."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.containers import API, WHY_NOT, with_word
from tests.local.test_random_kills import LONG, TESTS, WORKFLOW
from tests.prepared import start_pytest
from tests.waiting import sleeping, until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.once, pytest.mark.skipif(not API, reason=WHY_NOT), pytest.mark.usefixtures("_own_folders")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_session_that_is_interrupted_leaves_nothing(
    pytester: pytest.Pytester, number: signal.Signals, tmp_path: Path
) -> None:
    seconds = f"5{int.from_bytes(os.urandom(4), 'big')}"
    (pytester.path / "workflows").mkdir()
    (pytester.path / "workflows" / "leaf.yaml").write_text(WORKFLOW.replace("sleep 0.2;", "wait;"))
    pytester.makepyfile(test_it=TESTS.replace("SECONDS", seconds))
    asked = ["--aicore-local", "-p", "no:randomly", "-o", "aicore_local_engine=docker"]
    session = start_pytest(asked, cwd=pytester.path, output=tmp_path / "output.txt")
    try:
        until(lambda: len(sleeping(seconds)) == 4, "both steps that run at once", LONG)
        assert len(with_word(seconds)) == 2
        session.send_signal(number)
        assert session.wait(LONG) == pytest.ExitCode.INTERRUPTED
    finally:
        session.kill()
        session.wait(LONG)
    assert (sleeping(seconds), with_word(seconds)) == ([], [])


def test_a_build_that_is_interrupted(pytester: pytest.Pytester, tmp_path: Path) -> None:
    """The session need not wait for its next line."""
    seconds = f"5{int.from_bytes(os.urandom(4), 'big')}"
    (pytester.path / "workflows").mkdir()
    (pytester.path / "workflows" / "leaf.yaml").write_text(WORKFLOW)
    image = pytester.mkdir("image")
    (image / "Dockerfile").write_text(f"FROM docker.io/me/train:1\nRUN sleep {seconds}\n")
    pytester.makepyfile(test_it=TESTS)
    asked = ["--aicore-local", "-p", "no:randomly", "-o", "aicore_local_engine=docker"]
    asked += ["-o", f"aicore_local_images=docker.io/me/tiny:1={image}"]
    session = start_pytest(asked, cwd=pytester.path, output=tmp_path / "output.txt")
    try:
        until(lambda: sleeping(seconds), "the line of the Dockerfile", LONG)
        session.send_signal(signal.SIGINT)
        assert session.wait(LONG) == pytest.ExitCode.INTERRUPTED
    finally:
        session.kill()
        session.wait(LONG)
        for process in sleeping(seconds):  # Podman does not end it
            os.kill(process, signal.SIGKILL)
