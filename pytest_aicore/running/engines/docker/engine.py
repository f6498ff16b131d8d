"""Runs a step in a container: its own image, as on AI Core."""

from __future__ import annotations

import contextlib
import re
import shutil
import threading
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.running.copying import remove
from pytest_aicore.running.engines import ports
from pytest_aicore.running.engines.commands import refused
from pytest_aicore.running.engines.docker.connection import NoApiError, connected, is_on_this_machine
from pytest_aicore.running.engines.docker.container import Container, kernel_limit, remove_container
from pytest_aicore.running.engines.docker.files import USER, Files
from pytest_aicore.running.engines.docker.images import DockerImages
from pytest_aicore.running.engines.docker.leftovers import labels, remove_containers, remove_images
from pytest_aicore.running.engines.docker.lookups import found
from pytest_aicore.running.engines.docker.output import LOG
from pytest_aicore.running.engines.docker.programs import require_program
from pytest_aicore.running.engines.docker.tracking import Relay, command
from pytest_aicore.running.engines.engine import StartError
from pytest_aicore.running.engines.relay import TRACKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from docker import APIClient

    from pytest_aicore.running.engines.engine import Launch, Running
    from pytest_aicore.running.images.image import Image
    from pytest_aicore.running.root import Root

_GATEWAY: Final = "host.docker.internal"
"""How containers of a virtual machine call the machine around (docs.docker.com, Docker Desktop, networking)."""
_THIS_MACHINE = re.compile(r"(?<=://)(?:127\.0\.0\.1|localhost)(?=[:/]|$)")
_OF_CONTAINER: Final = "container:"
"""Before the id of a container whose network a step shares."""
_NO_INIT = re.compile(r"init", re.IGNORECASE)


class Docker:
    """Runs steps in containers, by the API of Docker or Podman.

    Args:
        network: whether steps reach the network; the tracking service they reach always.
    """

    name = "docker"

    def __init__(self, *, network: bool = True) -> None:
        self._network = network
        self._client: APIClient | None = None
        self._url = ""
        self._is_here = True
        self._has_init = True
        self._programs: set[tuple[str, ...]] = set()
        self._without_python: set[str | None] = set()
        self._lock = threading.Lock()

    @property
    def lacks(self) -> tuple[str, ...]:
        """What it cannot hold."""
        with_network = "services of this machine can be reached by the network"
        without = "what is tracked without network arrives from images with Python alone"
        return (
            with_network if self._network else without,
            "without an init program (docker-init, catatonit) a step's program ignores signals that it does not handle",
            "Podman in a virtual machine may not tell that memory was exceeded, but that the exit code was 137",
            "sockets in an output are left out, instead of failing it",
            "Podman finishes the line of a Dockerfile at which a build was given up",
        )

    @property
    def has_ports_of_its_own(self) -> bool:
        """Whether two steps can listen at the same port at once: not in the network of this machine."""
        return not self._is_here

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
        return [*self._removed(remove_containers), *self._removed(remove_images)]

    def _removed(self, remove: Callable[[APIClient], Iterator[str]]) -> list[str]:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        with contextlib.suppress(DockerException, RequestException, OSError):
            return [] if self._client is None else list(remove(self._client))
        return []

    def close(self) -> None:
        """Close the connections to the API."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    def images(self, mapping: Mapping[str, Path], cache: Path, folder: Path) -> DockerImages:
        """Return what makes the images of a run, after removing the containers of sessions that were killed.

        Args:
            mapping: by a pattern of image names the folder with the Dockerfile.
            cache: not needed here.
            folder: not needed here.

        Raises:
            StartError: no API answers.
        """
        del cache, folder
        client = self._api()
        self._removed(remove_containers)
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
        places, closed = (*launch.staged, *launch.mounted), _closed(launch)
        return (
            *(program, *api, self._url, "run", "--rm", "--init", "--user", f"{USER}:{USER}"),
            *("--network", "host" if self._network else "none"),
            *(word for name in launch.env for word in ("--env", name)),
            *(
                word
                for path in places
                for word in ("--volume", f"{launch.root.place(path)}:{path}{':ro' if path in closed else ''}")
            ),
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

        exits = ExitStack()
        try:
            if launch.port is not None and not self.has_ports_of_its_own:
                ports.require(launch.port, self.name)
                exits.callback(ports.release, launch.port)
            container = self._container(launch, exits)
            container.begin(is_here=self._is_here)
        except (DockerException, RequestException, OSError) as error:
            exits.close()
            said = " ".join(str(getattr(error, "explanation", None) or error).split())
            if "argument list too long" in said:
                raise refused(launch, "argument list too long") from None
            raise StartError(f"the container cannot be started: {said}") from None
        except BaseException:
            exits.close()
            raise
        remove(launch.root.folder)  # the container has it now; what it leaves is brought here
        launch.root.folder.mkdir()
        return container

    def _container(self, launch: Launch, exits: ExitStack) -> Container:
        """Return the container of a step with its files; `exits` removes all that was made for it."""
        client = self._api()
        closed = _closed(launch)
        host = {**self._volumes(client, launch, closed, exits), **self._reached(client, launch, exits)}
        most = kernel_limit(launch.memory) if launch.memory and self._is_here else launch.memory
        env = launch.env
        if self._network and not self._is_here and TRACKING in env:
            env = {**env, TRACKING: _THIS_MACHINE.sub(_GATEWAY, env[TRACKING])}
        is_alone = not str(host["network_mode"]).startswith(_OF_CONTAINER)
        identity = self._create(
            client,
            launch,
            {"mem_limit": most, "memswap_limit": most, **host},
            exits,
            entrypoint=list(launch.command[:1]),
            command=list(launch.command[1:]),
            working_dir=launch.workdir,
            hostname=launch.hostname[:63] if is_alone else None,
            environment=dict(env),
            ports=None if launch.port is None else [launch.port],
        )
        container = Container(client, identity, launch, exits)
        container.files.put(launch.root, launch.staged, launch.mounted, closed)
        self._require_program(launch, container.files)
        return container

    def _volumes(self, client: APIClient, launch: Launch, closed: set[str], exits: ExitStack) -> dict[str, Any]:
        """Return the options for volumes: those that are closed are filled by a container that never starts."""
        from docker.types import Mount

        def volumes(paths: Iterable[str]) -> list[Mount]:
            return [Mount(path, None, type="volume", no_copy=True) for path in paths]

        options: dict[str, Any] = {"mounts": volumes(path for path in launch.mounted if path not in closed)}
        if closed:
            holder = self._create(client, launch, {"mounts": volumes(closed), "network_mode": "none"}, exits)
            Files(client, holder).put(launch.root, (), closed)
            options["volumes_from"] = [f"{holder}:ro"]
        return options

    def _reached(self, client: APIClient, launch: Launch, exits: ExitStack) -> dict[str, Any]:
        """Return the options for what the step reaches of the network."""
        if self._network and self._is_here:
            return {"network_mode": "host"}
        if self._network:
            shown = {} if launch.port is None else {"port_bindings": {launch.port: (ports.HERE, None)}}
            return {"network_mode": "bridge", "extra_hosts": {_GATEWAY: "host-gateway"}, **shown}
        if launch.port is not None:
            raise StartError(
                f"without network the engine `{self.name}` serves no models: nobody reaches its containers. Take the "
                "engine `sandbox`, or let them reach the network"
            )
        url = launch.env.get(TRACKING)
        if url is not None and launch.image.reference not in self._without_python:
            listens = {"entrypoint": command(url), "command": [], "hostname": launch.hostname[:63], "stdin_open": True}
            relay = self._create(client, launch, {"network_mode": "none"}, exits, **listens)
            if Relay(client, relay, url).begin():
                return {"network_mode": f"{_OF_CONTAINER}{relay}"}
            self._without_python.add(launch.image.reference)
        return {"network_mode": "none"}

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

    def _create(
        self, client: APIClient, launch: Launch, host: Mapping[str, Any], exits: ExitStack, **options: Any
    ) -> str:
        """Create a container of the step's image, which `exits` removes, and return its id."""
        from docker.errors import APIError
        from docker.types import LogConfig

        while True:
            has_init = self._has_init
            config = client.create_host_config(
                init=has_init,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                log_config=LogConfig(**LOG),
                **host,
            )
            try:
                made = found(
                    partial(
                        client.create_container,
                        launch.image.reference,
                        user=f"{USER}:{USER}",
                        labels=labels(),
                        host_config=config,
                        **{"command": ["true"], **options},
                    )
                )
            except APIError as error:
                if not has_init or _NO_INIT.search(str(error.explanation)) is None:
                    raise
                self._has_init = False
            else:
                exits.callback(remove_container, client, made["Id"])
                return str(made["Id"])


def _closed(launch: Launch) -> set[str]:
    """Return the volumes to which a step cannot write."""
    return {path.rstrip("/") for path, is_closed in launch.mounts.items() if is_closed} & set(launch.mounted)


__all__ = ["Docker"]
