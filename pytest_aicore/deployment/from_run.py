"""`from_run`: an output artifact of the test's own training, bound in the marker of a deployment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_aicore.errors import PlanError

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True, slots=True)
class FromRun:
    """Stands for an output artifact of the test's own training.

    Attributes:
        output: its name, as in `aicore_execution.output_artifacts`.
    """

    output: str

    def __repr__(self) -> str:
        """Return it as it is written."""
        return f"from_run({self.output!r})"


class RunArtifact(str):
    """The URL of an artifact that a training has left, which is registered already.

    Attributes:
        id: of the artifact.
    """

    __slots__ = ("id",)

    id: str

    def __new__(cls, url: str, artifact_id: str) -> Self:
        """Make it of the URL and the id."""
        made = super().__new__(cls, url)
        made.id = artifact_id
        return made


def from_run(output: str) -> Any:
    """Return what stands for an output artifact of the test's own training, in `artifacts=` of a deployment.

    Args:
        output: its name, as in `aicore_execution.output_artifacts`.

    Raises:
        PlanError: it is not a string.
    """
    if not isinstance(output, str):
        raise PlanError(f"from_run({output!r}): expected the name of an output artifact of the training.")
    return FromRun(output)
