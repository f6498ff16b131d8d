"""Expressions as Argo evaluates them, and those that have no value."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_aicore.running.expressions.go import pattern, shown
from pytest_aicore.running.expressions.language import read
from pytest_aicore.running.expressions.problems import EvaluationProblem, SyntaxProblem

pytestmark = pytest.mark.once

NAMES: dict[str, Any] = {
    "inputs": {"parameters": {"n": "3", "with-hyphen": "x", "config": '{"a": [1, 2.5], "b": {"c": "d"}}'}},
    "steps": {"a": {"status": "Skipped"}},
    "retries": "1",
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        # what users write in workflows
        ("asInt(inputs.parameters.n) + 1", 4),
        ("asFloat(inputs.parameters.n) / 2", 1.5),
        ("inputs.parameters['with-hyphen'] == 'x' ? 'yes' : 'no'", "yes"),
        ("asInt(retries) < 2 && steps.a.status in ['Skipped', 'Omitted']", True),
        ("steps.a.outputs.result ?? 'nothing'", "nothing"),
        ("steps.b?.outputs.result", None),
        ("jsonpath(inputs.parameters.config, '$.a[1]')", 2.5),
        ("jsonpath(inputs.parameters.config, \"$['b'].c\")", "d"),
        ("jsonpath(inputs.parameters.config, '$.a[*]')", [1.0, 2.5]),
        ("toJson(filter([1, 3], {# > 1}))", "[3]"),
        ("map([1, 2], {asFloat(#) * 2})", [2.0, 4.0]),
        ("sprig.trim(' a ') + sprig.upper('b')", "aB"),
        ("sprig.int('x') + sprig.add('1', 2, 3.9)", 6),
        # the language
        ("1 + 2 * 3 - -4", 11),
        ("(1 + 2) * 3", 9),
        ("7 / 2", 3.5),
        ("-7 % 3", -1),
        ("2 ** 3 ** 2", 512.0),
        ("not true or 1 != 2", True),
        ("1 == 1.0", True),
        ("1 == '1'", False),
        ("'10' < '9'", True),
        ("3 not in [1, 2]", True),
        ("'k' in {'k': 1}", True),
        ("'workflow' startsWith 'work' and 'a.b' contains '.'", True),
        ("'abc' matches '^a.c$'", True),
        ("1..3", [1, 2, 3]),
        ("[1, 2, 3][-1] + [1, 2, 3][0]", 4),
        ("'abcd'[1:3]", "bc"),
        ("{a: {'b-c': 1},}.a['b-c']", 1),
        ("[{v: 1}, {v: 5}] | filter(.v > 2) | map(.v)", [5]),
        ("count([1, 2, 3], # > 1) + sum([1, 2]) + len('äb')", 7),
        ("reduce(1..4, #acc + #)", 10),
        ("all([1], # > 0) && any([1], # > 0) && none([1], # > 1) && one([1], # == 1)", True),
        ("sortBy([{v: 2}, {v: 1}], .v)[0].v", 1),
        ("find(['a', 'bb'], len(#) == 2)", "bb"),
        ("'it''s' == \"it\" // a comment", None),
        ('`raw\\n` + "\\u0041\\t"', "raw\\nA\t"),
        ("nil ?? false", False),
        ("string(1.5) + string(2) + string([1, {'a': true}])", "1.52[1 map[a:true]]"),
        ("join(split('a,b', ','), '+') | upper()", "A+B"),
        ("fromJSON('{\"a\": 1}').a", 1.0),
        ("round(2.5) + ceil(1.2) + floor(1.8)", 6.0),
        ("max(1, 2, 3) - min([4, 5])", -1),
        # sprig
        ("sprig.default('d', '')", "d"),
        ("sprig.ternary('a', 'b', false)", "b"),
        ("sprig.b64dec(sprig.b64enc('ä'))", "ä"),
        ("sprig.join('-', sprig.list(1, 'a', true))", "1-a-true"),
        ("sprig.regexReplaceAll('a(x*)b', '-ab-axxb-', '${1}W')", "-W-xxW-"),
        ("sprig.regexFindAll('[2,4,6,8]', '123456789', -1)", ["2", "4", "6", "8"]),
        ("sprig.splitList('$', 'foo$bar')[1]", "bar"),
        ("sprig.snakecase('FirstName') + sprig.kebabcase('FirstName')", "first_namefirst-name"),
        ("sprig.trunc(-5, 'hello world')", "world"),
        ("sprig.substr(0, 5, 'hello world')", "hello"),
        ("sprig.round(123.555555, 3)", 123.556),
        ("sprig.untilStep(3, 6, 2)", [3, 5]),
        ("sprig.seq(5) + sprig.seq(0, 2, 4)", "1 2 3 4 50 2 4"),
        ("sprig.dig('a', 'b', 'none', {a: {c: 1}})", "none"),
        ("sprig.dict('a', 1).a", 1),
        ("sprig.fromJson('no JSON')", None),
    ],
)
def test_values(expression: str, value: Any) -> None:
    if value is None and "comment" in expression:
        with pytest.raises(SyntaxProblem):
            read(expression)
        return
    found = read(expression).value(NAMES)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("steps.b.status", "cannot fetch status from <nil>"),
        ("asInt('1.5')", "asInt: invalid literal for int() with base 10: '1.5'"),
        ("'a' + 1", "+: invalid operation: string + int"),
        ("'a' < 1", "invalid operation: < of string"),
        ("1 && true", "invalid operation: && of int"),
        ("'a' ? 1 : 2", "invalid operation: ?: of string"),
        ("[1][3]", "index out of range: 3 (array length is 1)"),
        ("filter([1], {#})", "filter: the predicate gives int, not a bool"),
        ("1 % 0", "%: math domain error"),
        ("1 / 0", "/: division by zero"),
        ("jsonpath('{}', '$.a')", "jsonpath: $.a leads nowhere"),
        ("jsonpath('{}', '$..a')", "jsonpath: $..a: `..a` is not known on this machine"),
        ("unknown.name", "unknown name unknown"),
        ("1..99999999", "..: memory budget exceeded"),
        ("'a' matches '(?=a)'", "matches: error parsing regexp: (?=a): Go has no such syntax"),
    ],
)
def test_what_has_no_value(expression: str, problem: str) -> None:
    with pytest.raises(EvaluationProblem) as error:
        read(expression).value(NAMES)
    assert str(error.value) == problem


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("", "a value is missing at the end"),
        ("a ==", "a value is missing at the end"),
        ("a b", "`b` is not allowed there"),
        ("(a", "`)` is missing at the end"),
        ("a ? b", "`:` is missing at the end"),
        ("'a", "the quotation mark ' is not closed"),
        ("a @ b", "`@` is not allowed"),
        ("#", "`#` means an item, and there is none"),
        ("a[]", "a value is missing before `]`"),
        ("{1 2}", "`:` is missing before `2`"),
        ("sprig.now()", "the function `sprig.now` is not known here. Did you mean 'sprig.lower'?"),
        ("asint('1')", "the function `asint` is not known here. Did you mean 'asInt'?"),
        ("asInt()", "`asInt` is called with arguments that do not fit: missing a required argument: 'value'"),
        ("filter([1])", "`filter` is called with arguments that do not fit: missing a required argument: 'predicate'"),
        ("let x = 1; x", "`let` is not known here"),
        (f"{'(' * 5000}1{')' * 5000}", "it is nested too deeply"),
    ],
)
def test_what_cannot_be_read(expression: str, problem: str) -> None:
    with pytest.raises(SyntaxProblem) as error:
        read(expression)
    assert str(error.value) == problem


def test_names_that_are_needed() -> None:
    assert read("steps['a-b'].outputs.result == inputs.parameters.n || map(x, #.y) == []").paths == {
        ("steps", "a-b", "outputs", "result"),
        ("inputs", "parameters", "n"),
        ("x",),
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.0, "2"),
        (0.5, "0.5"),
        (123456.0, "123456"),
        (1234567.0, "1.234567e+06"),
        (0.00001, "1e-05"),
        (-2e21, "-2e+21"),
        (True, "true"),
        (None, "<nil>"),
        ([1, "a b"], "[1 a b]"),
        ({"b": 1, "a": [2]}, "map[a:[2] b:1]"),
    ],
)
def test_values_as_go_writes_them(value: Any, text: str) -> None:
    assert shown(value) == text


def test_the_end_of_a_text_is_the_end() -> None:
    assert pattern("a$").search("a\n") is None
    assert pattern("(?m)a$").search("a\nb") is not None
    assert pattern("[$]").search("$") is not None
