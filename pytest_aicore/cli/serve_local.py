"""`pytest-aicore serve --local`: executions are carried out on this machine."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_aicore.errors import SettingsError, listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_aicore.emulator.emulator import Emulator

_REAL = "real"


@dataclass(frozen=True)
class Wanted:
    """What is asked for on the command line about executions on this machine.

    Attributes:
        local: whether they are carried out at all.
        store: `NAME=FOLDER`.
        images: `PATTERN=FOLDER`.
        engine: the name of an engine, or `auto`; None if not given.
        secrets: the file with the values of secrets.
        config_maps: the file with the values of ConfigMaps.
        memory: `plan` to end steps that take more memory than their resource plan has, or `advice`; None if not given.
        no_network: whether steps reach no network.
        may_substitute: whether images that are not mapped may be substituted where the variable `CI` is set.
    """

    local: bool = False
    store: Sequence[str] = ()
    images: Sequence[str] = ()
    engine: str | None = None
    secrets: Path | None = None
    config_maps: Path | None = None
    may_substitute: bool = False
    memory: str | None = None
    no_network: bool = False

    def refuse_without_local(self) -> None:
        """Refuse options that have no effect.

        Raises:
            SettingsError: one was given without `--local`.
        """
        given = {
            "--local-store": self.store,
            "--image": self.images,
            "--engine": self.engine,
            "--secrets": self.secrets,
            "--config-maps": self.config_maps,
            "--substitute": self.may_substitute,
            "--memory": self.memory,
            "--no-network": self.no_network,
        }
        useless = [option for option, value in given.items() if value]
        if useless and not self.local:
            raise SettingsError(f"{listing(useless)}: only with --local; without it executions are emulated.")


def working_emulator(wanted: Wanted, pace: str, seed: int | None) -> Emulator:
    """Return an emulator that carries executions out on this machine, and say by what.

    What the command line does not say, the settings of the project in the current folder do.

    Args:
        wanted: what is asked for.
        pace: how fast time passes; it must be real.
        seed: of the generated ids; None for ids that no other server gives, since outputs stay under them.

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
    choices = replace(local_options.choices(wanted, wanted.store), outputs=Path(OUTPUT))
    engine = chosen_engine(choices.engine, network=choices.network)
    local_options.warn(
        f"executions run on this machine, by the engine `{engine.name}`; their output artifacts stay in {OUTPUT}"
    )
    for phrase in engine.lacks if engine.name == PlainProcess.name else ():
        local_options.warn(f"the engine `{engine.name}`: {phrase}.")
    engine.close()
    chosen = secrets.randbits(64) if seed is None else seed
    return local_emulator(choices, local_options.warn, seed=chosen, tokens_expire=True)


__all__ = ["Wanted", "working_emulator"]
