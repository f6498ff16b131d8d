"""A real server that speaks S3, and the access keys of a user."""

from __future__ import annotations

import os
import subprocess
import sys
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING, Any

import pytest

from tests.projects import empty_project, project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["empty_project", "project"]

KEYS = {"AWS_ACCESS_KEY_ID": "AKIACANARYCANARY", "AWS_SECRET_ACCESS_KEY": "canary-of-s3/canary"}


SERVER = """\
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("http://{}:{}".format(*server.get_host_and_port()), flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The URL of a server, which is a process of its own.

    In this one, pytester would forget the modules that the server loads during a session of pytest, and load them
    again: two classes of one name, of which only one is handled.
    """
    with subprocess.Popen([sys.executable, "-c", SERVER], stdin=PIPE, stdout=PIPE, stderr=DEVNULL, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.stdin.close()


@pytest.fixture
def access_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The user's access keys, and nothing else of this machine."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def client(access_keys: None, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of an empty server, which the user's environment names."""
    import urllib.request

    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")).close()
    client = boto3.session.Session().client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="my-bucket")
    return client
