"""What docs/server.md shows of a server for a team works: the calls with curl, the container, the compose file."""

from __future__ import annotations

import re
import shutil
import subprocess
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from pytest_aicore.cli.command_line import COMMANDS, _ArgumentParser
from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.serve.server import Server
from pytest_aicore.emulator.world.pace import RunningClock, pace_named
from pytest_aicore.workflows import read_template
from tests.containers import API, WHEELS, WHY_NOT
from tests.places import ROOT
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PAGE = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
TOKEN = "an-administrator-s-token"
FOLDER = ROOT / "docs" / "container"
SOURCE = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "pytest_aicore")


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="needs curl and bash")
def test_the_calls_with_curl_lead_to_an_output_artifact(tmp_path: Path) -> None:
    pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")
    script = re.search(r"with curl\n.*?```sh\n(.*?)```", PAGE, re.DOTALL)
    assert script
    pace = pace_named("polls")
    emulator = Emulator(clock=RunningClock(pace), pace=pace.said, tokens_expire=True)
    emulator.publish(read_template(ROOT / "workflows" / "training_workflow_tutorial.yaml"))
    with Server(emulator) as server:
        server.write_service_key(tmp_path / "key.json")
        command = ["bash", "-euo", "pipefail", "-c", f"sleep() {{ :; }}\n{script[1]}"]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert re.fullmatch(r"COMPLETED\nai://default/[\w-]+/text-model-tutorial\n", ran.stdout), ran.stdout


def compose() -> dict[str, Any]:
    """Return the services of the compose file, without what it takes from the environment."""
    text = re.sub(r"\$\{(\w+):-(\w*)\}", r"\2", (FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    services: dict[str, Any] = yaml.safe_load(text)["services"]
    return services


def instructions() -> dict[str, str]:
    """Return the last of each instruction of the Containerfile, with its lines joined."""
    text = (FOLDER / "Containerfile").read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {line[0]: line[1] for line in lines}


def test_container_and_compose_file_start_the_command_as_it_is() -> None:
    """Where no engine is: the arguments are valid, the files exist, and both files agree."""
    given = instructions()
    services = compose()
    aicore, client = services["aicore"], services["client"]
    parser = _ArgumentParser()
    COMMANDS["serve"][1](parser)
    entry = yaml.safe_load(given["ENTRYPOINT"])
    assert entry[:2] == ["/opt/pytest-aicore/bin/pytest-aicore", "serve"]
    for command in (yaml.safe_load(given["CMD"]), aicore["command"]):
        asked = parser.parse_args([*entry[2:], *command])
        assert (asked.host, asked.port, str(asked.workflows)) == ("0.0.0.0", 8080, "/workflows")
    assert asked.public_url == "http://aicore:8080"
    assert (FOLDER / aicore["build"]["context"] / aicore["build"]["dockerfile"]).resolve() == FOLDER / "Containerfile"
    assert aicore["ports"] == [f"127.0.0.1:{given['EXPOSE']}:{given['EXPOSE']}"]
    assert client["image"] == given["FROM"]
    assert client["depends_on"] == {"aicore": {"condition": "service_healthy"}}
    assert (FOLDER / aicore["volumes"][0].split(":")[0]).resolve() == ROOT / "workflows"


@pytest.fixture
def engine() -> Iterator[Any]:
    """The API of an engine."""
    if not API:
        pytest.skip(WHY_NOT)
    import docker

    client = docker.APIClient(base_url=API, version="auto", timeout=300)
    yield client
    client.close()


def asked(url: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Return the status and the text of an answer; 0 if there is none yet."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers or {})), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, ""
    except OSError:
        return 0, ""


@pytest.mark.once
def test_the_image_is_built_and_serves_in_a_container(engine: Any, tmp_path: Path) -> None:
    """As the compose file starts it; the package index is a folder of wheels that `.ci/run docker` has made."""
    context = tmp_path / "context"
    context.mkdir()
    for name in SOURCE:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, context / name)
    if WHEELS:
        shutil.copytree(WHEELS, context / "wheels")
    shutil.copy(FOLDER / "Containerfile", context)
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/opt/pytest-aicore/source/wheels"} if WHEELS else {}
    tag = "localhost/pytest-aicore-server:test"
    said = list(
        engine.build(path=str(context), dockerfile="Containerfile", tag=tag, buildargs=offline, rm=True, decode=True)
    )
    assert "error" not in said[-1], "".join(line.get("stream", "") for line in said)[-3000:] + str(said[-1])
    service = compose()["aicore"]
    host = engine.create_host_config(
        binds=[f"{ROOT / 'workflows'}:/workflows:ro"],
        port_bindings={8080: ("127.0.0.1", None)},
        read_only=service["read_only"],
        cap_drop=service["cap_drop"],
        security_opt=["no-new-privileges"],
    )
    environment = {"PYTEST_AICORE_ADMIN_TOKEN": TOKEN}
    made = engine.create_container(tag, service["command"], ports=[8080], host_config=host, environment=environment)
    try:
        engine.start(made)
        port = engine.port(made, 8080)[0]["HostPort"]
        url = f"http://127.0.0.1:{port}"

        until(lambda: asked(f"{url}/ready")[0] == 200, "the server in the container is ready", 60)
        status, told = asked(f"{url}/__aicore__/", {"Authorization": f"Bearer {TOKEN}"})
        assert status == 200
        assert "text-clf-train-tutorial" in told
        assert '"url":"http://aicore:8080"' in told
        assert asked(f"{url}/__aicore__/")[0] == 401
        checked = instructions()["HEALTHCHECK"].partition("CMD")[2]
        run = engine.exec_create(made, yaml.safe_load(checked))
        engine.exec_start(run)
        assert engine.exec_inspect(run)["ExitCode"] == 0
        engine.stop(made, timeout=10)
        assert engine.inspect_container(made)["State"]["ExitCode"] == 0
        assert '"path": "/ready", "status": 200' in engine.logs(made).decode()
    finally:
        engine.remove_container(made, force=True)
        engine.remove_image(tag, force=True)
