"""What others wrote, made fit to be printed."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_aicore.errors import AicoreError, RunError
from pytest_aicore.printable import from_terminal, on_one_line, printable, say, write
from pytest_aicore.training.finished import MissingError
from tests.hostile import EVERYTHING, acting, is_command, texts


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\x00b\x08c\x7fd", r"a\x00b\x08c\x7fd"),
        ("C1: \x9b31m and \x85", r"C1: \x9b31m and \x85"),
        ("half\rway", r"half\rway"),
        ("one\r\ntwo\n\tthree", "one\ntwo\n\tthree"),
        ("line\u2028paragraph\u2029", r"line\u2028paragraph\u2029"),
        ("abc\u202etxt.exe\u2066\u200f\u061c", r"abc\u202etxt.exe\u2066\u200f\u061c"),
        ("na\u200bme na\u200dme \ufeffbom \xadhyphen", r"na\u200bme na\u200dme \ufeffbom \xadhyphen"),
        ("tag\U000e0041 half \ud83d none \uffff", r"tag\U000e0041 half \ud83d none \uffff"),
        ("Grüße, 北京, مرحبا, می‌خواهم, 👩‍🔬, a\xa0b\u3000c", "Grüße, 北京, مرحبا, می‌خواهم, 👩‍🔬, a\xa0b\u3000c"),
        (r"C:\temp\new", r"C:\temp\new"),
        ("::error::x", r"\x3a:error::x"),
        (" \t\xa0::error::x", " \t\xa0\\x3a:error::x"),
        ("fine\n::set-output name=a::b\n", "fine\n\\x3a:set-output name=a::b\n"),
        ("std::vector, a::b", "std::vector, a::b"),
        ("x ##[error]y ##vso[task.complete]z", r"x \x23#[error]y \x23#vso[task.complete]z"),
        ("##TeamCity[x] ###[y] ## [z] # Title", r"\x23#TeamCity[x] #\x23#[y] ## [z] # Title"),
    ],
    ids=lambda value: "",
)  # fmt: skip
def test_what_acts_is_written_as_python_writes_it(text: str, shown: str) -> None:
    assert printable(text) == shown
    if not set("\n\t\r") & set(text):
        assert on_one_line(text) == shown


def test_one_line_has_no_other_below_it() -> None:
    assert on_one_line("a.yaml\r\n::error::x\n\tb") == r"a.yaml\r\n::error::x\n\tb"
    assert on_one_line("\n::error::x") == r"\n::error::x"
    assert on_one_line(" ::error::x") == r" \x3a:error::x"


@given(texts())
def test_nothing_acts_whatever_it_is(text: str) -> None:
    for made in (printable, on_one_line):
        shown = made(text)
        assert acting(shown) == []
        assert made(shown) == shown
    assert not set("\n\t") & set(on_one_line(text))
    assert acting(printable(from_terminal(text))) == []


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])))
def test_what_is_seen_and_does_nothing_stays_as_it_is(text: str) -> None:
    if not is_command(text):
        assert printable(text) == on_one_line(text) == text


def test_what_a_program_writes_for_a_terminal_is_lines() -> None:
    assert from_terminal("\x1b[1;31mred\x1b[0m\x1b[K\r\n 10%\r 20%\x1b[A\n") == "red\n 10%\n 20%\n"
    # Nothing becomes one by what is left out of it.
    assert acting(printable(from_terminal("\x1b\x1b[m[31m #\x1b[m#[error]\n\x1b[0m:\x1b[0m:error::x"))) == []


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8", "utf-16"])
def test_no_encoding_refuses_a_text(encoding: str) -> None:
    for print_it in (say, write):
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding)
        print_it(printable(f"é 北 👩 {EVERYTHING}"), stream)
        assert acting(raw.getvalue().decode(encoding)) == []


def test_a_closed_stream_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    say("nobody hears this")


@pytest.mark.parametrize("kind", [AicoreError, RunError, MissingError])
def test_an_error_cannot_act(kind: type[AicoreError]) -> None:
    error = kind("\x1b[2Jgone\n::error::x\r\n\tsecond line")
    assert str(error) == f"{error}" == "\\x1b[2Jgone\n\\x3a:error::x\n\tsecond line"
    assert error.args == ("\x1b[2Jgone\n::error::x\r\n\tsecond line",)
