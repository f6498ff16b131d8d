"""Asks the API for an image that may not be found for a moment."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")
_NO_IMAGE = re.compile(r"image not known", re.IGNORECASE)
_LOOKUPS: Final = 10
_BETWEEN_LOOKUPS: Final = 0.2
"""Seconds."""


def found(ask: Callable[[], Answer]) -> Answer:
    """Return what the API answers about an image: Podman does not find one while another is being removed.

    Args:
        ask: asks.

    Raises:
        APIError: it is not found again and again, or something else is wrong.
    """
    from docker.errors import APIError

    for _ in range(_LOOKUPS):
        try:
            return ask()
        except APIError as error:
            if _NO_IMAGE.search(str(error.explanation)) is None:
                raise
        time.sleep(_BETWEEN_LOOKUPS)
    return ask()


__all__ = ["found"]
