"""The verdict of a gate: each rule with both values, what is allowed, and what else is different."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.baselines.numbers import change_text, number_texts
from pytest_aicore.baselines.origin import SHORT_COMMIT
from pytest_aicore.errors import did_you_mean, listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_aicore.baselines.origin import Origin
    from pytest_aicore.baselines.rules import Rule
    from pytest_aicore.baselines.values import Values

_SHOWN_DIFFERENCES: Final = 6
_SHOWN_NAMES: Final = 12


@dataclass(frozen=True)
class Row:
    """What became of one rule.

    Attributes:
        name: of the metric.
        rule: as it is written.
        passed: whether the value is allowed.
        value: that of the run, None if it has none.
        baseline: that of the baseline, None if it has none.
        lowest: the lowest value that is allowed, None if any is, or nothing could be compared.
        highest: the highest value that is allowed, likewise.
        problem: why nothing could be compared, None if it was.
        details: what is listed below it.
    """

    name: str
    rule: str
    passed: bool
    value: float | None = None
    baseline: float | None = None
    lowest: float | None = None
    highest: float | None = None
    problem: str | None = None
    details: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether there are two values, and they are not the same."""
        return self.value is not None and self.baseline is not None and self.value != self.baseline


@dataclass(frozen=True)
class Verdict:
    """What became of all rules of one gate.

    Attributes:
        baseline: where the baseline is, as messages name it.
        rows: one for each rule.
        before: what the values of the baseline come from.
        now: what those of the test come from.
        chance: what the seed says of differences, which need not be a regression where a run is not repeatable.
        repeatable: whether the same seed and inputs gave the same values; None if that cannot be known.
    """

    baseline: str
    rows: Sequence[Row]
    before: Origin
    now: Origin
    chance: Sequence[str] = ()
    repeatable: bool | None = None

    @property
    def passed(self) -> bool:
        """Whether every rule holds."""
        return all(row.passed for row in self.rows)

    @property
    def text(self) -> str:
        """The message of a gate that fails: every rule, also those that hold, and both runs."""
        failed = [row for row in self.rows if not row.passed]
        worse = [row.name for row in failed if row.problem is None]
        lost = [row.name for row in failed if row.problem is not None]
        how = "outside of what" if any(None not in (row.lowest, row.highest) for row in failed) else "worse than"
        what = [f"{_and(worse)} {_are(worse)} {how} the baseline allows"] if worse else []
        what += [f"{_and(lost)} cannot be compared"] if lost else []
        head = f"{'; '.join(what)}: {len(failed)} of {len(self.rows)} rules failed, baseline '{self.baseline}'."
        origins = [f"baseline: {self.before}", f"now:      {self.now}"]
        differ = [f"differs:  {each}" for each in differences(self.before, self.now)]
        return "\n".join([head, *table(self.rows), *origins, *differ, *self.chance])

    def data(self) -> dict[str, Any]:
        """Return it as plain data for the report file."""
        return {
            "baseline": self.baseline,
            "outcome": "passed" if self.passed else "failed",
            "rules": [
                {
                    "metric": row.name,
                    "rule": row.rule,
                    "passed": row.passed,
                    "value": _finite(row.value),
                    "baseline": row.baseline,
                    "lowest": _finite(row.lowest),
                    "highest": _finite(row.highest),
                    "problem": row.problem,
                }
                for row in self.rows
            ],
            "baseline_run": self.before.data(),
            "run": self.now.data(),
            "differences": differences(self.before, self.now),
            "chance": list(self.chance),
            "repeatable": self.repeatable,
        }


def _finite(value: float | None) -> float | None:
    """Return a number as JSON can have it."""
    return value if value is not None and math.isfinite(value) else None


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def judge(name: str, rule: Rule, now: Mapping[str, Values], before: Mapping[str, Values], noun: str) -> Row:
    """Return what became of the rule of one value.

    Args:
        name: of the value.
        rule: its rule.
        now: the values of the run by their names.
        before: those of the baseline.
        noun: what one of them is called, `metric`.
    """
    row = measure(name, rule, now, noun)
    if row.problem is not None or row.value is None:
        return row
    kept = before.get(name)
    if kept is None:
        why = f"the baseline has no {noun} {name!r}{_instead(name, before)}"
        return replace(row, problem=why)
    baseline = kept.chosen(rule)
    if baseline is None:
        return replace(row, problem=f"the baseline has {kept.absent(rule)}")
    return compared(name, rule, row.value, baseline)


def measure(name: str, rule: Rule, now: Mapping[str, Values], noun: str) -> Row:
    """Return the value that a rule means, as a row that has not passed yet, or why it does not exist.

    Args:
        name: of the value.
        rule: its rule.
        now: the values of the run by their names.
        noun: what one of them is called, `metric`.
    """
    row = Row(name, repr(rule), passed=False)
    values = now.get(name)
    if values is None:
        return replace(row, problem=f"the run has no {noun} {name!r}{_instead(name, now)}")
    if values.labels:
        why = f"its values have different labels ({'; '.join(values.labels)}): choose some with pytest_aicore.measured"
        return replace(row, problem=why)
    value = values.chosen(rule)
    if value is None:
        return replace(row, problem=f"the run has {values.absent(rule)}")
    return replace(row, value=value, problem=None if math.isfinite(value) else f"{value} cannot be compared")


def _instead(name: str, known: Mapping[str, Values]) -> str:
    """Return the nearest name, or all there are."""
    near = did_you_mean(name, known)
    return f".{near}" if near else f"; it has {listing(islice(known, _SHOWN_NAMES))}"


def compared(
    name: str, rule: Rule, value: float, baseline: float, whole: float | None = None, details: Iterable[str] = ()
) -> Row:
    """Return what became of a rule whose values are known.

    Args:
        name: of the value.
        rule: its rule.
        value: that of the run.
        baseline: that of the baseline.
        whole: what percentages are of; without it the baseline.
        details: what is listed below it.
    """
    bounds = rule.bounds(baseline, whole)
    lowest, highest = bounds.floats
    passed = bounds.hold(value)
    more = list(details)
    if not passed and whole is None and baseline == 0 and rule.uses_share:
        more.append("a percentage of 0 is 0: give a number as well, of which the larger counts")
    return Row(name, repr(rule), passed, value, baseline, lowest, highest, details=tuple(more))


def table(rows: Sequence[Row]) -> list[str]:
    """Return the rules as the lines of a table.

    Args:
        rows: what became of them.
    """
    cells = [("", "", "now", "baseline", "change", "rule"), *map(_cells, rows)]
    widths = [max(len(each[column]) for each in cells) for column in range(len(cells[0]) - 1)]
    lines = []
    for texts, details in zip(cells, [(), *(row.details for row in rows)], strict=True):
        start = "  ".join(f"{text:<{width}}" for text, width in zip(texts, widths, strict=False))
        lines += [f"  {start}  {texts[-1]}".rstrip(), *(f"      {detail}" for detail in details)]
    return lines


def changes_table(now: Mapping[str, Values], before: Mapping[str, Values]) -> list[str]:
    """Return the last values of metrics, and what they were, as the lines of a table; none without any.

    Args:
        now: of the run by their names.
        before: of the baseline.
    """
    cells = []
    for name in sorted({*now, *before}):
        ours, theirs = (values[name].last if name in values else None for values in (now, before))
        known = [each for each in (ours, theirs) if each is not None]
        texts = dict(zip(known, number_texts(known), strict=True))
        change = "new" if name not in before else "removed" if name not in now else ""
        if ours is not None and theirs is not None:
            change = change_text(ours, theirs)
        was, current = ("-" if each is None else texts[each] for each in (theirs, ours))
        cells.append((name, current, was, change))
    if not cells:
        return []
    rows = [("", "now", "baseline", "change"), *cells]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [
        f"  {'  '.join(f'{cell:<{width}}' for cell, width in zip(row, widths, strict=False))}  {row[-1]}".rstrip()
        for row in rows
    ]


def _cells(row: Row) -> tuple[str, str, str, str, str, str]:
    outcome = "passed" if row.passed else "failed"
    known = [each for each in (row.value, row.baseline, row.lowest, row.highest) if each is not None]
    texts = dict(zip(known, number_texts(known), strict=True))
    value = "" if row.value is None else texts[row.value]
    baseline = "" if row.baseline is None else texts[row.baseline]
    if row.problem is not None:
        return outcome, row.name, value, baseline, "", f"{row.rule}: {row.problem}"
    assert row.value is not None and row.baseline is not None  # noqa: S101, PT018  for type checkers
    parts = [f"at least {texts[row.lowest]}"] if row.lowest is not None else []
    parts += [f"at most {texts[row.highest]}"] if row.highest is not None else []
    change = change_text(row.value, row.baseline)
    return outcome, row.name, value, baseline, change, f"{row.rule}: {', '.join(parts)}"


def same_seed(rows: Sequence[Row], before: Origin, now: Origin, commit: str | None) -> tuple[list[str], bool | None]:
    """Return what the seed says of differences, and whether the same seed and inputs gave the same values.

    Args:
        rows: what became of the rules.
        before: what the values of the baseline come from.
        now: what those of the test come from.
        commit: of the project now, None if that is not known.

    Returns:
        sentences, and None where the inputs differ or none of them is a seed.
    """
    differing = [row.name for row in rows if row.differs]
    if not now.has_inputs_of(before) or before.world != now.world:
        return [], None
    if not now.seeds:
        by_chance = (
            "Parameters and artifacts are those of the baseline, and no parameter is a seed: the difference comes from"
            " code, data or chance."
        )
        return ([by_chance] if differing and not all(row.passed for row in rows) else []), None
    if not differing:
        return [], True
    since = "" if before.commit is None else f" since commit {before.commit[:SHORT_COMMIT]}"
    why = (
        "and the commit is the same: unless files changed without a commit, the training is not deterministic"
        if commit is not None and commit == before.commit
        else f"so code or data changed{since}, or the training is not deterministic"
    )
    return [f"{_same_inputs(now)} as the baseline: {_and(differing)} {_differ(differing)}, {why}."], False


def not_repeated(names: Sequence[str], now: Origin, other: Origin) -> str:
    """Return that two runs of one session with the same seed and inputs gave different values.

    Args:
        names: of the values.
        now: the run.
        other: the one before it.
    """
    return (
        f"{_same_inputs(now)} as {other.kind} {other.id} of this session: {_and(names)} {_differ(names)}, so the"
        " training is not deterministic."
    )


def _same_inputs(now: Origin) -> str:
    return f"The same seed ({', '.join(f'{name}={value}' for name, value in now.seeds.items())}) and the same inputs"


def _differ(names: Sequence[str]) -> str:
    return "differs" if len(names) == 1 else "differ"


def differences(before: Origin, now: Origin) -> list[str]:
    """Return in what two runs differ.

    Args:
        before: what the values of the baseline come from.
        now: what those of the test come from.
    """
    found = []
    if before.world != now.world:
        found.append(f"the baseline is of a {before.world or 'unknown'} run, this one is {now.world}")
    for was, current in ((before.parameters, now.parameters), (before.artifacts, now.artifacts)):
        found += [
            f"{name} {was.get(name, '(none)')} -> {current.get(name, '(none)')}"
            for name in sorted({*was, *current})
            if was.get(name) != current.get(name)
        ]
    if len(found) > _SHOWN_DIFFERENCES:
        found[_SHOWN_DIFFERENCES:] = [f"and {len(found) - _SHOWN_DIFFERENCES} more"]
    return found


__all__ = [
    "Row",
    "Verdict",
    "changes_table",
    "compared",
    "differences",
    "judge",
    "measure",
    "not_repeated",
    "same_seed",
    "table",
]
