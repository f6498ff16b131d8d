"""The predictor of a ServingTemplate: the containers that serve the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.aicore.containers import (
    check_image,
    check_pull_secrets,
    check_to_fill_in,
)
from pytest_aicore.workflows.checks.aicore.keys import MISSPELT
from pytest_aicore.workflows.checks.argo.environment import check_environment
from pytest_aicore.workflows.checks.argo.structure import StructureCheck, shapes_for
from pytest_aicore.workflows.checks.examples import serving
from pytest_aicore.workflows.checks.rule import Severity, aicore_rule
from pytest_aicore.workflows.checks.subject import REPLACED, is_replaced
from pytest_aicore.workflows.checks.words import hint_for, nearest
from pytest_aicore.workflows.yaml.tree import MappingNode, SequenceNode, is_given

if TYPE_CHECKING:
    from pytest_aicore.workflows.checks.aicore.blocks import BlockReport
    from pytest_aicore.workflows.checks.aicore.serving_check import ServingCheck
    from pytest_aicore.workflows.yaml.tree import Node

PREDICTOR: Final = aicore_rule(
    336,
    "predictor",
    "The inner specification of a ServingTemplate describes no server",
    "KServe needs `predictor` with a container that has an image and the name `kserve-container`; only that one gets "
    "the model from `STORAGE_URI`.",
    serving().replace("      predictor:\n", "      transformer:\n"),
    serving(),
)
KSERVE_REFUSES: Final = "KServe refuses it, so no deployment of it ever runs."
_MODEL_FORMATS: Final = frozenset(
    {
        "model",
        "huggingface",
        "lightgbm",
        "onnx",
        "paddle",
        "pmml",
        "pytorch",
        "sklearn",
        "tensorflow",
        "triton",
        "xgboost",
        "custom",
    }
)
_STORAGE: Final = "STORAGE_URI"
_CONTAINERS: Final = ("kserve-container", "kfserving-container")


def check_predictor(check: ServingCheck, block: tuple[BlockReport, MappingNode] | None) -> None:
    """Report a block without a server that KServe could run."""
    if block is None:
        return
    report, root = block
    is_old = "v1alpha2" in (check.spec.mapping("template").text("apiVersion") or "")
    if is_old:
        return
    if "predictor" not in root.values and is_given(root.mapping("default"), "predictor"):
        report.add(
            PREDICTOR,
            root.keys["default"],
            "The `predictor` is below `default`, as in v1alpha2 of KServe, which AI Core no longer supports.",
            "Write `predictor:` in place of `default:`, and its container as an item of `containers:` below it.",
            severity=Severity.WARNING,
        )
        return
    structure = StructureCheck(report, shapes_for(check.subject), consequence=KSERVE_REFUSES, owner="KServe")
    structure.check(root, "InferenceServiceSpec")
    predictor = root.values.get("predictor")
    if type(predictor) is not MappingNode:
        if predictor not in structure.wrong:
            report.add(
                PREDICTOR,
                root.keys.get("predictor") or next(iter(root.keys.values()), root),
                f"The block has no `predictor`, the part that serves the model. {KSERVE_REFUSES}",
                "Add `predictor:` with `containers:` below it.",
            )
        return
    secrets = predictor.values.get("imagePullSecrets")
    if type(secrets) is SequenceNode:
        check_pull_secrets(report, predictor.mappings_of("imagePullSecrets"), predictor.keys["imagePullSecrets"])
    _replicas(report, predictor)
    containers = predictor.mappings_of("containers")
    if not containers:
        check.usage_is_clear = False
        _no_containers(report, root, predictor, structure.wrong)
        return
    for container in containers:
        check_image(report, container)
        check_environment(report, container, structure.wrong)
        _storage(check, report, container.mappings_of("env"))
        for variable in container.mappings_of("env"):
            check_to_fill_in(report, variable.values.get("value"), "the value", wholly=True)
        if not container.text("image") and container.values:
            report.add(
                PREDICTOR,
                container.keys.get("image") or container,
                f"This container has no `image`. {KSERVE_REFUSES}",
                "Add `image:` with registry, name and tag.",
            )
    _container_names(report, containers)


def _storage(check: ServingCheck, report: BlockReport, variables: list[MappingNode]) -> None:
    """Report a typo in the name of the variable that makes KServe load the model."""
    names = [variable.name("name") or "" for variable in variables]
    for name, variable in zip(names, variables, strict=True):
        # What stands for an artifact in this text was a placeholder.
        is_reference = REPLACED in (variable.text("value") or "")
        if is_reference and check.artifacts and _STORAGE not in names and nearest(name, [_STORAGE]):
            report.add(
                MISSPELT,
                variable.values["name"],
                f"Unknown variable `{name}`, so KServe does not load the model into `/mnt/models`.",
                f"Write `{_STORAGE}`.",
                hint=hint_for(_STORAGE),
                severity=Severity.WARNING,
            )


def _no_containers(report: BlockReport, root: MappingNode, predictor: MappingNode, wrong: set[Node]) -> None:
    if any(key in _MODEL_FORMATS for key in predictor.values) or predictor.values.get("containers") in wrong:
        return
    report.add(
        PREDICTOR,
        predictor.keys.get("containers") or root.keys["predictor"],
        f"The predictor has no containers, so nothing serves the model. {KSERVE_REFUSES}",
        "Add `containers:` with one named `kserve-container`.",
    )


def _container_names(report: BlockReport, containers: list[MappingNode]) -> None:
    names = [container.name("name") or "" for container in containers]
    if not any(name in _CONTAINERS or is_replaced(name) for name in names):
        first = containers[0]
        near = nearest(names[0], _CONTAINERS)
        report.add(
            PREDICTOR,
            first.values.get("name") or first,
            "No container has the name `kserve-container`, and only that one gets the model from `STORAGE_URI`.",
            "Name the one that serves the model `kserve-container`.",
            hint=hint_for(near),
            severity=Severity.WARNING,
        )


def _replicas(report: BlockReport, predictor: MappingNode) -> None:
    least, most = predictor.text("minReplicas") or "", predictor.text("maxReplicas") or ""
    if least.isdecimal() and most.isdecimal() and 0 < int(most) < int(least):
        report.add(
            PREDICTOR,
            predictor.values["minReplicas"],
            f"`minReplicas` ({least}) is greater than `maxReplicas` ({most}). {KSERVE_REFUSES}",
            "Set `minReplicas` to at most `maxReplicas`.",
        )
