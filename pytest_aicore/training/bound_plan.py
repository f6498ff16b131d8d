"""What plans of trainings and of deployments have in common: a workflow, with what is bound to it."""

from __future__ import annotations

import hashlib
import json
import math
import numbers
import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_aicore.baselines.origin import Kind, Origin
from pytest_aicore.errors import PlanError, did_you_mean, listing
from pytest_aicore.placeholders import LEFT, VALUE, to_fill_in, to_fill_in_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_aicore.workflows import Template

# AiArtifactUrl; the pattern of SAP's OpenAPI 2.42.0 is not anchored, but what else it accepts is always a mistake.
_URL = re.compile(r"[a-z0-9-]+://.+")
_URL_LENGTH = 1024
_VALUE_LENGTH = 5000  # AiParameterArgumentBinding.value
_NAME = re.compile(r"[\w\s.!?,;:\[\](){}<>\"'=+*/\\^&%@~$#|-]{1,256}")  # AiConfigurationName


class BoundPlan:
    """A workflow with what is bound to it; the fields are those of the dataclasses that are derived from it."""

    marker: ClassVar[str] = "aicore"
    """The marker that asks for it."""
    lacking: ClassVar[str] = "cannot run yet"
    """What a workflow cannot do if a value is missing."""

    template: Template
    artifacts: Mapping[str, Any]
    parameters: Mapping[str, Any]
    timeout: float
    fresh: bool
    name: str | None
    resource_group: str
    place: str

    @property
    def key(self) -> str:
        """The identity: equal keys mean equal requests to AI Core for equal workflows.

        What each test may have of its own is not part of it. The text of the workflow is part of it: a session resumes
        an earlier run only if the file has not changed since.
        """
        executable = self.template.executable
        content = [
            self.resource_group, str(self.template.path), self.template.document.text,
            executable.scenario_id, executable.id, executable.version_id, self.name,
            sorted(self.artifacts.items()), sorted(self.parameters.items()), *self._identifying(),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(content, default=repr).encode()).hexdigest()[:16]

    def _identifying(self) -> list[Any]:
        """Return what else identifies it, as JSON content."""
        return []

    @property
    def workflow(self) -> str:
        """The name of the workflow in messages: its file name, else its executable id."""
        path = self.template.path
        return path.name if path is not None else str(self.template.executable.id)

    def origin(self, kind: Kind, own_id: str | None) -> Origin:
        """Return what comes from it, for comparisons with a baseline: with the defaults of the workflow.

        Args:
            kind: what it is.
            own_id: the id of that, None if there is none yet.
        """
        executable = self.template.executable
        defaults = {each.name: each.default for each in executable.parameters if each.default is not None}
        artifacts = {name: str(url) for name, url in self.artifacts.items()}
        return Origin(kind, own_id, executable.id, {**defaults, **self.parameters}, artifacts)

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
            f"{self.workflow} {self.lacking}: {' and '.join(missing)}. The marker to write:\n\n"
            f"    {self._marker(inputs, values)}"
        )

    def _marker(self, inputs: Iterable[str], values: Iterable[str]) -> str:
        artifacts: dict[str, str] = {**self.artifacts, **{name: f"ai://default/{name}" for name in inputs}}
        parameters = {**self.parameters, **dict.fromkeys(values, VALUE)}
        arguments = [json.dumps(self.workflow)]
        if artifacts:
            arguments.append(f"artifacts={json.dumps(artifacts)}")
        if parameters:
            arguments.append(f"parameters={json.dumps(parameters)}")
        return f"@pytest.mark.{self.marker}({', '.join([*arguments, *self._also()])})"

    def _also(self) -> list[str]:
        """Return further arguments of the marker, as they are written."""
        return []

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

    def _check_bindings(self) -> None:
        """Normalise and check what is bound."""
        put = object.__setattr__
        for name, meaning in (("artifacts", "input artifact name to URL"), ("parameters", "parameter name to value")):
            put(self, name, MappingProxyType(dict(self._mapping(name, getattr(self, name), meaning))))
        self._refuse_unfit_template()
        if self.template.executable.missing:
            lacks = _join([f"the {words}" for words in self.template.executable.missing])
            raise self._wrong(
                f"{self.template.path or self.workflow} lacks {lacks}: AI Core would not publish it,"
                " so nothing was started."
            )
        self._check_artifacts()
        values = {name: self._parameter(name, value) for name, value in self.parameters.items()}
        put(self, "parameters", MappingProxyType(values))

    def _check_how(self) -> None:
        """Normalise and check the timeout, whether it is shared, and the name."""
        object.__setattr__(self, "timeout", self._deadline(self.timeout))
        if not isinstance(self.fresh, bool):
            raise self._wrong(f"fresh={self.fresh!r}: expected True or False.")
        if self.name is not None and not (isinstance(self.name, str) and _NAME.fullmatch(self.name)):
            raise self._wrong(f"name={self.name!r}: expected 1 to 256 letters, digits, spaces or punctuation.")
        self._refuse_to_fill_in(f"name={self.name!r}", to_fill_in(self.name or "", wholly=True))

    def _refuse_unfit_template(self) -> None:
        """Raise an error if the workflow is of another kind."""

    def _refuse_to_fill_in(self, asked: str, left: str | None) -> None:
        if left is not None:
            raise self._wrong(f"{asked}: {left!r} {LEFT}")

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
