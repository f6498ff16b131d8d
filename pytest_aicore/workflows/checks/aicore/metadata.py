"""What AI Core asks of a template's metadata, for both kinds alike."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_aicore.placeholders import to_fill_in
from pytest_aicore.workflows.argo.tags import has_placeholder
from pytest_aicore.workflows.checks.aicore.containers import check_to_fill_in
from pytest_aicore.workflows.checks.aicore.keys import ANNOTATIONS, LABELS, MISPLACED, MISSPELT
from pytest_aicore.workflows.checks.aicore.kind import API_VERSIONS
from pytest_aicore.workflows.checks.examples import (
    EXAMPLE_EXECUTABLE_NAME,
    EXAMPLE_ID_LABEL,
    EXAMPLE_LABELS,
    EXAMPLE_METADATA,
    EXAMPLE_NAMES,
    EXAMPLE_SCENARIO_NAME,
    EXAMPLE_VERSION,
    example_metadata,
)
from pytest_aicore.workflows.checks.rule import Severity, aicore_rule
from pytest_aicore.workflows.checks.subject import is_replaced
from pytest_aicore.workflows.checks.words import hint_for, nearest, respelled, shortened
from pytest_aicore.workflows.executable import (
    ARTIFACT_ANNOTATION_PREFIX,
    EXECUTABLE_NAME_ANNOTATION,
    SCENARIO_ID_LABEL,
    SCENARIO_NAME_ANNOTATION,
    VERSION_LABEL,
)
from pytest_aicore.workflows.resource_plans import INSTANCE_LABEL, PLAN_LABEL
from pytest_aicore.workflows.template import ServingTemplate
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from pytest_aicore.workflows.checks.rule import Rule
    from pytest_aicore.workflows.checks.subject import Subject
    from pytest_aicore.workflows.yaml.tree import Node


API_VERSION: Final = aicore_rule(
    304,
    "api-version",
    "The apiVersion does not belong to the kind",
    "A `WorkflowTemplate` has `argoproj.io/v1alpha1`, a `ServingTemplate` has `ai.sap.com/v1alpha1`. With another one "
    "Kubernetes does not know the kind, and the template is not synchronised.",
    "apiVersion: ai.sap.com/v1alpha1\nkind: WorkflowTemplate",
    "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate",
)
NO_SCENARIO_ID: Final = aicore_rule(
    302,
    "no-scenario-id",
    "The label with the scenario id is missing",
    "AI Core finds the executables of a scenario by the label `scenarios.ai.sap.com/id`. Without it the template is "
    "synchronised, and the executable never appears.",
    example_metadata(EXAMPLE_VERSION, EXAMPLE_NAMES),
    EXAMPLE_METADATA,
)
NO_VERSION: Final = aicore_rule(
    303,
    "no-version",
    "The label with the version is missing",
    "Every executable has a version, the label `ai.sap.com/version`. Without it the executable never appears.",
    example_metadata(EXAMPLE_ID_LABEL, EXAMPLE_NAMES),
    EXAMPLE_METADATA,
)
NO_SCENARIO_NAME: Final = aicore_rule(
    305,
    "no-scenario-name",
    "The annotation with the scenario's name is missing",
    "Without the annotation `scenarios.ai.sap.com/name` the scenario is not discovered.",
    example_metadata(EXAMPLE_LABELS, EXAMPLE_EXECUTABLE_NAME),
    EXAMPLE_METADATA,
)
NO_EXECUTABLE_NAME: Final = aicore_rule(
    306,
    "no-executable-name",
    "The annotation with the executable's name is missing",
    "SAP's service guide calls the annotation `executables.ai.sap.com/name` mandatory; the AI API shows it as the "
    "executable's name.",
    example_metadata(EXAMPLE_LABELS, EXAMPLE_SCENARIO_NAME),
    EXAMPLE_METADATA,
)
EXECUTABLE_ID: Final = aicore_rule(
    307,
    "executable-id",
    "`metadata.name`, the executable id, is missing or invalid",
    "The executable id is `metadata.name`: lower-case letters, digits and hyphens, at most 64, unique in the tenant. "
    "Kubernetes refuses anything else, dots excepted.",
    example_metadata(EXAMPLE_LABELS, EXAMPLE_NAMES, "Churn_Train"),
    EXAMPLE_METADATA,
)
SCENARIO_ID: Final = aicore_rule(
    308,
    "scenario-id",
    "The scenario id is too short or too long, or has characters that are not allowed",
    "The AI API accepts scenario ids of 4 to 63 letters, digits, hyphens, dots and underscores.",
    example_metadata(f"    scenarios.ai.sap.com/id: abc\n{EXAMPLE_VERSION}", EXAMPLE_NAMES),
    EXAMPLE_METADATA,
)
LABEL: Final = aicore_rule(
    309,
    "label",
    "A label is not a string, or has characters that labels cannot have",
    "Labels are strings: a bare `2.0` is a number in YAML, and Kubernetes refuses the template. They have letters, "
    "digits, hyphens, dots and underscores, at most 63, and begin and end with a letter or digit.",
    example_metadata(f"{EXAMPLE_ID_LABEL}\n    ai.sap.com/version: 2.0", EXAMPLE_NAMES),
    example_metadata(f'{EXAMPLE_ID_LABEL}\n    ai.sap.com/version: "2.0"', EXAMPLE_NAMES),
)
ANNOTATION: Final = aicore_rule(
    310,
    "annotation",
    "An annotation is not a string, or its key is invalid",
    "Annotations are strings: Kubernetes refuses a number, a boolean or a map.",
    example_metadata(EXAMPLE_LABELS, f"{EXAMPLE_SCENARIO_NAME}\n    executables.ai.sap.com/name: 42"),
    example_metadata(EXAMPLE_LABELS, f'{EXAMPLE_SCENARIO_NAME}\n    executables.ai.sap.com/name: "42"'),
)
OF_WHAT_IS_MISSING: Final = (NO_SCENARIO_ID, NO_VERSION, NO_SCENARIO_NAME, NO_EXECUTABLE_NAME)
"""Rules about required labels and annotations: several of them may be reported at one place."""
_METADATA_KEYS: Final = ("name", "generateName", "namespace", "labels", "annotations", "finalizers", "ownerReferences")

_OBJECT_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_LABEL_VALUE: Final = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_KEY_NAME: Final = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_SCENARIO_ID: Final = re.compile(r"[\w.-]{4,63}")

_FIXED: Final = "nothing replaces placeholders in the template's own metadata."


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
        "which is mandatory by SAP's service guide.",
        "Add it to `metadata.annotations`.",
        re.compile(r".*executable.*/name"),
    ),
)


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
        """Report everything but annotations of artifacts."""
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
        wanted = API_VERSIONS[self._subject.kind]
        node = root.values.get("apiVersion")
        written = root.text("apiVersion")
        if written == wanted or is_replaced(written or ""):
            return
        self._add(
            API_VERSION,
            node if type(node) is ScalarNode and written is not None else root.keys.get("kind") or root,
            f"Wrong apiVersion `{written}` for a {self._subject.kind}, so it is not synchronised."
            if written
            else "The template has no apiVersion, so it is not synchronised.",
            f"{'Write' if written else 'Add'} `apiVersion: {wanted}`.",
        )

    def _name(self) -> None:
        metadata, root = self._metadata, self._subject.root
        name = metadata.name("name")
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
                else "Add one: lower-case letters, digits and hyphens, 4 to 64.",
            )
            return
        node = metadata.values["name"]
        if type(node) is not ScalarNode or check_to_fill_in(self._report, node, "the executable id"):
            return
        remedy = "Use lower-case letters, digits and hyphens, 4 to 64."
        if node.kind != "string":
            self._add(
                EXECUTABLE_ID,
                node,
                f"`{name}` is a {'number' if node.kind in ('integer', 'float') else 'boolean'} in YAML, but a name has "
                "to be a string; Kubernetes refuses the template.",
                f'Put it in quotes: "{name}".',
            )
        elif not _OBJECT_NAME.fullmatch(name):
            self._add(
                EXECUTABLE_ID,
                node,
                f"Invalid executable id `{shortened(name)}`; Kubernetes refuses the template.",
                f"Write the id itself: {_FIXED}" if has_placeholder(name) else remedy,
                hint=hint_for(respelled(name.lower(), "a-z0-9-", shortest=4, longest=64)),
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
                f"The executable id `{name}` has fewer than the 4 characters that the AI API requires, so no "
                "configuration can name it.",
                remedy,
            )
        elif "." in name:
            self._add(
                EXECUTABLE_ID,
                node,
                f"The executable id `{name}` has a dot; SAP's service guide only allows hyphens between the words.",
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
                    f"Unknown key `{key}` in metadata: Kubernetes drops it with everything below it.",
                    f"Write `{near}:`.",
                    hint=hint_for(near),
                )
                self._excused.update(LABELS if near == "labels" else ANNOTATIONS if near == "annotations" else ())
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
                self._excused.update(LABELS if part == "labels" else ANNOTATIONS)

    def _key(self, part: str, mapping: MappingNode, key: str) -> None:
        prefix, slash, name = key.rpartition("/")
        node = mapping.keys[key]
        if not _KEY_NAME.fullmatch(name) or (slash and (not prefix or "/" in prefix or " " in prefix)):
            if to_fill_in(key) is None:
                self._add(
                    LABEL if part == "labels" else ANNOTATION,
                    node,
                    f"Invalid key `{shortened(key)}` of {'a label' if part == 'labels' else 'an annotation'}; "
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
                "Move it to the block `spec.template.metadata.labels`."
                if serving
                else "Move it to `metadata.labels` of the item of `spec.templates` that runs the container.",
                severity=Severity.WARNING,
            )
            return
        known, others = (LABELS, ANNOTATIONS) if part == "labels" else (ANNOTATIONS, LABELS)
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
                    f"AI Core reads `{key}` from the {wanted}, not from here.",
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
                    f"Unknown key `{key}`, so AI Core ignores it.",
                    f"Write `{ARTIFACT_ANNOTATION_PREFIX}{name}`.",
                    hint=hint_for(ARTIFACT_ANNOTATION_PREFIX + name),
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
            f"Unknown key `{key}`, so AI Core ignores it.",
            f"Write `{near}`.",
            hint=hint_for(near),
            severity=None if near in (item.key for item in _MANDATORY) else Severity.WARNING,
        )

    def _other_words(self, part: str, key: str) -> str | None:
        """Return the mandatory key that is missing and that another key with a similar meaning was meant to be."""
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
                f"`{key.text}` has to be a string, not a {'map' if type(value) is MappingNode else 'list'}; "
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
            is_id = key.text == SCENARIO_ID_LABEL
            self._add(
                SCENARIO_ID if is_id else LABEL,
                value,
                f"Invalid value `{shortened(value.text)}` of a label; Kubernetes refuses the template.",
                self._fixed_label(key.text)
                if has_placeholder(value.text)
                else "Use letters, digits, hyphens, dots and underscores, at most 63, with a letter or digit at both "
                "ends.",
                hint=hint_for(respelled(value.text, "A-Za-z0-9_.-", shortest=4 if is_id else 1, longest=63)),
            )
        elif key.text == SCENARIO_ID_LABEL and value.text and not _SCENARIO_ID.fullmatch(value.text):
            self._add(
                SCENARIO_ID,
                value,
                f"The scenario id `{value.text}` has {len(value.text)} characters; the AI API only accepts ids of 4 or "
                "more.",
                "Use 4 to 63 letters, digits, hyphens, dots and underscores.",
            )

    def _fixed_label(self, key: str) -> str:
        """Return what to do about a placeholder in a label of the template itself."""
        if key in LABELS:
            return f"Write the value itself: {_FIXED}"
        pods = (
            "`spec.template.metadata.labels`: AI Core"
            if self._subject.kind == ServingTemplate.kind
            else "`spec.templates[].metadata.labels`: Argo"
        )
        return f"Put the label into {pods} replaces placeholders there, and {_FIXED}"

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
