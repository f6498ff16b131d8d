"""What the walker of a workflow asks for, and what it learns: one pod after the other, each with one main container.

The walker knows the graph (which pod is next, with which values) and no engine; what runs pods knows engines, files and
images, and no graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from pytest_aicore.workflows.resource_plans import DEFAULT_PLAN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Phase = Literal["Succeeded", "Failed", "Error"]
Archive = Literal["default", "none", "tar", "zip"]
"""How an artifact is packed; `default` is Argo's: written as a tar, unpacked if it is one."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An artifact that was written, or that the caller gave.

    Attributes:
        path: the file or folder that holds it, packed as `archive` says.
        archive: how it is packed.
    """

    path: Path
    archive: Archive = "none"


@dataclass(frozen=True, slots=True)
class ArtifactIn:
    """An artifact that a container reads.

    Attributes:
        name: its name in the template.
        path: where the container finds it, absolute.
        source: what is staged there; bytes become a file (`raw`); None where it is optional and not supplied.
        archive: how the source is packed.
        mode: the permissions that it gets, None to leave them.
        is_mode_of_all: whether all that is below it gets them as well.
    """

    name: str
    path: str
    source: Stored | bytes | None
    archive: Archive = "default"
    mode: int | None = None
    is_mode_of_all: bool = False


@dataclass(frozen=True, slots=True)
class ArtifactOut:
    """An artifact that a container writes.

    Attributes:
        name: its name in the template.
        path: where the container writes it, absolute.
        archive: how it is packed.
        optional: whether it may be missing.
    """

    name: str
    path: str
    archive: Archive = "default"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class ParameterOut:
    """An output parameter that a container writes into a file.

    Attributes:
        name: its name in the template.
        path: the file, absolute.
        default: the value if there is no such file, None without one.
    """

    name: str
    path: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class SecretFiles:
    """The values of a secret as files.

    Attributes:
        path: the folder for all of them, one a key.
        name: the name of the secret.
        places: by key the path of its file; None for all keys, in the folder.
        is_optional: whether it, or a key of it, may be missing.
        mode: the permissions of the files.
    """

    path: str
    name: str
    places: Mapping[str, str] | None
    is_optional: bool
    mode: int


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that should run. All values are substituted.

    Attributes:
        node: the name of its node: `wf[0].train(1:a)`.
        name: its own name, unique in the run.
        template: the name of its template.
        image: the image of its container.
        command: the command, None for the image's own entrypoint.
        args: the arguments, None for the image's own where the command is also its own.
        script: the source that is run as the last argument (a script template), None otherwise.
        workdir: the working directory, None for the image's own.
        env: the variables of the template, in order; `$(NAME)` in them is not expanded yet.
        secrets: by variable, the name and key of the secret whose value it gets, and whether it is optional.
        secrets_from: secrets all of whose keys become variables: name, prefix of the variables, whether it is optional.
        secret_files: secrets that are mounted as files.
        empty_dirs: paths at which an empty folder is mounted, writable.
        closed_dirs: those of them that the step cannot write to once its inputs are there.
        artifacts_in: what is staged before it starts.
        artifacts_out: what is collected after it has ended, also after a failure.
        parameters_out: the same, of parameters.
        keep_result: whether what it writes to stdout is an output.
        deadline: seconds that it may run, None for no limit.
        plan: its resource plan or instance type.
        line: the line of its template in the workflow's file.
        port: at which it serves requests: the server of a deployment. None for a step of a workflow.
    """

    node: str
    name: str
    template: str
    image: str
    command: tuple[str, ...] | None
    args: tuple[str, ...] | None = ()
    script: str | None = None
    workdir: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, tuple[str, str, bool]] = field(default_factory=dict)
    secrets_from: tuple[tuple[str, str, bool], ...] = ()
    secret_files: tuple[SecretFiles, ...] = ()
    empty_dirs: tuple[str, ...] = ()
    closed_dirs: tuple[str, ...] = ()
    artifacts_in: tuple[ArtifactIn, ...] = ()
    artifacts_out: tuple[ArtifactOut, ...] = ()
    parameters_out: tuple[ParameterOut, ...] = ()
    keep_result: bool = False
    deadline: float | None = None
    plan: str = DEFAULT_PLAN
    line: int = 0
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a pod ended.

    Attributes:
        phase: `Failed` if its container said no, `Error` if what is around it could not do its part.
        message: why, as Argo words it; empty if it succeeded.
        exit_code: of the main container, None if it never started.
        result: what it wrote to stdout, if that was asked for.
        parameters: the output parameters.
        artifacts: the output artifacts that were saved.
        seconds: how long the container ran.
        peak_memory: the most memory that its processes had together, in bytes; None if the engine cannot tell.
        cpu_seconds: the processor time of its processes together; None if the engine cannot tell.
        last_lines: the last lines of its log.
        repeat: the command that repeats it by hand, None where its files are not kept.
    """

    phase: Phase
    message: str = ""
    exit_code: int | None = None
    result: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, Stored] = field(default_factory=dict)
    seconds: float = 0.0
    peak_memory: int | None = None
    cpu_seconds: float | None = None
    last_lines: tuple[str, ...] = ()
    repeat: str | None = None


class Pods(Protocol):
    """Runs pods."""

    def start(self, pod: Pod, ended: Callable[[Ended], None]) -> None:
        """Start a pod, and return at once.

        Args:
            pod: the pod.
            ended: called exactly once, from any thread, when it has ended and its outputs are collected; also if it
                could not be started.
        """
        ...

    def stop(self, name: str, message: str | None = None) -> None:
        """End a pod with all its processes; `ended` is called as usual. Nothing happens if it has ended already.

        Args:
            name: its name.
            message: the message with which it is then Failed; by default that of a container that a signal ended.
        """
        ...
