"""Pods that really run, one after the other, on an engine."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_aicore.running.local_pods import LocalPods
from pytest_aicore.running.pods import Pod
from pytest_aicore.running.settings import Settings
from pytest_aicore.workflows.cache import cache_folder

if TYPE_CHECKING:
    from pytest_aicore.running.engines.engine import Engine
    from pytest_aicore.running.images.image import Images
    from pytest_aicore.running.pods import Ended

SYSTEM = Path("/usr/bin/python3")
"""A Python of the system, if there is one."""


def kept() -> Path:
    """Return where environments for images are kept: each is made once for all tests."""
    folder = cache_folder()
    assert folder is not None
    return folder


class Here:
    """Runs pods in a folder of the test.

    Args:
        engine: what starts them.
        folder: an empty folder.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.lines: list[str] = []
        self.options: dict[str, Any] = {}
        self.mapping: dict[str, Path] = {}
        self.images: Images | None = None

    def settings(self) -> Settings:
        """Return what the pods of the test have in common."""
        if self.images is None:
            self.images = self.engine.images(self.mapping, kept(), self.folder)
        defaults: dict[str, Any] = {"log": lambda pod, line: self.lines.append(line)}
        return Settings(self.engine, self.images, self.folder, **{**defaults, **self.options})

    def start(self, **fields: Any) -> Started:
        """Start a pod; it is the caller's task to wait for its end.

        Args:
            fields: of the pod, beside the usual ones.
        """
        return Started(LocalPods(self.settings()), pod(**fields))

    def run(self, *command: str, **fields: Any) -> Ended:
        """Run a pod to its end.

        Args:
            command: of the container, unless `fields` have one.
            fields: of the pod.
        """
        return self.start(**{"command": command or None, **fields}).wait()

    def sh(self, script: str, **fields: Any) -> Ended:
        """Run a script of the shell in a pod.

        Args:
            script: its text.
            fields: of the pod.
        """
        return self.run("sh", "-c", script, **fields)

    def py(self, script: str, **fields: Any) -> Ended:
        """Run a Python script in a pod.

        Args:
            script: its text.
            fields: of the pod.
        """
        return self.run("python", "-c", script, **fields)


class Started:
    """A pod that was started."""

    def __init__(self, pods: LocalPods, started: Pod) -> None:
        self.pods = pods
        self.pod = started
        self.calls: list[Ended] = []
        self._has_ended = threading.Event()
        pods.start(started, self._ended)

    def _ended(self, how: Ended) -> None:
        self.calls.append(how)
        self._has_ended.set()

    def wait(self) -> Ended:
        """Return how it ended; the thread of the pod has ended as well."""
        assert self._has_ended.wait(60)
        self.pods.close()
        assert len(self.calls) == 1
        return self.calls[0]


def pod(**fields: Any) -> Pod:
    """Return a pod with a name and an image.

    Args:
        fields: of the pod.
    """
    usual = Pod(node="wf", name="wf", template="train", image="docker.io/me/train:1", command=("true",))
    return replace(usual, **fields)
