"""The world behind the API: what is remembered, what time it is, and what is due next.

Whoever brings something about in it (executions, schedules, provisioning, Git sync) gets this, and nothing of what
answers requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from pytest_aicore.emulator.world.agenda import Agenda

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from pytest_aicore.emulator.store.state import State
    from pytest_aicore.emulator.world.clock import Clock


@dataclass(eq=False)  # without slots: the world knows those that somebody still holds by weak references
class Checkpoint:
    """A moment of an emulator to which it can be rolled back."""

    state: State
    now: float
    held: bool
    tallies: list[Any]
    """What each of the state's faults had counted: faults are shared with the tests that made them."""


class World:
    """State, clock, agenda, and the incidents that must fail the test that is running.

    Args:
        state: what it begins with.
        clock: its time.
        local_repositories: whether clients may name any folder of this machine as a repository.
    """

    def __init__(self, state: State, clock: Clock, *, local_repositories: bool = True) -> None:
        self.state = state
        self.clock = clock
        self.local_repositories = local_repositories
        self.agenda = Agenda(lambda: self.state.agenda, clock.now)
        self._moments: WeakSet[Checkpoint] = WeakSet()
        self.incidents: list[str] = []
        self.lock: AbstractContextManager[object] = RLock()
        """Whoever reads or changes the world holds it, and holds it briefly."""

    def report(self, incident: str) -> None:
        """Remember what must fail the test that is running."""
        with self.lock:
            if incident not in self.incidents:
                self.incidents.append(incident)

    def take_incidents(self) -> list[str]:
        """Return what must fail the test that is running, and forget it."""
        with self.lock:
            incidents, self.incidents = self.incidents, []
        return incidents

    def checkpoint(self) -> Checkpoint:
        """Return this moment."""
        with self.lock:
            tallies = [fault.tally.copy() for fault in self.state.faults]
            moment = Checkpoint(self.state.copy(), self.clock.now(), self.clock.held, tallies)
            self._moments.add(moment)
        return moment

    def restore(self, checkpoint: Checkpoint) -> None:
        """Have the state and the time of a moment, and no incidents."""
        with self.lock:
            self.state = checkpoint.state.copy()
            for fault, tally in zip(self.state.faults, checkpoint.tallies, strict=True):
                fault.tally = tally.copy()
            self.clock.set(checkpoint.now, held=checkpoint.held)
            self.incidents.clear()

    def copies(self) -> Iterator[tuple[State, float]]:
        """Return each state that is, or can still be restored, with what time it is in it.

        What happened for good is to be told to all of them. The world's lock must be held.
        """
        yield self.state, self.clock.now()
        seen = {id(self.state)}
        for moment in list(self._moments):
            if id(moment.state) not in seen:
                seen.add(id(moment.state))
                yield moment.state, moment.now
