"""TrainingPlan: which workflow is trained with which inputs and parameters, and which result is expected.

Everything that can be checked is checked here, before anything is started.
"""

from __future__ import annotations

import hashlib
import json
import math
import numbers
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_aicore.errors import PlanError, did_you_mean, listing
from pytest_aicore.placeholders import LEFT, VALUE, to_fill_in, to_fill_in_url
from pytest_aicore.service_facts import FINAL_STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_aicore.workflows import Template

COMPLETED = "COMPLETED"
STATUSES = ("PENDING", "RUNNING", COMPLETED, "DEAD", "STOPPING", "STOPPED", "UNKNOWN")
"""Every status an execution can have (AiExecutionStatus in SAP's OpenAPI 2.42.0, `Status` in the SDK)."""

# AiArtifactUrl; the pattern of SAP's OpenAPI 2.42.0 is not anchored, but what else it accepts is always a mistake.
_URL = re.compile(r"[a-z0-9-]+://.+")
_URL_LENGTH = 1024
_VALUE_LENGTH = 5000  # AiParameterArgumentBinding.value
_NAME = re.compile(r"[\w\s.!?,;:\[\](){}<>\"'=+*/\\^&%@~$#|-]{1,256}")  # AiConfigurationName
PLAYED = ("metrics", "logs", "outputs")
"""What the emulator can play for a run."""
ORIGIN = "pytest-aicore"
"""The beginning of descriptions and names of everything that pytest-aicore creates on AI Core."""


@dataclass(frozen=True, eq=False)
class TrainingPlan:
    """One requested training run. Plans with the same `key` share one run per session.

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
        put = object.__setattr__
        put(
            self,
            "artifacts",
            MappingProxyType(dict(self._mapping("artifacts", self.artifacts, "input artifact name to URL"))),
        )
        put(
            self,
            "parameters",
            MappingProxyType(dict(self._mapping("parameters", self.parameters, "parameter name to value"))),
        )
        self._refuse_unfit_template()
        self._check_artifacts()
        put(
            self,
            "parameters",
            MappingProxyType({name: self._parameter(name, value) for name, value in self.parameters.items()}),
        )
        put(self, "expect", self._expected(self.expect))
        put(self, "timeout", self._deadline(self.timeout))
        if not isinstance(self.fresh, bool):
            raise self._wrong(f"fresh={self.fresh!r}: expected True or False.")
        if self.name is not None and not (isinstance(self.name, str) and _NAME.fullmatch(self.name)):
            raise self._wrong(f"name={self.name!r}: expected 1 to 256 letters, digits, spaces or punctuation.")
        self._refuse_to_fill_in(f"name={self.name!r}", to_fill_in(self.name or "", wholly=True))
        meaning = f"{listing(PLAYED)} to what the emulator plays"
        put(self, "emulated", MappingProxyType(dict(self._mapping("emulated", self.emulated, meaning))))
        self._check_emulated()

    @property
    def key(self) -> str:
        """The identity of the run: equal keys mean equal requests to AI Core for equal workflows.

        The expected status and the timeout are not part of it, because each test that shares the run has its own; nor
        is what the emulator plays, which is not requested of AI Core. The text of the workflow is part of it: a session
        resumes an earlier run only if the file has not changed since.
        """
        executable = self.template.executable
        content = [
            self.resource_group, str(self.template.path), self.template.document.text,
            executable.scenario_id, executable.id, executable.version_id, self.name,
            sorted(self.artifacts.items()), sorted(self.parameters.items()),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

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

    @property
    def workflow(self) -> str:
        """The name of the workflow in messages: its file name, else its executable id."""
        path = self.template.path
        return path.name if path is not None else str(self.template.executable.id)

    def require_complete(self) -> None:
        """Check that no value is missing; the error lists all missing ones, with the marker line to write.

        Raises:
            PlanError: an input artifact has no URL, or a parameter without default has no value.
        """
        executable = self.template.executable
        inputs = [
            artifact.name
            for artifact in executable.input_artifacts
            if not artifact.optional and artifact.name not in self.artifacts
        ]
        values = [
            parameter.name
            for parameter in executable.parameters
            if parameter.default is None and parameter.name not in self.parameters
        ]
        if not inputs and not values:
            return
        missing: list[str] = []
        if inputs:
            missing.append(_plural(inputs, "input artifact", "has no URL", "have no URL"))
        if values:
            missing.append(_plural(values, "parameter", "has no default and no value", "have no default and no value"))
        raise self._wrong(
            f"{self.workflow} cannot run yet: {' and '.join(missing)}. The marker to write:\n\n"
            f"    {self._marker(inputs, values)}"
        )

    def _marker(self, inputs: Iterable[str], values: Iterable[str]) -> str:
        artifacts = {**self.artifacts, **{name: f"ai://default/{name}" for name in inputs}}
        parameters = {**self.parameters, **dict.fromkeys(values, VALUE)}
        arguments = [json.dumps(self.workflow)]
        if artifacts:
            arguments.append(f"artifacts={json.dumps(artifacts)}")
        if parameters:
            arguments.append(f"parameters={json.dumps(parameters)}")
        if self.expect != COMPLETED:
            arguments.append("expect=None" if self.expect is None else f"expect={json.dumps(self.expect)}")
        return f"@pytest.mark.aicore({', '.join(arguments)})"

    def _wrong(self, text: str) -> PlanError:
        return PlanError(f"{self.place}: {text}" if self.place else text)

    def _mapping(self, field_name: str, value: object, meaning: str) -> Mapping[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self._wrong(f"{field_name}={value!r}: expected a dictionary of {meaning}.")
        for name in value:
            if not isinstance(name, str):
                raise self._wrong(f"{field_name}={dict(value)!r}: the name {name!r} is not a string.")
        return value

    def _refuse_unfit_template(self) -> None:
        executable = self.template.executable
        if executable.deployable:
            raise self._wrong(
                f"{self.workflow} is a ServingTemplate: it can be deployed, not trained. Give a WorkflowTemplate."
            )
        if executable.missing:
            lacks = _join([f"the {words}" for words in executable.missing])
            raise self._wrong(
                f"{self.template.path or self.workflow} lacks {lacks}: AI Core would not publish it,"
                " so nothing was started."
            )

    def _refuse_to_fill_in(self, asked: str, left: str | None) -> None:
        if left is not None:
            raise self._wrong(f"{asked}: {left!r} {LEFT}")

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

    def _check_artifacts(self) -> None:
        known = [artifact.name for artifact in self.template.executable.input_artifacts]
        for name, url in self.artifacts.items():
            if name not in known:
                raise self._wrong(
                    f"{self.workflow} has no input artifact {name!r}.{did_you_mean(name, known)}"
                    f" Its input artifacts: {listing(known)}."
                )
            self._check_url(name, url)

    def _check_url(self, name: str, url: object) -> None:
        asked = f"artifacts={{{name!r}: {url!r}}}"
        if not isinstance(url, str):
            its_url = getattr(url, "url", None)
            hint = f" Write its URL: {its_url!r}." if isinstance(its_url, str) else ""
            raise self._wrong(f'{asked}: expected a URL such as "ai://default/{name}".{hint}')
        self._refuse_to_fill_in(asked, to_fill_in_url(url))
        if _URL.fullmatch(url) is None:
            scheme, separator, rest = url.partition("://")
            if separator and _URL.fullmatch(f"{scheme.lower()}://{rest}"):
                raise self._wrong(
                    f"{asked}: AI Core refuses a scheme that is not in lower case."
                    f" Write {json.dumps(f'{scheme.lower()}://{rest}')}."
                )
            raise self._wrong(
                f"{asked}: the URL has no scheme, so AI Core refuses it. Write for example"
                f' "ai://default/{url.strip("/ ") or name}": ai://<object store secret>/<path below its pathPrefix>.'
            )
        if len(url) > _URL_LENGTH:
            raise self._wrong(
                f"{asked[:60]}...: the URL has {len(url)} characters, AI Core takes at most {_URL_LENGTH}."
            )
        if url.endswith("/"):
            raise self._wrong(
                f"{asked}: the URL ends in '/'. AI Core registers it, then the training fails with"
                f' "The specified key does not exist". Write {json.dumps(url.rstrip("/"))}.'
            )

    def _parameter(self, name: str, value: object) -> str:
        known = [parameter.name for parameter in self.template.executable.parameters]
        if name not in known:
            raise self._wrong(
                f"{self.workflow} has no parameter {name!r}.{did_you_mean(name, known)}"
                f" Its parameters: {listing(known)}."
            )
        text = self._text(name, value)
        if len(text) > _VALUE_LENGTH:
            raise self._wrong(
                f"the value of parameter {name!r} has {len(text)} characters, AI Core takes at most {_VALUE_LENGTH}."
            )
        return text

    def _text(self, name: str, value: object) -> str:
        asked = f"parameters={{{name!r}: {value!r}}}"
        if isinstance(value, str):
            self._refuse_to_fill_in(asked, to_fill_in(value, wholly=True))
            return str.__str__(value)  # also for a member of an enumeration of strings
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, numbers.Integral):
            return str(int(value))
        if isinstance(value, Decimal):
            return str(value)
        if isinstance(value, numbers.Real):
            number = float(value)
            if not math.isfinite(number):
                raise self._wrong(
                    f"{asked}: AI Core takes strings, and {number!r} has no standard one. Write the string"
                    " that the workflow expects."
                )
            return repr(number)
        if value is None:
            remedy = (
                "Leave it out to use the workflow's default"
                if self._has_default(name)
                else 'Write "" for an empty value'
            )
            raise self._wrong(f"{asked}: AI Core parameters are strings, and None is not one. {remedy}.")
        raise self._wrong(
            f"{asked}: AI Core parameters are strings; str, int, float and bool are converted,"
            f" {type(value).__name__} is not. Write the string that the workflow reads, for example with json.dumps."
        )

    def _has_default(self, name: str) -> bool:
        return any(
            parameter.name == name and parameter.default is not None
            for parameter in self.template.executable.parameters
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

    def _deadline(self, timeout: object) -> float:
        if (
            isinstance(timeout, bool)
            or not isinstance(timeout, (int, float))
            or not math.isfinite(timeout)
            or timeout <= 0
        ):
            raise self._wrong(f"timeout={timeout!r}: expected a number of seconds greater than 0, for example 3600.")
        return float(timeout)


def _join(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _plural(names: list[str], noun: str, singular: str, plural: str) -> str:
    quoted = _join([repr(name) for name in names])
    return f"the {noun} {quoted} {singular}" if len(names) == 1 else f"the {noun}s {quoted} {plural}"
