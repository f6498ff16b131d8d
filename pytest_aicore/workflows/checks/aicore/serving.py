"""Layer 3 for ServingTemplates: what AI Core asks of one, down into the YAML that its string blocks hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.graph import named
from pytest_aicore.workflows.argo.tags import tags, without_tags
from pytest_aicore.workflows.checks.aicore.blocks import BLOCK, BLOCK_SYNTAX, Block, BlockReport, as_in_the_file
from pytest_aicore.workflows.checks.aicore.containers import check_image, check_pull_secrets, check_to_fill_in
from pytest_aicore.workflows.checks.aicore.keys import MISPLACED, MISSPELT
from pytest_aicore.workflows.checks.aicore.metadata import MetadataCheck
from pytest_aicore.workflows.checks.aicore.plans import INSTANCE_LABEL, NO_PLAN, PLAN_LABEL, check_plan, plan_of
from pytest_aicore.workflows.checks.aicore.urls import check_urls
from pytest_aicore.workflows.checks.aicore.workflow import UNUSED_PARAMETER
from pytest_aicore.workflows.checks.argo.environment import check_environment
from pytest_aicore.workflows.checks.argo.structure import StructureCheck, shapes_for
from pytest_aicore.workflows.checks.document.look_alikes import take_look_alikes_out, tell_look_alikes
from pytest_aicore.workflows.checks.document.problems import check_comments, take_comments_out
from pytest_aicore.workflows.checks.document.repeated import part
from pytest_aicore.workflows.checks.examples import serving
from pytest_aicore.workflows.checks.rule import Severity, aicore_rule
from pytest_aicore.workflows.checks.subject import REPLACED, is_replaced
from pytest_aicore.workflows.checks.words import hint_for, nearest
from pytest_aicore.workflows.yaml.places import SourceError
from pytest_aicore.workflows.yaml.source import parse_all
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode, is_given

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.workflows.checks.subject import Subject
    from pytest_aicore.workflows.yaml.tree import Node

SERVING_PLACEHOLDER: Final = aicore_rule(
    333,
    "serving-placeholder",
    "A placeholder of a ServingTemplate names an input that is not declared",
    "`{{inputs.parameters.X}}` needs X among `spec.inputs.parameters`, `{{inputs.artifacts.X}}` among "
    "`spec.inputs.artifacts`. An undeclared parameter is only a warning, because a sample that "
    "SAP publishes has one.",
    serving().replace("inputs.artifacts.churnmodel", "inputs.artifacts.model"),
    serving(),
)
SERVING_NAME: Final = aicore_rule(
    334,
    "serving-name",
    "An input of a ServingTemplate has a name that placeholders cannot use",
    "The names of a ServingTemplate's inputs consist of letters and digits; a hyphen breaks the placeholder.",
    serving().replace("churnmodel", "churn-model"),
    serving(),
)
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
PREDICTOR: Final = aicore_rule(
    336,
    "predictor",
    "The inner specification of a ServingTemplate describes no server",
    "KServe needs `predictor` with a container that has an image and the name `kserve-container`; only that one gets "
    "the model from `STORAGE_URI`.",
    serving().replace("      predictor:\n", "      transformer:\n"),
    serving(),
)
UNUSED_ARTIFACT: Final = aicore_rule(
    337,
    "unused-artifact",
    "An input artifact of a ServingTemplate is never used",
    "An artifact reaches the server only through `{{inputs.artifacts.NAME}}` in the block, usually as `STORAGE_URI`.",
    serving().replace("{{inputs.artifacts.churnmodel}}", "/mnt/models"),
    serving(),
    Severity.WARNING,
)
PARAMETER_TYPE: Final = aicore_rule(
    338,
    "parameter-type",
    "A parameter has another type than string",
    "Parameters of AI Core are always strings: `type: string`.",
    serving().replace("        default:", "        type: integer\n        default:"),
    serving().replace("        default:", "        type: string\n        default:"),
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
_FAILS: Final = "KServe refuses it, so no deployment of it ever runs."
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
_API_VERSIONS: Final = ("serving.kserve.io/v1beta1", "serving.kubeflow.org/v1beta1")
_STORAGE: Final = "STORAGE_URI"
_CONTAINERS: Final = ("kserve-container", "kfserving-container")
_SCALING: Final = tuple(
    f"autoscaling.knative.dev/{key}"
    for key in (
        "class",
        "metric",
        "target",
        "targetBurstCapacity",
        "target-burst-capacity",
        "targetUtilizationPercentage",
        "target-utilization-percentage",
        "minScale",
        "min-scale",
        "maxScale",
        "max-scale",
        "initialScale",
        "initial-scale",
        "activationScale",
        "activation-scale",
        "scaleDownDelay",
        "scale-down-delay",
        "window",
        "panicWindowPercentage",
        "panic-window-percentage",
        "panicThresholdPercentage",
        "panic-threshold-percentage",
        "scaleToZeroPodRetentionPeriod",
        "scale-to-zero-pod-retention-period",
    )
)
_NAME: Final = re.compile(r"[A-Za-z0-9_]+")
_UNCLOSED: Final = re.compile(r"\{\{[\s\w.\-]*\}?")
_UNCLOSED_INPUT: Final = re.compile(r"\{\{\s*\w*puts?\.")
_SINGLE_BRACES: Final = re.compile(r"(?<!\{)\{(inputs\.(parameters|artifacts)\.(\w+))\}(?!\})")
# AI Core fills the blocks by Jinja, as the texts of its errors show: a name may be a part of an expression.
_INPUT: Final = re.compile(r"\binputs\.(parameters|artifacts)\.([\w.-]+)")
_JINJA_STATEMENT: Final = re.compile(r"^[ \t]*\{%", re.MULTILINE)
_BARE: Final = re.compile(r"(?<=[\s\"':])(inputs\.(parameters|artifacts)\.(\w+))(?=[\"']?\s*$)")
_LIKE_A_REFERENCE: Final = re.compile(r"[A-Za-z]\w*(?:\.[\w-]+)+")


def check(subject: Subject) -> None:
    """Report what AI Core would refuse, hide or lose of a ServingTemplate.

    Args:
        subject: the document.
    """
    _ServingCheck(subject).check()


class _ServingCheck:
    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._report = subject.report
        self._add = subject.report.add
        self._spec = subject.root.mapping("spec")
        self._parameters: dict[str, MappingNode] = {}
        self._artifacts: dict[str, MappingNode] = {}
        self._used: set[tuple[str, str]] = set()
        self._usage_is_clear = True

    def check(self) -> None:
        metadata = MetadataCheck(self._subject)
        metadata.check()
        structure = StructureCheck(self._report, _SHAPES, consequence="AI Core refuses the template.", owner="AI Core")
        structure.check(self._subject.root, "ServingTemplate")
        self._spec = self._subject.root.mapping("spec")
        inputs = self._spec.mapping("inputs")
        self._parameters = named(inputs.mappings_of("parameters"))
        self._artifacts = named(inputs.mappings_of("artifacts"))
        meant = dict.fromkeys(self._artifacts)
        metadata.check_artifacts({**meant, **{_plain(name): None for name in meant}}, {})
        check_urls(self._subject)
        self._inputs()
        root, spec = self._subject.root, self._spec
        template = spec.mapping("template")
        if not template.values:
            if not ({root.values.get("spec"), spec.values.get("template")} & structure.wrong):
                self._add(
                    PREDICTOR,
                    spec.keys.get("template") or root.keys.get("spec") or root.keys.get("kind") or root,
                    "The template has no `spec.template`, so there is nothing to deploy.",
                    "Add `spec.template` with `apiVersion`, `metadata` and `spec`.",
                )
            return
        self._api_version(template)
        inner = template.mapping("metadata")
        annotations = self._block(inner, "annotations", "metadata.annotations")
        if not self._plan_among(annotations):
            self._labels(self._block(inner, "labels", "metadata.labels"), template, inner)
        self._annotations(annotations)
        if not is_given(template, "spec"):
            self._add(
                PREDICTOR,
                template.keys.get("spec") or spec.keys["template"],
                "The template has no `spec.template.spec`, so there is nothing to deploy.",
                "Add `spec: |` with a `predictor` in it.",
            )
            self._usage_is_clear = False
        self._predictor(self._block(template, "spec", "spec"))
        self._unused()

    # --- inputs -----------------------------------------------------------------------------------------------

    def _inputs(self) -> None:
        for word, declared in (("parameter", self._parameters), ("artifact", self._artifacts)):
            for name, declaration in declared.items():
                if not _NAME.fullmatch(name) and not is_replaced(name):
                    self._add(
                        SERVING_NAME,
                        declaration.values["name"],
                        f"The placeholder of an input {word} called `{name}` cannot be parsed: AI Core only accepts "
                        "letters and digits.",
                        "Rename it, here and in its placeholders.",
                        hint=hint_for(_plain(name)),
                        severity=None if word == "artifact" else Severity.WARNING,
                    )
        for name, parameter in self._parameters.items():
            node = parameter.values.get("type")
            written = parameter.text("type")
            if written is not None and written.lower() != "string" and node is not None:
                self._add(
                    PARAMETER_TYPE,
                    node,
                    f"The parameter `{name}` has the type `{written}`, but AI Core only has strings.",
                    "Write `type: string`.",
                )
            check_to_fill_in(self._report, parameter.values.get("default"), "the default", wholly=True)

    def _unused(self) -> None:
        if not self._usage_is_clear:
            return
        for name, artifact in self._artifacts.items():
            if ("artifacts", name) not in self._used:
                self._add(
                    UNUSED_ARTIFACT,
                    artifact.values["name"],
                    f"The input artifact `{name}` is not used in the block, so it never reaches the server.",
                    f"Add the variable `STORAGE_URI` with the value `{{{{inputs.artifacts.{name}}}}}` to the "
                    "container.",
                )
        for name, parameter in self._parameters.items():
            if ("parameters", name) not in self._used:
                self._add(
                    UNUSED_PARAMETER,
                    parameter.values["name"],
                    f"The template declares the parameter `{name}` and does not use it.",
                    f"Use it as `{{{{inputs.parameters.{name}}}}}`, or remove it.",
                )

    # --- blocks -----------------------------------------------------------------------------------------------

    def _api_version(self, template: MappingNode) -> None:
        node = template.values.get("apiVersion")
        written = template.text("apiVersion")
        if written in _API_VERSIONS:
            return
        near = nearest(written or "", _API_VERSIONS)
        self._add(
            INNER_API_VERSION,
            node if type(node) is ScalarNode and written else self._spec.keys["template"],
            f"`{written}` is not the apiVersion of KServe's InferenceService on AI Core."
            if written
            else "`spec.template` has no apiVersion, so KServe does not know what it is.",
            f"Write `apiVersion: {_API_VERSIONS[0]}`.",
            hint=hint_for(near),
        )

    def _block(self, parent: MappingNode, key: str, path: str) -> tuple[BlockReport, MappingNode] | None:
        """Return the map that a block holds, and where findings in it go."""
        node = parent.values.get(key)
        if node is None or (type(node) is ScalarNode and node.kind == "null"):
            return None
        if type(node) is not ScalarNode:
            self._usage_is_clear = False
            self._add(
                BLOCK,
                parent.keys[key],
                f"`spec.template.{path}` is a {'map' if type(node) is MappingNode else 'list'}, but AI Core expects a "
                "string there: it is not rendered.",
                f"Write `{key}: |`, and leave the lines below it unchanged.",
            )
            return None
        if node.kind != "string":
            return None
        block = Block(self._report.document, node)
        self._placeholders(node, block)
        if _JINJA_STATEMENT.search(node.text):
            self._usage_is_clear = False
            return None  # its lines are only known when a deployment begins
        text = "\n".join(without_tags(line, REPLACED) for line in node.text.split("\n"))
        try:
            documents = parse_all(text, self._report.document.name)
        except SourceError as error:
            problem = error.problem
            if problem.kind == "empty":
                return None
            if "{{" in text:
                return None  # an unclosed placeholder is reported as that
            place = block.place(problem.place.line, problem.place.column)
            folded = node.style == ">"
            if not folded:
                problem = as_in_the_file(problem, text, block)
            self._report.add_at(
                BLOCK_SYNTAX,
                node.line if folded else place.line,
                node.column if folded else place.column,
                f"`{key}` is written with `>`, which joins its lines into one, so it is not YAML. {_FAILS}"
                if folded
                else f"{problem.what} {_FAILS}",
                "Write `|` instead." if folded else problem.remedy,
                begins=node.line,
            )
            return None
        document = documents[0]
        if type(document.root) is not MappingNode:
            self._add(
                BLOCK_SYNTAX,
                node,
                f"`spec.template.{path}` is not a map. {_FAILS}",
                "Put a space after the colon: without it the line is a string."
                if re.match(r"[\w./-]+:\S", node.text)
                else "Write keys and values on the lines below `|`.",
            )
            return None
        report = BlockReport(self._report, document, block)
        check_comments(report, take_comments_out(document))
        tell_look_alikes(report, take_look_alikes_out(document))
        for again in part(document):
            report.add(
                BLOCK_SYNTAX,
                again.second,
                f"The key `{again.second.text}` is given twice in one map, in line "
                f"{block.place(again.first.line).line} and here; only the second counts.",
                again.remedy,
            )
        return report, document.root

    def _placeholders(self, node: ScalarNode, block: Block) -> None:
        for number, line in enumerate(node.text.split("\n"), 1):
            code = _without_comment(line)
            for tag in tags(code):
                if tag.is_closed:
                    self._placeholder(block, number, tag.begin, tag.name)
                elif _UNCLOSED_INPUT.match(code, tag.begin):
                    self._unclosed(block, number, tag.begin, code)
            for found in (*_SINGLE_BRACES.finditer(code), *_BARE.finditer(code)):
                self._single_braces(block, number, found)

    def _single_braces(self, block: Block, number: int, found: re.Match[str]) -> None:
        """Report a reference in single braces, if it names something declared."""
        kind, name = found.group(2, 3)
        if name not in (self._parameters if kind == "parameters" else self._artifacts):
            return
        self._used.add((kind, name))
        place = block.place(number, found.start() + 1)
        self._report.add_at(
            SERVING_PLACEHOLDER,
            place.line,
            place.column,
            f"AI Core replaces only placeholders in double braces: `{found.group()}` stays in the text.",
            f"Write `{{{{{found.group(1)}}}}}`.",
            begins=block.begins,
        )

    def _unclosed(self, block: Block, number: int, position: int, code: str) -> None:
        self._usage_is_clear = False
        found = _UNCLOSED.match(code, position)
        shown = found.group().strip() if found else "{{"
        place = block.place(number, position + 1)
        self._report.add_at(
            SERVING_PLACEHOLDER,
            place.line,
            place.column,
            f"The placeholder `{shown}` is not closed by `}}}}`, so it is not replaced.",
            f"Write `{shown.rstrip('}')}}}}}`.",
            begins=block.begins,
        )

    def _placeholder(self, block: Block, number: int, position: int, tag: str) -> None:
        place = block.place(number, position + 1)
        found = _INPUT.match(tag)
        declared: Mapping[str, MappingNode]
        if found is None:
            self._used.update(_INPUT.findall(tag))
            self._foreign(block, number, position, tag)
            return
        self._used.update(_INPUT.findall(tag, found.end()))
        kind, name = found.groups()
        self._used.add((kind, name))
        declared = self._parameters if kind == "parameters" else self._artifacts
        if name in declared:
            return
        hyphened = next((other for other in declared if other != _plain(other) and _plain(other) == name), None)
        if hyphened is not None:  # the hyphen in the declaration is reported
            self._used.add((kind, hyphened))
            return
        near = nearest(name, declared)
        other = self._artifacts if kind == "parameters" else self._parameters
        if name in other:
            wanted = "artifacts" if kind == "parameters" else "parameters"
            remedy = f"Write `{{{{inputs.{wanted}.{name}}}}}`: it is declared among the {wanted}."
        elif near:
            remedy = f"Write `{{{{inputs.{kind}.{near}}}}}`."
        else:
            remedy = f"Declare `{name}` under `spec.inputs.{kind}`."
        self._usage_is_clear = False  # an input that seems unused may be meant
        self._report.add_at(
            SERVING_PLACEHOLDER,
            place.line,
            place.column,
            f"The template declares no input {kind[:-1]} `{name}`, so a configuration cannot bind it.",
            remedy,
            hint=hint_for(near),
            severity=None if near or name in other or kind == "artifacts" else Severity.WARNING,
            begins=block.begins,
        )

    def _foreign(self, block: Block, number: int, position: int, tag: str) -> None:
        """Report a tag that AI Core does not replace, if it was surely meant for AI Core."""
        if not _LIKE_A_REFERENCE.fullmatch(tag):
            return
        root, _, rest = tag.partition(".")
        second, _, name = rest.partition(".")
        name = name or second
        if root not in ("inputs", "workflow", "parameters", "artifacts") and nearest(root, ("inputs",)) is None:
            return
        kind = "artifacts" if name in self._artifacts or nearest(second, ["artifacts"]) else "parameters"
        self._usage_is_clear = False
        place = block.place(number, position + 1)
        self._report.add_at(
            SERVING_PLACEHOLDER,
            place.line,
            place.column,
            f"AI Core does not replace `{{{{{tag}}}}}` in a ServingTemplate: it stays in the text, braces included.",
            f"Write `{{{{inputs.{kind}.{name}}}}}`.",
            begins=block.begins,
        )

    # --- what the blocks hold ---------------------------------------------------------------------------------

    def _plan_among(self, annotations: tuple[BlockReport, MappingNode] | None) -> bool:
        """Report a resource plan that is given as an annotation."""
        report, root = annotations or (None, None)
        label = next((key for key in (PLAN_LABEL, INSTANCE_LABEL) if root is not None and key in root.values), None)
        if report is None or root is None or label is None:
            return False
        report.add(
            MISPLACED,
            root.keys[label],
            f"`{label}` has no effect here: it is a label of the pods.",
            "Move it to the block `labels` beside this one.",
            severity=Severity.WARNING,
        )
        return True

    def _labels(self, block: tuple[BlockReport, MappingNode] | None, template: MappingNode, inner: MappingNode) -> None:
        if block is not None:
            report, labels = block
            plan = plan_of(report, labels)
            if plan is not None:
                if plan is labels.values.get(INSTANCE_LABEL):
                    check_to_fill_in(report, plan, "the instance type")
                elif REPLACED in plan.text:
                    self._default_plan(inner.text("labels") or "")
                else:
                    check_plan(report, plan, self._subject.options.resource_plans)
                return
            if any(nearest(key, (PLAN_LABEL, INSTANCE_LABEL)) for key in labels.values):
                return
        elif type(inner.values.get("labels")) in (MappingNode, SequenceNode):
            return
        elif type(inner.values.get("labels")) is ScalarNode and inner.text("labels"):
            return  # the block itself is reported
        if any(
            label in self._subject.metadata.mapping(part).values
            for part in ("labels", "annotations")
            for label in (PLAN_LABEL, INSTANCE_LABEL)
        ):
            return
        self._add(
            NO_PLAN,
            inner.keys.get("labels") or template.keys.get("metadata") or self._spec.keys["template"],
            "The server has no resource plan, so it runs on the default one, the smallest.",
            f"Add `labels: |` with `{PLAN_LABEL}: starter` (or a larger one) to `spec.template.metadata`.",
        )

    def _default_plan(self, labels: str) -> None:
        """Check the default of the parameter that names the plan."""
        line = next((line for line in labels.split("\n") if PLAN_LABEL in line), "")
        values = [tag.value for tag in tags(line) if tag.is_closed]
        kind, name = (values[0] if len(values) == 1 else None) or ("", "")
        parameter = self._parameters.get(name) if kind == "inputs.parameters" else None
        if parameter is not None:
            node = parameter.values.get("default") or parameter.values.get("value")
            check_plan(self._report, node, self._subject.options.resource_plans)

    def _annotations(self, block: tuple[BlockReport, MappingNode] | None) -> None:
        if block is None:
            return
        report, annotations = block
        for key, node in annotations.keys.items():
            near = nearest(key, _SCALING) if key not in _SCALING and key.startswith("autoscaling") else None
            if near is not None and near not in annotations.values:
                report.add(
                    MISSPELT,
                    node,
                    f"Unknown annotation `{key}`: Knative ignores it.",
                    f"Write `{near}`.",
                    hint=hint_for(near),
                    severity=Severity.WARNING,
                )

    def _predictor(self, block: tuple[BlockReport, MappingNode] | None) -> None:
        if block is None:
            return
        report, root = block
        is_old = "v1alpha2" in (self._spec.mapping("template").text("apiVersion") or "")
        if is_old:
            return
        structure = StructureCheck(report, shapes_for(self._subject), consequence=_FAILS, owner="KServe")
        structure.check(root, "InferenceServiceSpec")
        predictor = root.values.get("predictor")
        if type(predictor) is not MappingNode:
            if predictor not in structure.wrong:
                report.add(
                    PREDICTOR,
                    root.keys.get("predictor") or next(iter(root.keys.values()), root),
                    f"The block has no `predictor`, the part that serves the model. {_FAILS}",
                    "Add `predictor:` with `containers:` below it.",
                )
            return
        secrets = predictor.values.get("imagePullSecrets")
        if type(secrets) is SequenceNode:
            check_pull_secrets(report, predictor.mappings_of("imagePullSecrets"), predictor.keys["imagePullSecrets"])
        self._replicas(report, predictor)
        containers = predictor.mappings_of("containers")
        if not containers:
            self._no_containers(report, root, predictor, structure.wrong)
            return
        for container in containers:
            check_image(report, container)
            check_environment(report, container, structure.wrong)
            self._storage(report, container.mappings_of("env"))
            for variable in container.mappings_of("env"):
                check_to_fill_in(report, variable.values.get("value"), "the value", wholly=True)
            if not container.text("image") and container.values:
                report.add(
                    PREDICTOR,
                    container.keys.get("image") or container,
                    f"This container has no `image`. {_FAILS}",
                    "Add `image:` with registry, name and tag.",
                )
        self._container_names(report, containers)

    def _storage(self, report: BlockReport, variables: list[MappingNode]) -> None:
        """Report a typo in the name of the variable that makes KServe load the model."""
        names = [variable.name("name") or "" for variable in variables]
        for name, variable in zip(names, variables, strict=True):
            # What stands for an artifact in this text was a placeholder.
            is_reference = REPLACED in (variable.text("value") or "")
            if is_reference and self._artifacts and _STORAGE not in names and nearest(name, [_STORAGE]):
                report.add(
                    MISSPELT,
                    variable.values["name"],
                    f"Unknown variable `{name}`, so KServe does not load the model into `/mnt/models`.",
                    f"Write `{_STORAGE}`.",
                    hint=hint_for(_STORAGE),
                    severity=Severity.WARNING,
                )

    def _no_containers(self, report: BlockReport, root: MappingNode, predictor: MappingNode, wrong: set[Node]) -> None:
        if any(key in _MODEL_FORMATS for key in predictor.values) or predictor.values.get("containers") in wrong:
            return
        report.add(
            PREDICTOR,
            predictor.keys.get("containers") or root.keys["predictor"],
            f"The predictor has no containers, so nothing serves the model. {_FAILS}",
            "Add `containers:` with one named `kserve-container`.",
        )

    def _container_names(self, report: BlockReport, containers: list[MappingNode]) -> None:
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

    def _replicas(self, report: BlockReport, predictor: MappingNode) -> None:
        least, most = predictor.text("minReplicas") or "", predictor.text("maxReplicas") or ""
        if least.isdecimal() and most.isdecimal() and 0 < int(most) < int(least):
            report.add(
                PREDICTOR,
                predictor.values["minReplicas"],
                f"`minReplicas` ({least}) is greater than `maxReplicas` ({most}). {_FAILS}",
                "Set `minReplicas` to at most `maxReplicas`.",
            )


def _plain(name: str) -> str:
    """Return a name without the characters that are not allowed."""
    return re.sub(r"[^A-Za-z0-9_]", "", name)


def _without_comment(line: str) -> str:
    """Return a line of YAML without its comment; quotes are respected, placeholders are not parsed."""
    if "#" not in line:
        return line
    quote = ""
    for index, character in enumerate(line):
        if quote:
            if character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character == "#" and (index == 0 or line[index - 1] in " \t"):
            return line[:index]
    return line
