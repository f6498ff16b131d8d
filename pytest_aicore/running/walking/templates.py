"""The templates that calls run: those of the workflow, inline ones, and those of other WorkflowTemplates.

Source: argo-workflows 3.5, workflow/templateresolution/context.go and workflow/common/placeholder.go; defaults:
workflow/controller/operator.go (`mergeTemplateDefaultsInto`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from pytest_aicore.errors import WorkflowError
from pytest_aicore.running.walking.values import Plain, items
from pytest_aicore.workflows.argo.graph import TEMPLATE_TYPES
from pytest_aicore.workflows.template import WorkflowTemplate
from pytest_aicore.workflows.yaml.source import load_all, plain
from pytest_aicore.workflows.yaml.tree import MappingNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KINDS: Final = ("WorkflowTemplate", "ClusterWorkflowTemplate")
_SUFFIXES: Final = (".yaml", ".yml")
_NAMES_OF_ITEMS: Final = ("name", "mountPath")
"""What tells the items of lists apart that are merged."""


class Definition(NamedTuple):
    """A template.

    Attributes:
        name: its name, empty for an inline one.
        content: what it holds.
        line: where it begins, 0 for an inline one.
    """

    name: str
    content: Plain
    line: int

    @property
    def node_type(self) -> Literal["Steps", "DAG", "Suspend", "Pod"]:
        """The type of its nodes."""
        kinds: dict[str, Literal["Steps", "DAG", "Suspend"]] = {"steps": "Steps", "dag": "DAG", "suspend": "Suspend"}
        return next((kind for key, kind in kinds.items() if key in self.content), "Pod")


def library_of(workflow: WorkflowTemplate) -> dict[str, WorkflowTemplate]:
    """Return the WorkflowTemplates that `templateRef` may point into: those of the workflow's folder, by name.

    Args:
        workflow: the workflow.
    """
    references = [*workflow.external_references, *(call.reference for call in workflow.model.handlers)]
    if workflow.path is None or not any(references):
        return {}
    found: dict[str, WorkflowTemplate] = {}
    for path in sorted(workflow.path.parent.iterdir()):
        if path.suffix not in _SUFFIXES or not path.is_file():
            continue
        try:
            documents = load_all(path)
        except WorkflowError:
            continue  # a file without what is looked for, as far as anybody can tell
        for document in documents:
            root = document.root
            if type(root) is MappingNode and root.name("kind") in _KINDS:
                template = WorkflowTemplate(document, path)
                found.setdefault(template.name, template)
    return found


def templates_of(workflow: WorkflowTemplate, library: Mapping[str, WorkflowTemplate]) -> dict[str, Definition]:
    """Return all templates by what calls name: `train`, or `OBJECT/train` for one of another WorkflowTemplate.

    Args:
        workflow: the workflow, whose defaults hold for all.
        library: other WorkflowTemplates by their names.
    """
    defaults: Plain = plain(workflow.spec).get("templateDefaults") or {}
    return {
        prefix + name: Definition(name, linked(plain(each.node), prefix, defaults), each.node.line)
        for prefix, owner in [("", workflow), *((f"{name}/", other) for name, other in library.items())]
        for name, each in owner.model.by_name.items()
    }


def linked(template: Plain, prefix: str, defaults: Plain) -> Plain:
    """Return a template over its defaults, whose calls name templates as `templates_of` does.

    Args:
        template: its content.
        prefix: what stands before the names of the templates beside it.
        defaults: `templateDefaults`.
    """
    fitting = {key: value for key, value in defaults.items() if key in template or key not in TEMPLATE_TYPES}
    template = merged(fitting, template)
    for call in _calls(template):
        link(call, prefix)
        if call.get("inline"):
            call["inline"] = linked(call["inline"], prefix, defaults)
    return template


def _calls(template: Plain) -> Iterator[Plain]:
    for group in template.get("steps") or ():
        yield from (step for step in group or () if isinstance(step, dict))
    yield from items(template, "dag", "tasks")


def link(owner: Plain, prefix: str) -> None:
    """Let a call, its handler and its hooks name templates as `templates_of` does.

    Args:
        owner: a step, task, hook, or the specification of the workflow; it is changed.
        prefix: what stands before the names of the templates beside it.
    """
    reference = owner.get("templateRef")
    if reference:
        owner["template"] = f"{reference['name']}/{reference['template']}"
    elif owner.get("inline"):
        owner["template"] = ""
    elif owner.get("template"):
        owner["template"] = prefix + owner["template"]
    if owner.get("onExit"):
        owner["onExit"] = prefix + owner["onExit"]
    for hook in (owner.get("hooks") or {}).values():
        link(hook, prefix)


def name_of(template: str) -> str:
    """Return the name of a template that a call names as `templates_of` does."""
    return template.rpartition("/")[2]


def merged(defaults: Plain, own: Plain) -> Plain:
    """Return a map over its defaults, maps and lists of named items in it as well.

    Args:
        defaults: the values where `own` has none.
        own: the values that count.
    """
    both = {key: _merged_value(defaults[key], own[key]) for key in own.keys() & defaults.keys()}
    return {**defaults, **own, **both}


def _merged_value(default: Any, own: Any) -> Any:
    if isinstance(default, dict) and isinstance(own, dict):
        return merged(default, own)
    key = next((name for name in _NAMES_OF_ITEMS if _have(name, default) and _have(name, own)), None)
    if key is None:
        return own
    names = {item[key] for item in own}
    return [*own, *(item for item in default if item[key] not in names)]


def _have(key: str, value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) and key in item for item in value)


__all__ = ["Definition", "library_of", "link", "linked", "merged", "name_of", "templates_of"]
