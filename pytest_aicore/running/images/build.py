"""Follows a Dockerfile, without Docker: what a step of this machine needs of it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pytest_aicore.errors import ImageError
from pytest_aicore.running.environment import PATH
from pytest_aicore.running.images.context import Context
from pytest_aicore.running.images.dockerfile import parse, substituted
from pytest_aicore.running.images.image import Image, NotFollowed
from pytest_aicore.running.images.interpreter import in_environment
from pytest_aicore.running.images.packages import Installation
from pytest_aicore.running.images.shell import Beyond, commands, of_words
from pytest_aicore.running.root import Root

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.running.images.dockerfile import Instruction
    from pytest_aicore.running.images.interpreter import Interpreter
    from pytest_aicore.running.images.packages import Environments

_OF_NO_EFFECT = frozenset({"EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "STOPSIGNAL", "USER"})
"""They change nothing for a step: AI Core chooses the user, and nobody asks a training for its health."""
_PIP_FOR_CONTAINERS = frozenset(
    {"--no-cache-dir", "--user", "--system", "--break-system-packages", "--no-warn-script-location", "-q", "--quiet"}
)
"""Options of `pip install` that mean nothing in an environment that is kept."""
_PYTHON_IMAGE = re.compile(r"(?:.*/)?python:(\d+\.\d+)(?:\D.*)?$")
_PLAIN_SYSTEMS = re.compile(r"(?:.*/)?(?:alpine|debian|ubuntu|python|busybox|scratch)(?::.*|@.*)?$")
_NESTED = re.compile(r"\s*(?:-r|-c|--requirement|--constraint)[ =]*(\S+)")


class Build:
    """The image of one Dockerfile, instruction by instruction.

    Args:
        folder: the folder with the Dockerfile.
        files: an empty folder for the files of the image.
        base: the Python of this machine that the image gets.
    """

    def __init__(self, folder: Path, files: Path, base: Interpreter) -> None:
        self._file = folder / "Dockerfile"
        self._base = base
        self._root = Root(files)
        self._context = Context(folder)
        self._image = Image(base, files=files)
        self._variables: dict[str, str] = {}
        self._arguments: dict[str, str] = {}
        self._before_from: dict[str, str] = {}
        self._warnings: list[NotFollowed] = []
        self._paths: list[str] = []
        self._installations: list[Installation] = []
        self._takes_arguments = True

    def image(self, environments: Environments) -> Image:
        """Follow the Dockerfile.

        Args:
            environments: where packages are installed.

        Raises:
            ImageError: it cannot be read, a source of COPY does not exist, packages cannot be installed.
        """
        try:
            content = self._file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ImageError(f"{self._file} cannot be read: {error}") from None
        for instruction in _last_stage(parse(content, str(self._file))):
            self._follow(instruction)
        python = environments.with_packages(self._base, self._installations, str(self._file))
        return replace(
            self._image,
            # A shell that is the ENTRYPOINT passes nothing on.
            cmd=self._image.cmd if self._takes_arguments else None,
            python=in_environment(python, self._base),
            paths=tuple(dict.fromkeys(self._paths)),
            variables=dict(self._variables),
            warnings=tuple(self._warnings),
        )

    def _follow(self, instruction: Instruction) -> None:
        if instruction.name in _OF_NO_EFFECT:
            return
        if instruction.is_here_document:
            self._warn(instruction, "here-documents are not followed")
            return
        methods: dict[str, Callable[[Instruction], None]] = {
            "FROM": self._from,
            "ARG": self._arg,
            "ENV": self._env,
            "WORKDIR": self._workdir,
            "COPY": self._copy,
            "ADD": self._copy,
            "VOLUME": self._volume,
            "RUN": self._run,
            "ENTRYPOINT": self._entrypoint,
            "CMD": self._cmd,
        }
        method = methods.get(instruction.name)
        if method is None:
            self._warn(instruction, f"{instruction.name} is not followed")
        else:
            method(instruction)

    def _warn(self, instruction: Instruction, reason: str, text: str = "") -> None:
        said = text or f"{instruction.name} {instruction.text}"
        self._warnings.append(NotFollowed(self._file, instruction.line, said, reason))

    def _text(self, instruction: Instruction) -> str:
        return substituted(instruction.text, {"PATH": PATH, **self._arguments, **self._variables})

    def _from(self, instruction: Instruction) -> None:
        base = self._text(instruction).split()[0]
        python = _PYTHON_IMAGE.match(base)
        if python is not None and python[1] != self._base.version:
            self._warn(instruction, f"the steps get Python {self._base.version}")
        elif _PLAIN_SYSTEMS.match(base) is None:
            self._warn(instruction, "what this image contains is missing here")
        self._before_from = dict(self._arguments)
        self._arguments.clear()  # until the stage asks for them again

    def _arg(self, instruction: Instruction) -> None:
        for word in self._words(instruction, self._text(instruction)):
            name, _, value = word.partition("=")
            self._arguments[name] = value or self._before_from.get(name, "")

    def _env(self, instruction: Instruction) -> None:
        if "=" not in instruction.text.split()[0]:  # the old form: ENV NAME the value
            name, _, value = self._text(instruction).partition(" ")
            self._variables[name] = value.strip()
            return
        for word in self._words(instruction, self._text(instruction)):
            name, _, value = word.partition("=")
            self._variables[name] = value

    def _words(self, instruction: Instruction, text: str) -> list[str]:
        try:
            return shlex.split(text)
        except ValueError as error:
            reason = str(error).lower()
            raise ImageError(f"{self._place(instruction)}: {instruction.name} cannot be read: {reason}") from None

    def _place(self, instruction: Instruction) -> str:
        return f"{self._file}:{instruction.line}"

    def _absolute(self, path: str) -> str:
        whole = os.path.normpath(PurePosixPath(self._image.workdir, path))
        return f"{whole}/" if path.endswith("/") and whole != "/" else whole

    def _make_folder(self, instruction: Instruction, path: str) -> str:
        whole = self._absolute(path)
        try:
            self._root.make_folder(whole)
        except OSError as error:
            raise ImageError(f"{self._place(instruction)}: {whole} cannot be made: {error.strerror}") from None
        self._paths.append(whole.rstrip("/") or "/")
        return whole

    def _workdir(self, instruction: Instruction) -> None:
        self._image = replace(self._image, workdir=self._make_folder(instruction, self._text(instruction).strip("\"'")))

    def _volume(self, instruction: Instruction) -> None:
        for path in instruction.array() or self._text(instruction).split():
            self._make_folder(instruction, path)

    def _copy(self, instruction: Instruction) -> None:
        if "from" in instruction.flags:
            self._warn(instruction, "other stages and images are not followed")
            return
        words = instruction.array() or self._words(instruction, self._text(instruction))
        if len(words) < 2:
            raise ImageError(f"{self._place(instruction)}: {instruction.name} needs a source and a target")
        *sources, target = words
        remote = [source for source in sources if re.match(r"https?://|git@|git://", source)]
        packed = [source for source in sources if re.search(r"\.(?:tar(?:\.\w+)?|tgz|tbz2?|txz)$", source)]
        if instruction.name == "ADD" and (remote or packed):
            reason = "nothing is downloaded" if remote else "archives are not unpacked"
            self._warn(instruction, f"{reason}: {(remote or packed)[0]}")
            return
        mode = instruction.flags.get("chmod")
        if mode is not None and re.match(r"[0-7]{3,4}$", mode) is None:
            self._warn(instruction, f"of --chmod only numbers are followed, and this is {mode}")
            return
        whole = self._absolute(target)
        permissions = int(mode, 8) if mode is not None else None
        self._context.copy(sources, whole, self._root, self._place(instruction), permissions)
        self._paths.append(whole.rstrip("/") or "/")

    def _run(self, instruction: Instruction) -> None:
        array = instruction.array()
        for command in [of_words(array)] if array else commands(self._known_only(instruction)):
            if isinstance(command, Beyond):
                self._warn(instruction, command.reason, f"RUN {command.text}")
            elif command.kind == "mkdir":
                self._mkdir(instruction, command.arguments)
            elif command.kind == "chmod":
                self._chmod(instruction, command.arguments)
            elif command.kind == "pip":
                self._install(instruction, command.arguments)

    def _known_only(self, instruction: Instruction) -> str:
        """Return the line of a shell; a variable that only the shell knows stays, and so needs a shell."""
        known = {**self._arguments, **self._variables}
        return re.sub(
            r"\$(?:(\w+)|\{(\w+)\})", lambda found: known.get(found[1] or found[2], found[0]), instruction.text
        )

    def _mkdir(self, instruction: Instruction, arguments: tuple[str, ...]) -> None:
        options = [word for word in arguments if word.startswith("-")]
        if [word for word in options if word not in ("-p", "--parents", "-v", "-pv", "-vp")]:
            self._warn(instruction, "of mkdir only the option -p is followed", f"RUN mkdir {' '.join(arguments)}")
            return
        for path in arguments:
            if path not in options:
                self._make_folder(instruction, path)

    def _chmod(self, instruction: Instruction, arguments: tuple[str, ...]) -> None:
        options = [word for word in arguments if word in ("-R", "-v", "-f", "--recursive")]
        mode, *paths = [word for word in arguments if word not in options] or [""]
        places = [self._root.place(self._absolute(path), follow=True) for path in paths]
        done = None
        if places and all(place.exists() for place in places):
            command = ["chmod", *options, "--", mode, *map(str, places)]
            done = subprocess.run(  # noqa: S603  chmod, on files of the image
                command, capture_output=True, check=False
            )
        if done is None or done.returncode != 0:
            self._warn(instruction, "its files are not in the image here", f"RUN chmod {' '.join(arguments)}")

    def _install(self, instruction: Instruction, arguments: tuple[str, ...]) -> None:
        words = [word for word in arguments if word not in _PIP_FOR_CONTAINERS]
        if "-e" in words or "--editable" in words:
            self._warn(instruction, "editable installations are not followed", f"RUN pip install {' '.join(arguments)}")
            return
        mapped, contents = [], []
        for word in words:
            option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
            place = self._root.place(self._absolute(value), follow=True) if value else None
            is_file = place is not None and place.exists() and (not word.startswith("-") or bool(equals))
            if place is not None and is_file and place != self._root.folder:
                contents += _contents(place)
                mapped.append(f"{option}{equals}{place}")
            else:
                mapped.append(word)
        self._installations.append(Installation(instruction.line, tuple(mapped), tuple(contents)))

    def _entrypoint(self, instruction: Instruction) -> None:
        self._image = replace(self._image, entrypoint=_program(instruction))
        self._takes_arguments = instruction.array() is not None

    def _cmd(self, instruction: Instruction) -> None:
        self._image = replace(self._image, cmd=_program(instruction))


def _program(instruction: Instruction) -> tuple[str, ...]:
    array = instruction.array()
    return tuple(array) if array is not None else ("/bin/sh", "-c", instruction.text)


def _last_stage(instructions: list[Instruction]) -> list[Instruction]:
    """Return the instructions of the last stage, with the arguments that are set before the first."""
    starts = [number for number, each in enumerate(instructions) if each.name == "FROM"]
    return [*instructions[: starts[0]], *instructions[starts[-1] :]]


def _contents(place: Path) -> list[bytes]:
    """Return what a file, or all files of a folder, contain; also the lists that a list of requirements names."""
    if place.is_dir():
        return [each.read_bytes() for each in sorted(place.rglob("*")) if each.is_file() and not each.is_symlink()]
    found = [place.read_bytes()]
    if place.suffix in (".txt", ".in"):
        for line in place.read_text(encoding="utf-8", errors="replace").splitlines():
            nested = _NESTED.match(line)
            if nested is not None and (place.parent / nested[1]).is_file():
                found.append((place.parent / nested[1]).read_bytes())
    return found


__all__ = ["Build"]
