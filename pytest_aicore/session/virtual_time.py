"""Virtual time for one test: `time.sleep` advances a clock instead of waiting. It does not depend on pytest."""

from __future__ import annotations

import sys
import sysconfig
import threading
import time
from datetime import datetime
from functools import lru_cache
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from pytest_aicore.errors import RunError
from pytest_aicore.processes import Home
from pytest_aicore.session import other_clocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import tzinfo
    from types import ModuleType

    from pytest_aicore.training.clock import Clock


_NANOSECONDS = 1_000_000_000
_FUNCTIONS = ("sleep", "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")
_KEEP_REAL_TIME = frozenset(
    {"_pytest", "pluggy", "pytest_aicore", "xdist", "execnet", "coverage", "hypothesis", "freezegun", "time_machine"}
)
"""Packages that run or measure tests, or replace time themselves: they keep real time."""
_AUTHENTICATOR = "ai_api_client_sdk.helpers.authenticator"
"""The module of SAP's SDK that asks `datetime.now` whether a token has to be renewed: tokens expire by this time."""
_REAL_FUNCTION = "_pytest_aicore_stands_for"
"""The attribute of a virtual function that names the real one."""


class VirtualTime:
    """The time of a test that asked for `aicore_clock`.

    Offline it is the emulator's time, and only sleeping moves it. Under `--aicore-live` it is the machine's.

    Args:
        clock: the emulator's clock, or the machine's.
        live: whether sleeping is real.
    """

    def __init__(self, clock: Clock, *, live: bool) -> None:
        """Begin to count; nothing is patched yet."""
        self._clock = clock
        self._live = live
        self._began = clock.monotonic()
        self._installed = False
        self._home = Home()

    def now(self) -> float:
        """Return seconds since the epoch."""
        return self._clock.now()

    @property
    def elapsed(self) -> float:
        """Seconds that have passed since the test began."""
        return self._clock.monotonic() - self._began

    def sleep(self, seconds: float) -> None:
        """Let time pass: at once offline, really under `--aicore-live`.

        Args:
            seconds: how much.

        Raises:
            RunError: this is a forked process, which has no such clock.
        """
        self._require_home()
        self._pass(seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass at once.

        Args:
            seconds: how much.

        Raises:
            RunError: the session is live, where that is impossible; or this is a forked process.
        """
        self._require_home()
        if self._live:
            raise RunError("aicore_clock.advance works offline only: the real SAP AI Core keeps its own time.")
        self._pass(seconds)

    def _pass(self, seconds: float) -> None:
        self._clock.sleep(seconds)
        if not self._live:
            other_clocks.move(seconds)

    def _datetime(self, is_real: Callable[[], bool]) -> type[datetime]:
        """Return a class `datetime` whose `now` is virtual where other times are."""
        clock = self._clock

        class VirtualDatetime(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return datetime.now(tz) if is_real() else datetime.fromtimestamp(clock.now(), tz)

        return VirtualDatetime

    def _require_home(self) -> None:
        if not (self._live or self._home.is_here):
            raise RunError(
                "aicore_clock works only in the process that runs the test; in a forked process time is real."
            )

    def install(self, patch: Callable[[object, str, object], object]) -> None:
        """Make the functions of the module `time` virtual for this test, also where a module has imported them by name.

        A function that was stored elsewhere before, for example as the default of a parameter, stays real.

        Threads that run already keep real time: they are not the test's (pytest-timeout, pytest-xdist). Those that the
        test starts share its virtual time: what several of them sleep adds up, as if they took turns.
        Other processes keep real time, forked ones as well.
        The event loops of asyncio follow `event_loops.py`. A date that time-machine or freezegun have set is what
        `time.time` shows, and it moves with the clock.

        Args:
            patch: sets an attribute until the test ends, as `MonkeyPatch.setattr` does.
        """
        if self._live:
            return
        real: dict[str, Any] = {name: getattr(time, name) for name in _FUNCTIONS}
        own = threading.current_thread()
        # Threads themselves, not their idents: those are given again to new threads.
        foreign = WeakSet(thread for thread in threading.enumerate() if thread is not own)

        def is_real() -> bool:
            # The test has ended, and a module that it imported has kept this; or this is a forked process: in others,
            # too, time is real, and this process has no emulator whose clock could be moved.
            if not (self._installed and self._home.is_here):
                return True
            thread = threading.current_thread()
            # A thread that the module `threading` did not start shows as a dummy, whenever it began.
            return thread is not own and (thread in foreign or type(thread).__name__ == "_DummyThread")

        # Monotonic clocks continue from their real values, so that points in time taken earlier stay in the past.
        monotonic_began: float = real["monotonic"]()
        counter_began: float = real["perf_counter"]()

        def sleep(seconds: float, /) -> None:
            if is_real():
                real["sleep"](seconds)
                return
            if seconds < 0:
                raise ValueError("sleep length must be non-negative")
            self._pass(seconds)
            real["sleep"](0)  # let the test's other threads have their turn

        def is_set() -> bool:
            return is_real() or other_clocks.are_set()

        keeping = {"time": is_set, "time_ns": is_set}

        def virtual(name: str, at: Callable[[], float]) -> Callable[[], float]:
            real_function, keeps = real[name], keeping.get(name, is_real)
            return lambda: real_function() if keeps() else at()

        def in_nanoseconds(name: str, at: Callable[[], float]) -> Callable[[], int]:
            real_function, keeps = real[name], keeping.get(name, is_real)
            return lambda: real_function() if keeps() else round(at() * _NANOSECONDS)

        def monotonic() -> float:
            return monotonic_began + self.elapsed

        def counter() -> float:
            return counter_began + self.elapsed

        replacing: dict[str, Any] = {
            "sleep": sleep,
            "time": virtual("time", self.now),
            "time_ns": in_nanoseconds("time_ns", self.now),
            "monotonic": virtual("monotonic", monotonic),
            "monotonic_ns": in_nanoseconds("monotonic_ns", monotonic),
            "perf_counter": virtual("perf_counter", counter),
            "perf_counter_ns": in_nanoseconds("perf_counter_ns", counter),
        }
        patch(self, "_installed", True)
        for name, function in replacing.items():
            setattr(function, _REAL_FUNCTION, real[name])
        for module, written, name in list(_imported(real)):
            patch(module, written, replacing[name])
        for name, function in replacing.items():
            patch(time, name, function)
        if _AUTHENTICATOR in sys.modules:
            patch(sys.modules[_AUTHENTICATOR], "datetime", self._datetime(is_real))
        # Late, because it imports asyncio; but now, because code under test may import it at any time.
        from pytest_aicore.session import event_loops

        event_loops.install(
            patch, is_virtual=lambda: not is_real(), monotonic=monotonic, sleep=self.sleep, is_of_test=_is_of_test
        )


def _imported(real: dict[str, Any]) -> Iterator[tuple[ModuleType, str, str]]:
    """Return what modules have imported by name (`from time import sleep`): module, name there, name in `time`."""
    names = {id(function): name for name, function in real.items()}
    for full_name, module in list(sys.modules.items()):
        top = full_name.partition(".")[0]
        if top in _KEEP_REAL_TIME or top.startswith("pytest") or not _is_ordinary(getattr(module, "__file__", None)):
            continue
        for written, value in list(vars(module).items()):
            if type(value) is BuiltinFunctionType:
                function: object = value
            elif type(value) is FunctionType:
                # An earlier test imported the module while time was virtual, or time is virtual already.
                function = value if id(value) in names else value.__dict__.get(_REAL_FUNCTION)
            else:
                continue
            if id(function) in names:
                yield module, written, names[id(function)]


def _is_ordinary(file: str | None) -> bool:
    """Return whether a module is not part of Python itself, whose timers and threads keep the machine's time."""
    installed, own = _folders()
    return file is not None and (file.startswith(installed) or not file.startswith(own))


def _is_of_test(file: str | None) -> bool:
    """Return whether a module is the user's: neither part of Python itself nor of an installed package."""
    installed, own = _folders()
    return file is not None and not file.startswith((*installed, *own))


@lru_cache(maxsize=1)
def _folders() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return where installed packages are, and where Python's own modules are, which may contain those."""
    paths = sysconfig.get_paths()
    return (paths["purelib"], paths["platlib"]), (paths["stdlib"], paths["platstdlib"])
