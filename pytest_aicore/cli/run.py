"""`pytest-aicore run`: carries one workflow out on this machine, without tests."""

from __future__ import annotations

import re
import secrets
import signal
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pytest_aicore.cli import local_options
from pytest_aicore.cli.local_options import OUTPUT, warn
from pytest_aicore.cli.run_artifacts import fetched, is_stored
from pytest_aicore.cli.run_report import JsonReport, TextReport
from pytest_aicore.cli.run_tracking import Tracking
from pytest_aicore.errors import SettingsError, did_you_mean, listing
from pytest_aicore.placeholders import LEFT, to_fill_in
from pytest_aicore.running.copying import copy
from pytest_aicore.running.engines.choosing import chosen_engine
from pytest_aicore.running.engines.process import PlainProcess
from pytest_aicore.running.images.images import Images
from pytest_aicore.running.known_images import PodsWithKnownImages
from pytest_aicore.running.local_pods import LocalPods
from pytest_aicore.running.own_folder import own_folder
from pytest_aicore.running.pods import Stored
from pytest_aicore.running.settings import Settings
from pytest_aicore.running.walking.refusing import lost_outputs
from pytest_aicore.running.walking.walk import Walk
from pytest_aicore.running.workflow import PlainWorkflow, read_workflow
from pytest_aicore.session.local_choices import KEPT
from pytest_aicore.workflows.cache import cache_folder
from pytest_aicore.workflows.yaml.tree import is_given

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_aicore.cli.run_report import Report
    from pytest_aicore.running.walking.walk import Outcome
    from pytest_aicore.workflows.template import WorkflowTemplate

FAILED = 1


@dataclass(frozen=True)
class Wanted:
    """What is asked for on the command line.

    Attributes:
        workflow: the file.
        parameters: `NAME=VALUE`.
        artifacts: `NAME=PATH`, or `NAME=URL`.
        images: `PATTERN=FOLDER`.
        engine: the name of an engine, or `auto`.
        secrets: the file with the values of secrets.
        config_maps: the file with the values of ConfigMaps.
        timeout: after how many seconds the run is stopped.
        output: the folder for its outputs.
        output_format: `text` or `json`.
        limits_memory: whether a step ends that takes more memory than its resource plan has.
        keep: whether the files of the steps stay.
        may_substitute: whether images that are not mapped may be substituted where the variable `CI` is set.
    """

    workflow: Path
    parameters: Sequence[str] = ()
    artifacts: Sequence[str] = ()
    images: Sequence[str] = ()
    engine: str = "auto"
    secrets: Path | None = None
    config_maps: Path | None = None
    timeout: float | None = None
    output: Path | None = None
    output_format: str = "text"
    may_substitute: bool = False
    limits_memory: bool = False
    keep: bool = False


def run(wanted: Wanted) -> int:
    """Carry a workflow out, and return the exit status: 0 COMPLETED, 1 otherwise, after Ctrl-C 130.

    Args:
        wanted: what is asked for.

    Raises:
        SettingsError: something that is asked for cannot be.
        WorkflowError: the workflow cannot be read, or carried out here.
        ImageError: an image cannot be made.
    """
    _refuse_missing_file(str(wanted.workflow), wanted.workflow)
    workflow = read_workflow(wanted.workflow)
    parameters = _parameters(workflow, wanted.parameters)
    written = _artifacts(workflow, wanted.artifacts)
    mapping = local_options.images(wanted.images)
    known_secrets = local_options.secrets(wanted.secrets)
    config_maps = local_options.config_maps(wanted.config_maps)
    name = f"e{secrets.token_hex(8)[1:]}"  # as AI Core's ids of executions
    output = _output_folder(wanted.output, name)
    engine = chosen_engine(wanted.engine)
    report: Report = TextReport() if wanted.output_format == "text" else JsonReport()
    with (
        own_folder() as folder,
        Tracking(name) as tracking,
    ):
        artifacts = {name: _stored(name, each, folder) for name, each in written.items()}
        images = Images(mapping, Path(sys.executable), cache_folder() or folder, folder)
        settings = Settings(
            engine,
            images,
            folder,
            secrets=known_secrets,
            given=tracking.env,
            log=report.log,
            limits_memory=wanted.limits_memory,
            kept=Path(KEPT, name) if wanted.keep else None,
        )
        pods = LocalPods(settings)
        known = PodsWithKnownImages(pods, images, may_substitute=wanted.may_substitute, warn=warn)
        walk = Walk(
            workflow,
            name,
            known,
            parameters=parameters,
            artifacts=artifacts,
            config_maps=config_maps,
            changed=report.changed,
        )
        try:
            for phrase in engine.lacks if engine.name == PlainProcess.name else ():
                warn(f"the engine `{engine.name}`: {phrase}.")
            known.make(workflow)
            if tracking.problem is not None:
                warn(f"nothing takes what `Tracking()` logs: {tracking.problem}")
            report.begin(workflow, name, engine)
            outcome, signals = _carried_out(walk, wanted.timeout)
        finally:
            pods.close()
            images.close()
        report.end(outcome, tracking.logged(), _keep(outcome, output))
        for sentence in lost_outputs(workflow) if outcome.status == "COMPLETED" else ():
            warn(sentence)
    if outcome.status == "COMPLETED":
        return 0
    return 128 + signals[0] if signals else FAILED


def _carried_out(walk: Walk, timeout: float | None) -> tuple[Outcome, list[int]]:
    """Return how the run ended, and the signals that were to end it."""
    timer = None if timeout is None else Timer(timeout, walk.stop, [f"stopped after {timeout:g} s (--timeout)"])
    if timer is not None:
        timer.daemon = True
        timer.start()
    with _ended_by_signals(walk) as signals:
        outcome = walk.run()
    if timer is not None:
        timer.cancel()
    return outcome, signals


@contextmanager
def _ended_by_signals(walk: Walk) -> Iterator[list[int]]:
    """Let the first SIGINT or SIGTERM stop the run, and the second one end this process at once."""
    came: list[int] = []

    def stop(number: int, _: object) -> None:
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
    _refuse_unknown("--artifact", paths, declared, f"{workflow.document.name} has no input artifact")
    found = {name: written if is_stored(written) else _path(name, written) for name, written in paths.items()}
    missing = [name for name, node in declared.items() if name not in found and node.text("optional") != "true"]
    _refuse_missing(workflow, "artifact", missing, "PATH")
    return found


def _stored(name: str, written: str | Path, folder: Path) -> Stored:
    if isinstance(written, Path):
        return Stored(written)
    return fetched(name, written, lambda: Path(tempfile.mkdtemp(prefix="fetched-", dir=folder)))


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


# --- what is left -------------------------------------------------------------------------------------------


def _keep(outcome: Outcome, folder: Path) -> dict[str, Path]:
    """Copy the outputs that AI Core would register into their folder, and return their places by name."""
    kept: dict[str, Path] = {}
    for name, left in outcome.artifacts.items():
        folder.mkdir(parents=True, exist_ok=True)
        safe = re.sub(r"[^-\w.]|^\.+", "_", name)
        if isinstance(left, bytes):
            target = folder / safe
            target.write_bytes(left)
        else:
            target = folder / (safe if left.path.is_dir() else f"{safe}{left.path.suffix}")
            copy(left.path, target)
        kept[name] = target
    return kept


__all__ = ["Wanted", "run"]
