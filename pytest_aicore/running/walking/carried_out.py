"""What of a workflow is carried out on this machine. Everything else is refused before anything starts.

One declaration: `SPEC` is the shape of a specification, and a key that is not in it is refused.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from pytest_aicore.printable import on_one_line
from pytest_aicore.redact import redact
from pytest_aicore.running.walking.retries import POLICIES
from pytest_aicore.workflows.argo.graph import LOOPS
from pytest_aicore.workflows.argo.tags import tags
from pytest_aicore.workflows.checks import RULES, Severity, check_document
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode, is_given, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_aicore.workflows.template import WorkflowTemplate
    from pytest_aicore.workflows.yaml.places import Place
    from pytest_aicore.workflows.yaml.tree import Node


class Kept(Enum):
    """What becomes of a field."""

    CARRIED_OUT = "carried out"
    WITHOUT_EFFECT = "without effect here"


Shape: TypeAlias = "Mapping[str, Shape] | list[Shape] | Kept"
"""The keys of a map with their shapes, the shape of a list's items, or what becomes of whatever is there."""


def _keys(*names: str) -> dict[str, Shape]:
    return dict.fromkeys(names, Kept.CARRIED_OUT)


def _ignored(*names: str) -> dict[str, Shape]:
    return dict.fromkeys(names, Kept.WITHOUT_EFFECT)


_ARCHIVE: Final[Shape] = _keys("none", "zip", "tar")
_ARTIFACT: Final[dict[str, Shape]] = {
    **_keys("name", "path", "mode", "optional"),
    **_ignored("description"),
    "archive": _ARCHIVE,
    "raw": _keys("data"),
}
_ARGUMENTS: Final[Shape] = {
    "parameters": [_keys("name", "value", "default", "enum") | _ignored("description")],
    "artifacts": [_ARTIFACT | _keys("from")],
}
_OUTPUTS: Final[Shape] = {
    "parameters": [
        {
            **_keys("name", "value", "globalName"),
            **_ignored("description"),
            "valueFrom": _keys("path", "parameter", "default"),
        }
    ],
    "artifacts": [
        {
            **_keys("name", "path", "optional", "globalName", "from"),
            **_ignored("archiveLogs", "description", "mode"),
            "archive": _ARCHIVE,
        }
    ],
}
_CONTAINER: Final[dict[str, Shape]] = {
    **_keys("name", "image", "command", "args", "workingDir"),
    **_ignored("imagePullPolicy", "ports", "resources", "securityContext"),
    "env": [{**_keys("name", "value"), "valueFrom": {"secretKeyRef": _keys("name", "key", "optional")}}],
    "volumeMounts": [_keys("name", "mountPath")],
}
_VOLUMES: Final[Shape] = [_keys("name", "emptyDir")]
_RETRY: Final[Shape] = {
    **_keys("limit", "retryPolicy"),
    **_ignored("affinity"),
    "backoff": _keys("duration", "factor", "maxDuration"),
}
_CALL: Final[dict[str, Shape]] = {
    **_keys("name", "template", "when", "withItems", "withParam"),
    "arguments": _ARGUMENTS,
    "withSequence": _keys("start", "end", "count", "format"),
    "continueOn": _keys("failed", "error"),
    "onExit": Kept.CARRIED_OUT,
    "hooks": {"exit": {**_keys("template"), "arguments": _ARGUMENTS}},
}
_FOR_THE_CLUSTER: Final = _ignored(
    "affinity",
    "automountServiceAccountToken",
    "executor",
    "metrics",
    "nodeSelector",
    "priorityClassName",
    "schedulerName",
    "securityContext",
    "serviceAccountName",
    "tolerations",
)
"""What says where and as whom pods run in a cluster, or what a cluster counts. It changes nothing here."""
TEMPLATE: Final[Shape] = {
    **_FOR_THE_CLUSTER,
    **_keys("name", "activeDeadlineSeconds", "timeout", "parallelism"),
    **_ignored("annotations", "memoize", "metadata"),
    "inputs": {
        "parameters": [_keys("name", "value", "default") | _ignored("description", "enum")],
        "artifacts": [_ARTIFACT],
    },
    "outputs": _OUTPUTS,
    "container": _CONTAINER,
    "script": _CONTAINER | _keys("source"),
    "steps": [[_CALL]],
    "dag": {**_keys("target"), **_ignored("failFast"), "tasks": [{**_CALL, **_keys("dependencies", "depends")}]},
    "retryStrategy": _RETRY,
    "volumes": _VOLUMES,
}
"""What is carried out of a template."""
_DEFAULTS: Final[Shape] = {
    **_FOR_THE_CLUSTER,
    **_keys("activeDeadlineSeconds", "timeout"),
    **_ignored("metadata"),
    "retryStrategy": _RETRY,
}
SPEC: Final[Shape] = {
    **_FOR_THE_CLUSTER,
    **_keys("entrypoint", "activeDeadlineSeconds", "parallelism", "onExit", "templates"),
    "arguments": _ARGUMENTS,
    "hooks": {"exit": {**_keys("template"), **_ignored("expression"), "arguments": _ARGUMENTS}},
    "retryStrategy": _RETRY,
    "templateDefaults": _DEFAULTS,
    "volumes": _VOLUMES,
    **_ignored(
        "archiveLogs",
        "artifactGC",
        "artifactRepositoryRef",
        "dnsConfig",
        "dnsPolicy",
        "hostNetwork",
        "imagePullSecrets",
        "podDisruptionBudget",
        "podGC",
        "podMetadata",
        "podPriority",
        "podPriorityClassName",
        "priority",
        "synchronization",  # with other workflows
        "ttlStrategy",
        "volumeClaimGC",
        "workflowMetadata",
    ),
}
"""What is carried out of a specification, its templates apart: only those count that a run can reach."""
_TAGS: Final = re.compile(
    r"workflow\.(name|uid|creationTimestamp|creationTimestamp\.RFC3339|creationTimestamp\.s|status|duration|parameters|parameters\.json|parameters\.[\w-]+|mainEntrypoint"
    r"|outputs\.(parameters|artifacts)\.[\w-]+)"
    r"|inputs\.(parameters|parameters\.[\w-]+|artifacts\.[\w-]+(\.path)?)"
    r"|outputs\.(parameters|artifacts)\.[\w-]+\.path"
    r"|(steps|tasks)\.name|(steps|tasks)\.[\w-]+\.(id|status|startedAt|finishedAt|exitCode"
    r"|outputs\.result|outputs\.parameters|outputs\.(parameters|artifacts)\.[\w-]+)"
    r"|item(\..+)?|pod\.name|node\.name|retries"
)
"""The tags whose meaning is known here."""
_OF_ARGO: Final = re.compile(r"(workflow|inputs|outputs|steps|tasks|item|pod|node|lastRetry)\b.*")
"""The tags that Argo replaces; all others stay as they are."""


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


def refusals(workflow: WorkflowTemplate) -> list[Refusal]:
    """Return all that keeps a workflow from being carried out, in the order of the file.

    Args:
        workflow: the workflow.
    """
    found = list(dict.fromkeys([*_invalid(workflow), *_not_carried_out(workflow)]))
    return sorted(found, key=lambda refusal: refusal.place)


def _invalid(workflow: WorkflowTemplate) -> Iterator[Refusal]:
    """Yield what makes Argo refuse the workflow, by which it would be Failed at once."""
    document = workflow.document
    for finding in check_document(document.text, document.name):
        if finding.severity is Severity.ERROR and RULES[finding.rule].layer in ("document", "argo"):
            yield Refusal(finding.place, f"{finding.text} ({finding.rule})")


def _not_carried_out(workflow: WorkflowTemplate) -> Iterator[Refusal]:
    spec = workflow.spec
    if not is_given(spec, "entrypoint") and not is_given(spec, "workflowTemplateRef"):
        yield Refusal(workflow.place_of("spec"), "It has no `spec.entrypoint`, so nothing says what to begin with.")
    yield from _beside(workflow, spec, SPEC, "spec")
    reached = workflow.reachable
    for template in reached:
        yield from _beside(workflow, template.node, TEMPLATE, "template")
        yield from _values(workflow, template.node)
    yield from _names(workflow, spec)
    for key, node in spec.values.items():
        if key != "templates":
            yield from _values(workflow, node)


def _beside(workflow: WorkflowTemplate, node: Node, shape: Shape, where: str) -> Iterator[Refusal]:
    """Yield the keys of a node that its shape does not have."""
    if isinstance(shape, list):
        for item in node.items if type(node) is SequenceNode else ():
            yield from _beside(workflow, item, shape[0], where)
    elif not isinstance(shape, Kept) and type(node) is MappingNode:
        for key in node.values:
            if not is_given(node, key):
                continue
            if key in shape:
                yield from _beside(workflow, node.values[key], shape[key], f"{where}.{key}")
            else:
                place = workflow.document.place(node.keys[key])
                yield Refusal(place, f"`{where}.{key}` is not carried out on this machine.")


def _values(workflow: WorkflowTemplate, node: Node) -> Iterator[Refusal]:
    for each in walk(node):
        if type(each) is MappingNode:
            yield from _names(workflow, each)
        if type(each) is not ScalarNode or "{{" not in each.text:
            continue
        for tag in tags(each.text):
            if tag.expression is not None:
                what = f"The expression `{{{{{tag.name}}}}}` is not carried out on this machine."
            elif tag.is_closed and _OF_ARGO.fullmatch(tag.name) and not _TAGS.fullmatch(tag.name):
                what = f"The tag `{{{{{tag.name}}}}}` is not replaced on this machine."
            else:
                continue
            yield Refusal(workflow.document.place(each), what)


def _names(workflow: WorkflowTemplate, owner: MappingNode) -> Iterator[Refusal]:
    """Yield the values of a map that must be known before anything starts."""
    for key in ("template", "entrypoint", "onExit", "target"):
        node = owner.values.get(key)
        if type(node) is ScalarNode and "{{" in node.text:
            yield Refusal(
                workflow.document.place(node), f"`{key}` is a placeholder, so nothing says before what it names."
            )
    loop = next((key for key in LOOPS if is_given(owner, key)), None)
    hook = next((key for key in ("onExit", "hooks") if is_given(owner, key)), None)
    if loop is not None and hook is not None:
        what = f"`{hook}` beside `{loop}` is not carried out on this machine."
        yield Refusal(workflow.document.place(owner.keys[hook]), what)
    node = owner.values.get("retryPolicy")
    if type(node) is ScalarNode and node.name is not None and node.name not in POLICIES:
        what = f"The `retryPolicy` {node.name} is not carried out on this machine; these are: {', '.join(POLICIES)}."
        yield Refusal(workflow.document.place(node), what)


__all__ = ["SPEC", "TEMPLATE", "Kept", "Refusal", "Shape", "refusals"]
