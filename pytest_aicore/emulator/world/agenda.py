"""What will happen as virtual time passes: one agenda for executions, schedules and everything else.

An appointment only calls a handler for a record. The handler reads from the record whether anything is due at this
moment. So appointments of records that were changed, stopped or deleted need not be removed, and a second
appointment for the same moment has no effect.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from pytest_aicore.emulator.store.records import Appointment

if TYPE_CHECKING:
    from collections.abc import Callable

    Waker = Callable[[str, str, float], None]
    """Gets the resource group (empty for records of the tenant), the record's id and the time."""


class Agenda:
    """Keeps appointments. It has no state of its own: they are in the world's state.

    Args:
        queue: returns the appointments, a heap.
        now: returns the time by which they are due, seconds since the epoch.
    """

    def __init__(self, queue: Callable[[], list[Appointment]], now: Callable[[], float]) -> None:
        self._queue = queue
        self._now = now
        self._wakers: dict[str, Waker] = {}

    def when_due(self, kind: str, waker: Waker) -> None:
        """Set the handler for appointments of a kind."""
        self._wakers[kind] = waker

    def appoint(self, at: float | None, number: int, kind: str, group: str, record_id: str) -> None:
        """Make an appointment; None means never.

        Args:
            at: seconds since the epoch.
            number: the record's running number.
            kind: selects the handler.
            group: the record's resource group, empty for records of the tenant.
            record_id: the record's id.
        """
        if at is not None:
            heapq.heappush(self._queue(), Appointment(at, number, kind, group, record_id))

    def settle(self) -> None:
        """Handle all appointments that are due, in order."""
        agenda, now = self._queue(), self._now()
        while agenda and agenda[0].at <= now:
            appointment = heapq.heappop(agenda)
            self._wakers[appointment.kind](appointment.group, appointment.id, appointment.at)
