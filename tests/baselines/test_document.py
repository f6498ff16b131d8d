"""The file of a baseline: small, stable, and never misread."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_aicore import BaselineError
from pytest_aicore.baselines.document import NAME, Baseline, Document, parse
from pytest_aicore.baselines.origin import Origin
from pytest_aicore.baselines.values import Values, values_of

ORIGIN = Origin(
    "execution", "e1", "churn-train", {"SEED": "42"}, {"contracts": "ai://default/c"}, "local", "2026-11-27", "1a2b3c4d5e6f"
)  # fmt: skip
RUN = {
    "world": "local",
    "execution": "e1",
    "executable": "churn-train",
    "parameters": {"SEED": "42"},
    "artifacts": {"contracts": "ai://default/c"},
    "date": "2026-11-27",
    "commit": "1a2b3c4d5e6f",
}
FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.builds(Values, FINITE, FINITE, FINITE, st.dictionaries(st.integers(-9, 9), FINITE, max_size=2))
BASELINES = st.builds(
    Baseline,
    st.dictionaries(st.text(max_size=5), VALUES, max_size=3),
    st.just(ORIGIN),
    st.none() | st.just("2 examples, sha256:0"),
    st.none() | st.dictionaries(st.text(max_size=3), st.none() | st.booleans() | FINITE | st.text(max_size=3)),
)


def test_what_the_file_looks_like() -> None:
    loss = Values(0.3, 0.2, 0.9, {3: 0.5})
    text = Document(Baseline({"loss": loss, "accuracy": Values(0.85, 0.85, 0.85)}, ORIGIN)).text()
    assert json.loads(text) == {
        "document": NAME,
        "version": 1,
        "baseline": {
            "values": {"accuracy": 0.85, "loss": {"last": 0.3, "lowest": 0.2, "highest": 0.9, "steps": {"3": 0.5}}},
            "run": RUN,
        },
    }
    assert text.endswith("}\n")


def test_parameter_sets_are_beside_each_other_in_one_order() -> None:
    one, other = (Baseline({"f1": Values(value, value, value)}, ORIGIN) for value in (0.1, 0.2))
    text = Document(None, {"b": one, "a": other}).text()
    assert list(json.loads(text)) == ["document", "version", "parameter_sets"]
    assert list(json.loads(text)["parameter_sets"]) == ["a", "b"]
    assert text == Document(None, {"a": other, "b": one}).text()


@given(BASELINES)
def test_what_is_written_is_read_again(baseline: Baseline) -> None:
    text = Document(baseline, {"set-1": baseline}).text()
    read = parse(text, "b.json")
    assert read.text() == text
    assert read.single is not None
    assert read.single.is_same_as(baseline)
    assert read.sets["set-1"].values.keys() == baseline.values.keys()


def test_names_of_any_characters_are_written() -> None:
    """JSON of a service can hold half a surrogate pair, which is in no encoding."""
    for name in ("Größe", "half \ud800", "\x1b[31m"):
        text = Document(Baseline({name: Values(0.5, 0.5, 0.5)}, ORIGIN)).text()
        text.encode()
        read = parse(text, "b.json").single
        assert read is not None
        assert list(read.values) == [name]
    assert "Größe" in Document(Baseline({"Größe": Values(0.5, 0.5, 0.5)}, ORIGIN)).text()


def test_values_that_are_not_numbers_are_left_empty() -> None:
    """A later rule for such a metric fails, and says that the baseline has no finite value."""
    values = values_of([(0, float("nan"), {}), (1, float("inf"), {})])
    text = Document(Baseline({"loss": values, "f1": values_of([(0, 0.5, {}), (1, float("nan"), {})])}, ORIGIN)).text()
    read = parse(text, "b.json").single
    assert read is not None
    assert read.values == {"loss": Values(None, None, None), "f1": Values(None, 0.5, 0.5, {0: 0.5})}


def test_when_a_baseline_was_made_does_not_make_it_another() -> None:
    later = Origin("execution", "e2", "churn-train", ORIGIN.parameters, ORIGIN.artifacts, "local", "2027-01-01", None)
    values = {"f1": Values(0.5, 0.5, 0.5)}
    assert Baseline(values, ORIGIN).is_same_as(Baseline(values, later))
    assert not Baseline(values, ORIGIN).is_same_as(Baseline(values, Origin("execution", "e1", "other", world="local")))
    assert not Baseline(values, ORIGIN).is_same_as(Baseline({"f1": Values(0.6, 0.6, 0.6)}, ORIGIN))


def entry(**more: Any) -> str:
    return json.dumps({"document": NAME, "version": 1, "baseline": {"values": {"f1": 0.5}, "run": {}, **more}})


REMEDY = "Restore it from version control, or remove it and train again: pytest --aicore-local --aicore-update"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "invalid JSON in line 1: Expecting value"),
        ('{"document":\n1 1}', "invalid JSON in line 2: Expecting ',' delimiter"),
        ("[]", "the file: expected an object"),
        ("{}", f'expected "document": "{NAME}"'),
        ('{"accuracy": 0.9}', f'expected "document": "{NAME}"'),
        (json.dumps({"document": NAME}), "expected a version of 1 or more"),
        (json.dumps({"document": NAME, "version": True}), "expected a version of 1 or more"),
        (
            json.dumps({"document": NAME, "version": 2}),
            "its version is 2, and this pytest-aicore reads up to 1: update pytest-aicore",
        ),
        (entry(values=[]), "baseline.values: expected an object"),
        (entry(values={"f1": "0.5"}), "baseline.values['f1']: expected a number"),
        (entry(values={"f1": True}), "baseline.values['f1']: expected a number"),
        (entry(values={"f1": {"last": "x"}}), "baseline.values['f1'].last: expected a number"),
        (
            entry(values={"f1": {"last": 1, "steps": {"one": 1}}}),
            "baseline.values['f1'].steps['one']: expected a number by the number of its step",
        ),
        (entry(values={"f1": float("nan")}), "NaN is not a number that anything can be compared with"),
        (entry(values={"f1": float("-inf")}), "-Infinity is not a number that anything can be compared with"),
        (entry().replace("0.5", "1e999"), "baseline.values['f1']: expected a finite number"),
        (entry().replace("0.5", "1" + "0" * 400), "baseline.values['f1']: expected a finite number"),
        (entry(run={"world": 1}), "baseline.run.world: expected a string"),
        (entry(run={"parameters": {"a": 1}}), "baseline.run.parameters['a']: expected a string"),
        (entry(predictions={"a": []}), "baseline.predictions['a']: expected a label or a number"),
        (entry(golden_set=3), "baseline.golden_set: expected a string"),
        (
            json.dumps({"document": NAME, "version": 1, "parameter_sets": {"a": 1}}),
            "parameter_sets['a']: expected an object",
        ),
        ("[" * 100_000, "too many nested values"),
        (entry().replace('"f1": 0.5', '"f1": 0.5, "f1": 0.6'), "'f1' occurs twice in one object"),
    ],
)
def test_a_damaged_file_is_refused_with_its_place(text: str, why: str) -> None:
    with pytest.raises(BaselineError) as caught:
        parse(text, "b.json")
    message = str(caught.value)
    assert message.startswith(f"The baseline 'b.json' cannot be used: {why}")
    assert message.endswith(f".\n{REMEDY}")


def test_conflict_markers_are_told() -> None:
    text = Document(Baseline({"f1": Values(0.5, 0.5, 0.5)}, ORIGIN)).text()
    ours, theirs = '      "f1": 0.5\n', '      "f1": 0.6\n'
    conflict = text.replace(ours, f"<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> other\n")
    with pytest.raises(BaselineError) as caught:
        parse(conflict, "b.json")
    assert str(caught.value) == (
        "The baseline 'b.json' has the conflict markers of a merge. Resolve them, or train again: pytest --aicore-local"
        " --aicore-update"
    )


def test_a_file_that_does_not_exist_has_no_baseline() -> None:
    assert parse(None, "b.json").get(None) is None
    assert parse(None, "b.json").get("3") is None
