"""The temporary folder of a run, where its process ends in another way than it should."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.places import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.once

BEGIN = """
import os, sys
from pytest_aicore.running.own_folder import own_folder
context = own_folder()
folder = context.__enter__()
(folder / "steps").mkdir()
print(os.path.exists(folder))
"""


@pytest.mark.parametrize(
    ("end", "left"),
    [
        ("", []),
        ("sys.exit(3)", []),
        ("sys.stderr = open(os.devnull, 'w'); raise OSError('cannot send (already closed?)')", []),
        ("if os.fork() == 0: sys.exit()\nos.wait(); print(os.path.exists(folder))", []),
        ("os._exit(1)", ["aicore-run-"]),  # as by SIGKILL: the next run removes it
    ],
)
def test_a_process_that_does_not_leave_the_block(end: str, left: list[str], tmp_path: Path) -> None:
    env = {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-u", "-c", BEGIN + end]
    ended = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, check=False)
    assert ended.stderr == b""
    assert set(ended.stdout.split()) == {b"True"}
    assert [path.name[: len("aicore-run-")] for path in tmp_path.iterdir()] == left
    next_one = "from pytest_aicore.running.own_folder import own_folder\nwith own_folder(): pass"
    subprocess.run([sys.executable, "-c", next_one], env=env, cwd=ROOT, check=True)
    assert list(tmp_path.iterdir()) == []
