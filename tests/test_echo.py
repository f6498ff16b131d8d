"""What messages may repeat of paths."""

from __future__ import annotations

import ntpath
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_aicore import echo

if TYPE_CHECKING:
    import pytest


def test_a_path_is_seen_from_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert echo.seen_from(tmp_path / "a" / "b") == str(Path("a/b"))
    assert echo.seen_from(tmp_path / "a", tmp_path / "b") == str(Path("../a"))


def test_a_path_on_another_drive_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path", ntpath)
    assert echo.seen_from("D:\\flows", "C:\\project") == "D:\\flows"
    assert echo.seen_from("C:\\project\\flows", "C:\\project") == "flows"
