"""Layer 3 for ServingTemplates: what AI Core asks of one, down into the YAML that its string blocks hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.aicore.artifact_annotations import check_artifact_annotations
from pytest_aicore.workflows.checks.aicore.containers import check_left
from pytest_aicore.workflows.checks.aicore.metadata import MetadataCheck
from pytest_aicore.workflows.checks.aicore.predictor import PREDICTOR, check_predictor
from pytest_aicore.workflows.checks.aicore.serving_blocks import read_block
from pytest_aicore.workflows.checks.aicore.serving_check import ServingCheck, plain_name
from pytest_aicore.workflows.checks.aicore.serving_inputs import check_inputs, check_unused
from pytest_aicore.workflows.checks.aicore.serving_labels import check_annotations, check_labels, is_plan_among
from pytest_aicore.workflows.checks.aicore.urls import check_urls
from pytest_aicore.workflows.checks.argo.structure import StructureCheck
from pytest_aicore.workflows.checks.examples import serving
from pytest_aicore.workflows.checks.rule import Severity, aicore_rule
from pytest_aicore.workflows.checks.words import hint_for, nearest
from pytest_aicore.workflows.yaml.tree import ScalarNode, is_given

if TYPE_CHECKING:
    from pytest_aicore.workflows.checks.subject import Subject
    from pytest_aicore.workflows.yaml.tree import MappingNode

INNER_API_VERSION: Final = aicore_rule(
    335,
    "inner-api-version",
    "The inner apiVersion of a ServingTemplate is missing or outdated",
    "A ServingTemplate becomes an InferenceService of KServe, `serving.kserve.io/v1beta1`; `serving.kubeflow.org` is "
    "its older name.",
    serving().replace("serving.kserve.io/v1beta1", "serving.kserve.io/v1"),
    serving(),
    Severity.WARNING,
)
_SHAPES: Final = {
    "ServingTemplate": {"apiVersion": "str", "kind": "str", "metadata": "any", "spec": "ServingSpec", "status": "any"},
    "ServingSpec": {"inputs": "ServingInputs", "template": "ServingInner", "imagePullSecrets": "any"},
    "ServingInputs": {"parameters": "[ServingParameter]", "artifacts": "[ServingArtifact]"},
    "ServingParameter": {
        "name": "str",
        "type": "str",
        "default": "any-str",
        "value": "any-str",
        "description": "any-str",
    },
    "ServingArtifact": {"name": "str", "description": "any-str", "kind": "str", "path": "str"},
    "ServingInner": {"apiVersion": "str", "kind": "str", "metadata": "ServingInnerMetadata", "spec": "any"},
    "ServingInnerMetadata": {"annotations": "any", "labels": "any", "name": "str"},
}
_API_VERSIONS: Final = ("serving.kserve.io/v1beta1", "serving.kubeflow.org/v1beta1")


def check(subject: Subject) -> None:
    """Report what AI Core would refuse, hide or lose of a ServingTemplate.

    Args:
        subject: the document.
    """
    MetadataCheck(subject).check()
    structure = StructureCheck(subject.report, _SHAPES, consequence="AI Core refuses the template.", owner="AI Core")
    structure.check(subject.root, "ServingTemplate")
    check = ServingCheck(subject)  # after the structure check, which corrects keys
    meant = dict.fromkeys(check.artifacts)
    check_artifact_annotations(subject, {**meant, **{plain_name(name): None for name in meant}}, {})
    check_urls(subject)
    check_inputs(check)
    root, spec = subject.root, check.spec
    template = spec.mapping("template")
    if not template.values:
        if not ({root.values.get("spec"), spec.values.get("template")} & structure.wrong):
            check.add(
                PREDICTOR,
                spec.keys.get("template") or root.keys.get("spec") or root.keys.get("kind") or root,
                "The template has no `spec.template`, so there is nothing to deploy.",
                "Add `spec.template` with `apiVersion`, `metadata` and `spec`.",
            )
        return
    _check_api_version(check, template)
    inner = template.mapping("metadata")
    annotations = read_block(check, inner, "annotations", "metadata.annotations")
    if not is_plan_among(annotations):
        check_labels(check, read_block(check, inner, "labels", "metadata.labels"), template, inner)
    check_annotations(annotations)
    if not is_given(template, "spec"):
        check.add(
            PREDICTOR,
            template.keys.get("spec") or spec.keys["template"],
            "The template has no `spec.template.spec`, so there is nothing to deploy.",
            "Add `spec: |` with a `predictor` in it.",
        )
        check.usage_is_clear = False
    block = read_block(check, template, "spec", "spec")
    check_predictor(check, block)
    if block is not None:
        check_left(*block)
    check_unused(check)


def _check_api_version(check: ServingCheck, template: MappingNode) -> None:
    node = template.values.get("apiVersion")
    written = template.text("apiVersion")
    if written in _API_VERSIONS:
        return
    near = nearest(written or "", _API_VERSIONS)
    check.add(
        INNER_API_VERSION,
        node if type(node) is ScalarNode and written else check.spec.keys["template"],
        f"`{written}` is not the apiVersion of KServe's InferenceService on AI Core."
        if written
        else "`spec.template` has no apiVersion, so KServe does not know what it is.",
        f"{'Write' if written else 'Add'} `apiVersion: {_API_VERSIONS[0]}`.",
        hint=hint_for(near),
    )
