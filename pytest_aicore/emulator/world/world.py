"""The world behind the API: state, time, and agenda.

Everything that changes it as time passes (executions, schedules, provisioning, Git sync) gets this, and nothing of the
modules that answer requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from pytest_aicore.emulator.world.agenda import Agenda

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from pytest_aicore.emulator.store.state import ResourceGroup, State
    from pytest_aicore.emulator.world.clock import VirtualClock


@dataclass(eq=False)  # without slots: the world has weak references to those in use
class Checkpoint:
    """The state and time of an emulator, to which it can be rolled back."""

    state: State
    now: float
    held: bool
    tallies: list[Any]
    """The counters of the state's faults: the fault objects themselves are shared with the tests that made them."""


def _nowhere(group: ResourceGroup, path: str) -> None:
    del group, path


class World:
    """State, clock, agenda, and the problems for which the running test must fail.

    Args:
        state: the initial state.
        clock: its time.
        local_repositories: whether clients may name any folder of this machine as a repository.
    """

    def __init__(self, state: State, clock: VirtualClock, *, local_repositories: bool = True) -> None:
        self.state = state
        self.clock = clock
        self.local_repositories = local_repositories
        self.agenda = Agenda(lambda: self.state.agenda, clock.now)
        self._moments: WeakSet[Checkpoint] = WeakSet()
        self.incidents: list[str] = []
        self.lock: AbstractContextManager[object] = RLock()
        """The lock to hold, briefly, while reading or changing the world."""
        self.stored: Callable[[ResourceGroup, str], bytes | None] = _nowhere
        """Returns an object that an engine keeps outside of the state by its URL without `ai://`, or None."""

    def poll(self) -> None:
        """Let the time of a poll pass, before its answer is made: what a client does next fits what it was shown."""
        self.clock.poll()
        self.agenda.settle()

    def report(self, incident: str) -> None:
        """Record a problem for which the running test must fail."""
        with self.lock:
            if incident not in self.incidents:
                self.incidents.append(incident)

    def take_incidents(self) -> list[str]:
        """Return the problems for which the running test must fail, and clear them."""
        with self.lock:
            incidents, self.incidents = self.incidents, []
        return incidents

    def checkpoint(self) -> Checkpoint:
        """Return a checkpoint of the present state and time."""
        with self.lock:
            tallies = [fault.tally.copy() for fault in self.state.faults]
            moment = Checkpoint(self.state.copy(), self.clock.now(), self.clock.held, tallies)
            self._moments.add(moment)
        return moment

    def restore(self, checkpoint: Checkpoint) -> None:
        """Restore the state and the time of a checkpoint; clear the problems."""
        with self.lock:
            self.state = checkpoint.state.copy()
            for fault, tally in zip(self.state.faults, checkpoint.tallies, strict=True):
                fault.tally = tally.copy()
            self.clock.set(checkpoint.now, held=checkpoint.held)
            self.incidents.clear()

    def copies(self) -> Iterator[tuple[State, float]]:
        """Return the present state and each one that can still be restored, with its time.

        An irrevocable event is recorded in all of them. The world's lock must be held.
        """
        yield self.state, self.clock.now()
        seen = {id(self.state)}
        for moment in list(self._moments):
            if id(moment.state) not in seen:
                seen.add(id(moment.state))
                yield moment.state, moment.now
