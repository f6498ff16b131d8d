"""One pod from its image to its outputs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypedDict

from pytest_aicore.running.by_hand import Kept
from pytest_aicore.running.collecting import collect
from pytest_aicore.running.copying import remove
from pytest_aicore.running.engines.engine import CommandError, Exit, Launch, StartError
from pytest_aicore.running.environment import expanded, of_step, of_template, secret_files
from pytest_aicore.running.logs import Lines, Result
from pytest_aicore.running.pods import Ended
from pytest_aicore.running.root import Root
from pytest_aicore.running.staging import SCRIPT, stage
from pytest_aicore.running.telling import telling
from pytest_aicore.running.watching import TOO_LONG, Pipe, drain, watch
from pytest_aicore.workflows.resource_plans import memory_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.running.engines.engine import Running
    from pytest_aicore.running.images.image import Image
    from pytest_aicore.running.pods import ArtifactIn, Pod
    from pytest_aicore.running.settings import Settings
    from pytest_aicore.running.watching import Stop

COMMAND_ERROR = 64
"""The exit code of Argo's executor for a program that it cannot execute (argo-workflows, cmd/argoexec/main.go)."""
_NO_COMMAND = "failed to " + "look-up entrypoint/cmd"
KILLED = 137
"""The exit code of what SIGKILL ended."""


class EntrypointError(Exception):
    """Neither the template nor the image says what to execute; the message begins as Argo's."""


class Step:
    """A pod while it is carried out.

    Args:
        pod: the pod.
        settings: what is the same for all pods.
        stop: ends it.
        hide: returns a line without the values of secrets.
    """

    def __init__(self, pod: Pod, settings: Settings, stop: Stop, hide: Callable[[str], str]) -> None:
        self._pod = pod
        self._settings = settings
        self._stop = stop
        self._hide = hide
        self._lines = Lines(self._say)
        self._result = Result()
        self._is_cut_off = False
        self._launched: Launch | None = None
        self._secret_files: list[ArtifactIn] = []
        self._running: Running | None = None
        self._kept: Kept | None = None
        if settings.kept is None:
            self._root = Root(settings.folder.resolve() / "steps" / pod.name)
        else:
            folder = settings.kept.resolve() / pod.name
            self._root = Root(folder / "root")
            self._kept = Kept(folder, settings.secrets)

    def carry_out(self) -> Ended:
        """Run the pod to its end, and collect its outputs; its files stay until `clean`.

        Raises:
            AicoreError: its image cannot be made.
            SecretError: a secret is missing.
            EntrypointError: there is no command.
            StagingError: an input cannot be loaded.
            StartError: the engine could not start it.
            OSError: its files cannot be written.
        """
        image = self._settings.images.image(self._pod.image)
        own = of_template(self._pod, self._settings.secrets)
        command = tuple(expanded(word, own) for word in _command(self._pod, image))
        self._prepare(image)
        if self._stop.is_wished:
            return self._stopped()
        how = self._run(image, command, own)
        if not self._is_cut_off:  # else nobody saves outputs any more
            with telling("pytest-aicore: saving what the step has left", self._say):
                how = self._with_outputs(how)
        result = self._result.text() if self._pod.keep_result and how.exit_code is not None else None
        if how.phase != "Succeeded" and self._launched and self._settings.failed and not self._stop.is_wished:
            self._settings.failed(self._pod, self._launched)
        repeat = None
        if self._kept is not None:
            self._kept.end()
            repeat = self._kept.command
        return replace(how, result=result, last_lines=tuple(map(self._hide, self._lines.last)), repeat=repeat)

    def clean(self) -> None:
        """Remove its files: after its end is known, because nobody needs to wait for that.

        Raises:
            OSError: one cannot be removed.
        """
        if self._running is not None:
            self._running.clean()
        if self._kept is None:
            remove(self._root.folder)

    def _prepare(self, image: Image) -> None:
        self._root.folder.parent.mkdir(parents=True, exist_ok=True)
        remove(self._root.folder)
        self._settings.engine.prepare(image, self._root)
        pod = self._pod
        script = self._mapped(pod.script, image) if pod.script is not None else None
        self._secret_files = secret_files(pod, self._settings.secrets)
        stage(replace(pod, script=script, artifacts_in=(*self._secret_files, *pod.artifacts_in)), self._root)

    def _mapped(self, text: str, image: Image) -> str:
        pod = self._pod
        staged = [artifact.path for artifact in pod.artifacts_in]
        collected = [output.path for output in pod.artifacts_out] + [output.path for output in pod.parameters_out]
        made = (*pod.empty_dirs, *image.paths, pod.workdir or image.workdir, SCRIPT)
        paths = {*staged, *collected, *made} - {"/"}
        return self._settings.engine.mapped(text, self._root, {path.rstrip("/") for path in paths})

    def _launch(self, image: Image, command: tuple[str, ...], own: dict[str, str], output: _Output) -> Launch:
        given = of_step(self._pod, own, image.env, self._settings.given)
        if "\0" in "".join([*command, *given, *given.values()]):
            raise StartError("a command, argument or variable contains a NUL character, which no program can be given")
        return Launch(
            root=self._root,
            image=image,
            **_placed(self._pod, self._root),
            hostname=self._pod.name,
            command=tuple(self._mapped(word, image) for word in command),
            workdir=self._pod.workdir or image.workdir,
            env={name: value if name == "PATH" else self._mapped(value, image) for name, value in given.items()},
            memory=memory_of(self._pod.plan) if self._settings.limits_memory else None,
            stdout=output.stdout.writing,
            stderr=(output.stderr or output.stdout).writing,
            mounts={path: path in self._pod.closed_dirs for path in self._pod.empty_dirs},
            port=self._pod.port,
        )

    def _run(self, image: Image, command: tuple[str, ...], own: dict[str, str]) -> Ended:
        """Run the step's process and say how it ended, without its outputs."""
        output = _Output(self._lines, self._result if self._pod.keep_result else None)
        try:
            launch = self._launch(image, command, own, output)
            if self._kept is not None:
                self._kept.begin(launch, self._settings.engine, [each.path for each in self._secret_files])
            self._launched = launch
            running = self._running = self._settings.engine.start(launch)
            output.is_passed_on()
            if self._settings.started is not None:
                self._settings.started(running, partial(self._mapped, image=image))
            watched = watch(running, output.streams, self._pod.deadline, self._stop, self._most_memory())
            drain(output.streams)
            is_stopped = watched.is_too_long or self._stop.is_wished
            code, reason = self._exit(running, is_stopped=is_stopped)
            drain(output.streams)  # until the last process of the step has ended
        except CommandError as error:
            self._lines.write(f"{error}\n".encode())
            return Ended("Failed", f"Error (exit code {COMMAND_ERROR}): {error}", COMMAND_ERROR)
        finally:
            self._lines.close()
            output.close()
        how = Ended(
            "Succeeded",
            exit_code=code,
            seconds=watched.seconds,
            peak_memory=watched.peak_memory,
            cpu_seconds=watched.cpu_seconds,
        )
        if is_stopped and code == KILLED:  # else it had ended before
            self._is_cut_off = True
            message = TOO_LONG if watched.is_too_long else self._stopped().message
            return replace(how, phase="Failed", message=message)
        if watched.is_too_large and code == KILLED:
            return replace(how, phase="Failed", message=f"OOMKilled (exit code {KILLED})")
        return how if code == 0 else replace(how, phase="Failed", message=f"{reason} (exit code {code})")

    def _most_memory(self) -> int | None:
        """Return how much memory the step may take, None for any amount."""
        if not self._settings.limits_memory:
            return None
        most, plan = memory_of(self._pod.plan), self._pod.plan
        if most is None:
            self._say(f"pytest-aicore: the memory of the resource plan `{plan}` is not known, so it is not limited")
        return most

    def _exit(self, running: Running, *, is_stopped: bool) -> Exit:
        try:
            return running.ended("\n".join([*self._lines.last, self._lines.rest]))
        except StartError:
            if is_stopped:  # while the engine was starting it
                return Exit(KILLED)
            raise

    def _stopped(self) -> Ended:
        return Ended("Failed", self._stop.message or f"Error (exit code {KILLED})")

    def _with_outputs(self, how: Ended) -> Ended:
        """Add the outputs; what is missing is an error only where the step itself succeeded."""
        problem = self._brought()
        collected = collect(
            self._pod,
            self._root,
            self._settings.folder / "outputs" / self._pod.name,
            self._settings.engine.is_of_machine,
        )
        error = problem or collected.error
        how = replace(how, parameters=collected.parameters, artifacts=collected.artifacts)
        if error and how.phase == "Succeeded":
            how = replace(how, phase="Error", message=error)
        return how

    def _brought(self) -> str:
        """Let the engine bring what the step has left into its root, and return why that failed."""
        parameters = [(each.path, True) for each in self._pod.parameters_out]
        artifacts = [(each.path, False) for each in self._pod.artifacts_out]
        try:
            if self._running is not None:
                self._running.bring([*parameters, *artifacts])
        except OSError as error:
            path = str(error.filename or "").removeprefix(str(self._root.folder))  # as the step calls it
            return f"Error (exit code 1): {path}: {error.strerror or error}"
        return ""

    def _say(self, line: str) -> None:
        self._settings.log(self._pod, self._hide(line))


class _Output:
    """The pipes of a step: one, which keeps the order of what is written; two where only stdout is its result."""

    def __init__(self, lines: Lines, result: Result | None) -> None:
        self.stdout = Pipe()
        self.stderr = Pipe() if result is not None else None
        self.streams: dict[int, Callable[[bytes], None]] = {self.stdout.reading: lines.write}
        if result is not None and self.stderr is not None:
            # Each has a line of its own that is not complete yet.
            errors = lines.beside()
            self.streams = {self.stdout.reading: _both(lines.write, result.write), self.stderr.reading: errors.write}

    def is_passed_on(self) -> None:
        """Close the ends that the step has now."""
        for pipe in (self.stdout, self.stderr):
            if pipe is not None:
                pipe.close_writing()

    def close(self) -> None:
        """Close all that is open."""
        for pipe in (self.stdout, self.stderr):
            if pipe is not None:
                pipe.close()


class _Placed(TypedDict):
    staged: tuple[str, ...]
    mounted: tuple[str, ...]


def _placed(pod: Pod, root: Root) -> _Placed:
    """Return where the template puts something: what hides a folder of the image, and the rest."""
    given = [artifact.path.rstrip("/") for artifact in pod.artifacts_in if artifact.source is not None]
    given += [SCRIPT] if pod.script is not None else []
    folders = {path for path in given if root.place(path).is_dir()} | {path.rstrip("/") for path in pod.empty_dirs}
    return {"staged": tuple(path for path in given if path not in folders), "mounted": tuple(sorted(folders))}


def _both(first: Callable[[bytes], None], second: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def take(content: bytes) -> None:
        first(content)
        second(content)

    return take


def _command(pod: Pod, image: Image) -> tuple[str, ...]:
    """Return program and arguments: those of the template, else those of the image (argo-workflows, workflowpod.go)."""
    script = (SCRIPT,) if pod.script is not None else ()
    if pod.command:
        return (*pod.command, *(pod.args or ()), *script)
    own = image.entrypoint or ()
    arguments = pod.args if pod.args is not None else image.cmd or ()
    if not own and not arguments:
        remedy = (
            "map the image to the folder of its Dockerfile"
            if image.is_substituted
            else "add ENTRYPOINT or CMD to its Dockerfile"
        )
        raise EntrypointError(
            f'{_NO_COMMAND} for image "{pod.image}", you must either explicitly specify the command, or {remedy}'
        )
    return (*own, *arguments, *script)


__all__ = ["COMMAND_ERROR", "KILLED", "EntrypointError", "Step"]
