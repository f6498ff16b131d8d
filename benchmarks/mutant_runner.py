"""Runs tests against a module of this package that differs from the one on the disk.

A process that has imported what takes long, and nothing of this package, forks a child for each mutant; the child
imports the package with the mutated module in it, then runs pytest. So nothing is written into the working tree, and a
mutant costs what its tests cost. Which tests meet a statement is measured once for each module, by coverage.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import signal
import sys
import tempfile
import time
from importlib.abc import Loader, MetaPathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

ROOT = Path(__file__).parents[1]
_PRELOADED = (
    "pytest", "coverage", "yaml", "requests", "responses", "waitress.server", "waitress.task", "email.mime.text",
    "html", "unittest.mock", "concurrent.futures.thread", "ai_api_client_sdk.ai_api_v2_client", "pytest_timeout",
    "_pytest.pytester", "_pytest.junitxml",
)  # fmt: skip
_NEEDLESS = ("randomly", "xdist", "xdist.looponfail", "rerunfailures", "cacheprovider", "hypothesispytest")
_PATIENCE = 20.0
"""Seconds for which a test may wait, and a session may last beside what its tests usually take."""


class _Mutated(MetaPathFinder, Loader):
    """Finds one module, with another source than the one on the disk."""

    def __init__(self, name: str, file: Path, source: str) -> None:
        self._name = name
        self._file = file
        self._source = source

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name != self._name:
            return None
        return importlib.util.spec_from_file_location(name, self._file, loader=self)

    def create_module(self, _: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._source, str(self._file), "exec"), module.__dict__)

    def get_source(self, _: str) -> str:
        """Return what tracebacks show."""
        return self._source


class _Meetings:
    """A plugin of pytest that takes down which tests meet which lines, and how long each takes."""

    def __init__(self, coverage: Any) -> None:
        self._coverage = coverage
        self.seconds: dict[str, float] = {}
        self._began = 0.0

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Leave out property tests: they draw new examples each time, and take seconds."""
        items[:] = [item for item in items if not getattr(item.obj, "is_hypothesis_test", False)]

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._coverage.switch_context(nodeid)
        self._began = time.perf_counter()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.seconds[nodeid] = time.perf_counter() - self._began
        self._coverage.switch_context("")


class Runner:
    """Runs the tests of one module.

    Args:
        module: path below the package, for example `training/live/ledger.py`.
        tests: files or folders of tests.
    """

    def __init__(self, module: str, tests: Sequence[str]) -> None:
        self.file = ROOT / "pytest_aicore" / module
        self._name = ".".join(("pytest_aicore", *Path(module).with_suffix("").parts))
        self._tests = tuple(tests)
        self._meetings: Mapping[int, Sequence[str]] = {}
        self._seconds: Mapping[str, float] = {}
        self._compiled = tempfile.TemporaryDirectory()  # what children compile serves those after them
        sys.pycache_prefix, sys.dont_write_bytecode = self._compiled.name, False
        for name in _PRELOADED:
            importlib.import_module(name)
        gc.freeze()

    @property
    def seconds(self) -> float:
        """How long all tests of the module take."""
        return sum(self._seconds.values())

    def measure(self) -> None:
        """Find out which tests meet which lines, and that they pass as they will be run.

        Raises:
            RuntimeError: a test fails without any mutant.
        """
        with tempfile.TemporaryDirectory() as folder:
            result = Path(folder, "meetings.json")
            self._must_pass(lambda: self._measure(result), Path(folder, "output.txt"))
            found = json.loads(result.read_text())
            self._meetings = {int(line): tests for line, tests in found["meetings"].items()}
            self._seconds = found["seconds"]
            source = self.file.read_text(encoding="utf-8")
            self._must_pass(lambda: self._test(source, list(self._seconds)), Path(folder, "again.txt"))

    def _must_pass(self, run: Callable[[], int], output: Path) -> None:
        if _in_child(run, 900.0, output) != 0:
            raise RuntimeError(f"{self._name}: its tests fail without any mutant:\n{output.read_text()}")

    def _measure(self, result: Path) -> int:
        import coverage

        recorder = coverage.Coverage(data_file=None, include=[str(self.file)])
        recorder.start()
        meetings = _Meetings(recorder)
        self._import(self.file.read_text(encoding="utf-8"))
        status = _pytest(self._tests, [meetings])
        recorder.stop()
        data = recorder.get_data()
        lines = {str(line): tests for line, tests in data.contexts_by_lineno(str(self.file)).items()}
        result.write_text(json.dumps({"meetings": lines, "seconds": meetings.seconds}))
        return status

    def tests_of(self, lines: range) -> list[str]:
        """Return the tests that meet one of some lines, the fastest first; all tests if importing the module does."""
        found = {test for line in lines for test in self._meetings.get(line, ())}
        return sorted(self._seconds if "" in found else found, key=lambda test: self._seconds.get(test, 0.0))

    def outcome(self, source: str, lines: range) -> str:
        """Return what the tests say of a module: `killed`, `timeout`, `survived`, or `not met` by any test.

        Args:
            source: of the module.
            lines: that differ from the module on the disk.
        """
        tests = self.tests_of(lines)
        if not tests:
            return "not met"
        patience = _PATIENCE + 5 * sum(self._seconds[test] for test in tests)

        status = _in_child(lambda: self._test(source, tests), patience, Path(os.devnull))
        return {None: "timeout", 0: "survived"}.get(status, "killed")

    def _test(self, source: str, tests: Sequence[str]) -> int:
        self._import(source)
        return _pytest(tests)

    def _import(self, source: str) -> None:
        sys.meta_path.insert(0, _Mutated(self._name, self.file, source))
        importlib.import_module(self._name)


def _pytest(tests: Sequence[str], plugins: Sequence[object] = ()) -> int:
    import pytest

    needless = [argument for name in _NEEDLESS for argument in ("-p", f"no:{name}")]
    quiet = ("-x", "-q", "--tb=short", "--assert=plain", f"--timeout={_PATIENCE:g}")
    where = (f"--config-file={ROOT / 'pyproject.toml'}", f"--rootdir={ROOT}")
    return int(pytest.main([*needless, *quiet, *where, *(f"{ROOT}/{test}" for test in tests)], plugins=list(plugins)))


def _in_child(run: Callable[[], int], patience: float, output: Path) -> int | None:
    """Return the exit status of a child, None if it has not ended in time."""
    with tempfile.TemporaryDirectory() as folder:  # a mutant may write its files anywhere
        child = os.fork()
        if child == 0:
            _become(run, Path(folder), output)
        return _ended(child, patience)


def _ended(child: int, patience: float) -> int | None:
    deadline = time.monotonic() + patience
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.01)


def _become(run: Callable[[], int], folder: Path, output: Path) -> None:
    status = 99
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        sys.path.insert(0, str(ROOT))
        os.environ["PYTEST_AICORE_OPENAPI"] = os.devnull  # the emulator's answers are not what is looked at here
        sink = os.open(output, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        status = run()
    finally:
        os._exit(status)
