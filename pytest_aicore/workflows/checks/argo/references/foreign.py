"""Tags that begin with none of Argo's words: slips of its variables, and placeholders of other tools."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.placeholders import to_fill_in
from pytest_aicore.workflows.argo.variables import FIELDS, ROOTS, root_of
from pytest_aicore.workflows.checks.argo.references.unclosed import report_bare
from pytest_aicore.workflows.checks.argo.references.unknown import report_unknown
from pytest_aicore.workflows.checks.examples import example_container
from pytest_aicore.workflows.checks.rule import Severity, argo_rule
from pytest_aicore.workflows.checks.words import hint_for, nearest, shortened

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.scopes import Scope
    from pytest_aicore.workflows.checks.argo.references.check import ReferenceCheck
    from pytest_aicore.workflows.checks.argo.references.texts import Text
    from pytest_aicore.workflows.checks.report import Report
    from pytest_aicore.workflows.yaml.tree import ScalarNode

FOREIGN_PLACEHOLDER: Final = argo_rule(
    250,
    "foreign-placeholder",
    "A placeholder begins with a word that Argo does not know",
    "Argo replaces what begins with `inputs`, `outputs`, `steps`, `tasks`, `workflow`, `item` or `pod`. Anything else "
    "in double braces stays in the text, braces included, unless another tool fills it in before. Texts that have a "
    "template language of their own (Jinja, Go templates, f-strings) are left out.",
    example_container().replace(":1", ":{{TAG}}"),
    example_container(),
    Severity.WARNING,
)

_LEFT: Final = "Argo does not replace it: it stays in the text, braces included."
_REFERENCE: Final = re.compile(r"[A-Za-z]\w*(?:\.[\w\- ]+)*")
_PLAIN: Final = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+)*")
_FUNCTION: Final = re.compile(r"(?:asInt|asFloat|jsonpath|toJson|sprig\.\w+)\(")
_LOCAL: Final = frozenset({"retries", "lastRetry", "node", "cronworkflow"})
"""What else Argo replaces; source: Argo's documentation, page "Workflow Variables"."""
_OF_METRICS: Final = frozenset({"duration", "exitCode", "resourcesDuration", "status"})
"""What Argo replaces in the metrics of a template besides; source: the same page."""
_FOR_PARAMETERS: Final = frozenset({"parameters", "parameter", "params", "param", "arguments", "args", "spec", "vars"})
_FOR_ARTIFACTS: Final = frozenset({"artifacts", "artifact"})

_OTHER_LANGUAGE: Final = re.compile(
    r"\{%|\b(?:jinja2?|j2|mustache|handlebars|gomplate)\b"  # Jinja and the like
    r"|\$\{\{"  # workflows of GitHub
    r"|\{\{-?\s*(?:[.#/!>^&\"$]|(?:range|if|with|end|else|json|define|template|block)\b)"  # Go, Mustache
    r"|\{\{[^{}]*\|[^{}]*\}\}"  # filters
    r"|\b[fF][rR]?['\"]|<<"  # formats of Python, documents of shells
)
_FILLS_IN_ITSELF: Final = re.compile(
    r"\bsed\b|\.replace\(|\bre\.sub\(|\.format\(|\.substitute\(|\brender\b|[Tt]emplate|[Pp]rompt"
)


def has_other_language(text: Text) -> bool:
    """Return whether a program has placeholders of a language of its own, which Argo leaves alone."""
    return text.use != "value" and _OTHER_LANGUAGE.search(text.node.text) is not None


def fills_in_itself(text: Text) -> bool:
    """Return whether a program may be what fills in the placeholders that it has."""
    return text.use != "value" and _FILLS_IN_ITSELF.search(text.node.text) is not None


def check_foreign(check: ReferenceCheck, text: Text, written: str, tag: str, scope: Scope) -> None:
    """Report a tag that Argo leaves in the text, unless it belongs to a language of that text.

    Args:
        check: the workflow.
        text: the value that the tag is in.
        written: the tag as it is written, braces included.
        tag: what is between its braces.
        scope: the scope of the value.
    """
    root = root_of(tag)
    if root in _LOCAL or (text.is_metric and root in _OF_METRICS):
        return
    if _report_slip(check, text, written, tag, scope):
        return
    if text.use == "prose":
        return
    if text.use == "program" and (
        not _PLAIN.fullmatch(tag)
        or written in check.behind_dollars
        or check.has_other_language
        or check.fills_in_itself
    ):
        return
    check.usage_is_clear = False
    better = _better(check, tag, scope)
    # With three braces of another tool, the last one is not part of the tag.
    shown = f"{written}}}" if tag.startswith("{") and f"{written}}}" in text.node.text else written
    check.add(
        FOREIGN_PLACEHOLDER,
        text.node,
        shown,
        f"`{shortened(shown)}` is not a variable of Argo. Unless another tool fills it in before, "
        + ("the image cannot be pulled." if text.key == "image" else "it stays in the text, braces included."),
        _remedy(check, text, tag, better, scope),
        hint=hint_for(better),
    )


def _better(check: ReferenceCheck, tag: str, scope: Scope) -> str | None:
    """Return the variable of Argo that was probably meant, None where none is near."""
    root, _, rest = tag.partition(".")
    name = rest.rpartition(".")[2]
    if not name or _PLAIN.fullmatch(tag) is None:
        return None
    if root.lower() in _FOR_ARTIFACTS:
        return f"inputs.artifacts.{rest.removesuffix('.path')}{'' if scope.is_call else '.path'}"
    if name in scope.inputs("parameters"):
        return f"inputs.parameters.{name}"
    if root.lower() in _FOR_PARAMETERS or name in (check.parameters or ()):
        return f"workflow.parameters.{name}"
    return None


def _remedy(check: ReferenceCheck, text: Text, tag: str, better: str | None, scope: Scope) -> str:
    if better is not None:
        kind, name = better.removesuffix(".path").rsplit(".", 2)[-2:]
        is_declared = name in scope.inputs(kind) or (kind == "parameters" and name in (check.parameters or ()))
        return f"Write `{{{{{better}}}}}`{'' if is_declared else f', and declare `{name}`'}."
    root, _, rest = tag.partition(".")
    if nearest(root, ("steps", "tasks")) and ".outputs." in rest:
        return "Declare an input of this template, and pass the value in the `arguments` of the call."
    if scope.template is not None and (text.use == "program" or text.key == "image"):
        return "Put the real value in its place, or a parameter of the workflow, `{{workflow.parameters.NAME}}`."
    return "Put the real value in its place."


def check_left(report: Report, text: Text) -> None:
    """Report a value in brackets of another kind that was left to be filled in."""
    if text.is_whole:
        left = to_fill_in(text.node.text, wholly=text.key != "image")
        if left is not None:
            report_left(report, text.node, left)


def report_left(report: Report, node: ScalarNode, left: str) -> None:
    """Report the part of a value that was left to be filled in."""
    report.add_inside(
        FOREIGN_PLACEHOLDER,
        node,
        left,
        f"`{shortened(left)}` was left to be filled in. Unless a tool does so before, it stays as it is.",
        "Put the real value in its place.",
    )


def _report_slip(check: ReferenceCheck, text: Text, written: str, tag: str, scope: Scope) -> bool:
    """Report a tag that was surely meant for Argo, and return whether it is one."""
    meant = tag.lstrip("{ ")
    if meant != tag and root_of(meant) in ROOTS and _REFERENCE.fullmatch(meant):
        check.usage_is_clear = False
        report_bare(check, text.node, f"{written}}}" if f"{written}}}" in text.node.text else written, meant)
        return True
    if _FUNCTION.match(tag):
        report_unknown(
            check,
            text.node,
            written,
            f"An expression begins with `{{{{=`. {_LEFT}",
            f"Write `{{{{={tag}}}}}`.",
            severity=Severity.WARNING,
        )
        return True
    if not _REFERENCE.fullmatch(tag):
        return False
    root, _, rest = tag.partition(".")
    if not rest:
        return written not in check.behind_dollars and _report_word(check, text, written, root, scope)
    second = rest.partition(".")[0]
    better = nearest(root, ROOTS)
    if better is not None:
        seconds = FIELDS.get(better, ())
        fits = second in (scope.calls if better in ("steps", "tasks") else seconds) or nearest(second, seconds)
        is_declared = rest.rpartition(".")[2] in {*(check.parameters or ()), *scope.inputs("parameters")}
        if fits or (better in ("inputs", "workflow") and is_declared) or (better == "item" and scope.loop is not None):
            report_unknown(
                check,
                text.node,
                written,
                f"Unknown variable `{root}`. {_LEFT}",
                f"Write `{{{{{better}.{rest}}}}}`.",
                hint=hint_for(better),
                severity=Severity.WARNING,
            )
            return True
    elif root in ("parameters", "params", "arguments", "spec") and (
        nearest(second, ("parameters", *(check.parameters or ()))) or ".parameters." in rest
    ):
        name = rest.rpartition(".")[2]
        local, outer = (f"`{{{{{word}.parameters.{name}}}}}`" for word in ("inputs", "workflow"))
        report_unknown(
            check,
            text.node,
            written,
            f"Unknown variable `{{{{{tag}}}}}`. {_LEFT}",
            f"Write {local}."
            if name in scope.inputs("parameters")
            else f"Write {outer}."
            if name in (check.parameters or ())
            else f"Write {outer} or {local}.",
            severity=Severity.WARNING,
        )
        return True
    return False


def _report_word(check: ReferenceCheck, text: Text, written: str, word: str, scope: Scope) -> bool:
    """Report a bare word that is the name of a parameter, or `items` in a loop."""
    if word == "items" and scope.loop is not None:
        message, better, near = f"The item of a loop is called `item`. {_LEFT}", "item", "item"
    elif word in (check.parameters or ()):
        message, better, near = _no_reference(word), f"workflow.parameters.{word}", None
    elif word in scope.inputs("parameters"):
        message, better, near = _no_reference(word), f"inputs.parameters.{word}", None
    else:
        return False
    report_unknown(
        check,
        text.node,
        written,
        message,
        f"Write `{{{{{better}}}}}`.",
        hint=hint_for(near),
        severity=Severity.WARNING,
    )
    return True


def _no_reference(word: str) -> str:
    return f"`{{{{{word}}}}}` does not refer to the parameter. {_LEFT}"
