"""`pytest-aicore run`: carries one workflow out on this machine, without tests."""

from __future__ import annotations

import os
import re
import secrets
import signal
import tempfile
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pytest_aicore.cli import local_options
from pytest_aicore.cli.failure_shell import FailureShell
from pytest_aicore.cli.local_options import OUTPUT, warn
from pytest_aicore.cli.run_artifacts import fetched, is_stored
from pytest_aicore.cli.run_report import JsonReport, TextReport
from pytest_aicore.cli.run_tracking import Tracking
from pytest_aicore.cli.watching_files import Files, Interruption
from pytest_aicore.errors import AicoreError, SettingsError, did_you_mean, listing
from pytest_aicore.placeholders import LEFT, to_fill_in
from pytest_aicore.running.copying import share
from pytest_aicore.running.earlier import Choice, PodsOfRun, keep_run, read_last_run
from pytest_aicore.running.engines.choosing import chosen_engine
from pytest_aicore.running.engines.process import PlainProcess
from pytest_aicore.running.known_images import PodsWithKnownImages
from pytest_aicore.running.local_pods import LocalPods
from pytest_aicore.running.own_folder import own_folder
from pytest_aicore.running.pods import Stored
from pytest_aicore.running.settings import Settings
from pytest_aicore.running.telling import telling
from pytest_aicore.running.walking.locations import located_inputs
from pytest_aicore.running.walking.refusing import lost_outputs
from pytest_aicore.running.walking.walk import Walk
from pytest_aicore.running.workflow import PlainWorkflow, read_workflow
from pytest_aicore.session.local_choices import KEPT
from pytest_aicore.workflows.cache import cache_folder
from pytest_aicore.workflows.yaml.tree import is_given

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_aicore.cli.chosen import Chosen
    from pytest_aicore.cli.run_report import Report
    from pytest_aicore.objects.s3_address import S3Address
    from pytest_aicore.running.images.image import Images
    from pytest_aicore.running.walking.walk import Outcome
    from pytest_aicore.workflows.template import WorkflowTemplate

FAILED = 1
_SAVED = -1
_ENDED_BY_SIGNAL = (128 + signal.SIGINT, 128 + signal.SIGTERM)


@dataclass(frozen=True)
class Wanted:
    """What is asked for on the command line.

    Attributes:
        workflow: the file.
        chosen: how its steps run.
        parameters: `NAME=VALUE`.
        artifacts: `NAME=PATH`, or `NAME=URL`.
        timeout: after how many seconds the run is stopped.
        output: the folder for its outputs.
        output_format: `text` or `json`.
        keep: whether the files of the steps stay.
        choice: which steps are carried out again, None for all.
        shell: whether a shell is opened in each step that fails.
        watch: whether it is run again whenever one of its files is saved.
    """

    workflow: Path
    chosen: Chosen
    parameters: Sequence[str] = ()
    artifacts: Sequence[str] = ()
    timeout: float | None = None
    output: Path | None = None
    output_format: str = "text"
    keep: bool = False
    choice: Choice | None = None
    shell: bool = False
    watch: bool = False


def run(wanted: Wanted) -> int:
    """Carry a workflow out, once or, with `watch`, until Ctrl-C, and return the exit status.

    Args:
        wanted: what is asked for.

    Raises:
        SettingsError: something that is asked for cannot be.
        WorkflowError: the workflow cannot be read, or carried out here.
        ImageError: an image cannot be made.
    """
    if not wanted.watch:
        return _run_once(wanted)
    if wanted.output is not None:
        raise SettingsError("--watch: not together with --output, which would be the folder of several runs.")
    files = Files(_watched(wanted))
    while True:
        try:
            status = _run_once(wanted, files)
        except AicoreError as error:  # the next version of the file may be right
            warn(str(error))
            status = FAILED
        if status in _ENDED_BY_SIGNAL:
            return status
        if status != _SAVED:
            warn("the next run begins when a file is saved; Ctrl-C ends.")
            warn(f"{files.wait()} was saved.")


def _watched(wanted: Wanted) -> Iterator[Path]:
    """Yield what a run depends on; options that cannot be read are reported by the run."""
    yield wanted.workflow
    yield from (file for file in (wanted.chosen.secrets, wanted.chosen.config_maps) if file is not None)
    for pair in (*wanted.chosen.images, *wanted.artifacts):
        _, _, written = pair.partition("=")
        if written:
            yield Path(unquote(urlsplit(written).path) if written.startswith("file:") else written)
    with suppress(AicoreError):
        yield from local_options.choices(wanted.chosen).images.values()  # also those of the project


def _run_once(wanted: Wanted, files: Files | None = None) -> int:
    """Carry a workflow out, and return the exit status: 0 COMPLETED, 1 otherwise, after Ctrl-C 130.

    Args:
        wanted: what is asked for.
        files: ends it when one of them is saved; the exit status is then `_SAVED`.

    Raises:
        SettingsError: something that is asked for cannot be.
        WorkflowError: the workflow cannot be read, or carried out here.
        ImageError: an image cannot be made.
    """
    _refuse_missing_file(str(wanted.workflow), wanted.workflow)
    workflow = read_workflow(wanted.workflow)
    parameters = _parameters(workflow, wanted.parameters)
    written = _artifacts(workflow, wanted.artifacts)
    choices = local_options.choices(wanted.chosen)
    name = f"e{secrets.token_hex(8)[1:]}"  # as AI Core's ids of executions
    output = _output_folder(wanted.output, name)
    engine = chosen_engine(choices.engine, network=choices.network)
    shell = FailureShell(engine) if wanted.shell else None
    last_folder = _last_run_folder(wanted.workflow)
    last = None if last_folder is None else read_last_run(last_folder)
    report: Report = TextReport() if wanted.output_format == "text" else JsonReport()
    with (
        ExitStack() as exits,
        own_folder() as folder,
        Tracking(name) as tracking,
    ):
        artifacts = {name: _stored(name, each, choices.store, folder) for name, each in written.items()}
        images = engine.images(choices.images, cache_folder() or folder, folder)
        settings = Settings(
            engine,
            images,
            folder,
            secrets=choices.secrets,
            given=tracking.env,
            log=report.log,
            limits_memory=choices.limits_memory,
            kept=Path(KEPT, name) if wanted.keep else None,
            failed=None if shell is None else shell.open,
        )
        pods = LocalPods(settings)
        known = PodsWithKnownImages(pods, images, may_substitute=choices.may_substitute, warn=warn)
        of_run = PodsOfRun(known, name, parameters, wanted.choice, last, warn, lambda message: walk.stop(message))
        of_run.require()
        walk = Walk(
            workflow,
            name,
            of_run,
            parameters=parameters,
            artifacts=artifacts,
            config_maps=choices.config_maps,
            changed=report.changed,
        )
        interruption = None if files is None else Interruption(files, _ends(walk, images))
        try:
            for phrase in engine.lacks if engine.name == PlainProcess.name else ():
                warn(f"the engine `{engine.name}`: {phrase}.")
            with interruption or nullcontext():
                known.make(workflow)
                if tracking.problem is not None:
                    warn(f"nothing takes what `Tracking()` logs: {tracking.problem}")
                report.begin(workflow, name, engine)
                outcome, signals = _carried_out(walk, wanted.timeout, shell)
            with telling("saving the outputs", warn):
                kept = _keep(outcome, output)
            report.end(outcome, tracking.logged(), kept)
            for sentence in lost_outputs(workflow) if outcome.status == "COMPLETED" else ():
                warn(sentence)
            exits.enter_context(telling("removing the files of this run and of the last one", warn))
            if last_folder is not None:
                _remember(of_run, last_folder, choices.secrets)
        finally:
            pods.close()
            images.close()
            engine.close()
    if interruption is not None and interruption.path is not None and not signals:
        return _SAVED
    is_chosen_good = wanted.choice is not None and all(each.phase == "Succeeded" for each in of_run.chosen)
    if outcome.status == "COMPLETED" or (is_chosen_good and of_run.chosen and not signals):
        return 0
    return 128 + signals[0] if signals else FAILED


def _ends(walk: Walk, images: Images) -> Callable[[str], None]:
    def end(path: str) -> None:
        images.stop()
        walk.stop(f"stopped, because {path} was saved")

    return end


def _carried_out(walk: Walk, timeout: float | None, shell: FailureShell | None) -> tuple[Outcome, list[int]]:
    """Return how the run ended, and the signals that were to end it."""
    timer = None if timeout is None else Timer(timeout, walk.stop, [f"stopped after {timeout:g} s (--timeout)"])
    if timer is not None:
        timer.daemon = True
        timer.start()
    with _ended_by_signals(walk, shell) as signals:
        outcome = walk.run()
    if timer is not None:
        timer.cancel()
    return outcome, signals


@contextmanager
def _ended_by_signals(walk: Walk, shell: FailureShell | None) -> Iterator[list[int]]:
    """Let the first SIGINT or SIGTERM stop the run, and the second one end this process at once."""
    came: list[int] = []

    def stop(number: int, _: object) -> None:
        if number == signal.SIGINT and shell is not None and shell.is_open:
            return
        came.append(number)
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)
        walk.stop("stopped by Ctrl-C" if number == signal.SIGINT else "stopped by SIGTERM")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# --- what is asked for --------------------------------------------------------------------------------------


def _parameters(workflow: WorkflowTemplate, given: Sequence[str]) -> dict[str, str]:
    values = local_options.pairs("--parameter", given, "NAME=VALUE", may_be_empty=True)
    declared = workflow.model.parameters
    _refuse_unknown("--parameter", values, declared, f"{workflow.document.name} has no parameter")
    for name, value in values.items():
        left = to_fill_in(value, wholly=True)
        if left is not None:
            raise SettingsError(f"--parameter {name}={value}: {left!r} {LEFT}")
    keys = ("value", "valueFrom") if isinstance(workflow, PlainWorkflow) else ("value", "valueFrom", "default")
    missing = [
        name for name, node in declared.items() if name not in values and not any(is_given(node, key) for key in keys)
    ]
    _refuse_missing(workflow, "parameter", missing, "VALUE")
    return values


def _artifacts(workflow: WorkflowTemplate, given: Sequence[str]) -> dict[str, str | Path]:
    """Return the bound artifacts by name: a path, or the URL of what is in an object store."""
    paths = local_options.pairs("--artifact", given, "NAME=PATH or NAME=URL")
    declared = {name: node for node in workflow.input_artifacts if (name := node.name("name"))}
    known = dict.fromkeys([*declared, *sorted(located_inputs(workflow))])
    _refuse_unknown("--artifact", paths, known, f"{workflow.document.name} has no input artifact")
    found = {name: written if is_stored(written) else _path(name, written) for name, written in paths.items()}
    missing = [name for name, node in declared.items() if name not in found and node.text("optional") != "true"]
    _refuse_missing(workflow, "artifact", missing, "PATH")
    return found


def _stored(name: str, written: str | Path, places: Mapping[str, Path | S3Address], folder: Path) -> Stored:
    if isinstance(written, Path):
        return Stored(written)
    return fetched(name, written, places, lambda: Path(tempfile.mkdtemp(prefix="fetched-", dir=folder)))


def _path(name: str, written: str) -> Path:
    option = f"--artifact {name}={written}"
    url = urlsplit(written)
    if "://" in written and url.scheme != "file":
        raise SettingsError(f"{option}: expected the path of a file or folder, s3://BUCKET/KEY, or ai://SECRET/PATH.")
    path = Path(unquote(url.path) if "://" in written else written)
    _refuse_missing_file(option, path)
    return path.resolve()


def _refuse_missing_file(asked: str, path: Path) -> None:
    if not path.exists():
        beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        raise SettingsError(f"{asked}: there is no such file or folder.{did_you_mean(path.name, beside)}")


def _refuse_unknown(option: str, given: Mapping[str, object], declared: Mapping[str, object], what: str) -> None:
    for name in given:
        if name not in declared:
            known = listing(declared)
            raise SettingsError(f"{option}: {what} {name!r}.{did_you_mean(name, declared)} It has: {known}.")


def _refuse_missing(workflow: WorkflowTemplate, kind: str, names: Sequence[str], value: str) -> None:
    if names:
        options = " ".join(f"--{kind} {name}={value}" for name in names)
        raise SettingsError(f"{workflow.document.name} needs a value for each of its {kind}s. Add: {options}")


def _output_folder(asked: Path | None, name: str) -> Path:
    if asked is None:
        return Path(OUTPUT, name)
    if asked.exists() and (not asked.is_dir() or any(asked.iterdir())):
        raise SettingsError(f"--output {asked}: expected a folder that is new or empty.")
    return asked


# --- the last run -------------------------------------------------------------------------------------------


def _last_run_folder(workflow: Path) -> Path | None:
    """Return where the last run of a workflow is kept, None where nothing is."""
    cache = cache_folder()
    return None if cache is None else cache / "last-runs" / sha256(os.fsencode(workflow.resolve())).hexdigest()[:32]


def _remember(pods: PodsOfRun, folder: Path, known: Mapping[str, Mapping[str, str]]) -> None:
    values = [value for keys in known.values() for value in keys.values() if value]
    try:
        keep_run(pods.left(datetime.now(timezone.utc)), folder, values)
    except OSError as error:
        warn(f"what the steps left is not kept for --only and --from: {error}")


# --- what is left -------------------------------------------------------------------------------------------


def _keep(outcome: Outcome, folder: Path) -> dict[str, Path]:
    """Put the outputs that AI Core would register into their folder, and return their places by name."""
    kept: dict[str, Path] = {}
    for name, left in outcome.artifacts.items():
        folder.mkdir(parents=True, exist_ok=True)
        safe = re.sub(r"[^-\w.]|^\.+", "_", name)
        if isinstance(left, bytes):
            target = folder / safe
            target.write_bytes(left)
        else:
            target = folder / (safe if left.path.is_dir() else f"{safe}{left.path.suffix}")
            share(left.path, target)
        kept[name] = target
    return kept


__all__ = ["Wanted", "run"]
