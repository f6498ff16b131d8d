"""Sessions and commands in processes of their own that need not import everything again.

Most of what they cost are the imports of pytest, the SDK and the plugin. One Python for each worker of the
tests runs a training, so that it has imported them, and then forks for each of them. The fork is a process like any
other: with a group, signals, an environment, streams, a working directory and an end of its own. What depends on how an
interpreter starts (what is imported when, which variables it reads first) has to start one, with `subprocess`.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.places import ROOT, WORKFLOWS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

CAN_FORK = hasattr(os, "fork")
_TRAINING = """
import pytest

@pytest.mark.aicore("training_workflow_tutorial.yaml", artifacts={"text-data": "ai://default/data"})
def test_it(aicore_execution): pass
"""


def start_pytest(
    arguments: Sequence[str],
    *,
    cwd: Path,
    output: Path,
    errors: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Fork | subprocess.Popen[bytes]:
    """Start `python -m pytest` in a process group of its own, where SIGINT interrupts it.

    Args:
        arguments: of pytest.
        cwd: the folder in which it runs.
        output: the file that its output overwrites.
        errors: the file for its standard error stream; that of the output by default.
        env: its environment; by default this process's.
    """
    return _start("pytest", arguments, cwd=cwd, output=output, errors=errors, env=env)


def start_command(
    *arguments: str, output: Path, errors: Path, given: Path | None = None, cwd: Path | None = None
) -> Fork | subprocess.Popen[bytes]:
    """Start `pytest-aicore` in a process group of its own, where SIGINT interrupts it.

    Args:
        arguments: of the command.
        output: the file that its output overwrites.
        errors: the file for its standard error stream.
        given: the file that is its standard input; none by default.
        cwd: the folder in which it runs; by default the current one.
    """
    return _start("pytest_aicore.cli", arguments, cwd=cwd or Path.cwd(), output=output, errors=errors, given=given)


def run_command(*arguments: str, given: bytes | None = None) -> subprocess.CompletedProcess[str]:
    """Run `pytest-aicore` in the current folder to its end, within a minute.

    Args:
        arguments: of the command.
        given: its standard input; none by default.
    """
    with tempfile.TemporaryDirectory() as folder:
        stdin, output, errors = (Path(folder, name) for name in ("stdin", "stdout", "stderr"))
        stdin.write_bytes(given or b"")
        process = start_command(*arguments, output=output, errors=errors, given=stdin)
        try:
            status = process.wait(60)
        finally:
            process.kill()
        printed = [file.read_bytes().decode() for file in (output, errors)]
    return subprocess.CompletedProcess(arguments, status, *printed)


def _start(
    module: str,
    arguments: Sequence[str],
    *,
    cwd: Path,
    output: Path,
    errors: Path | None = None,
    given: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Fork | subprocess.Popen[bytes]:
    environment = dict(os.environ if env is None else env)
    if CAN_FORK:
        output.touch()  # who waits for what is printed may read at once
        return _prepared().fork(
            {
                "module": module,
                "arguments": [*arguments],
                "cwd": str(cwd),
                "given": str(given or os.devnull),
                "output": str(output),
                "errors": str(errors or output),
                "env": environment,
            }
        )
    empty = Path(os.devnull)
    with (given or empty).open("rb") as stdin, output.open("wb") as stdout, (errors or empty).open("wb") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=cwd,
            env=environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr if errors else subprocess.STDOUT,
            start_new_session=True,
        )


def prepare(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `runpytest_subprocess` of a pytester start its sessions this way."""
    popen = pytester.popen

    def started(command: Sequence[str | os.PathLike[str]], stdout: Any, stderr: Any, **options: Any) -> Any:
        python, *arguments = (os.fspath(word) for word in command)
        if (python, arguments[:1]) != (sys.executable, ["-mpytest"]):
            return popen(command, stdout=stdout, stderr=stderr, **options)
        path = os.pathsep.join([str(Path.cwd()), *filter(None, [os.environ.get("PYTHONPATH")])])
        return start_pytest(
            arguments[1:],
            cwd=Path.cwd(),
            output=Path(stdout.name),
            errors=Path(stderr.name),
            env={**os.environ, "PYTHONPATH": path},
        )

    monkeypatch.setattr(pytester, "popen", started)


def run_unprepared(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run `python -m pytest` in an interpreter that starts and has imported nothing."""
    return pytester.run(sys.executable, "-m", "pytest", *arguments)


class Fork:
    """A session that was forked; it is used like `subprocess.Popen`.

    Args:
        parent: the Python that has forked it.
        pid: its process id.
    """

    stdin = None

    def __init__(self, parent: _Prepared, pid: int) -> None:
        self.parent = parent
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit status, or None while it runs."""
        if self.returncode is None:
            self.returncode = self.parent.ended(self.pid, 0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit status when it has ended.

        Raises:
            subprocess.TimeoutExpired: it runs still, after so many seconds.
        """
        if self.returncode is None:
            self.returncode = self.parent.ended(self.pid, timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("pytest", timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class _Prepared:
    """The Python that forks, as its parent sees it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.prepared"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self._lock = threading.Lock()
        self._statuses: dict[int, int] = {}
        self._read = b""
        assert self._line(None) == ["ready"]

    def end(self) -> None:
        """End it; what it has forked goes on."""
        self._requests.close()
        self._process.wait()
        self._answers.close()

    def fork(self, request: dict[str, Any]) -> Fork:
        """Fork a session."""
        with self._lock:
            self._requests.write(json.dumps(request).encode() + b"\n")
            while True:
                words = self._line(None)
                if words is not None and words[0] == "forked":
                    return Fork(self, int(words[1]))

    def ended(self, pid: int, timeout: float | None) -> int | None:
        """Return the exit status of a session, or None if it does not end within so many seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._lock:
                while pid not in self._statuses and self._line(0) is not None:
                    pass
                if pid in self._statuses:
                    return self._statuses.pop(pid)
            left = 60.0 if deadline is None else deadline - time.monotonic()
            if left <= 0:
                return None
            select.select([self._answers], [], [], left)

    def _line(self, timeout: float | None) -> list[str] | None:
        """Return the words of the next line that it says, or None if it says nothing in time; note who has ended."""
        while b"\n" not in self._read:
            if not select.select([self._answers], [], [], timeout)[0]:
                return None
            read = os.read(self._answers.fileno(), 4096)
            assert read, f"the Python that forks sessions has ended with {self._process.wait()}"
            self._read += read
        line, _, self._read = self._read.partition(b"\n")
        words = line.decode().split()
        if words[0] == "ended":
            self._statuses[int(words[1])] = int(words[2])
        return words


_of_process: dict[int, _Prepared] = {}


def _prepared() -> _Prepared:
    """Return the Python that forks for this process."""
    if os.getpid() not in _of_process:
        _of_process[os.getpid()] = _Prepared()
    return _of_process[os.getpid()]


def end_prepared() -> None:
    """End the Python that forks for this process, if there is one."""
    prepared = _of_process.pop(os.getpid(), None)
    if prepared is not None:
        prepared.end()


def _import_everything() -> None:
    """Run a training, so that all is imported as a session imports it."""
    import pytest

    path = [*sys.path]
    with tempfile.TemporaryDirectory() as folder:
        settings = f"[pytest]\naicore_workflows = {WORKFLOWS}\naicore_job_summary = false\n"
        Path(folder, "pytest.ini").write_text(settings, encoding="utf-8")
        Path(folder, "test_prepared.py").write_text(_TRAINING, encoding="utf-8")
        # pytest-rerunfailures starts a thread, and who has threads must not fork.
        status = pytest.main([folder, "-q", "-p", "no:cacheprovider", "-p", "no:rerunfailures"])
    assert status == 0
    sys.path[:] = path
    del sys.modules["test_prepared"]
    import_module("tests.projects")  # the rest of the package, not before pytest could import it its own way
    del sys.modules["pytest_aicore.cli.__main__"]  # which is run
    assert threading.active_count() == 1, threading.enumerate()
    sys.stdout.flush()  # else each fork would print it once more


def _say(text: str) -> None:
    os.write(_STREAM, text.encode() + b"\n")


def _serve() -> str:
    """Fork for each request, and say what became of it; return in each fork the module that it runs."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    _say("ready")
    while True:
        ready, _, _ = select.select([requests.fileno(), reading], [], [])
        if reading in ready:
            os.read(reading, 4096)
            while (ended := _ended()) is not None:
                _say("ended {} {}".format(*ended))
        if requests.fileno() in ready:
            line = requests.readline()
            if not line:
                sys.exit()
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for descriptor in (reading, writing, requests.fileno(), _STREAM):
                    os.close(descriptor)
                return _become(**json.loads(line))
            _say(f"forked {pid}")


def _ended() -> tuple[int, int] | None:
    """Return the process id and exit status of a fork that has ended."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None


def _become(
    module: str, arguments: list[str], cwd: str, given: str, output: str, errors: str, env: dict[str, str]
) -> str:
    """Make this process what `python -m` of a module would be, and return the module."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    tempfile.tempdir = None  # it was found by other variables
    time.tzset()
    tempfile.tempdir = None  # what the variables say now
    new = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for name, flags, stream in ((given, os.O_RDONLY, 0), (output, new, 1), (errors, new, 2)):
        descriptor = 1 if (name, stream) == (output, 2) else os.open(name, flags, 0o666)
        os.dup2(descriptor, stream)
        if descriptor > 2:
            os.close(descriptor)
    sys.argv[1:] = arguments
    sys.path.insert(0, cwd)
    return module


if __name__ == "__main__":
    _STREAM = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _import_everything()
    gc.collect()
    gc.freeze()  # else each fork searches everything when it ends, and copies it
    runpy.run_module(_serve(), run_name="__main__", alter_sys=True)
