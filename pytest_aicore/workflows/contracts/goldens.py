"""Golden files: expected texts in the repository. They are never outside of their folder."""

from __future__ import annotations

import contextlib
import difflib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pytest_aicore.errors import ContractError
from pytest_aicore.redact import redact
from pytest_aicore.workflows.regular import read_beginning

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MAXIMUM_BYTES: Final = 4 * 1024 * 1024
"""The largest golden file that is read; a template has at most 1 MiB."""

_SHOWN_LINES: Final = 60
_NOUN: Final = "golden file"


class ContractPlaces:
    """Where the golden contracts of workflow files are.

    A contract is at the same place wherever pytest is started and whatever it is asked to check, and never in a
    workflows folder, of which AI Core's Git synchronisation reads every YAML and JSON file.

    Args:
        workflows: the workflows folders of the session.
        root: the root of the project.
        contracts: the folder of all contracts; without it each workflows folder has `contracts` beside itself.
    """

    def __init__(self, workflows: Sequence[Path], root: Path, contracts: Path | None = None) -> None:
        """Take the folders; nothing is read."""
        self._workflows = workflows
        self._root = root
        self._contracts = contracts

    def path_of(self, workflow: Path) -> Path:
        """Return the path of the golden contract of a workflow file.

        Args:
            workflow: the file.

        Returns:
            `<contracts>/<stem>.json` for a file of a workflows folder; below it, the folders of any other file as seen
            from its workflows folder or the root. If all contracts of several folders are in one, the folders of each
            file as seen from the root are below it.
        """
        for base in self._bases_of(workflow):
            if workflow.parent.is_relative_to(base):
                return self.folder_of(workflow) / workflow.parent.relative_to(base) / f"{workflow.stem}.json"
        # Outside of the project nothing of the project's can be its contract.
        return workflow.parent.parent / "contracts" / workflow.parent.name / f"{workflow.stem}.json"

    def folder_of(self, workflow: Path) -> Path:
        """Return the folder that the contract of a file of the project may not lead out of.

        Args:
            workflow: the file.
        """
        if self._contracts is not None:
            return self._contracts
        own = self._own_folder(workflow)
        if own is None and len(self._workflows) == 1:
            own = self._workflows[0]
        return (self._root if own in (None, self._root) else own.parent) / "contracts"

    def homes_of(self, golden: Path, sibling: Path) -> list[Path]:
        """Return the folders in which the workflow file of a golden contract may be.

        Args:
            golden: the contract, in the folder of a file's contract or below it.
            sibling: that file.
        """
        below = golden.parent.relative_to(self.folder_of(sibling))
        return list(dict.fromkeys(base / below for base in self._bases_of(sibling)))

    def _bases_of(self, workflow: Path) -> list[Path]:
        """Return what the folders of a file are seen from, what comes first counts."""
        own = self._own_folder(workflow)
        if self._contracts is not None and len(self._workflows) > 1:
            return [self._root, *([own] if own is not None else [])]
        return [*([own] if own is not None else self._workflows[:1]), self._root]

    def _own_folder(self, workflow: Path) -> Path | None:
        """Return the workflows folder that a file is in, the innermost of several."""
        around = [folder for folder in self._workflows if workflow.parent.is_relative_to(folder)]
        return max(around, key=lambda folder: len(folder.parts), default=None)


def read_golden(path: Path, folder: Path, noun: str = _NOUN) -> str | None:
    """Return the text of a golden file, None if it does not exist.

    Args:
        path: the file.
        folder: which it must not lead out of.
        noun: what messages call it.

    Raises:
        ContractError: it leads out of its folder, or cannot be read.
    """
    _stay_inside(path, folder, noun)
    try:
        data = read_beginning(path, MAXIMUM_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ContractError(f"The {noun} '{path}' cannot be read: {error.strerror}.") from None
    if len(data) > MAXIMUM_BYTES:
        raise ContractError(f"The {noun} '{path}' is larger than {MAXIMUM_BYTES:,} bytes, too large for a golden file.")
    try:
        # Git may have given it the line ends of the machine.
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ContractError(f"The {noun} '{path}' is not UTF-8 text (at byte {error.start}).") from None


def write_golden(path: Path, folder: Path, text: str, noun: str = _NOUN) -> None:
    """Write a golden file, all of it or nothing.

    Args:
        path: the file; folders on the way are made.
        folder: which it must not lead out of.
        text: its new content.
        noun: what messages call it.

    Raises:
        ContractError: it leads out of its folder, cannot be written, or would be too large to be read again.
    """
    _stay_inside(path, folder, noun)
    if len(text.encode()) > MAXIMUM_BYTES:
        raise ContractError(
            f"The {noun} '{path}' would be larger than {MAXIMUM_BYTES:,} bytes, too large for a golden file."
        )
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise ContractError(f"The {noun} '{path}' cannot be written: {error.strerror}.") from None


def remove_golden(path: Path, folder: Path) -> None:
    """Remove a golden file.

    Args:
        path: the file.
        folder: which it must not lead out of.

    Raises:
        ContractError: it leads out of its folder, or cannot be removed.
    """
    _stay_inside(path, folder)
    try:
        path.unlink()
    except OSError as error:
        raise ContractError(f"The golden file '{path}' cannot be removed: {error.strerror}.") from None


def _stay_inside(path: Path, folder: Path, noun: str = _NOUN) -> None:
    try:
        home = folder.resolve()
        leads_to = path.resolve()
    except (OSError, RuntimeError):
        raise ContractError(f"The {noun} '{path}' is a symbolic link to a file that does not exist.") from None
    if leads_to.is_relative_to(home) and leads_to != home:
        return
    raise ContractError(
        f"The {noun} '{path}' would be outside of '{folder}', at '{leads_to}'.\n"
        "Remove the symbolic link or the `..` that leads there."
    )


@dataclass(frozen=True)
class Goldens:
    """How the tests of one folder compare with golden files.

    Attributes:
        directory: what a relative path is relative to.
        root: which no golden file may lie outside of.
        update: whether files that differ are updated.
        written: the files that were.
    """

    directory: Path
    root: Path
    update: bool = False
    written: list[Path] = field(default_factory=list, compare=False)

    def check(self, text: str, path: str | os.PathLike[str]) -> None:
        """Compare a text with a golden file, or write the file under `--aicore-update`.

        Args:
            text: what there is now.
            path: the golden file.

        Raises:
            ContractError: the file does not exist, has different content, or cannot be read or written.
        """
        file = self.directory / path
        golden = read_golden(file, self.root)
        if golden == text:
            return
        if self.update:
            write_golden(file, self.root, text)
            self.written.append(file)
            return
        update = "If the new content is correct: pytest --aicore-update"
        if golden is None:
            raise ContractError(f"The golden file does not exist: '{file}'.\n{update}")
        changes = list(
            difflib.unified_diff(golden.splitlines(), text.splitlines(), "golden file", "rendered now", lineterm="")
        )
        shown = [redact(line) for line in changes[:_SHOWN_LINES]]
        if len(changes) > _SHOWN_LINES:
            shown.append(f"... and {len(changes) - _SHOWN_LINES} more lines")
        if not changes:
            shown = ["(only the line end at the end of the file differs)"]
        raise ContractError("\n".join([f"The golden file '{file}' has different content.", *shown, update]))
