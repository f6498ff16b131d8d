"""Which keys the objects of a template may have, and what may stand at them.

A small part, the objects that every template consists of, is written down here and always there. The whole
comes from hera's models, which are generated from Argo's own, where hera is installed (extra `argo`). Importing
them takes more than a second, so what was derived of them is kept in a cache file.

Shapes are written as words: `str`, `any-str` (Argo takes numbers and booleans as well), `int`, `int-str`, `float`,
`bool`, `quantity`, `any`, `[shape]` for a list, `{shape}` for a map of such values, else the name of an object.
"""

from __future__ import annotations

import contextlib
import json
from enum import Enum
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, Union, get_args, get_origin
from zlib import crc32

from pytest_aicore.workflows.cache import cache_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

ObjectShapes: TypeAlias = dict[str, dict[str, str]]

_CONTAINER: Final = (
    "args:[str] command:[str] env:[EnvVar] envFrom:[any] image:str imagePullPolicy:str lifecycle:any "
    "livenessProbe:any name:str ports:[ContainerPort] readinessProbe:any resizePolicy:[any] "
    "resources:ResourceRequirements restartPolicy:str restartPolicyRules:[any] securityContext:any startupProbe:any "
    "stdin:bool stdinOnce:bool terminationMessagePath:str terminationMessagePolicy:str tty:bool volumeDevices:[any] "
    "volumeMounts:[VolumeMount] workingDir:str"
)
_CALL: Final = (
    "arguments:Arguments continueOn:ContinueOn hooks:{LifecycleHook} inline:Template name:str onExit:str "
    "template:str templateRef:TemplateRef when:str withItems:[any] withParam:str withSequence:Sequence"
)
_OBJECT: Final = "apiVersion:str kind:str metadata:any status:any"

_CORE: Final[Mapping[str, str]] = {
    "Workflow": f"{_OBJECT} spec:WorkflowSpec",
    "WorkflowTemplate": f"{_OBJECT} spec:WorkflowSpec",
    "ClusterWorkflowTemplate": f"{_OBJECT} spec:WorkflowSpec",
    "CronWorkflow": f"{_OBJECT} spec:CronWorkflowSpec",
    "WorkflowSpec": (
        "activeDeadlineSeconds:int affinity:any archiveLogs:bool arguments:Arguments artifactGC:any "
        "artifactRepositoryRef:any automountServiceAccountToken:bool dnsConfig:any dnsPolicy:str entrypoint:str "
        "executor:any hooks:{LifecycleHook} hostAliases:[any] hostNetwork:bool "
        "imagePullSecrets:[LocalObjectReference] metrics:any nodeSelector:{str} onExit:str parallelism:int "
        "podDisruptionBudget:any podGC:any podMetadata:Metadata podPriority:int podPriorityClassName:str "
        "podResources:any podSpecPatch:str priority:int resourceClaims:[any] retryStrategy:RetryStrategy "
        "schedulerName:str securityContext:any serviceAccountName:str shutdown:str suspend:bool synchronization:any "
        "templateDefaults:Template templates:[Template] tolerations:[any] ttlSecondsAfterFinished:int "
        "ttlStrategy:any volumeClaimGC:any volumeClaimTemplates:[any] volumes:[any] workflowMetadata:any "
        "workflowTemplateRef:any"
    ),
    "CronWorkflowSpec": (
        "concurrencyPolicy:str failedJobsHistoryLimit:int schedule:str schedules:[str] startingDeadlineSeconds:int "
        "stopStrategy:any successfulJobsHistoryLimit:int suspend:bool timezone:str when:str workflowMetadata:any "
        "workflowSpec:WorkflowSpec"
    ),
    "Template": (
        "activeDeadlineSeconds:int-str affinity:any annotations:{str} archiveLocation:any "
        "automountServiceAccountToken:bool container:Container containerSet:ContainerSetTemplate daemon:bool "
        "dag:DAGTemplate data:any executor:any failFast:bool hostAliases:[any] http:any "
        "initContainers:[UserContainer] inputs:Inputs memoize:any metadata:Metadata metrics:any name:str "
        "nodeSelector:{str} outputs:Outputs parallelism:int plugin:any podResources:any podSpecPatch:str "
        "priority:int priorityClassName:str resource:ResourceTemplate resourceClaims:[any] "
        "resubmitPendingPods:bool retryStrategy:RetryStrategy schedulerName:str script:ScriptTemplate "
        "securityContext:any serviceAccountName:str sidecars:[UserContainer] steps:[[WorkflowStep]] "
        "suspend:SuspendTemplate synchronization:any timeout:str tolerations:[any] volumes:[any]"
    ),
    "Inputs": "artifacts:[Artifact] parameters:[Parameter]",
    "Outputs": "artifacts:[Artifact] exitCode:str parameters:[Parameter] result:str",
    "Arguments": "artifacts:[Artifact] parameters:[Parameter]",
    "Parameter": (
        "default:any-str description:any-str enum:[any-str] globalName:str name:str value:any-str valueFrom:ValueFrom"
    ),
    "ValueFrom": (
        "configMapKeyRef:ConfigMapKeySelector default:any-str event:str expression:str jqFilter:str jsonPath:str "
        "parameter:str path:str supplied:any"
    ),
    "Artifact": (
        "archive:ArchiveStrategy archiveLogs:bool artifactGC:any artifactory:any azure:any deleted:bool from:str "
        "fromExpression:str gcs:any git:any globalName:str hdfs:any http:any mode:int name:str optional:bool oss:any "
        "path:str plugin:any raw:any recurseMode:bool s3:any subPath:str"
    ),
    "ArchiveStrategy": "none:{any} tar:{any} zip:{any}",
    "WorkflowStep": _CALL,
    "DAGTemplate": "failFast:bool target:str tasks:[DAGTask]",
    "DAGTask": f"{_CALL} dependencies:[str] depends:str",
    "TemplateRef": "clusterScope:bool name:str runtimeResolution:bool template:str",
    "LifecycleHook": "arguments:Arguments expression:str template:str templateRef:TemplateRef",
    "ContinueOn": "error:bool failed:bool",
    "Sequence": "count:int-str end:int-str format:str start:int-str",
    "Container": _CONTAINER,
    "ScriptTemplate": f"{_CONTAINER} source:str",
    "UserContainer": f"{_CONTAINER} mirrorVolumeMounts:bool",
    "ContainerNode": f"{_CONTAINER} dependencies:[str]",
    "ContainerSetTemplate": "containers:[ContainerNode] retryStrategy:any volumeMounts:[VolumeMount]",
    "EnvVar": "name:str value:str valueFrom:EnvVarSource",
    "EnvVarSource": (
        "configMapKeyRef:ConfigMapKeySelector fieldRef:any fileKeyRef:any resourceFieldRef:any "
        "secretKeyRef:SecretKeySelector"
    ),
    "SecretKeySelector": "key:str name:str optional:bool",
    "ConfigMapKeySelector": "key:str name:str optional:bool",
    "VolumeMount": (
        "mountPath:str mountPropagation:str name:str readOnly:bool recursiveReadOnly:str subPath:str subPathExpr:str"
    ),
    "ContainerPort": "containerPort:int hostIP:str hostPort:int name:str protocol:str",
    "ResourceRequirements": "claims:[any] limits:{quantity} requests:{quantity}",
    "Metadata": "annotations:{str} labels:{str}",
    "LocalObjectReference": "name:str",
    "RetryStrategy": "affinity:any backoff:Backoff expression:str limit:int-str retryPolicy:str",
    "Backoff": "cap:str duration:str factor:int-str maxDuration:str",
    "SuspendTemplate": "duration:str",
    "ResourceTemplate": (
        "action:str failureCondition:str flags:[str] manifest:str manifestFrom:any mergeStrategy:str "
        "setOwnerReference:bool successCondition:str"
    ),
    # Besides those of Argo: what AI Core hands to KServe, InferenceService version v1beta1, as far as it is used.
    "InferenceServiceSpec": "explainer:any predictor:Predictor transformer:any",
    "Predictor": (
        "activeDeadlineSeconds:int affinity:any annotations:{str} automountServiceAccountToken:bool batcher:any "
        "canaryTrafficPercent:int containerConcurrency:int containers:[Container] deploymentStrategy:any "
        "dnsConfig:any dnsPolicy:str enableServiceLinks:bool hostAliases:[any] hostIPC:bool hostNetwork:bool "
        "hostPID:bool hostname:str huggingface:any imagePullSecrets:[LocalObjectReference] initContainers:[Container] "
        "labels:{str} lightgbm:any logger:any maxReplicas:int minReplicas:int model:any nodeName:str "
        "nodeSelector:{str} onnx:any paddle:any pmml:any preemptionPolicy:str priority:int priorityClassName:str "
        "pytorch:any resourceClaims:[any] restartPolicy:str runtimeClassName:str scaleMetric:str scaleMetricType:str "
        "scaleTarget:int schedulerName:str securityContext:any serviceAccount:str serviceAccountName:str "
        "shareProcessNamespace:bool sklearn:any subdomain:str tensorflow:any terminationGracePeriodSeconds:int "
        "timeout:int tolerations:[any] topologySpreadConstraints:[any] triton:any volumes:[any] workerSpec:any "
        "xgboost:any autoScaling:any custom:any"
    ),
}

# What hera's models leave out although one version of Argo or another has it, and where they are stricter than Argo.
_ALSO: Final[Mapping[str, str]] = {
    "Synchronization": "mutex:any semaphore:any",
    "Cache": "configMap:LocalObjectReference",  # hera 6 takes it for a reference to a key
    "Parameter": "default:any-str description:any-str enum:[any-str] value:any-str",
    "ValueFrom": "default:any-str",
    "ArchiveStrategy": "none:{any} tar:{any} zip:{any}",
    "Histogram": "buckets:[any]",
    "HTTPHeader": "name:str value:str valueFrom:any",  # two models have this name, Argo's and Kubernetes' own
    "HTTPGetAction": "port:int-str",
    "TCPSocketAction": "port:int-str",
}
_FROM_CORE: Final = (
    "WorkflowSpec",
    "CronWorkflowSpec",
    "Template",
    "TemplateRef",
    "EnvVarSource",
    "Artifact",
    "Container",
    "ScriptTemplate",
    "UserContainer",
    "ContainerNode",
)
_ROOTS: Final = ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow")


def _keys(written: str) -> dict[str, str]:
    return dict(word.split(":", 1) for word in written.split())


@cache
def core_shapes() -> ObjectShapes:
    """Return the objects that every template consists of."""
    return {name: _keys(written) for name, written in _CORE.items()}


@cache
def hera_shapes() -> ObjectShapes | None:
    """Return all objects that hera's models know, None where hera is not installed or its models are not read."""
    if find_spec("hera") is None:
        return None
    file = _cache_file()
    if file is not None:
        with contextlib.suppress(OSError, ValueError):
            shapes = json.loads(file.read_bytes())
            if _is_plausible(shapes):
                return _completed(shapes)
    try:
        shapes = _derived()
    except Exception:  # whatever a future hera does when its models are read: the small part remains
        return None
    if not _is_plausible(shapes):
        return None
    if file is not None:
        _keep(file, shapes)
    return _completed(shapes)


def has_all_types() -> bool:
    """Return whether hera is there to know all of Argo's types; it is not imported for that."""
    return find_spec("hera") is not None


def _is_plausible(shapes: object) -> bool:
    return isinstance(shapes, dict) and all(
        isinstance(shapes.get(name), dict) and shapes[name] for name in ("WorkflowSpec", "Template", "Container")
    )


def _completed(shapes: ObjectShapes) -> ObjectShapes:
    core = core_shapes()
    completed = {**{name: core[name] for name in ("InferenceServiceSpec", "Predictor")}, **shapes}
    for name in _FROM_CORE:
        completed[name] = {**core[name], **shapes.get(name, {})}
    for name, also in _ALSO.items():
        completed[name] = {**completed.get(name, {}), **_keys(also)}
    for name in _ROOTS:
        completed[name] = {**shapes.get(name, {}), **_keys(_OBJECT)}
    return completed


# --- from hera's models ---------------------------------------------------------------------------------------


def _derived() -> ObjectShapes:
    """Read the models that a template can reach; this imports hera."""
    models: Any = import_module("hera.workflows.models")

    shapes: ObjectShapes = {}
    pending: list[Any] = [getattr(models, name) for name in _ROOTS]
    while pending:
        model = pending.pop()
        if model.__name__ in shapes:
            continue
        shape = shapes[model.__name__] = {}
        for name, field in model.model_fields.items():
            shape[field.alias or name] = _shape(field.annotation, pending)
    return shapes


_SHAPE_OF: Final[Mapping[Any, str]] = {str: "str", int: "int", bool: "bool", float: "float"}
_SHAPE_OF_ROOT_MODEL: Final = {"IntOrString": "int-str", "Quantity": "quantity", "Time": "str", "MicroTime": "str"}


def _shape(annotation: Any, pending: list[Any]) -> str:
    pydantic: Any = import_module("pydantic")

    origin = get_origin(annotation)
    arguments = get_args(annotation)
    if origin is Annotated:
        return "str" if arguments[0] is bytes else _shape(arguments[0], pending)
    if origin is Union or (origin is not None and getattr(origin, "__name__", "") == "UnionType"):
        kinds = [argument for argument in arguments if argument is not type(None)]
        return _shape(kinds[0], pending) if len(kinds) == 1 else "any"
    if origin in (list, tuple, set):
        return f"[{_shape(arguments[0], pending)}]"
    if origin is dict:
        return f"{{{_shape(arguments[1], pending)}}}"
    if not isinstance(annotation, type):
        return "any"
    if annotation in _SHAPE_OF:
        return _SHAPE_OF[annotation]
    if issubclass(annotation, Enum):
        return "str"
    if issubclass(annotation, pydantic.RootModel):
        if annotation.__name__ == "ParallelSteps":
            root: Any = annotation
            return _shape(root.model_fields["root"].annotation, pending)
        return _SHAPE_OF_ROOT_MODEL.get(annotation.__name__, "any")
    if issubclass(annotation, pydantic.BaseModel):
        pending.append(annotation)
        return annotation.__name__
    return "any"


# --- the cache ------------------------------------------------------------------------------------------------


def _version(package: str) -> str | None:
    """Return name and version of an installed package, as its folder of metadata is called."""
    # `importlib.metadata` would tell it in twenty milliseconds, most of them for a parser of mails.
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    folder = next(Path(spec.origin).parent.parent.glob(f"{package}-*.dist-info"), None)
    return folder.name.removesuffix(".dist-info") if folder is not None else None


def _own_version() -> str:
    """Return what tells this derivation from that of another version of ours, which may read the same hera otherwise.

    A checkout has no version of its own: there it is the text of this module.
    """
    return _version("pytest_aicore") or f"pytest_aicore-{crc32(Path(__file__).read_bytes()):08x}"


def _cache_file() -> Path | None:
    """Return the cache file for the shapes of the installed hera, None if no folder is usable."""
    hera, pydantic = _version("hera"), _version("pydantic")
    if hera is None or pydantic is None:
        return None
    folder = cache_folder()
    return folder / f"argo-types-{_own_version()}-{hera}-{pydantic}.json" if folder else None


def _keep(file: Path, shapes: ObjectShapes) -> None:
    import tempfile  # not needed once there is a cache

    # Another process may do the same at the same time: whoever comes last replaces a whole file by the same file.
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, delete=False) as kept:
            json.dump(shapes, kept, separators=(",", ":"), sort_keys=True)
        Path(kept.name).replace(file)
