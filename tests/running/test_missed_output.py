"""What a container has written and its API has not passed on: it comes once, from the container's log."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running.pods_here import Here

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("leftovers")]

MISSING = "pytest-aicore: the API of Docker has not passed on all that was written here"


def let_miss(patch: pytest.MonkeyPatch, after: int, *, is_broken: bool = True) -> None:
    """Let the connection that passes on end after some bytes of stdout, and pass on nothing of stderr."""
    from docker.utils import socket

    real = socket.frames_iter

    def frames(connection: Any, *, tty: bool) -> Iterator[tuple[int, bytes]]:
        left = after
        for stream, content in real(connection, tty=tty):
            if stream != socket.STDERR and left:
                yield stream, content[:left]
                left -= len(content[:left])
        if is_broken:
            raise OSError(errno.ECONNRESET, "Connection reset by peer")

    patch.setattr(socket, "frames_iter", frames)


@pytest.mark.parametrize("is_broken", [True, False], ids=["broken", "silent"])
def test_nothing_was_passed_on(contained: Here, monkeypatch: pytest.MonkeyPatch, *, is_broken: bool) -> None:
    let_miss(monkeypatch, 0, is_broken=is_broken)
    assert contained.run("echo", "c").last_lines == ("c",)


@pytest.mark.parametrize("after", [1, 2, 3, 8, 9, 100])
def test_a_part_was_passed_on(contained: Here, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Wherever it ended, also among lines that are alike."""
    let_miss(monkeypatch, after)
    assert contained.sh("printf 'a\\na\\nb\\n\\nend'").last_lines == ("a", "a", "b", "", "end")


def test_two_outputs(contained: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    let_miss(monkeypatch, 2)
    how = contained.sh("echo a; echo warning >&2; echo b", keep_result=True)
    assert (sorted(how.last_lines), how.result) == (["a", "b", "warning"], "a\nb")


@pytest.mark.parametrize(("after", "more"), [(500_000, (MISSING,)), (10**7, ())], ids=["a part", "everything"])
def test_more_than_a_log_keeps(
    contained: Here, monkeypatch: pytest.MonkeyPatch, after: int, more: tuple[str, ...]
) -> None:
    let_miss(monkeypatch, after)
    how = contained.sh("seq 100000")
    assert how.phase == "Succeeded"
    assert contained.lines[:1000] == [str(number) for number in range(1, 1001)]
    assert tuple(line for line in contained.lines if not line.isdigit()) == more
    numbers = [int(line) for line in contained.lines if line.isdigit()][:-1]  # the last one may be a part of one
    assert numbers == list(range(1, len(numbers) + 1))


def test_an_image_that_says_nothing(contained: Here) -> None:
    assert contained.run("true").last_lines == ()


def test_outputs_that_are_closed_early(contained: Here) -> None:
    assert contained.sh("echo a; exec >&- 2>&-; sleep 1").last_lines == ("a",)
