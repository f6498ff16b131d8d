"""Log lines come in bundles, all of them and in order, up to a size that memory can hold."""

from __future__ import annotations

import threading

import pytest

from pytest_aicore.local.log_lines import NOT_KEPT, LogLines


def test_all_lines_in_order() -> None:
    found: list[str] = []
    with LogLines(found.extend) as lines:
        for number in range(1000):
            lines.add(str(number))
    assert found == [str(number) for number in range(1000)]


def test_a_line_comes_before_the_end() -> None:
    came = threading.Event()
    with LogLines(lambda _: came.set()) as lines:
        lines.add("one")
        assert came.wait(10)


@pytest.mark.parametrize(("count", "length", "kept"), [(200_010, 1, 200_000), (70, 1024 * 1024, 64)])
def test_a_log_that_is_too_long(count: int, length: int, kept: int) -> None:
    found: list[str] = []
    line = "x" * length
    with LogLines(found.extend) as lines:
        for _ in range(count):
            lines.add(line)
    assert (len(found), found[-1], set(found[:-1])) == (kept + 1, NOT_KEPT, {line})
