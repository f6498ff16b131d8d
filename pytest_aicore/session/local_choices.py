"""What the settings of a project say about executions that are carried out on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_aicore.local.choices import LocalChoices
from pytest_aicore.local.secrets_file import read_config_maps, read_secrets
from pytest_aicore.running.known_images import Asked

if TYPE_CHECKING:
    from pytest_aicore.config.options import Settings

KEPT: Final = "aicore-kept"
"""The folder in which files of steps are kept."""


def choices_of(settings: Settings) -> LocalChoices:
    """Return what settings choose.

    Args:
        settings: of the project.

    Raises:
        SettingsError: a file with the values of secrets or ConfigMaps cannot be read.
    """
    secrets, config_maps = settings.local_secrets, settings.local_config_maps
    return LocalChoices(
        engine=settings.local_engine.value,
        images=settings.local_images.value,
        store=settings.local_store.value,
        secrets={} if secrets.value is None else read_secrets(secrets.value, secrets.source),
        config_maps={} if config_maps.value is None else read_config_maps(config_maps.value, config_maps.source),
        may_substitute=settings.local_substitute.value,
        network=settings.local_network.value,
        limits_memory=settings.local_memory.value == "plan",
        kept=Path(KEPT) if settings.local_keep.value else None,
        asked=Asked("aicore_local_images = {name} = FOLDER", "aicore_local_substitute = true"),
    )


__all__ = ["choices_of"]
