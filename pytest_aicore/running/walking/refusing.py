"""Refuses, before anything starts, what of a workflow is not carried out on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from pytest_aicore.errors import did_you_mean
from pytest_aicore.printable import on_one_line
from pytest_aicore.redact import redact
from pytest_aicore.running.expressions.language import read
from pytest_aicore.running.expressions.problems import SyntaxProblem
from pytest_aicore.running.walking.carried_out import ANY_NAME, ROOTS, SPEC, TAGS, TAGS_OF_ARGO, TEMPLATE, Kept
from pytest_aicore.running.walking.locations import may_be_written, reads_in, reads_of
from pytest_aicore.workflows.argo.tags import has_placeholder, tags
from pytest_aicore.workflows.checks import RULES, Severity, check_document
from pytest_aicore.workflows.checks.aicore.outputs import NO_GLOBAL_NAME
from pytest_aicore.workflows.checks.words import capital
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode, is_given, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from pytest_aicore.running.walking.carried_out import Shape
    from pytest_aicore.workflows.argo.graph import CallModel, TemplateModel
    from pytest_aicore.workflows.checks.findings import Finding
    from pytest_aicore.workflows.template import WorkflowTemplate
    from pytest_aicore.workflows.yaml.places import Place
    from pytest_aicore.workflows.yaml.tree import Node

    PlaceOf = Callable[[Node], Place]


class Refusal(NamedTuple):
    """Something that is not carried out.

    Attributes:
        place: where it stands.
        what: what it is, a sentence.
    """

    place: Place
    what: str

    def __str__(self) -> str:
        """Return place and sentence."""
        return on_one_line(redact(f"{self.place}: {self.what}"))


def refusals(
    workflow: WorkflowTemplate, library: Mapping[str, WorkflowTemplate], bound: Collection[str] = ()
) -> list[Refusal]:
    """Return all that keeps a workflow from being carried out, in the order of the file.

    Args:
        workflow: the workflow.
        library: the WorkflowTemplates that `templateRef` may point into, by name.
        bound: the names of the artifacts that are bound to files or folders.
    """
    reached = _reached(workflow, library)
    owners = list(dict.fromkeys([workflow, *(owner for owner, _ in reached)]))
    invalid = [refusal for owner in owners for refusal in _invalid(owner)]
    lines = {(refusal.place.path, refusal.place.line) for refusal in invalid}
    incomplete = [*_incomplete(workflow, library)]
    for owner, template in reached:
        incomplete += _incomplete_template(owner, template, library, workflow.spec.mapping("templateDefaults"))
    incomplete = [refusal for refusal in incomplete if (refusal.place.path, refusal.place.line) not in lines]
    not_here = [*_not_carried_out(workflow, reached), *_nowhere(workflow, reached, bound)]
    found = list(dict.fromkeys([*invalid, *incomplete, *not_here]))
    return sorted(found, key=lambda refusal: refusal.place)


def _reached(
    workflow: WorkflowTemplate, library: Mapping[str, WorkflowTemplate]
) -> list[tuple[WorkflowTemplate, TemplateModel]]:
    """Return the templates that a run can reach, each with the object that it is in."""
    found: dict[TemplateModel, WorkflowTemplate] = dict.fromkeys(workflow.reachable, workflow)
    pending: list[tuple[WorkflowTemplate, CallModel]] = [(workflow, call) for call in workflow.model.handlers]
    pending += [(workflow, call) for template in found for call in template.calls_and_handlers]
    while pending:
        owner, call = pending.pop()
        if call.reference:
            owner = library.get(call.reference, owner)
            name = call.node.mapping("templateRef").name("template") or ""
            target = owner.model.by_name.get(name) if call.reference in library else None
        else:
            target = owner.model.target(call)
        if target is not None and target not in found:
            found[target] = owner
            pending += [(owner, further) for further in target.calls_and_handlers]
    return [(owner, template) for template, owner in found.items()]


def lost_outputs(workflow: WorkflowTemplate) -> list[str]:
    """Return a sentence for each output artifact that AI Core would not register, so that it is lost.

    Args:
        workflow: the workflow; a plain one of Argo's loses nothing.
    """
    findings = _findings(workflow.document.text, workflow.document.name)
    return [on_one_line(f"{each.place}: {each.text}") for each in findings if each.rule == NO_GLOBAL_NAME.id]


@lru_cache(maxsize=64)
def _findings(text: str, name: str) -> tuple[Finding, ...]:
    """Return what the checks find in a workflow: once, because each of its runs waits for that before it starts."""
    return tuple(check_document(text, name))


def _invalid(workflow: WorkflowTemplate) -> Iterator[Refusal]:
    """Yield what makes Argo refuse the workflow, by which it would be Failed at once."""
    for finding in _findings(workflow.document.text, workflow.document.name):
        if finding.severity is Severity.ERROR and RULES[finding.rule].layer in ("document", "argo"):
            yield Refusal(finding.place, f"{finding.text} ({finding.rule})")


def _not_carried_out(
    workflow: WorkflowTemplate, reached: list[tuple[WorkflowTemplate, TemplateModel]]
) -> Iterator[Refusal]:
    spec = workflow.spec
    undeclared = _undeclared(workflow)
    yield from beside(workflow.document.place, spec, SPEC, "spec")
    claims = {claim.mapping("metadata").name("name") for claim in spec.mappings_of("volumeClaimTemplates")}
    for owner, template in reached:
        yield from beside(owner.document.place, template.node, TEMPLATE, "template")
        yield from _parts_of_claims(owner, template.node, claims)
        yield from _values(owner, template.node, undeclared)
    yield from _names(workflow, spec)
    for key, node in spec.values.items():
        if key != "templates":
            yield from _values(workflow, node, undeclared)


def _parts_of_claims(workflow: WorkflowTemplate, template: MappingNode, claims: set[str | None]) -> Iterator[Refusal]:
    """Yield the mounts of only a part of a volume that the workflow claims."""
    for each in walk(template):
        is_part = type(each) is MappingNode and is_given(each, "mountPath") and is_given(each, "subPath")
        if type(each) is MappingNode and is_part and each.name("name") in claims:
            what = "`subPath` of a volume of `volumeClaimTemplates` is not carried out on this machine."
            yield Refusal(workflow.document.place(each.keys["subPath"]), what)


def _nowhere(
    workflow: WorkflowTemplate, reached: list[tuple[WorkflowTemplate, TemplateModel]], bound: Collection[str]
) -> Iterator[Refusal]:
    """Yield what is read from a store or server to which the run writes nothing: no network is asked for it."""
    reads = [(workflow, each) for each in reads_in(workflow.spec.mapping("arguments"))]
    reads += [(owner, each) for owner, template in reached for each in reads_of(template)]
    writers = [template for _, template in reached]
    for owner, wanted in reads:
        if not (wanted.is_optional or wanted.name in bound or may_be_written(wanted, writers)):
            what = (
                f"The artifact `{wanted.name}` is read from `{wanted.kind}`, which is not asked on this machine. "
                f"Bind a file or folder instead: --artifact {wanted.name}=PATH."
            )
            yield Refusal(owner.document.place(wanted.node), what)


def _undeclared(workflow: WorkflowTemplate) -> Callable[[str], bool]:
    """Return what says whether a tag names a label, an annotation or the priority that this workflow has not."""
    given = {"priority"} if is_given(workflow.spec, "priority") else set()
    for kind in ("labels", "annotations"):
        declared = (workflow.metadata.mapping(kind), workflow.spec.mapping("workflowMetadata").mapping(kind))
        given |= {f"{kind}.{name}" for each in declared for name in [*each.values, "json"]}

    def is_undeclared(tag: str) -> bool:
        name = tag.removeprefix("workflow.")
        return name.startswith(("labels.", "annotations.", "priority")) and name not in given

    return is_undeclared


def beside(place_of: PlaceOf, node: Node, shape: Shape, where: str) -> Iterator[Refusal]:
    """Yield what of a node its shape does not have, and what is not of its shape.

    Args:
        place_of: returns where a node stands.
        node: the node.
        shape: what is carried out.
        where: how messages call the node.
    """
    if isinstance(shape, list):
        if type(node) is not SequenceNode:
            yield Refusal(place_of(node), f"`{where}` has to be a list.")
            return
        for item in node.items:
            yield from _item(place_of, item, shape[0], where)
    elif not isinstance(shape, Kept):
        if type(node) is not MappingNode:
            yield Refusal(place_of(node), f"`{where}` has to be a map.")
            return
        for key in node.values:
            if not is_given(node, key):
                continue
            known = shape.get(key, shape.get(ANY_NAME))
            if known is not None:
                yield from beside(place_of, node.values[key], known, f"{where}.{key}")
            else:
                place = place_of(node.keys[key])
                yield Refusal(place, f"`{where}.{key}` is not carried out on this machine.")


def _item(place_of: PlaceOf, item: Node, shape: Shape, where: str) -> Iterator[Refusal]:
    """Yield what is wrong with an item of a list: each has a value, and a name if its name has a meaning."""
    place = place_of(item)
    if isinstance(shape, Kept):
        if type(item) is not ScalarNode or item.kind == "null":
            yield Refusal(place, f"Each item of `{where}` has to be a single value.")
        return
    if (
        isinstance(shape, Mapping)
        and shape.get("name") is Kept.CARRIED_OUT
        and not (type(item) is MappingNode and item.name("name"))
    ):
        yield Refusal(place, f"Each item of `{where}` has to be a map with a `name`.")
        return
    yield from beside(place_of, item, shape, where)


def _incomplete(workflow: WorkflowTemplate, library: Mapping[str, WorkflowTemplate]) -> Iterator[Refusal]:
    """Yield what a workflow needs and does not have, although no rule of the checks says so."""
    entrypoint = workflow.entrypoint or ""
    is_elsewhere = is_given(workflow.spec, "workflowTemplateRef") or has_placeholder(entrypoint)
    if entrypoint not in workflow.model.by_name and not is_elsewhere:
        place = workflow.place_of("spec", "entrypoint")
        yield Refusal(place, f"`spec.entrypoint` names the template `{entrypoint}`, which does not exist.")
    for call in workflow.model.handlers:
        yield from _unknown(workflow, call, library)
        yield from _without_expression(workflow, call)


def _incomplete_template(
    workflow: WorkflowTemplate,
    template: TemplateModel,
    library: Mapping[str, WorkflowTemplate],
    defaults: MappingNode,
) -> Iterator[Refusal]:
    node = template.node
    if not template.type or type(node.values[template.type]) not in (MappingNode, SequenceNode):
        what = f"{capital(template.title)} has to do one thing: one of its keys `container`, `script`, `steps`, `dag`."
        yield Refusal(workflow.document.place(node), what)
        return
    needed = {"container": ("image",), "script": ("image", "source"), "dag": ("tasks",)}.get(template.type, ())
    if template.type == "suspend" and not is_given(node.mapping("suspend"), "duration"):
        what = "`template.suspend` without a `duration` waits for a person, which is not carried out on this machine."
        yield Refusal(workflow.document.place(node.keys["suspend"]), what)
    for key in needed:
        if not any(is_given(owner.mapping(template.type), key) for owner in (node, defaults)):
            what = f"`template.{template.type}` needs `{key}`."
            yield Refusal(workflow.document.place(node.keys[template.type]), what)
    for call in template.calls_and_handlers:
        yield from _unknown(workflow, call, library)
        yield from _without_expression(workflow, call)


def _without_expression(workflow: WorkflowTemplate, call: CallModel) -> Iterator[Refusal]:
    """Yield a hook of which nothing says when it runs: Argo's workflow would be in Error."""
    if call.word == "hook" and call.name not in ("exit", "onExit") and not call.node.name("expression"):
        yield Refusal(workflow.document.place(call.node), f"The hook `{call.name}` needs an `expression`.")


def _unknown(workflow: WorkflowTemplate, call: CallModel, library: Mapping[str, WorkflowTemplate]) -> Iterator[Refusal]:
    """Yield a call of no template; what is not carried out anyway is refused elsewhere."""
    name, what = call.template or "", ""
    if call.reference:
        name = call.node.mapping("templateRef").name("template") or ""
        other = library.get(call.reference)
        where = f"The {call.word} `{call.name}` runs the template `{name}` of the WorkflowTemplate `{call.reference}`, "
        if other is None:
            what = f"{where}which is not in the folder of this workflow.{did_you_mean(call.reference, library)}"
        elif name not in other.model.by_name:
            what = f"{where}which has no such template.{did_you_mean(name, other.model.by_name)}"
    elif workflow.model.target(call) is None and not has_placeholder(name):
        what = f"The {call.word} `{call.name}` runs the template `{name}`, which does not exist."
    if what:
        yield Refusal(workflow.document.place(call.node), what)


def _values(workflow: WorkflowTemplate, node: Node, undeclared: Callable[[str], bool]) -> Iterator[Refusal]:
    for each in walk(node):
        if type(each) is MappingNode:
            yield from _names(workflow, each)
        if type(each) is not ScalarNode or "{{" not in each.text:
            continue
        for tag in tags(each.text):
            if tag.expression is not None and tag.is_closed:
                problem = _problem_of(tag.expression)
                if problem is None:
                    continue
                what = f"The expression `{{{{{tag.name}}}}}` is not carried out on this machine: {problem}"
            elif tag.is_closed and TAGS_OF_ARGO.fullmatch(tag.name):
                if TAGS.fullmatch(tag.name) and not undeclared(tag.name):
                    continue
                what = f"The tag `{{{{{tag.name}}}}}` is not replaced on this machine."
            else:
                continue
            yield Refusal(workflow.document.place(each), what)


def _names(workflow: WorkflowTemplate, owner: MappingNode) -> Iterator[Refusal]:
    """Yield the values of a map that must be known before anything starts."""
    for key in ("template", "entrypoint", "onExit"):
        node = owner.values.get(key)
        if type(node) is ScalarNode and "{{" in node.text:
            yield Refusal(
                workflow.document.place(node), f"`{key}` is a placeholder, so nothing says before what it names."
            )
    for key in ("expression", "fromExpression"):
        node = owner.values.get(key)
        if type(node) is ScalarNode and "{{" not in node.text:
            problem = _problem_of(node.text)
            if problem is not None:
                what = f"The expression `{node.text}` is not carried out on this machine: {problem}"
                yield Refusal(workflow.document.place(node), what)


def _problem_of(expression: str) -> str | None:
    """Return why an expression has no value on this machine; None if it may have one."""
    try:
        paths = read(expression).paths
    except SyntaxProblem as problem:
        said = str(problem)
        return said if said.endswith("?") else f"{said}."
    unknown = sorted(path[0] for path in paths if path[0] not in ROOTS)
    return f"nothing is called `{unknown[0]}`." if unknown else None


__all__ = ["Refusal", "beside", "lost_outputs", "refusals"]
