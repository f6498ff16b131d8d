"""RUN lines: the few commands that are followed, and why others are not."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

_BEYOND = re.compile(r"[|<>`*?{}()]|\$|(?<!&)&(?!&)")
"""What needs a shell: pipes, redirections, patterns, substitutions, jobs. `$NAME` of ARG and ENV is replaced before."""
_PYTHON = re.compile(r"python(?:\d(?:\.\d+)?)?$")
_PIP = re.compile(r"pip(?:\d(?:\.\d+)?)?$")
_OF_NO_EFFECT = frozenset({"chgrp", "chown", "set", "true", ":"})
"""All files of a step belong to the step's user."""
_FOLLOWED = "mkdir, touch, ln -s, chmod and pip install"
_PRINTS = re.compile(r"(?:echo|printf)\s")
_INTO_FILE = re.compile(r"\s*(>>?)\s*([\w./~+-]+)$")


@dataclass(frozen=True, slots=True)
class Followed:
    """A command that can be followed.

    Attributes:
        kind: `mkdir`, `pip` (install), `chmod`, `touch`, `ln` (-s), `write` (what `echo` or `printf` prints, into a
            file), or `nothing` for what has no effect here.
        arguments: what follows the name; for `pip` what follows `install`, for `ln` target and link, for `write` `>` or
            `>>`, the file, and the words of the command.
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
    parts = [part.strip() for part in _separated(text) if part.strip()]
    if any(_BEYOND.search(_without_quoted(_without_file(part))) for part in parts):
        return [Beyond(text, "it needs a shell")]
    return [_command(part) for part in parts]


def _without_file(part: str) -> str:
    return _INTO_FILE.sub("", part) if _PRINTS.match(part) else part


def _without_quoted(text: str) -> str:
    return re.sub(r"'[^']*'|\"[^\"$`]*\"", "", text)


def _separated(text: str) -> list[str]:
    """Return what stands between `&&` and `;`, outside of quotes."""
    return re.split(r"(?:&&|;)(?=(?:[^'\"]|'[^']*'|\"[^\"]*\")*$)", text)


def _command(text: str) -> Followed | Beyond:
    into = _INTO_FILE.search(text) if _PRINTS.match(text) else None
    if into is not None:
        text = text[: into.start()]
    try:
        words = shlex.split(text)
    except ValueError as error:
        return Beyond(text, f"it cannot be read: {str(error).lower()}")
    return of_words(words) if into is None else Followed("write", (into[1], into[2], *words))


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
    if name == "touch" and not any(word.startswith("-") for word in rest):
        return Followed("touch", tuple(rest))
    if name == "ln" and len(rest) == 3 and rest[0] in ("-s", "-sf", "-sfn", "-snf"):
        return Followed("ln", (rest[1], rest[2]))
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
    return Beyond(text, f"only {_FOLLOWED} are followed, and {words[0]} is another program")


__all__ = ["Beyond", "Followed", "commands", "of_words"]
