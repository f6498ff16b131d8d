"""The folder of a step that is kept: its files before and after, and a script that repeats just this step by hand."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from pytest_aicore.running.copying import copy, remove

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pytest_aicore.running.engines.engine import Engine, Launch

_BEFORE = "before"
_SCRIPT = "repeat.sh"
_OPEN_UP = "find root -type d ! -perm -u+rwx -exec chmod u+rwx {} + 2>/dev/null"
"""Folders that their owner closed could not be removed."""


class Kept:
    """The folder of a step that is kept.

    Args:
        folder: for it; nothing is in it yet but `root`, what the step sees as `/`.
        secrets: by the name of a secret its values by key; none of them is written.
    """

    def __init__(self, folder: Path, secrets: Mapping[str, Mapping[str, str]]) -> None:
        self._folder = folder
        self._variables = {
            value: (_variable(name, key), f"the value of the key {key} of the secret {name}")
            for name, values in secrets.items()
            for key, value in values.items()
            if value
        }

    @property
    def command(self) -> str:
        """What to paste into a shell to repeat the step."""
        return f"sh {shlex.quote(str(self._folder / _SCRIPT))}"

    def begin(self, launch: Launch, engine: Engine, secret_paths: Iterable[str]) -> None:
        """Keep the files with which a step starts, and write the script.

        Args:
            launch: the step.
            engine: what starts it.
            secret_paths: where files with secrets are mounted in it; they are not kept.

        Raises:
            OSError: something cannot be written.
        """
        self._secret_paths = [launch.root.place(path) for path in secret_paths]
        script = self._folder / _SCRIPT
        script.write_text(self._script(launch, engine), encoding="utf-8", errors="surrogateescape")
        script.chmod(0o700)
        before = self._folder / _BEFORE
        copy(launch.root.folder, before)
        for place in self._secret_paths:
            remove(before / place.relative_to(launch.root.folder))

    def end(self) -> None:
        """Remove the files with secrets, after the step has ended.

        Raises:
            OSError: one cannot be removed.
        """
        for place in self._secret_paths:
            remove(place)

    def _script(self, launch: Launch, engine: Engine) -> str:
        words, folder = engine.by_hand(launch)
        own = shlex.quote(str(self._folder))
        assignments = [f"{name}={value}" for name, value in launch.env.items()]
        run = " ".join(self._quoted(word) for word in ("env", "-i", *assignments, *words))
        lines = [
            "#!/bin/sh",
            f"# Repeats this step by hand, from the files with which it started ({_BEFORE}). Nothing takes what",
            "# `Tracking()` logs, and its outputs stay in the folder `root`.",
            *(f"# Files with secrets are missing: {place}" for place in self._secret_paths),
        ]
        used = [(name, what) for name, what in self._variables.values() if f'"${{{name}}}"' in run]
        lines += [f': "${{{name}:?set it to {what.replace("}", "")}}}"' for name, what in used]
        lines += [
            f"cd {own} || exit",
            f"{_OPEN_UP}; rm -rf root && cp -a {_BEFORE} root || exit",
            *([] if folder is None else [f"cd {shlex.quote(str(folder))} || exit"]),
            f"exec {run}",
        ]
        return "\n".join(lines) + "\n"

    def _quoted(self, text: str) -> str:
        """Return a word for a shell, in which secrets are variables."""
        if not self._variables:
            return shlex.quote(text)
        longest_first = sorted(self._variables, key=len, reverse=True)
        parts = re.split(f"({'|'.join(map(re.escape, longest_first))})", text)
        return "".join(map(self._quoted_part, filter(None, parts))) or "''"

    def _quoted_part(self, part: str) -> str:
        found = self._variables.get(part)
        return shlex.quote(part) if found is None else f'"${{{found[0]}}}"'


def _variable(name: str, key: str) -> str:
    return re.sub(r"\W", "_", f"SECRET_{name}_{key}", flags=re.ASCII).upper()


__all__ = ["Kept"]
