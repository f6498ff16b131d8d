"""What a test compares with a baseline, and what compares it: the gate of the test that runs.

The values of a run are shared by tests, and each test has a folder, a parameter set and a world of its own. So they ask
the gate of the test that is running, which the hooks set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from pytest_aicore.baselines.origin import Origin, origin_of
from pytest_aicore.baselines.rules import Rule
from pytest_aicore.baselines.values import Values, given_values
from pytest_aicore.baselines.verdict import Row, judge, measure
from pytest_aicore.errors import AicoreError, BaselineError, our_message

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from pytest_aicore.baselines.document import Baseline

__tracebackhide__ = our_message

METRIC: Final = "metric"
_VALUE: Final = "value"


@dataclass(frozen=True)
class Subject:
    """What is compared: values, and how each rule is judged.

    Attributes:
        values: by name.
        noun: what one of them is called.
        origin: what they come from; None for what the test itself has used.
        golden: digest of the golden set, None without one.
        answers: prediction by the name of its example, None without.
        keeps_answers: whether the baseline has to keep them.
        own_rules: how the rules of these names are judged, with the baseline.
        first: rows that stand before those of the rules.
    """

    values: Mapping[str, Values]
    noun: str
    origin: Origin | None = None
    golden: str | None = None
    answers: Mapping[str, Any] | None = None
    keeps_answers: bool = False
    own_rules: Mapping[str, Callable[[Baseline], Row]] = field(default_factory=dict)
    first: Callable[[Baseline], list[Row]] = lambda _: []

    def rows(self, rules: Mapping[str, Rule], baseline: Baseline) -> list[Row]:
        """Return what becomes of each rule.

        Args:
            rules: by the name of the value.
            baseline: with what the values are compared.
        """
        return self.first(baseline) + [
            self.own_rules[name](baseline)
            if name in self.own_rules
            else judge(name, rule, self.values, baseline.values, self.noun)
            for name, rule in rules.items()
        ]

    def lacking(self, rules: Mapping[str, Rule]) -> list[Row]:
        """Return a row for each rule whose value does not exist.

        Args:
            rules: by the name of the value.
        """
        rows = [
            measure(name, rule, self.values, self.noun) for name, rule in rules.items() if name not in self.own_rules
        ]
        return [row for row in rows if row.problem is not None]


class Gate(Protocol):
    """Compares for the test that is running."""

    def compare(self, subject: Subject, path: str | os.PathLike[str], rules: Mapping[str, Rule]) -> None:
        """Compare with a baseline, or update it.

        Raises:
            GateError: a rule does not hold.
            BaselineError: there is no such baseline, or it cannot be used.
        """
        ...


_running: Gate | None = None


def set_gate(gate: Gate | None) -> Gate | None:
    """Set the gate of the test that runs now, and return the one that was set.

    Args:
        gate: None for no test.
    """
    global _running
    before, _running = _running, gate
    return before


def compare(
    subject: Subject,
    path: str | os.PathLike[str],
    rules: Mapping[str, Rule] | None = None,
    more: Mapping[str, Rule] | None = None,
) -> bool:
    """Return True if every rule holds.

    Args:
        subject: what is compared.
        path: the baseline, relative to the folder of the test.
        rules: by name, of names that are not words of Python.
        more: of the others.

    Raises:
        GateError: a rule does not hold.
        BaselineError: there is no such baseline, or a rule cannot be used.
    """
    __tracebackhide__ = True
    checked = _checked({**(rules or {}), **(more or {})}, subject)
    if _running is None:
        raise BaselineError(
            "matches_baseline compares in tests that use pytest-aicore: request one of its fixtures in this test, for"
            " example aicore_execution."
        )
    try:
        _running.compare(subject, path, checked)
    except AicoreError as error:
        raise error.with_traceback(None) from None
    return True


def _checked(rules: Mapping[Any, Any], subject: Subject) -> dict[str, Rule]:
    if not rules:
        names = ", ".join(f"{name}=at_least(-0.01)" for name in list(subject.values)[:1]) or "accuracy=at_least(-0.01)"
        raise BaselineError(
            f"matches_baseline needs a rule for each {subject.noun} that it compares, for example"
            f" matches_baseline(path, {names}); the rules are at_least, at_most and within."
        )
    for name, rule in rules.items():
        if not isinstance(rule, Rule):
            raise BaselineError(
                f"the rule of {name!r} is {rule!r:.60}: expected at_least(...), at_most(...) or within(...)."
            )
    return {str(name): rule for name, rule in rules.items()}


class Measured(Mapping[str, float]):
    """Numbers by name that can be compared with a baseline. `measured` makes them.

    Args:
        values: of each by its name.
        origin: what they come from; None for what the test itself has used.
    """

    def __init__(self, values: Mapping[str, Values], origin: Origin | None) -> None:
        self._values = dict(values)
        self._origin = origin

    def __getitem__(self, name: str) -> float:
        """Return the last value of that name.

        Raises:
            KeyError: there is none.
        """
        last = self._values[name].last
        if last is None:
            raise KeyError(name)
        return last

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._values)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._values)

    def __repr__(self) -> str:
        """Return the names and last values."""
        return repr(dict(self))

    def matches_baseline(
        self, path: str | os.PathLike[str], rules: Mapping[str, Rule] | None = None, /, **more: Rule
    ) -> bool:
        """Return True if a baseline allows these numbers; `pytest --aicore-update` writes the baseline.

        Args:
            path: the baseline, a JSON file; a relative path is relative to the folder of the test.
            rules: by name: `at_least`, `at_most` or `within`.
            more: the same as keywords.

        Raises:
            GateError: a number is worse than its rule allows, or missing; the message shows all.
            BaselineError: there is no such baseline, or it cannot be used.
        """
        __tracebackhide__ = True
        return compare(Subject(self._values, _VALUE, self._origin), path, rules, more)


def measured(values: Mapping[str, Any], *, of: object = None) -> Measured:
    """Return numbers of any kind as what can be compared with a baseline.

    Args:
        values: a number by its name, or a list of numbers by step; those of `aicore_execution.metrics` keep their
            series.
        of: the execution or deployment that they come from; without it, the one that the test has used.

    Raises:
        BaselineError: a value is not a number.
    """
    if not isinstance(values, Mapping):
        raise BaselineError(f'measured({values!r:.60}): expected numbers by name, for example {{"rmse": 0.3}}.')
    return Measured(
        {str(name): given_values(str(name), value) for name, value in values.items()},
        None if of is None else origin_of(of),
    )


__all__ = ["METRIC", "Gate", "Measured", "Subject", "compare", "measured", "set_gate"]
