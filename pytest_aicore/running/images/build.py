"""Follows a Dockerfile, without Docker: what a step of this machine needs of it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import replace
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pytest_aicore.errors import ImageError
from pytest_aicore.running.environment import PATH
from pytest_aicore.running.images.context import Context
from pytest_aicore.running.images.dockerfile import parse, substituted
from pytest_aicore.running.images.image import Image, NotFollowed
from pytest_aicore.running.images.interpreter import in_environment
from pytest_aicore.running.images.packages import Installation
from pytest_aicore.running.images.shell import Beyond, Followed, commands, of_words
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
        self._stages: list[list[Instruction]] = []

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
        instructions = parse(content, str(self._file))
        self._stages = _stages(instructions)
        for instruction in [*_before_stages(instructions), *self._of_stage(self._stages[-1])]:
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

    def _of_stage(self, stage: list[Instruction]) -> list[Instruction]:
        """Return the instructions of a stage, after those of the stage on which it stands."""
        earlier = self._stages[: self._stages.index(stage)]
        base = next((each for each in reversed(earlier) if _name(each) == _base(stage)), None)
        return stage if base is None else [*self._of_stage(base), *stage]

    def _follow(self, instruction: Instruction) -> None:
        if instruction.name in _OF_NO_EFFECT:
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
        if any(_name(stage) == _base([instruction]) for stage in self._stages):
            self._arguments.clear()
            return
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
        if instruction.documents:
            self._write_documents(instruction, target)
            sources = [source for source in sources if not source.startswith("<<")]
            if not sources:
                return
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
        before = {each.name for each in self._root.folder.iterdir()}
        self._context.copy(sources, whole, self._root, self._place(instruction), permissions)
        self._paths.append(whole.rstrip("/") or "/")
        if whole == "/":  # what this machine has as well, such as /usr, stays the machine's
            new = sorted({each.name for each in self._root.folder.iterdir()} - before)
            self._paths += [f"/{name}" for name in new if not os.path.lexists(f"/{name}")]

    def _write_documents(self, instruction: Instruction, target: str) -> None:
        mode = instruction.flags.get("chmod") or "644"
        for document in instruction.documents:
            variables = {"PATH": PATH, **self._arguments, **self._variables}
            content = document.content if document.is_literal else substituted(document.content, variables)
            path = self._absolute(target)
            path = f"{path}{document.name}" if path.endswith("/") else path
            self._write(instruction, path, content)
            self._chmod(instruction, (mode, path))

    def _write(self, instruction: Instruction, path: str, content: str, *, is_added: bool = False) -> None:
        try:
            self._root.make_folder(str(PurePosixPath(path).parent))
            place = self._root.place(path, follow=True)
            before = place.read_text(encoding="utf-8") if is_added and place.exists() else ""
            place.write_text(before + content, encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ImageError(f"{self._place(instruction)}: {path} cannot be written: {_why(error)}") from None
        self._paths.append(path)

    def _commands(self, instruction: Instruction) -> list[Followed | Beyond]:
        """Return the commands of a RUN line, or of the here-document that is its script."""
        array = instruction.array()
        if array:
            return [of_words(array)]
        if not instruction.documents:
            return commands(self._known_only(instruction.text))
        content = instruction.documents[0].content
        if not instruction.text.startswith("<<") or content.startswith("#!"):
            return [Beyond(instruction.text, "of here-documents only scripts of the shell are followed")]
        lines = [line.strip() for line in content.replace("\\\n", "").splitlines()]
        return [each for line in lines if line[:1] not in ("", "#") for each in commands(self._known_only(line))]

    def _run(self, instruction: Instruction) -> None:
        for command in self._commands(instruction):
            if isinstance(command, Beyond):
                self._warn(instruction, command.reason, f"RUN {command.text}")
            elif command.kind == "mkdir":
                self._mkdir(instruction, command.arguments)
            elif command.kind == "chmod":
                self._chmod(instruction, command.arguments)
            elif command.kind == "pip":
                self._install(instruction, command.arguments)
            elif command.kind == "ln":
                self._link(instruction, command.arguments)
            elif command.kind == "touch":
                for path in command.arguments:
                    self._write(instruction, self._absolute(path), "", is_added=True)
            elif command.kind == "write":
                self._write_printed(instruction, command.arguments)

    def _link(self, instruction: Instruction, arguments: tuple[str, ...]) -> None:
        target, path = arguments
        whole = self._absolute(path)
        try:
            self._root.make_folder(str(PurePosixPath(whole).parent))
            place = self._root.place(whole)
            if place.is_dir() and not place.is_symlink():
                place = place / PurePosixPath(target).name
            place.unlink(missing_ok=True)
            place.symlink_to(target)
        except OSError as error:
            raise ImageError(f"{self._place(instruction)}: {whole} cannot be made: {error.strerror}") from None
        self._paths.append(whole)

    def _write_printed(self, instruction: Instruction, arguments: tuple[str, ...]) -> None:
        sign, path, *words = arguments
        printed = subprocess.run(  # noqa: S603  echo and printf, which the shell has itself
            ["/bin/sh", "-c", shlex.join(words)], capture_output=True, text=True, check=False, env={}
        )
        self._write(instruction, self._absolute(path), printed.stdout, is_added=sign == ">>")

    def _known_only(self, text: str) -> str:
        """Return the line of a shell; a variable that only the shell knows stays, and so needs a shell."""
        known = {**self._arguments, **self._variables}
        return re.sub(r"\$(?:(\w+)|\{(\w+)\})", lambda found: known.get(found[1] or found[2], found[0]), text)

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


def _why(error: Exception) -> str:
    return str((isinstance(error, OSError) and error.strerror) or error)


def _program(instruction: Instruction) -> tuple[str, ...]:
    array = instruction.array()
    return tuple(array) if array is not None else ("/bin/sh", "-c", instruction.text)


def _before_stages(instructions: list[Instruction]) -> list[Instruction]:
    """Return the arguments that are set before the first stage."""
    return list(takewhile(lambda each: each.name != "FROM", instructions))


def _stages(instructions: list[Instruction]) -> list[list[Instruction]]:
    """Return the instructions of each stage."""
    found: list[list[Instruction]] = []
    for each in instructions:
        if each.name == "FROM":
            found.append([])
        if found:
            found[-1].append(each)
    return found


def _base(stage: list[Instruction]) -> str:
    return stage[0].text.split()[0].lower()


def _name(stage: list[Instruction]) -> str:
    """Return the name of a stage, empty without one."""
    words = stage[0].text.lower().split()
    return words[2] if words[1:2] == ["as"] and len(words) > 2 else ""


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
