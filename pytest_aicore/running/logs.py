"""Makes lines of what a step writes, however it writes."""

from __future__ import annotations

import codecs
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_LINE = 256 * 1024
"""Characters. A longer line comes in parts, so that a step that writes no line break needs no more memory."""
LAST_LINES = 20
_LONGEST_LAST = 2000
"""Characters that are kept of each of the last lines."""
_RESULT = 256 * 1024
"""Bytes: what Argo keeps of a result, its end (argo-workflows, workflow/executor/executor.go)."""


class Lines:
    """Passes on what a step writes, line by line.

    Bytes that are not UTF-8 are replaced; a carriage return at the end of a line is left out.

    Args:
        say: gets each line without its line break, as soon as it is complete.

    Attributes:
        last: the last lines, each cut off where it is long.
        rest: what came after the last line break.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        self._say = say
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.rest = ""
        self._beside: list[Lines] = []

    def beside(self) -> Lines:
        """Return the lines of a second stream, which are passed on among these."""
        other = Lines(self._say)
        other.last = self.last
        self._beside.append(other)
        return other

    def write(self, content: bytes) -> None:
        """Take what was read.

        Args:
            content: the next bytes.
        """
        *whole, self.rest = (self.rest + self._decoder.decode(content)).split("\n")
        for line in whole:
            self._pass_on(line.removesuffix("\r"))
        while len(self.rest) >= LONGEST_LINE:
            self._pass_on(self.rest[:LONGEST_LINE])
            self.rest = self.rest[LONGEST_LINE:]

    def close(self) -> None:
        """Pass on what came after the last line break."""
        rest = self.rest + self._decoder.decode(b"", final=True)
        self.rest = ""
        if rest:
            self._pass_on(rest.removesuffix("\r"))
        for other in self._beside:
            other.close()

    def _pass_on(self, line: str) -> None:
        self.last.append(line[:_LONGEST_LAST])
        self._say(line)


class Result:
    """The end of what a step writes to stdout."""

    def __init__(self) -> None:
        self._tail = bytearray()

    def write(self, content: bytes) -> None:
        """Take what was read.

        Args:
            content: the next bytes.
        """
        self._tail += content
        del self._tail[: -_RESULT - 1]  # one more: a line break at the end does not count

    def text(self) -> str:
        """Return it without one line break at its end."""
        return bytes(self._tail).removesuffix(b"\n")[-_RESULT:].decode("utf-8", "replace")


__all__ = ["LAST_LINES", "LONGEST_LINE", "Lines", "Result"]
