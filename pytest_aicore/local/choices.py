"""What users choose about executions that are carried out on this machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_aicore.running.engines.choosing import AUTOMATIC
from pytest_aicore.running.known_images import ON_THE_COMMAND_LINE, Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pytest_aicore.objects.s3_address import S3Address
    from pytest_aicore.workflows.template import Template


def _nobody_waits() -> None:
    pass


@dataclass(frozen=True, slots=True)
class LocalChoices:
    """What users choose about executions that are carried out on this machine.

    Attributes:
        engine: what runs the steps: a name of `running.engines.choosing.ENGINES`, or `auto`.
        images: by a pattern of image names the folder with the Dockerfile; the first that matches counts.
        store: by the name of an object-store secret the folder, or the place in S3, that takes its place:
            `ai://NAME/a/b` is `a/b` in it.
        secrets: the values for `secretKeyRef`: by the name of a secret its values by key. They are hidden in logs.
        config_maps: the values for `configMapKeyRef`: by the name of a ConfigMap its values by key.
        may_substitute: whether this machine's programs may take the place of images that are not mapped, where the
            variable `CI` is set as well.
        limits_memory: whether a step ends as out of memory that takes more than its resource plan has.
        network: whether steps reach the network; the tracking service they reach always.
        kept: where the files of steps stay, each execution's in a folder with its id; None to remove them.
        template_of: returns the template of an executable id, None if there is none; called when an execution begins,
            with the world's lock held. Left out, `local_emulator` takes the templates that are published in it.
        asked: how users say what the image of a step is.
        outputs: where output artifacts stay, each execution's in a folder with its id; it is made when first needed.
            None for a temporary folder that is removed when the engine is closed.
        others: a folder with what executions of other emulators leave, which these may read.
        news: called when the API shows a new status, from the thread of the execution.
    """

    engine: str = AUTOMATIC
    images: Mapping[str, Path] = field(default_factory=dict)
    store: Mapping[str, Path | S3Address] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    config_maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    may_substitute: bool = False
    limits_memory: bool = False
    network: bool = True
    kept: Path | None = None
    template_of: Callable[[str], Template | None] | None = None
    asked: Asked = ON_THE_COMMAND_LINE
    outputs: Path | None = None
    news: Callable[[], None] = _nobody_waits
    others: Path | None = None


__all__ = ["LocalChoices"]
