"""What a pod is made of: images, volumes, resources, and settings that only pods have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.tags import has_placeholder
from pytest_aicore.workflows.checks.argo import dags
from pytest_aicore.workflows.checks.argo.dags import UNKNOWN_DEPENDENCY
from pytest_aicore.workflows.checks.argo.environment import check_environment
from pytest_aicore.workflows.checks.argo.names import check_unique
from pytest_aicore.workflows.checks.examples import TRAIN, example_container, steps
from pytest_aicore.workflows.checks.rule import Severity, argo_rule
from pytest_aicore.workflows.checks.words import shortened, typo_hint
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, is_given

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import TemplateModel
    from pytest_aicore.workflows.checks.argo.check import ArgoCheck
    from pytest_aicore.workflows.yaml.tree import Node

UNKNOWN_VOLUME: Final = argo_rule(
    227,
    "unknown-volume",
    "A container mounts a volume that is not declared",
    "The names in `volumeMounts` are those of `volumes` of the workflow or the template, or of `volumeClaimTemplates`.",
    example_container("volumeMounts:\n  - name: scratch\n    mountPath: /scratch"),
    "volumes:\n  - name: scratch\n    emptyDir: {}\n"
    + example_container("volumeMounts:\n  - name: scratch\n    mountPath: /scratch"),
)

NO_IMAGE: Final = argo_rule(
    228,
    "no-image",
    "A container has no image, or a script no source",
    "Without an image there is nothing to run. A script without source is an empty file for its command: a warning.",
    "container:\n  command: [/bin/sh, -c]\n  args: [./train]",
    example_container(),
)

MISPLACED_SETTING: Final = argo_rule(
    230,
    "misplaced-setting",
    "A setting is in a type of template that does not support it",
    "`activeDeadlineSeconds`, `resourceClaims` and `podResources` belong to templates that run a pod, `parallelism` to "
    "those that run others; `podResources` only has CPU, memory and huge pages.",
    steps().replace("    steps:", "    activeDeadlineSeconds: 60\n    steps:"),
    steps().replace("  templates:", "  activeDeadlineSeconds: 60\n  templates:"),
)

DEADLINE: Final = argo_rule(
    238,
    "deadline",
    "The deadline of a template is not a number of seconds",
    "`activeDeadlineSeconds` of a template is a whole number that is not negative, or a placeholder. (Argo's own "
    "validation.)",
    steps(template=f"{TRAIN}\n    activeDeadlineSeconds: 2h"),
    steps(template=f"{TRAIN}\n    activeDeadlineSeconds: 7200"),
)

OWN_NAME: Final = argo_rule(
    239,
    "own-name",
    "A container has a name that Argo gives to its own containers",
    "Argo adds containers called `init`, `wait` and `supervisor` to the pods that it makes, and refuses others of "
    "these names in a container set or among the sidecars. (Argo's own validation.)",
    example_container() + "\nsidecars:\n  - name: wait\n    image: docker.io/example/cache:1",
    example_container() + "\nsidecars:\n  - name: readable-cache\n    image: docker.io/example/cache:1",
)

_OWN_NAMES: Final = ("init", "wait", "supervisor")
_SECONDS: Final = re.compile(r"\+?[0-9]+")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_POD_RESOURCE: Final = re.compile(r"cpu|memory|hugepages-\w+")


def check_mounts(check: ArgoCheck, template: TemplateModel) -> None:
    """Report mounts of volumes that nothing declares."""
    spec = check.model.spec
    if check.subject.is_library or is_given(spec, "podSpecPatch") or is_given(template.node, "podSpecPatch"):
        return
    known: set[str] | None = None
    mounts = list(template.node.mapping("containerSet").mappings_of("volumeMounts"))
    for _, container in template.containers():
        mounts.extend(container.mappings_of("volumeMounts"))
    for mount in mounts:
        if known is None:
            known = {
                name
                for owner in (spec, template.node, check.defaults)
                for volume in owner.mappings_of("volumes")
                if (name := volume.name("name"))
            }
            known |= {
                name
                for claim in spec.mappings_of("volumeClaimTemplates")
                if (name := claim.mapping("metadata").name("name"))
            }
        name = mount.name("name")
        if name and name not in known and not has_placeholder(name):
            check.add(
                UNKNOWN_VOLUME,
                mount.values["name"],
                f"Unknown volume `{name}`. {check.fails}",
                "Declare it under `volumes` of the workflow or this template, or under `volumeClaimTemplates`.",
                hint=typo_hint(name, known),
            )


def check_container(check: ArgoCheck, template: TemplateModel, key: str, container: MappingNode) -> None:
    """Report a container that lacks what it runs, or has variables that Kubernetes refuses."""
    if not container.values:
        return
    what = {"script": "script", "container": "container"}.get(key, "container")
    if not container.text("image") and _is_lacking(check, container, "image", key):
        check.add(
            NO_IMAGE,
            container.keys.get("image") or (template.node.keys[key] if key in ("container", "script") else container),
            f"This {what} has no `image`, so nothing can run. {check.fails}",
            "Add `image:` with registry, name and tag.",
        )
    if key == "script" and not is_given(container, "source") and _is_lacking(check, container, "source", key):
        check.add(
            NO_IMAGE,
            container.keys.get("source") or template.node.keys[key],
            "This script has no `source`: its command gets an empty file.",
            "Add `source: |` with the script, or use `container`.",
            severity=Severity.WARNING,
        )
    check_environment(check.subject.report, container, check.wrong)


def _is_lacking(check: ArgoCheck, container: MappingNode, key: str, kind: str) -> bool:
    """Return whether a key is neither a default of the workflow, nor misspelt, nor of the wrong type."""
    return key not in check.defaults.mapping(kind).values and container.values.get(key) not in check.wrong


def check_container_set(check: ArgoCheck, node: MappingNode) -> None:
    """Report mistakes in the names and dependencies of the containers of a set."""
    containers = node.mappings_of("containers")
    if not containers:
        return
    check_unique(check, containers, "container")
    names = [container.name("name") or "" for container in containers]
    edges: dict[str, list[tuple[str, Node]]] = {}
    for name, container in zip(names, containers, strict=True):
        for item in container.items_of("dependencies"):
            if type(item) is not ScalarNode or not item.value:
                continue
            if item.value not in names:
                check.add(
                    UNKNOWN_DEPENDENCY,
                    item,
                    f"Container `{name}` depends on unknown container `{item.value}`. {check.fails}",
                    "Name a container of the same set.",
                    hint=typo_hint(item.value, names),
                )
            else:
                edges.setdefault(name, []).append((item.value, item))
    dags.check_cycles(check.subject, edges, "container")


def check_settings(check: ArgoCheck, template: TemplateModel) -> None:
    """Report settings that have no effect in a template of this type, or are refused."""
    node = template.node
    if template.is_graph:
        what = "steps" if template.type == "steps" else "a dag"
        for key, instead in (
            ("activeDeadlineSeconds", "`spec.activeDeadlineSeconds` limits the whole run."),
            ("resourceClaims", "Move it to the templates that run a pod."),
        ):
            if is_given(node, key):
                check.add(
                    MISPLACED_SETTING,
                    node.keys[key],
                    f"`{key}` only works for a template that runs a pod, not for {what}. {check.fails}",
                    instead,
                )
    elif template.is_pod and is_given(node, "parallelism"):
        check.add(
            MISPLACED_SETTING,
            node.keys["parallelism"],
            "`parallelism` limits what steps or a dag run in parallel; a single pod has nothing to limit.",
            "Move it to the template with the steps or the dag, or to the workflow.",
            severity=Severity.WARNING,
        )
    check_pod_resources(check, node)


def check_deadline(check: ArgoCheck, template: TemplateModel) -> None:
    """Report a deadline that Argo cannot read."""
    node = template.node.values.get("activeDeadlineSeconds")
    if template.is_graph or type(node) is not ScalarNode or node.kind not in ("string", "integer"):
        return
    text = node.text.strip()
    if has_placeholder(text) or _SECONDS.fullmatch(text) or node in check.wrong:
        return
    span = re.fullmatch(r"([0-9]{1,9})\s*([smhd])", text)
    check.add(
        DEADLINE,
        node,
        f"Invalid deadline `{shortened(text)}`: expected a whole number of seconds, 0 or more. {check.fails}",
        f"Write `{int(span.group(1)) * _UNITS[span.group(2)]}`." if span else "Write the number of seconds.",
    )


def check_own_names(check: ArgoCheck, template: TemplateModel) -> None:
    """Report containers with the names of Argo's own."""
    for key, container in template.containers():
        name = container.name("name")
        if key in ("containerSet", "sidecars") and name in _OWN_NAMES:
            check.add(
                OWN_NAME,
                container.values["name"],
                f"`{name}` is the name of a container that Argo adds to the pod. {check.fails}",
                "Give this container another name.",
            )


def check_pod_resources(check: ArgoCheck, owner: MappingNode) -> None:
    """Report resources that cannot be limited for a whole pod."""
    resources = owner.values.get("podResources")
    if type(resources) is not MappingNode:
        return
    for part in ("limits", "requests"):
        mapping = resources.mapping(part)
        for name, key in mapping.keys.items():
            if not _POD_RESOURCE.fullmatch(name):
                check.add(
                    MISPLACED_SETTING,
                    key,
                    f"`{name}` cannot be limited for a whole pod. {check.fails}",
                    "Move it to `resources` of the container that needs it.",
                )
