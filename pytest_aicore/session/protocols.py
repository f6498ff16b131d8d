"""The types of the functions that fixtures return, for annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_aicore.deployment.deployment import Deployment
    from pytest_aicore.training.finished import FinishedExecution
    from pytest_aicore.training.run import Run


class RunFactory(Protocol):
    """The function that `aicore_run` returns."""

    def __call__(
        self,
        workflow: str | None = ...,
        *,
        artifacts: Mapping[str, str] | None = ...,
        parameters: Mapping[str, object] | None = ...,
        expect: object = ...,
        timeout: float | None = ...,
        fresh: bool = ...,
        name: str | None = ...,
        emulated: Mapping[str, object] | None = ...,
    ) -> Run:
        """Start a run; arguments that are left out are those of the test's markers."""


class OutputWriter(Protocol):
    """The function that `aicore_training_output` returns."""

    def __call__(self, file: Path | str, execution: FinishedExecution | None = ...) -> dict[str, Any]:
        """Write the output artifacts of an execution to a JSON file, and return what was written."""


class DeploymentFactory(Protocol):
    """The function that `aicore_deploy` returns."""

    def __call__(
        self,
        workflow: str | None = ...,
        *,
        artifacts: Mapping[str, object] | None = ...,
        parameters: Mapping[str, object] | None = ...,
        predict: str | None = ...,
        ready: Mapping[str, object] | None = ...,
        ttl: str | None = ...,
        timeout: float | None = ...,
        fresh: bool = ...,
        name: str | None = ...,
        emulated: Mapping[str, object] | None = ...,
    ) -> Deployment:
        """Deploy a serving template; arguments that are left out are those of the test's markers."""
