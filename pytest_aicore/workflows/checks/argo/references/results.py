"""Results of steps and tasks, and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.dags import Ancestors
from pytest_aicore.workflows.argo.scopes import is_readable
from pytest_aicore.workflows.argo.variables import CALL_FIELDS
from pytest_aicore.workflows.checks.argo.references.unknown import report_unknown
from pytest_aicore.workflows.checks.examples import two_steps
from pytest_aicore.workflows.checks.rule import argo_rule
from pytest_aicore.workflows.checks.words import capital, hint_for, nearest, typo_hint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.workflows.argo.graph import CallModel, TemplateModel
    from pytest_aicore.workflows.argo.scopes import Scope
    from pytest_aicore.workflows.checks.argo.references.check import ReferenceCheck
    from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode

UNKNOWN_STEP: Final = argo_rule(
    242,
    "unknown-step",
    "A placeholder names a step or task that is not in its scope",
    "`{{steps.NAME...}}` works in the template that has the step, `{{tasks.NAME...}}` in the dag that has the task. "
    "What a container needs of another step has to be passed to its template as an argument.",
    two_steps("{{steps.perpare.outputs.parameters.rows}}"),
    two_steps("{{steps.prepare.outputs.parameters.rows}}"),
)

NOT_YET_RUN: Final = argo_rule(
    243,
    "not-yet-run",
    "A placeholder uses the result of a step or task that may not have run yet",
    "A step can refer to steps of earlier groups, a task to tasks that it depends on. Argo refuses any other "
    "reference.",
    two_steps("{{steps.train.outputs.result}}"),
    two_steps("{{steps.prepare.outputs.parameters.rows}}"),
)

UNKNOWN_OUTPUT: Final = argo_rule(
    244,
    "unknown-output",
    "A placeholder names an output that the template does not have",
    "`{{steps.NAME.outputs.parameters.X}}` needs X among the `outputs.parameters` of the template that the step runs, "
    "and likewise for artifacts.",
    two_steps("{{steps.prepare.outputs.parameters.row}}"),
    two_steps("{{steps.prepare.outputs.parameters.rows}}"),
)


def check_result(
    check: ReferenceCheck, node: ScalarNode, text: str, tag: str, root: str, rest: str, scope: Scope
) -> None:
    """Report a step or task that is unknown or may not have run, and a result that it does not have."""
    name, _, result = rest.partition(".")
    if name == "name" and not result:
        return
    word = root[:-1]
    while not scope.word and scope.outer is not None:
        scope = scope.outer
    if scope.of_volumes:  # Argo fills them in whenever it starts a step or task
        outer = [
            call for template in scope.of_pods for call in template.calls if (call.word, call.name) == (word, name)
        ]
        if outer:
            _result(check, node, text, tag, outer[0], result, word)
            return
    if scope.word != root:
        _other_calls(check, node, text, root, name, result, scope)
        return
    call = scope.calls.get(name) if scope.sees(name) else None
    if call is None:
        if name in scope.calls:
            if scope.template is not None and scope.template.node in check.subject.unclear_dags:
                return
            # A step that stands in the wrong group shows wherever it refers to the other.
            if (scope.holder, name) in check.told:
                return
            check.told.add((scope.holder, name))
            check.add(
                NOT_YET_RUN,
                node,
                text,
                f"The {word} `{name}` may not have run when its result is needed here. {check.fails}",
                _how_it_runs_before(root, name, scope),
            )
            return
        if not check.subject.calls_are_clear:
            return
        check.add(
            UNKNOWN_STEP,
            node,
            text,
            f"{capital(scope.template.title) if scope.template else 'The template'} has no {word} `{name}`. "
            f"{check.fails}",
            f"Name {_one_of(scope)}.",
            hint=typo_hint(name, _others(scope)),
        )
        return
    _result(check, node, text, tag, call, result, word)


def _own_name(scope: Scope) -> str:
    """Return the name of the step or task around the place."""
    return (scope.holder.name("name") if scope.holder is not None else None) or ""


def _others(scope: Scope) -> list[str]:
    """Return the names of the other steps or tasks of the template."""
    own = _own_name(scope)
    return [name for name in scope.calls if name != own]


def _one_of(scope: Scope) -> str:
    others = [f"`{name}`" for name in _others(scope)[:8]]
    return f"one of {', '.join(others)}" if others else f"another {scope.word[:-1]} of this template"


def _how_it_runs_before(root: str, name: str, scope: Scope) -> str:
    """Return what to do so that a step or task has run before the one around the place."""
    own = _own_name(scope)
    if root == "steps":
        earlier = "Refer to a step of an earlier group (one with a dash of its own)"
        return f"{earlier}." if own == name else f"{earlier}, or move this step to a group below that of `{name}`."
    if own == name or Ancestors(scope.calls).has(name, own):
        return f"Refer to a task that runs before `{own}`."
    return f"Add `{name}` to the dependencies of this task."


def _other_calls(
    check: ReferenceCheck, node: ScalarNode, text: str, root: str, name: str, result: str, scope: Scope
) -> None:
    word = root[:-1]
    if scope.word:
        other = scope.word
        check.add(
            UNKNOWN_STEP,
            node,
            text,
            f"`{{{{{root}...}}}}` does not work here: this template has "
            f"{'steps' if other == 'steps' else 'a dag'}. {check.fails}",
            f"Write `{{{{{other}.{name}{'.' + result if result else ''}}}}}`."
            if name in scope.calls
            else f"Write `{other}` instead of `{root}`, and name {_one_of(scope)}.",
        )
        return
    check.add(
        UNKNOWN_STEP,
        node,
        text,
        f"{capital(scope.template.title) if scope.template else 'The workflow'} has no {root}, so the {word} "
        f"`{name}` is out of its scope. {check.fails}",
        "Declare an input of this template, and pass the value in the `arguments` of the call."
        if scope.template
        else "Use it in a template, or write a parameter of the workflow, `{{workflow.parameters.NAME}}`.",
    )


def _result(
    check: ReferenceCheck, node: ScalarNode, text: str, tag: str, call: CallModel, result: str, word: str
) -> None:
    kind, _, rest = result.partition(".")
    if kind not in CALL_FIELDS:
        near = nearest(kind, CALL_FIELDS)
        report_unknown(
            check,
            node,
            text,
            f"A {word} has no `{kind}`." if kind else f"`{tag}` names no field of the {word}.",
            "Use `status`, `exitCode`, `id`, `ip`, `startedAt`, `finishedAt`, `outputs.result`, "
            "`outputs.parameters.NAME` or `outputs.artifacts.NAME`.",
            hint=hint_for(near),
        )
        return
    if kind != "outputs":
        return
    target = check.model.target(call)
    second, _, name = rest.partition(".")
    if second in ("parameters", "artifacts"):
        if not name or target is None:
            return
        declared: Mapping[str, MappingNode] = target.outputs(second)
        if second == "artifacts" and name.endswith(".path"):
            name = name[: -len(".path")]
            if name in declared:
                check.add(
                    UNKNOWN_OUTPUT,
                    node,
                    text,
                    f"An artifact of a {word} has no path here, only in its own container. {check.fails}",
                    f"Write `{{{{{tag[: -len('.path')]}}}}}`.",
                )
                return
        if name not in declared and is_readable(target, "outputs", second, check.subject.wrong):
            near = nearest(name, declared)
            check.subject.meant.update([near] if near else declared)
            check.add(
                UNKNOWN_OUTPUT,
                node,
                text,
                f"{capital(target.title)} has no output {second[:-1]} `{name}`. {check.fails}",
                f"Name `{near}`."
                if near
                else f"Declare `{name}` under `outputs.{second}` of that template{_source(second, target)}.",
                hint=hint_for(near),
            )
    elif second == "result":
        if target is not None and target.is_graph:
            check.add(
                UNKNOWN_OUTPUT,
                node,
                text,
                f"{capital(target.title)} runs other templates, so it has no `result` of its own. {check.fails}",
                "Give it an output parameter with `valueFrom:`, and refer to that.",
            )
    elif second != "exitCode":
        near = nearest(second, ("parameters", "artifacts", "result"))
        check.subject.meant.add(name)
        report_unknown(
            check,
            node,
            text,
            f"The outputs of a {word} have no `{second}`." if second else f"`{tag}` names no output.",
            "Use `outputs.result`, `outputs.parameters.NAME` or `outputs.artifacts.NAME`.",
            hint=hint_for(near),
        )


def _source(kind: str, template: TemplateModel) -> str:
    """Return what the declaration of an output needs beside its name."""
    return ", with " + ("`valueFrom:`" if kind == "parameters" else "`from:`" if template.is_graph else "`path:`")


def check_own_output(check: ReferenceCheck, node: ScalarNode, text: str, rest: str, scope: Scope) -> None:
    """Report an output that the template itself does not declare."""
    if scope.template is None or scope.is_call:
        return
    kind, _, name = rest.partition(".")
    if kind in ("parameters", "artifacts"):
        if not name:
            return
        if name.endswith(".path"):
            name = name[: -len(".path")]
        declared: Mapping[str, MappingNode] = scope.template.outputs(kind)
        if name not in declared and scope.is_clear("outputs", kind, check.subject.wrong):
            near = nearest(name, declared)
            check.add(
                UNKNOWN_OUTPUT,
                node,
                text,
                f"{capital(scope.template.title)} has no output {kind[:-1]} `{name}`, so the placeholder stays in "
                "the text, braces included.",
                f"Write `{{{{outputs.{kind}.{near}.path}}}}`."
                if near
                else f"Declare it under `outputs.{kind}`{_source(kind, scope.template)}.",
                hint=hint_for(near),
            )
    elif kind not in ("result", "exitCode"):
        near = nearest(kind, ("parameters", "artifacts", "result"))
        if near:
            report_unknown(
                check,
                node,
                text,
                f"The outputs of a template have no `{kind}`.",
                f"Write `{{{{outputs.{near}{'.' + name if name else ''}}}}}`.",
                hint=hint_for(near),
            )


def check_global_output(check: ReferenceCheck, node: ScalarNode, text: str, rest: str) -> None:
    """Report an output of the workflow that no template gives."""
    kind, _, name = rest.partition(".")
    if kind not in ("parameters", "artifacts") or not name or check.subject.is_library:
        return
    known = check.global_names[kind]
    if name in known or any("{{" in other for other in known):
        return
    if check.model.calls_elsewhere:
        return
    check.add(
        UNKNOWN_OUTPUT,
        node,
        text,
        f"No output {kind[:-1]} of the workflow has the `globalName` `{name}`. {check.fails}",
        f"Add that `globalName` to an output, or use one of {', '.join(f'`{word}`' for word in sorted(known) if word)}."
        if any(known)
        else "Add that `globalName` to an output.",
        hint=typo_hint(name, known),
    )
