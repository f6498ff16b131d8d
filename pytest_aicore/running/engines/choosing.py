"""Which engine carries steps out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.errors import SettingsError
from pytest_aicore.running.engines.docker.engine import Docker
from pytest_aicore.running.engines.process import PlainProcess
from pytest_aicore.running.engines.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.running.engines.engine import Engine

ISOLATING: Final[Mapping[str, type[Sandbox | Docker]]] = {"sandbox": Sandbox, "docker": Docker}
"""The engines that isolate steps, by the names by which users choose them."""
ENGINES: Final = {**ISOLATING, "process": PlainProcess}
"""All engines."""
AUTOMATIC: Final = "auto"
"""Chooses an engine that isolates its steps: the first of these that works here."""


def chosen_engine(name: str, *, network: bool = True) -> Engine:
    """Return an engine that works on this machine.

    Args:
        name: one of `ENGINES`, or `AUTOMATIC`.
        network: whether steps reach the network.

    Raises:
        SettingsError: it does not work here.
    """
    reasons: dict[str, str] = {}
    for each in ISOLATING if name == AUTOMATIC else (name,):
        isolating = ISOLATING.get(each)
        engine: Engine = PlainProcess() if isolating is None else isolating(network=network)
        can_do_without = network or isolating is not None
        reason = engine.probe() if can_do_without else f"`{each}` cannot keep the network from steps."
        if reason is None:
            return engine
        reasons[each] = reason
    other = (
        f" Or run without isolation: the engine `{PlainProcess.name}`."
        if network and PlainProcess.name not in reasons
        else ""
    )
    said = " ".join(f"By the engine `{each}`: {reason}" for each, reason in reasons.items())
    raise SettingsError(f"No step can run here. {said}{other}")


__all__ = ["AUTOMATIC", "ENGINES", "chosen_engine"]
