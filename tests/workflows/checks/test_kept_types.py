"""What was derived of hera's models is kept: for this hera, this pydantic and this version of ours."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.workflows.checks.argo import shapes

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSIONS = {"hera": "hera-7.1", "pydantic": "pydantic-2.14", "pytest_aicore": "pytest_aicore-1.2"}
SHAPES = {"WorkflowSpec": {"entrypoint": "str"}, "Template": {"name": "str"}, "Container": {"image": "str"}}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder in which shapes are kept, beside a hera of these versions, read in this test for the first time."""
    monkeypatch.setenv("PYTEST_AICORE_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(shapes, "_version", VERSIONS.get)
    monkeypatch.setattr(shapes, "find_spec", lambda name: name)
    monkeypatch.setattr(shapes, "_derived", lambda: {name: dict(keys) for name, keys in SHAPES.items()})
    shapes.hera_shapes.cache_clear()
    yield tmp_path
    shapes.hera_shapes.cache_clear()


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_shapes_are_derived_once(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = shapes.hera_shapes()
    assert names(kept) == ["argo-types-pytest_aicore-1.2-hera-7.1-pydantic-2.14.json"]
    shapes.hera_shapes.cache_clear()
    monkeypatch.setattr(shapes, "_derived", lambda: pytest.fail("derived once more"))
    assert shapes.hera_shapes() == first


@pytest.mark.parametrize("package", VERSIONS)
def test_another_version_does_not_read_them(kept: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    shapes.hera_shapes()
    shapes.hera_shapes.cache_clear()
    changed = {**SHAPES, "Template": {"name": "any-str"}}
    monkeypatch.setattr(shapes, "_version", {**VERSIONS, package: f"{package}-9"}.get)
    monkeypatch.setattr(shapes, "_derived", lambda: changed)
    found = shapes.hera_shapes()
    assert found is not None
    assert found["Template"]["name"] == "any-str"
    assert len(names(kept)) == 2


def test_a_checkout_is_told_apart_by_what_derives(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "_version", {**VERSIONS, "pytest_aicore": None}.get)
    shapes.hera_shapes()
    copy = kept / "shapes.py"
    copy.write_text("# derives otherwise", encoding="utf-8")
    monkeypatch.setattr(shapes, "__file__", str(copy))
    shapes.hera_shapes.cache_clear()
    shapes.hera_shapes()
    assert len([name for name in names(kept) if name.endswith(".json")]) == 2


def test_no_test_reads_what_the_developer_keeps() -> None:
    """In `tests/conftest.py` home, cache and zone are set before any test is collected."""
    assert "pytest-aicore-tests" in os.environ["HOME"]
    assert Path(os.environ["XDG_CACHE_HOME"]).parent == Path(os.environ["HOME"]).parent
    assert os.environ["TZ"] == "UTC"
