"""What SAP AI Core publishes of a template: scenario, version, parameters, inputs and outputs.

The derivation follows SAP's service guide, pages "Workflow Templates" and "Serving Templates". Comments
mark the decisions that they leave open.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from pytest_aicore.workflows.yaml.tree import ScalarNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_aicore.workflows.yaml.tree import MappingNode

SCENARIO_ID_LABEL: Final = "scenarios.ai.sap.com/id"
SCENARIO_NAME_ANNOTATION: Final = "scenarios.ai.sap.com/name"
SCENARIO_DESCRIPTION_ANNOTATION: Final = "scenarios.ai.sap.com/description"
EXECUTABLE_NAME_ANNOTATION: Final = "executables.ai.sap.com/name"
EXECUTABLE_DESCRIPTION_ANNOTATION: Final = "executables.ai.sap.com/description"
VERSION_LABEL: Final = "ai.sap.com/version"
ARTIFACT_ANNOTATION_PREFIX: Final = "artifacts.ai.sap.com/"

DEFAULT_OUTPUT_KIND: Final = "model"
"""The kind under which an output artifact is registered when no annotation says one."""

_SCENARIO_LABEL: Final = re.compile(r"(?:scenarios|ext)\.ai\.sap\.com/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that a configuration can bind. Its type is always `string`.

    Attributes:
        name: the key of the binding, case-sensitive.
        default: the value without a binding, None if a configuration has to bind it.
        description: what the template says about it.
    """

    name: str
    default: str | None = None
    description: str | None = None

    @property
    def required(self) -> bool:
        """Whether a run without a value for it cannot succeed."""
        return self.default is None


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact that a configuration has to bind.

    Attributes:
        name: the key of the binding, case-sensitive.
        kind: `model`, `dataset`, `resultset` or `other`, None if the template does not say.
        description: what the template says about it.
        labels: keys and values that the template gives it.
        path: where it is put in the container, None for a serving template.
        optional: whether Argo runs without it.
    """

    name: str
    kind: str | None = None
    description: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    path: str | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class OutputArtifact:
    """An artifact that a completed run registers.

    Attributes:
        name: its `globalName`, under which the executable lists it and the object store keeps it.
        kind: `model` unless an annotation says otherwise.
        description: what the template says about it.
        labels: keys and values that the registered artifact gets.
        registered_name: the name of the registered artifact.
        suffix: what AI Core adds to its file or folder on the object store.
        path: where the container has to leave it.
        template: the name of the template that makes it, None for an inline one.
    """

    name: str
    kind: str = DEFAULT_OUTPUT_KIND
    description: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    registered_name: str = ""
    suffix: str | None = None
    path: str | None = None
    template: str | None = None


@dataclass(frozen=True, slots=True)
class Executable:
    """A template as the AI API shows it, and what its pods are made of.

    Attributes:
        id: the executable id, `metadata.name`.
        name: the executable's name.
        description: the executable's description.
        scenario_id: the scenario it belongs to.
        scenario_name: the scenario's name.
        scenario_description: the scenario's description.
        scenario_labels: the scenario's labels.
        version_id: the version.
        deployable: whether it runs as a deployment, not as an execution.
        parameters: what a configuration can bind.
        input_artifacts: what a configuration has to bind, in the order in which a run meets them.
        output_artifacts: what a completed run registers, in the order in which a run meets them.
        resource_plans: the resource plans or instance types of its pods; placeholders stay as they are.
        images: the images of its containers; placeholders stay as they are.
        pull_secrets: the docker registry secrets that it names.
        secrets: the generic secrets without which its containers cannot be created.
        active_deadline_seconds: after how many seconds Argo ends a run, None for never.
        missing: what a template must have for AI Core to publish it and this one lacks, in words such as
            `label ai.sap.com/version`.
    """

    id: str
    name: str | None = None
    description: str | None = None
    scenario_id: str | None = None
    scenario_name: str | None = None
    scenario_description: str | None = None
    scenario_labels: tuple[tuple[str, str], ...] = ()
    version_id: str | None = None
    deployable: bool = False
    parameters: tuple[Parameter, ...] = ()
    input_artifacts: tuple[Artifact, ...] = ()
    output_artifacts: tuple[OutputArtifact, ...] = ()
    resource_plans: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    pull_secrets: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    active_deadline_seconds: int | None = None
    missing: tuple[str, ...] = ()


class Published(Protocol):
    """The parts of a template that decide what AI Core publishes; a `Template` is one."""

    @property
    def name(self) -> str:
        """`metadata.name`, empty where it is missing."""

    @property
    def api_version(self) -> str | None:
        """`apiVersion`."""

    @property
    def expected_api_version(self) -> str:
        """The `apiVersion` that belongs to its kind."""

    @property
    def deployable(self) -> bool:
        """Whether it runs as a deployment, not as an execution."""

    @property
    def metadata(self) -> MappingNode:
        """`metadata`."""

    @property
    def labels(self) -> Mapping[str, str]:
        """`metadata.labels` that have a value."""

    @property
    def annotations(self) -> Mapping[str, str]:
        """`metadata.annotations` that have a value."""

    @property
    def parameters(self) -> list[MappingNode]:
        """The declarations of the parameters that a configuration can bind."""

    @property
    def input_artifacts(self) -> list[MappingNode]:
        """The declarations of the artifacts that a configuration has to bind, each name once."""

    @property
    def output_artifacts(self) -> list[tuple[MappingNode, str | None]]:
        """The declarations of the artifacts that are registered, each with the name of what makes it."""

    @property
    def resource_plans(self) -> tuple[str, ...]:
        """The resource plans or instance types of its pods."""

    @property
    def images(self) -> tuple[str, ...]:
        """The images of its containers."""

    @property
    def pull_secrets(self) -> tuple[str, ...]:
        """The docker registry secrets that it names."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The generic secrets that its containers cannot be created without."""

    @property
    def active_deadline_seconds(self) -> int | None:
        """After how many seconds Argo ends a run, None for never."""


def derive(template: Published) -> Executable:
    """Return what AI Core publishes of a template.

    Args:
        template: any template; what it lacks is None or empty in the executable.
    """
    labels, annotations = template.labels, template.annotations
    # An empty label counts as missing: nothing can be found by it.
    scenario_id = labels.get(SCENARIO_ID_LABEL) or None
    scenario_name = annotations.get(SCENARIO_NAME_ANNOTATION) or None
    name = annotations.get(EXECUTABLE_NAME_ANNOTATION) or None
    version = labels.get(VERSION_LABEL) or None
    return Executable(
        id=template.name,
        name=name,
        description=annotations.get(EXECUTABLE_DESCRIPTION_ANNOTATION),
        scenario_id=scenario_id,
        scenario_name=scenario_name,
        scenario_description=annotations.get(SCENARIO_DESCRIPTION_ANNOTATION),
        scenario_labels=tuple(
            (key, value) for key, value in labels.items() if key != SCENARIO_ID_LABEL and _SCENARIO_LABEL.fullmatch(key)
        ),
        version_id=version,
        deployable=template.deployable,
        parameters=_parameters(template.parameters),
        input_artifacts=tuple(_input(node, annotations) for node in template.input_artifacts),
        output_artifacts=tuple(_output(node, made_by, annotations) for node, made_by in template.output_artifacts),
        resource_plans=template.resource_plans,
        images=template.images,
        pull_secrets=template.pull_secrets,
        secrets=template.secrets,
        active_deadline_seconds=template.active_deadline_seconds,
        missing=tuple(_missing(template)),
    )


def _missing(template: Published) -> Iterator[str]:
    """Yield in words the mandatory parts, by SAP's service guide, that the template does not have."""
    if template.api_version != template.expected_api_version:
        yield f"apiVersion {template.expected_api_version}"
    labels, annotations = template.metadata.mapping("labels"), template.metadata.mapping("annotations")
    for words, parent, key in (
        ("metadata.name", template.metadata, "name"),
        (f"label {SCENARIO_ID_LABEL}", labels, SCENARIO_ID_LABEL),
        (f"label {VERSION_LABEL}", labels, VERSION_LABEL),
        (f"annotation {SCENARIO_NAME_ANNOTATION}", annotations, SCENARIO_NAME_ANNOTATION),
        (f"annotation {EXECUTABLE_NAME_ANNOTATION}", annotations, EXECUTABLE_NAME_ANNOTATION),
    ):
        node = parent.get(key)
        if not parent.text(key) or not isinstance(node, ScalarNode):
            yield words
        elif node.kind != "string":
            # Kubernetes refuses a whole template for one label that is a number.
            yield f"{words} as a string (put {node.text} in quotes)"


def _parameters(declarations: list[MappingNode]) -> tuple[Parameter, ...]:
    parameters: dict[str, Parameter] = {}
    for node in declarations:
        name = node.name("name")
        if not name:
            continue
        # AI Core documents `default`; Argo's `value`, and a default for a value from elsewhere, work as well.
        candidates = (node.text("default"), node.text("value"), node.mapping("valueFrom").text("default"))
        default = next((text for text in candidates if text is not None), None)
        parameters.setdefault(name, Parameter(name, default, node.text("description")))
    return tuple(parameters.values())


def _input(node: MappingNode, annotations: Mapping[str, str]) -> Artifact:
    name = node.name("name") or ""
    return Artifact(
        name=name,
        kind=_annotation(annotations, name, "kind"),
        description=_annotation(annotations, name, "description"),
        labels=_labels(_annotation(annotations, name, "labels")),
        path=node.text("path"),
        optional=node.text("optional") == "true",
    )


def _output(node: MappingNode, made_by: str | None, annotations: Mapping[str, str]) -> OutputArtifact:
    name = node.name("globalName") or ""
    return OutputArtifact(
        name=name,
        kind=_annotation(annotations, name, "kind") or DEFAULT_OUTPUT_KIND,
        description=_annotation(annotations, name, "description"),
        labels=_labels(_annotation(annotations, name, "labels")),
        registered_name=_annotation(annotations, name, "name") or name,
        suffix=_annotation(annotations, name, "suffix"),
        path=node.text("path"),
        template=made_by,
    )


def _annotation(annotations: Mapping[str, str], artifact: str, field: str) -> str | None:
    return annotations.get(f"{ARTIFACT_ANNOTATION_PREFIX}{artifact}.{field}") or None


def _labels(written: str | None) -> tuple[tuple[str, str], ...]:
    """Return the labels in an annotation, a string holding a JSON object; anything else holds no labels."""
    if written is None:
        return ()
    try:
        labels = json.loads(written)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(labels, dict):
        return ()
    return tuple((key, value if isinstance(value, str) else json.dumps(value)) for key, value in labels.items())
