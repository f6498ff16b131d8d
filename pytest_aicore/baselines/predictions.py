"""Predictions on a golden set: their scores, and which of them changed since the baseline."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.baselines.gate import Measured, Subject, compare
from pytest_aicore.baselines.numbers import number
from pytest_aicore.baselines.origin import origin_of
from pytest_aicore.baselines.rules import Rule, at_most
from pytest_aicore.baselines.values import Values
from pytest_aicore.baselines.verdict import Row, compared
from pytest_aicore.errors import BaselineError, listing, our_message

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from pytest_aicore.baselines.document import Baseline
    from pytest_aicore.baselines.origin import Origin

__tracebackhide__ = our_message

CHANGED: Final = "changed"
EACH: Final = "each"
_SHOWN: Final = 10
_DIGEST_CHARACTERS: Final = 16


class Predictions(Measured):
    """Predictions on a golden set; a mapping of their scores. `predictions` makes them.

    Args:
        answers: prediction by the name of its example.
        expected: the right answers, None if there are none.
        origin: what predicted; None for what the test itself has used.
    """

    def __init__(self, answers: Mapping[str, Any], expected: Mapping[str, Any] | None, origin: Origin | None) -> None:
        scores = {} if expected is None else _scores(answers, expected)
        super().__init__({name: Values(score, score, score) for name, score in scores.items()}, origin)
        self._answers = answers
        self._expected = expected

    def matches_baseline(
        self, path: str | os.PathLike[str], rules: Mapping[str, Rule] | None = None, /, **more: Rule
    ) -> bool:
        """Return True if a baseline allows these predictions; `pytest --aicore-update` writes the baseline.

        Args:
            path: the baseline, a JSON file; a relative path is relative to the folder of the test.
            rules: by the name of the score. `changed=at_most(2)` is for the number of predictions that are not those
                of the baseline; percentages are of all. `each=within(0.1)` says how far a number may be from its own in
                the baseline and still count as the same.
            more: the same as keywords.

        Raises:
            GateError: a rule does not hold, or the golden set is not that of the baseline.
            BaselineError: there is no such baseline, or it cannot be used.
        """
        __tracebackhide__ = True
        given = {**(rules or {}), **more}
        each, changed = given.pop(EACH, None), given.get(CHANGED)
        if each is not None:
            self._require(EACH, each, "within")
            given[CHANGED] = changed = at_most(0) if changed is None else changed
        if changed is not None:
            self._require(CHANGED, changed, "at_most")
        subject = Subject(
            self._values,
            "score",
            self._origin,
            self._digest,
            self._answers,
            keeps_answers=changed is not None,
            own_rules={} if changed is None else {CHANGED: partial(self._changed, changed, each)},
            first=self._golden_set,
        )
        return compare(subject, path, given)

    @staticmethod
    def _require(name: str, rule: object, kind: str) -> None:
        if not isinstance(rule, Rule) or rule.kind != kind or rule.at != "last":
            raise BaselineError(f"the rule of {name!r} is {rule!r:.60}: expected {kind}(...), without a step.")

    @property
    def _digest(self) -> str:
        """What is the same for the same golden set: its examples and their right answers."""
        expected: Any = sorted(self._answers) if self._expected is None else dict(sorted(self._expected.items()))
        text = json.dumps(expected, ensure_ascii=True)
        return f"{len(self._answers)} examples, sha256:{hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]}"

    def _golden_set(self, baseline: Baseline) -> list[Row]:
        if baseline.golden == self._digest:
            return []
        was = baseline.golden or "none, because it is of a run's metrics"
        problem = f"the golden set is not that of the baseline ({was}; now {self._digest})"
        return [Row("golden set", "the same examples and right answers", passed=False, problem=problem)]

    def _changed(self, rule: Rule, each: Rule | None, baseline: Baseline) -> Row:
        if baseline.answers is None:
            return Row(
                CHANGED, repr(rule), passed=False, problem="the baseline has no predictions, only scores: update it"
            )
        was = baseline.answers
        differing = [
            name for name, answer in self._answers.items() if name not in was or not _same(answer, was[name], each)
        ]
        details = [self._change(name, was) for name in islice(differing, _SHOWN)]
        if len(differing) > _SHOWN:
            details.append(f"and {len(differing) - _SHOWN} more")
        return compared(CHANGED, rule, float(len(differing)), 0.0, float(len(self._answers)), details)

    def _change(self, name: str, was: Mapping[str, Any]) -> str:
        right = "" if self._expected is None else f" (right: {self._expected[name]!r})"
        return f"{name}: {was.get(name)!r} -> {self._answers[name]!r}{right}"


def predictions(
    answers: Mapping[str, Any] | Sequence[Any],
    expected: Mapping[str, Any] | Sequence[Any] | None = None,
    *,
    of: object = None,
) -> Predictions:
    """Return predictions on a golden set as what can be compared with a baseline; it is a mapping of their scores.

    Labels (texts, truth values, whole numbers) have `accuracy` and `macro_f1`, numbers `mean_absolute_error` and
    `root_mean_squared_error`; whole numbers have all of them, because they may be either.

    Args:
        answers: the prediction for each example by its name, or in order.
        expected: the right answers, by the same names or in the same order; without them there are no scores, and only
            changes since the baseline can be limited.
        of: the deployment or execution that predicted; without it, the one that the test has used.

    Raises:
        BaselineError: there are no predictions, one is not a label or number, or not each example has both.
    """
    named = _named("answers", answers)
    right = None if expected is None else _named("expected", expected)
    if not named:
        raise BaselineError("predictions({}): there are no predictions, so there is nothing that could pass.")
    if right is not None and named.keys() != right.keys():
        without, needless = [*(right.keys() - named.keys())], [*(named.keys() - right.keys())]
        told = [f"{len(without)} without a prediction: {_some(without)}"] if without else []
        told += [f"{len(needless)} without a right answer: {_some(needless)}"] if needless else []
        raise BaselineError(f"predictions: each example needs both; {'; '.join(told)}.")
    return Predictions(named, right, None if of is None else origin_of(of))


def _some(names: Iterable[str]) -> str:
    ordered = sorted(names)
    return listing(ordered[:_SHOWN]) + (", ..." if len(ordered) > _SHOWN else "")


def _named(what: str, given: Any) -> dict[str, Any]:
    if isinstance(given, (str, bytes)) or (not isinstance(given, (Mapping, Sequence)) and not hasattr(given, "tolist")):
        raise BaselineError(f"predictions: {what} is {given!r:.60}: expected labels or numbers by name, or a list.")
    if not isinstance(given, (Mapping, Sequence)):
        given = given.tolist()  # numpy, pandas, torch
    items = given.items() if isinstance(given, Mapping) else enumerate(given)
    return {str(name): _answer(what, name, value) for name, value in items}


def _answer(what: str, name: object, value: Any) -> Any:
    """Return a label or number as JSON has it."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return int(value)
    plain = value.item() if hasattr(value, "item") and not isinstance(value, float) else value  # a scalar of numpy
    if isinstance(plain, (str, bool, int)):
        return plain
    found = number(plain)
    if found is None or not math.isfinite(found):
        raise BaselineError(
            f"predictions: {what}[{name!r}] is {value!r:.60}: expected a label or a finite number. Take it from the"
            ' answer of the model, for example answer["label"].'
        )
    return found


def _same(answer: Any, was: Any, each: Rule | None) -> bool:
    if _is_number(answer) and _is_number(was):
        return each.bounds(float(was)).hold(float(answer)) if each is not None else bool(answer == was)
    return type(answer) is type(was) and bool(answer == was)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _scores(answers: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, float]:
    pairs = [(answers[name], expected[name]) for name in expected]
    found: dict[str, float] = {}
    if not any(isinstance(each, float) for pair in pairs for each in pair):
        found = {
            "accuracy": sum(_same(answer, right, None) for answer, right in pairs) / len(pairs),
            "macro_f1": _macro_f1(pairs),
        }
    if all(_is_number(each) for pair in pairs for each in pair):
        distances = [abs(float(answer) - float(right)) for answer, right in pairs]
        found["mean_absolute_error"] = math.fsum(distances) / len(pairs)
        found["root_mean_squared_error"] = math.sqrt(math.fsum(each * each for each in distances) / len(pairs))
    return found


def _macro_f1(pairs: Sequence[tuple[Any, Any]]) -> float:
    """Return the mean of the F1 scores of all labels that are right or predicted anywhere, as scikit-learn does."""
    counts: dict[tuple[str, Any], list[int]] = {}
    for answer, right in pairs:
        of_answer = counts.setdefault((type(answer).__name__, answer), [0, 0])
        of_right = counts.setdefault((type(right).__name__, right), [0, 0])
        of_answer[1] += 1
        of_right[1] += 1
        if of_answer is of_right:
            of_answer[0] += 1
    return math.fsum(2 * hits / uses for hits, uses in counts.values()) / len(counts)


__all__ = ["Predictions", "predictions"]
