"""Artifacts at a place of their own: `s3`, `gcs`, `http`, `git` and the like.

No network is asked for them. What a step writes to a place stays with the run, and a later step reads it there; what
nobody writes has to be bound to a file or folder of this machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_aicore.running.walking.values import Plain, json_of
from pytest_aicore.workflows.yaml.source import plain
from pytest_aicore.workflows.yaml.tree import is_given

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.workflows.argo.graph import TemplateModel
    from pytest_aicore.workflows.template import WorkflowTemplate
    from pytest_aicore.workflows.yaml.tree import MappingNode

LOCATIONS: Final = ("s3", "gcs", "oss", "azure", "artifactory", "hdfs", "http", "git")
"""The keys of an artifact that name a place in a store, or on a server."""


class Read(NamedTuple):
    """An artifact that is read from a place of its own.

    Attributes:
        name: its name.
        kind: the kind of the place: `s3`.
        node: the place itself.
        is_optional: whether it may be missing.
    """

    name: str
    kind: str
    node: MappingNode
    is_optional: bool


def place_of(artifact: Plain) -> str | None:
    """Return what tells the place of an artifact apart from others, None for an artifact without one.

    How a store is reached (its credentials, for example) does not count.

    Args:
        artifact: its declaration.
    """
    kind = next((key for key in LOCATIONS if artifact.get(key) is not None), None)
    if kind is None:
        return None
    single = {key: value for key, value in artifact[kind].items() if isinstance(value, (str, int, float))}
    return f"{kind} {json_of(single)}"


def reads_of(template: TemplateModel) -> list[Read]:
    """Return what a template, or a call in it, reads from places.

    Args:
        template: the template.
    """
    calls = [call.node.mapping("arguments") for call in template.calls_and_handlers]
    return [read for owner in (template.node.mapping("inputs"), *calls) for read in reads_in(owner)]


def reads_in(owner: MappingNode) -> Iterator[Read]:
    """Yield what `inputs` or `arguments` read from places.

    Args:
        owner: one of them.
    """
    for artifact in owner.mappings_of("artifacts"):
        for kind in LOCATIONS:
            if is_given(artifact, kind):
                node = artifact.mapping(kind)
                yield Read(artifact.name("name") or "", kind, node, artifact.text("optional") == "true")


def located_inputs(workflow: WorkflowTemplate) -> set[str]:
    """Return the names of the artifacts that a workflow reads from places.

    Args:
        workflow: the workflow.
    """
    found = {read.name for each in workflow.model.reached for read in reads_of(each.template)}
    return found | {read.name for read in reads_in(workflow.spec.mapping("arguments"))}


def may_be_written(read: Read, writers: list[TemplateModel]) -> bool:
    """Return whether one of the templates of a run writes to the place from which an artifact is read.

    A place with placeholders may be any of its kind.

    Args:
        read: the artifact.
        writers: the templates.
    """
    wanted = place_of({read.kind: plain(read.node)}) or ""
    for template in writers:
        for output in template.output_artifacts:
            written = place_of(plain(output)) or ""
            is_open = "{{" in wanted or "{{" in written
            if written == wanted or (is_open and written.split(" ")[0] == read.kind):
                return True
    return False


__all__ = ["LOCATIONS", "Read", "located_inputs", "may_be_written", "place_of", "reads_in", "reads_of"]
