"""An emulator whose executions are carried out on this machine."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pytest_aicore.emulator.emulator import Emulator
from pytest_aicore.emulator.object_stores import ObjectStores
from pytest_aicore.emulator.world.pace import RunningClock, pace_named
from pytest_aicore.errors import StoreError
from pytest_aicore.local.engine import LocalEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator.store.state import ResourceGroup
    from pytest_aicore.emulator.world.engine import Desk
    from pytest_aicore.local.choices import LocalChoices
    from pytest_aicore.local.object_store import ObjectStore
    from pytest_aicore.workflows.template import Template


def local_emulator(
    choices: LocalChoices,
    warn: Callable[[str], None],
    *,
    resource_group: str = "default",
    seed: int = 0,
    tokens_expire: bool = False,
) -> Emulator:
    """Return an emulator whose executions are carried out on this machine, in real time; `close` ends them.

    Args:
        choices: what users have chosen.
        warn: gets what the user should know and the API does not show, from any thread.
        resource_group: the id of one beside `default`, with an object-store secret for each store as well.
        seed: of the generated ids.
        tokens_expire: whether tokens expire.

    Raises:
        SettingsError: the chosen engine does not work on this machine.
        EmulatorError: the server for the steps cannot be started.
    """
    engines: list[LocalEngine] = []

    def template_of(executable_id: str) -> Template | None:
        published = emulator.state.find_published(executable_id)
        return published.template if published else None

    def make(desk: Desk) -> LocalEngine:
        engines.append(LocalEngine(desk, replace(choices, template_of=choices.template_of or template_of), warn))
        return engines[0]

    emulator = Emulator(seed, clock=RunningClock(pace_named("real")), tokens_expire=tokens_expire, engine=make)
    try:
        emulator.create_resource_group(resource_group)
        for secret in choices.store:
            for group in dict.fromkeys(("default", resource_group)):
                emulator.create_object_store_secret(secret, group)
        emulator.world.stored = partial(_stored, emulator)
        emulator.stores = partial(stores_of, emulator)
        engines[0].serve_steps(emulator)
    except BaseException:
        emulator.close()
        raise
    return emulator


def _stored(emulator: Emulator, group: ResourceGroup, path: str) -> bytes | None:
    """Return a file of an object store that is on this machine, None if there is none.

    Outputs belong to the group of their execution. What is elsewhere takes its time, and all requests would wait.
    """
    secret, _, place = path.partition("/")
    execution = place.partition("/")[0]
    others = (each for each in emulator.state.groups.values() if each is not group)
    if secret not in group.object_store_secrets or any(execution in other.executions for other in others):
        return None
    try:
        with stores_of(emulator, group.id).shelf_here(secret).open(place) as file:
            return file.read()
    except StoreError:
        return None


def stores_of(emulator: Emulator, group: str) -> ObjectStore:
    """Return what takes the place of the object stores of a resource group.

    Args:
        emulator: one that `local_emulator` has made.
        group: the id of the resource group.
    """
    engine = emulator.cluster.engine
    if not isinstance(engine, LocalEngine):
        raise TypeError(f"{engine!r} carries nothing out on this machine")
    return engine.store.with_uploads(ObjectStores(emulator.world, group).objects)


__all__ = ["local_emulator", "stores_of"]
