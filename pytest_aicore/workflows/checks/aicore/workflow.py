"""Layer 3 for WorkflowTemplates: what AI Core asks of one, as SAP's service guide says and practice shows.

AI Core binds input artifacts and workflow parameters by their names from the configuration. That nothing in the
file supplies them is how a template has to look, and never reported.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.graph import is_supplied
from pytest_aicore.workflows.checks.aicore.containers import check_image, check_pull_secrets, check_to_fill_in
from pytest_aicore.workflows.checks.aicore.keys import MISPLACED
from pytest_aicore.workflows.checks.aicore.metadata import MetadataCheck
from pytest_aicore.workflows.checks.aicore.plans import (
    INSTANCE_LABEL,
    NO_DEADLINE,
    NO_PLAN,
    PLAN_LABEL,
    PLANS,
    SMALL_PLANS,
    check_plan,
    plan_of,
)
from pytest_aicore.workflows.checks.examples import example_container, with_args
from pytest_aicore.workflows.checks.rule import Severity, aicore_rule
from pytest_aicore.workflows.checks.subject import is_replaced
from pytest_aicore.workflows.checks.words import nearest
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode, is_given, walk

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import TemplateModel, WorkflowModel
    from pytest_aicore.workflows.checks.subject import Subject
    from pytest_aicore.workflows.yaml.tree import Node

NO_COMMAND: Final = aicore_rule(
    315,
    "no-command",
    "A container has no command",
    "AI Core ignores what the image itself would run (`CMD` and `ENTRYPOINT`), so every container says it: "
    '`command: ["/bin/sh", "-c"]`.',
    'container:\n  image: docker.io/example/churn:1\n  args: ["./train"]',
    example_container(),
)
COMMAND: Final = aicore_rule(
    316,
    "command",
    "A container's command is not a shell's",
    'SAP\'s service guide asks for `command: ["/bin/sh", "-c"]`. Other commands run in practice, but for one that is a '
    "whole command line in one word. A shell with `-c` takes the first item of `args` for the command line, and only "
    "that.",
    'container:\n  image: docker.io/example/churn:1\n  command: ["python"]\n  args: ["train.py"]',
    example_container(),
    Severity.WARNING,
)
NO_ARGS: Final = aicore_rule(
    317,
    "no-args",
    "A container has no args",
    "`args` is what the shell runs. Without it `sh -c` ends with an error, or nothing runs.",
    'container:\n  image: docker.io/example/churn:1\n  command: ["/bin/sh", "-c"]',
    example_container(),
)
CONTAINER_NAME: Final = aicore_rule(
    324,
    "container-name",
    "The logs of a container cannot be read",
    "AI Core shows the logs of the container `main` and of those whose names begin with `readable-`. A container set "
    "needs one that is called `main`.",
    example_container() + "\nsidecars:\n  - name: proxy\n    image: docker.io/example/proxy:1\n"
    '    command: ["/bin/sh", "-c"]\n    args: ["./proxy"]',
    example_container() + "\nsidecars:\n  - name: readable-proxy\n    image: docker.io/example/proxy:1\n"
    '    command: ["/bin/sh", "-c"]\n    args: ["./proxy"]',
    Severity.WARNING,
)
NO_GLOBAL_NAME: Final = aicore_rule(
    318,
    "output-without-global-name",
    "An output artifact has no globalName, so it is lost",
    "Only outputs with a `globalName` are registered in the AI API. Without one the execution is COMPLETED, and there "
    "is no output artifact: the model is lost. (An artifact that another step reads needs none.)",
    "outputs:\n  artifacts:\n    - name: model\n      path: /app/model",
    "outputs:\n  artifacts:\n    - name: model\n      globalName: churn-model\n      path: /app/model",
)
DUPLICATE_GLOBAL_NAME: Final = aicore_rule(
    327,
    "duplicate-global-name",
    "Two outputs have the same globalName",
    "The object store keeps outputs under `EXECUTION_ID/GLOBAL_NAME`: the second replaces the first.",
    "outputs:\n  artifacts:\n    - name: model\n      globalName: churn-model\n      path: /app/model\n"
    "    - name: report\n      globalName: churn-model\n      path: /app/report",
    "outputs:\n  artifacts:\n    - name: model\n      globalName: churn-model\n      path: /app/model\n"
    "    - name: report\n      globalName: churn-report\n      path: /app/report",
    Severity.WARNING,
)
EMPTY_ARCHIVE: Final = aicore_rule(
    328,
    "empty-archive",
    "`archive` says nothing, so the output is packed",
    "`none:` without `{}` is null, as if it were not there: Argo packs the folder as a `.tgz` file.",
    "outputs:\n  artifacts:\n    - name: model\n      globalName: churn-model\n      path: /app/model\n"
    "      archive:\n        none:",
    "outputs:\n  artifacts:\n    - name: model\n      globalName: churn-model\n      path: /app/model\n"
    "      archive:\n        none: {}",
    Severity.WARNING,
)
ARTIFACT_URL: Final = aicore_rule(
    326,
    "artifact-url",
    "The URL of an artifact ends in a slash",
    "AI Core takes `ai://SECRET/PATH` as the beginning of a key in the object store; with a slash at its end the "
    "object is not found (`The specified key does not exist`).",
    "spec:\n  arguments:\n    parameters:\n      - name: source\n        value: ai://default/data/",
    "spec:\n  arguments:\n    parameters:\n      - name: source\n        value: ai://default/data",
    Severity.WARNING,
)
UNUSED_PARAMETER: Final = aicore_rule(
    329,
    "unused-parameter",
    "A parameter is declared and used nowhere",
    "A configuration can bind it, and nothing changes: usually the placeholder that should use it is missing.",
    with_args("./train"),
    with_args("./train --depth {{workflow.parameters.DEPTH}}"),
    Severity.HINT,
)
_SHELL: Final = re.compile(r"(?:.*/)?(?:ba|da|a|z|k)?sh")
_POSITIONAL: Final = re.compile(r"\$\{?[0-9@*#]|\bshift\b|\{\{")
_SHELL_OPTION: Final = re.compile(r"-[a-z]*c")
_INSTEAD: Final = re.compile(r"!|\.(?:Failed|AllFailed|Errored|Skipped|Omitted)\b")
_GLOBAL_NAME: Final = re.compile(r"[-a-zA-Z0-9_]+")
_ARTIFACT_URL: Final = re.compile(r"ai://[^\s/]+/\S*/")


def check(subject: Subject, model: WorkflowModel, used: set[str] | None) -> None:
    """Report what AI Core would refuse, hide or lose of a WorkflowTemplate.

    Args:
        subject: the document.
        model: its workflow.
        used: the workflow parameters that something uses, None where that is not clear.
    """
    metadata = MetadataCheck(subject)
    metadata.check()
    check_urls(subject)
    if subject.is_wrong(subject.root, "spec"):
        return
    check = _AicoreCheck(subject, model)
    check.check()
    if used is not None and not any(finding.severity is Severity.ERROR for finding in subject.report.findings):
        check.unused(used)
    if model.templates and not check.refers_elsewhere:
        unmatched = metadata.check_artifacts(
            check.artifact_names, check.internal_names, has_lost=bool(check.lost) or check.is_unclear
        )
        check.report_lost(unmatched)


def check_urls(subject: Subject) -> None:
    """Report URLs of artifacts that end in a slash."""
    if "ai://" not in subject.report.document.text:
        return
    for node in walk(subject.root):
        if type(node) is ScalarNode and "ai://" in node.text and _ARTIFACT_URL.fullmatch(node.text.strip()):
            subject.report.add(
                ARTIFACT_URL,
                node,
                "The URL ends in a slash, so AI Core looks for a key that does not exist.",
                f"Write `{node.text.strip().rstrip('/')}`.",
            )


class _AicoreCheck:
    def __init__(self, subject: Subject, model: WorkflowModel) -> None:
        self._subject = subject
        self._model = model
        self._wrong = subject.wrong
        self._add = subject.report.add
        self._reached = {template.node for template in subject.workflow.reachable}
        self._defaults = model.spec.mapping("templateDefaults")
        self.artifact_names: dict[str, None] = {}
        self.internal_names: dict[str, str | None] = {}
        self._lost_outputs: list[tuple[str, MappingNode]] = []

    @property
    def lost(self) -> list[tuple[str, MappingNode]]:
        """The output artifacts that nobody will see, with their names."""
        return self._lost_outputs

    @property
    def is_unclear(self) -> bool:
        """Whether inputs or outputs are of a wrong type, so that it is not known what artifacts there are."""
        return any(
            self._subject.is_wrong(owner, key)
            for template in self._model.all_templates
            for owner, key in (
                (template.node, "inputs"),
                (template.node, "outputs"),
                (template.node.mapping("inputs"), "artifacts"),
                (template.node.mapping("outputs"), "artifacts"),
            )
        )

    @property
    def refers_elsewhere(self) -> bool:
        """Whether some of its templates are in other files."""
        return self._model.is_elsewhere or self._model.calls_elsewhere

    def check(self) -> None:
        spec = self._model.spec
        secrets = spec.values.get("imagePullSecrets")
        if type(secrets) is SequenceNode:
            check_pull_secrets(
                self._subject.report, spec.mappings_of("imagePullSecrets"), spec.keys["imagePullSecrets"]
            )
        largest: ScalarNode | None = None
        for template in self._model.all_templates:
            if not template.is_pod:
                continue
            reached = template.inline or template.node in self._reached
            plan = self._plan(template, reached=bool(reached))
            if plan is not None and largest is None and reached and self._is_large(template, plan):
                largest = plan
            for key, container in template.containers():
                self._container(template, key, container)
            self._container_names(template)
            self._archives(template)
        self._deadline(largest)
        self._artifacts()
        for parameter in spec.mapping("arguments").mappings_of("parameters"):
            for key in ("default", "value"):
                check_to_fill_in(self._subject.report, parameter.values.get(key), "the default", wholly=True)

    # --- plans ------------------------------------------------------------------------------------------------

    def _plan(self, template: TemplateModel, *, reached: bool) -> ScalarNode | None:
        report = self._subject.report
        metadata = template.node.mapping("metadata")
        plan = plan_of(report, metadata.mapping("labels"))
        if plan is not None:
            if plan is not metadata.mapping("labels").values.get(INSTANCE_LABEL):
                check_plan(report, plan, self._subject.options.resource_plans)
            else:
                check_to_fill_in(report, plan, "the instance type")
            return plan
        for labels in (
            self._model.spec.mapping("podMetadata").mapping("labels"),
            self._defaults.mapping("metadata").mapping("labels"),
        ):
            plan = plan_of(report, labels)
            if plan is not None:
                return plan
        where = self._misplaced_plan(template, metadata)
        if where is not None:
            self._add(
                MISPLACED,
                where,
                f"`{where.text}` has no effect here: it is a label of the pods.",
                "Move it to `metadata.labels` of the same template.",
                severity=Severity.WARNING,
            )
        elif reached and not self._plan_is_elsewhere() and not self._labels_are_wrong(metadata):
            node = template.node
            labels = metadata.mapping("labels")
            self._add(
                NO_PLAN,
                labels.keys.get(PLAN_LABEL) or labels.keys.get(INSTANCE_LABEL) or node.values.get("name") or node,
                f"{template.title[0].upper() + template.title[1:]} names no resource plan, so its pod runs on the "
                "default one, the smallest.",
                f"Add the label `{PLAN_LABEL}` to `metadata.labels` of this template.",
            )
        return None

    def _labels_are_wrong(self, metadata: MappingNode) -> bool:
        return bool({metadata, metadata.values.get("labels")} & self._wrong)

    def _misplaced_plan(self, template: TemplateModel, metadata: MappingNode) -> ScalarNode | None:
        for mapping in (
            metadata.mapping("annotations"),
            metadata,
            template.node,
            template.node.mapping("labels"),
            template.node.mapping("annotations"),
            *(container for _, container in template.containers()),
        ):
            for label in (PLAN_LABEL, INSTANCE_LABEL):
                if label in mapping.values:
                    return mapping.keys[label]
        return None

    def _plan_is_elsewhere(self) -> bool:
        """Tell whether the plan stands among the template's own labels, where it is reported as misplaced."""
        return any(
            label in self._subject.metadata.mapping(part).values
            for part in ("labels", "annotations")
            for label in (PLAN_LABEL, INSTANCE_LABEL)
        )

    def _is_large(self, template: TemplateModel, plan: ScalarNode) -> bool:
        value = plan.value or ""
        if plan is not template.node.mapping("metadata").mapping("labels").values.get(INSTANCE_LABEL):
            value = nearest(value, PLANS) or value
            if value in SMALL_PLANS or value not in PLANS:
                return False
        elif is_replaced(value) or "<" in value:
            return False
        return not is_given(template.node, "activeDeadlineSeconds") and not is_given(template.node, "timeout")

    def _deadline(self, plan: ScalarNode | None) -> None:
        spec = self._model.spec
        if plan is None or is_given(spec, "activeDeadlineSeconds"):
            return
        self._add(
            NO_DEADLINE,
            self._subject.root.keys.get("spec") or plan,
            f"A run on the plan `{plan.value}` that hangs never ends by itself, and bills until somebody stops it.",
            "Add `activeDeadlineSeconds:` to `spec`, in seconds.",
        )

    # --- containers -------------------------------------------------------------------------------------------

    def _container(self, template: TemplateModel, key: str, container: MappingNode) -> None:
        report = self._subject.report
        check_image(report, container)
        for variable in container.mappings_of("env"):
            check_to_fill_in(report, variable.values.get("value"), "the value", wholly=True)
            secret = variable.mapping("valueFrom").mapping("secretKeyRef")
            check_to_fill_in(report, secret.values.get("name"), "the secret's name")
        if key not in ("container", "containerSet", "script") or key in self._defaults.values or not container.values:
            return
        at = container.values.get("name") if key == "containerSet" else template.node.keys.get(key)
        at = at or container
        command = container.values.get("command")
        words = _words(container, "command")
        if command in self._wrong:
            return
        if not any(word.strip() for word in words):
            self._add(
                NO_COMMAND,
                container.keys.get("command") or at,
                "This container has no command, and AI Core ignores what the image itself would run.",
                'Add `command: ["/bin/sh", "-c"]`, and the command line to `args`.',
            )
            return
        if key == "script":
            return
        if re.search(r"\s", words[0].strip()) and not is_replaced(words[0]):
            self._add(
                COMMAND,
                container.keys["command"],
                f"No program is called `{words[0]}`, blanks included, so the container never starts.",
                'Write each word as an item of its own: `command: ["/bin/sh", "-c"]`, and the command line in `args`.',
                severity=Severity.ERROR,
            )
            return
        if not _is_shell([*words, *_words(container, "args")[:1]]):
            self._add(
                COMMAND,
                container.keys["command"],
                'SAP\'s service guide asks for `command: ["/bin/sh", "-c"]`; other commands run in practice.',
                "Let a shell run it, with the command line in `args`.",
            )
        self._args(container, words, at=at)

    def _args(self, container: MappingNode, words: list[str], *, at: Node) -> None:
        args = container.values.get("args")
        if args in self._wrong:
            return
        given = [
            item for item in container.items_of("args") if type(item) is not ScalarNode or (item.value or "").strip()
        ]
        waits = _is_shell(words) and bool(_SHELL_OPTION.fullmatch(words[-1]))  # for its command line
        if given:
            first = given[0].text if type(given[0]) is ScalarNode else "$@"
            if waits and len(given) > 1 and not _POSITIONAL.search(first):
                self._add(
                    COMMAND,
                    given[1],
                    f"A shell with `{words[-1]}` runs the first item of `args` only: this one is no part of the "
                    "command line.",
                    "Write the whole command line as one item.",
                )
            return
        self._add(
            NO_ARGS,
            container.keys.get("args") or at,
            "This container has no `args`, so its shell has nothing to run and ends with an error."
            if waits
            else "This container has no `args`, which SAP's service guide asks for.",
            "Put the command line into `args`.",
            severity=None if waits else Severity.WARNING,
        )

    def _container_names(self, template: TemplateModel) -> None:
        named = [
            (key, name, container)
            for key, container in template.containers()
            if key in ("containerSet", "sidecars") and (name := container.name("name"))
        ]
        in_set = [name for key, name, _ in named if key == "containerSet"]
        if in_set and "main" not in in_set:
            self._add(
                CONTAINER_NAME,
                template.node.mapping("containerSet").keys["containers"],
                "No container of the set is called `main`, so AI Core shows no logs of a run.",
                "Call the one that does the work `main`.",
            )
        for _, name, container in named:
            if name != "main" and not name.startswith("readable-") and not is_replaced(name):
                self._add(
                    CONTAINER_NAME,
                    container.values["name"],
                    f"AI Core shows no logs of a container called `{name}`.",
                    f"Call it `readable-{name}`.",
                )

    # --- artifacts --------------------------------------------------------------------------------------------

    def _archives(self, template: TemplateModel) -> None:
        for artifact in template.node.mapping("outputs").mappings_of("artifacts"):
            archive = artifact.values.get("archive")
            if type(archive) is not MappingNode or "none" not in archive.values:
                continue
            if not any(is_given(archive, key) for key in archive.values):
                self._add(
                    EMPTY_ARCHIVE,
                    archive.keys["none"],
                    "`none` without `{}` is null, as if it were not there: the output is packed as a `.tgz` file.",
                    "Write `none: {}`.",
                )

    def _artifacts(self) -> None:
        text = self._subject.report.document.text
        first: dict[str, tuple[ScalarNode, TemplateModel]] = {}
        conditional, instead = self._alternatives()
        for artifact in self._model.spec.mapping("arguments").mappings_of("artifacts"):
            if name := artifact.name("name"):
                self.artifact_names[name] = None
        for template in self._model.all_templates:
            self.artifact_names.update(dict.fromkeys(template.input_artifacts))
            reached = template.inline or template.node in self._reached
            for artifact in template.node.mapping("outputs").mappings_of("artifacts"):
                name = artifact.name("name")
                node = artifact.values.get("globalName")
                global_name = artifact.name("globalName")
                if global_name and type(node) is ScalarNode:
                    self.artifact_names[global_name] = None
                    if name and _GLOBAL_NAME.fullmatch(global_name):
                        self.internal_names.setdefault(name, global_name)
                    elif name:
                        # That this is no globalName is what is wrong, not that annotations name a better one.
                        self.internal_names[name] = None
                        for between in ("-", "_", ""):
                            self.artifact_names[re.sub(r"[^-a-zA-Z0-9_]+", between, global_name)] = None
                    other, owner = first.setdefault(global_name, (node, template))
                    runs = {owner.node, template.node}
                    is_alternative = len(runs) == 2 and (runs <= conditional or runs & instead)
                    if other is not node and reached and not is_alternative:
                        self._add(
                            DUPLICATE_GLOBAL_NAME,
                            node,
                            f"The output in line {other.line} has the globalName `{global_name}`, too: the object "
                            "store keeps only one of them.",
                            "Give each a globalName of its own.",
                        )
                    continue
                if name:
                    self.internal_names[name] = None
                if template.is_pod and reached and name and not is_supplied(artifact):
                    self._lost(artifact, name, text)

    def _alternatives(self) -> tuple[set[Node], set[Node]]:
        """Return the templates of which each call has a condition, and those that only run when another one did not."""
        conditional: set[Node] = set()
        instead: set[Node] = set()
        always: set[Node] = set()
        for template in self._model.all_templates:
            for call in template.calls:
                target = self._model.target(call)
                if target is None:
                    continue
                if _INSTEAD.search(call.node.text("depends") or ""):
                    instead.add(target.node)
                elif is_given(call.node, "when"):
                    conditional.add(target.node)
                else:
                    always.add(target.node)
        return conditional - always, instead - always

    def _lost(self, artifact: MappingNode, name: str, text: str) -> None:
        if name in self._subject.meant or not self._subject.calls_are_clear:
            return
        escaped = re.escape(name)
        if re.search(rf"outputs\.artifacts(?:\.{escaped}(?![\w-])|\[\s*['\"]{escaped}['\"]\s*\])", text):
            return  # another step reads it
        self._lost_outputs.append((name, artifact))

    def report_lost(self, unmatched: list[str]) -> None:
        """Report the outputs that are lost.

        Args:
            unmatched: names of artifacts that annotations speak of and nothing has: probably the missing globalNames.
        """
        for name, artifact in self._lost_outputs:
            wanted = unmatched[0] if len(unmatched) == 1 and len(self._lost_outputs) == 1 else name
            self._add(
                NO_GLOBAL_NAME,
                artifact.keys.get("globalName") or artifact,
                f"The output artifact `{name}` has no globalName, so AI Core does not register it: the execution is "
                "COMPLETED, and its output is lost.",
                f"Add `globalName: {wanted}`.",
            )

    # --- parameters -------------------------------------------------------------------------------------------

    def unused(self, used: set[str]) -> None:
        """Report workflow parameters that nothing uses."""
        if self._model.is_elsewhere or self.refers_elsewhere:
            return
        for name, parameter in self._model.parameters.items():
            if name not in used:
                self._add(
                    UNUSED_PARAMETER,
                    parameter.values["name"],
                    f"The workflow takes a parameter `{name}`, and uses it nowhere.",
                    f"Use it as `{{{{workflow.parameters.{name}}}}}`, or remove it.",
                )


def _words(container: MappingNode, key: str) -> list[str]:
    return [item.value or "" for item in container.items_of(key) if type(item) is ScalarNode]


def _is_shell(words: list[str]) -> bool:
    """Tell whether a command line is given to a shell, which may have options (`bash -euo pipefail -c`)."""
    begins = next((index for index, word in enumerate(words) if _SHELL.fullmatch(word)), len(words))
    return any(_SHELL_OPTION.fullmatch(word) for word in words[begins + 1 :])
