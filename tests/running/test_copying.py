"""Files that get a second place."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.local.object_store import ObjectStore
from pytest_aicore.running import copying
from pytest_aicore.running.copying import fingerprint, share
from pytest_aicore.running.pods import Stored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a folder with a file and a link that leads out of it."""
    folder = tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    (tmp_path / "foreign").write_text("foreign")
    (folder / "deep" / "weights").write_text("1\n")
    (folder / "link").symlink_to(tmp_path / "foreign")
    return folder


def test_what_an_execution_leaves_is_not_copied(model: Path, tmp_path: Path) -> None:
    place = ObjectStore({}, tmp_path / "outputs", tmp_path / "written").keep("e1", "model", Stored(model))
    assert place == tmp_path / "outputs" / "e1" / "model"
    assert (place / "deep" / "weights").samefile(model / "deep" / "weights")
    assert (place / "link").readlink() == tmp_path / "foreign"
    assert (tmp_path / "foreign").stat().st_nlink == 1


def test_where_files_get_no_second_name(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", refuse)
    place = tmp_path / "place"
    share(model, place)
    assert (place / "deep" / "weights").read_text() == "1\n"
    assert not (place / "deep" / "weights").samefile(model / "deep" / "weights")
    assert (place / "link").readlink() == tmp_path / "foreign"


def test_a_copy_on_another_disk_needs_space(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(copying, "require_space", lambda source, _: asked.append(source))
    share(model, tmp_path / "first")
    monkeypatch.setattr("pathlib.Path.lstat", lambda path: os.stat_result((0, 0, -1, *(0,) * 7)))
    share(model, tmp_path / "second")
    assert asked == [model]


@pytest.mark.parametrize(
    ("change", "is_seen"),
    [
        (lambda folder: (folder / "deep" / "weights").write_text("2\n"), True),
        (lambda folder: (folder / "deep" / "more").touch(), True),
        (lambda folder: (folder / "empty").mkdir(), True),
        (lambda folder: (folder / "link").unlink(), True),
        (lambda folder: (folder / "deep" / "weights").rename(folder / "weights"), True),
        (lambda folder: os.utime(folder), False),
        (lambda folder: (folder / "deep" / "weights").read_text(), False),
        (lambda folder: os.link(folder / "deep" / "weights", folder.parent / "second"), False),
    ],
)
def test_a_fingerprint(model: Path, change: Callable[[Path], object], is_seen: bool) -> None:
    os.utime(model / "deep" / "weights", (1, 1))
    before = fingerprint(model)
    change(model)
    assert (fingerprint(model) != before) == is_seen


def test_the_fingerprint_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("1")
    os.utime(file, (1, 1))
    before = fingerprint(file)
    file.write_text("2")
    assert fingerprint(file) != before
