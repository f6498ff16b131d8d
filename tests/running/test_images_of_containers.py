"""Images by the API of Docker or Podman: what cannot be made, what is given up, and what is removed again."""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from pytest_aicore.errors import ImageError
from pytest_aicore.running.engines.docker import images as of_api
from pytest_aicore.running.engines.docker.engine import Docker
from pytest_aicore.running.engines.docker.leftovers import FOLDER, MACHINE, TAGS, list_images
from tests.waiting import sleeping, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.running.pods_here import Here

# Podman answers with errors while another process removes images.
pytestmark = [pytest.mark.once, pytest.mark.xdist_group("leftovers")]

NAME = "docker.io/me/mapped:1"
OWN = f"localhost/users-own-{uuid4().hex}"
"""As a user may name an image that was built; another session of these tests has other names."""
BASE = "FROM docker.io/me/train:1\n"


@pytest.fixture
def dockerfile(contained: Here) -> Iterator[Callable[[str], Path]]:
    """Return what writes the Dockerfile of the mapped image; what was built from it is removed."""
    folder = contained.folder / "image"
    folder.mkdir()
    contained.mapping = {NAME: folder}

    def write(text: str) -> Path:
        (folder / "Dockerfile").write_text(BASE + text)
        return folder

    yield write
    shutil.rmtree(folder, ignore_errors=True)
    engine(contained).remove_leftovers()


def engine(here: Here) -> Docker:
    """Return the engine of a test."""
    assert isinstance(here.engine, Docker)
    return here.engine


def refusal(here: Here, name: str = NAME) -> str:
    """Return why an image cannot be made."""
    with pytest.raises(ImageError) as caught:
        here.settings().images.image(name)
    return str(caught.value)


def tagged(here: Here, begin: str) -> list[str]:
    """Return the names of images that begin so."""
    found = list_images(engine(here)._api())
    return [tag for image in found for tag in image["RepoTags"] or () if tag.startswith(begin)]


def built(here: Here) -> Any:
    """Build the mapped image, and return what the API says of it."""
    here.images = None
    return engine(here)._api().inspect_image(here.settings().images.image(NAME).reference)


def test_a_dockerfile_that_does_not_parse(contained: Here, dockerfile: Callable[[str], Path]) -> None:
    folder = dockerfile("FOO bar\n")
    said = refusal(contained)
    assert said.startswith(f"{folder}/Dockerfile: the ")
    assert re.search(r'unknown instruction: "?FOO"?$', said, re.IGNORECASE), said
    assert "level=" not in said


def test_a_line_of_a_build_that_fails(contained: Here, dockerfile: Callable[[str], Path]) -> None:
    folder = dockerfile("RUN echo a reason >&2; exit 3\n")
    said = refusal(contained)
    assert said.startswith(f"{folder}/Dockerfile: the build failed:\n")
    assert "\n  a reason\n" in said


def test_a_registry_that_does_not_answer(contained: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_api, "_LONGEST_SILENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        name = f"localhost:{silent.getsockname()[1]}/me/train:1"
        assert refusal(contained, name) == (
            f"ErrImagePull: the image {name} is not mapped to a folder, and its pull failed:\n"
            "  nothing has come for 0.5 s: does the registry answer?"
        )


@pytest.mark.parametrize("is_pull", [False, True], ids=["a build", "a pull"])
def test_what_is_given_up(contained: Here, dockerfile: Callable[[str], Path], *, is_pull: bool) -> None:
    """Whoever waits for it need not wait for the next line."""
    seconds = f"8{os.getpid()}"
    folder = dockerfile(f"RUN sleep {seconds}\n")
    images = contained.settings().images
    reasons: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        pulled = f"localhost:{silent.getsockname()[1]}/me/train:1"
        name, what = (pulled, "its pull") if is_pull else (NAME, f"{folder}/Dockerfile: the build")
        wanting = threading.Thread(target=lambda: reasons.append(refusal(contained, name)))
        wanting.start()
        if is_pull:
            silent.accept()[0].close()
        else:
            until(lambda: sleeping(seconds), "the line of the Dockerfile")
        began = time.monotonic()
        images.stop()
        wanting.join(30)
    assert time.monotonic() - began < 3
    assert [reason.endswith(f"{what} was given up: its run was stopped") for reason in reasons] == [True]
    for process in sleeping(seconds):  # Podman does not end it
        os.kill(process, signal.SIGKILL)


@pytest.mark.parametrize("asks", ["inspect_image", "create_container"])
def test_an_image_that_is_not_found_for_a_moment(contained: Here, monkeypatch: pytest.MonkeyPatch, asks: str) -> None:
    """As it happens with Podman while another process removes another image."""
    from docker import APIClient
    from docker.errors import APIError

    real, left = getattr(APIClient, asks), [1, 2]

    def ask(*args: Any, **options: Any) -> Any:
        if left:
            raise APIError("500 Server Error", explanation=f"locating image {left.pop()}: image not known")
        return real(*args, **options)

    monkeypatch.setattr(APIClient, asks, ask)
    assert contained.run("echo", "found").last_lines == ("found",)
    assert left == []


def test_an_image_without_command(contained: Here, dockerfile: Callable[[str], Path]) -> None:
    dockerfile("")
    how = contained.run(image=NAME, args=None)
    assert how.phase == "Error"
    assert how.message == (
        f'failed to look-up entrypoint/cmd for image "{NAME}", you must either explicitly specify the command, or add'
        " ENTRYPOINT or CMD to its Dockerfile"
    )


def test_the_image_of_a_folder_that_is_gone(contained: Here, dockerfile: Callable[[str], Path]) -> None:
    """Nothing else is removed: not what users named, nor what another machine has built."""
    folder = dockerfile("ENV A=1\n")
    client = engine(contained)._api()
    (own,) = built(contained)["RepoTags"]
    assert own.startswith(TAGS)
    theirs = {OWN: "1", f"{TAGS}of-another": "2"}
    client.tag(own, OWN, "1")
    others = {FOLDER: str(folder / "gone"), MACHINE: "another"}
    for _ in client.build(path=str(folder), tag=f"{TAGS}of-another:2", labels=others, rm=True, decode=True):
        pass
    try:
        engine(contained).remove_leftovers()
        assert own in tagged(contained, TAGS)
        shutil.rmtree(folder)
        engine(contained).remove_leftovers()  # unless a build of another worker has removed it
        assert own not in tagged(contained, TAGS)
        for name, tag in theirs.items():
            assert tagged(contained, name) == [f"{name}:{tag}"]
    finally:
        for name, tag in theirs.items():
            client.remove_image(f"{name}:{tag}")


def test_what_a_build_replaces(contained: Here, dockerfile: Callable[[str], Path]) -> None:
    """It goes, unless somebody has named it."""
    dockerfile("ENV A=1\n")
    client = engine(contained)._api()
    first = built(contained)["Id"]
    dockerfile("ENV A=2\n")
    second = built(contained)
    assert first not in {image["Id"] for image in list_images(client, all=True)}
    client.tag(second["RepoTags"][0], OWN, "3")
    try:
        dockerfile("ENV A=3\n")
        assert built(contained)["Id"] != second["Id"]
        assert tagged(contained, OWN) == [f"{OWN}:3"]
        assert client.inspect_image(f"{OWN}:3")["Config"]["Labels"][MACHINE] == platform.node()
    finally:
        client.remove_image(f"{OWN}:3")
