"""Argo's types: whether each key exists, and whether its value has the right type."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_aicore.placeholders import to_fill_in
from pytest_aicore.workflows.argo.variables import left_over
from pytest_aicore.workflows.checks.argo import remedies
from pytest_aicore.workflows.checks.argo.references.foreign import report_left
from pytest_aicore.workflows.checks.argo.shapes import core_shapes, hera_shapes
from pytest_aicore.workflows.checks.findings import MOST_OF_ONE_RULE, Finding
from pytest_aicore.workflows.checks.rule import Rule, Severity
from pytest_aicore.workflows.checks.subject import REPLACED
from pytest_aicore.workflows.checks.words import hint_for, nearest
from pytest_aicore.workflows.yaml.places import Place
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode, is_given, list_at, map_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.workflows.checks.argo.shapes import ObjectShapes
    from pytest_aicore.workflows.checks.report import Report
    from pytest_aicore.workflows.checks.subject import Subject
    from pytest_aicore.workflows.yaml.tree import Node

TYPES_OFF: Final = Rule(
    "AIC200",
    "types-off",
    Severity.HINT,
    "argo",
    "hera is not installed, so only a part of Argo's types is checked",
    "The types that every template consists of are always checked. For the rest (volumes, probes, artifact stores, "
    "schedules ...) the checks need hera's models of Argo's types: `pip install 'pytest-aicore[argo]'`.",
    "# without hera: a wrong key in `affinity:` is not found",
    "# with hera: it is reported",
)
UNKNOWN_KEY: Final = Rule(
    "AIC201",
    "unknown-key",
    Severity.WARNING,
    "argo",
    "A key is unknown to Argo",
    "Kubernetes keeps unknown keys, and Argo silently ignores them: everything below such a key has no effect. A typo "
    "of a known key is an error, any other unknown key a warning.",
    "container:\n  image: docker.io/example/churn:1\n  comand: [/bin/sh, -c]\n  args: [python train.py]",
    "container:\n  image: docker.io/example/churn:1\n  command: [/bin/sh, -c]\n  args: [python train.py]",
)
WRONG_TYPE: Final = Rule(
    "AIC202",
    "wrong-type",
    Severity.ERROR,
    "argo",
    "A value has the wrong type",
    "Argo is strict about types: it cannot read a template with a number as the value of an environment variable, or "
    "a string in place of a list. AI Core synchronises it nevertheless; its executions end DEAD without a log.",
    "container:\n  image: docker.io/example/churn:1\n  command: [/bin/sh, -c]\n  args: [python train.py]\n"
    "  env:\n    - name: DEPTH\n      value: 3",
    "container:\n  image: docker.io/example/churn:1\n  command: [/bin/sh, -c]\n  args: [python train.py]\n"
    '  env:\n    - name: DEPTH\n      value: "3"',
)
MISSING_KEY: Final = Rule(
    "AIC203",
    "missing-key",
    Severity.ERROR,
    "argo",
    "A name or another required key is missing",
    "Parameters, artifacts, environment variables, steps and templates are identified by their names; Argo refuses "
    "those without one.",
    "inputs:\n  artifacts:\n    - path: /app/data",
    "inputs:\n  artifacts:\n    - name: contracts\n      path: /app/data",
)
QUANTITY: Final = Rule(
    "AIC204",
    "quantity",
    Severity.ERROR,
    "argo",
    "An amount of memory, CPU or storage is invalid",
    "Kubernetes accepts the suffixes `k`, `M`, `G`, `T`, `Ki`, `Mi`, `Gi`, `Ti` and `m` (thousandths); with any other "
    "the pod is never created.",
    "container:\n  image: docker.io/example/churn:1\n  command: [/bin/sh, -c]\n  args: [python train.py]\n"
    "  resources:\n    limits:\n      memory: 4GB",
    "container:\n  image: docker.io/example/churn:1\n  command: [/bin/sh, -c]\n  args: [python train.py]\n"
    "  resources:\n    limits:\n      memory: 4Gi",
)
WRONG_WORD: Final = Rule(
    "AIC205",
    "wrong-word",
    Severity.ERROR,
    "argo",
    "A value is not one of the allowed words",
    "Some keys accept only certain words, with exact spelling; Kubernetes or Argo refuses any other.",
    "container:\n  image: docker.io/example/churn:1\n  command: [/bin/sh, -c]\n  args: [python train.py]\n"
    "  imagePullPolicy: always",
    "container:\n  image: docker.io/example/churn:1\n  command: [/bin/sh, -c]\n  args: [python train.py]\n"
    "  imagePullPolicy: Always",
)

MISPLACED_KEY: Final = Rule(
    "AIC235",
    "misplaced-key",
    Severity.ERROR,
    "argo",
    "A key is one level too high or too deep",
    "`parameters` and `artifacts` belong below `arguments`, `inputs` or `outputs`; `image` and `command` below "
    "`container`; `inputs`, `outputs` and `metadata` beside `container`, not in it. In the wrong place they are "
    "silently ignored.",
    "container:\n  image: docker.io/example/churn:1\n  command: [/bin/sh, -c]\n  args: [./train]\n"
    "  outputs:\n    artifacts:\n      - name: model\n        globalName: churn-model\n        path: /app/model",
    "container:\n  image: docker.io/example/churn:1\n  command: [/bin/sh, -c]\n  args: [./train]\n"
    "outputs:\n  artifacts:\n    - name: model\n      globalName: churn-model\n      path: /app/model",
)

_QUANTITY: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?")

# Real files have these keys, which Argo does not; they do no harm.
_TOLERATED: Final[Mapping[str, frozenset[str]]] = {
    "Parameter": frozenset({"type", "required", "labels", "displayName"}),
    "Artifact": frozenset({"description", "type", "kind", "default", "labels", "displayName"}),
    "Template": frozenset({"description"}),
}

# What Argo or Kubernetes requires, except for what rules of their own require.
_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "Parameter": ("name",),
    "Artifact": ("name",),
    "EnvVar": ("name",),
    "WorkflowStep": ("name",),
    "DAGTask": ("name",),
    "VolumeMount": ("name", "mountPath"),
    "ContainerNode": ("name",),
    "UserContainer": ("name",),
    "ContainerPort": ("containerPort",),
    "SecretKeySelector": ("key",),
    "ConfigMapKeySelector": ("key",),
    "Volume": ("name",),
    "GitArtifact": ("repo",),
    "RawArtifact": ("data",),
    "HTTPArtifact": ("url",),
    "HTTP": ("url",),
}

_LOCATIONS: Final = frozenset({"HTTPArtifact", "RawArtifact"})
"""Where an artifact that is optional may come from nowhere; of git's, Argo requires the repository of any."""

_WORDS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    **{
        (container, "imagePullPolicy"): ("Always", "IfNotPresent", "Never")
        for container in ("Container", "ScriptTemplate", "UserContainer", "ContainerNode")
    },
    ("RetryStrategy", "retryPolicy"): ("Always", "OnFailure", "OnError", "OnTransientError"),
    ("PodGC", "strategy"): (
        "OnPodCompletion",
        "OnPodSuccess",
        "OnWorkflowCompletion",
        "OnWorkflowSuccess",
        "OnPodNone",
    ),
    ("VolumeClaimGC", "strategy"): ("OnWorkflowCompletion", "OnWorkflowSuccess"),
    ("ArtifactGC", "strategy"): ("OnWorkflowCompletion", "OnWorkflowDeletion", "Never", ""),
    ("WorkflowLevelArtifactGC", "strategy"): ("OnWorkflowCompletion", "OnWorkflowDeletion", "Never", ""),
    ("CronWorkflowSpec", "concurrencyPolicy"): ("Allow", "Forbid", "Replace"),
    ("ContainerPort", "protocol"): ("TCP", "UDP", "SCTP"),
    ("ResourceTemplate", "action"): ("get", "create", "apply", "delete", "replace", "patch"),
}

_CONTAINERS: Final = ("Container", "ScriptTemplate")
_BESIDE_A_CONTAINER: Final = ("inputs", "outputs", "metadata", "sidecars", "volumes", "retryStrategy", "nodeSelector")
"""Keys that are often indented like those of the container although they belong beside it."""

_HARMLESS: Final = frozenset({"archive", "none"})
"""Keys that only change how an output is packed."""

_BELOW: Final = (
    (("WorkflowSpec", "WorkflowStep", "DAGTask"), ("parameters", "artifacts"), "arguments"),
    (("Template",), ("parameters", "artifacts"), "inputs"),
    (("Template",), ("image", "command", "args", "env", "resources", "volumeMounts", "imagePullPolicy"), "container"),
    (("Template",), ("labels",), "metadata"),
    (("Parameter",), ("path", "configMapKeyRef", "supplied", "event"), "valueFrom"),
    (("EnvVar",), remedies.SOURCES_OF_VARIABLES, "valueFrom"),
    (("EnvVarSource",), ("name", "key"), "secretKeyRef"),
)
"""Keys that are often put one level too high: the objects, the keys, and the key that is missing above them."""

_OTHER_WORDS: Final[Mapping[str, str]] = {
    "templateName": "template",
    "dependsOn": "dependencies",
    "depends_on": "dependencies",
    "cmd": "command",
    "arg": "args",
    "arguments": "args",
    "environment": "env",
    "envs": "env",
    "if": "when",
    "condition": "when",
    "file": "path",
    "filename": "path",
    "mountPath": "path",
    "code": "source",
}
"""Words of other tools for keys of Argo; used where the word is unknown, and the key is known and not given."""

_OTHER_WORDS_OF: Final[Mapping[tuple[str, str], str]] = {
    ("Artifact", "value"): "from",
    ("ContainerPort", "port"): "containerPort",
    ("DAGTemplate", "steps"): "tasks",
    ("EnvVarSource", "secretRef"): "secretKeyRef",
    ("EnvVarSource", "configMapRef"): "configMapKeyRef",
    ("ServingSpec", "arguments"): "inputs",
}
"""Words that are keys of other objects, and are mistaken for keys of these."""

_NAMED: Final = frozenset({"Parameter", "ServingParameter", "Artifact", "ServingArtifact", "LocalObjectReference"})
"""Objects that are often written as a bare name where a map with a `name` is expected."""

_WORDS_OF_SHAPE: Final = {
    "str": "a string",
    "any-str": "a string",
    "int": "a whole number",
    "int-str": "a whole number or a string",
    "float": "a number",
    "bool": "true or false",
    "quantity": "an amount",
}
_WORDS_OF_KIND: Final = {
    "string": "a string",
    "integer": "a number",
    "float": "a number",
    "boolean": "a boolean",
    "null": "nothing",
}


class Shape(NamedTuple):
    """A parsed shape: `kind` is list, map, object, or the word of a scalar; `inner` is the word of its items."""

    kind: str
    inner: str


@lru_cache(maxsize=2048)
def _shape(written: str) -> Shape:
    if written.startswith("["):
        return Shape("list", written[1:-1])
    if written.startswith("{"):
        return Shape("map", written[1:-1])
    if written in _WORDS_OF_SHAPE or written == "any":
        return Shape(written, "")
    return Shape("object", written)


class StructureCheck:
    """Compares a tree with shapes.

    Attributes:
        wrong: the nodes that have the wrong type: their content is not checked further.
    """

    def __init__(self, report: Report, shapes: ObjectShapes, *, consequence: str, owner: str = "Argo") -> None:
        """Begin.

        Args:
            report: where findings go.
            shapes: the objects by name.
            consequence: what happens where a type is wrong, a sentence.
            owner: whose objects these are.
        """
        self._report = report
        self._owner = owner
        self._shapes = shapes
        self._consequence = consequence
        self.wrong: set[Node] = set()
        self._last: Node | None = None
        self._made: set[Node] = set()
        self._late: defaultdict[Node, list[tuple[str, ScalarNode, Node]]] = defaultdict(list)
        self._around: list[tuple[MappingNode, str, str]] = []

    def check(self, node: Node, written: str, key: ScalarNode | None = None, parent: MappingNode | None = None) -> None:
        """Report what in a node does not fit a shape.

        Args:
            node: the value.
            written: the shape.
            key: the key it stands at.
            parent: the map that has the key.
        """
        shape = _shape(written)
        if shape.kind == "any":
            return
        if type(node) is ScalarNode:
            kind = node.kind
            if kind == "null":
                return
            if shape.kind in ("list", "map", "object") or not self._fits(node, kind, shape.kind):
                remedy = ""
                if key is not None and key.text == "command" and written == "[str]" and kind == "string":
                    remedy = remedies.of_command(node.text, has_args=parent is not None and is_given(parent, "args"))
                self._wrong(node, key, written, shape, _WORDS_OF_KIND[kind], remedy=remedy)
        elif type(node) is SequenceNode:
            if shape.kind != "list":
                self._list_for(node, written, shape, key, parent)
                return
            if shape.inner == "[WorkflowStep]":
                self._groups(node)
            self._bare_names(node, shape.inner)
            told: set[type[Node]] = set()
            for item in node.items:
                # Of several items of one wrong type only the first is reported.
                if type(item) not in told:
                    self.check(item, shape.inner, None, parent)
                    if self._last is item:
                        told.add(type(item))
                else:
                    self.wrong.add(item)
        elif type(node) is MappingNode:
            if shape.kind == "object":
                self._object(node, shape.inner, parent)
            elif shape.kind == "map":
                for name in [name for name, value in node.values.items() if type(value) is not ScalarNode]:
                    if name in node.values:  # else it was moved together with one before it
                        self._from_too_deep(node, name, {}, "labels" if key is None else key.text)
                for name, value in node.values.items():
                    self.check(value, shape.inner, node.keys[name])
            else:
                self._wrong(node, key, written, shape, "a map", remedy=self._remedy_of_map(node, key, shape))

    def _remedy_of_map(self, node: MappingNode, key: ScalarNode | None, shape: Shape) -> str:
        if shape.kind == "list":
            known = self._shapes.get(shape.inner.strip("[]"), {})
            return remedies.of_map_for_list(node, shape.inner, known)
        is_source = any(source in node.values for source in remedies.SOURCES_OF_VARIABLES)
        if is_source and key is not None and key.text == "value" and shape.kind == "str":
            return "Write `valueFrom:` instead of `value:`."
        return ""

    def _list_for(
        self, node: SequenceNode, written: str, shape: Shape, key: ScalarNode | None, parent: MappingNode | None
    ) -> None:
        """Report a list in place of something else, and move it to where it was meant if that is certain."""
        between = self._key_between(node, shape.inner)
        if key is not None and parent is not None and between:
            remedy = f"Put `{between}:` on a line above its items, and indent them below it."
            self._wrong(node, key, written, shape, "a list", remedy=remedy)
            home = parent.values[key.text] = map_at(key)
            home.values[between], home.keys[between] = node, key
            self._object(home, shape.inner, parent)
        elif key is not None and parent is not None and key.text == "depends" and "dependencies" not in parent.values:
            remedy = "Write `dependencies`, which takes a list, or names with `&&` between them."
            self._wrong(node, key, written, shape, "a list", remedy=remedy)
            self._rename(parent, "depends", "dependencies")
        else:
            self._wrong(node, key, written, shape, "a list")

    def _key_between(self, node: SequenceNode, name: str) -> str:
        """Return the key of an object that a list was meant to stand at, where only the object's own is given."""
        if not node.items or any(type(item) is not MappingNode for item in node.items):
            return ""
        lists = [key for key, shape in self._shapes.get(name, {}).items() if shape.startswith("[")]
        if lists and set(lists) <= {"artifacts", "parameters"}:
            return "artifacts" if _is_artifact(node.items[0]) else "parameters"
        return lists[0] if len(lists) == 1 else ""

    @staticmethod
    def _rename(node: MappingNode, text: str, better: str) -> None:
        if better not in node.values:
            node.values[better], node.keys[better] = node.values.pop(text), node.keys.pop(text)

    def _bare_names(self, node: SequenceNode, written: str) -> None:
        """Report items that are bare names where maps with a `name` are expected, and make such maps of them."""
        if written not in _NAMED:
            return
        for index, item in enumerate(node.items):
            if type(item) is not ScalarNode or item.kind != "string":
                continue
            self._report.add(
                WRONG_TYPE,
                item,
                f"This item has to be a map, not a string. {self._consequence}",
                f"Write `{'{{name: {}}}' if node.flow else '- name: {}'}`.".format(
                    item.text if len(item.text) <= 40 else "..."
                ),
            )
            named = map_at(item)
            named.values["name"] = named.keys["name"] = item
            node.items[index] = named

    def _groups(self, node: SequenceNode) -> None:
        """Report the first step that is not in a group, and put each such step into one."""
        is_told = False
        for index, item in enumerate(node.items):
            if type(item) is not MappingNode:
                continue
            if not is_told:
                self._report.add(
                    WRONG_TYPE,
                    item,
                    f"Expected a list of steps that run in parallel, not a step. {self._consequence}",
                    "Write two dashes for the first step of each group (`- - name: ...`): steps are a list of lists.",
                )
            is_told = True
            node.items[index] = list_at(item, [item])

    def _fits(self, node: ScalarNode, kind: str, wanted: str) -> bool:
        if wanted == "any-str" or REPLACED in node.text:
            return True
        if wanted == "str":
            return kind == "string"
        if self._is_left(node):
            return True
        if wanted == "bool":
            return kind == "boolean"
        if wanted == "int":
            return kind == "integer" or (kind == "float" and _is_whole(node.text))
        if wanted == "int-str":
            return kind in ("integer", "string") or (kind == "float" and _is_whole(node.text))
        if wanted == "float":
            return kind in ("integer", "float")
        if wanted == "quantity":
            if kind == "boolean":
                return False
            if "{{" not in node.text:
                self._quantity(node)
        return True

    def _is_left(self, node: ScalarNode) -> bool:
        """Return whether a number or word is what somebody, or another tool than Argo, is to fill in; it is told."""
        if node.kind != "string":
            return False
        if left_over(node.text, wholly=True) is not None:
            return True  # wherever it stands, it has a finding
        left = to_fill_in(node.text)  # no number or word has such brackets
        if left is not None:
            report_left(self._report, node, left)
        return left is not None

    def _quantity(self, node: ScalarNode) -> None:
        if _QUANTITY.fullmatch(node.text.strip()):
            return
        text = node.text.replace(" ", "")
        suffix = re.search(r"(?<![A-Za-z])[A-Za-z]+$", text)
        near = {
            "gb": "Gi",
            "mb": "Mi",
            "kb": "Ki",
            "tb": "Ti",
            "gib": "Gi",
            "mib": "Mi",
            "g": "G",
            "gi": "Gi",
            "mi": "Mi",
        }
        better = near.get(suffix.group().lower()) if suffix else None
        amount = text[: suffix.start()] + better if suffix and better else ""
        self._report.add(
            QUANTITY,
            node,
            f"Invalid amount `{node.text}`; Kubernetes refuses the pod.",
            "Write a number with a suffix such as `m`, `M`, `G`, `Mi` or `Gi`.",
            hint=hint_for(amount) if _QUANTITY.fullmatch(amount) else None,
        )

    def _object(self, node: MappingNode, name: str, parent: MappingNode | None) -> None:
        known = self._shapes.get(name)
        if not known:  # an object that may hold anything, as far as is known
            return
        unknown = [text for text in node.values if text not in known]
        for text in unknown[:MOST_OF_ONE_RULE]:
            if (
                text in node.values
                and not self._from_outside(node, text, name, known)
                and not self._moved(node, text, name, parent)
            ):
                self._unknown(node.keys[text], name, known, node)
        if len(unknown) > MOST_OF_ONE_RULE:
            self._report.told[UNKNOWN_KEY.id, Severity.WARNING] += len(unknown) - MOST_OF_ONE_RULE
        if name in ("Inputs", "Outputs", "Arguments"):
            self._artifacts_among_parameters(node)
        for text, value in list(node.values.items()):
            shape = known.get(text)
            if shape is None:
                continue
            self._around.append((node, name, text))
            self.check(value, shape, node.keys[text], node)
            self._around.pop()
            words = _WORDS.get((name, text))
            if words is not None:
                self._word(value, text, words)
        for text, key, value in self._late.pop(node, ()):
            node.values[text], node.keys[text] = value, key
            self.check(value, known.get(text, "any"), key, node)
        for required in _REQUIRED.get(name, ()):
            given = node.values.get(required)
            if name in _LOCATIONS and parent is not None and parent.text("optional") == "true":
                continue
            if given is None:
                self._missing(node, required, name)
            elif type(given) is ScalarNode and given.kind in ("null", "string") and not given.text.strip():
                self._report.add(
                    MISSING_KEY,
                    node.keys[required],
                    f"The `{required}` of this {_words(name)} is empty. {self._consequence}",
                    "Give it a value.",
                )

    def _moved(self, node: MappingNode, text: str, name: str, parent: MappingNode | None) -> bool:
        """Report a key that is one level too high or too deep, and move it to where it was meant.

        Returns:
            whether it is such a key.
        """
        key, value = node.keys[text], node.values[text]
        below, family = next(((to, keys) for objects, keys, to in _BELOW if name in objects and text in keys), ("", ()))
        if below:
            home = opened(node, below) if below in node.values else None
            if home is None and below in node.values:
                return False
            if home is None or home not in self._made:
                others = [other for other in node.values if other in family and other != text]
                self._report.add(
                    MISPLACED_KEY,
                    key,
                    f"{_what(name, self._owner)} no key `{text}`: it is silently ignored.",
                    f"Put `{below}:` on a line above it, and indent {_listed_with(others)} below."
                    if home is None
                    else f"Move it below `{below}:`.",
                )
            if home is None:
                home = node.values[below] = map_at(key)
                node.keys[below] = key
                self._made.add(home)
            if text not in home.values:
                home.values[text] = node.values.pop(text)
                home.keys[text] = node.keys.pop(text)
            return True
        if name in _CONTAINERS and parent is not None and text in _BESIDE_A_CONTAINER and text not in parent.values:
            self._report.add(
                MISPLACED_KEY,
                key,
                f"{_what(name, self._owner)} no key `{text}`: it is silently ignored.",
                f"Indent `{text}:` like the `{'script' if name == 'ScriptTemplate' else 'container'}:` above it.",
            )
            node.values.pop(text)
            node.keys.pop(text)
            self._late[parent].append((text, key, value))
            return True
        return False

    def _from_outside(self, node: MappingNode, text: str, name: str, known: Mapping[str, str]) -> bool:
        """Report a key with the wrong indentation, and move it together with the keys that belong to it.

        Returns:
            whether it is such a key.
        """
        if node.flow or self._meant(node, text, name, known) is not None:
            return False
        if name == "EnvVarSource" and text in ("name", "key"):
            return False  # the key of a secret, not of what is around it
        return self._from_too_far_left(node, text, known) or self._from_too_deep(node, text, known, "")

    def _from_too_far_left(self, node: MappingNode, text: str, known: Mapping[str, str]) -> bool:
        """Move a key into the object right above it, if that object has such a key."""
        keys = list(node.values)
        above = next((key for key in reversed(keys[: keys.index(text)]) if key in known), None)
        shape = _shape(known[above]) if above is not None else None
        if above is None or shape is None or shape.kind not in ("object", "list"):
            return False
        is_list = shape.kind == "list"
        if text not in self._shapes.get(shape.inner, ()):
            return False
        home = _last_item(node.values[above]) if is_list else opened(node, above)
        if home is None or text in home.values or home.flow:
            return False
        self._report.add(
            MISPLACED_KEY,
            node.keys[text],
            f"`{text}` belongs in the {'last item of ' if is_list else ''}`{above}` above it; in its current place it "
            "is silently ignored.",
            "Indent it like the other keys of that item." if is_list else f"Indent it deeper than `{above}:`.",
            severity=Severity.WARNING if text in _HARMLESS else None,
        )
        for key in keys[keys.index(text) :]:
            if key not in known and key in self._shapes[shape.inner] and key not in home.values:
                self._made.add(node.values[key])
                home.values[key], home.keys[key] = node.values.pop(key), node.keys.pop(key)
        return True

    def _from_too_deep(self, node: MappingNode, text: str, known: Mapping[str, str], key: str) -> bool:
        """Move a key into an enclosing object that can have it and does not."""
        around = next(
            (
                (owner, name, inside)
                for owner, name, inside in reversed(self._around)
                if text in self._shapes[name] and text not in owner.values
            ),
            None,
        )
        if around is None or node.flow or node.keys[text].line == around[0].line:
            return False
        owner, name, inside = around
        if node not in self._made:  # else it stands there because what is around it slipped
            self._report.add(
                MISPLACED_KEY,
                node.keys[text],
                f"`{text}` does not belong below `{key or inside}`: there it is silently ignored.",
                f"Indent it like the `{inside}:` above it.",
            )
        shape = _shape(self._shapes[name][text])
        keys = list(node.values)
        value = opened(node, text) if shape.kind == "object" else None
        for other in keys[keys.index(text) + 1 :]:
            if other in known:
                continue
            if value is not None and other in self._shapes.get(shape.inner, ()) and other not in value.values:
                value.values[other], value.keys[other] = node.values.pop(other), node.keys.pop(other)
            elif other in self._shapes[name] and other not in owner.values:
                self._late[owner].append((other, node.keys.pop(other), node.values.pop(other)))
        self._late[owner].append((text, node.keys.pop(text), node.values.pop(text)))
        return True

    def _artifacts_among_parameters(self, node: MappingNode) -> None:
        """Report artifacts in a list of parameters, which happens when `artifacts:` is missing above them."""
        parameters = node.values.get("parameters")
        if type(parameters) is not SequenceNode or "artifacts" in node.values:
            return
        first = next((index for index, item in enumerate(parameters.items) if _is_artifact(item)), None)
        if first is None:
            return
        self._report.add(
            MISPLACED_KEY,
            parameters.items[first],
            f"This is an artifact in a list of parameters. {self._consequence}",
            "Put `artifacts:` on a line above it.",
        )
        artifacts = list_at(parameters.items[first], parameters.items[first:])
        artifacts.end_line, artifacts.end_column = parameters.end_line, parameters.end_column
        artifacts.flow = parameters.flow
        del parameters.items[first:]
        node.values["artifacts"] = artifacts
        node.keys["artifacts"] = node.keys["parameters"]

    def _missing(self, node: MappingNode, required: str, name: str) -> None:
        only = next(iter(node.values), "") if len(node.values) == 1 else ""
        self._report.add(
            MISSING_KEY,
            node,
            f"This {_words(name)} has no `{required}`. {self._consequence}",
            f"Write `- name: {only}`, and `value:` below it."
            if name == "EnvVar" and only and only not in self._shapes[name]
            else f"Add `{required}:`.",
        )

    def _unknown(self, key: ScalarNode, name: str, known: Mapping[str, str], node: MappingNode) -> None:
        if key.text in _TOLERATED.get(name, ()) or key.text.startswith("x-"):
            return
        if key.text in ("ai.sap.com/resourcePlan", "ai.sap.com/instanceType"):
            return  # where that belongs is known to the rules of AI Core
        near = self._meant(node, key.text, name, known)
        self._report.add(
            UNKNOWN_KEY,
            key,
            f"{_what(name, self._owner)} no key `{key.text}`: it is silently ignored."
            if near
            else f"{_what(name, self._owner)} no known key `{key.text}`: unless it is new in {self._owner}, it is "
            "silently ignored.",
            f"Write `{near}`." if near else "Remove it, or move it to where it belongs.",
            hint=hint_for(near),
            severity=Severity.ERROR if near else Severity.WARNING,
        )
        if near:
            # The other rules check the intended key, so that nothing that follows from a typo is reported.
            self._rename(node, key.text, near)

    def _meant(self, node: MappingNode, text: str, name: str, known: Mapping[str, str]) -> str | None:
        """Return the key that an unknown one was surely meant to be, None if that is not certain."""
        value = node.values[text]
        for word in (nearest(text, known), _OTHER_WORDS_OF.get((name, text)), _OTHER_WORDS.get(text)):
            if word is None or word not in known or word in node.values:
                continue
            if _can_be(value, _shape(known[word]).kind) and not (word == "from" and "{{" not in _text_of(value)):
                return word
        return None

    def _word(self, value: Node, key: str, words: tuple[str, ...]) -> None:
        if type(value) is not ScalarNode or value.kind != "string" or value.text in words:
            return
        if "{{" in value.text or REPLACED in value.text or self._is_left(value):
            return
        near = nearest(value.text, words)
        self._report.add(
            WRONG_WORD,
            value,
            f"Invalid value `{value.text}` of `{key}`. {self._consequence}",
            f"Write one of {', '.join(f'`{word}`' for word in words if word)}.",
            hint=hint_for(near),
        )

    def _wrong(
        self, node: Node, key: ScalarNode | None, written: str, shape: Shape, is_what: str, *, remedy: str = ""
    ) -> None:
        self.wrong.add(node)
        self._last = node
        what = f"`{key.text}`" if key is not None else "This item"
        self._report.add(
            WRONG_TYPE,
            node if key is None or type(node) is ScalarNode else key,
            f"{what} has to be {_wanted(shape)}, not {is_what}. {self._consequence}",
            remedy or _remedy(node, shape, written, in_list=key is None),
            severity=Severity.WARNING if written == "any-str" else None,
        )
        if type(node) is ScalarNode and shape.kind == "str":
            # A name such as `y` or `1` is reported, and remains the name that others refer to.
            node.style, node.tag = '"', None
            self.wrong.discard(node)


def _listed_with(others: list[str]) -> str:
    """Return `it`, and the keys beside it that have slipped together with it."""
    return " and ".join(["it", *(f"`{other}`" for other in others)])


def _is_artifact(node: Node) -> bool:
    return (
        type(node) is MappingNode
        and any(key in node.values for key in ("path", "archive", "from", "s3", "raw"))
        and not any(key in node.values for key in ("value", "valueFrom", "default", "enum"))
    )


def _can_be(value: Node, kind: str) -> bool:
    """Return whether a value can have a kind of shape; a single value always can."""
    if type(value) is SequenceNode:
        return kind in ("list", "any")
    return type(value) is not MappingNode or kind in ("object", "map", "list", "any")


def _text_of(value: Node) -> str:
    return value.text if type(value) is ScalarNode else ""


def _last_item(node: Node) -> MappingNode | None:
    item = node.items[-1] if type(node) is SequenceNode and node.items else None
    return item if type(item) is MappingNode else None


def opened(node: MappingNode, key: str) -> MappingNode | None:
    """Return the map at a key; null is replaced by an empty map."""
    value = node.values[key]
    if type(value) is ScalarNode and value.kind == "null":
        value = node.values[key] = map_at(node.keys[key])
    return value if type(value) is MappingNode else None


def _is_whole(text: str) -> bool:
    try:
        return float(text).is_integer()
    except (ValueError, OverflowError):
        return False


def _wanted(shape: Shape) -> str:
    if shape.kind == "list":
        inner = _shape(shape.inner)
        if inner.kind == "object":
            return "a list of maps"
        return "a list of lists" if inner.kind == "list" else "a list of strings" if inner.kind == "str" else "a list"
    if shape.kind in ("map", "object"):
        return "a map"
    return _WORDS_OF_SHAPE[shape.kind]


def _remedy(node: Node, shape: Shape, written: str, *, in_list: bool) -> str:
    if in_list and shape.kind == "str" and type(node) is MappingNode and not node.flow:
        if "name" in node.values:
            return (
                "If this is an environment variable, put `env:` on a line above it; else put the whole item in quotes."
            )
        return "Put the whole item in quotes: the colon and the space in it make a map of it."
    if type(node) is ScalarNode:
        text = node.text if len(node.text) <= 30 and "\n" not in node.text else "..."
        if shape.kind in ("str", "any-str"):
            return f'Put it in quotes: "{text}".' if text != "..." else "Put it in quotes."
        if shape.kind in ("int", "float", "int-str") and node.kind == "string":
            if "{{" in node.text:
                return "Write the number itself: Argo does not replace placeholders here."
            return f"Remove the quotes: {text}." if _is_whole(node.text) else "Write a number."
        if shape.kind == "bool":
            return "Write `true` or `false`, without quotes."
        if shape.kind == "list":
            if written == "[str]":
                return (
                    f'Write a list: ["{text}"].'
                    if text != "..." and '"' not in text
                    else "Put it in quotes, and in brackets: it has to be a list."
                )
            if shape.inner in _NAMED:
                return f"Write `- name: {text}` on a line of its own below it."
            if _shape(shape.inner).kind == "object" and not in_list:
                return "Write a list of maps: each begins on a line of its own with a dash and its first key."
            if in_list or _shape(shape.inner).kind == "list":
                return f"Write two dashes, `- - name: {text}`, and `template:` below it."
            return "Write a list: each item on a line of its own that begins with a dash."
        if shape.kind == "object" and shape.inner == "WorkflowStep":
            return f"Write a map: `- name: {text}` and `template:` below it."
        if shape.kind in ("object", "map"):
            variable = re.fullmatch(r"([A-Za-z_]\w*)[=:]\s*(.+)", text)
            if shape.inner == "EnvVar" and variable is not None:
                return f'Write `- name: {variable.group(1)}`, and `value: "{variable.group(2)}"` below it.'
            if re.match(r"[\w./-]+:[^/]", text):
                return "Put a space after the colon: without it the line is a string."
            if re.match(r"[\w./-]+=", text):
                return "Write a colon and a space instead of the equals sign: without them the line is a string."
            return (
                f"Write `{text}: {{}}` below it."
                if text in ("none", "tar", "zip")
                else "Write keys and values below it."
            )
        return "Write a whole number." if shape.kind in ("int", "int-str") else "Write an amount."
    if shape.kind in ("object", "map"):
        if type(node) is SequenceNode and node.flow:
            return "Write a map, keys and values, instead of the list."
        return "Remove the dashes: keys and values are expected, not a list."
    return "Write a single value; if it begins with `{` or `[`, put it in quotes."


_NAMES_OF_OBJECTS: Final = {
    "WorkflowSpec": "workflow specification",
    "CronWorkflowSpec": "cron workflow specification",
    "WorkflowStep": "step",
    "DAGTask": "dag task",
    "DAGTemplate": "dag",
    "EnvVar": "environment variable",
    "EnvVarSource": "source of an environment variable",
    "UserContainer": "sidecar or init container",
    "ContainerNode": "container of a container set",
    "ContainerSetTemplate": "container set",
    "ScriptTemplate": "script",
    "TemplateRef": "template reference",
    "LifecycleHook": "hook",
    "Metadata": "pod metadata",
    "LocalObjectReference": "pull secret",
    "SecretKeySelector": "reference to a secret's key",
    "ConfigMapKeySelector": "reference to a config map's key",
    "ResourceTemplate": "resource template",
    "SuspendTemplate": "suspend template",
    "InferenceServiceSpec": "inference service",
    "ServingSpec": "serving specification",
    "ServingInputs": "inputs",
    "ServingInner": "inner template",
    "ServingInnerMetadata": "inner metadata",
}


def _words(name: str) -> str:
    written = _NAMES_OF_OBJECTS.get(name)
    if written is None:
        written = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name).lower()
    return written


def types_off(path: str) -> Finding:
    """Return the hint that only a part of Argo's types is checked.

    Args:
        path: the first file that was checked.
    """
    return Finding(
        TYPES_OFF.id,
        TYPES_OFF.severity,
        Place(path, 1, 1),
        "Argo's types are checked only in part, because hera is not installed.",
        "Install it: pip install 'pytest-aicore[argo]'.",
    )


def _what(name: str, owner: str) -> str:
    """Return the beginning of a sentence about the keys of an object."""
    words = _words(name)
    if name in ("Inputs", "Outputs", "Arguments", "ServingInputs"):
        return f"The {words} of {owner} have"
    return f"{'An' if words[0] in 'aeiou' else 'A'} {words} of {owner} has"


def shapes_for(subject: Subject) -> ObjectShapes:
    """Return the shapes to check a document with: hera's if it is installed and wanted."""
    if subject.options.argo_types is not False:
        shapes = hera_shapes()
        if shapes is not None:
            return shapes
    return core_shapes()


def check(subject: Subject) -> None:
    """Report keys that don't exist and values of the wrong type in a workflow of Argo.

    Mistyped keys are corrected in the tree, and values of the wrong type are added to `subject.wrong`.

    Args:
        subject: the document.
    """
    check = StructureCheck(subject.report, shapes_for(subject), consequence=subject.fails)
    check.check(subject.root, subject.kind)
    subject.wrong = check.wrong
