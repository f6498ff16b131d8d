"""Object stores in S3, with a real server over sockets, and with what happens where there is none."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.errors import StoreError
from pytest_aicore.objects import s3
from pytest_aicore.objects.s3 import S3
from pytest_aicore.objects.s3_address import S3Address
from pytest_aicore.objects.shelf import fetch
from tests.objects.conftest import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest.importorskip("moto", reason="moto is in the environment that .ci/run makes for S3")

pytestmark = pytest.mark.usefixtures("access_keys")

NO_KEYS = (
    "no access keys were found. boto3 looks for AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
    " (AWS_PROFILE)."
)


# A place in S3 as an object store ---------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "deep/er"])
def test_files_by_their_paths(client: Any, tmp_path: Path, prefix: str) -> None:
    shelf = S3(S3Address("my-bucket", prefix))
    (tmp_path / "b").write_bytes(b"2")
    shelf.put("data/a", b"1")
    shelf.put("data/c/b", tmp_path / "b")
    shelf.put("database", b"3")
    at = f"{prefix}/" if prefix else ""
    client.put_object(Bucket="my-bucket", Key=f"{at}data/empty/")
    assert shelf.files("data") == ["data/a", "data/c/b"]
    assert shelf.files("") == ["data/a", "data/c/b", "database"]
    assert shelf.files("database") == ["database"]
    assert [shelf.holds(path) for path in ("data", "data/a", "dat", "data/empty")] == [True, True, False, False]
    with shelf.open("data/c/b") as file:
        assert file.read() == b"2"
    (tmp_path / "new").mkdir()
    folder = fetch(shelf, "data", lambda: tmp_path / "new")
    assert folder is not None
    assert ((folder / "a").read_bytes(), (folder / "c" / "b").read_bytes()) == (b"1", b"2")
    assert shelf.where("data") == f"s3://my-bucket/{at}data"


def test_more_files_than_on_a_page(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_PAGE", 2)
    for number in range(5):
        client.put_object(Bucket="my-bucket", Key=f"data/{number}")
    shelf = S3(S3Address("my-bucket"))
    assert shelf.files("data") == [f"data/{number}" for number in range(5)]
    assert shelf.files("data", most=3) == [f"data/{number}" for number in range(4)]


def test_a_key_that_leads_out_of_the_folder(client: Any, tmp_path: Path) -> None:
    client.put_object(Bucket="my-bucket", Key="data/../../x", Body=b"")
    with pytest.raises(StoreError) as refused:
        fetch(S3(S3Address("my-bucket")), "data", lambda: tmp_path)
    assert str(refused.value) == "s3://my-bucket/data/../../x leads out of the folder of s3://my-bucket/data."
    assert list(tmp_path.rglob("x")) == list(tmp_path.parent.glob("x")) == []


# What does not work -----------------------------------------------------------------------------------------------


def uses(address: S3Address) -> list[Callable[[], object]]:
    shelf = S3(address)
    return [
        lambda: shelf.files("a"),
        lambda: shelf.holds("a"),
        lambda: shelf.open("a"),
        lambda: shelf.put("a", b""),
    ]


def refusals(address: S3Address) -> list[str]:
    """Return what is said of each use; each begins with what cannot be done, which is left out."""
    said = []
    for use in uses(address):
        with pytest.raises(StoreError) as refused:
            use()
        text = str(refused.value)
        assert "canary" not in text.lower()
        where, _, why = text.partition(" cannot be ")
        assert where == f"{address}/a"
        said.append(why.partition(": ")[2])
    return said


def test_a_bucket_that_does_not_exist(client: Any, endpoint: str) -> None:
    missing = f"there is no bucket 'no-bucket' at {endpoint}."
    assert set(refusals(S3Address("no-bucket"))) == {missing}


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert set(refusals(S3Address("my-bucket", endpoint=url))) == {
        (
            f"{url} does not answer (EndpointConnectionError). Check its address (AWS_ENDPOINT_URL_S3, AWS_REGION)"
            " and the network."
        )
    }


def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_READ_SECONDS", 0.2)
    monkeypatch.setattr(s3, "_ATTEMPTS", 1)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        assert set(refusals(S3Address("my-bucket", endpoint=url))) == {
            (
                f"{url} does not answer (ReadTimeoutError). Check its address (AWS_ENDPOINT_URL_S3, AWS_REGION) and the"
                " network."
            )
        }


def test_without_access_keys(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name)
    assert set(refusals(S3Address("my-bucket"))) == {NO_KEYS}
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIACANARYCANARY")
    assert set(refusals(S3Address("my-bucket"))) == {NO_KEYS}
    monkeypatch.setenv("AWS_PROFILE", "no-such")
    assert set(refusals(S3Address("my-bucket"))) == {"ProfileNotFound: The config profile (no-such) could not be found"}


def test_access_keys_that_the_server_refuses(client: Any, endpoint: str) -> None:
    import urllib.request

    def authorize_after(count: str) -> None:
        request = urllib.request.Request(f"{endpoint}/moto-api/reset-auth", data=count.encode(), method="POST")
        request.add_header("Content-Type", "text/plain")
        urllib.request.urlopen(request).close()

    authorize_after("0")
    try:
        files, holds, opened, put = refusals(S3Address("my-bucket"))
    finally:
        authorize_after("inf")
    refused = (
        "the access keys are refused (InvalidAccessKeyId). boto3 takes them from AWS_ACCESS_KEY_ID and"
        " AWS_SECRET_ACCESS_KEY, or a profile (AWS_PROFILE)."
    )
    assert (files, holds, opened, put) == (refused, refused, refused, refused)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("not a url", "the endpoint is not a URL. Check AWS_ENDPOINT_URL_S3."),
        (
            "http://user:canary@127.0.0.1:1",
            (
                "http://127.0.0.1:1 does not answer (EndpointConnectionError). Check its address (AWS_ENDPOINT_URL_S3,"
                " AWS_REGION) and the network."
            ),
        ),
    ],
)
def test_an_endpoint_that_cannot_be_used(url: str, said: str) -> None:
    assert set(refusals(S3Address("my-bucket", endpoint=url))) == {said}
