"""The page that describes every rule, generated from the declarations of the rules.

`python -m pytest_aicore.workflows.checks.reference > docs/rules.md` updates it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_aicore.workflows.checks.rule import Layer, Rule

_LAYERS: Final[Mapping[Layer, tuple[str, str]]] = {
    "document": ("The document", "Is the file YAML that a template can be read from?"),
    "argo": (
        "Argo",
        (
            "What Argo Workflows, which runs the executions, refuses or silently drops. What AI Core binds by "
            "name from the configuration (input artifacts, workflow parameters) is never reported as missing here."
        ),
    ),
    "aicore": ("AI Core", "What SAP AI Core would refuse, never show, or lose."),
    "folder": (
        "Several files",
        (
            "What only shows when several files are compared. Between files of one folder it is an error, between "
            "files of different folders a warning: they may never meet in one tenant."
        ),
    ),
    "contract": (
        "Contracts",
        "What a change of a workflow means for the configurations that exist: the items `path::contract`.",
    ),
}

_HEAD: Final = """\
# Rules

Generated of the rules themselves by `python -m pytest_aicore.workflows.checks.reference`; a test compares.
`docs/checks.md` tells how the checks are run, and how a rule is left out. The severity is that of most findings of a
rule; a finding that knows better says so (a slip of the keyboard is an error where an unknown key is only a warning).
"""


def page(rules: Iterable[Rule]) -> str:
    """Return the page.

    Args:
        rules: what to describe, in the order of their ids.
    """
    return "\n".join(_lines(list(rules)))


def _lines(rules: list[Rule]) -> Iterator[str]:
    yield _HEAD
    for layer, (title, about) in _LAYERS.items():
        of_layer = [rule for rule in rules if rule.layer == layer]
        if not of_layer:
            continue
        yield f"## {title}\n\n{about}\n"
        yield "| rule | name | severity | |\n|---|---|---|---|"
        for rule in of_layer:
            yield f"| [{rule.id}](#{rule.id.lower()}) | {rule.name} | {rule.severity.word} | {_cell(rule.summary)} |"
        yield ""
        for rule in of_layer:
            yield f'<a id="{rule.id.lower()}"></a>\n\n### {rule.id} {rule.name}\n'
            yield f"{rule.summary}. ({rule.severity.word})\n"
            yield f"{rule.explanation}\n"
            yield f"Bad:\n\n```yaml\n{rule.bad.rstrip()}\n```\n\nGood:\n\n```yaml\n{rule.good.rstrip()}\n```\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Print the page of all rules, those of contracts included."""
    from pytest_aicore.workflows.checks import RULES
    from pytest_aicore.workflows.contracts.rules import rules_by_id

    sys.stdout.write(page(rules_by_id(RULES.values()).values()))


if __name__ == "__main__":
    main()
