"""A template of SAP AI Core as an object.

Whatever the YAML contains, no property raises: a value of the wrong type is absent here, and remains in the tree for
the checks.
"""

from __future__ import annotations

import re
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Final

from pytest_aicore.errors import PlanError, WorkflowError, did_you_mean, listing
from pytest_aicore.workflows.argo.graph import WorkflowModel, is_supplied
from pytest_aicore.workflows.executable import Executable, derive
from pytest_aicore.workflows.resource_plans import INSTANCE_LABEL, PLAN_LABEL
from pytest_aicore.workflows.secret_references import secrets_in
from pytest_aicore.workflows.yaml.places import Place, Problem, SourceError
from pytest_aicore.workflows.yaml.source import load, load_all, parse, parse_all
from pytest_aicore.workflows.yaml.tree import NO_MAPPING, Document, MappingNode, Node, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from typing_extensions import Self

    from pytest_aicore.workflows.argo.graph import TemplateModel
    from pytest_aicore.workflows.contracts.goldens import Goldens
    from pytest_aicore.workflows.rendering import Manifest


class Template:
    """What both kinds of template have: metadata, and the executable that AI Core makes of it.

    Attributes:
        document: the YAML it was read from.
        path: the file, None if the text came from somewhere else.
        metadata: `metadata`; an empty map where there is none.
        spec: `spec`; an empty map where there is none.
        goldens: how what it renders is compared with golden files, None outside of tests.
    """

    kind: ClassVar[str]
    expected_api_version: ClassVar[str]
    deployable: ClassVar[bool]
    goldens: Goldens | None = None

    def __init__(self, document: Document, path: Path | None = None) -> None:
        """Take a document for a template of this kind, whatever it holds."""
        self.document = document
        self.path = path
        root = document.root
        self.root = root if type(root) is MappingNode else NO_MAPPING
        self.metadata = self.root.mapping("metadata")
        self.spec = self.root.mapping("spec")

    def __repr__(self) -> str:
        """Return kind, name and file."""
        return f"{self.kind}({self.name!r}, {self.document.name!r})"

    @property
    def name(self) -> str:
        """`metadata.name`, which is the executable id; empty where it is missing."""
        return self.metadata.name("name") or ""

    @property
    def api_version(self) -> str | None:
        """`apiVersion`."""
        return self.root.name("apiVersion")

    @cached_property
    def labels(self) -> dict[str, str]:
        """`metadata.labels` that have a value."""
        return _texts(self.metadata.mapping("labels"))

    @cached_property
    def annotations(self) -> dict[str, str]:
        """`metadata.annotations` that have a value."""
        return _texts(self.metadata.mapping("annotations"))

    @cached_property
    def executable(self) -> Executable:
        """What AI Core publishes of this template."""
        return derive(self)

    def render(
        self, parameters: Mapping[str, object] | None = None, artifacts: Mapping[str, str] | None = None
    ) -> Manifest:
        """Return the manifest as a run would get it: defaults applied, parameters substituted, artifacts bound.

        Args:
            parameters: values by parameter name; numbers and booleans become the strings that AI Core wants.
            artifacts: URLs by input artifact name, for example `{"text-data": "ai://default/data"}`.

        Raises:
            PlanError: an unknown name, a missing value, or a placeholder that nothing declares.
        """
        from pytest_aicore.workflows.rendering import render

        __tracebackhide__ = True  # a test's mistake is shown at the line of the test
        try:
            return render(self, parameters, artifacts, self.goldens)
        except PlanError as error:
            raise error.with_traceback(None) from None

    def with_goldens(self, goldens: Goldens) -> Self:
        """Return this template for the tests of one folder, so that what it renders finds its golden files.

        Args:
            goldens: how the tests of the folder compare with golden files.
        """
        template = copy(self)
        template.goldens = goldens
        return template

    @property
    def entry(self) -> MappingNode | None:
        """The template of Argo whose inputs have one value each in a run, None where there is none."""
        return None

    @property
    def string_blocks(self) -> tuple[tuple[str, ...], ...]:
        """Where under `spec.template` a string holds YAML, as paths of keys."""
        return ()

    @property
    def parameters(self) -> list[MappingNode]:
        """The declarations of the parameters that a configuration can bind."""
        raise NotImplementedError

    @property
    def input_artifacts(self) -> list[MappingNode]:
        """The declarations of the artifacts that a configuration has to bind, each name once."""
        raise NotImplementedError

    @property
    def output_artifacts(self) -> list[tuple[MappingNode, str | None]]:
        """The declarations of the artifacts that are registered, each globalName once, with the template."""
        raise NotImplementedError

    @property
    def resource_plans(self) -> tuple[str, ...]:
        """The resource plans or instance types that its pods ask for, each once; placeholders stay as they are."""
        return _unique(plan for plan, _ in self.plan_places())

    @property
    def images(self) -> tuple[str, ...]:
        """The container images that its pods run, each once; placeholders stay as they are."""
        return _unique(image for image, _ in self.image_places())

    @property
    def pull_secrets(self) -> tuple[str, ...]:
        """The docker registry secrets that its `imagePullSecrets` name, each once."""
        named = (secret.name("name") for secret in self.spec.mappings_of("imagePullSecrets"))
        return _unique(name for name in named if name)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The generic secrets that its containers cannot be created without, each once; none are known of texts."""
        return ()

    def plan_places(self) -> Iterator[tuple[str, Place]]:
        """Yield each resource plan or instance type of its pods with the place where it is written."""
        raise NotImplementedError

    def image_places(self) -> Iterator[tuple[str, Place]]:
        """Yield each container image of its pods with the place where it is written."""
        raise NotImplementedError

    @property
    def active_deadline_seconds(self) -> int | None:
        """After how many seconds Argo ends a run of it, None for never or for a placeholder."""
        text = self.spec.text("activeDeadlineSeconds")
        return int(text) if text is not None and re.fullmatch("[0-9]{1,18}", text) else None

    def place_of(self, *where: str | int | Node) -> Place:
        """Return the place of a node, or of what a path of keys and list indexes leads to.

        For a key that is the place of the key itself. Of a path that leads nowhere, what exists of it counts.

        Args:
            where: one node, or keys and indexes from the root: `"metadata", "labels", "ai.sap.com/version"`.
        """
        node: Node | None = self.root
        place = self.document.place(self.root)
        for part in where:
            if isinstance(part, Node):
                return self.document.place(part)
            if type(node) is MappingNode and isinstance(part, str) and part in node.values:
                place, node = self.document.place(node.keys[part]), node.values[part]
            elif type(node) is SequenceNode and isinstance(part, int) and -len(node.items) <= part < len(node.items):
                node = node.items[part]
                place = self.document.place(node)
            else:
                break
        return place


# --- WorkflowTemplate ---------------------------------------------------------------------------------------


class WorkflowTemplate(Template):
    """A training workflow: what runs as an execution."""

    kind = "WorkflowTemplate"
    expected_api_version = "argoproj.io/v1alpha1"
    deployable = False

    @property
    def entrypoint(self) -> str | None:
        """The name of the template that a run begins with."""
        return self.spec.name("entrypoint")

    @property
    def entry(self) -> MappingNode | None:
        """The entrypoint, which takes the workflow's arguments by their names; None if something calls it as well.

        Calls could pass other values, so its inputs would not have one value each.
        """
        entry = self.model.by_name.get(self.entrypoint or "")
        calls = (call for template in self.model.templates for call in template.calls_and_handlers)
        return None if entry is None or any(call.template == entry.name for call in calls) else entry.node

    @cached_property
    def model(self) -> WorkflowModel:
        """What the workflow means to Argo."""
        return WorkflowModel(self.spec)

    @property
    def templates(self) -> tuple[TemplateModel, ...]:
        """`spec.templates` that are maps."""
        return tuple(self.model.templates)

    def template(self, name: str) -> TemplateModel | None:
        """Return the template of a name, the first of several, None without one."""
        return self.model.by_name.get(name)

    @property
    def reachable(self) -> tuple[TemplateModel, ...]:
        """The templates that a run can reach: the entrypoint, what it calls in order, handlers of the workflow last.

        Without an entrypoint that exists, a run is taken to begin with every template that no other calls.
        """
        return tuple(template for template, _ in self.model.reached)

    @property
    def external_references(self) -> tuple[str, ...]:
        """The names of other WorkflowTemplates that `templateRef` points into; they are not followed."""
        calls = (call for template in self.reachable for call in template.calls_and_handlers)
        return _unique(call.reference for call in calls if call.reference)

    @property
    def parameters(self) -> list[MappingNode]:
        """`spec.arguments.parameters` that are maps."""
        return self.spec.mapping("arguments").mappings_of("parameters")

    @property
    def input_artifacts(self) -> list[MappingNode]:
        """The input artifacts of reachable templates that nothing in the workflow supplies, each name once.

        After them come those that only `spec.arguments.artifacts` declares, without a source.
        """
        found: dict[str, MappingNode] = {}
        for template, supplied in self.model.reached:
            for name, artifact in template.input_artifacts.items():
                if name not in supplied and not is_supplied(artifact):
                    found.setdefault(name, artifact)
        for artifact in self.spec.mapping("arguments").mappings_of("artifacts"):
            name = artifact.name("name") or ""
            if name and not is_supplied(artifact):
                found.setdefault(name, artifact)
        return list(found.values())

    @property
    def output_artifacts(self) -> list[tuple[MappingNode, str | None]]:
        """The output artifacts of reachable templates with a globalName, each once, with the template."""
        found: dict[str, tuple[MappingNode, str | None]] = {}
        for template in self.reachable:
            for artifact in template.output_artifacts:
                name = artifact.name("globalName")
                if name:
                    found.setdefault(name, (artifact, template.name or None))
        return list(found.values())

    @property
    def secrets(self) -> tuple[str, ...]:
        """The generic secrets that its containers cannot be created without, each once."""
        of_all = (node for key in ("volumes", "templateDefaults") if (node := self.spec.get(key)) is not None)
        return _unique(secrets_in([*(template.node for template in self.reachable), *of_all]))

    def plan_places(self) -> Iterator[tuple[str, Place]]:
        """Yield the plans of reachable templates that run pods, from their labels or the defaults for all pods."""
        defaults = (
            self.spec.mapping("templateDefaults").mapping("metadata").mapping("labels"),
            self.spec.mapping("podMetadata").mapping("labels"),
        )
        for template in self.reachable:
            if next(template.containers(), None) is None:
                continue
            wherever = (template.node.mapping("metadata").mapping("labels"), *defaults)
            for label in (PLAN_LABEL, INSTANCE_LABEL):
                labels = next((each for each in wherever if each.text(label)), NO_MAPPING)
                if plan := labels.text(label):
                    yield plan, self.document.place(labels.values[label])

    def image_places(self) -> Iterator[tuple[str, Place]]:
        """Yield the images of the containers of reachable templates."""
        for template in self.reachable:
            for _, container in template.containers():
                if image := container.text("image"):
                    yield image, self.document.place(container.values["image"])


# --- ServingTemplate ----------------------------------------------------------------------------------------


class StringBlock:
    """A part of a ServingTemplate that is a string holding YAML with placeholders.

    Attributes:
        text: the string.
    """

    def __init__(self, document: Document, node: ScalarNode) -> None:
        """Take a scalar for such a block."""
        self._document = document
        self._node = node
        self.text = node.text

    def place(self, line: int, column: int = 1) -> Place:
        """Return where a character of the block stands in the file.

        Exact for a literal block (`|`), which keeps its lines; the beginning of the scalar for other styles.

        Args:
            line: line in the block, counted from 1.
            column: column in the block, counted from 1.
        """
        node = self._node
        if node.style != "|":
            return self._document.place(node)
        return Place(self._document.name, node.line + line, self._indentation + column)

    @cached_property
    def _indentation(self) -> int:
        for number, line in enumerate(self.text.split("\n"), self._node.line + 1):
            if line.strip():
                written = self._document.line(number)
                return len(written) - len(line) if written.endswith(line) else 0
        return 0


_BLOCK_PLAN: Final = re.compile(
    r"^[ \t]*[\"']?ai\.sap\.com/(?:resourcePlan|instanceType)[\"']?[ \t]*:[ \t]*(.*)$", re.MULTILINE
)
_BLOCK_IMAGE: Final = re.compile(r"^[ \t]*(?:-[ \t]+)*[\"']?image[\"']?[ \t]*:[ \t]*(.*)$", re.MULTILINE)


class ServingTemplate(Template):
    """What runs as a deployment. Its inner parts are strings, in which AI Core replaces placeholders."""

    kind = "ServingTemplate"
    expected_api_version = "ai.sap.com/v1alpha1"
    deployable = True

    @property
    def parameters(self) -> list[MappingNode]:
        """`spec.inputs.parameters` that are maps."""
        return self.spec.mapping("inputs").mappings_of("parameters")

    @property
    def input_artifacts(self) -> list[MappingNode]:
        """`spec.inputs.artifacts` that are maps, each name once."""
        found: dict[str, MappingNode] = {}
        for artifact in self.spec.mapping("inputs").mappings_of("artifacts"):
            name = artifact.name("name")
            if name:
                found.setdefault(name, artifact)
        return list(found.values())

    @property
    def output_artifacts(self) -> list[tuple[MappingNode, str | None]]:
        """Nothing: a deployment registers no artifacts."""
        return []

    @property
    def string_blocks(self) -> tuple[tuple[str, ...], ...]:
        """The parts that AI Core fills in as texts before anything reads them as YAML."""
        return (("metadata", "labels"), ("metadata", "annotations"), ("spec",))

    @property
    def spec_block(self) -> StringBlock | None:
        """The string at `spec.template.spec`, None where it is a map or missing."""
        return self._block(self.spec.mapping("template").get("spec"))

    @property
    def labels_block(self) -> StringBlock | None:
        """The string at `spec.template.metadata.labels`, None where it is a map or missing."""
        return self._block(self.spec.mapping("template").mapping("metadata").get("labels"))

    @property
    def annotations_block(self) -> StringBlock | None:
        """The string at `spec.template.metadata.annotations`, None where it is a map or missing."""
        return self._block(self.spec.mapping("template").mapping("metadata").get("annotations"))

    def _block(self, node: Node | None) -> StringBlock | None:
        return StringBlock(self.document, node) if type(node) is ScalarNode and node.kind == "string" else None

    def plan_places(self) -> Iterator[tuple[str, Place]]:
        """Yield the plan in the labels block."""
        return _block_values(_BLOCK_PLAN, self.labels_block)

    def image_places(self) -> Iterator[tuple[str, Place]]:
        """Yield the images in the spec block."""
        return _block_values(_BLOCK_IMAGE, self.spec_block)


def _block_values(pattern: re.Pattern[str], block: StringBlock | None) -> Iterator[tuple[str, Place]]:
    # The block is YAML only after its placeholders are replaced, so it is looked at line by line.
    if block is None:
        return
    for found in pattern.finditer(block.text):
        if value := _block_value(found.group(1)):
            begin = found.start(1)
            line = found.string.count("\n", 0, begin) + 1
            yield value, block.place(line, begin - found.string.rfind("\n", 0, begin))


def _block_value(written: str) -> str:
    found = re.match(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^']|'')*)'", written)
    if found is not None:
        return found.group(1) or found.group(2) or ""
    return re.split(r"(?:^|\s)#", written, maxsplit=1)[0].strip()


# --- reading ------------------------------------------------------------------------------------------------

_KINDS: Final[dict[str, type[Template]]] = {
    WorkflowTemplate.kind: WorkflowTemplate,
    ServingTemplate.kind: ServingTemplate,
}


def read_template(path: Path) -> Template:
    """Read a workflow YAML.

    Args:
        path: a file with exactly one WorkflowTemplate or ServingTemplate.

    Raises:
        WorkflowError: the file cannot be read, is not YAML, or not a template with a name.
    """
    return _template(load(path), path)


def read_templates(path: Path) -> list[Template]:
    """Read every template of a file that may hold several YAML documents, templates or not.

    Args:
        path: a file with at least one WorkflowTemplate or ServingTemplate.

    Raises:
        WorkflowError: the file cannot be read, is not YAML, has no template, or one without a name.
    """
    return _templates(load_all(path), path)


def parse_templates(text: str | bytes, name: str = "<string>") -> list[Template]:
    """Parse every template of a text that may hold several YAML documents, templates or not.

    Args:
        text: the content of a file with at least one WorkflowTemplate or ServingTemplate.
        name: what messages call it.

    Raises:
        WorkflowError: the text is not YAML, has no template, or one without a name.
    """
    return _templates(parse_all(text, name), None)


def parse_template(text: str | bytes, name: str = "<string>") -> Template:
    """Parse a workflow YAML.

    Args:
        text: the content of a file with exactly one WorkflowTemplate or ServingTemplate.
        name: what messages call it.

    Raises:
        WorkflowError: the text is not YAML, or not a template with a name.
    """
    return _template(parse(text, name), None)


def template_of(document: Document, path: Path | None = None) -> Template | None:
    """Return the template in a document, None if its kind is unknown to AI Core.

    Unlike `parse_template` it accepts a template that AI Core would refuse, for the checks.
    """
    root = document.root
    kind = root.name("kind") if type(root) is MappingNode else None
    template_class = _KINDS.get(kind or "")
    return template_class(document, path) if template_class is not None else None


def _templates(documents: list[Document], path: Path | None) -> list[Template]:
    ours = [document for document in documents if template_of(document) is not None]
    return [_template(document, path) for document in ours or documents[:1]]


def _template(document: Document, path: Path | None) -> Template:
    template = template_of(document, path)
    if template is None:
        raise _no_template(document)
    if document.duplicates:
        duplicate = document.duplicates[0]
        raise _error(
            document,
            duplicate.second,
            "duplicate-key",
            f"The key `{duplicate.second.text}` is given twice in one map, in line {duplicate.first.line} "
            "and here; Kubernetes would silently keep the second.",
            "Remove one of them.",
        )
    if not template.name:
        raise _error(
            document,
            template.metadata.keys.get("name") or template.root.keys.get("metadata") or template.root,
            "no-name",
            f"This {template.kind} has no `metadata.name`, which is the executable id.",
            "Add one: lower case letters, digits and hyphens, 4 to 64.",
        )
    return template


def _no_template(document: Document) -> WorkflowError:
    root = document.root
    node: Node = root
    if type(root) is not MappingNode:
        shape = "a list" if type(root) is SequenceNode else "a single value"
        what = f"This is not a template of SAP AI Core: the file holds {shape}, not a map with `kind`."
    elif "kind" not in root.values:
        what = "This is not a template of SAP AI Core: it has no `kind`."
    else:
        node = root.values["kind"]
        written = root.name("kind")
        what = (
            f"This is not a template of SAP AI Core: its kind is {written!r}.{did_you_mean(written, _KINDS)}"
            if written is not None
            else "This is not a template of SAP AI Core: its `kind` is not a string."
        )
    return _error(document, node, "no-template", what, f"AI Core reads the kinds {listing(_KINDS)}.")


def _error(document: Document, node: Node, kind: str, what: str, remedy: str) -> SourceError:
    return SourceError(Problem(kind, document.place(node), what, remedy, document.line(node.line)))


def _texts(mapping: MappingNode) -> dict[str, str]:
    texts = ((key, mapping.text(key)) for key in mapping.values)
    return {key: text for key, text in texts if text is not None}


def _unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
