"""Puts values where tags and expressions stand.

Source: argo-workflows 3.5, util/template/expression_template.go, simple_template.go and workflow/controller/scope.go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.running.expressions.functions import to_json
from pytest_aicore.running.expressions.go import shown
from pytest_aicore.running.expressions.language import read
from pytest_aicore.running.expressions.problems import EvaluationProblem, SyntaxProblem
from pytest_aicore.running.walking.values import ValueProblem
from pytest_aicore.workflows.argo.tags import tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_aicore.running.expressions.language import Path
    from pytest_aicore.running.walking.values import Scope, Supplied

_TAG: Final = re.compile(r"\{\{([^{}]*)\}\}")
_EXPRESSION: Final = re.compile(r"\{\{\s*=")


def substituted(value: Any, texts: Mapping[str, str]) -> Any:
    """Return a plain value in which each tag whose meaning is known is replaced; the others stay.

    So do expressions that name something else as well, or that have no value.

    Args:
        value: strings in it may have tags, keys of maps as well.
        texts: by the name of a tag its text.
    """
    if isinstance(value, str):
        if _EXPRESSION.search(value):
            return _with_expressions(value, texts)
        return _TAG.sub(lambda found: texts.get(found[1].strip(), found[0]), value) if "{{" in value else value
    if isinstance(value, list):
        return [substituted(item, texts) for item in value]
    if isinstance(value, dict):
        return {substituted(key, texts): substituted(item, texts) for key, item in value.items()}
    return value


def _with_expressions(text: str, texts: Mapping[str, str]) -> str:
    parts: list[str] = []
    position = 0
    for tag in tags(text):
        if not tag.is_closed:
            continue
        meaning = texts.get(tag.name) if tag.expression is None else _meaning(tag.expression, texts)
        if meaning is not None:
            parts += [text[position : tag.begin], meaning]
            position = tag.end
    return "".join(parts) + text[position:]


def _meaning(expression: str, texts: Mapping[str, str]) -> str | None:
    """Return the text of an expression, None as long as something that it names is not known, or without a value."""
    try:
        known = read(expression)
        names = nested(texts, {path[0] for path in known.paths})
        if not all(_is_known(path, names) for path in known.paths):
            return None
        value = known.value(names)
    except (SyntaxProblem, EvaluationProblem):
        return None
    return None if value is None else shown(value)


def _is_known(path: Path, names: Mapping[str, Any]) -> bool:
    """Return whether a name, and the first that is asked of it, is there: what else is asked of it is a value then."""
    if path[0] not in names:
        return False
    owner = names[path[0]]
    return len(path) == 1 or not isinstance(owner, dict) or path[1] in owner


def nested(values: Mapping[str, Any], roots: Iterable[str]) -> dict[str, Any]:
    """Return values by dotted names as maps in maps, as expressions see them; a map hides a value of the same name.

    Args:
        values: by the name of a tag.
        roots: the first words of those that are wanted.
    """
    wanted = set(roots)
    found: dict[str, Any] = {}
    for name, value in values.items():
        root, *others = name.split(".")
        if root not in wanted:
            continue
        owner, key = found, root
        for part in others:
            inner = owner.get(key)
            if not isinstance(inner, dict):
                inner = owner[key] = {}
            owner, key = inner, part
        if not isinstance(owner.get(key), dict):
            owner[key] = value
    return found


def evaluated(text: str, scope: Scope) -> Any:
    """Return the value of a bare expression.

    Args:
        text: without braces.
        scope: what it may name: texts and artifacts.

    Raises:
        ValueProblem: it has none.
    """
    try:
        known = read(text)
        names = nested({**scope.texts, **scope.artifacts}, {path[0] for path in known.paths})
        return known.value(names)
    except (SyntaxProblem, EvaluationProblem) as problem:
        raise ValueProblem(f"failed to evaluate expression '{text}': {problem}") from None


def condition(text: str, scope: Scope) -> bool:
    """Return what a bare expression says: that of a hook or of retries.

    Args:
        text: without braces.
        scope: what it may name.

    Raises:
        ValueProblem: it has no value, or one that is not a bool.
    """
    value = evaluated(text, scope)
    if not isinstance(value, bool):
        raise ValueProblem(f"failed to evaluate expression '{text}': expected bool, but got {shown(value)}")
    return value


def text_from(expression: str, scope: Scope) -> str:
    """Return the value of an output parameter's expression.

    Args:
        expression: without braces.
        scope: what it may name.

    Raises:
        ValueProblem: it has none.
    """
    value = evaluated(expression, scope)
    if value is None:
        raise ValueProblem(f"failed to evaluate expression '{expression}': it has no value")
    return value if isinstance(value, str) else to_json(value)


def artifact_from(expression: str, scope: Scope) -> Supplied | None:
    """Return the artifact that an expression gives, None for none.

    Args:
        expression: without braces.
        scope: what it may name.

    Raises:
        ValueProblem: it has no value, or gives something else.
    """
    value = evaluated(expression, scope)
    if value is not None and value not in scope.artifacts.values():
        raise ValueProblem(f"failed to evaluate expression '{expression}': expected an artifact")
    return value  # type: ignore[no-any-return]


__all__ = ["artifact_from", "condition", "evaluated", "nested", "substituted", "text_from"]
