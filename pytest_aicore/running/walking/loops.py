"""The items of a loop, and what its children left together.

Source: argo-workflows 3.5, workflow/controller/operator.go (`processItem`, `expandSequence`,
`processAggregateNodeOutputs`) and pkg/apis/workflow/v1alpha1/item.go.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.running.walking.values import Plain, ValueProblem, json_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_aicore.running.walking.nodes import Outputs

KEYS: Final = ("withItems", "withParam", "withSequence")
_VERB: Final = re.compile(r"%(?:%|[-+ 0#]*\d*[doxX])")


def items_of(call: Plain) -> list[Any] | None:
    """Return the items of a step or task in which tags are replaced, None for one without a loop.

    Args:
        call: the step or task.

    Raises:
        ValueProblem: the items cannot be had.
    """
    if call.get("withItems") is not None:
        return list(call["withItems"])
    if call.get("withParam") is not None:
        return _parsed(text_of(call["withParam"]))
    if call.get("withSequence") is not None:
        return list(_sequence(call["withSequence"]))
    return None


def _parsed(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueProblem(f"withParam value could not be parsed as a JSON list: {text}: {error}") from None
    if found is None:
        return []
    if not isinstance(found, list):
        raise ValueProblem(f"withParam value could not be parsed as a JSON list: {text}: expected a list")
    return found


def _sequence(sequence: Plain) -> Iterable[str]:
    start = _whole(sequence.get("start"), 0)
    if sequence.get("count") is not None:
        count = _whole(sequence["count"], 0)
        numbers = range(start, start + count)
    else:
        end = _whole(sequence.get("end"), 0)
        numbers = range(start, end + 1) if start <= end else range(start, end - 1, -1)
    written = sequence.get("format")
    return (str(number) if written is None else _formatted(written, number) for number in numbers)


def _whole(value: Any, default: int) -> int:
    if value is None:
        return default
    text = text_of(value)
    if not re.fullmatch(r"[-+]?[0-9]+", text):
        raise ValueProblem(f'strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)


def _formatted(written: str, number: int) -> str:
    if "%" in _VERB.sub("", written) or len([verb for verb in _VERB.findall(written) if verb != "%%"]) != 1:
        raise ValueProblem(f"withSequence format '{written}' has not exactly one verb for a whole number, such as %d")
    return written % number


def texts_of(item: Any) -> dict[str, str]:
    """Return what `{{item}}` and `{{item.key}}` mean.

    Args:
        item: a plain value.
    """
    texts = {"item": text_of(item)}
    if isinstance(item, dict):
        texts.update({f"item.{key}": text_of(value) for key, value in item.items()})
    return texts


def child_name(name: str, index: int, item: Any) -> str:
    """Return the name of one child of a loop.

    Args:
        name: of the step or task.
        index: of the item, from 0.
        item: a plain value.
    """
    is_map = isinstance(item, dict)
    text = ",".join(f"{key}:{text_of(item[key])}" for key in sorted(item)) if is_map else text_of(item)
    return f"{name}({index}:{text.replace('(', '').replace(')', '')})"


def together(children: list[Outputs]) -> Mapping[str, str]:
    """Return what tags mean that name the outputs of a whole loop, without their beginning `steps.NAME.`.

    Args:
        children: the outputs of the children that Succeeded, in the order of the items.

    Raises:
        ValueProblem: a result is not JSON, so they cannot become a list.
    """
    texts: dict[str, str] = {}
    if any(child.result is not None for child in children):
        results = [child.result for child in children if child.result is not None]
        try:
            texts["outputs.result"] = json_of([json.loads(result) for result in results])
        except ValueError as error:
            raise ValueProblem(
                f"the results of a loop are made into a JSON list, and one is not JSON: {error}"
            ) from None
    with_parameters = [child.parameters for child in children if child.parameters]
    if with_parameters:
        texts["outputs.parameters"] = json_of([dict(each) for each in with_parameters])
        names = dict.fromkeys(name for each in with_parameters for name in each)
        for name in names:
            texts[f"outputs.parameters.{name}"] = json_of([each[name] for each in with_parameters if name in each])
    return texts


__all__ = ["KEYS", "child_name", "items_of", "texts_of", "together"]
