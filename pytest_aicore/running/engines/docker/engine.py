"""Runs a step in a container: its own image, as on AI Core."""

from __future__ import annotations

import contextlib
import re
import shutil
import threading
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.running.copying import remove
from pytest_aicore.running.engines import ports
from pytest_aicore.running.engines.commands import refused
from pytest_aicore.running.engines.docker.connection import NoApiError, connected, is_on_this_machine
from pytest_aicore.running.engines.docker.container import Container
from pytest_aicore.running.engines.docker.files import USER
from pytest_aicore.running.engines.docker.images import DockerImages
from pytest_aicore.running.engines.docker.leftovers import labels, remove_leftovers
from pytest_aicore.running.engines.docker.programs import require_program
from pytest_aicore.running.engines.engine import CommandError, StartError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from docker import APIClient

    from pytest_aicore.running.engines.docker.files import Files
    from pytest_aicore.running.engines.engine import Launch, Running
    from pytest_aicore.running.images.image import Image
    from pytest_aicore.running.root import Root

_GATEWAY: Final = "host.docker.internal"
"""How containers of a virtual machine call the machine around (docs.docker.com, Docker Desktop, networking)."""
_THIS_MACHINE = re.compile(r"(?<=://)(?:127\.0\.0\.1|localhost)(?=[:/]|$)")
_TRACKING: Final = "AICORE_TRACKING_ENDPOINT"
_NO_INIT = re.compile(r"init", re.IGNORECASE)


class Docker:
    """Runs steps in containers, by the API of Docker or Podman."""

    name = "docker"
    has_ports_of_its_own = False
    lacks = (
        "services of this machine can be reached by the network",
        "without an init program (docker-init, catatonit) a step's program ignores signals that it does not handle",
        "Podman in a virtual machine may not tell that memory was exceeded: exit code 137 is then all that is known",
        "sockets in an output are left out, instead of failing it",
        "Podman finishes the line of a Dockerfile at which a build was given up",
    )

    def __init__(self) -> None:
        self._client: APIClient | None = None
        self._url = ""
        self._is_here = True
        self._has_init = True
        self._programs: set[tuple[str, ...]] = set()
        self._lock = threading.Lock()

    def probe(self) -> str | None:
        """Return why it cannot work on this machine and what to do about it, None if it can."""
        with self._lock:
            if self._client is not None:
                return None
            try:
                client, self._url = connected()
            except NoApiError as error:
                return str(error)
            self._is_here = is_on_this_machine(client)
            self._client = client
        return None

    def remove_leftovers(self) -> list[str]:
        """Remove what sessions have left that have ended, and return what that was; only after `probe`."""
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        if self._client is None:
            return []
        with contextlib.suppress(DockerException, RequestException, OSError):
            return remove_leftovers(self._client)
        return []

    def close(self) -> None:
        """Close the connections to the API."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    def images(self, mapping: Mapping[str, Path], cache: Path, folder: Path) -> DockerImages:
        """Return what makes the images of a run, after removing what sessions have left that were killed.

        Args:
            mapping: by a pattern of image names the folder with the Dockerfile.
            cache: not needed here.
            folder: not needed here.

        Raises:
            StartError: no API answers.
        """
        del cache, folder
        client = self._api()
        self.remove_leftovers()
        return DockerImages(client, mapping)

    def prepare(self, image: Image, root: Root) -> None:
        """Make an empty root: the image has its own files.

        Args:
            image: of the step.
            root: of the step.
        """
        del image
        root.folder.mkdir(parents=True)

    def mapped(self, text: str, root: Root, paths: Iterable[str]) -> str:
        """Return the text as it is: in a container all paths are those of the template."""
        del root, paths
        return text

    def is_of_machine(self, path: str) -> bool:
        """Return False: a container shows nothing of this machine."""
        del path
        return False

    def by_hand(self, launch: Launch) -> tuple[tuple[str, ...], Path | None]:
        """Return the command that starts a step in a container, with its files of this machine.

        Args:
            launch: the step.
        """
        program = next((found for name in ("docker", "podman") if (found := shutil.which(name))), "docker")
        api = ("--remote", "--url") if program.endswith("podman") else ("--host",)
        places = (*launch.staged, *launch.mounted)
        return (
            *(program, *api, self._url, "run", "--rm", "--init", "--user", f"{USER}:{USER}", "--network", "host"),
            *(word for name in launch.env for word in ("--env", name)),
            *(word for path in places for word in ("--volume", f"{launch.root.place(path)}:{path}")),
            *("--workdir", launch.workdir, "--entrypoint", launch.command[0], launch.image.reference),
            *launch.command[1:],
        ), None

    def start(self, launch: Launch) -> Running:
        """Start a step.

        Args:
            launch: the step.

        Raises:
            CommandError: its program cannot be executed.
            StartError: the API cannot start it.
        """
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        if launch.port is not None:
            ports.require(launch.port, self.name)
        container = None
        try:
            client = self._api()
            container = Container(client, self._create(client, launch), launch)
            container.files.put(launch.root, launch.staged, launch.mounted)
            self._require_program(launch, container.files)
            container.begin(is_here=self._is_here)
        except (DockerException, RequestException, OSError) as error:
            said = " ".join(str(getattr(error, "explanation", None) or error).split())
            _give_up(container, launch)
            if "argument list too long" in said:
                raise refused(launch, "argument list too long") from None
            raise StartError(f"the container cannot be started: {said}") from None
        except CommandError:
            _give_up(container, launch)
            raise
        remove(launch.root.folder)  # the container has it now; what it leaves is brought here
        launch.root.folder.mkdir()
        return container

    def _require_program(self, launch: Launch, files: Files) -> None:
        """Refuse a program that cannot be executed; each of an image is looked at once, because that takes a while."""
        if launch.staged or launch.mounted:  # the program may be among that
            require_program(launch, files)
            return
        key = (launch.image.reference, launch.command[0], launch.env.get("PATH", ""), launch.workdir)
        if key not in self._programs:
            require_program(launch, files)
            self._programs.add(key)

    def _api(self) -> APIClient:
        reason = self.probe()
        if self._client is None:
            raise StartError(str(reason))
        return self._client

    def _create(self, client: APIClient, launch: Launch) -> str:
        """Create the container, and return its id."""
        from docker.errors import APIError

        while True:
            has_init = self._has_init
            try:
                return str(self._created(client, launch, has_init=has_init)["Id"])
            except APIError as error:
                if not has_init or _NO_INIT.search(str(error.explanation)) is None:
                    raise
                self._has_init = False

    def _created(self, client: APIClient, launch: Launch, *, has_init: bool) -> Any:
        from docker.types import LogConfig, Mount

        # What is measured here ends the whole step in time; the kernel would end one of its processes.
        most = launch.memory + launch.memory // 4 if launch.memory and self._is_here else launch.memory
        host = client.create_host_config(
            init=has_init,
            network_mode="host" if self._is_here else "bridge",
            extra_hosts=None if self._is_here else {_GATEWAY: "host-gateway"},
            mounts=[Mount(path, None, type="volume", no_copy=True) for path in launch.mounted],
            mem_limit=most,
            memswap_limit=most,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            log_config=LogConfig(type="none"),  # what is written is read at once, and kept nowhere else
        )
        env = launch.env
        if not self._is_here and _TRACKING in env:
            env = {**env, _TRACKING: _THIS_MACHINE.sub(_GATEWAY, env[_TRACKING])}
        return client.create_container(
            launch.image.reference,
            entrypoint=list(launch.command[:1]),
            command=list(launch.command[1:]),
            user=f"{USER}:{USER}",
            working_dir=launch.workdir,
            hostname=launch.hostname[:63],
            environment=dict(env),
            labels=labels(),
            host_config=host,
        )


def _give_up(container: Container | None, launch: Launch) -> None:
    if container is not None:
        container.clean()
    if launch.port is not None:
        ports.release(launch.port)


__all__ = ["Docker"]
