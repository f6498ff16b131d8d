"""Placeholders in texts: one reading for the checks and for rendering."""

from __future__ import annotations

import time

import pytest

from pytest_aicore.workflows.argo.tags import tags, without_tags


@pytest.mark.parametrize(
    ("text", "closed", "unclosed"),
    [
        ("no tag } {", [], []),
        ("a {{b}} c {{ d.e }}{{f}}", ["b", "d.e", "f"], []),
        ("{{=a + 'b'}} {{ =c}}", ["=a + 'b'", "=c"], []),
        ("{{={'a': {'b': 1}}}} {{c}}", ["={'a': {'b': 1}}", "c"], []),
        ("{{a {{b}} c", ["b"], ["a "]),
        ("{{={{a}} b", ["={{a"], []),
        ("{{{a}}}", ["{a"], []),
        ("{{a}", [], ["a}"]),
        ("{{a {{b", [], ["a ", "b"]),
        ("{{=a", [], ["=a"]),
        ("{{}}", [""], []),
    ],
)
def test_tags_of_a_text(text: str, closed: list[str], unclosed: list[str]) -> None:
    found = list(tags(text))
    assert [tag.name for tag in found if tag.is_closed] == closed
    assert [tag.inner for tag in found if not tag.is_closed] == unclosed
    for tag in found:
        assert text[tag.begin : tag.end] == "{{" + tag.inner + ("}}" if tag.is_closed else "")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{workflow.parameters.a-b}}", ("workflow.parameters", "a-b")),
        ("{{ inputs.parameters.a.b }}", ("inputs.parameters", "a.b")),
        ("{{inputs.artifacts.data}}", ("inputs.artifacts", "data")),
        ("{{inputs.parameters}}", None),
        ("{{inputs.parameters.a b}}", None),
        ("{{{inputs.parameters.a}}}", None),
        ("{{=inputs.parameters.a}}", None),
        ("{{steps.a.outputs.result}}", None),
        ("{{inputs.parameters.a", None),
    ],
)
def test_tags_that_a_run_begins_with(text: str, value: tuple[str, str] | None) -> None:
    (tag,) = tags(text)
    assert tag.value == value


def test_a_text_of_the_same_length_without_its_tags() -> None:
    assert without_tags("a{{b}}c{{d", "x") == "axxxxxc{{d"
    assert without_tags("plain", "x") == "plain"


def test_the_time_does_not_grow_with_the_square_of_the_unclosed_tags() -> None:
    begin = time.perf_counter()
    assert sum(1 for _ in tags("{{a " * 100_000)) == 100_000
    assert sum(1 for _ in tags("{{a}} " * 100_000)) == 100_000
    assert time.perf_counter() - begin < 10
