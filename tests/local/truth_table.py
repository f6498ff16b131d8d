"""The truth table: how executions end here, by each engine. `docs/local.py` prints it, a test executes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.local.laptops import workflow

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = "FOLDER"
"""In messages: the folder of the test."""
_ERROR = "Error (exit code {code})"
_FAILS_TO_START = "Error (exit code 64): {reason}"
_LOST = "Error (exit code 1): open /var/run/argo/outputs/{what}: no such file or directory"
_TOO_LONG = "Pod was active on the node longer than the specified deadline"
_SAVES = "mkdir /out/model"
_SAVED = {"outputs": ("model",)}
_OPTIONAL = "archive: {none: {}}, optional: true}"


@dataclass(frozen=True, slots=True)
class Ending:
    """How an execution ends.

    Attributes:
        workflow: what is carried out.
        status: the status of the execution.
        message: its message, and that of the container or node that is to blame.
        main: the exit code of the container `main`, None if it never started; the one of `wait` follows from it.
        phase: of the node, None if nothing failed.
        data: the URL that is bound to the input artifact, None to bind none.
        outputs: the names of the artifacts that are registered.
        warning: what is said beside.
        mapped: what the folder of the image has, None to map none.
        instead: by engine, why this ending does not occur there.
        begins: by engine, how its message begins there, where it is another.
    """

    workflow: str
    status: str = "DEAD"
    message: str = ""
    main: int | None = None
    phase: str | None = "Failed"
    data: str | None = None
    outputs: tuple[str, ...] = ()
    warning: str = ""
    mapped: Mapping[str, str] | None = None
    instead: Mapping[str, str] = field(default_factory=dict)
    begins: Mapping[str, str] = field(default_factory=dict)

    @property
    def wait(self) -> int | None:
        """The exit code of the container that saves the outputs."""
        if self.main is None:
            return None
        return 1 if self.phase == "Error" else 0


def _completed(text: str, *outputs: str, warning: str = "") -> Ending:
    return Ending(text, "COMPLETED", main=0, phase=None, outputs=outputs, warning=warning)


def _exits(code: int) -> Ending:
    return Ending(workflow(f"{_SAVES}; exit {code}"), message=_ERROR.format(code=code), main=code)


def _signalled(name: str, number: int) -> Ending:
    return Ending(workflow(f"{_SAVES}; kill -{name} $$$$"), message=_ERROR.format(code=128 + number), main=128 + number)


def _not_started(text: str, reason: str) -> Ending:
    return Ending(text, message=_FAILS_TO_START.format(reason=reason), main=64)


def _command(*words: str) -> str:
    return workflow("").replace("command: [sh, -c]", f"command: [{', '.join(words)}]").replace('args: [""]', "args: []")


def _tool(content: str, mode: int = 0o755) -> str:
    """Return a workflow that runs a file with this content."""
    artifact = f'{{name: tool, path: /in/tool, mode: {mode}, raw: {{data: "{content}"}}}}'
    return _command("/in/tool").replace("{name: data, path: /in/data, optional: true}", artifact)


def _beside(key: str, value: str, where: str = "      volumes:") -> str:
    return workflow(f"{_SAVES}; sleep 60").replace(
        where, f"{where[: len(where) - len(where.lstrip())]}{key}: {value}\n{where}"
    )


def _with_parameter(script: str) -> str:
    text = workflow(script)
    return text.replace("outputs: {", "outputs: {parameters: [{name: loss, valueFrom: {path: /out/loss}}], ")


ENDINGS: Mapping[str, Ending] = {
    "exit code 0, with the output": _completed(workflow(_SAVES), "model"),
    "exit code 0, an output without `globalName`": _completed(
        workflow(_SAVES).replace("globalName: model, ", ""),
        warning="<string>:20:29: The output artifact `model` has no globalName, so AI Core does not register it: the "
        "execution is COMPLETED, and its output is lost. Add `globalName: model`.",
    ),
    "exit code 0, an optional output is missing": _completed(
        workflow("true").replace("archive: {none: {}}}", _OPTIONAL)
    ),
    "exit code 0, an output artifact is missing": Ending(
        workflow("true"), message=_LOST.format(what="artifacts/out/model.tgz"), main=0, phase="Error"
    ),
    "exit code 0, an output parameter is missing": Ending(
        _with_parameter(_SAVES), message=_LOST.format(what="parameters/out/loss"), main=0, phase="Error"
    ),
    "exit code 0, an output is a link to somewhere": Ending(
        workflow("mkdir /out/real; ln -s real /out/model"),
        message="Error (exit code 1): /out/model is not a regular file or directory",
        main=0,
        phase="Error",
    ),
    **{f"exit code {code}": _exits(code) for code in (1, 3, 126, 127, 130, 137, 139)},
    "SIGINT": _signalled("INT", 2),
    "SIGKILL": _signalled("KILL", 9),
    "SIGSEGV": _signalled("SEGV", 11),
    "SIGTERM": _signalled("TERM", 15),
    "the step's `activeDeadlineSeconds`": Ending(_beside("activeDeadlineSeconds", "1"), message=_TOO_LONG, main=137),
    "the workflow's `activeDeadlineSeconds`": Ending(
        _beside("activeDeadlineSeconds", "1", "  entrypoint:"), message="Step exceeded its deadline", main=137
    ),
    "more memory than the resource plan has": Ending(
        workflow("tail /dev/zero"),
        message="OOMKilled (exit code 137)",
        main=137,
        instead=dict.fromkeys(
            ("sandbox", "docker", "process"),
            "only with `aicore_local_memory = plan`; else there is no limit of memory: the step may take what there is",
        ),
    ),
    "the program does not exist": _not_started(
        _command("no-such-program"),
        'failed to find name in PATH: exec: "no-such-program": executable file not found in $PATH',
    ),
    "the program, by its path, does not exist": _not_started(
        _command("/no/program"),
        'failed to find name in PATH: exec: "/no/program": stat /no/program: no such file or directory',
    ),
    "the program is not executable": _not_started(
        _tool("#!/bin/sh", 0o644), 'failed to find name in PATH: exec: "/in/tool": permission denied'
    ),
    "the program is a folder": _not_started(
        _command("/tmp"), 'failed to find name in PATH: exec: "/tmp": is a directory'
    ),
    "the program is below a file": _not_started(
        _command("/etc/passwd/program"),
        'failed to find name in PATH: exec: "/etc/passwd/program": stat /etc/passwd/program: not a directory',
    ),
    "the program is text without `#!`": _not_started(_tool("echo hello"), "fork/exec /in/tool: exec format error"),
    "the program is an empty file": _not_started(
        _tool("{{workflow.parameters.WORD}}").replace("default: hello", 'default: ""'),
        "fork/exec /in/tool: exec format error",
    ),
    "the interpreter of the program does not exist": _not_started(
        _tool("#!/no/interpreter"), "fork/exec /in/tool: no such file or directory"
    ),
    "the interpreter of a script template does not exist": _not_started(
        workflow("")
        .replace("container:", "script:")
        .replace("command: [sh, -c]", "command: [no-python]\n        source: print(1)")
        .replace('        args: [""]\n', ""),
        'failed to find name in PATH: exec: "no-python": executable file not found in $PATH',
    ),
    "a secret does not exist": Ending(
        workflow(_SAVES).replace("env: [", "env: [{name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}, "),
        message='CreateContainerConfigError: secret "s" not found. Known secrets: none.',
        phase="Error",
    ),
    "an input does not exist in the object store": Ending(
        workflow(_SAVES),
        message=f"The input artifact 'data' is bound to ai://default/no, and there is no {FOLDER}/outputs/no, "
        f"uploaded file default/no or {FOLDER}/data/no.",
        phase="Error",
        data="ai://default/no",
    ),
    "an input cannot be unpacked": Ending(
        workflow(_SAVES).replace("optional: true}", "archive: {zip: {}}}"),
        message="Error (exit code 1): artifact data failed to load: words.txt cannot be unpacked as zip: File is "
        "not a zip file",
        phase="Error",
        data="ai://default/in/words.txt",
    ),
    "an input contains a pipe": Ending(
        workflow(_SAVES),
        message=f"Error (exit code 1): artifact data failed to load: {FOLDER}/data/pipe is not a regular file or "
        "directory",
        phase="Error",
        data="ai://default/pipe",
    ),
    "a required input is not bound": Ending(
        workflow(_SAVES).replace(", optional: true}", "}"),
        message="invalid spec: spec.arguments.artifacts.data was not supplied",
        phase="Error",
    ),
    "the image is not mapped, and cannot be pulled": Ending(
        workflow(_SAVES).replace("docker.io/me/tiny:1", "localhost:1/nobody/has:1"),
        message="ErrImagePull: the image localhost:1/nobody/has:1 is not mapped to a folder, and its pull failed:",
        phase="Error",
        instead=dict.fromkeys(("sandbox", "process"), "this machine's programs take its place, which is a warning"),
        begins={"docker": "ErrImagePull: the image localhost:1/nobody/has:1 is not mapped to a folder, and "},
    ),
    "the image's folder has no Dockerfile": Ending(
        workflow(_SAVES),
        message=f"the image docker.io/me/tiny:1 is mapped to {FOLDER}/image, which has no Dockerfile",
        phase="Error",
        mapped={},
    ),
    "the image's Dockerfile copies what does not exist": Ending(
        workflow(_SAVES),
        message=f"{FOLDER}/image/Dockerfile:2: 'src' does not exist in {FOLDER}/image.",
        phase="Error",
        mapped={"Dockerfile": "FROM python:3.11\nCOPY src /app\n"},
        begins={"docker": f"{FOLDER}/image/Dockerfile: the build failed:"},
    ),
}
"""By what happens, how it ends."""
