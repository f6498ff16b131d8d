"""The file of a baseline: what it holds, and how it is read and written.

    {
      "document": "pytest-aicore baseline",
      "version": 1,
      "baseline": {"values": {"accuracy": 0.85}, "run": {"world": "local", "execution": "e1", ...}},
      "parameter_sets": {"3": {"values": ..., "run": ...}}
    }

`baseline` is that of a test without parameter sets, `parameter_sets` has one for each set of a parametrized test.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NoReturn

from pytest_aicore.baselines.origin import Kind, Origin
from pytest_aicore.baselines.values import Values
from pytest_aicore.errors import BaselineError, our_message

if TYPE_CHECKING:
    from collections.abc import Mapping

__tracebackhide__ = our_message

NAME: Final = "pytest-aicore baseline"
VERSION: Final = 1
_KINDS: Final[tuple[Kind, ...]] = ("execution", "deployment")


@dataclass(frozen=True)
class Baseline:
    """What a run, or predictions, had when a person accepted it.

    Attributes:
        values: of each metric by its name.
        origin: what they come from.
        golden: digest of the golden set that predictions are of, None for metrics.
        answers: prediction by the name of its example, None if they are not kept.
    """

    values: Mapping[str, Values]
    origin: Origin
    golden: str | None = None
    answers: Mapping[str, Any] | None = None

    def with_those_of(self, other: Baseline) -> Baseline:
        """Return it with what another test kept of the same run.

        Args:
            other: the other.
        """
        values = {**other.values, **self.values}
        for name in set(self.values) & set(other.values):
            values[name] = replace(self.values[name], steps={**other.values[name].steps, **self.values[name].steps})
        return Baseline(
            values,
            self.origin,
            self.golden or other.golden,
            self.answers if self.answers is not None else other.answers,
        )

    def is_same_as(self, other: Baseline) -> bool:
        """Return whether both have the same content, of the same inputs, whenever each was made.

        Args:
            other: the other.
        """
        ours, theirs = _plain(self), _plain(other)
        for plain in (ours, theirs):
            for name in (*_KINDS, "date", "commit"):
                plain["run"].pop(name, None)
        return ours == theirs


@dataclass
class Document:
    """The content of a file.

    Attributes:
        single: the baseline of a test without parameter sets.
        sets: the baseline of each parameter set by its id.
    """

    single: Baseline | None = None
    sets: dict[str, Baseline] = field(default_factory=dict)

    def get(self, parameter_set: str | None) -> Baseline | None:
        """Return a baseline, None if there is none.

        Args:
            parameter_set: the id of the parameter set, None for a test without.
        """
        return self.single if parameter_set is None else self.sets.get(parameter_set)

    def put(self, parameter_set: str | None, baseline: Baseline) -> None:
        """Take a baseline instead of the one there was.

        Args:
            parameter_set: the id of the parameter set, None for a test without.
            baseline: the new one.
        """
        if parameter_set is None:
            self.single = baseline
        else:
            self.sets[parameter_set] = baseline

    def text(self) -> str:
        """Return the text of the file: the same for the same content."""
        plain: dict[str, Any] = {"document": NAME, "version": VERSION}
        if self.single is not None:
            plain["baseline"] = _plain(self.single)
        if self.sets:
            plain["parameter_sets"] = {name: _plain(each) for name, each in sorted(self.sets.items())}
        text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)
        if not _is_encodable(text):  # half a surrogate pair, which JSON of the service can hold
            text = json.dumps(plain, indent=2, allow_nan=False)
        return text + "\n"


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(baseline: Baseline) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "values": {name: _plain_values(each) for name, each in sorted(baseline.values.items())},
        "run": baseline.origin.data(),
    }
    if baseline.golden is not None:
        plain["golden_set"] = baseline.golden
    if baseline.answers is not None:
        plain["predictions"] = dict(sorted(baseline.answers.items()))
    return plain


def _plain_values(values: Values) -> Any:
    last = values.last if values.last is not None and math.isfinite(values.last) else None
    if last == values.lowest == values.highest and not values.steps:
        return last
    found: dict[str, Any] = {"last": last, "lowest": values.lowest, "highest": values.highest}
    steps = {str(step): value for step, value in sorted(values.steps.items()) if math.isfinite(value)}
    return {**found, "steps": steps} if steps else found


def parse(text: str | None, shown: str) -> Document:
    """Return the content of a file, an empty document if it does not exist.

    Args:
        text: of the file, None if it does not exist.
        shown: the file as messages name it.

    Raises:
        BaselineError: it is damaged, or not the file of a baseline.
    """
    return Document() if text is None else _Reader(shown).document(text)


class _Reader:
    """Reads one file; every mistake names the place in it."""

    def __init__(self, shown: str) -> None:
        self._shown = shown

    def document(self, text: str) -> Document:
        try:
            content = json.loads(text, parse_constant=self._no_constant, object_pairs_hook=self._once)
        except json.JSONDecodeError as error:
            if any(line.startswith("<<<<<<< ") for line in text.splitlines()):
                raise BaselineError(
                    f"The baseline '{self._shown}' has the conflict markers of a merge. Resolve them, or train again:"
                    " pytest --aicore-local --aicore-update"
                ) from None
            self._refuse(f"invalid JSON in line {error.lineno}: {error.msg}")
        except RecursionError:
            self._refuse("too many nested values")
        root = self._mapping(content, "the file")
        if root.get("document") != NAME:
            self._refuse(f'expected "document": "{NAME}"')
        version = root.get("version")
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            self._refuse("expected a version of 1 or more")
        if version > VERSION:
            self._refuse(
                f"its version is {version}, and this pytest-aicore reads up to {VERSION}: update pytest-aicore"
            )
        single = root.get("baseline")
        sets = self._mapping(root.get("parameter_sets", {}), "parameter_sets")
        return Document(
            None if single is None else self._baseline(single, "baseline"),
            {name: self._baseline(each, f"parameter_sets[{name!r}]") for name, each in sets.items()},
        )

    def _baseline(self, content: Any, where: str) -> Baseline:
        found = self._mapping(content, where)
        values = self._mapping(found.get("values"), f"{where}.values")
        golden, answers = found.get("golden_set"), found.get("predictions")
        return Baseline(
            {name: self._values(each, f"{where}.values[{name!r}]") for name, each in values.items()},
            self._origin(self._mapping(found.get("run", {}), f"{where}.run"), f"{where}.run"),
            None if golden is None else self._text(golden, f"{where}.golden_set"),
            None if answers is None else self._answers(answers, f"{where}.predictions"),
        )

    def _values(self, content: Any, where: str) -> Values:
        if not isinstance(content, dict):
            single = self._number(content, where)
            return Values(single, single, single)
        last, lowest, highest = (
            self._number(content.get(name), f"{where}.{name}") for name in ("last", "lowest", "highest")
        )
        steps = {}
        for step, value in self._mapping(content.get("steps", {}), f"{where}.steps").items():
            found = self._number(value, f"{where}.steps[{step!r}]")
            if found is None or not step.removeprefix("-").isdecimal():
                self._refuse(f"{where}.steps[{step!r}]: expected a number by the number of its step")
            steps[int(step)] = found
        return Values(last, lowest, highest, steps)

    def _origin(self, content: Mapping[str, Any], where: str) -> Origin:
        kind = next((each for each in _KINDS if each in content), _KINDS[0])
        texts = {
            name: None if content.get(name) is None else self._text(content[name], f"{where}.{name}")
            for name in ("world", kind, "executable", "date", "commit")
        }
        mappings = {
            name: {
                key: self._text(value, f"{where}.{name}[{key!r}]")
                for key, value in self._mapping(content.get(name, {}), f"{where}.{name}").items()
            }
            for name in ("parameters", "artifacts")
        }
        return Origin(
            kind,
            texts[kind],
            texts["executable"],
            mappings["parameters"],
            mappings["artifacts"],
            texts["world"],
            texts["date"],
            texts["commit"],
        )

    def _answers(self, content: Any, where: str) -> dict[str, Any]:
        answers = self._mapping(content, where)
        for name, answer in answers.items():
            if isinstance(answer, (dict, list)):
                self._refuse(f"{where}[{name!r}]: expected a label or a number")
        return answers

    def _mapping(self, content: Any, where: str) -> dict[str, Any]:
        if not isinstance(content, dict):
            self._refuse(f"{where}: expected an object")
        return content

    def _text(self, content: Any, where: str) -> str:
        if not isinstance(content, str):
            self._refuse(f"{where}: expected a string")
        return content

    def _number(self, content: Any, where: str) -> float | None:
        if content is None:
            return None
        if isinstance(content, bool) or not isinstance(content, (int, float)):
            self._refuse(f"{where}: expected a number")
        try:
            found = float(content)
        except OverflowError:
            found = math.inf
        if not math.isfinite(found):
            self._refuse(f"{where}: expected a finite number")
        return found

    def _once(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Return an object; a merge that kept both sides must not silently mean the second one."""
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            self._refuse(f"{next(name for name in names if names.count(name) > 1)!r} occurs twice in one object")
        return found

    def _no_constant(self, name: str) -> NoReturn:
        self._refuse(f"{name} is not a number that anything can be compared with")

    def _refuse(self, why: str) -> NoReturn:
        raise BaselineError(
            f"The baseline '{self._shown}' cannot be used: {why}.\n"
            "Restore it from version control, or remove it and train again: pytest --aicore-local --aicore-update"
        )


__all__ = ["NAME", "VERSION", "Baseline", "Document", "parse"]
