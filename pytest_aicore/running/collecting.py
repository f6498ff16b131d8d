"""Takes what a step left out of its root: output parameters and artifacts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_aicore.quantities import memory_text
from pytest_aicore.running.archives import pack
from pytest_aicore.running.copying import UnusualFileError, require_usual, require_usual_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_aicore.running.pods import ArtifactOut, ParameterOut, Pod, Stored
    from pytest_aicore.running.root import Root

_OUTPUTS = "/var/run/argo/outputs"
"""Where Argo's executor copies what a container left; its messages name it (argo-workflows, emissary.go)."""

_LONGEST_VALUE = 1 << 20
"""Bytes. Assumed: Kubernetes refuses objects of more than 1.5 MiB (etcd), and outputs become part of one."""


@dataclass(slots=True)
class Collected:
    """What a step left.

    Attributes:
        parameters: the values of its output parameters.
        artifacts: the artifacts that were saved.
        error: why something that must be there could not be saved, as Argo words it; empty if nothing is missing.
    """

    parameters: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, Stored] = field(default_factory=dict)
    error: str = ""


def collect(pod: Pod, root: Root, folder: Path, is_of_machine: Callable[[str], bool]) -> Collected:
    """Save the outputs of a step that has ended, however it ended.

    As Argo 3.5 does it: parameters first, then artifacts; each list ends at its first error, and the first error is
    the message (cmd/argoexec/commands/wait.go, workflow/executor/executor.go).

    Args:
        pod: the pod.
        root: its root; nothing runs there any more.
        folder: a folder for its artifacts; each gets one of its own in it.
        is_of_machine: whether a path of the step shows a file of this machine, which is never an output.
    """
    collected = Collected()
    try:
        for parameter in pod.parameters_out:
            collected.parameters[parameter.name] = _value(parameter, root, is_of_machine)
    except (OSError, UnusualFileError) as error:
        collected.error = f"Error (exit code 1): {_said(error, root)}"
    try:
        for artifact in pod.artifacts_out:
            stored = _saved(artifact, root, folder, is_of_machine)
            if stored is not None:
                collected.artifacts[artifact.name] = stored
    except (OSError, UnusualFileError) as error:
        collected.error = collected.error or f"Error (exit code 1): {_said(error, root)}"
    return collected


def _said(error: OSError | UnusualFileError, root: Root) -> str:
    if isinstance(error, UnusualFileError):
        return str(error)
    path = str(error.filename).removeprefix(str(root.folder))  # as the step calls it
    is_missing = isinstance(error, FileNotFoundError)
    return f"open {path}: no such file or directory" if is_missing else f"{path}: {error.strerror}"


def _value(parameter: ParameterOut, root: Root, is_of_machine: Callable[[str], bool]) -> str:
    place = root.place(parameter.path, follow=True)
    if is_of_machine(_path_of(place, root)) or not place.exists():
        if parameter.default is None:
            raise FileNotFoundError(2, "", f"{_OUTPUTS}/parameters/{parameter.path.strip('/')}")
        return parameter.default.removesuffix("\n")
    require_usual(place, parameter.path)
    size = place.stat().st_size
    if size > _LONGEST_VALUE:
        raise UnusualFileError(
            f"{parameter.path} has {memory_text(size)}, and the value of an output parameter has at most "
            f"{memory_text(_LONGEST_VALUE)}"
        )
    return place.read_text(encoding="utf-8", errors="replace").removesuffix("\n")


def _saved(artifact: ArtifactOut, root: Root, folder: Path, is_of_machine: Callable[[str], bool]) -> Stored | None:
    path = artifact.path.rstrip("/")
    place = root.place(path)
    if place == root.folder:
        raise UnusualFileError(f"{artifact.path}, the root of the file system, cannot be an artifact")
    if is_of_machine(_path_of(place, root)) or not (place.exists() or place.is_symlink()):
        if artifact.optional:
            return None
        raise FileNotFoundError(2, "", f"{_OUTPUTS}/artifacts/{path.strip('/')}.tgz")
    require_usual_tree(place, path)
    own = folder / artifact.name
    own.mkdir(parents=True)
    return pack(place, artifact.archive, artifact.name, own)


def _path_of(place: Path, root: Root) -> str:
    return f"/{place.relative_to(root.folder).as_posix()}"


__all__ = ["Collected", "collect"]
