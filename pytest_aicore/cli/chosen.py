"""What the command line says about how steps run on this machine: the same options for `run` and `serve --local`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Chosen:
    """What options say; each is left out where its value is empty or None.

    Attributes:
        images: `PATTERN=FOLDER`.
        engine: the name of an engine, or `auto`.
        secrets: the file with the values of secrets.
        config_maps: the file with the values of ConfigMaps.
        memory: `plan` to end steps that take more memory than their resource plan has, or `advice`.
        no_network: whether steps reach no network.
        may_substitute: whether images that are not mapped may be substituted where the variable `CI` is set.
    """

    images: Sequence[str]
    engine: str | None
    secrets: Path | None
    config_maps: Path | None
    memory: str | None
    no_network: bool
    may_substitute: bool

    @classmethod
    def by(cls, asked: argparse.Namespace) -> Chosen:
        """Return what parsed options say.

        Args:
            asked: the options.
        """
        return cls(
            asked.image,
            asked.engine,
            asked.secrets,
            asked.config_maps,
            memory=asked.memory,
            no_network=asked.no_network,
            may_substitute=asked.substitute,
        )

    @property
    def by_option(self) -> Mapping[str, object]:
        """The values by their options."""
        return {
            "--image": self.images,
            "--engine": self.engine,
            "--secrets": self.secrets,
            "--config-maps": self.config_maps,
            "--substitute": self.may_substitute,
            "--memory": self.memory,
            "--no-network": self.no_network,
        }


__all__ = ["Chosen"]
