"""Import the archive of stdin as the images of the tests, by the API that DOCKER_HOST names."""

from __future__ import annotations

import sys
import tempfile
import time

import docker

IMPORTED = "localhost/pytest-aicore-tests"
NAMES = ("docker.io/me/train:1", "docker.io/me/tiny:1", "docker.io/me/serve:1", "docker.io/library/python:3.11")
NAMES += ("docker.io/library/i:latest",)  # `image: i`, of workflows in the tests
NAMES += tuple(f"docker.io/library/python:3.{minor}-slim" for minor in range(10, 14))


def main() -> None:
    """Wait for the API, import, and give the image its names."""
    for _ in range(100):
        try:
            client = docker.from_env()
            break
        except docker.errors.DockerException:
            time.sleep(0.1)
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        file.write(sys.stdin.buffer.read())
        file.flush()
        client.api.import_image_from_file(file.name, repository=IMPORTED, tag="latest")  # Podman 4 knows no other tag
    image = client.images.get(f"{IMPORTED}:latest")
    for name in NAMES:
        image.tag(*name.rsplit(":", 1))


main()
