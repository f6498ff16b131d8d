"""An engine that really works: each execution is a child process, watched by a thread of its own, in real time."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING, NamedTuple

from pytest_aicore.emulator.world.engine import OpenEnd
from pytest_aicore.errors import EmulatorError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator.store.records import Configuration, Enactment
    from pytest_aicore.emulator.store.state import ResourceGroup
    from pytest_aicore.emulator.world.engine import Desk

PROGRAM = """
import sys, time
print("began", flush=True)
sys.stdin.readline() if sys.argv[1] == "inf" else time.sleep(float(sys.argv[1]))
print("ended", flush=True)
sys.exit(int(sys.argv[2]))
"""


class Work(NamedTuple):
    """What a child does."""

    seconds: float
    """How long; infinite: until it is told to end."""
    exit_code: int = 0


class ChildProcesses:
    """Carries executions and deployments out, each as a child process.

    Args:
        desk: where it reports.
        next_work: returns what the next child does.
    """

    def __init__(self, desk: Desk, next_work: Callable[[], Work]) -> None:
        self.desk = desk
        self.children: list[Child] = []
        """All that ever were."""
        self._next_work = next_work
        self._working: dict[str, Child] = {}

    def plan(
        self,
        group: ResourceGroup,
        configuration: Configuration,
        enactment_id: str,
        *,
        deployed: bool,
    ) -> OpenEnd:
        """Return that nothing is known."""
        assert group.configurations.get(configuration.id) == configuration
        assert enactment_id.startswith("d" if deployed else "e")
        return OpenEnd()

    def begin(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Start a child, in place of the one that there may be."""
        assert group.table_of(enactment).get(enactment.id) == enactment
        before = self._working.get(enactment.id)
        child = self._working[enactment.id] = Child(self, enactment, self._next_work())
        self.children.append(child)
        if before:
            before.end()
        child.start()

    def stop(self, group: ResourceGroup, enactment: Enactment) -> None:
        """End a child."""
        assert group.table_of(enactment).get(enactment.id) == enactment
        self._end(enactment.id)

    def carried(self) -> tuple[str, ...]:
        """Return those whose child has not ended."""
        return tuple(self._working)

    def abandon(self, enactment_id: str) -> None:
        """End a child."""
        self._end(enactment_id)

    def server_of(self, deployment_id: str) -> None:
        """Return None: no child is a server."""

    def polled(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Take no note of it."""

    def script_changed(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Refuse it."""
        raise EmulatorError(f"{enactment.id} of {group.id} really works: nobody says how it goes.")

    def is_current(self, child: Child) -> bool:
        """Tell whether a child works in place of no other."""
        return self._working.get(child.enactment.id) is child

    def forget(self, child: Child) -> None:
        """Take note of the last report of a child."""
        if self.is_current(child):
            del self._working[child.enactment.id]

    def close(self) -> None:
        """End every child, and wait until all of them have ended."""
        for child in self.children:
            child.end()
        for child in self.children:
            child.join(30)

    def _end(self, enactment_id: str) -> None:
        child = self._working.get(enactment_id)
        if child:  # or it has ended just now
            child.end()


class Child(threading.Thread):
    """A child process, and who watches it."""

    def __init__(self, engine: ChildProcesses, enactment: Enactment, work: Work) -> None:
        super().__init__(daemon=True)
        self.enactment = enactment
        self.process: subprocess.Popen[str] | None = None
        self._engine = engine
        self._work = work
        self._mutex = threading.Lock()
        self._unwanted = False

    def end(self) -> None:
        """Let it end, without waiting for that."""
        with self._mutex:
            self._unwanted = True
            process = self.process
        if process:
            process.terminate()

    def tell(self) -> None:
        """Tell it to come to its end."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def run(self) -> None:
        """Report what it does, as it does it."""
        desk, whose = self._engine.desk, self.enactment.id
        executable = desk.executable_of(self.enactment)
        assert executable is not None
        desk.status(whose, "PENDING")
        code = self._carried_out()
        for output in executable.output_artifacts if code == 0 else ():
            desk.output(whose, output.name)
        desk.output(whose, "undeclared")
        if self._engine.is_current(self):
            desk.status(whose, "STOPPED" if self._unwanted else "DEAD" if code else "COMPLETED")
            desk.status(whose, "RUNNING")  # an engine in disorder
            desk.log(whose, "after the end", container="wait")
            self._engine.forget(self)

    def _carried_out(self) -> int:
        """Return the exit code."""
        desk, whose = self._engine.desk, self.enactment.id
        command = [sys.executable, "-I", "-S", "-c", PROGRAM, str(self._work.seconds), str(self._work.exit_code)]
        with self._mutex:
            if self._unwanted:
                return 1
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        desk.status(whose, "RUNNING")
        with self.process as process:
            assert process.stdout is not None
            for step, line in enumerate(process.stdout):
                desk.progress(whose, 40 * (step + 1))
                desk.log(whose, line.rstrip())
                desk.metric(whose, "lines", step + 1.0, step=step)
            return process.wait()
