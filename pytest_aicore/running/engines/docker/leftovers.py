"""What killed sessions have left with an API: the next session, or `pytest-aicore sweep`, removes it.

Each container has labels: the machine, and a file that its session holds locked as long as it lives. Each image that
was built has the machine and its folder. What has no such labels is never touched, nor what another machine or another
container has started by the same API.
"""

from __future__ import annotations

import atexit
import os
import platform
import time
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.running.own_folder import LOCK_FILE, own_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docker import APIClient

LOCK: Final = "pytest-aicore.lock"
MACHINE: Final = "pytest-aicore.machine"
FOLDER: Final = "pytest-aicore.folder"
"""The label of images that were built, with the folder of their Dockerfile."""
TAGS: Final = "localhost/pytest-aicore/"
"""The beginning of the names of images that were built."""
_TRIES: Final = 5
_BETWEEN_TRIES: Final = 0.2
_SECONDS_OF_A_BUILD: Final = 3600
"""An image gets its tag at the end of its build."""


def labels() -> dict[str, str]:
    """Return the labels of this session's containers.

    Raises:
        OSError: the file of the session cannot be made.
    """
    return {LOCK: str(_own_lock(os.getpid())), MACHINE: platform.node()}


def remove_containers(client: APIClient) -> Iterator[str]:
    """Remove the containers of sessions that have ended, and yield which.

    Args:
        client: of the API.

    Raises:
        DockerException: the API does not answer.
    """
    from docker.errors import APIError

    for each in client.containers(all=True, filters={"label": [LOCK, f"{MACHINE}={platform.node()}"]}):
        if not _is_held(Path(each["Labels"][LOCK])):
            with suppress(APIError):  # another session has removed it
                client.remove_container(each["Id"], force=True, v=True)
                name = each["Names"][0].lstrip("/") if each["Names"] else each["Id"][:12]
                yield f"the container {name}"


def remove_images(client: APIClient) -> Iterator[str]:
    """Remove the images of folders that do not exist any more, and what a build has replaced, and yield which.

    Podman takes a second to list a hundred images.

    Args:
        client: of the API.

    Raises:
        DockerException: the API does not answer.
    """
    from docker.errors import APIError

    for each in list_images(client, filters={"label": FOLDER}):
        folder, tags = each["Labels"][FOLDER], _tags(each)
        if each["Labels"].get(MACHINE) != platform.node():  # Podman finds nothing by two labels
            continue
        if not tags and time.time() - each["Created"] > _SECONDS_OF_A_BUILD:
            if remove_untagged(client, each["Id"]):
                yield f"an image of {folder}"
        elif not Path(folder).exists():
            for tag in tags:
                if tag.startswith(TAGS):
                    with suppress(APIError):  # a container still has it
                        client.remove_image(tag)
                        yield f"the image of {folder}"


def list_images(client: APIClient, **options: Any) -> list[dict[str, Any]]:
    """Return what the API says of its images; Podman fails while another process removes one.

    Args:
        client: of the API.
        options: of docker-py's `images`.

    Raises:
        DockerException: the API fails again and again.
    """
    from docker.errors import APIError

    for _ in range(_TRIES):
        with suppress(APIError):
            return list(client.images(**options))
        time.sleep(_BETWEEN_TRIES)
    return list(client.images(**options))


def remove_untagged(client: APIClient, image: str) -> bool:
    """Remove an image, unless it has a name or a container, and return whether it was removed.

    Args:
        client: of the API.
        image: its id.
    """
    from docker.errors import APIError

    with suppress(APIError):
        if not _tags(client.inspect_image(image)):
            client.remove_image(image)
            return True
    return False


def _tags(image: Mapping[str, Any]) -> list[str]:
    return [tag for tag in image["RepoTags"] or () if "<none>" not in tag]


@cache
def _own_lock(pid: int) -> Path:
    """Return the file that this process holds locked until it ends, in a folder that the next session removes."""
    exits = ExitStack()
    folder = exits.enter_context(own_folder())

    def close() -> None:
        if os.getpid() == pid:
            exits.close()

    atexit.register(close)
    return folder / LOCK_FILE


def _is_held(lock: Path) -> bool:
    """Return whether a process holds a file locked; also where this cannot be found out."""
    import fcntl

    try:
        number = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    except OSError:  # it belongs to somebody else
        return True
    try:
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(number)
    return False


__all__ = [
    "FOLDER",
    "LOCK",
    "MACHINE",
    "TAGS",
    "labels",
    "list_images",
    "remove_containers",
    "remove_images",
    "remove_untagged",
]
