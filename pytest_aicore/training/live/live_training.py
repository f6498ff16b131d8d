"""The state of one training in a live session.

A training is in exactly one state, and only the methods here change it. A fleet calls them while it holds its lock.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Thread

    from pytest_aicore.errors import AicoreError
    from pytest_aicore.training.run import Training


class TrainingState(Enum):
    """The states of a live training."""

    NEW = "new"
    """It is not in the queue: it was not put there yet, or was removed."""
    QUEUED = "queued"
    """It is started as soon as the limit of executions at once allows it."""
    STARTING = "starting"
    """A thread is starting its execution."""
    GIVEN_UP = "given up"
    """A thread is still starting its execution, but no test waits for that any more."""
    REFUSED = "refused"
    """It has no execution, and will not get one: the start failed, or was given up before it began."""
    RUNNING = "running"
    """It has an execution, which is polled."""
    ENDED = "ended"
    """A final status of its execution was seen."""
    LOST = "lost"
    """It has an execution, which is not polled any more: it was stopped, or the service does not answer for it."""


_UNSTARTED = (TrainingState.NEW, TrainingState.QUEUED, TrainingState.STARTING)
_IN_PROGRESS = (TrainingState.STARTING, TrainingState.GIVEN_UP)
_STARTED = (TrainingState.RUNNING, TrainingState.ENDED, TrainingState.LOST)


class LiveTraining:
    """What a fleet knows of one training.

    Args:
        training: the training.

    Attributes:
        training: as given.
        state: its state.
        error: why it was refused, given up or lost; None in the other states.
        users: the tests that need it, each with the seconds for which it would wait.
        is_urgent: whether a test waits for its start, so that it is started even above the limit.
        is_unwanted: whether it is stopped because no remaining test needs it.
        refusals: how often in a row the service has refused to answer for its execution.
        turn: its place in the queue: the smallest is next.
        position: how many executions of the fleet had been started before its own.
        thread: the thread that starts its execution.
    """

    def __init__(self, training: Training) -> None:
        self.training = training
        self.state = TrainingState.NEW
        self.error: AicoreError | None = None
        self.users: dict[str, float] = {}
        self.is_urgent = False
        self.is_unwanted = False
        self.refusals = 0
        self.turn = 0
        self.position = 0
        self.thread: Thread | None = None

    @property
    def awaits_start(self) -> bool:
        """Whether it may still be started."""
        return self.state in _UNSTARTED

    @property
    def is_being_started(self) -> bool:
        """Whether a thread is starting its execution."""
        return self.state in _IN_PROGRESS

    @property
    def has_execution(self) -> bool:
        """Whether its execution is known."""
        return self.state in _STARTED

    def queue(self, turn: int) -> None:
        """Put it into the queue, or move it there; nothing happens if its start has begun.

        Args:
            turn: its place.
        """
        if self.state in (TrainingState.NEW, TrainingState.QUEUED):
            self.state, self.turn = TrainingState.QUEUED, turn

    def leave_queue(self) -> None:
        """Remove it from the queue, if it is there."""
        if self.state is TrainingState.QUEUED:
            self.state = TrainingState.NEW

    def starts(self, thread: Thread) -> None:
        """Record that its execution is being started.

        Args:
            thread: the thread that starts it.
        """
        if self.state not in (TrainingState.NEW, TrainingState.QUEUED):
            raise ValueError(f"a training that is {self.state.value} cannot be started")
        self.state, self.thread = TrainingState.STARTING, thread

    def has_started(self, position: int) -> None:
        """Record that its execution was started; one that was given up meanwhile is lost.

        Args:
            position: how many executions had been started before.
        """
        if not self.is_being_started:
            raise ValueError(f"a training that is {self.state.value} cannot have started")
        was_given_up = self.state is TrainingState.GIVEN_UP
        self.state = TrainingState.LOST if was_given_up else TrainingState.RUNNING
        self.position = position

    def refuse(self, error: AicoreError) -> None:
        """Record that it gets no execution; nothing happens if it has one.

        Args:
            error: why. One that was given up keeps that reason.
        """
        if self.awaits_start or self.state is TrainingState.GIVEN_UP:
            self.state, self.error = TrainingState.REFUSED, self.error or error

    def give_up(self, error: AicoreError) -> None:
        """Record that no test waits for its start any more; nothing happens if it was started or refused.

        Args:
            error: why.
        """
        if self.state is TrainingState.STARTING:
            self.state, self.error = TrainingState.GIVEN_UP, error
        elif self.awaits_start:
            self.refuse(error)

    def end(self) -> None:
        """Record that its execution has a final status; one that is lost stays lost."""
        if self.state is TrainingState.RUNNING:
            self.state = TrainingState.ENDED

    def lose(self, error: AicoreError) -> None:
        """Record that its execution is not polled any more; one that is lost keeps its first reason.

        Args:
            error: why.
        """
        if self.state in (TrainingState.RUNNING, TrainingState.ENDED):
            self.state, self.error = TrainingState.LOST, error

    def need_no_more(self) -> None:
        """Record that no remaining test needs it: it leaves the queue, or is to be stopped."""
        if self.is_being_started or self.state in (TrainingState.RUNNING, TrainingState.LOST):
            self.is_unwanted = True
        self.leave_queue()
