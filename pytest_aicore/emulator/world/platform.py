"""All services of one world: cluster, schedules, provisioning, Git sync."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pytest_aicore.emulator.world.cluster import Cluster

if TYPE_CHECKING:
    from pytest_aicore.emulator.world.cluster import EngineMaker
    from pytest_aicore.emulator.world.git_sync import GitSync
    from pytest_aicore.emulator.world.provisioning import Tenancy
    from pytest_aicore.emulator.world.schedules import Scheduler
    from pytest_aicore.emulator.world.world import World


class Platform:
    """A world with its services; they are made when first needed, because few tests need them all.

    Args:
        world: the world.
        make_engine: makes the engine that carries executions and deployments out.
    """

    def __init__(self, world: World, make_engine: EngineMaker) -> None:
        self.world = world
        self.cluster = Cluster(world, make_engine)

    @cached_property
    def scheduler(self) -> Scheduler:
        """Starts executions on a schedule."""
        from pytest_aicore.emulator.world.schedules import Scheduler

        return Scheduler(self.world, self.cluster)

    @cached_property
    def tenancy(self) -> Tenancy:
        """Provisions resource groups, on-boards repositories and reserves nodes."""
        from pytest_aicore.emulator.world.provisioning import Tenancy

        return Tenancy(self.world)

    @cached_property
    def gitsync(self) -> GitSync:
        """Synchronises applications."""
        from pytest_aicore.emulator.world.git_sync import GitSync

        return GitSync(self.world)
