"""What will happen as time passes: one agenda for everything that lives.

An appointment only wakes a record up. What then happens, the record's keeper reads from the record itself: is
anything of it due at this very moment? So a record that was changed, stopped or deleted in the meantime needs
no appointment to be taken back, and one that is woken up twice does nothing the second time.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from pytest_aicore.emulator.store.records import Appointment

if TYPE_CHECKING:
    from collections.abc import Callable

    Waker = Callable[[str, str, float], None]
    """Gets the resource group (empty for what belongs to the tenant), the record's id and the moment."""


class Agenda:
    """Keeps appointments. It remembers nothing itself: they are in the world's state.

    Args:
        queue: returns the appointments, a heap.
        now: returns the time by which they are due, seconds since the epoch.
    """

    def __init__(self, queue: Callable[[], list[Appointment]], now: Callable[[], float]) -> None:
        self._queue = queue
        self._now = now
        self._wakers: dict[str, Waker] = {}

    def when_due(self, kind: str, waker: Waker) -> None:
        """Say who looks after the appointments of a kind."""
        self._wakers[kind] = waker

    def appoint(self, at: float | None, number: int, kind: str, group: str, record_id: str) -> None:
        """Make an appointment; None is never.

        Args:
            at: seconds since the epoch.
            number: the record's running number.
            kind: who is to look after it.
            group: the record's resource group, empty for what belongs to the tenant.
            record_id: the record's id.
        """
        if at is not None:
            heapq.heappush(self._queue(), Appointment(at, number, kind, group, record_id))

    def settle(self) -> None:
        """Let everything happen whose time has come, in order."""
        agenda, now = self._queue(), self._now()
        while agenda and agenda[0].at <= now:
            appointment = heapq.heappop(agenda)
            self._wakers[appointment.kind](appointment.group, appointment.id, appointment.at)
