"""What a gate says of two runs: in what they differ, and what the seed says of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_aicore import at_least, at_most, within
from pytest_aicore.baselines.origin import Origin, origin_of
from pytest_aicore.baselines.values import Values
from pytest_aicore.baselines.verdict import Verdict, compared, differences, judge, not_repeated, same_seed, table
from pytest_aicore.redact import Redactor

BEFORE = Origin(
    "execution", "e1", "train", {"SEED": "1"}, {"data": "ai://d/a"}, "local", "2026-11-27", "abcdef0123456789"
)
NOW = replace(BEFORE, id="e2", date=None, commit=None)
SAME = compared("f1", at_least(), 0.5, 0.5)
LOWER = compared("f1", at_least(-0.2), 0.4, 0.5)
WORSE = compared("f1", at_least(), 0.4, 0.5)
START = "The same seed (SEED=1) and the same inputs as the baseline: f1 differs, "


@pytest.mark.parametrize(
    ("rows", "before", "now", "commit", "said", "repeatable"),
    [
        ([SAME], BEFORE, NOW, None, [], True),
        (
            [LOWER],
            BEFORE,
            NOW,
            None,
            [f"{START}so code or data changed since commit abcdef0123, or the training is not deterministic."],
            False,
        ),
        (
            [WORSE],
            BEFORE,
            NOW,
            "abcdef0123456789",
            [
                f"{START}and the commit is the same: unless files changed without a commit, the training is not deterministic."
            ],
            False,
        ),
        ([WORSE], BEFORE, replace(NOW, parameters={"SEED": "2"}), None, [], None),
        ([WORSE], BEFORE, replace(NOW, artifacts={}), None, [], None),
        ([WORSE], BEFORE, replace(NOW, world="live"), None, [], None),  # other processors, other rounding
        ([WORSE], Origin(world="local"), Origin(world="local"), None, [], None),  # nothing is known of either
        (
            [WORSE],
            replace(BEFORE, parameters={}),
            replace(NOW, parameters={}),
            None,
            [
                (
                    "Parameters and artifacts are those of the baseline, and no parameter is a seed: the difference comes from"
                    " code, data or chance."
                )
            ],
            None,
        ),
        ([LOWER], replace(BEFORE, parameters={}), replace(NOW, parameters={}), None, [], None),  # and it is allowed
    ],
)
def test_what_the_seed_says_of_a_difference(
    rows: list[object], before: Origin, now: Origin, commit: str | None, said: list[str], repeatable: bool | None
) -> None:
    assert same_seed(rows, before, now, commit) == (said, repeatable)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "is_seed"),
    [
        ("SEED", True),
        ("seed", True),
        ("random-seed", True),
        ("dataSeed", True),
        ("np.random.seed", True),
        ("RANDOM_STATE", True),
        ("randomState", True),
        ("seeds_per_row", False),
        ("LEARNING_RATE", False),
    ],
)
def test_which_parameters_are_seeds(name: str, is_seed: bool) -> None:
    assert bool(Origin(parameters={name: "1"}).seeds) == is_seed


def test_two_runs_of_one_session_are_told() -> None:
    assert not_repeated(["f1", "loss"], NOW, BEFORE) == (
        "The same seed (SEED=1) and the same inputs as execution e1 of this session: f1 and loss differ, so the training is"
        " not deterministic."
    )


def test_in_what_two_runs_differ() -> None:
    now = replace(NOW, world="live", parameters={"DEPTH": "3"}, artifacts={"data": "ai://d/b"})
    assert differences(BEFORE, now) == [
        "the baseline is of a local run, this one is live",
        "DEPTH (none) -> 3",
        "SEED 1 -> (none)",
        "data ai://d/a -> ai://d/b",
    ]
    many = replace(NOW, parameters={f"p{number}": "1" for number in range(10)})
    assert differences(BEFORE, many)[-1] == "and 5 more"


def test_a_message_has_each_rule_and_both_runs() -> None:
    missing = judge("f2", within(), {"f1": Values(1.0, 1.0, 1.0)}, {}, "metric")
    near = compared("loss", at_most(), 0.31, 0.3)
    zero = compared("bias", within("5%"), 0.1, 0.0)
    verdict = Verdict("b.json[3]", [WORSE, SAME, missing, near, zero], BEFORE, NOW, ["As by chance."], False)
    assert not verdict.passed
    assert verdict.text.splitlines() == [
        "f1, loss and bias are outside of what the baseline allows; f2 cannot be compared: 4 of 5 rules failed, baseline 'b.json[3]'.",
        "                now   baseline  change          rule",
        "  failed  f1    0.4   0.5       -0.1 (-20%)     at_least(): at least 0.5",
        "  passed  f1    0.5   0.5       none            at_least(): at least 0.5",
        "  failed  f2                                    within(): the run has no metric 'f2'; it has 'f1'",
        "  failed  loss  0.31  0.3       +0.01 (+3.33%)  at_most(): at most 0.3",
        "  failed  bias  0.1   0         +0.1            within('5%'): at least 0, at most 0",
        "      a percentage of 0 is 0: give a number as well, of which the larger counts",
        "baseline: execution e1, local, 2026-11-27, commit abcdef0123, train, SEED=1",
        "now:      execution e2, local, train, SEED=1",
        "As by chance.",
    ]


def test_a_table_is_aligned() -> None:
    assert table([SAME, compared("a_long_name", at_least(), 10.0, 5.0)]) == [
        "                       now  baseline  change      rule",
        "  passed  f1           0.5  0.5       none        at_least(): at least 0.5",
        "  passed  a_long_name  10   5         +5 (+100%)  at_least(): at least 5",
    ]


def test_secrets_of_parameters_do_not_reach_the_file() -> None:
    origin = Origin("execution", "e1", "train", {"API_TOKEN": "swordfish1234", "DEPTH": "3"}).cleaned(Redactor().data)
    assert origin.data()["parameters"] == {"API_TOKEN": "***", "DEPTH": "3"}
    assert "swordfish" not in str(origin)


def test_what_values_come_from() -> None:
    class Anything:
        id = "d9"

    assert str(origin_of(Anything())) == "deployment d9"
    assert str(origin_of(object())) == "values of the test"
