"""Says which images of a run are not what their names promise, and lets none pass unnoticed in a CI system."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_aicore.errors import AicoreError, SettingsError
from pytest_aicore.running.pods import Ended
from pytest_aicore.workflows.argo.tags import has_placeholder

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.running.images.image import Images
    from pytest_aicore.running.pods import Pod, Pods
    from pytest_aicore.workflows.template import WorkflowTemplate


class Asked(NamedTuple):
    """How users say what the image of a step is.

    Attributes:
        map_it: maps an image to a folder; a template with its `name`.
        substitute: lets this machine's programs take its place.
    """

    map_it: str
    substitute: str


ON_THE_COMMAND_LINE: Final = Asked("--image {name}=FOLDER", "--substitute")


class PodsWithKnownImages:
    """Starts pods, each when it was said what its image is.

    Args:
        pods: what runs them.
        images: makes their images.
        may_substitute: whether an image may be substituted where the variable `CI` is set.
        warn: gets a sentence about each image that is not what its name promises.
        asked: how users say what an image is.
    """

    def __init__(
        self,
        pods: Pods,
        images: Images,
        *,
        may_substitute: bool,
        warn: Callable[[str], None],
        asked: Asked = ON_THE_COMMAND_LINE,
    ) -> None:
        self._pods = pods
        self._asked = asked
        self._warn = warn
        self._images = images
        self._may_substitute = may_substitute or not os.environ.get("CI")
        self._said: set[str] = set()

    def make(self, workflow: WorkflowTemplate) -> None:
        """Make the images of a workflow before anything starts; placeholders are known when their steps begin.

        Args:
            workflow: the workflow.

        Raises:
            ImageError: one cannot be made.
            SettingsError: one is not mapped, and this is a CI system.
        """
        for name in workflow.images:
            if not has_placeholder(name):
                self._tell(name)

    def start(self, pod: Pod, ended: Callable[[Ended], None]) -> None:
        """Start a pod.

        Args:
            pod: the pod.
            ended: gets how it ended.
        """
        try:
            self._tell(pod.image)
        except AicoreError as error:
            ended(Ended("Error", str(error)))
        else:
            self._pods.start(pod, ended)

    def stop(self, name: str, message: str | None = None) -> None:
        """End a pod.

        Args:
            name: its name.
            message: with which it is then Failed.
        """
        self._pods.stop(name, message)

    def _tell(self, name: str) -> None:
        if name in self._said:
            return
        image = self._images.image(name)
        map_it = f"Map it: {self._asked.map_it.format(name=name)}"
        if image.is_substituted and not self._may_substitute:
            raise SettingsError(
                f"The image {name} is not mapped, and the variable CI is set, where no run should pass without its "
                f"images unnoticed. {map_it}. Or let this machine's programs take its place: {self._asked.substitute}"
            )
        self._said.add(name)
        if image.is_substituted:
            self._warn(f"the image {name} is substituted by this machine's programs. {map_it}")
        for warning in image.warnings:
            self._warn(f"the image {name}: {warning}")


__all__ = ["PodsWithKnownImages"]
