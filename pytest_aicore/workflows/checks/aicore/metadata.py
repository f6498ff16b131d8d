"""What AI Core asks of a template's metadata, for both kinds alike."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_aicore.placeholders import to_fill_in
from pytest_aicore.workflows.checks.aicore.containers import check_to_fill_in
from pytest_aicore.workflows.checks.aicore.rules import (
    ANNOTATION,
    ANNOTATION_OF_NOTHING,
    API_VERSION,
    ARTIFACT_ANNOTATION,
    EXECUTABLE_ID,
    KIND,
    LABEL,
    MISPLACED,
    MISSPELT,
    NO_EXECUTABLE_NAME,
    NO_SCENARIO_ID,
    NO_SCENARIO_NAME,
    NO_VERSION,
    SCENARIO_ID,
    UNKNOWN_PLAN,
)
from pytest_aicore.workflows.checks.rule import Severity
from pytest_aicore.workflows.checks.subject import AICORE_KINDS, ARGO_KINDS, is_replaced
from pytest_aicore.workflows.checks.words import did_you_mean, nearest, told_near
from pytest_aicore.workflows.executable import (
    ARTIFACT_ANNOTATION_PREFIX,
    EXECUTABLE_DESCRIPTION_ANNOTATION,
    EXECUTABLE_NAME_ANNOTATION,
    SCENARIO_DESCRIPTION_ANNOTATION,
    SCENARIO_ID_LABEL,
    SCENARIO_NAME_ANNOTATION,
    VERSION_LABEL,
)
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pytest_aicore.workflows.checks.report import Report
    from pytest_aicore.workflows.checks.rule import Rule
    from pytest_aicore.workflows.checks.subject import Subject
    from pytest_aicore.workflows.yaml.tree import Node

PLAN_LABEL: Final = "ai.sap.com/resourcePlan"
INSTANCE_LABEL: Final = "ai.sap.com/instanceType"
EXECUTABLE_ID_LABEL: Final = "executables.ai.sap.com/id"

PLANS: Final = (
    "starter",
    "basic",
    "basic.8x",
    "train.l",
    "infer.s",
    "infer.m",
    "infer.l",
    "infer2.l",
    "infer2.4xl",
)
"""The resource plans that SAP documents, and two that real templates use."""

SMALL_PLANS: Final = frozenset({"starter", "basic"})

_API_VERSIONS: Final[Mapping[str, str]] = {
    "WorkflowTemplate": "argoproj.io/v1alpha1",
    "ServingTemplate": "ai.sap.com/v1alpha1",
}
_LABELS: Final = (SCENARIO_ID_LABEL, VERSION_LABEL, EXECUTABLE_ID_LABEL)
_ANNOTATIONS: Final = (
    SCENARIO_NAME_ANNOTATION,
    SCENARIO_DESCRIPTION_ANNOTATION,
    EXECUTABLE_NAME_ANNOTATION,
    EXECUTABLE_DESCRIPTION_ANNOTATION,
)
_METADATA_KEYS: Final = ("name", "generateName", "namespace", "labels", "annotations", "finalizers", "ownerReferences")

_OBJECT_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_LABEL_VALUE: Final = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_KEY_NAME: Final = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_SCENARIO_ID: Final = re.compile(r"[\w.-]{4,63}")

ARTIFACT_KINDS: Final = ("model", "dataset", "resultset", "other")
_ARTIFACT_FIELDS: Final = ("kind", "description", "labels", "name", "suffix")


class _Mandatory(NamedTuple):
    rule: Rule
    part: str
    key: str
    message: str
    remedy: str
    words: re.Pattern[str]


_MANDATORY: Final = (
    _Mandatory(
        NO_SCENARIO_ID,
        "labels",
        SCENARIO_ID_LABEL,
        "so its executable never appears in AI Core.",
        "Add it to `metadata.labels`.",
        re.compile(r"(?:.*sap.*/)?scenario(?:s|-?id)?|.*scenario.*/id"),
    ),
    _Mandatory(
        NO_VERSION,
        "labels",
        VERSION_LABEL,
        "so its executable never appears in AI Core.",
        'Add it to `metadata.labels`, in quotes: "1.0.0".',
        re.compile(r"(?:.*sap.*/)?version"),
    ),
    _Mandatory(
        NO_SCENARIO_NAME,
        "annotations",
        SCENARIO_NAME_ANNOTATION,
        "so AI Core does not discover the scenario.",
        "Add it to `metadata.annotations`.",
        re.compile(r".*scenario.*/name"),
    ),
    _Mandatory(
        NO_EXECUTABLE_NAME,
        "annotations",
        EXECUTABLE_NAME_ANNOTATION,
        "which SAP's service guide calls mandatory.",
        "Add it to `metadata.annotations`.",
        re.compile(r".*executable.*/name"),
    ),
)


def check_kind(subject: Subject) -> str | None:
    """Report a kind that is none of AI Core's although the document is meant for it.

    Returns:
        the kind that was meant, None where that is not to be known.
    """
    root = subject.root
    if subject.kind in AICORE_KINDS:
        return _other_kind(subject) or subject.kind
    if subject.kind in ARGO_KINDS:
        if SCENARIO_ID_LABEL not in subject.metadata.mapping("labels").values or subject.kind == "CronWorkflow":
            return subject.kind
        subject.report.add(
            KIND,
            root_node(subject),
            f"AI Core reads no kind `{subject.kind}`, so the template is not synchronised.",
            "Write `kind: WorkflowTemplate`.",
            hint="Did you mean 'WorkflowTemplate'?",
        )
        subject.is_aicore = True
        return "WorkflowTemplate"
    api_version = root.text("apiVersion") or ""
    meant = any(
        key.endswith("ai.sap.com/id") or key in (*_LABELS, *_ANNOTATIONS)
        for part in ("labels", "annotations")
        for key in subject.metadata.mapping(part).values
    )
    near = nearest(subject.kind, AICORE_KINDS) if subject.kind else None
    if not (meant or (near and api_version.startswith(("argoproj.io/", "ai.sap.com/")))):
        return None
    spec = root.mapping("spec")
    if near is None:
        near = (
            "ServingTemplate"
            if "template" in spec.values
            else "WorkflowTemplate"
            if "templates" in spec.values
            else None
        )
    subject.report.add(
        KIND,
        root_node(subject),
        f"AI Core reads no kind `{subject.kind}`, so the template is not synchronised."
        if subject.kind
        else "The template has no `kind`, so it is not synchronised.",
        "Write `kind: WorkflowTemplate` or `kind: ServingTemplate`.",
        hint=told_near(near) if near and subject.kind else None,
    )
    return near


def root_node(subject: Subject) -> Node:
    """Return the kind, or what stands nearest to where it should stand."""
    root = subject.root
    node = root.values.get("kind")
    return node if type(node) is ScalarNode else root.keys.get("kind") or root.keys.get("apiVersion") or root


def _other_kind(subject: Subject) -> str | None:
    """Report a kind that does not go with what the specification holds, and return the kind that does."""
    spec = subject.root.mapping("spec")
    is_serving = "template" in spec.values and not any(key in spec.values for key in ("templates", "entrypoint"))
    is_training = type(spec.values.get("templates")) is SequenceNode and "template" not in spec.values
    if subject.kind == "ServingTemplate" and is_training:
        other, has = "WorkflowTemplate", "`spec.templates`"
    elif subject.kind == "WorkflowTemplate" and is_serving and "inputs" in spec.values and subject.is_aicore:
        other, has = "ServingTemplate", "`spec.template`"
    else:
        return None
    subject.report.add(
        KIND,
        subject.root.values["kind"],
        f"A {subject.kind} has no {has}, so AI Core cannot make an executable of this one.",
        f"Write `kind: {other}` (and `apiVersion: {_API_VERSIONS[other]}`).",
    )
    return other


class MetadataCheck:
    """Checks labels, annotations and the name of a template of AI Core."""

    def __init__(self, subject: Subject) -> None:
        """Look at a document."""
        self._subject = subject
        self._report = subject.report
        self._add = subject.report.add
        self._metadata = subject.metadata
        self._parts = {part: subject.metadata.mapping(part) for part in ("labels", "annotations")}
        self._excused: set[str] = set()
        self._misplaced: set[str] = set()

    def check(self) -> None:
        """Report everything but what annotations say about artifacts."""
        self._api_version()
        self._name()
        self._keys()
        for part, mapping in self._parts.items():
            for key, value in mapping.values.items():
                self._key(part, mapping, key)
                if key not in self._misplaced:
                    self._value(part, mapping.keys[key], value)
        self._mandatory()

    def _api_version(self) -> None:
        root = self._subject.root
        wanted = _API_VERSIONS[self._subject.kind]
        node = root.values.get("apiVersion")
        written = root.text("apiVersion")
        if written == wanted:
            return
        self._add(
            API_VERSION,
            node if type(node) is ScalarNode and written is not None else root.keys.get("kind") or root,
            f"A {self._subject.kind} is not of apiVersion `{written}`, so it is not synchronised."
            if written
            else "The template has no apiVersion, so it is not synchronised.",
            f"Write `apiVersion: {wanted}`.",
        )

    def _name(self) -> None:
        metadata, root = self._metadata, self._subject.root
        name = metadata.text("name")
        if not name:
            if any(nearest(key, ["name"]) for key in metadata.values if key not in _METADATA_KEYS):
                return
            generated = metadata.keys.get("generateName")
            self._add(
                EXECUTABLE_ID,
                generated or metadata.keys.get("name") or root.keys.get("metadata") or root.keys.get("kind") or root,
                "The template has no `metadata.name`, which is the executable id, so it is not synchronised.",
                "Write `name:` instead of `generateName:`: the id has to stay the same."
                if generated is not None
                else "Give it one: lower-case letters, digits and hyphens, at most 64.",
            )
            return
        node = metadata.values["name"]
        if type(node) is not ScalarNode or check_to_fill_in(self._report, node, "the executable id"):
            return
        remedy = "Use lower-case letters, digits and hyphens, at most 64."
        if node.kind != "string":
            self._add(
                EXECUTABLE_ID,
                node,
                f"`{name}` is a {'number' if node.kind in ('integer', 'float') else 'boolean'} in YAML, and a name has "
                "to be a string; Kubernetes refuses the template.",
                f'Put it in quotes: "{name}".',
            )
        elif not _OBJECT_NAME.fullmatch(name):
            better = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")
            self._add(
                EXECUTABLE_ID,
                node,
                f"`{_short(name)}` cannot be an executable id; Kubernetes refuses the template.",
                remedy,
                hint=f"Did you mean {better!r}?" if better and len(better) <= 64 else None,
            )
        elif len(name) > 64:
            self._add(
                EXECUTABLE_ID,
                node,
                f"The executable id has {len(name)} characters, more than the 64 that AI Core allows.",
                remedy,
            )
        elif len(name) < 4:
            self._add(
                EXECUTABLE_ID,
                node,
                f"The executable id `{name}` has fewer than the 4 characters that the AI API wants of an id, so no "
                "configuration can name it.",
                remedy,
            )
        elif "." in name:
            self._add(
                EXECUTABLE_ID,
                node,
                f"The executable id `{name}` holds a dot; SAP's service guide only allows hyphens between the words.",
                remedy,
                severity=Severity.WARNING,
            )

    def _keys(self) -> None:
        metadata = self._metadata
        for key, node in metadata.keys.items():
            if key in _METADATA_KEYS:
                continue
            near = nearest(key, _METADATA_KEYS)
            if near is not None and near not in metadata.values:
                self._add(
                    MISSPELT,
                    node,
                    f"Metadata has no `{key}`: Kubernetes drops it, with all that stands below it.",
                    f"Write `{near}:`.",
                    hint=told_near(near),
                )
                self._excused.update(_LABELS if near == "labels" else _ANNOTATIONS if near == "annotations" else ())
        for part, mapping in self._parts.items():
            value = metadata.values.get(part)
            if value is not None and value is not mapping and not (type(value) is ScalarNode and value.kind == "null"):
                self._add(
                    LABEL if part == "labels" else ANNOTATION,
                    metadata.keys[part],
                    f"`{part}` has to be a map from keys to strings; Kubernetes refuses the template.",
                    "Write a key, a colon and a value on each line below it"
                    + (", without dashes." if type(value) is SequenceNode else "."),
                )
                self._excused.update(_LABELS if part == "labels" else _ANNOTATIONS)

    def _key(self, part: str, mapping: MappingNode, key: str) -> None:
        prefix, slash, name = key.rpartition("/")
        node = mapping.keys[key]
        if not _KEY_NAME.fullmatch(name) or (slash and (not prefix or "/" in prefix or " " in prefix)):
            if to_fill_in(key) is None:
                self._add(
                    LABEL if part == "labels" else ANNOTATION,
                    node,
                    f"`{_short(key)}` cannot be the key of {'a label' if part == 'labels' else 'an annotation'}; "
                    "Kubernetes refuses the template.",
                    "Write a domain, a slash and a name of letters, digits, hyphens, dots and underscores, at most 63.",
                )
            return
        if key in (PLAN_LABEL, INSTANCE_LABEL):
            serving = self._subject.kind == "ServingTemplate"
            self._add(
                MISPLACED,
                node,
                f"`{key}` has no effect here: it is a label of the pods.",
                "Move it into the block `spec.template.metadata.labels`."
                if serving
                else "Move it to `metadata.labels` of the item of `spec.templates` that runs the container.",
                severity=Severity.WARNING,
            )
            return
        known, others = (_LABELS, _ANNOTATIONS) if part == "labels" else (_ANNOTATIONS, _LABELS)
        if key in known:
            return
        if part == "labels" and key.startswith(ARTIFACT_ANNOTATION_PREFIX):
            others = (*others, key)
        if key in others:
            self._misplaced.add(key)
            wanted = "annotations" if part == "labels" else "labels"
            if key not in self._parts[wanted].values and key not in self._excused:
                self._excused.add(key)
                self._add(
                    MISPLACED,
                    node,
                    f"AI Core looks for `{key}` among the {wanted}, not here.",
                    f"Move it to `metadata.{wanted}`.",
                    severity=None if key in (item.key for item in _MANDATORY) else Severity.WARNING,
                )
            return
        near = nearest(key, (*known, *others)) or self._other_words(part, key)
        if near is None and part == "annotations" and nearest(f"{prefix}/", [ARTIFACT_ANNOTATION_PREFIX]):
            if not key.startswith(ARTIFACT_ANNOTATION_PREFIX):
                self._add(
                    MISSPELT,
                    node,
                    f"AI Core knows no `{key}`, so what it says is lost.",
                    f"Write `{ARTIFACT_ANNOTATION_PREFIX}{name}`.",
                    hint=told_near(ARTIFACT_ANNOTATION_PREFIX + name),
                    severity=Severity.WARNING,
                )
            return
        if near is None or (part == "labels" and key.startswith("scenarios.ai.sap.com/") and near not in known):
            return
        if near in self._parts["labels"].values or near in self._parts["annotations"].values:
            return
        self._excused.add(near)
        self._add(
            MISSPELT,
            node,
            f"AI Core knows no `{key}`, so what it says is lost.",
            f"Write `{near}`.",
            hint=told_near(near),
            severity=None if near in (item.key for item in _MANDATORY) else Severity.WARNING,
        )

    def _other_words(self, part: str, key: str) -> str | None:
        """Return the mandatory key that is missing, and that another one in other words must have been."""
        return next(
            (
                item.key
                for item in _MANDATORY
                if item.part == part and item.key not in self._parts[part].values and item.words.fullmatch(key.lower())
            ),
            None,
        )

    def _value(self, part: str, key: ScalarNode, value: Node) -> None:
        rule = LABEL if part == "labels" else ANNOTATION
        if type(value) is not ScalarNode:
            self._add(
                rule,
                key,
                f"`{key.text}` has to be a string, and this is a {'map' if type(value) is MappingNode else 'list'}; "
                "Kubernetes refuses the template.",
                "Write a single value"
                + (", or the text of a JSON object in quotes." if part == "annotations" else "."),
            )
            return
        if value.kind == "null":
            return
        if value.kind != "string":
            what = "a number" if value.kind in ("integer", "float") else "a boolean"
            self._add(
                rule,
                value,
                f"`{value.text}` is {what} in YAML, and {'labels' if part == 'labels' else 'annotations'} are strings; "
                "Kubernetes refuses the template.",
                f'Put it in quotes: "{value.text}".',
            )
            return
        if part == "annotations":
            check_to_fill_in(self._report, value, "the annotation", wholly=True)
            return
        if check_to_fill_in(self._report, value, "the label"):
            return
        if not _LABEL_VALUE.fullmatch(value.text):
            better = re.sub(r"[^A-Za-z0-9_.-]+", "-", value.text).strip("-_.")
            self._add(
                SCENARIO_ID if key.text == SCENARIO_ID_LABEL else LABEL,
                value,
                f"`{_short(value.text)}` cannot be the value of a label; Kubernetes refuses the template.",
                "Use letters, digits, hyphens, dots and underscores, at most 63, with a letter or digit at both ends.",
                hint=f"Did you mean {better!r}?" if better and len(better) <= 63 else None,
            )
        elif key.text == SCENARIO_ID_LABEL and value.text and not _SCENARIO_ID.fullmatch(value.text):
            self._add(
                SCENARIO_ID,
                value,
                f"The scenario id `{value.text}` has {len(value.text)} characters; the AI API only takes ids of 4 and "
                "more.",
                "Use 4 to 63 letters, digits, hyphens, dots and underscores.",
            )

    def _mandatory(self) -> None:
        root = self._subject.root
        for item in _MANDATORY:
            mapping = self._parts[item.part]
            if item.key in self._excused or (mapping.text(item.key) or "").strip():
                continue
            if item.key in mapping.values and type(mapping.values[item.key]) is not ScalarNode:
                continue
            word = "label" if item.part == "labels" else "annotation"
            is_empty = item.key in mapping.values
            self._add(
                item.rule,
                mapping.keys.get(item.key)
                or self._metadata.keys.get(item.part)
                or root.keys.get("metadata")
                or root.keys.get("kind")
                or root,
                f"The {word} `{item.key}` is {'empty' if is_empty else 'missing'}, {item.message}",
                item.remedy,
            )

    # --- what annotations say about artifacts -----------------------------------------------------------------

    def check_artifacts(
        self, names: Collection[str], internal: Mapping[str, str | None], *, has_lost: bool = False
    ) -> list[str]:
        """Report annotations about artifacts that don't exist, and those that AI Core does not understand.

        Args:
            names: the names of input artifacts, and the globalNames of outputs.
            internal: the names that outputs have inside of the workflow, with their globalNames.
            has_lost: whether outputs lack their globalName: what is annotated will be one of those.

        Returns:
            the names of artifacts that are annotated and that nothing has.
        """
        unmatched: dict[str, None] = {}
        told: set[str] = set()
        for key, node in self._parts["annotations"].keys.items():
            if not key.startswith(ARTIFACT_ANNOTATION_PREFIX):
                continue
            artifact, dot, field = key[len(ARTIFACT_ANNOTATION_PREFIX) :].rpartition(".")
            if to_fill_in(key) is not None:
                continue
            if not dot or field not in _ARTIFACT_FIELDS:
                self._field(node, artifact if dot else field, field if dot else "", names)
                continue
            value = self._parts["annotations"].values[key]
            if artifact not in names and artifact not in unmatched:
                if internal.get(artifact, "") is not None:
                    unmatched[artifact] = None
                if not has_lost and artifact not in told:
                    told.add(artifact)  # one word too few makes all that is annotated of it wrong
                    self._of_nothing(node, artifact, names, internal)
            if type(value) is ScalarNode and value.kind == "string":
                self._said(field, value)
        return list(unmatched)

    def _field(self, node: ScalarNode, artifact: str, field: str, names: Collection[str]) -> None:
        near = nearest(field, _ARTIFACT_FIELDS) if field and f"{artifact}.{field}" not in names else None
        whole = f"{artifact}.{field}" if field else artifact
        self._add(
            ARTIFACT_ANNOTATION,
            node,
            f"`{node.text}` does not say what it is about the artifact `{whole}`: AI Core ignores it."
            if near is None and (whole in names or not field)
            else f"AI Core knows no `{field}` of an artifact, and ignores the annotation.",
            f"Write `{ARTIFACT_ANNOTATION_PREFIX}{artifact}.{near or 'kind'}`.",
            hint=told_near(near),
        )

    def _of_nothing(
        self, node: ScalarNode, artifact: str, names: Collection[str], internal: Mapping[str, str | None]
    ) -> None:
        if artifact in internal:
            global_name = internal[artifact]
            if global_name is None:
                return  # the missing globalName is reported where it is missing
            self._add(
                ANNOTATION_OF_NOTHING,
                node,
                f"`{artifact}` is the output's name inside of the workflow; AI Core looks for its globalName "
                f"`{global_name}`, and ignores the annotation.",
                f"Write `{node.text.replace(artifact, global_name, 1)}`.",
                hint=told_near(global_name),
            )
            return
        known = ", ".join(f"`{name}`" for name in list(names)[:6])
        self._add(
            ANNOTATION_OF_NOTHING,
            node,
            f"No input artifact is called `{artifact}`, and no output has that globalName: AI Core ignores the "
            "annotation.",
            f"Name one of {known}." if known else "Remove it, or declare the artifact.",
            hint=did_you_mean(artifact, names),
        )

    def _said(self, field: str, value: ScalarNode) -> None:
        if to_fill_in(value.text) is not None:
            return
        if field == "kind" and value.text.strip() not in ARTIFACT_KINDS:
            self._add(
                ARTIFACT_ANNOTATION,
                value,
                f"AI Core knows no artifacts of the kind `{_short(value.text)}`.",
                f"Use one of {', '.join(f'`{kind}`' for kind in ARTIFACT_KINDS)}.",
                hint=did_you_mean(value.text, ARTIFACT_KINDS),
            )
        elif field == "labels":
            try:
                is_object = isinstance(json.loads(value.text), dict)
            except (ValueError, RecursionError):
                is_object = False
            if not is_object:
                self._add(
                    ARTIFACT_ANNOTATION,
                    value,
                    "The labels of an artifact have to be a JSON object in a string; AI Core ignores these.",
                    'Write them like \'{"ext.ai.sap.com/key": "value"}\', in single quotes.',
                )


# --- resource plans -------------------------------------------------------------------------------------------

_OLD_WORDS: Final = {"serve.s": "infer.s", "serve.m": "infer.m", "serve.l": "infer.l"}


def check_plan(report: Report, node: Node | None, tenant: Iterable[str]) -> None:
    """Report a resource plan that nobody documents.

    Args:
        report: where findings go.
        node: the value of the label, or the default of the parameter that it takes its value from.
        tenant: plans that the tenant is known to have.
    """
    if type(node) is not ScalarNode or node.value is None:
        return
    plan = node.value
    if is_replaced(plan) or check_to_fill_in(report, node, "the resource plan") or not plan.strip():
        return
    known = (*PLANS, *tenant)
    if plan in known:
        return
    near = _OLD_WORDS.get(plan.lower()) or nearest(plan, known)
    report.add(
        UNKNOWN_PLAN,
        node,
        f"SAP documents no resource plan `{plan}`. On a plan that the tenant does not have an execution stays PENDING, "
        "without an error.",
        f"Write `{near}`."
        if near
        else "Check it against the plans of the tenant: starter, basic, basic.8x, train.l, "
        "infer.s, infer.m and infer.l are documented.",
        hint=told_near(near),
    )


def plan_of(report: Report, labels: MappingNode) -> ScalarNode | None:
    """Return the label that says on which plan or instance type a pod runs; misspelt keys are reported and count."""
    for label in (PLAN_LABEL, INSTANCE_LABEL):
        node = labels.values.get(label)
        if type(node) is ScalarNode and node.value:
            return node
    for key, node in labels.values.items():
        near = nearest(key, (PLAN_LABEL, INSTANCE_LABEL))
        if near is None and key in ("resourcePlan", "instanceType"):
            near = f"ai.sap.com/{key}"
        if near is not None and key != near and type(node) is ScalarNode:
            report.add(
                MISSPELT,
                labels.keys[key],
                f"AI Core knows no label `{key}`, so the pod runs on the default plan.",
                f"Write `{near}`.",
                hint=told_near(near),
                severity=Severity.WARNING,
            )
            return node
    return None


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
