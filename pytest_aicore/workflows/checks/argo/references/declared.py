"""Parameters and artifacts, against what the workflow and its templates declare."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.argo.arguments import MISSING_ARGUMENT
from pytest_aicore.workflows.checks.argo.references.unknown import report_unknown
from pytest_aicore.workflows.checks.examples import with_args
from pytest_aicore.workflows.checks.rule import Severity, argo_rule
from pytest_aicore.workflows.checks.words import capital, hint_for, nearest, typo_hint
from pytest_aicore.workflows.yaml.tree import ScalarNode, is_given

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import TemplateModel
    from pytest_aicore.workflows.argo.scopes import Scope
    from pytest_aicore.workflows.checks.argo.references.check import ReferenceCheck

UNDECLARED_PARAMETER: Final = argo_rule(
    240,
    "undeclared-parameter",
    "A placeholder names a parameter that is not declared",
    "`{{workflow.parameters.X}}` needs X among `spec.arguments.parameters`, `{{inputs.parameters.X}}` among the "
    "`inputs.parameters` of the same template; names are case-sensitive. Argo refuses the workflow when it starts: the "
    "execution ends DEAD without a log.",
    with_args("python train.py --depth {{workflow.parameters.DEPHT}}"),
    with_args("python train.py --depth {{workflow.parameters.DEPTH}}"),
)

UNDECLARED_ARTIFACT: Final = argo_rule(
    241,
    "undeclared-artifact",
    "A placeholder names an input artifact that is not declared",
    "`{{inputs.artifacts.X}}` and `{{inputs.artifacts.X.path}}` need X among the `inputs.artifacts` of the same "
    "template.",
    with_args(
        "python train.py {{inputs.artifacts.data.path}}",
        "inputs:\n  artifacts:\n    - name: dataset\n      path: /app/data",
    ),
    with_args(
        "python train.py {{inputs.artifacts.data.path}}",
        "inputs:\n  artifacts:\n    - name: data\n      path: /app/data",
    ),
)

_PARAMETER_NAME: Final = re.compile(r"[\w-]+")


def check_entry(check: ReferenceCheck, entry: TemplateModel) -> None:
    """Report inputs of the entrypoint that no workflow parameter of the same name supplies."""
    if check.parameters is None or check.subject.is_library:
        return
    for name, parameter in entry.input_parameters.items():
        if name in check.parameters or any(is_given(parameter, key) for key in ("value", "default", "valueFrom")):
            continue
        check.report.add(
            MISSING_ARGUMENT,
            parameter,
            f"The entrypoint needs the parameter `{name}`, and no workflow parameter has that name. {check.fails}",
            f"Declare `{name}` under `spec.arguments.parameters`, or give it a `value` here.",
            hint=typo_hint(name, check.parameters),
        )


def check_workflow_parameter(check: ReferenceCheck, node: ScalarNode, text: str, name: str) -> None:
    """Report a parameter that the workflow does not declare."""
    check.used.add(name)
    declared = check.parameters
    if declared is None or name in declared:
        return
    if check.subject.is_library and "entrypoint" not in check.model.spec.values:
        return
    check.usage_is_clear = False
    inputs = next((template for template in check.model.templates if name in template.input_parameters), None)
    near = nearest(name, declared)
    if near and _PARAMETER_NAME.fullmatch(near) is None:
        return  # that it cannot be a name is what is wrong
    check.add(
        UNDECLARED_PARAMETER,
        node,
        text,
        f"The workflow declares no parameter `{name}`. {check.fails}",
        f"Write `{{{{workflow.parameters.{near}}}}}`."
        if near
        else declared_parameter(check, name)
        + (f", or write `{{{{inputs.parameters.{name}}}}}`." if inputs is not None else "."),
        hint=hint_for(near),
        severity=Severity.WARNING if check.subject.is_library else None,
    )


def declared_parameter(check: ReferenceCheck, name: str) -> str:
    """Return how a parameter of the workflow is declared, without the full stop."""
    # A configuration supplies the values of a template of AI Core; a workflow of Argo is submitted as it is.
    value = "" if check.subject.is_aicore or check.subject.is_library else " with a `value`"
    return f"Declare `{name}` under `spec.arguments.parameters`{value}"


def declared_input(name: str, kind: str, scope: Scope) -> str:
    """Return how an input of a template is declared, so that it gets a value as well."""
    if kind == "parameters":
        return (
            f"Declare `{name}` under `inputs.parameters` of the template, with a `value` or passed wherever a step or "
            "task runs it."
        )
    path = ", with a `path`" if scope.template is not None and scope.template.is_pod else ""
    return (
        f"Declare `{name}` under `inputs.artifacts` of the template{path}, and pass it wherever a step or task runs "
        "the template."
    )


def check_input(check: ReferenceCheck, node: ScalarNode, text: str, rest: str, scope: Scope) -> None:
    """Report an input that the template does not declare."""
    kind, _, name = rest.partition(".")
    if kind not in ("parameters", "artifacts"):
        near = nearest(kind, ("parameters", "artifacts"))
        report_unknown(
            check,
            node,
            text,
            f"The inputs of a template have no `{kind}`, only `parameters` and `artifacts`.",
            f"Write `{{{{inputs.{near or 'parameters'}.{name or kind}}}}}`.",
            hint=hint_for(near),
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
        report_unknown(
            check,
            node,
            text,
            f"An artifact is not a text: `{text}` is not replaced, and the container gets it unchanged.",
            f"Write `{{{{inputs.artifacts.{name}.path}}}}`, the path in the container.",
            severity=Severity.ERROR,
        )
        return
    ending = ".path" if kind == "artifacts" and name.endswith(".path") else ""
    if ending:
        name = name.removesuffix(ending)
        if scope.is_call and scope.template is not None and name in scope.template.input_artifacts:
            check.add(
                UNDECLARED_ARTIFACT,
                node,
                text,
                f"{capital(scope.template.title)} has no container, so its input artifact `{name}` has no path. "
                f"{check.fails}",
                f"Write `{{{{inputs.artifacts.{name}}}}}`.",
            )
            return
    declared = scope.inputs(kind)
    if name in declared or not scope.is_clear("inputs", kind, check.subject.wrong):
        return
    rule = UNDECLARED_PARAMETER if kind == "parameters" else UNDECLARED_ARTIFACT
    word = kind[:-1]
    near = nearest(name, declared)
    is_global = kind == "parameters" and name in (check.parameters or {})
    if near:
        remedy = f"Write `{{{{inputs.{kind}.{near}{ending}}}}}`."
    elif is_global:
        check.used.add(name)
        remedy = f"Write `{{{{workflow.parameters.{name}}}}}`: the workflow has a parameter of that name."
    elif scope.template is None:
        remedy = "Only templates have inputs: use a parameter of the workflow, `{{workflow.parameters.NAME}}`."
    else:
        remedy = declared_input(name, kind, scope)
    if kind == "parameters":
        check.usage_is_clear = False
    where = scope.template.title if scope.template is not None else "the workflow itself"
    check.add(
        rule,
        node,
        text,
        f"{where[0].upper() + where[1:]} declares no input {word} `{name}`. {check.fails}",
        remedy,
        hint=hint_for(near),
    )
