"""Steps in containers: what only the engine `docker` has."""

from __future__ import annotations

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.cli.command_line import main
from pytest_aicore.errors import ImageError, SettingsError
from pytest_aicore.running.engines.choosing import chosen_engine
from pytest_aicore.running.engines.docker import connection
from pytest_aicore.running.engines.docker.engine import Docker
from pytest_aicore.running.engines.docker.leftovers import LOCK, MACHINE, labels
from pytest_aicore.running.engines.sandbox import Sandbox
from pytest_aicore.running.pods import ArtifactIn, ArtifactOut, Stored
from pytest_aicore.running.usage import Usage
from tests.containers import API
from tests.places import ROOT
from tests.running.pods_here import Here
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("leftovers")]

REMEDY = (
    "Start Docker (on macOS and Windows: Docker Desktop or `podman machine start`; Podman on Linux: `systemctl --user"
    " start podman.socket`), or name its API in the variable DOCKER_HOST."
)


def test_without_docker_py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker", None)
    assert Docker().probe() == "the engine `docker` needs docker-py: pip install 'pytest-aicore[docker]'."


def test_no_api_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A program on PATH says nothing."""
    pytest.importorskip("docker")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    assert Docker().probe() == (
        f"no API of Docker or Podman answers. Asked: DOCKER_HOST=unix://{tmp_path}/no.sock (No such file or directory)."
        f" {REMEDY}"
    )


def test_no_socket_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("docker")
    monkeypatch.setattr(connection, "_places", lambda: iter(()))
    assert Docker().probe() == (
        f"no API of Docker or Podman answers. DOCKER_HOST is not set, and no usual socket exists. {REMEDY}"
    )


def test_neither_of_the_engines_that_isolate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sandbox, "probe", lambda self: "no namespaces.")
    monkeypatch.setattr(Docker, "probe", lambda self: "no API.")
    with pytest.raises(SettingsError) as caught:
        chosen_engine("auto")
    assert str(caught.value) == (
        "No step can run here. By the engine `sandbox`: no namespaces. By the engine `docker`: no API. Or run without"
        " isolation: the engine `process`."
    )


def test_containers_where_there_is_no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sandbox, "probe", lambda self: "no namespaces.")
    monkeypatch.setattr(Docker, "probe", lambda self: None)
    assert chosen_engine("auto").name == "docker"


def api(here: Here) -> Any:
    """Return the client of the engine of a test."""
    assert isinstance(here.engine, Docker)
    return here.engine._api()


def own_containers(here: Here) -> list[str]:
    """Return the ids of the containers of this session."""
    label = f"{LOCK}={labels()[LOCK]}"
    return [each["Id"] for each in api(here).containers(all=True, filters={"label": label})]


def test_lines_come_while_the_step_runs(contained: Here) -> None:
    has_come = threading.Event()
    contained.options["log"] = lambda pod, line: has_come.set()
    started = contained.start(
        command=("sh", "-c", "echo first; while test ! -e /out/go; do sleep 0.01; done"), empty_dirs=("/out",)
    )
    assert has_come.wait(60)
    assert started.calls == []
    (container,) = own_containers(contained)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("go"))
    api(contained).put_archive(container, "/out", packed.getvalue())
    assert started.wait().phase == "Succeeded"


def test_a_container_of_this_session_has_its_labels_and_is_removed(contained: Here) -> None:
    started = contained.start(command=("sleep", "600"))
    until(lambda: own_containers(contained), "the container")
    started.pods.stop("wf")
    assert started.wait().exit_code in (137, None)
    assert own_containers(contained) == []


def test_what_the_image_has_is_hidden_by_an_input(contained: Here, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "own").touch()
    how = contained.sh("ls /usr/bin/../../var", artifacts_in=(ArtifactIn("data", "/var", Stored(folder)),))
    assert how.last_lines == ("own",)


def test_a_folder_that_neither_image_nor_template_makes(contained: Here) -> None:
    """An output does not make it."""
    how = contained.sh("echo 1 > /made/model", artifacts_out=(ArtifactOut("model", "/made/model"),))
    assert (how.phase, how.exit_code) == ("Failed", 2)


def test_folders_of_the_image_are_those_of_root(contained: Here) -> None:
    how = contained.sh("id -u; touch /opt/file", artifacts_in=(ArtifactIn("data", "/opt/data", b"1"),))
    assert (how.phase, how.last_lines) == ("Failed", ("65534", "touch: cannot touch '/opt/file': Permission denied"))


def test_no_socket_of_docker(contained: Here) -> None:
    how = contained.sh("ls /var/run/docker.sock /run/podman /run/docker.sock")
    assert (how.phase, len(how.last_lines)) == ("Failed", 3)


def test_memory_that_the_kernel_limits(contained: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nobody has measured it before: Podman may not tell."""
    monkeypatch.setattr("pytest_aicore.running.step.memory_of", lambda plan: 64 << 20)
    monkeypatch.setattr(Usage, "measure", lambda self: None)
    contained.options["limits_memory"] = True
    how = contained.run("tail", "/dev/zero")
    assert (how.phase, how.exit_code, how.message) == ("Failed", 137, "OOMKilled (exit code 137)")
    assert how.peak_memory == 80 << 20  # the kernel's limit


def test_a_kill_is_not_the_kernels(contained: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_aicore.running.step.memory_of", lambda plan: 64 << 20)
    contained.options["limits_memory"] = True
    assert contained.sh("kill -9 $$$$").message == "Error (exit code 137)"


def test_an_image_that_nobody_has(contained: Here) -> None:
    with pytest.raises(ImageError) as caught:
        contained.settings().images.image("localhost:1/nobody/has:1")
    begin = "ErrImagePull: the image localhost:1/nobody/has:1 is not mapped to a folder, and "
    assert str(caught.value).startswith(begin)


def test_what_root_has_written_belongs_to_the_user_here(contained: Here) -> None:
    """So whoever runs the tests can delete it; the step itself may not even read it."""
    folder = contained.folder / "image"
    folder.mkdir()
    makes = "RUN mkdir -p /made/closed && echo 1 > /made/closed/file && chmod 000 /made/closed/file /made/closed\n"
    (folder / "Dockerfile").write_text(f"FROM docker.io/me/train:1\n{makes}")
    contained.mapping = {"docker.io/me/root:1": folder}
    out = ArtifactOut("made", "/made", "none")
    how = contained.sh("cat /made/closed/file || exit 0", image="docker.io/me/root:1", artifacts_out=(out,))
    assert how.last_lines == ("cat: /made/closed/file: Permission denied",)
    (left,) = how.artifacts.values()
    found = [left.path, *left.path.rglob("*")]
    assert [path.name for path in found] == ["made", "closed", "file"]
    for path in found:
        status = path.stat()
        assert (status.st_uid, status.st_mode & 0o600) == (os.getuid(), 0o600)
    shutil.rmtree(folder)
    contained.engine.remove_leftovers()  # type: ignore[attr-defined]


SEES = """
import os, socket, urllib.request
print([socket.socket().connect_ex((host, PORT)) != 0 for host in ("127.0.0.1", "10.0.2.2", "192.0.2.1")])
print([name for _, name in socket.if_nameindex()])
try:
    print(urllib.request.urlopen(os.environ["AICORE_TRACKING_ENDPOINT"] + "/x", b"logged " * 100000).read().decode())
except OSError as error:
    print(error)
"""


@pytest.fixture
def alone(tmp_path: Path, contained: Here) -> Iterator[Here]:
    """Return what runs pods in containers without network."""
    del contained  # the API is there
    engine = Docker(network=False)
    yield Here(engine, tmp_path)
    engine.close()


def test_without_network_what_is_tracked_arrives(alone: Here) -> None:
    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"took {len(self.rfile.read(int(self.headers['Content-Length'])))}".encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as service, socket.create_server(("0.0.0.0", 0)) as other:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        alone.options["given"] = {"AICORE_TRACKING_ENDPOINT": f"http://127.0.0.1:{service.server_port}"}
        how = alone.py(SEES.replace("PORT", str(other.getsockname()[1])))
        service.shutdown()
    assert how.last_lines == ("[True, True, True]", "['lo']", "took 700000")
    assert own_containers(alone) == []
    assert how.phase == "Succeeded"


def test_without_network_and_python(alone: Here) -> None:
    """Nobody listens there, and the step is told as a service would tell that does not run."""
    folder = alone.folder / "image"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM docker.io/me/train:1\nRUN rm /usr/bin/python3\n")
    alone.mapping = {"docker.io/me/shell:1": folder}
    alone.options["given"] = {"AICORE_TRACKING_ENDPOINT": "http://127.0.0.1:8765"}
    how = alone.py(SEES.replace("PORT", "8765"), image="docker.io/me/shell:1")
    assert how.last_lines == ("[True, True, True]", "['lo']", "<urlopen error [Errno 111] Connection refused>")
    assert own_containers(alone) == []
    shutil.rmtree(folder)
    alone.engine.remove_leftovers()  # type: ignore[attr-defined]


def test_volumes_that_are_closed(contained: Here, tmp_path: Path) -> None:
    """Those of ConfigMaps and secrets: the step's user cannot open them again. Others in them stay open."""
    inputs = (ArtifactIn("depth", "/conf/depth", b"5\n", mode=0o444), ArtifactIn("own", "/conf/open/in", b"6\n"))
    script = (
        "cat /conf/depth /conf/open/in; chmod 777 /conf; echo 1 > /conf/depth; rm /conf/depth; touch /conf/other;"
        " echo 7 > /conf/open/in && cat /conf/open/in /conf/depth"
    )
    how = contained.sh(script, empty_dirs=("/conf", "/conf/open/"), closed_dirs=("/conf",), artifacts_in=inputs)
    assert [line.rpartition(": ")[2] for line in how.last_lines] == [
        *("5", "6"),
        *["Read-only file system"] * 4,
        *("7", "5"),
    ]
    assert own_containers(contained) == []
    assert how.phase == "Succeeded"


PARENT = """
import sys
from pathlib import Path
from pytest_aicore.running.engines.docker.engine import Docker
from pytest_aicore.running.engines.docker.leftovers import LOCK, labels
from tests.running.pods_here import Here
here = Here(Docker(), Path(sys.argv[1]))
here.options["log"] = lambda pod, line: print(line, flush=True)
print(labels()[LOCK], flush=True)
here.sh("echo begins; sleep 600")
"""


def test_what_a_killed_session_leaves_is_removed_by_the_next(
    contained: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else is: neither without the labels, nor of a session that lives, nor of another machine."""
    client = api(contained)
    others = [
        client.create_container("docker.io/me/train:1", ["true"], labels=given)["Id"]
        for given in ({}, {MACHINE: "another", LOCK: str(tmp_path / "gone")}, {LOCK: str(tmp_path / "gone")})
    ]
    try:
        command = [sys.executable, "-c", PARENT, str(tmp_path)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "DOCKER_HOST": API}
        ) as parent:
            assert parent.stdout is not None
            lock = parent.stdout.readline().decode().strip()
            assert parent.stdout.readline() == b"begins\n"
            contained.engine.remove_leftovers()  # type: ignore[attr-defined]
            assert client.containers(filters={"label": f"{LOCK}={lock}"})
            parent.send_signal(signal.SIGKILL)
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        # A session of another worker may have removed it already.
        assert main(["sweep", "--local"]) == 0
        assert not client.containers(all=True, filters={"label": f"{LOCK}={lock}"})
        left = {each["Id"] for each in client.containers(all=True)}
        assert set(others) <= left
    finally:
        for each in others:
            client.remove_container(each, force=True)
