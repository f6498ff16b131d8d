"""The types of the functions that fixtures give, for annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_aicore.training.finished import FinishedExecution
    from pytest_aicore.training.run import Run


class RunFactory(Protocol):
    """What `aicore_run` gives."""

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
    ) -> Run:
        """Start a run; what is left out is as the test's markers say."""


class OutputWriter(Protocol):
    """What `aicore_training_output` gives."""

    def __call__(self, file: Path | str, execution: FinishedExecution | None = ...) -> dict[str, Any]:
        """Write the output artifacts of an execution to a JSON file, and return what was written."""
