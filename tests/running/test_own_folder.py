"""The temporary folder of a run, where its process ends in another way than it should."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT
from tests.waiting import sleeping, until

pytestmark = pytest.mark.once

BEGIN = """
import os, sys
from pytest_aicore.running.own_folder import own_folder
context = own_folder()
folder = context.__enter__()
(folder / "steps").mkdir()
print(os.path.exists(folder))
"""


NEXT = "from pytest_aicore.running.own_folder import own_folder\nwith own_folder(): pass"


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
    subprocess.run([sys.executable, "-c", NEXT], env=env, cwd=ROOT, check=True)
    assert list(tmp_path.iterdir()) == []


OWNS = BEGIN + "print(folder); input()"
SHARES = """
import sys
from pathlib import Path
from pytest_aicore.running.own_folder import remove_with_owner
folder = Path(sys.argv[1])
remove_with_owner(folder)
print("shares it")
input()
folder.mkdir(exist_ok=True)
(folder / "ledger.jsonl").touch()
"""


@pytest.mark.parametrize("is_killed", [True, False], ids=["its owner was killed", "its owner lives"])
def test_a_process_that_shares_it_and_lives_longer(tmp_path: Path, *, is_killed: bool) -> None:
    """It writes there after the next run has removed the folder."""
    env = {"TMPDIR": str(tmp_path)}

    def python(*command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-u", "-c", *command],
            env=env,
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    with python(OWNS) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "True\n"
        folder = Path(owner.stdout.readline().strip())
        with python(SHARES, str(folder)) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "shares it\n"
            if is_killed:
                owner.kill()
                owner.wait()
                subprocess.run([sys.executable, "-c", NEXT], env=env, cwd=ROOT, check=True)
                assert not folder.exists()
            other.communicate("\n")
        assert folder.exists() is not is_killed
        owner.communicate("\n")
    assert list(tmp_path.iterdir()) == []


STEP = """
import subprocess
def start(env):
    script = "cd / && sleep SECONDS & exec sleep SECONDS"
    env["PATH"] = os.environ["PATH"]
    subprocess.Popen(["sh", "-c", script], cwd=folder / "steps", env=env, start_new_session=True)
start({"VARIABLE": "main"})
start({})
os._exit(1)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="found in /proc, which Linux has")
@pytest.mark.parametrize("variable", ["ARGO_CONTAINER_NAME", "K_REVISION"])
def test_a_step_or_server_that_nobody_had_time_to_note(tmp_path: Path, variable: str) -> None:
    """What works in the folder and is neither is left alone."""
    seconds = f"4{int.from_bytes(os.urandom(4), 'big')}"
    env = {"TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", BEGIN + STEP.replace("SECONDS", seconds).replace("VARIABLE", variable)]
    assert subprocess.run(command, env=env, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode == 1
    try:
        until(lambda: len(sleeping(seconds)) == 4, "all processes")
        subprocess.run([sys.executable, "-c", NEXT], env=env, cwd=ROOT, check=True)
        until(lambda: len(sleeping(seconds)) == 2, "the end of the step")
        for process in sleeping(seconds):
            assert variable.encode() not in Path(f"/proc/{process}/environ").read_bytes()
    finally:
        for process in sleeping(seconds):
            os.kill(process, signal.SIGKILL)
