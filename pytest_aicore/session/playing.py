"""Runs for which the emulator plays what nobody trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_aicore.training.maker import Maker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ai_api_client_sdk.models.configuration_create_response import ConfigurationCreateResponse


class PlayingMaker(Maker):
    """Creates the configuration of a plan together with what the emulator plays for it.

    Args:
        *arguments: of `Maker`.
        play: gets the id of the configuration.
    """

    def __init__(self, *arguments: Any, play: Callable[[str], None]) -> None:
        super().__init__(*arguments)
        self._play = play

    def configuration(self, artifacts: Mapping[str, str], lost: str | None = None) -> ConfigurationCreateResponse:
        """Create the configuration, and return the answer.

        Args:
            artifacts: artifact id by input name.
            lost: the name of a configuration that may have been created.

        Raises:
            CallError: AI Core refused it, or a request failed.
        """
        created = super().configuration(artifacts, lost)
        self._play(created.id)
        return created


__all__ = ["PlayingMaker"]
