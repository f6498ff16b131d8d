"""Locks are of one process alone: whatever it forked and however, nothing of it is held after its end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.errors import RunError
from pytest_aicore.training.live import locks
from pytest_aicore.training.live.ledger import FileLedger
from pytest_aicore.training.live.locks import FileLock, held, is_held

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes can be forked")

STAY = "import os, sys; os.write(1, b'%d\\n' % os.getpid()); os.read(int(sys.argv[1]), 1); os._exit(0)"
"""What a helper does: it says who it is, and stays until the test lets it go."""
HELPERS = {
    "os.fork": f"""
if os.fork() == 0:
    {STAY}
""",
    "multiprocessing": f"""
import multiprocessing

def helper():
    {STAY}

multiprocessing.get_context("fork").Process(target=helper).start()
""",
    "pool": f"""
import concurrent.futures, multiprocessing

def helper():
    {STAY}

pool = concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
pool.submit(helper)
""",
    "fork in C": f"""
import ctypes
if ctypes.PyDLL(None).fork() == 0:
    {STAY}
""",
    "daemon": f"""
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        {STAY}
    os._exit(0)
""",
    "subprocess with all descriptors": f"""
import subprocess
subprocess.Popen([sys.executable, "-c", {STAY!r}, sys.argv[1]], close_fds=False)
""",
    "between fork and exec": f"""
import subprocess, threading

def before():
    {STAY}

threading.Thread(target=lambda: subprocess.Popen(["true"], preexec_fn=before), daemon=True).start()
""",
}
HOLDER = """
import os, sys, time
from pathlib import Path
from pytest_aicore.training.live.locks import FileLock, held
alive = FileLock(Path("alive"))
alive.take_for_life()
with held(Path("lock")):
    HELPER
    time.sleep(600)
"""


@contextmanager
def holder(folder: Path, helper: str = "") -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a process that holds two locks and has begun a helper; give it, and the helper's process id."""
    (folder / "holder.py").write_text(HOLDER.replace("    HELPER", "    " + "\n    ".join(helper.splitlines())))
    end, let_go = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "holder.py", str(end)], cwd=folder, stdout=subprocess.PIPE, text=True, pass_fds=[end]
    )
    os.close(end)
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        os.close(let_go)
        process.stdout.read()  # to its end: the helper has gone
        process.stdout.close()


@pytest.mark.parametrize("helper", HELPERS.values(), ids=HELPERS)
def test_helper_that_outlives_its_process_holds_nothing(helper: str, tmp_path: Path) -> None:
    with holder(tmp_path, helper) as (process, helper_id):
        assert is_held(tmp_path / "alive")
        assert not FileLock(tmp_path / "lock").take()
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.kill(helper_id, 0)  # it is there
        assert not is_held(tmp_path / "alive")
        assert FileLock(tmp_path / "lock").take()
    assert not (tmp_path / "alive").exists()


@pytest.mark.parametrize("kind", ["os.fork", "fork in C"])
def test_helper_does_not_keep_what_its_process_gives_back(kind: str, tmp_path: Path) -> None:
    """Forked while a thread was writing, it would keep the session's own threads out until their patience ends."""
    source = HOLDER.replace("    time.sleep(600)", "").replace("HELPER", HELPERS[kind].replace("\n", "\n    "))
    (tmp_path / "begin.py").write_text(source + "\nwith held(Path('lock')):\n    os.write(1, b'again')\n")
    end, let_go = os.pipe()
    done = subprocess.Popen(
        [sys.executable, "begin.py", str(end)], cwd=tmp_path, stdout=subprocess.PIPE, text=True, pass_fds=[end]
    )
    os.close(end)
    assert done.wait(50) == 0  # less than the patience, whatever the helper does
    os.close(let_go)
    assert done.stdout is not None
    assert "again" in done.stdout.read()
    done.stdout.close()


def test_threads_are_kept_apart(tmp_path: Path) -> None:
    inside, most = [0], [0]

    def work() -> None:
        for _ in range(20):
            with held(tmp_path / "lock"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                os.sched_yield()
                inside[0] -= 1

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_a_lock_is_not_lost_to_who_asks_for_it_in_the_same_process(tmp_path: Path) -> None:
    """A record lock is, as soon as its process closes any descriptor of the file."""
    with held(tmp_path / "lock"):
        assert not FileLock(tmp_path / "lock").take()
        taken = subprocess.run(
            [
                sys.executable,
                "-c",
                "from pathlib import Path; from pytest_aicore.training.live.locks import *; print(FileLock(Path('lock')).take())",
            ],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert taken.stdout == "False\n"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only where /proc tells when a process began")
def test_process_that_packs_the_folder_of_its_own_lock_lives_on(tmp_path: Path) -> None:
    packs = "import shutil; shutil.copytree('.', '../copy'); os.write(1, b'0\\n')"
    (tmp_path / "here").mkdir()
    with holder(tmp_path / "here", packs) as (process, _):
        assert is_held(tmp_path / "here/alive")
        assert is_held(tmp_path / "here/alive")
        process.kill()
        process.wait()
        assert not is_held(tmp_path / "here/alive")


def test_file_of_a_new_process_is_not_removed_by_who_looked_at_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several may look at the file of a process that has ended, such as sweeps; one of them removes it first."""
    new = FileLock(tmp_path / "alive")

    def another_removes_it(_: str) -> bool:
        monkeypatch.undo()
        (tmp_path / "alive").unlink()
        new.take_for_life()
        return False

    (tmp_path / "alive").touch()
    monkeypatch.setattr(locks, "lives", another_removes_it)
    assert not is_held(tmp_path / "alive")
    assert new.is_in_place


def test_folder_that_is_deleted_while_a_lock_is_waited_for_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = FileLock(tmp_path / "folder/lock")
    assert lock.take()
    monkeypatch.setattr("time.sleep", lambda _: shutil.rmtree(tmp_path / "folder"))
    with held(tmp_path / "folder/lock"):
        assert not lock.is_in_place
        assert not FileLock(tmp_path / "folder/lock").take()


def test_file_system_without_locks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(locks, "_lock", none)
    with pytest.raises(RunError) as caught:
        FileLedger(tmp_path / "ledger.jsonl", "session").open()
    assert str(caught.value) == (
        f"The ledger {tmp_path / 'ledger.jsonl'} cannot be written (No locks available), so nothing more is started:"
        " each execution is recorded before it starts."
    )
