"""What is the same for all pods of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pytest_aicore.running.engines.engine import Engine, Launch, Running
    from pytest_aicore.running.images.image import Images
    from pytest_aicore.running.pods import Pod


def _nobody_listens(pod: Pod, line: str) -> None:
    del pod, line


@dataclass(frozen=True, slots=True)
class Settings:
    """What is the same for all pods of a run.

    Attributes:
        engine: what starts them.
        images: what they get from their images.
        folder: an existing folder for their files. The outputs stay in it, in `outputs`, until the caller removes it.
        secrets: by the name of a secret its values by key. They are hidden in logs.
        given: variables that AI Core adds to each step.
        log: gets each line that a pod writes, from the thread of the pod; while it works the pod may have to wait.
        limits_memory: whether a step ends that takes more memory than its resource plan has.
        started: gets each step when it has been started, and what returns a text of the template as the step must see
            it; from the thread of its pod.
        failed: called with each step that failed, before its files are removed, from the thread of its pod.
        kept: a folder in which the files of each step stay, with a script that repeats it; None to remove them.
    """

    engine: Engine
    images: Images
    folder: Path
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    log: Callable[[Pod, str], None] = _nobody_listens
    limits_memory: bool = False
    started: Callable[[Running, Callable[[str], str]], None] | None = None
    failed: Callable[[Pod, Launch], None] | None = None
    kept: Path | None = None


__all__ = ["Settings"]
