"""Which engine carries steps out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.errors import SettingsError
from pytest_aicore.running.engines.process import PlainProcess
from pytest_aicore.running.engines.sandbox import Sandbox

if TYPE_CHECKING:
    from pytest_aicore.running.engines.engine import Engine

ENGINES: Final = {"sandbox": Sandbox, "process": PlainProcess}
"""The engines by the names by which users choose them."""
AUTOMATIC: Final = "auto"
"""Chooses an engine that isolates its steps."""


def chosen_engine(name: str) -> Engine:
    """Return an engine that works on this machine.

    Args:
        name: one of `ENGINES`, or `AUTOMATIC`.

    Raises:
        SettingsError: it does not work here.
    """
    engine: Engine = ENGINES["sandbox" if name == AUTOMATIC else name]()
    reason = engine.probe()
    if reason is None:
        return engine
    other = " Or run without isolation: the engine `process`." if engine.name != PlainProcess.name else ""
    raise SettingsError(f"No step can run here by the engine `{engine.name}`: {reason}{other}")


__all__ = ["AUTOMATIC", "ENGINES", "chosen_engine"]
