"""Where golden files lie, and that nothing leads out of their folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_aicore.errors import ContractError
from pytest_aicore.workflows.contracts.goldens import ContractPlaces, Goldens, read_golden, remove_golden, write_golden

ROOT = Path("/project")


@pytest.mark.parametrize(
    ("workflow", "workflows", "contracts", "expected"),
    [
        ("/project/workflows/a.yaml", "/project/workflows", None, "/project/contracts/a.json"),
        ("/project/ml/workflows/a.yml", "/project/ml/workflows", None, "/project/ml/contracts/a.json"),
        ("/project/workflows/sub/a.yaml", "/project/workflows", None, "/project/contracts/sub/a.json"),
        ("/project/pipelines/a.yaml", "/project/workflows", None, "/project/contracts/pipelines/a.json"),
        ("/project/a.yaml", "/project", None, "/project/contracts/a.json"),
        ("/project/workflows/a.yaml", "/project/workflows", "/project/golden", "/project/golden/a.json"),
        ("/project/pipelines/a.yaml", "/project/workflows", "/project/golden", "/project/golden/pipelines/a.json"),
        ("/shared/workflows/a.yaml", "/shared/workflows", None, "/shared/contracts/a.json"),
        ("/elsewhere/flows/a.yaml", "/project/workflows", None, "/elsewhere/contracts/flows/a.json"),
    ],
)
def test_a_contract_has_one_place_wherever_pytest_is_started(
    workflow: str, workflows: str, contracts: str | None, expected: str
) -> None:
    places = ContractPlaces((Path(workflows),), ROOT, Path(contracts) if contracts else None)
    assert places.path_of(Path(workflow)) == Path(expected)


def test_a_golden_file_is_written_whole_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "a.json"
    assert read_golden(path, tmp_path) is None
    write_golden(path, tmp_path, "ä\n")
    assert path.read_bytes() == "ä\n".encode()
    assert [file.name for file in path.parent.iterdir()] == ["a.json"]
    path.write_bytes(b"a\r\nb\r\n")
    assert read_golden(path, tmp_path) == "a\nb\n"
    remove_golden(path, tmp_path)
    assert not path.exists()


def test_nothing_leads_out_of_the_folder(tmp_path: Path) -> None:
    folder, outside = tmp_path / "contracts", tmp_path / "outside.json"
    folder.mkdir()
    outside.write_text("secret")
    (folder / "a.json").symlink_to(outside)
    (folder / "sub").symlink_to(tmp_path)
    for path in (folder / "a.json", folder / "sub" / "outside.json", folder / ".." / "outside.json"):
        message = (
            f"The golden file '{path}' would be outside of '{folder}', at '{outside}'.\n"
            "Remove the symbolic link or the `..` that leads there."
        )
        with pytest.raises(ContractError) as reading:
            read_golden(path, folder)
        with pytest.raises(ContractError) as writing:
            write_golden(path, folder, "x")
        with pytest.raises(ContractError) as removing:
            remove_golden(path, folder)
        assert [str(caught.value) for caught in (reading, writing, removing)] == [message] * 3
    assert outside.read_text() == "secret"


def test_a_circle_of_links_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to(tmp_path / "b.json")
    (tmp_path / "b.json").symlink_to(tmp_path / "a.json")
    with pytest.raises(ContractError) as caught:
        read_golden(tmp_path / "a.json", tmp_path)
    # Before Python 3.13 a circle cannot be resolved, from then on it can and cannot be opened.
    assert str(caught.value) in (
        f"The golden file '{tmp_path / 'a.json'}' is a symbolic link to a file that does not exist.",
        f"The golden file '{tmp_path / 'a.json'}' cannot be read: Too many levels of symbolic links.",
    )


def test_what_cannot_be_read_or_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "binary.json").write_bytes(b"ab\xff")
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    expected = {
        "folder.json": f"The golden file '{tmp_path / 'folder.json'}' cannot be read: it is a folder, not a file.",
        "binary.json": f"The golden file '{tmp_path / 'binary.json'}' is not UTF-8 text (at byte 2).",
        "large.json": (
            f"The golden file '{tmp_path / 'large.json'}' is larger than 4,194,304 bytes, too large for a golden file."
        ),
        "file/a.json": f"The golden file '{tmp_path / 'file/a.json'}' cannot be read: Not a directory.",
    }
    for name, message in expected.items():
        with pytest.raises(ContractError) as caught:
            read_golden(tmp_path / name, tmp_path)
        assert str(caught.value) == message
    with pytest.raises(ContractError) as caught:
        write_golden(tmp_path / "folder.json", tmp_path, "x")
    assert str(caught.value) == f"The golden file '{tmp_path / 'folder.json'}' cannot be written: Is a directory."
    assert sorted(os.listdir(tmp_path)) == ["binary.json", "file", "folder.json", "large.json"]  # noqa: PTH208
    with pytest.raises(ContractError) as caught:
        remove_golden(tmp_path / "missing.json", tmp_path)
    assert str(caught.value) == (
        f"The golden file '{tmp_path / 'missing.json'}' cannot be removed: No such file or directory."
    )


def test_a_text_is_compared_with_its_golden_file(tmp_path: Path) -> None:
    goldens = Goldens(tmp_path, tmp_path)
    golden = tmp_path / "a.yaml"
    with pytest.raises(ContractError) as caught:
        goldens.check("a: 1\n", "a.yaml")
    assert str(caught.value) == (
        f"The golden file does not exist: '{golden}'.\nIf the new content is correct: pytest --aicore-update"
    )
    Goldens(tmp_path, tmp_path, update=True).check("a: 1\nb: 2\n", "a.yaml")
    goldens.check("a: 1\nb: 2\n", golden)
    with pytest.raises(ContractError) as caught:
        goldens.check("a: 1\nb: 3\n", "a.yaml")
    assert str(caught.value) == (
        f"The golden file '{golden}' has different content.\n"
        "--- golden file\n"
        "+++ rendered now\n"
        "@@ -1,2 +1,2 @@\n"
        " a: 1\n"
        "-b: 2\n"
        "+b: 3\n"
        "If the new content is correct: pytest --aicore-update"
    )
    golden.write_text("a: 1\nb: 2")
    with pytest.raises(ContractError) as caught:
        goldens.check("a: 1\nb: 2\n", "a.yaml")
    assert "(only the line end at the end of the file differs)" in str(caught.value)
    Goldens(tmp_path, tmp_path, update=True).check("\n".join(map(str, range(200))), "a.yaml")
    with pytest.raises(ContractError) as caught:
        goldens.check("\n", "a.yaml")
    assert str(caught.value).splitlines()[-2] == "... and 144 more lines"
    with pytest.raises(ContractError, match="would be outside of"):
        Goldens(tmp_path, tmp_path / "inner", update=True).check("x", "b.yaml")
