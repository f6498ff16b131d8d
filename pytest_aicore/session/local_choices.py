"""What the settings of a project say about executions that are carried out on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.local.choices import LocalChoices
from pytest_aicore.local.secrets_file import read_secrets
from pytest_aicore.running.known_images import Asked

if TYPE_CHECKING:
    from pytest_aicore.config.options import Settings


def choices_of(settings: Settings) -> LocalChoices:
    """Return what settings choose.

    Args:
        settings: of the project.

    Raises:
        SettingsError: the file with the values of secrets cannot be read.
    """
    secrets = settings.local_secrets
    return LocalChoices(
        engine=settings.local_engine.value,
        images=settings.local_images.value,
        store=settings.local_store.value,
        secrets={} if secrets.value is None else read_secrets(secrets.value, secrets.source),
        may_substitute=settings.local_substitute.value,
        asked=Asked("aicore_local_images = {name} = FOLDER", "aicore_local_substitute = true"),
    )


__all__ = ["choices_of"]
