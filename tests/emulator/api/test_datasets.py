"""Dataset files: put into the object store, taken out again, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore.emulator.api.handlers import datasets

if TYPE_CHECKING:
    from pytest_aicore.emulator import Emulator
    from tests.emulator.api.conftest import Caller

FILES = "/v2/lm/dataset/files"
INVALID = (400, "03021655", "The path is not valid.")


def test_a_file_comes_back(ask: Caller) -> None:
    """As it was sent, with the headers that keep a browser from running it."""
    answer = ask("PUT", f"{FILES}/default/training/2025/test.csv", b"a,b\n1,\xff\n", content_type="text/csv")
    assert answer.status == 201
    url = "ai://default/training/2025/test.csv"
    assert answer.content == {"message": "File default/training/2025/test.csv created successfully.", "url": url}
    assert answer.headers["location"] == url
    file = ask("GET", f"{FILES}/default/training/2025/test.csv")
    assert (file.status, file.body) == (200, b"a,b\n1,\xff\n")
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["x-content-type-options"] == "nosniff"
    assert file.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert file.headers["content-disposition"] == "attachment"


def test_a_file_is_not_overwritten_by_accident(ask: Caller) -> None:
    """Only `overwrite=true` does."""
    path = f"{FILES}/default/test.csv"
    ask("PUT", path, b"1")
    for query in ("", "?overwrite=false"):
        assert ask("PUT", path + query, b"2").error == (
            409,
            "03021655",
            "The specified file already exists and cannot be overwritten.",
        )
    assert ask("GET", path).body == b"1"
    assert ask("PUT", f"{path}?overwrite=true", b"3").status == 201
    assert ask("GET", path).body == b"3"
    assert ask("PUT", f"{path}?overwrite=maybe", b"4").status == 400


def test_a_file_is_deleted(ask: Caller) -> None:
    """It is gone, and can be put there again."""
    path = f"{FILES}/default/test.csv"
    ask("PUT", path, b"1")
    answer = ask("DELETE", path)
    assert (answer.status, answer.body) == (204, b"")
    for method in ("GET", "DELETE"):
        assert ask(method, path).error == (404, "03021655", "The resource you requested was not found.")
    assert ask("PUT", path, b"2").status == 201


PATHS = [
    "default",
    "default/",
    "default//x.csv",
    "default/./x.csv",
    "default/../x.csv",
    "default/a/../../other/x.csv",
    "default/..%2Fx.csv",
    "default%2F..%2Fx.csv",
    "default/a%00.csv",
    "default/a b.csv",
    "default/%C3%A4.csv",
    "default/x.csv%0A",
    "../default/x.csv",
    "..%2fdefault/x.csv",
    "/default/x.csv",
    "",
    f"default/{'x' * 1030}.csv",
    "default/a\\b.csv",
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:30])
def test_paths_that_lead_elsewhere(ask: Caller, emulator: Emulator, path: str) -> None:
    """They are refused, whatever is asked of them."""
    for method in ("PUT", "GET", "DELETE"):
        assert ask(method, f"{FILES}/{path}", b"1").error == INVALID
    assert len(emulator.state.groups["default"].objects) == 0


def test_an_encoded_slash_is_a_slash(ask: Caller) -> None:
    """It names the same file."""
    ask("PUT", f"{FILES}/default%2Fa%2Fx.csv", b"1")
    assert ask("GET", f"{FILES}/default/a/x.csv").body == b"1"


def test_only_csv_files(ask: Caller) -> None:
    """Others are refused."""
    for name in ("x.txt", "xy", "x.csv.exe", "csv"):
        assert ask("PUT", f"{FILES}/default/{name}", b"1").error == (
            400,
            "03021655",
            "Only .csv and .json files are supported.",
        )
    assert ask("PUT", f"{FILES}/default/X.CSV", b"1").status == 201


def test_only_s3(ask: Caller) -> None:
    """A secret that is of another type, or does not exist, holds no files."""
    body = {"name": "blobs", "type": "azure", "data": {}}
    ask("POST", "/v2/admin/objectStoreSecrets", body)
    assert ask("PUT", f"{FILES}/blobs/x.csv", b"1").error == (
        400,
        "03021655",
        "The object store secret blobs is of type azure, but only S3 is supported.",
    )
    missing = "The object store secret nowhere was not found."
    assert ask("PUT", f"{FILES}/nowhere/x.csv", b"1").error == (400, "03021655", missing)
    assert ask("GET", f"{FILES}/nowhere/x.csv").error == (404, "03021655", missing)


def test_a_file_that_is_too_large(ask: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Just as large as allowed is not too large."""
    assert datasets.LARGEST_BYTES == 100 * 1024 * 1024
    monkeypatch.setattr(datasets, "LARGEST_BYTES", 10)
    assert ask("PUT", f"{FILES}/default/x.csv", b"x" * 10).status == 201
    assert ask("PUT", f"{FILES}/default/y.csv", b"x" * 11).error == (
        413,
        "03021655",
        "The file size exceeds the supported limit of 10 bytes.",
    )
    assert ask("GET", f"{FILES}/default/y.csv").status == 404


def test_files_belong_to_a_group(ask: Caller, emulator: Emulator) -> None:
    """Without a header the group `default` is meant."""
    emulator.create_resource_group("team-a")
    ask("PUT", f"{FILES}/default/x.csv", b"1", group="team-a")
    assert ask("GET", f"{FILES}/default/x.csv", group=None).status == 404
    assert ask("GET", f"{FILES}/default/x.csv", group="team-a").body == b"1"
    refused = ask("GET", f"{FILES}/default/x.csv", group="nowhere")
    assert (refused.status, refused.body) == (403, b"RBAC: access denied")


def test_a_rollback_takes_files_along(ask: Caller, emulator: Emulator) -> None:
    """What was put there after the checkpoint is gone; what was overwritten is back."""
    ask("PUT", f"{FILES}/default/x.csv", b"1")
    checkpoint = emulator.checkpoint()
    ask("PUT", f"{FILES}/default/x.csv?overwrite=true", b"2")
    ask("PUT", f"{FILES}/default/y.csv", b"3")
    emulator.rollback(checkpoint)
    assert ask("GET", f"{FILES}/default/x.csv").body == b"1"
    assert ask("GET", f"{FILES}/default/y.csv").status == 404
