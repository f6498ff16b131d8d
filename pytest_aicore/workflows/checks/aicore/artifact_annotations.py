"""The annotations of artifacts: their fields, their values, and the artifacts that they name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.variables import left_over
from pytest_aicore.workflows.checks.examples import EXAMPLE_LABELS, EXAMPLE_METADATA, EXAMPLE_NAMES, example_metadata
from pytest_aicore.workflows.checks.rule import Severity, aicore_rule
from pytest_aicore.workflows.checks.words import hint_for, nearest, shortened, typo_hint
from pytest_aicore.workflows.executable import ARTIFACT_ANNOTATION_PREFIX
from pytest_aicore.workflows.yaml.tree import ScalarNode

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pytest_aicore.workflows.checks.report import Report
    from pytest_aicore.workflows.checks.subject import Subject

ANNOTATION_OF_NOTHING: Final = aicore_rule(
    319,
    "annotation-of-nothing",
    "An annotation is about an artifact that does not exist",
    "In `artifacts.ai.sap.com/NAME.kind` NAME is an input artifact, or the globalName of an output. Otherwise the "
    "annotation has no effect: the artifact is registered as a `model`.",
    example_metadata(EXAMPLE_LABELS, f"{EXAMPLE_NAMES}\n    artifacts.ai.sap.com/contract.kind: dataset"),
    EXAMPLE_METADATA,
    Severity.WARNING,
)
ARTIFACT_ANNOTATION: Final = aicore_rule(
    320,
    "artifact-annotation",
    "An annotation of an artifact has an unknown field or an invalid value",
    "`artifacts.ai.sap.com/NAME.` is followed by `kind`, `description`, `labels`, `name` or `suffix`; a kind is "
    "`model`, `dataset`, `resultset` or `other`, and labels are a JSON object in a string.",
    example_metadata(EXAMPLE_LABELS, f"{EXAMPLE_NAMES}\n    artifacts.ai.sap.com/contracts.kind: data-set")
    + "\nspec:\n  entrypoint: train\n  templates:\n  - name: train\n    inputs:\n      artifacts:\n"
    + "        - name: contracts\n          path: /app/data\n    container:\n      image: docker.io/example/churn:1\n"
    + '      command: ["/bin/sh", "-c"]\n      args: ["./train"]',
    example_metadata(EXAMPLE_LABELS, f"{EXAMPLE_NAMES}\n    artifacts.ai.sap.com/contracts.kind: dataset")
    + "\nspec:\n  entrypoint: train\n  templates:\n  - name: train\n    inputs:\n      artifacts:\n"
    + "        - name: contracts\n          path: /app/data\n    container:\n      image: docker.io/example/churn:1\n"
    + '      command: ["/bin/sh", "-c"]\n      args: ["./train"]',
    Severity.WARNING,
)
_ARTIFACT_KINDS: Final = ("model", "dataset", "resultset", "other")
_ARTIFACT_FIELDS: Final = ("kind", "description", "labels", "name", "suffix")


def check_artifact_annotations(
    subject: Subject, names: Collection[str], internal: Mapping[str, str | None], *, has_lost: bool = False
) -> list[str]:
    """Report annotations of artifacts that do not exist, and annotations with unknown fields or invalid values.

    Args:
        subject: the document.
        names: the names of input artifacts, and the globalNames of outputs.
        internal: the names that outputs have inside of the workflow, with their globalNames.
        has_lost: whether outputs have no globalName: the annotations may belong to one of those.

    Returns:
        the names of artifacts that have annotations and do not exist.
    """
    report, annotations = subject.report, subject.metadata.mapping("annotations")
    unmatched: dict[str, None] = {}
    told: set[str] = set()
    for key, node in annotations.keys.items():
        if not key.startswith(ARTIFACT_ANNOTATION_PREFIX):
            continue
        artifact, dot, field = key[len(ARTIFACT_ANNOTATION_PREFIX) :].rpartition(".")
        if left_over(key) is not None:
            continue
        if not dot or field not in _ARTIFACT_FIELDS:
            _check_field(report, node, artifact if dot else field, field if dot else "", names)
            continue
        value = annotations.values[key]
        if artifact not in names and artifact not in unmatched:
            if internal.get(artifact, "") is not None:
                unmatched[artifact] = None
            if not has_lost and artifact not in told:
                told.add(artifact)  # one wrong name makes all its annotations wrong: reported once
                _report_unknown(report, node, artifact, names, internal)
        if type(value) is ScalarNode and value.kind == "string":
            _check_value(report, field, value)
    return list(unmatched)


def _check_field(report: Report, node: ScalarNode, artifact: str, field: str, names: Collection[str]) -> None:
    near = nearest(field, _ARTIFACT_FIELDS) if field and f"{artifact}.{field}" not in names else None
    whole = f"{artifact}.{field}" if field else artifact
    report.add(
        ARTIFACT_ANNOTATION,
        node,
        f"`{node.text}` names no field of the artifact `{whole}`: AI Core ignores it."
        if near is None and (whole in names or not field)
        else f"Unknown field `{field}` of an artifact: AI Core ignores the annotation.",
        f"Write `{ARTIFACT_ANNOTATION_PREFIX}{artifact}.{near or 'kind'}`.",
        hint=hint_for(near),
    )


def _report_unknown(
    report: Report, node: ScalarNode, artifact: str, names: Collection[str], internal: Mapping[str, str | None]
) -> None:
    if artifact in internal:
        global_name = internal[artifact]
        if global_name is None:
            return  # the missing globalName is reported where it is missing
        report.add(
            ANNOTATION_OF_NOTHING,
            node,
            f"`{artifact}` is the name of the output inside the workflow; AI Core looks for its globalName "
            f"`{global_name}`, and ignores the annotation.",
            f"Write `{node.text.replace(artifact, global_name, 1)}`.",
            hint=hint_for(global_name),
        )
        return
    known = ", ".join(f"`{name}`" for name in list(names)[:6])
    report.add(
        ANNOTATION_OF_NOTHING,
        node,
        f"Unknown artifact `{artifact}`: no input artifact has that name, and no output has that globalName. AI "
        f"Core ignores the "
        "annotation.",
        f"Name one of {known}." if known else "Remove it, or declare the artifact.",
        hint=typo_hint(artifact, names),
    )


def _check_value(report: Report, field: str, value: ScalarNode) -> None:
    if left_over(value.text) is not None:
        return
    if field == "kind" and value.text.strip() not in _ARTIFACT_KINDS:
        report.add(
            ARTIFACT_ANNOTATION,
            value,
            f"Unknown kind `{shortened(value.text)}` of an artifact.",
            f"Use one of {', '.join(f'`{kind}`' for kind in _ARTIFACT_KINDS)}.",
            hint=typo_hint(value.text, _ARTIFACT_KINDS),
        )
    elif field == "labels":
        try:
            is_object = isinstance(json.loads(value.text), dict)
        except (ValueError, RecursionError):
            is_object = False
        if not is_object:
            report.add(
                ARTIFACT_ANNOTATION,
                value,
                "The labels of an artifact have to be a JSON object in a string; AI Core ignores these.",
                'Write them like \'{"ext.ai.sap.com/key": "value"}\', in single quotes.',
            )
