"""Ends a sandbox whose owner was killed while bubblewrap was still making it.

Bubblewrap binds the processes of a sandbox to its own life (`--die-with-parent`) only when it has made the sandbox. Who
is killed meanwhile would leave them: 14 of 40 sessions that were killed at random moments of a start did.
"""

from __future__ import annotations

import os
import subprocess

_SCRIPT = """
read -r _
while read -r key value; do
  case $key in '"child-pid":') kill -KILL "${value%%,*}" ;; esac
done <&1
"""
"""The first line ends when nobody can write into the pipe any more: this process has ended. The pipe that it reads then
is its descriptor 1, because not every shell knows descriptors of two digits."""


class Watchdog:
    """A shell that waits for the end of this process, and then ends the first process of a sandbox.

    Attributes:
        info: the descriptor for bubblewrap's option `--info-fd`, open until `is_passed_on`.

    Raises:
        OSError: the shell cannot be started.
    """

    def __init__(self) -> None:
        reading_life, self._life = os.pipe()
        reading_info, self.info = os.pipe()
        try:
            self._shell = subprocess.Popen(  # noqa: S603  the script above
                ["/bin/sh", "-c", _SCRIPT],
                stdin=reading_life,
                stdout=reading_info,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )
        except OSError:
            os.close(self._life)
            os.close(self.info)
            raise
        finally:
            os.close(reading_life)
            os.close(reading_info)

    def is_passed_on(self) -> None:
        """Close the descriptor that bubblewrap has now."""
        os.close(self.info)

    def close(self) -> None:
        """End it: the sandbox has ended."""
        self._shell.kill()
        self._shell.wait()
        os.close(self._life)


__all__ = ["Watchdog"]
