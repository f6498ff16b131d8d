"""What a rule is. Each declares itself where it lives, once; two that cannot be told apart are refused at import."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Layer: TypeAlias = Literal["document", "argo", "aicore", "folder", "contract"]

REFERENCE_PAGE: Final = "docs/rules.md"
"""The page that describes every rule; a rule's id in lower case is its anchor there."""


class Severity(IntEnum):
    """How sure a finding is to hurt; a larger one is worse."""

    HINT = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        """The severity as messages say it: `error`, `warning` or `hint`."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that a template must or should fulfil.

    Creating a rule declares it: no second list has to be kept.

    Attributes:
        id: `AIC` and three digits, of which the first names the layer; it never changes its meaning.
        name: a slug in lower case with hyphens.
        severity: how a finding of it counts unless the finding knows better.
        layer: what kind of knowledge finds it.
        summary: one line, what is wrong.
        explanation: why it matters and what AI Core does.
        bad: a piece of YAML that breaks the rule.
        good: the same piece, repaired.

    Raises:
        ValueError: another rule has its id or its name, or the rules of its layer were collected already.
    """

    id: str
    name: str
    severity: Severity
    layer: Layer
    summary: str
    explanation: str
    bad: str
    good: str

    def __post_init__(self) -> None:
        """Declare the rule."""
        _declare(self)

    @property
    def anchor(self) -> str:
        """Where the documentation describes it, relative to the repository."""
        return f"{REFERENCE_PAGE}#{self.id.lower()}"


def _of_layer(
    layer: Layer,
    number: int,
    name: str,
    summary: str,
    explanation: str,
    bad: str,
    good: str,
    severity: Severity = Severity.ERROR,
) -> Rule:
    return Rule(f"AIC{number}", name, severity, layer, summary, explanation, bad, good)


document_rule: Final = partial(_of_layer, "document")
"""Declares a rule by number, name, summary, explanation, bad and good example, and its severity if not error."""
argo_rule: Final = partial(_of_layer, "argo")
"""Likewise, a rule of Argo."""
aicore_rule: Final = partial(_of_layer, "aicore")
"""Likewise, a rule of AI Core."""
folder_rule: Final = partial(_of_layer, "folder")
"""Likewise, a rule about several files."""

_declared: Final[dict[str, Rule]] = {}
_collected: Final[set[Layer]] = set()


def _declare(rule: Rule) -> None:
    known = _declared.get(rule.id)
    if known == rule:
        return  # a module that is imported again declares its rules again
    if known is not None:
        raise ValueError(
            f"The rule {rule.id} is declared twice, as `{known.name}` and as `{rule.name}`: give one of them another "
            "id."
        )
    namesake = next((other for other in _declared.values() if other.name == rule.name), None)
    if namesake is not None:
        raise ValueError(
            f"Two rules are called `{rule.name}`, {namesake.id} and {rule.id}: give one of them another name."
        )
    if rule.layer in _collected:
        # It would be reported, and neither `--explain` nor a comment that suppresses it would know it.
        raise ValueError(
            f"The rule {rule.id} (`{rule.name}`) is declared after the rules were collected, so `--explain` does not "
            "know it: name its module in pytest_aicore/workflows/checks/registry.py."
        )
    _declared[rule.id] = rule


def collect(*layers: Layer) -> Mapping[str, Rule]:
    """Return the rules that are declared, in the order of their ids, and refuse those that come later.

    Args:
        layers: the layers whose modules are imported.
    """
    _collected.update(layers)
    return MappingProxyType({id_: _declared[id_] for id_ in sorted(_declared) if _declared[id_].layer in layers})
