"""How a few lines of Python, which prepare what is around a step, become the program of the step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BECOME: Final = """
import os, signal
def become(ctype, *command):
    if not ctype:  # else Python has set it (PEP 538)
        os.environ.pop("LC_CTYPE", None)
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN:  # by whoever started this, or by Python
            signal.signal(number, signal.SIG_DFL)
    os.execvp(command[0], command)
"""
"""Source text: `become(*becoming(command, env))` ends in the program, or raises OSError. What this process ignores
a container does not, and a variable that Python sets for itself is not in there."""


def becoming(command: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """Return the arguments of `become`.

    Args:
        command: of the step.
        env: of the step.
    """
    return [env.get("LC_CTYPE", ""), *command]


__all__ = ["BECOME", "becoming"]
