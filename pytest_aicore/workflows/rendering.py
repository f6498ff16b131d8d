"""The manifest as a run would get it: defaults applied, parameters substituted, artifacts bound.

AI Core and Argo substitute at run time; this does the same with text alone, so that a test can check the result.
Only what a configuration decides is replaced. What is known when a step runs (`{{steps...}}`, `{{item}}`,
`{{workflow.name}}`, expressions `{{=...}}`) stays as it is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pytest_aicore.errors import ContractError, PlanError, did_you_mean, listing
from pytest_aicore.placeholders import LEFT, VALUE, to_fill_in, to_fill_in_url
from pytest_aicore.workflows.argo.tags import tags
from pytest_aicore.workflows.yaml.places import Place, SourceError, caret
from pytest_aicore.workflows.yaml.source import dump, parse, plain
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from pytest_aicore.workflows.argo.tags import Tag
    from pytest_aicore.workflows.contracts.goldens import Goldens
    from pytest_aicore.workflows.executable import Executable
    from pytest_aicore.workflows.yaml.tree import Document


class Renderable(Protocol):
    """The parts of a template that rendering needs; a `Template` is one."""

    @property
    def document(self) -> Document:
        """The YAML it was read from."""

    @property
    def path(self) -> Path | None:
        """The file, None if the text came from somewhere else."""

    @property
    def root(self) -> MappingNode:
        """The whole map."""

    @property
    def spec(self) -> MappingNode:
        """`spec`."""

    @property
    def kind(self) -> str:
        """`WorkflowTemplate` or `ServingTemplate`."""

    @property
    def deployable(self) -> bool:
        """Whether it runs as a deployment, not as an execution."""

    @property
    def name(self) -> str:
        """`metadata.name`, empty where it is missing."""

    @property
    def executable(self) -> Executable:
        """What AI Core publishes of it."""

    @property
    def entry(self) -> MappingNode | None:
        """The template of Argo whose inputs have one value each in a run, None without one."""

    @property
    def string_blocks(self) -> tuple[tuple[str, ...], ...]:
        """Where under `spec.template` a string holds YAML, as paths of keys."""


class Manifest(dict[str, Any]):
    """A workflow YAML with a configuration's values in it: plain dictionaries, lists and strings.

    Bound parameters stand as `value` where the template declares them. Bound artifacts stand as `url` under
    `spec.arguments.artifacts`, or under `spec.inputs.artifacts` of a ServingTemplate; that key is this project's,
    since where the object store keeps them is not known here.

    Attributes:
        template: what it was rendered from.
        parameters: the value of each parameter.
        artifacts: the URL of each bound input artifact.
    """

    def __init__(
        self,
        content: Mapping[str, Any],
        template: Renderable,
        parameters: Mapping[str, str],
        artifacts: Mapping[str, str],
        goldens: Goldens | None = None,
    ) -> None:
        """Take content; `Template.render` is what makes it."""
        super().__init__(content)
        self.template = template
        self.parameters = dict(parameters)
        self.artifacts = dict(artifacts)
        self._goldens = goldens

    @property
    def yaml(self) -> str:
        """The manifest as YAML text, always the same for the same manifest."""
        return dump(self)

    @cached_property
    def deployment(self) -> dict[str, Any]:
        """What a ServingTemplate deploys: `spec.template` with its string blocks read as the YAML they hold.

        Raises:
            PlanError: this is not a ServingTemplate.
        """
        if not self.template.deployable:
            raise PlanError(f"{_called(self.template)} is a WorkflowTemplate: it is trained, not deployed.")
        deployed: dict[str, Any] = dict(_mapping(_mapping(self, "spec"), "template"))
        metadata = {key: _read(value) for key, value in _mapping(deployed, "metadata").items()}
        return {**deployed, "metadata": metadata, "spec": _read(deployed.get("spec"))}

    def matches_golden(self, path: str | os.PathLike[str]) -> bool:
        """Return True if a golden file holds this manifest; `pytest --aicore-update` writes the file.

        Args:
            path: the golden file; a relative path is relative to the folder of the test.

        Raises:
            ContractError: the file holds something else or does not exist; the message shows the difference.
        """
        from pytest_aicore.workflows.contracts.goldens import Goldens

        __tracebackhide__ = True  # a difference is shown at the line of the test
        goldens = Goldens(Path.cwd(), Path.cwd()) if self._goldens is None else self._goldens
        try:
            goldens.check(self.yaml, path)
        except ContractError as error:
            raise error.with_traceback(None) from None
        return True


def render(
    template: Renderable,
    parameters: Mapping[str, object] | None = None,
    artifacts: Mapping[str, str] | None = None,
    goldens: Goldens | None = None,
) -> Manifest:
    """Return the manifest as a run with these bindings would get it.

    Args:
        template: the workflow.
        parameters: values by parameter name; defaults are used for the others.
        artifacts: URLs by input artifact name.
        goldens: how the manifest compares itself with golden files.

    Raises:
        PlanError: an unknown name, a missing value, a placeholder that nothing declares, or a block that is not YAML
            with these values.
    """
    values = _values(template, parameters or {})
    urls = _urls(template, artifacts or {})
    _refuse_incomplete(template, values, urls)
    filling = _Filling(template, values, urls)
    content = filling.serving() if template.deployable else filling.workflow()
    return Manifest(content, template, values, urls, goldens)


def _called(template: Renderable) -> str:
    return template.path.name if template.path is not None else template.name


# --- what is bound ------------------------------------------------------------------------------------------


def _values(template: Renderable, given: Mapping[str, object]) -> dict[str, str]:
    declared = {parameter.name: parameter.default for parameter in template.executable.parameters}
    for name in _names(given, "parameters", "parameter name to value"):
        if name not in declared:
            raise PlanError(
                f"{_called(template)} has no parameter {name!r}.{did_you_mean(name, declared)}"
                f" Its parameters: {listing(declared)}."
            )
    bound = {name: _text(name, given[name]) if name in given else default for name, default in declared.items()}
    return {name: value for name, value in bound.items() if value is not None}


def _urls(template: Renderable, given: Mapping[str, str]) -> dict[str, str]:
    declared = [artifact.name for artifact in template.executable.input_artifacts]
    for name in _names(given, "artifacts", "input artifact name to URL"):
        if name not in declared:
            raise PlanError(
                f"{_called(template)} has no input artifact {name!r}.{did_you_mean(name, declared)}"
                f" Its input artifacts: {listing(declared)}."
            )
        asked = f"artifacts={{{name!r}: {given[name]!r}}}"
        if not isinstance(given[name], str) or "://" not in given[name]:
            raise PlanError(f'{asked}: expected a URL such as "ai://default/{name}".')
        _refuse_to_fill_in(asked, to_fill_in_url(given[name]))
    return {name: given[name] for name in declared if name in given}


def _names(given: object, argument: str, meaning: str) -> Iterable[str]:
    if not isinstance(given, Mapping):
        raise PlanError(f"{argument}={given!r}: expected a dictionary of {meaning}.")
    for name in given:
        if not isinstance(name, str):
            raise PlanError(f"{argument}={{{name!r}: ...}}: expected a string for the {meaning.partition(' to ')[0]}.")
    return given


def _refuse_to_fill_in(asked: str, left: str | None) -> None:
    if left is not None:
        raise PlanError(f"{asked}: {left!r} {LEFT}")


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        _refuse_to_fill_in(f"parameters={{{name!r}: {value!r}}}", to_fill_in(value, wholly=True))
        return str.__str__(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, Decimal)) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    raise PlanError(
        f"parameters={{{name!r}: {value!r}}}: AI Core parameters are strings; write the string that the workflow reads."
    )


def _refuse_incomplete(template: Renderable, values: Mapping[str, str], urls: Mapping[str, str]) -> None:
    executable = template.executable
    parameters = [parameter.name for parameter in executable.parameters if parameter.name not in values]
    inputs = [
        artifact.name for artifact in executable.input_artifacts if not artifact.optional and artifact.name not in urls
    ]
    if not parameters and not inputs:
        return
    arguments = [
        f"{argument}={json.dumps(dict.fromkeys(missing, VALUE) if argument == 'parameters' else missing)}"
        for argument, missing in (
            ("parameters", parameters),
            ("artifacts", {name: f"ai://default/{name}" for name in inputs}),
        )
        if missing
    ]
    missing = [*(f"parameter {name!r}" for name in parameters), *(f"input artifact {name!r}" for name in inputs)]
    raise PlanError(
        f"{_called(template)} cannot be rendered yet: nothing is bound to {', '.join(missing)}. Add:\n\n"
        f"    render({', '.join(arguments)})"
    )


# --- substitution -------------------------------------------------------------------------------------------


class _Filling:
    """Puts the values of one configuration into one template."""

    def __init__(self, template: Renderable, values: Mapping[str, str], urls: Mapping[str, str]) -> None:
        self._template = template
        self._values = values
        self._urls = urls

    def workflow(self) -> dict[str, Any]:
        template = self._template
        known = {"workflow.parameters": self._values}
        content: dict[str, Any] = plain(template.root, self._substitution(known))
        spec = content["spec"] = dict(_mapping(content, "spec"))
        arguments = dict(_mapping(spec, "arguments"))
        if self._values:
            arguments["parameters"] = _bound(arguments.get("parameters"), self._values, "value", drop="default")
        if self._urls:
            arguments["artifacts"] = _bound(arguments.get("artifacts"), self._urls, "url")
        if arguments:
            spec["arguments"] = arguments
        self._fill_entrypoint(spec, known)
        return content

    def _fill_entrypoint(self, spec: dict[str, Any], known: Mapping[str, Mapping[str, str]]) -> None:
        """Fill the inputs of the entrypoint: Argo gives it the workflow's arguments, name by name."""
        entry = self._template.entry
        if entry is None:
            return
        inputs: dict[str, str] = {}
        substitution = self._substitution(known)
        for declared in entry.mapping("inputs").mappings_of("parameters"):
            name = declared.name("name")
            own = next((declared.get(key) for key in ("value", "default") if declared.text(key) is not None), None)
            if name is None:
                continue
            if name in self._values:
                inputs[name] = self._values[name]
            elif type(own) is ScalarNode:
                inputs[name] = substitution(own)
        items = spec.get("templates")
        for number, node in enumerate(self._template.spec.items_of("templates")):
            if node is entry and isinstance(items, list):
                items[number] = plain(node, self._substitution({**known, "inputs.parameters": inputs}, strict=False))

    def serving(self) -> dict[str, Any]:
        template = self._template
        known = {"inputs.parameters": self._values, "inputs.artifacts": self._urls}
        content: dict[str, Any] = plain(template.root)
        spec = content["spec"] = dict(_mapping(content, "spec"))
        deployed = template.spec.get("template")
        if type(deployed) is MappingNode:
            spec["template"] = plain(deployed, self._substitution(known))
            self._refuse_broken_blocks(spec["template"])
        inputs = dict(_mapping(spec, "inputs"))
        if self._values:
            inputs["parameters"] = _bound(inputs.get("parameters"), self._values, "value", drop="default")
        if self._urls:
            inputs["artifacts"] = _bound(inputs.get("artifacts"), self._urls, "url")
        if inputs:
            spec["inputs"] = inputs
        return content

    def _substitution(
        self, known: Mapping[str, Mapping[str, str]], *, strict: bool = True
    ) -> Callable[[ScalarNode], str]:
        def substitute(node: ScalarNode) -> str:
            text = node.text
            parts: list[str] = []
            position = 0
            for tag in tags(text):
                if tag.value is None:
                    continue
                kind, name = tag.value
                values = known.get(kind)
                if values is None:
                    continue  # an input of a step, known when the step runs
                if name in values:
                    parts += [text[position : tag.begin], values[name]]
                    position = tag.end
                elif not (
                    (kind == "inputs.parameters" and not strict)
                    # All parameters at once, as Argo writes them when the run begins.
                    or tag.value == ("workflow.parameters", "json")
                    or (kind == "inputs.artifacts" and self._is_optional(name))
                ):
                    raise self._undeclared(node, tag, values)
            return "".join(parts) + text[position:]

        return substitute

    def _is_optional(self, name: str) -> bool:
        return any(
            artifact.name == name and artifact.optional for artifact in self._template.executable.input_artifacts
        )

    def _undeclared(self, node: ScalarNode, tag: Tag, known: Iterable[str]) -> PlanError:
        kind, name = tag.value or ("", "")
        written = node.text[tag.begin : tag.end]
        document = self._template.document
        place = document.place(node)
        if node.style == "|":
            line = node.line + 1 + node.text.count("\n", 0, tag.begin)
            column = document.line(line).find(written) + 1
            place = Place(document.name, line, column) if column else place
        else:
            column = document.line(node.line).find(written) + 1
            place = Place(document.name, node.line, column) if column else place
        what = "an input artifact" if kind.endswith("artifacts") else "a parameter"
        message = (
            f"{place}: `{written}` refers to {what} that the {self._template.kind} does not declare."
            f"{did_you_mean(name, known)}"
        )
        source = caret(document.line(place.line), place.line, place.column)
        return PlanError("\n".join([message, *source, f"It declares: {listing(known)}."]))

    def _refuse_broken_blocks(self, deployed: Mapping[str, Any]) -> None:
        for *parents, key in self._template.string_blocks:
            owner = deployed
            for parent in parents:
                owner = _mapping(owner, parent)
            text = owner.get(key)
            if not isinstance(text, str):
                continue
            name = ".".join(("spec.template", *parents, key))
            try:
                parse(text, f"{self._template.document.name} ({name}, rendered)")
            except SourceError as error:
                if error.problem.kind == "empty":
                    continue
                raise PlanError(f"With these values the block `{name}` is not YAML any more:\n{error}") from None


def _mapping(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = content.get(key)
    return value if isinstance(value, dict) else {}


def _bound(declared: object, bound: Mapping[str, str], key: str, drop: str | None = None) -> list[Any]:
    """Return declarations with what is bound to them, and what is bound but declared elsewhere after them."""
    left = dict(bound)
    items: list[Any] = []
    for item in declared if isinstance(declared, list) else []:
        name = item.get("name") if isinstance(item, dict) else None
        if isinstance(name, str) and name in bound:
            left.pop(name, None)
            item = {**{field: value for field, value in item.items() if field != drop}, key: bound[name]}
        items.append(item)
    return [*items, *({"name": name, key: value} for name, value in left.items())]


def _read(block: object) -> Any:
    """Return the content of a rendered block, which was checked to be YAML when it was rendered."""
    if not isinstance(block, str):
        return block
    return plain(parse(block).root) if block.strip() else {}
