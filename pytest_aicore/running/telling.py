"""Tells what is going on where it takes long."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FIRST = 5.0
"""Seconds after which it is told; then after twice as many, and so on."""


@contextmanager
def telling(what: str, say: Callable[[str], None]) -> Iterator[None]:
    """Tell what is going on once it takes long, again and again, from another thread.

    Args:
        what: is going on.
        say: gets the sentence.
    """
    is_over = threading.Event()
    began = time.monotonic()

    def tell() -> None:
        seconds = _FIRST
        while not is_over.wait(seconds):
            say(f"{what}, for {time.monotonic() - began:.0f} s now")
            seconds *= 2

    thread = threading.Thread(target=tell, daemon=True, name="aicore-telling")
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


__all__ = ["telling"]
