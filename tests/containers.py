"""Which engines tests try: containers only where `.ci/run docker` has made the images for them."""

from __future__ import annotations

import os
from typing import Any

from pytest_aicore.running.engines.choosing import ENGINES

API = os.environ.get("PYTEST_AICORE_TEST_API", "")
"""The URL of an API of Docker or Podman that has the images of the tests, empty if there is none."""
WHEELS = os.environ.get("PYTEST_AICORE_TEST_WHEELS", "")
"""A folder with the wheels that the image of `pytest-aicore serve` needs, empty if the build asks the package index."""
WHY_NOT = "PYTEST_AICORE_TEST_API names no API of Docker or Podman with the images of the tests: see .ci/run docker"
TRIED = [name for name in ENGINES if name != "docker" or API]


def _client() -> Any:
    import docker

    return docker.APIClient(base_url=API, version="auto", timeout=60)


def with_word(word: str) -> list[str]:
    """Return the ids of the containers whose command contains a word.

    Args:
        word: that only one test uses.
    """
    client = _client()
    try:
        return [each["Id"] for each in client.containers(all=True) if word in str(each["Command"])]
    finally:
        client.close()


def volumes_of_nobody() -> set[str]:
    """Return the names of the volumes that no container has."""
    client = _client()
    try:
        return {each["Name"] for each in client.volumes(filters={"dangling": True})["Volumes"] or ()}
    finally:
        client.close()
