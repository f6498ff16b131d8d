"""Starts executions on a schedule."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from pytest_aicore.emulator.world.cron import parse_cron

if TYPE_CHECKING:
    from pytest_aicore.emulator.store.admin_records import Schedule
    from pytest_aicore.emulator.store.state import ResourceGroup
    from pytest_aicore.emulator.world.cluster import Cluster
    from pytest_aicore.emulator.world.world import World

_RUN, _END = "schedule", "end of schedule"
"""The kinds of appointments that it handles."""


class Scheduler:
    """Starts executions at the times of their schedules. It has no state of its own.

    A schedule runs from its `start` on (inclusive), or from now on if it has none or it is past; at its `end` it
    becomes INACTIVE before it runs (assumed: the boundaries are not documented).

    Args:
        world: contains the schedules.
        cluster: starts their executions.
    """

    def __init__(self, world: World, cluster: Cluster) -> None:
        self._world = world
        self._cluster = cluster
        world.agenda.when_due(_RUN, self._wake_run)
        world.agenda.when_due(_END, self._wake_end)

    def plan(self, group: ResourceGroup, schedule: Schedule) -> Schedule:
        """Return a schedule with its next run, and make the appointments for it."""
        now = self._world.clock.now()
        next_at = self._next(schedule, now) if schedule.status == "ACTIVE" else None
        planned = replace(schedule, next_at=next_at)
        self._world.agenda.appoint(next_at, schedule.number, _RUN, group.id, schedule.id)
        if schedule.status == "ACTIVE":
            self._world.agenda.appoint(schedule.end, schedule.number, _END, group.id, schedule.id)
        return planned

    def _next(self, schedule: Schedule, after: float) -> float | None:
        if schedule.start is not None and schedule.start > after:
            after = ceil(schedule.start) - 1  # cron has a resolution of one minute
        next_at = parse_cron(schedule.cron).after(after)
        return None if next_at is None or (schedule.end is not None and next_at >= schedule.end) else next_at

    def _wake_run(self, group_id: str, schedule_id: str, at: float) -> None:
        group = self._world.state.groups.get(group_id)
        schedule = group.schedules.get(schedule_id) if group else None
        if group is None or schedule is None or schedule.next_at != at:
            return
        next_at = self._next(schedule, at)
        group.schedules.put(replace(schedule, next_at=next_at))
        self._world.agenda.appoint(next_at, schedule.number, _RUN, group_id, schedule_id)
        configuration = group.configurations.get(schedule.configuration_id)
        if configuration and not self._cluster.is_closed:
            self._cluster.start(group, configuration, schedule_id, at)

    def _wake_end(self, group_id: str, schedule_id: str, at: float) -> None:
        group = self._world.state.groups.get(group_id)
        schedule = group.schedules.get(schedule_id) if group else None
        if group and schedule and schedule.status == "ACTIVE" and schedule.end == at:
            group.schedules.put(replace(schedule, status="INACTIVE", modified_at=at, next_at=None))
