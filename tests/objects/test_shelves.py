"""Folders in the place of object stores, several of them as one, and what is fetched from elsewhere."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest

from pytest_aicore.errors import StoreError
from pytest_aicore.objects.ai_url import AiUrl, ai_url
from pytest_aicore.objects.folder import Folder
from pytest_aicore.objects.s3 import MISSING, require_boto3
from pytest_aicore.objects.shelf import Layers, fetch

if TYPE_CHECKING:
    from collections.abc import Mapping


class Elsewhere:
    """A store that is not on this machine, and holds what keys it likes."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self.contents = contents

    def where(self, path: str) -> str:
        return f"far/{path}"

    def holds(self, path: str) -> bool:
        return bool(self.files(path))

    def files(self, path: str, most: int | None = None) -> list[str]:
        return [key for key in self.contents if key == path or key.startswith(f"{path}/")]

    def open(self, path: str) -> BinaryIO:
        return BytesIO(self.contents[path])

    def put(self, path: str, file: bytes | Path) -> None:
        raise AssertionError(path)

    def place(self, path: str) -> Path | None:
        return None


# URLs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "meant", "again"),
    [
        ("ai://default/a/b.csv", AiUrl("default", "a/b.csv"), "ai://default/a/b.csv"),
        ("ai://default/a/", AiUrl("default", "a"), "ai://default/a"),
        ("ai://models", AiUrl("models", ""), "ai://models/"),
        ("ai://default/a%20b%25", AiUrl("default", "a b%"), "ai://default/a b%25"),
    ],
)
def test_urls(url: str, meant: AiUrl, again: str) -> None:
    assert (ai_url(url), str(meant), ai_url(again)) == (meant, again, meant)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "s3://b/a",
            "'s3://b/a': expected ai://SECRET/PATH, where SECRET is the name of an object-store secret.",
        ),
        (None, "None: expected ai://SECRET/PATH, where SECRET is the name of an object-store secret."),
        ("ai://default/a/../../b", "'ai://default/a/../../b' leads out of the object store 'default'."),
        ("ai://default/%2E%2E/b", "'ai://default/%2E%2E/b' leads out of the object store 'default'."),
        ("ai://default/a//b", "'ai://default/a//b': a path has no empty part and no null byte."),
    ],
)
def test_urls_that_name_nothing(url: object, message: str) -> None:
    with pytest.raises(StoreError) as refused:
        ai_url(url)
    assert str(refused.value) == message


# Folders ----------------------------------------------------------------------------------------------------------


def test_a_folder_holds_files_by_their_paths(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "new")
    assert (folder.files(""), folder.holds("a"), folder.place("a")) == ([], False, None)
    folder.put("a/b", b"1")
    folder.put("a/c/d", b"2")
    folder.put("ab", b"3")
    folder.put("a/b", b"4")
    assert folder.files("a") == ["a/b", "a/c/d"]
    assert folder.files("") == ["a/b", "a/c/d", "ab"]
    assert folder.files("a/b") == ["a/b"]
    assert folder.place("a") == tmp_path / "new" / "a"
    with folder.open("a/b") as file:
        assert file.read() == b"4"
    assert sorted(each.name for each in (tmp_path / "new").iterdir()) == ["a", "ab"]


def test_links_do_not_lead_out_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mine")
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "link").symlink_to(tmp_path / "secret")
    (inside / "up").symlink_to(tmp_path)
    folder = Folder(inside)
    leads_out = f"{inside}/{{}} leads out of the folder {inside}."
    for path in ("link", "up/secret"):
        for use in (folder.open, folder.place, folder.holds, folder.files, lambda path: folder.put(path, b"")):
            with pytest.raises(StoreError) as refused:
                use(path)
            assert str(refused.value) == leads_out.format(path)
    assert (tmp_path / "secret").read_text() == "mine"


def test_a_folder_that_cannot_be_written_keeps_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path)
    folder.put("a", b"before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StoreError) as refused:
        folder.put("a", b"after")
    assert str(refused.value) == f"{tmp_path}/a cannot be written: No space left on device."
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"a": b"before"}
    with pytest.raises(StoreError) as refused:
        folder.put("a/b", b"")
    assert str(refused.value).startswith(f"{tmp_path}/a/b cannot be written: ")


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    (tmp_path / "a").chmod(0)
    with pytest.raises(StoreError) as refused:
        Folder(tmp_path).open("a")
    assert str(refused.value) == f"{tmp_path}/a cannot be read: Permission denied."


# Layers, and what is fetched --------------------------------------------------------------------------------------


def test_a_new_file_hides_an_old_one_and_the_rest_stays_visible(tmp_path: Path) -> None:
    (tmp_path / "old" / "data").mkdir(parents=True)
    (tmp_path / "old" / "data" / "a").write_text("old")
    (tmp_path / "old" / "data" / "b").write_text("old")
    layers = Layers([Folder(tmp_path / "new"), Folder(tmp_path / "old")])
    assert layers.place("data") == tmp_path / "old" / "data"
    layers.put("data/a", b"new")
    (tmp_path / "here").mkdir()
    assert layers.files("data") == ["data/a", "data/b"]
    assert (layers.place("data"), layers.place("data/b")) == (None, tmp_path / "old" / "data" / "b")
    fetched = fetch(layers, "data", lambda: tmp_path / "here")
    assert fetched == tmp_path / "here" / "data"
    assert {each.name: each.read_text() for each in fetched.iterdir()} == {"a": "new", "b": "old"}
    assert layers.where("x") == f"{tmp_path}/new/x or {tmp_path}/old/x"


def test_what_is_elsewhere_is_fetched(tmp_path: Path) -> None:
    shelf = Elsewhere({"data/a": b"1", "data/b/c": b"2", "one": b"3"})
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
    folder = fetch(shelf, "data", lambda: tmp_path / "1")
    assert folder is not None
    assert ((folder / "a").read_bytes(), (folder / "b" / "c").read_bytes()) == (b"1", b"2")
    file = fetch(shelf, "one", lambda: tmp_path / "2")
    assert file is not None
    assert (file.name, file.read_bytes()) == ("one", b"3")
    assert fetch(shelf, "none", lambda: tmp_path / "3") is None


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["data/../../x"], "far/data/../../x leads out of the folder of far/data."),
        (["data/a\0b"], "far/data/a\\x00b leads out of the folder of far/data."),
        (
            ["data/a", "data/a/b"],
            "far/data/a/b cannot be fetched to {folder}/data/a/b: another file has the path of its folder.",
        ),
        (
            ["data", "data/b"],
            "far/data/b cannot be fetched to {folder}/data/b: another file has the path of its folder.",
        ),
    ],
)
def test_keys_that_are_no_paths_of_files_are_refused(tmp_path: Path, keys: list[str], message: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(StoreError) as refused:
        fetch(Elsewhere(dict.fromkeys(keys, b"")), "data", lambda: inner)
    assert str(refused.value) == message.format(folder=inner)
    assert [each.name for each in tmp_path.iterdir()] == ["inner"]


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(StoreError) as refused:
        fetch(Elsewhere({"data/a": b"1"}), "data", lambda: tmp_path)
    assert str(refused.value) == f"far/data/a cannot be fetched to {tmp_path}/data/a: No space left on device."


def test_a_folder_that_was_removed_is_not_made_again(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as refused:
        fetch(Elsewhere({"data/a": b"1"}), "data", lambda: tmp_path / "removed")
    assert str(refused.value).endswith(": No such file or directory.")
    assert not (tmp_path / "removed").exists()


def test_boto3_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(StoreError) as refused:
        require_boto3("aicore_local_store: models = s3://bucket")
    assert str(refused.value) == f"aicore_local_store: models = s3://bucket: {MISSING}."
    assert MISSING == "S3 needs boto3, which is not installed: pip install 'pytest-aicore[s3]'"
