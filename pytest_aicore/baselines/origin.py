"""What values come from: an execution or a deployment, and what it was made of."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Self

Kind = Literal["execution", "deployment"]
_SEED: Final = re.compile(r"(?:^|[^a-z])seed(?:$|[^a-z])|random[_-]?state|seed$", re.IGNORECASE)
SHORT_COMMIT: Final = 10


@dataclass(frozen=True)
class Origin:
    """What values come from. What is not known is None or empty.

    Attributes:
        kind: what it is.
        id: of it, None for values that the test has from elsewhere.
        executable: the id of its executable.
        parameters: value of each parameter by its name.
        artifacts: URL of each input artifact by its name.
        world: `local` or `live`.
        date: the day, `2026-11-27`.
        commit: the commit of the project.
    """

    kind: Kind = "execution"
    id: str | None = None
    executable: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)
    world: str | None = None
    date: str | None = None
    commit: str | None = None

    @property
    def seeds(self) -> dict[str, str]:
        """The parameters that are the seed of random numbers, by their names."""
        return {name: value for name, value in self.parameters.items() if _SEED.search(name)}

    def has_inputs_of(self, other: Origin) -> bool:
        """Return whether two are of the same executable, parameters and artifacts, all of which are known.

        Args:
            other: to compare with.
        """
        return self.executable is not None and self._inputs == other._inputs

    @property
    def _inputs(self) -> tuple[object, ...]:
        return self.kind, self.executable, dict(self.parameters), dict(self.artifacts)

    def made_in(self, world: str, date: str, commit: str | None) -> Self:
        """Return it with where and when.

        Args:
            world: `local` or `live`.
            date: the day.
            commit: of the project, None if that is not known.
        """
        return replace(self, world=world, date=date, commit=commit)

    def cleaned(self, redact: Callable[[Any], Any]) -> Self:
        """Return it without secrets.

        Args:
            redact: returns data without secrets.
        """
        return replace(self, parameters=redact(dict(self.parameters)), artifacts=redact(dict(self.artifacts)))

    def data(self) -> dict[str, Any]:
        """Return what is known as plain data, in a fixed order."""
        known = {
            "world": self.world,
            self.kind: self.id,
            "executable": self.executable,
            "parameters": dict(sorted(self.parameters.items())),
            "artifacts": dict(sorted(self.artifacts.items())),
            "date": self.date,
            "commit": self.commit,
        }
        return {name: value for name, value in known.items() if value not in (None, {})}

    def __str__(self) -> str:
        """Return it in one line: `execution e1, local, 2026-11-27, commit 1a2b3c4d5e, churn-train, DEPTH=3`."""
        words = [
            f"{self.kind} {self.id}" if self.id else "values of the test",
            self.world,
            self.date,
            f"commit {self.commit[:SHORT_COMMIT]}" if self.commit else None,
            self.executable,
            *(f"{name}={value}" for name, value in sorted(self.parameters.items())),
        ]
        return ", ".join(word for word in words if word)


def origin_of(source: object) -> Origin:
    """Return the origin of what a test names as the source of its values.

    Args:
        source: an execution, a deployment, or anything that has an `id`.
    """
    known = getattr(source, "origin", None)
    if isinstance(known, Origin):
        return known
    own_id = getattr(source, "id", None)
    return Origin("deployment", own_id if isinstance(own_id, str) else None)


__all__ = ["Kind", "Origin", "origin_of"]
