"""The inputs of a ServingTemplate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.aicore.containers import check_to_fill_in
from pytest_aicore.workflows.checks.aicore.serving_check import plain_name
from pytest_aicore.workflows.checks.aicore.workflow import UNUSED_PARAMETER
from pytest_aicore.workflows.checks.examples import serving
from pytest_aicore.workflows.checks.rule import Severity, aicore_rule
from pytest_aicore.workflows.checks.subject import is_replaced
from pytest_aicore.workflows.checks.words import hint_for

if TYPE_CHECKING:
    from pytest_aicore.workflows.checks.aicore.serving_check import ServingCheck

SERVING_NAME: Final = aicore_rule(
    334,
    "serving-name",
    "An input of a ServingTemplate has a name that placeholders cannot use",
    "The names of a ServingTemplate's inputs consist of letters and digits; a hyphen breaks the placeholder.",
    serving().replace("churnmodel", "churn-model"),
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
_NAME: Final = re.compile(r"[A-Za-z0-9_]+")


def check_inputs(check: ServingCheck) -> None:
    """Report inputs with invalid names or types."""
    for word, declared in (("parameter", check.parameters), ("artifact", check.artifacts)):
        for name, declaration in declared.items():
            if not _NAME.fullmatch(name) and not is_replaced(name):
                check.add(
                    SERVING_NAME,
                    declaration.values["name"],
                    f"The placeholder of an input {word} called `{name}` cannot be parsed: AI Core only accepts "
                    "letters and digits.",
                    "Rename it, here and in its placeholders.",
                    hint=hint_for(plain_name(name)),
                    severity=None if word == "artifact" else Severity.WARNING,
                )
    for name, parameter in check.parameters.items():
        node = parameter.values.get("type")
        written = parameter.text("type")
        if written is not None and written.lower() != "string" and node is not None:
            check.add(
                PARAMETER_TYPE,
                node,
                f"The parameter `{name}` has the type `{written}`, but AI Core only has strings.",
                "Write `type: string`.",
            )
        check_to_fill_in(check.report, parameter.values.get("default"), "the default", wholly=True)


def check_unused(check: ServingCheck) -> None:
    """Report inputs that no placeholder uses."""
    if not check.usage_is_clear:
        return
    for name, artifact in check.artifacts.items():
        if ("artifacts", name) not in check.used:
            check.add(
                UNUSED_ARTIFACT,
                artifact.values["name"],
                f"The input artifact `{name}` is not used in the block, so it never reaches the server.",
                f"Add the variable `STORAGE_URI` with the value `{{{{inputs.artifacts.{name}}}}}` to the container.",
            )
    for name, parameter in check.parameters.items():
        if ("parameters", name) not in check.used:
            check.add(
                UNUSED_PARAMETER,
                parameter.values["name"],
                f"The template declares the parameter `{name}` and does not use it.",
                f"Use it as `{{{{inputs.parameters.{name}}}}}`, or remove it.",
            )
