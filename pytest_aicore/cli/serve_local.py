"""`pytest-aicore serve --local`: executions are carried out on this machine."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_aicore.errors import SettingsError, listing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_aicore.cli.chosen import Chosen
    from pytest_aicore.emulator.emulator import Emulator

_REAL = "real"


@dataclass(frozen=True)
class Wanted:
    """What is asked for on the command line about executions on this machine.

    Attributes:
        local: whether they are carried out at all.
        store: `NAME=FOLDER`.
        chosen: how their steps run.
    """

    local: bool
    store: Sequence[str]
    chosen: Chosen

    def refuse_without_local(self) -> None:
        """Refuse options that have no effect.

        Raises:
            SettingsError: one was given without `--local`.
        """
        given = {"--local-store": self.store, **self.chosen.by_option}
        useless = [option for option, value in given.items() if value]
        if useless and not self.local:
            raise SettingsError(f"{listing(useless)}: only with --local; without it executions are emulated.")


def working_emulator(wanted: Wanted, pace: str, seed: int | None, warn: Callable[[str], None]) -> Emulator:
    """Return an emulator that carries executions out on this machine, and say by what.

    What the command line does not say, the settings of the project in the current folder do.

    Args:
        wanted: what is asked for.
        pace: how fast time passes; it must be real.
        seed: of the generated ids; None for ids that no other server gives, since outputs stay under them.
        warn: tells what the user should know.

    Raises:
        SettingsError: something that is asked for cannot be.
        EmulatorError: the server for the steps cannot be started.
    """
    # Late: a server that only emulates needs none of it.
    from pytest_aicore.cli import local_options
    from pytest_aicore.cli.local_options import OUTPUT
    from pytest_aicore.local.emulator import local_emulator
    from pytest_aicore.running.engines.choosing import chosen_engine
    from pytest_aicore.running.engines.process import PlainProcess

    if pace != _REAL:
        raise SettingsError(f"--pace {pace} with --local: what runs here takes its real time. Remove --pace.")
    choices = replace(local_options.choices(wanted.chosen, wanted.store), outputs=Path(OUTPUT))
    engine = chosen_engine(choices.engine, network=choices.network)
    warn(f"executions run on this machine, by the engine `{engine.name}`; their output artifacts stay in {OUTPUT}")
    for phrase in engine.lacks if engine.name == PlainProcess.name else ():
        warn(f"the engine `{engine.name}`: {phrase}.")
    engine.close()
    chosen = secrets.randbits(64) if seed is None else seed
    return local_emulator(choices, warn, seed=chosen, tokens_expire=True)


__all__ = ["Wanted", "working_emulator"]
