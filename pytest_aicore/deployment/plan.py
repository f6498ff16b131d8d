"""DeploymentPlan: which serving template is deployed with which artifacts and parameters, and what a right answer is.

Everything that can be checked is checked here, before anything is started.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_aicore.deployment.from_run import FromRun, RunArtifact
from pytest_aicore.errors import did_you_mean, listing
from pytest_aicore.training.bound_plan import BoundPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_aicore.training.output_artifact import OutputArtifact
    from pytest_aicore.workflows import Template

ENDPOINT = re.compile(r"/v\d+(?:/|\Z)", re.ASCII)
"""How the path of every endpoint of a serving template begins (tutorial "Deploy a model", text and `main.py`)."""
READY = ("path", "json", "check")
PLAYED = ("answers",)
"""What the emulator can play for a deployment."""
MINIMUM_TTL_SECONDS = 600
"""Documentation: AI Core refuses less."""
_TTL = re.compile(r"(\d{1,9})([mMhHdD])", re.ASCII)
_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, eq=False)
class DeploymentPlan(BoundPlan):
    """One requested deployment. Plans with the same `key` share one deployment per session.

    Attributes:
        template: the serving template.
        artifacts: URL of each input artifact by its name, or `from_run(output)`.
        parameters: value of each parameter by its name.
        predict: the path of predictions below the URL of the deployment.
        ready: what a right answer is: `path` (that of `predict` if left out), `json` to post, and `check`, a function
            of the answer's content that returns whether it is right. Not part of the key.
        ttl: after which time AI Core deletes the deployment, such as `2h`; None for no such time.
        timeout: seconds from its creation until it must be ready. Not part of the key.
        fresh: whether it is not shared with other tests.
        name: the name of the configuration; None for a generated one.
        resource_group: the resource group in which it runs.
        place: `file:line` of the test, for messages.
        emulated: what the emulator plays for it where no server runs: `answers` by path.

    Raises:
        PlanError: the template does not allow these values.
    """

    marker: ClassVar[str] = "aicore_deployment"
    lacking: ClassVar[str] = "cannot be deployed yet"

    template: Template
    artifacts: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    predict: str | None = None
    ready: Mapping[str, Any] | None = None
    ttl: str | None = None
    timeout: float = 3600.0
    fresh: bool = False
    name: str | None = None
    resource_group: str = "default"
    place: str = ""
    emulated: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Normalise and check the values."""
        self._check_bindings()
        self._check_how()
        if self.predict is not None:
            self._check_path("predict=", self.predict)
        self._check_ready()
        self._check_ttl()
        meaning = f"{listing(PLAYED)} to what the emulator plays"
        object.__setattr__(self, "emulated", MappingProxyType(dict(self._mapping("emulated", self.emulated, meaning))))
        for name in self.emulated:
            if name not in PLAYED:
                raise self._wrong(
                    f"emulated: unknown {name!r}; expected one of {listing(PLAYED)}.{did_you_mean(name, PLAYED)}"
                )
        answers = self._mapping("emulated: answers", self.emulated.get("answers"), "path to answer")
        for path in answers:
            self._check_path("emulated: answers: ", path)

    @property
    def trained(self) -> tuple[str, ...]:
        """The output artifacts of the test's own training that it takes."""
        return tuple(each.output for each in self.artifacts.values() if isinstance(each, FromRun))

    @property
    def answers(self) -> Mapping[str, Any]:
        """What the emulator answers, by path."""
        return self.emulated.get("answers") or {}

    def with_outputs(self, output_of: Callable[[str], OutputArtifact]) -> DeploymentPlan:
        """Return the plan with the artifacts that a training has left.

        Args:
            output_of: returns an output artifact by its name.
        """
        if not self.trained:
            return self
        bound = {name: self._trained(url, output_of) for name, url in self.artifacts.items()}
        return replace(self, artifacts=bound)

    @staticmethod
    def _trained(url: Any, output_of: Callable[[str], OutputArtifact]) -> Any:
        if not isinstance(url, FromRun):
            return url
        artifact = output_of(url.output)
        return RunArtifact(artifact.url, artifact.id)

    def _identifying(self) -> list[Any]:
        return [self.ttl]

    def _also(self) -> list[str]:
        return [] if self.predict is None else [f"predict={json.dumps(self.predict)}"]

    def _refuse_unfit_template(self) -> None:
        if not self.template.executable.deployable:
            raise self._wrong(
                f"{self.workflow} is a WorkflowTemplate: it can be trained, not deployed. Give a ServingTemplate."
            )

    def _check_url(self, name: str, url: object) -> None:
        if not isinstance(url, FromRun):
            super()._check_url(name, url)

    def _check_path(self, what: str, path: object) -> None:
        if not (isinstance(path, str) and path.startswith("/")):
            raise self._wrong(
                f"{what}{path!r}: expected a path below the URL of the deployment, such as '/v1/predict'."
            )
        if not ENDPOINT.match(path):
            raise self._wrong(
                f"{what}{path!r}: AI Core passes this path on to no deployment (HTTP 403). The path of an endpoint must"
                f" begin with /v and a number, for example '/v1{path}'."
            )

    def _check_ready(self) -> None:
        if self.ready is None:
            return
        ready = dict(self._mapping("ready", self.ready, f"{listing(READY)} to what a right answer is"))
        for name in ready:
            if name not in READY:
                raise self._wrong(
                    f"ready: unknown {name!r}; expected one of {listing(READY)}.{did_you_mean(name, READY)}"
                )
        if ready.get("path") is None:
            if self.predict is None:
                raise self._wrong("ready: 'path' is missing, and there is no predict= to take it from.")
            ready["path"] = self.predict
        self._check_path("ready: path=", ready["path"])
        if not (ready.get("check") is None or callable(ready["check"])):
            raise self._wrong(
                f"ready: check={ready['check']!r}: expected a function of the answer's content that returns whether it"
                " is right."
            )
        object.__setattr__(self, "ready", MappingProxyType(ready))

    def _check_ttl(self) -> None:
        if self.ttl is None:
            return
        match = _TTL.fullmatch(self.ttl) if isinstance(self.ttl, str) else None
        if match is None:
            raise self._wrong(f"ttl={self.ttl!r}: expected a number of minutes, hours or days, such as '90m' or '2h'.")
        if int(match[1]) * _UNIT_SECONDS[match[2].lower()] < MINIMUM_TTL_SECONDS:
            raise self._wrong(f"ttl={self.ttl!r}: AI Core accepts at least '10m'.")
