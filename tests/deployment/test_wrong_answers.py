"""Answers of deployments that are wrong: without end, too large, not what they say they are."""

from __future__ import annotations

import time
from itertools import count, repeat
from typing import TYPE_CHECKING, Any

import pytest
import requests

from pytest_aicore.deployment import answers
from pytest_aicore.deployment.answers import Answer, PredictionError, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Self


class Coming:
    """A response whose body comes piece by piece."""

    status_code = 200
    headers = {"content-type": "text/event-stream"}  # noqa: RUF012  never changed

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.is_closed = False

    def iter_content(self, _: int) -> Iterator[bytes]:
        yield from self._pieces

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.is_closed = True


class Ticking:
    """A clock that moves a second with each look."""

    def __init__(self) -> None:
        self._ticks = count()

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return float(next(self._ticks))

    def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


def test_a_stream_without_end_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    response: Any = Coming(repeat(b"data: x\n\n"))
    with pytest.raises(PredictionError) as error:
        read(response, "GET /v1/stream", Ticking())
    assert str(error.value) == (
        "GET /v1/stream: the answer had not ended after 300 s and 2709 bytes. For a stream without end use .post(path,"
        " stream=True)."
    )
    assert response.is_closed
    monkeypatch.setattr(answers, "LARGEST_BYTES", 1024**2)
    with pytest.raises(PredictionError, match=r"GET /v1/stream: the answer is larger than 1 MiB\."):
        read(Coming(repeat(b"x" * 2**16)), "GET /v1/stream", Ticking())  # type: ignore[arg-type]


def test_an_answer_that_breaks_off_is_none() -> None:
    def breaking() -> Iterator[bytes]:
        yield b"data"
        raise requests.exceptions.ChunkedEncodingError("Connection broken")

    with pytest.raises(PredictionError) as error:
        read(Coming(breaking()), "GET /v1/x", Ticking())  # type: ignore[arg-type]
    assert str(error.value) == "GET /v1/x: the answer broke off after 4 bytes (ChunkedEncodingError)."


def test_an_answer_is_what_it_says_it_is() -> None:
    read_whole = read(Coming([b"da", b"ta"]), "GET /v1/x", Ticking())  # type: ignore[arg-type]
    assert read_whole == Answer("GET /v1/x", 200, "text/event-stream", b"data")
    assert read_whole.content == "data"
    assert Answer("GET /v1/x", 200, "application/problem+JSON; charset=utf-8", b'{"a": 1}').content == {"a": 1}
    with pytest.raises(PredictionError) as error:
        _ = Answer("GET /v1/x", 200, "application/json", b"<html>" + b"x" * 1000 + b"\x1b[2J").content
    told = str(error.value)
    assert told.startswith("GET /v1/x was answered with application/json that is not JSON (Expecting value: line 1")
    assert told.endswith("... (1010 bytes)")
    assert "\x1b" not in told


@pytest.mark.parametrize(("status", "good"), [(200, True), (204, True), (302, False), (404, False), (500, False)])
def test_only_success_is_good(status: int, good: bool) -> None:
    assert Answer("GET /v1/x", status, "", b"").is_good is good
