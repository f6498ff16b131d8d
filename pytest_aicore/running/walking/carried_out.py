"""What of a workflow is carried out on this machine. Everything else is refused before anything starts.

One declaration: `SPEC` is the shape of a specification, and a key that is not in it is refused.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeAlias

from pytest_aicore.running.walking.locations import LOCATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kept(Enum):
    """What becomes of a field."""

    CARRIED_OUT = "carried out"
    WITHOUT_EFFECT = "without effect here"


Shape: TypeAlias = "Mapping[str, Shape] | list[Shape] | Kept"
"""The keys of a map with their shapes, the shape of a list's items, or what becomes of whatever is there."""


ANY_NAME: Final = "*"
"""Stands for all names of a map whose names users choose."""


def _keys(*names: str) -> dict[str, Shape]:
    return dict.fromkeys(names, Kept.CARRIED_OUT)


_WORDS: Final[Shape] = [Kept.CARRIED_OUT]
"""A list of single values."""


def _ignored(*names: str) -> dict[str, Shape]:
    return dict.fromkeys(names, Kept.WITHOUT_EFFECT)


_ARCHIVE: Final[Shape] = _keys("none", "zip", "tar")
_ARTIFACT: Final[dict[str, Shape]] = {
    **_keys("name", "path", "mode", "recurseMode", "optional", *LOCATIONS),
    **_ignored("description"),
    "archive": _ARCHIVE,
    "raw": _keys("data"),
}
_KEY_OF: Final[Shape] = _keys("name", "key", "optional")
_PARAMETER: Final[dict[str, Shape]] = _keys("name", "value", "default", "enum") | _ignored("description")
_FROM_CONFIG_MAP: Final[dict[str, Shape]] = {"valueFrom": {**_keys("default"), "configMapKeyRef": _KEY_OF}}
_ARTIFACTS: Final[Shape] = [_ARTIFACT | _keys("from", "fromExpression", "subPath")]
_ARGUMENTS: Final[Shape] = {"parameters": [_PARAMETER], "artifacts": _ARTIFACTS}
_OUTPUTS: Final[Shape] = {
    "parameters": [
        {
            **_keys("name", "value", "globalName"),
            **_ignored("description"),
            "valueFrom": _keys("path", "parameter", "expression", "default"),
        }
    ],
    "artifacts": [
        {
            **_keys("name", "path", "optional", "globalName", "from", "fromExpression", "subPath", *LOCATIONS),
            **_ignored("archiveLogs", "artifactGC", "description", "mode"),
            "archive": _ARCHIVE,
        }
    ],
}
_MOUNTS: Final[Shape] = [_keys("name", "mountPath", "subPath") | _ignored("readOnly")]
_CONTAINER: Final[dict[str, Shape]] = {
    **_keys("name", "image", "workingDir"),
    "command": _WORDS,
    "args": _WORDS,
    **_ignored("imagePullPolicy", "ports", "resources", "securityContext"),
    "env": [{**_keys("name", "value"), "valueFrom": {"secretKeyRef": _KEY_OF, "configMapKeyRef": _KEY_OF}}],
    "envFrom": [{**_keys("prefix"), "secretRef": _keys("name", "optional"), "configMapRef": _keys("name", "optional")}],
    "volumeMounts": _MOUNTS,
}
_VOLUMES: Final[Shape] = [
    {
        **_keys("name", "emptyDir"),
        "configMap": {**_keys("name", "defaultMode", "optional"), "items": [_keys("key", "path")]},
        "secret": {**_keys("secretName", "defaultMode", "optional"), "items": [_keys("key", "path")]},
    }
]
_RETRY: Final[Shape] = {
    **_keys("limit", "retryPolicy", "expression"),
    **_ignored("affinity"),
    "backoff": _keys("duration", "factor", "maxDuration", "cap"),
}
_REFERENCE: Final[Shape] = _keys("name", "template", "clusterScope")
_HOOKS: Final[Shape] = {
    ANY_NAME: {**_keys("template", "expression"), "templateRef": _REFERENCE, "arguments": _ARGUMENTS}
}
_CALL: Final[dict[str, Shape]] = {
    **_keys("name", "template", "inline", "when", "withItems", "withParam"),
    "templateRef": _REFERENCE,
    "arguments": _ARGUMENTS,
    "withSequence": _keys("start", "end", "count", "format"),
    "continueOn": _keys("failed", "error"),
    "onExit": Kept.CARRIED_OUT,
    "hooks": _HOOKS,
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
_MUTEX: Final[Shape] = _keys("name") | _ignored("namespace")
TEMPLATE: Final[Shape] = {
    **_FOR_THE_CLUSTER,
    **_keys("name", "activeDeadlineSeconds", "timeout", "parallelism", "failFast"),
    **_ignored("annotations", "archiveLocation", "metadata"),
    "memoize": {**_keys("key", "maxAge"), "cache": {"configMap": _keys("name", "key")}},
    "suspend": _keys("duration"),
    "inputs": {
        "parameters": [{**_keys("name", "value", "default"), **_ignored("description", "enum"), **_FROM_CONFIG_MAP}],
        "artifacts": [_ARTIFACT],
    },
    "outputs": _OUTPUTS,
    "container": _CONTAINER,
    "script": _CONTAINER | _keys("source"),
    "containerSet": {
        "containers": [_CONTAINER | {"dependencies": _WORDS}],
        "volumeMounts": _MOUNTS,
    },
    "steps": [[_CALL]],
    "dag": {
        **_keys("target"),
        **_ignored("failFast"),
        "tasks": [{**_CALL, **_keys("depends"), "dependencies": _WORDS}],
    },
    "retryStrategy": _RETRY,
    "synchronization": {
        "mutex": _MUTEX,
        "mutexes": [_MUTEX],
        "semaphore": {"configMapKeyRef": _KEY_OF, **_ignored("namespace")},
        "semaphores": [{"configMapKeyRef": _KEY_OF, **_ignored("namespace")}],
    },
    "volumes": _VOLUMES,
}
"""What is carried out of a template."""
_DEFAULTS: Final[Shape] = {
    **_FOR_THE_CLUSTER,
    **_keys("activeDeadlineSeconds", "timeout"),
    **_ignored("metadata"),
    "retryStrategy": _RETRY,
    "container": _CONTAINER,
    "script": _CONTAINER | _keys("source"),
}
SPEC: Final[Shape] = {
    **_FOR_THE_CLUSTER,
    **_keys("entrypoint", "activeDeadlineSeconds", "parallelism", "onExit", "templates"),
    "arguments": {"parameters": [_PARAMETER | _FROM_CONFIG_MAP], "artifacts": _ARTIFACTS},
    "hooks": _HOOKS,
    "retryStrategy": _RETRY,
    "templateDefaults": _DEFAULTS,
    "volumes": _VOLUMES,
    "volumeClaimTemplates": [
        {
            "metadata": _keys("name") | _ignored("annotations", "labels"),
            **_ignored("apiVersion", "kind", "spec", "status"),
        }
    ],
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
_NAME_OF_HEADER: Final[Shape] = [_keys("name", "value")]
_PROBE: Final[Shape] = {
    **_keys("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold"),
    **_ignored("terminationGracePeriodSeconds"),
    "httpGet": {**_keys("path", "port"), **_ignored("scheme"), "httpHeaders": _NAME_OF_HEADER},
    "tcpSocket": _keys("port"),
    "exec": {"command": _WORDS},
}
SERVICE: Final[Shape] = {
    "predictor": {
        **_keys("timeout"),
        **_FOR_THE_CLUSTER,
        **_ignored(
            "annotations",
            "canaryTrafficPercent",
            "containerConcurrency",
            "dnsConfig",
            "dnsPolicy",
            "imagePullSecrets",
            "labels",
            "maxReplicas",
            "minReplicas",
            "runtimeClassName",
            "scaleMetric",
            "scaleTarget",
            "terminationGracePeriodSeconds",
            "topologySpreadConstraints",
        ),
        "containers": [
            {
                **_CONTAINER,
                **_ignored("name", "terminationMessagePath", "terminationMessagePolicy"),
                "ports": [_keys("containerPort") | _ignored("name", "protocol")],
                "readinessProbe": _PROBE,
                "livenessProbe": _PROBE,
                "startupProbe": _PROBE,
            }
        ],
        "volumes": _VOLUMES,
    }
}
"""What is carried out of the specification that a ServingTemplate holds, KServe's InferenceService."""
LETTERS: Final = "aAbBdHIjmMpSwyYZ"
"""What may follow `workflow.creationTimestamp.`, as strftime knows it (argo-workflows, util/strftime)."""
TAGS: Final = re.compile(
    rf"workflow\.creationTimestamp\.[{LETTERS}]|"
    r"workflow\.(name|namespace|serviceAccountName|priority|(labels|annotations)\.[\w./-]+"
    r"|uid|creationTimestamp|creationTimestamp\.RFC3339|creationTimestamp\.s|status|failures|duration|parameters|parameters\.json|parameters\.[\w-]+|mainEntrypoint"
    r"|outputs\.(parameters|artifacts)\.[\w-]+)"
    r"|inputs\.(parameters|parameters\.[\w-]+|artifacts\.[\w-]+(\.path)?)"
    r"|outputs\.(parameters|artifacts)\.[\w-]+\.path"
    r"|(steps|tasks)\.name|(steps|tasks)\.[\w-]+\.(id|status|startedAt|finishedAt|exitCode"
    r"|outputs\.result|outputs\.parameters|outputs\.(parameters|artifacts)\.[\w-]+)"
    r"|item(\..+)?|pod\.name|node\.name|retries|lastRetry\.(exitCode|status|duration|message)"
)
"""The tags whose meaning is known here."""
ROOTS: Final = frozenset(
    {"workflow", "inputs", "outputs", "steps", "tasks", "item", "pod", "node", "retries", "lastRetry"}
)
"""What the names in expressions begin with."""
TAGS_OF_ARGO: Final = re.compile(r"(workflow|inputs|outputs|steps|tasks|item|pod|node|lastRetry)\b.*")
"""The tags that Argo replaces; all others stay as they are."""


__all__ = ["ANY_NAME", "LETTERS", "ROOTS", "SPEC", "TAGS", "TAGS_OF_ARGO", "TEMPLATE", "Kept", "Shape"]
