"""Every `{{...}}` in a workflow, resolved in the scope that Argo would resolve it in.

What Argo replaces is decided by how a tag begins: `inputs.`, `outputs.`, `steps.`, `tasks.`, `workflow.`, `item`,
`pod.`. Tags that begin with anything else, also with a blank, are left as they are (a script may have placeholders of
its own), so only what was surely meant for Argo is reported of those.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.expressions import bracket_mistake
from pytest_aicore.workflows.argo.scopes import is_readable, scoped
from pytest_aicore.workflows.argo.tags import tags, without_tags
from pytest_aicore.workflows.argo.variables import CALL_FIELDS, FIELDS, ROOTS
from pytest_aicore.workflows.checks.argo.arguments import MISSING_ARGUMENT
from pytest_aicore.workflows.checks.argo.placeholder_rules import (
    EXPRESSION,
    ITEM,
    NOT_YET_RUN,
    ONLY_AT_EXIT,
    UNCLOSED,
    UNDECLARED_ARTIFACT,
    UNDECLARED_PARAMETER,
    UNKNOWN_OUTPUT,
    UNKNOWN_STEP,
    UNKNOWN_VARIABLE,
)
from pytest_aicore.workflows.checks.rule import Severity
from pytest_aicore.workflows.checks.words import capital, did_you_mean, nearest, told_near
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode, is_given

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pytest_aicore.workflows.argo.graph import CallModel, TemplateModel, WorkflowModel
    from pytest_aicore.workflows.argo.scopes import Scope
    from pytest_aicore.workflows.checks.rule import Rule
    from pytest_aicore.workflows.checks.subject import Subject
    from pytest_aicore.workflows.yaml.tree import Node


_LONGEST_BEGINNING: Final = 200
_MOST_LITERALS: Final = 20
_MOST_OF_ONE_TAG: Final = 20
"""How often one tag is reported in one value, and likewise how far the others look: no person writes more."""

_BRACKET: Final = re.compile(r"[{(<%\[](?:workflow|inputs)\.")
_PARAMETER_NAME: Final = re.compile(r"[\w-]+")
_REFERENCE: Final = re.compile(r"[A-Za-z]\w*(?:\.[\w\- ]+)*")
_OTHER_BRACKETS: Final = re.compile(
    r"(?<![{$(<%\[])(\$?[{(<%\[](workflow|inputs)\.(parameters|artifacts)\.([\w.-]+)[})>%\]]+)"
)
_WITHOUT_BRACKETS: Final = re.compile(r"((workflow|inputs)\.(parameters)\.([\w.-]+))")
_RESULT: Final = re.compile(r"(steps|tasks)\.([\w-]+)\.outputs\.(?:result|parameters\.[\w-]+)|(item)\.\w+")
_OUTPUT_OF_CALL: Final = re.compile(r"\.outputs?\.(?:parameters?|artifacts?|result)\b")
_WITH_BRACKETS: Final = re.compile(r"\b(\w+)\[\s*['\"]([^'\"]+)['\"]\s*\]")
_EXPRESSION_NAME: Final = re.compile(
    r"(?<![\w.'\"])(inputs|workflow)\.parameters(?:\.([A-Za-z_]\w*)|\[\s*(['\"])(.+?)\3\s*\])"
)


def check(subject: Subject, model: WorkflowModel) -> set[str] | None:
    """Report placeholders that cannot be resolved.

    Args:
        subject: the document.
        model: its workflow.

    Returns:
        the names of the workflow parameters that are used somewhere, None where that is not clear.
    """
    return _ReferenceCheck(subject, model).check()


class _ReferenceCheck:
    def __init__(self, subject: Subject, model: WorkflowModel) -> None:
        self._subject = subject
        self._model = model
        self._report = subject.report
        self._fails = subject.fails
        self._used: set[str] = set()
        self._usage_is_clear = True
        # Where the declarations themselves are broken, nothing can be said about what they declare.
        self._parameters: Mapping[str, MappingNode] | None = (
            None
            if subject.is_wrong(model.spec, "arguments")
            or subject.is_wrong(model.spec.mapping("arguments"), "parameters")
            or model.is_elsewhere
            or any(not item.text("name") for item in model.spec.mapping("arguments").mappings_of("parameters"))
            else model.parameters
        )
        self._global_names: dict[str, set[str]] | None = None
        self._seen: dict[tuple[Node, str], int] = {}
        self._told: set[tuple[Node | None, str]] = set()
        self._behind_dollars: set[str] = set()

    def check(self) -> set[str] | None:
        model = self._model
        for node, scope in scoped(model):
            self._walk(node, scope)
        entry = model.by_name.get(model.spec.text("entrypoint") or "")
        if entry is not None:
            self._used.update(entry.input_parameters)
            self._entry_arguments(entry)
        return self._used if self._usage_is_clear else None

    def _entry_arguments(self, entry: TemplateModel) -> None:
        """Report inputs of the entrypoint that no workflow parameter of the same name supplies."""
        if self._parameters is None or self._subject.is_library:
            return
        for name, parameter in entry.input_parameters.items():
            if name in self._parameters or any(is_given(parameter, key) for key in ("value", "default", "valueFrom")):
                continue
            self._report.add(
                MISSING_ARGUMENT,
                parameter,
                f"The entrypoint needs the parameter `{name}`, and no workflow parameter has that name. {self._fails}",
                f"Declare `{name}` under `spec.arguments.parameters`, or give it a `value` here.",
                hint=did_you_mean(name, self._parameters),
            )

    # --- where tags can stand ---------------------------------------------------------------------------------

    def _walk(self, root: Node, scope: Scope) -> None:
        pending: list[tuple[Node, str]] = [(root, "")]
        while pending:
            node, key = pending.pop()
            if type(node) is ScalarNode:
                if _BRACKET.search(node.text) and key not in ("expression", "fromExpression"):
                    self._single_braces(node, scope)
                elif key in ("value", "withParam"):
                    self._without_braces(node, scope)
                if "{{" in node.text:
                    self._scalar(node, scope)
                elif key in ("from", "parameter") and node.text.startswith(("steps.", "tasks.", "inputs.")):
                    self._tag(node, node.text, node.text.strip(), scope)
                elif key in ("expression", "fromExpression"):
                    self._expression(node, node.text, scope)
            elif type(node) is MappingNode:
                pending.extend((value, name) for name, value in node.values.items())
            elif type(node) is SequenceNode:
                pending.extend((item, key) for item in node.items)

    def _scalar(self, node: ScalarNode, scope: Scope) -> None:
        text = node.text
        self._behind_dollars = {text[begin:end] for begin, end in tags(text) if text[begin - 1 : begin] == "$"}
        position = text.find("{{")
        end, nested = 0, -1
        while position >= 0:
            if 0 <= end < position + 2:
                end = text.find("}}", position + 2)
            begins = text[position + 2 : position + 2 + _LONGEST_BEGINNING].lstrip()
            if nested <= position:
                nested = text.find("{{", position + 2)
            if (end < 0 or 0 <= nested < end) and not begins.startswith("="):
                if _root_of(begins) in ROOTS:
                    self._unclosed(node, text[position : position + _LONGEST_BEGINNING])
                position = nested
                continue
            if end < 0:
                if _root_of(begins[1:].strip()) in ROOTS:
                    self._unclosed(node, text[position : position + _LONGEST_BEGINNING])
                return
            inner = text[position + 2 : end]
            stripped = inner.strip()
            if stripped.startswith("="):
                # A map literal in an expression may end in two braces of its own.
                for _ in range(_MOST_LITERALS):
                    further = text.find("}}", end + 1) if inner.count("{") > inner.count("}") else -1
                    if further < 0:
                        break
                    end = further
                    inner = text[position + 2 : end]
                self._expression(node, inner.strip()[1:], scope, whole=text[position : end + 2])
            elif not _is_foreign(inner, scope):
                self._tag(node, text[position : end + 2], stripped, scope)
            position = text.find("{{", end + 2)

    def _single_braces(self, node: ScalarNode, scope: Scope) -> None:
        """Report references in other brackets than Argo's, if what they name is declared."""
        # Inside a tag of Argo's, brackets are those of an expression.
        self._no_placeholders(node, scope, _OTHER_BRACKETS.finditer(without_tags(node.text, " ")))

    def _without_braces(self, node: ScalarNode, scope: Scope) -> None:
        """Report a value that is nothing but a reference, if what it names is declared."""
        whole = _WITHOUT_BRACKETS.fullmatch(node.text)
        if whole is not None:
            self._no_placeholders(node, scope, [whole])
        result = _RESULT.fullmatch(node.text)
        if result is not None and (scope.loop if result.group(3) else result.group(2) in scope.calls):
            self._bare(node, node.text, node.text)

    def _no_placeholders(self, node: ScalarNode, scope: Scope, references: Iterable[re.Match[str]]) -> None:
        for found in references:
            root, kind, name = found.group(2, 3, 4)
            if kind == "artifacts" and name.endswith(".path"):
                name = name[: -len(".path")]
            declared: Collection[str] = (
                (self._parameters or {} if kind == "parameters" else ()) if root == "workflow" else scope.inputs(kind)
            )
            if name not in declared:
                continue
            self._used.add(name)
            self._bare(node, found.group(1), f"{root}.{kind}.{found.group(4)}")

    def _bare(self, node: ScalarNode, text: str, tag: str) -> None:
        self._add(
            UNCLOSED,
            node,
            text,
            f"Argo only replaces what stands in double braces: `{text}` stays in the text. "
            "The container sees it as it is.",
            f"Write `{{{{{tag}}}}}`.",
        )

    def _unclosed(self, node: ScalarNode, text: str) -> None:
        found = re.match(r"\{\{\s*[\w.\-]*\}?", text)
        shown = found.group() if found else text[:20]
        self._usage_is_clear = False
        self._add(
            UNCLOSED,
            node,
            shown,
            f"The placeholder `{shown}` is not closed by two braces. {self._fails}",
            f"Write `{shown.rstrip('}')}}}}}`.",
        )

    def _add(
        self,
        rule: Rule,
        node: ScalarNode,
        text: str,
        message: str,
        remedy: str,
        *,
        hint: str | None = None,
        severity: Severity | None = None,
    ) -> None:
        # The same tag may stand several times in one value: each is reported at its own place.
        occurrence = self._seen.get((node, text), 0)
        self._seen[(node, text)] = occurrence + 1
        if occurrence >= _MOST_OF_ONE_TAG:
            return
        self._report.add_inside(rule, node, text, message, remedy, hint=hint, severity=severity, occurrence=occurrence)

    # --- what tags can say ------------------------------------------------------------------------------------

    def _tag(self, node: ScalarNode, text: str, tag: str, scope: Scope) -> None:
        root, _, rest = tag.partition(".")
        if "[" in tag and root in ROOTS:
            better = _WITH_BRACKETS.sub(r"\1.\2", tag)
            self._unknown(
                node,
                text,
                "Brackets only work in expressions, which begin with `{{=`.",
                f"Write `{{{{{better}}}}}`." if better != tag else f"Write `{{{{={tag}}}}}`.",
            )
            return
        if root == "workflow":
            self._workflow(node, text, tag, rest, scope)
        elif root == "inputs":
            self._inputs(node, text, rest, scope)
        elif root in ("steps", "tasks"):
            self._call_result(node, text, tag, root, rest, scope)
        elif root == "item":
            self._item(node, text, tag, rest, scope)
        elif root == "outputs":
            self._own_output(node, text, rest, scope)
        elif root == "pod":
            if rest != "name":
                self._unknown(node, text, f"`{tag}` is nothing that Argo knows of a pod.", "Use `{{pod.name}}`.")
        else:
            self._foreign(node, text, tag, root, rest, scope)

    def _unknown(
        self,
        node: ScalarNode,
        text: str,
        message: str,
        remedy: str,
        *,
        hint: str | None = None,
        severity: Severity | None = None,
    ) -> None:
        self._usage_is_clear = False
        self._add(
            UNKNOWN_VARIABLE,
            node,
            text,
            f"{message} {self._fails}" if severity is None else message,
            remedy,
            hint=hint,
            severity=severity,
        )

    def _foreign(self, node: ScalarNode, text: str, tag: str, root: str, rest: str, scope: Scope) -> None:
        """Report tags that are left in the text as they are, if they were surely meant for Argo."""
        meant = tag.lstrip("{ ")
        if meant != tag and _root_of(meant) in ROOTS and _REFERENCE.fullmatch(meant):
            self._usage_is_clear = False
            self._bare(node, f"{text}}}" if f"{text}}}" in node.text else text, meant)
        if not _REFERENCE.fullmatch(tag):
            return
        left = "Argo replaces no such placeholder: it stays in the text, braces included."
        if not rest:
            if text in self._behind_dollars:
                return  # a shell's or a template engine's own
            declared = self._parameters or {}
            if root == "items" and scope.loop is not None:
                self._unknown(
                    node,
                    text,
                    "The item of a loop is called `item`.",
                    "Write `{{item}}`.",
                    hint="Did you mean 'item'?",
                )
            elif root in declared:
                self._unknown(
                    node,
                    text,
                    f"`{{{{{tag}}}}}` is no reference to the parameter. {left}",
                    f"Write `{{{{workflow.parameters.{root}}}}}`.",
                    severity=Severity.WARNING,
                )
            elif root in scope.inputs("parameters"):
                self._unknown(
                    node,
                    text,
                    f"`{{{{{tag}}}}}` is no reference to the parameter. {left}",
                    f"Write `{{{{inputs.parameters.{root}}}}}`.",
                    severity=Severity.WARNING,
                )
            return
        second = rest.partition(".")[0]
        better = nearest(root, ROOTS)
        if better is not None:
            seconds = FIELDS.get(better, ())
            fits = second in (scope.calls if better in ("steps", "tasks") else seconds) or nearest(second, seconds)
            is_declared = rest.rpartition(".")[2] in {*(self._parameters or ()), *scope.inputs("parameters")}
            if (
                fits
                or (better in ("inputs", "workflow") and is_declared)
                or (better == "item" and scope.loop is not None)
            ):
                self._unknown(
                    node,
                    text,
                    f"`{root}` is nothing that Argo knows. {left}",
                    f"Write `{{{{{better}.{rest}}}}}`.",
                    hint=told_near(better),
                    severity=Severity.ERROR,
                )
        elif root in ("parameters", "params", "arguments", "spec") and (
            nearest(second, ("parameters", *(self._parameters or ()))) or ".parameters." in rest
        ):
            name = rest.rpartition(".")[2]
            self._unknown(
                node,
                text,
                f"`{{{{{tag}}}}}` is nothing that Argo knows. {left}",
                f"Write `{{{{workflow.parameters.{name}}}}}` or `{{{{inputs.parameters.{name}}}}}`.",
                severity=Severity.ERROR,
            )

    def _workflow(self, node: ScalarNode, text: str, tag: str, rest: str, scope: Scope) -> None:
        second, _, name = rest.partition(".")
        if second not in FIELDS["workflow"]:
            if self._subject.is_library and not nearest(second, FIELDS["workflow"]):
                return
            near = nearest(second, FIELDS["workflow"])
            better = f"{{{{workflow.{near}{'.' + name if name else ''}}}}}" if near else ""
            parameter = name.rpartition(".")[2]
            if not near and parameter in (self._parameters or ()):
                better = f"{{{{workflow.parameters.{parameter}}}}}"
            self._unknown(
                node,
                text,
                f"A workflow of Argo has no `{second}`.",
                f"Write `{better}`."
                if better
                else "Use one of Argo's workflow variables, for example "
                "`{{workflow.parameters.NAME}}` or `{{workflow.name}}`.",
                hint=told_near(near),
            )
        elif second == "parameters":
            if not name or name == "json":
                self._usage_is_clear = False
            else:
                self._workflow_parameter(node, text, name)
        elif second == "outputs":
            self._global_output(node, text, name)
        elif second in ("status", "failures") and not (name or scope.at_exit or self._subject.is_library):
            if not self._subject.calls_are_clear:
                return  # an exit handler that is misnamed leads nowhere
            self._add(
                ONLY_AT_EXIT,
                node,
                text,
                f"`{{{{{tag}}}}}` is only known in what `onExit` or a hook runs. {self._fails}",
                "Move it to an exit handler.",
            )

    def _workflow_parameter(self, node: ScalarNode, text: str, name: str) -> None:
        self._used.add(name)
        declared = self._parameters
        if declared is None or name in declared:
            return
        if self._subject.is_library and "entrypoint" not in self._model.spec.values:
            return
        self._usage_is_clear = False
        inputs = next((template for template in self._model.templates if name in template.input_parameters), None)
        near = nearest(name, declared)
        if near and _PARAMETER_NAME.fullmatch(near) is None:
            return  # that it cannot be a name is what is wrong
        self._add(
            UNDECLARED_PARAMETER,
            node,
            text,
            f"The workflow declares no parameter `{name}`. {self._fails}",
            f"Write `{{{{workflow.parameters.{near}}}}}`."
            if near
            else f"Declare `{name}` under `spec.arguments.parameters`"
            + (f", or write `{{{{inputs.parameters.{name}}}}}`." if inputs is not None else "."),
            hint=told_near(near),
            severity=Severity.WARNING if self._subject.is_library else None,
        )

    def _inputs(self, node: ScalarNode, text: str, rest: str, scope: Scope) -> None:
        kind, _, name = rest.partition(".")
        if kind not in ("parameters", "artifacts"):
            near = nearest(kind, ("parameters", "artifacts"))
            self._unknown(
                node,
                text,
                f"The inputs of a template have no `{kind}`, only `parameters` and `artifacts`.",
                f"Write `{{{{inputs.{near or 'parameters'}.{name or kind}}}}}`.",
                hint=told_near(near),
            )
            return
        if not name:
            return
        if (
            kind == "artifacts"
            and name in scope.inputs(kind)
            and not scope.is_call
            and scope.template is not None
            and scope.template.is_pod
        ):
            self._unknown(
                node,
                text,
                f"An artifact is no text: `{text}` stays as it is, and the container sees it so.",
                f"Write `{{{{inputs.artifacts.{name}.path}}}}`, where the container finds it.",
                severity=Severity.ERROR,
            )
            return
        if kind == "artifacts" and name.endswith(".path"):
            name = name[: -len(".path")]
            if scope.is_call and scope.template is not None and name in scope.template.input_artifacts:
                self._add(
                    UNDECLARED_ARTIFACT,
                    node,
                    text,
                    f"{capital(scope.template.title)} has no container, so its input artifact `{name}` has no path. "
                    f"{self._fails}",
                    f"Write `{{{{inputs.artifacts.{name}}}}}`.",
                )
                return
        declared = scope.inputs(kind)
        if name in declared or not scope.is_clear("inputs", kind, self._subject.wrong):
            return
        rule = UNDECLARED_PARAMETER if kind == "parameters" else UNDECLARED_ARTIFACT
        word = kind[:-1]
        near = nearest(name, declared)
        is_global = kind == "parameters" and name in (self._parameters or {})
        if near:
            remedy = f"Write `{{{{inputs.{kind}.{near}}}}}`."
        elif is_global:
            self._used.add(name)
            remedy = f"Write `{{{{workflow.parameters.{name}}}}}`: the workflow has a parameter of that name."
        else:
            remedy = f"Declare `{name}` under `inputs.{kind}` of the template."
        if kind == "parameters":
            self._usage_is_clear = False
        where = scope.template.title if scope.template is not None else "the workflow itself"
        self._add(
            rule,
            node,
            text,
            f"{where[0].upper() + where[1:]} declares no input {word} `{name}`. {self._fails}",
            remedy,
            hint=told_near(near),
        )

    def _call_result(self, node: ScalarNode, text: str, tag: str, root: str, rest: str, scope: Scope) -> None:
        name, _, result = rest.partition(".")
        if name == "name" and not result:
            return
        word = root[:-1]
        while not scope.word and scope.outer is not None:
            scope = scope.outer
        if scope.word != root:
            self._other_calls(node, text, root, name, result, scope)
            return
        call = scope.calls.get(name) if scope.sees(name) else None
        if call is None:
            if name in scope.calls:
                if scope.template is not None and scope.template.node in self._subject.unclear_dags:
                    return
                # A step that stands in the wrong group shows wherever it refers to the other.
                if (scope.holder, name) in self._told:
                    return
                self._told.add((scope.holder, name))
                self._add(
                    NOT_YET_RUN,
                    node,
                    text,
                    f"The {word} `{name}` may not have run when this is needed. {self._fails}",
                    "Refer to a step of an earlier group (one with a dash of its own), or move this step to a later "
                    "one."
                    if root == "steps"
                    else f"Add `{name}` to the tasks that this one waits for.",
                )
                return
            if not self._subject.calls_are_clear:
                return
            self._add(
                UNKNOWN_STEP,
                node,
                text,
                f"{capital(scope.template.title) if scope.template else 'The template'} has no {word} `{name}`. "
                f"{self._fails}",
                f"Name one of {', '.join(f'`{known}`' for known in list(scope.calls)[:8])}."
                if scope.calls
                else f"Name a {word} of this template.",
                hint=did_you_mean(name, scope.calls),
            )
            return
        self._result(node, text, tag, call, result, word)

    def _other_calls(self, node: ScalarNode, text: str, root: str, name: str, result: str, scope: Scope) -> None:
        word = root[:-1]
        if scope.word:
            other = scope.word
            self._add(
                UNKNOWN_STEP,
                node,
                text,
                f"`{{{{{root}...}}}}` does not work here: this template has "
                f"{'steps' if other == 'steps' else 'a dag'}. {self._fails}",
                f"Write `{{{{{other}.{name}{'.' + result if result else ''}}}}}`.",
            )
            return
        self._add(
            UNKNOWN_STEP,
            node,
            text,
            f"{capital(scope.template.title) if scope.template else 'The workflow'} has no {root} of its own, so it "
            f"cannot see the {word} `{name}`. {self._fails}",
            "Declare an input of this template, and pass the value in the `arguments` of the call.",
        )

    def _result(self, node: ScalarNode, text: str, tag: str, call: CallModel, result: str, word: str) -> None:
        kind, _, rest = result.partition(".")
        if kind not in CALL_FIELDS:
            near = nearest(kind, CALL_FIELDS)
            self._unknown(
                node,
                text,
                f"A {word} has no `{kind}`." if kind else f"`{tag}` does not say what of the {word} is meant.",
                "Use `status`, `exitCode`, `id`, `ip`, `startedAt`, `finishedAt`, `outputs.result`, "
                "`outputs.parameters.NAME` or `outputs.artifacts.NAME`.",
                hint=told_near(near),
            )
            return
        if kind != "outputs":
            return
        target = self._model.target(call)
        second, _, name = rest.partition(".")
        if second in ("parameters", "artifacts"):
            if not name or target is None:
                return
            declared: Mapping[str, MappingNode] = target.outputs(second)
            if second == "artifacts" and name.endswith(".path"):
                name = name[: -len(".path")]
                if name in declared:
                    self._add(
                        UNKNOWN_OUTPUT,
                        node,
                        text,
                        f"An artifact of a {word} has no path here, only in its own container. {self._fails}",
                        f"Write `{{{{{tag[: -len('.path')]}}}}}`.",
                    )
                    return
            if name not in declared and is_readable(target, "outputs", second, self._subject.wrong):
                near = nearest(name, declared)
                self._subject.meant.update([near] if near else declared)
                self._add(
                    UNKNOWN_OUTPUT,
                    node,
                    text,
                    f"{capital(target.title)} has no output {second[:-1]} `{name}`. {self._fails}",
                    f"Name `{near}`." if near else f"Declare `{name}` under `outputs.{second}` of that template.",
                    hint=told_near(near),
                )
        elif second == "result":
            if target is not None and target.is_graph:
                self._add(
                    UNKNOWN_OUTPUT,
                    node,
                    text,
                    f"{capital(target.title)} runs other templates, so it prints no result itself. {self._fails}",
                    "Give it an output parameter, and refer to that.",
                )
        elif second != "exitCode":
            near = nearest(second, ("parameters", "artifacts", "result"))
            self._subject.meant.add(name)
            self._unknown(
                node,
                text,
                f"The outputs of a {word} have no `{second}`."
                if second
                else f"`{tag}` does not say which output is meant.",
                "Use `outputs.result`, `outputs.parameters.NAME` or `outputs.artifacts.NAME`.",
                hint=told_near(near),
            )

    def _own_output(self, node: ScalarNode, text: str, rest: str, scope: Scope) -> None:
        if scope.template is None or scope.is_call:
            return
        kind, _, name = rest.partition(".")
        if kind in ("parameters", "artifacts"):
            if not name:
                return
            if name.endswith(".path"):
                name = name[: -len(".path")]
            declared: Mapping[str, MappingNode] = scope.template.outputs(kind)
            if name not in declared and scope.is_clear("outputs", kind, self._subject.wrong):
                near = nearest(name, declared)
                self._add(
                    UNKNOWN_OUTPUT,
                    node,
                    text,
                    f"{capital(scope.template.title)} has no output {kind[:-1]} `{name}`, so the placeholder stays in "
                    "the text, braces included.",
                    f"Write `{{{{outputs.{kind}.{near}.path}}}}`." if near else f"Declare it under `outputs.{kind}`.",
                    hint=told_near(near),
                )
        elif kind not in ("result", "exitCode"):
            near = nearest(kind, ("parameters", "artifacts", "result"))
            if near:
                self._unknown(
                    node,
                    text,
                    f"The outputs of a template have no `{kind}`.",
                    f"Write `{{{{outputs.{near}{'.' + name if name else ''}}}}}`.",
                    hint=told_near(near),
                )

    def _global_output(self, node: ScalarNode, text: str, rest: str) -> None:
        kind, _, name = rest.partition(".")
        if kind not in ("parameters", "artifacts") or not name or self._subject.is_library:
            return
        if self._global_names is None:
            self._global_names = {"parameters": set(), "artifacts": set()}
            for template in self._model.all_templates:
                for kind_of_output, outputs in self._global_names.items():
                    for output in template.outputs(kind_of_output).values():
                        outputs.add(output.text("globalName") or "")
        known = self._global_names[kind]
        if name in known or any("{{" in other for other in known):
            return
        if self._model.calls_elsewhere:
            return
        self._add(
            UNKNOWN_OUTPUT,
            node,
            text,
            f"No output {kind[:-1]} of the workflow has the `globalName` `{name}`. {self._fails}",
            "Give an output that `globalName`, or name one of "
            f"{', '.join(f'`{word}`' for word in sorted(known) if word)}."
            if any(known)
            else "Give the output that is meant that `globalName`.",
            hint=did_you_mean(name, known),
        )

    def _item(self, node: ScalarNode, text: str, tag: str, rest: str, scope: Scope) -> None:
        loop: CallModel | None = None
        around: Scope | None = scope
        while around is not None and loop is None:
            loop, around = around.loop, around.outer
        if loop is None:
            if not scope.is_call and not rest:
                # A script may well have loops and placeholders of its own.
                severity: Severity | None = Severity.WARNING
                happens = "It stays in the text, braces included."
            else:
                severity, happens = None, self._fails
            self._add(
                ITEM,
                node,
                text,
                f"`{{{{{tag}}}}}` is the item of a loop, and there is none here. {happens}",
                "Add `withItems`, `withParam` or `withSequence` to the step or task."
                if scope.is_call
                else "Pass it as an argument: declare an input parameter of this template, and give it `{{item}}` in "
                "the step or task that loops.",
                severity=severity,
            )
            return
        if not rest:
            return
        items = loop.node.values.get("withItems")
        if "withSequence" in loop.loops and len(loop.loops) == 1:
            self._add(
                ITEM,
                node,
                text,
                f"The items of `withSequence` are numbers, so they have no `{rest}`. {self._fails}",
                "Write `{{item}}`.",
            )
        elif type(items) is SequenceNode and items.items:
            self._item_key(node, text, rest, items)

    def _item_key(self, node: ScalarNode, text: str, key: str, items: SequenceNode) -> None:
        for item in items.items:
            if type(item) is MappingNode:
                if key not in item.values:
                    self._add(
                        ITEM,
                        node,
                        text,
                        f"The item in line {item.line} of the loop has no key `{key}`. {self._fails}",
                        "Add the key to every item, or name another one.",
                        hint=did_you_mean(key, item.values),
                    )
                    return
            elif type(item) is ScalarNode and "{{" not in item.text and not item.text.lstrip().startswith("{"):
                self._add(
                    ITEM,
                    node,
                    text,
                    f"The items of the loop are single values, so they have no `{key}`. {self._fails}",
                    f"Write `{{{{item}}}}`, or make the items maps with the key `{key}`.",
                )
                return

    # --- expressions ------------------------------------------------------------------------------------------

    def _expression(self, node: ScalarNode, text: str, scope: Scope, *, whole: str | None = None) -> None:
        mistake = bracket_mistake(text)
        if mistake is not None:
            self._usage_is_clear = False
            self._add(
                EXPRESSION,
                node,
                whole or text,
                f"This expression cannot be read: {mistake.why}. {self._fails}",
                "Repair the expression.",
            )
            return
        if "workflow.parameters" in text:
            bare = re.search(r"workflow\.parameters(?![.\[\w])", text)
            if bare is not None:
                self._usage_is_clear = False
        for found in _EXPRESSION_NAME.finditer(text):
            name = found.group(2) or found.group(4)
            declared: Iterable[str]
            if found.group(1) == "workflow":
                self._used.add(name)
                if self._parameters is None or self._subject.is_library:
                    continue
                declared = self._parameters
            else:
                declared = scope.inputs("parameters")
            if name in declared or "??" in text:
                continue
            self._usage_is_clear = False
            written = f"{found.group(1)}.parameters"
            hyphened = next((other for other in declared if other.startswith(f"{name}-")), None)
            if found.group(2) and hyphened and text[found.end() :].startswith(hyphened[len(name) :]):
                self._used.add(hyphened)
                self._add(
                    EXPRESSION,
                    node,
                    found.group(),
                    f"In an expression `{written}.{hyphened}` is a difference of two values. {self._fails}",
                    f"Write `{written}['{hyphened}']`.",
                )
                continue
            near = nearest(name, declared)
            self._add(
                EXPRESSION,
                node,
                found.group(),
                f"No parameter `{name}` is declared there, so the expression has no value. {self._fails}",
                f"Write `{written}['{near}']`." if near else "Declare it.",
                hint=told_near(near),
                severity=None if near else Severity.WARNING,
            )


def _is_foreign(tag: str, scope: Scope) -> bool:
    """Tell whether a tag that begins like one of Argo's belongs to another language (Jinja, GitHub's workflows).

    Argo only refuses what begins with a root and its dot, without a blank before it; any other tag that names nothing
    stays in the text. So in what a pod runs, a tag with a blank has to look like one of Argo's further on, too.
    """
    root, dot, rest = tag.strip().partition(".")
    if root not in ROOTS:
        return False
    in_pod = tag[:1].isspace() and not scope.is_call and scope.loop is None
    if not dot and root != "item":
        return True
    if not in_pod:
        return False
    if root in ("steps", "tasks"):
        return rest.partition(".")[0] not in scope.calls and not _OUTPUT_OF_CALL.search(rest)
    second = rest.partition(".")[0]
    return second not in FIELDS.get(root, ()) and nearest(second, FIELDS.get(root, ())) is None


def _root_of(tag: str) -> str:
    found = re.match(r"\w+", tag)
    return found.group() if found else ""
