"""TrainingPlan: which workflow is trained with which inputs and parameters, and which result is expected.

Everything that can be checked is checked here, before anything is started.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_aicore.errors import did_you_mean, listing
from pytest_aicore.service_facts import FINAL_STATUSES
from pytest_aicore.training.bound_plan import BoundPlan

if TYPE_CHECKING:
    from pytest_aicore.workflows import Template

COMPLETED = "COMPLETED"
STATUSES = ("PENDING", "RUNNING", COMPLETED, "DEAD", "STOPPING", "STOPPED", "UNKNOWN")
"""Every status an execution can have (AiExecutionStatus in SAP's OpenAPI 2.42.0, `Status` in the SDK)."""

PLAYED = ("metrics", "logs", "outputs")
"""What the emulator can play for a run."""
ORIGIN = "pytest-aicore"
"""The beginning of descriptions and names of everything that pytest-aicore creates on AI Core."""


@dataclass(frozen=True, eq=False)
class TrainingPlan(BoundPlan):
    """One requested training run. Plans with the same `key` share one run per session.

    The expected status and the timeout are not part of the key, because each test that shares the run has its own; nor
    is what the emulator plays, which is not requested of AI Core.

    Values are normalised and checked when the plan is made, also by `dataclasses.replace`, so an overriding
    fixture can change them freely; missing values are reported when the run begins.

    Attributes:
        template: the workflow.
        artifacts: URL of each input artifact by its name.
        parameters: value of each workflow parameter by its name; numbers and booleans become strings, as AI Core
            requires.
        expect: the final status that the run must reach; None accepts any.
        timeout: seconds from the start of the execution until it must have ended.
        fresh: whether the run is not shared with other tests.
        name: the name of the configuration; None for a generated one that begins with `pytest-aicore`.
        resource_group: the resource group in which it runs.
        place: `file:line` of the test, for messages.
        emulated: what the emulator plays for the run, where no code runs: `metrics`, `logs` and `outputs`. Elsewhere it
            has no effect.

    Raises:
        PlanError: the workflow does not allow these values.
    """

    template: Template
    artifacts: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    expect: Any = COMPLETED
    timeout: float = 3600.0
    fresh: bool = False
    name: str | None = None
    resource_group: str = "default"
    place: str = ""
    emulated: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Normalise and check the values."""
        self._check_bindings()
        put = object.__setattr__
        put(self, "expect", self._expected(self.expect))
        self._check_how()
        meaning = f"{listing(PLAYED)} to what the emulator plays"
        put(self, "emulated", MappingProxyType(dict(self._mapping("emulated", self.emulated, meaning))))
        self._check_emulated()

    def __eq__(self, other: object) -> bool:
        """Return whether both plans request the same run with the same expectations."""
        return (
            isinstance(other, TrainingPlan)
            and self._identity() == other._identity()
            and self.emulated == other.emulated
        )

    def __hash__(self) -> int:
        """Return a hash that agrees with equality."""
        return hash(self._identity())

    def _identity(self) -> tuple[object, ...]:
        return (self.key, self.expect, self.timeout, self.fresh)

    def _also(self) -> list[str]:
        if self.expect == COMPLETED:
            return []
        return ["expect=None" if self.expect is None else f"expect={json.dumps(self.expect)}"]

    def _refuse_unfit_template(self) -> None:
        executable = self.template.executable
        if executable.deployable:
            raise self._wrong(
                f"{self.workflow} is a ServingTemplate: it can be deployed, not trained. Give a WorkflowTemplate."
            )

    def _check_emulated(self) -> None:
        for name in self.emulated:
            if name not in PLAYED:
                raise self._wrong(
                    f"emulated: unknown {name!r}; expected one of {listing(PLAYED)}.{did_you_mean(name, PLAYED)}"
                )
        outputs = self.emulated.get("outputs")
        known = [output.name for output in self.template.executable.output_artifacts]
        for name in outputs if isinstance(outputs, Mapping) else ():
            if name not in known:
                raise self._wrong(
                    f"emulated: {self.workflow} has no output artifact {name!r}.{did_you_mean(str(name), known)}"
                    f" Its output artifacts: {listing(known)}."
                )

    def _expected(self, expect: object) -> str | None:
        if expect is None:
            return None
        status = getattr(expect, "value", expect)
        if status in FINAL_STATUSES:
            return str(status)
        finals = f"A training can end as {listing(FINAL_STATUSES)}; None accepts any of them."
        if status in STATUSES:
            raise self._wrong(f"expect={status!r}: executions do not end in that status. {finals}")
        hint = did_you_mean(status, FINAL_STATUSES) if isinstance(status, str) else ""
        raise self._wrong(f"expect={expect!r}: unknown status.{hint} {finals}")
