"""RUN lines: the few commands that are followed, and why others are not."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

_BEYOND = re.compile(r"[|<>`*?{}()]|\$|(?<!&)&(?!&)")
"""What needs a shell: pipes, redirections, patterns, substitutions, jobs. `$NAME` of ARG and ENV is replaced before."""
_PYTHON = re.compile(r"python(?:\d(?:\.\d+)?)?$")
_PIP = re.compile(r"pip(?:\d(?:\.\d+)?)?$")
_OF_NO_EFFECT = frozenset({"chgrp", "chown", "true", ":"})
"""All files of a step belong to the step's user."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A command that can be followed.

    Attributes:
        kind: `mkdir`, `pip` (install), `chmod`, or `nothing` for what has no effect here.
        arguments: what follows the name; for `pip` what follows `install`.
    """

    kind: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Beyond:
    """A command that is not followed.

    Attributes:
        text: the command.
        reason: why.
    """

    text: str
    reason: str


def commands(text: str) -> list[Followed | Beyond]:
    """Return the commands of a RUN line, in order.

    Args:
        text: the line, with variables replaced.
    """
    if _BEYOND.search(_without_quoted(text)) is not None:
        return [Beyond(text, "it needs a shell")]
    return [_command(part.strip()) for part in _separated(text) if part.strip()]


def _without_quoted(text: str) -> str:
    return re.sub(r"'[^']*'|\"[^\"$`]*\"", "", text)


def _separated(text: str) -> list[str]:
    """Return what stands between `&&` and `;`, outside of quotes."""
    return re.split(r"(?:&&|;)(?=(?:[^'\"]|'[^']*'|\"[^\"]*\")*$)", text)


def _command(text: str) -> Followed | Beyond:
    try:
        words = shlex.split(text)
    except ValueError as error:
        return Beyond(text, f"it cannot be read: {str(error).lower()}")
    return of_words(words)


def of_words(words: list[str]) -> Followed | Beyond:
    """Return what is done about one command.

    Args:
        words: its name and arguments.
    """
    text = shlex.join(words)
    name = words[0].rpartition("/")[2]
    rest = words[1:]
    if name == "mkdir":
        return Followed("mkdir", tuple(rest))
    if name == "chmod":
        return Followed("chmod", tuple(rest))
    if name in _OF_NO_EFFECT:
        return Followed("nothing", ())
    if _PYTHON.match(name) and rest[:2] == ["-m", "pip"]:
        name, rest = "pip", rest[2:]
    if name == "uv" and rest[:1] == ["pip"]:
        name, rest = "pip", rest[1:]
    if _PIP.match(name):
        position = next((number for number, word in enumerate(rest) if not word.startswith("-")), None)
        if position is not None and rest[position] == "install":
            return Followed("pip", (*rest[:position], *rest[position + 1 :]))
    return Beyond(text, f"only mkdir, chmod and pip install are followed, and {words[0]} is another program")


__all__ = ["Beyond", "Followed", "commands", "of_words"]
