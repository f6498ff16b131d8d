"""What of a ServingTemplate is started on this machine, and with what; what is refused, with its line."""

from __future__ import annotations

import tarfile
import zipfile
from itertools import count
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.errors import SettingsError, WorkflowError
from pytest_aicore.running.pods import Stored
from pytest_aicore.running.serving.model import model_files
from pytest_aicore.running.serving.probes import SOON, Probe
from pytest_aicore.running.serving.service import service_of
from pytest_aicore.workflows import parse_template
from pytest_aicore.workflows.template import ServingTemplate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_aicore.running.serving.service import Service

BEFORE = """\
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata: {name: serve-tiny}
spec:
  inputs:
    parameters: [{name: image, type: string, default: "me/serve:1"}]
    artifacts: [{name: tinymodel}]
  template:
    apiVersion: serving.kserve.io/v1beta1
    metadata:
      labels: |
        ai.sap.com/resourcePlan: infer.s
    spec: |
"""
FIRST = BEFORE.count("\n") + 1
SIMPLE = "predictor: {containers: [{image: '{{inputs.parameters.image}}'}]}"


def service(block: str) -> Service:
    """Return what a deployment starts.

    Args:
        block: the specification that the template holds.
    """
    text = BEFORE + "".join(f"      {line}\n" for line in block.splitlines())
    template = parse_template(text, "serving.yaml")
    assert isinstance(template, ServingTemplate)
    manifest = template.render({}, {"tinymodel": "ai://default/model"})
    return service_of(template, manifest, "d1-predictor", {"of-map": {"COLOUR": "red"}})


def test_what_is_not_said() -> None:
    simple = service(SIMPLE)
    assert (simple.pod.image, simple.pod.command, simple.pod.args) == ("me/serve:1", None, None)
    assert (simple.pod.port, simple.pod.plan, simple.model, simple.seconds) == (8080, "infer.s", None, 300.0)
    assert (simple.readiness, simple.startup, simple.liveness) == (Probe(8080), None, None)
    assert simple.pod.env == {
        "PORT": "8080",
        "K_SERVICE": "d1-predictor",
        "K_CONFIGURATION": "d1-predictor",
        "K_REVISION": "d1-predictor-00001",
    }
    assert (simple.pod.empty_dirs, simple.remarks) == ((), ())


def test_everything_that_is_said() -> None:
    found = service(
        """\
predictor:
  minReplicas: 0
  timeout: 30
  volumes: [{name: scratch, emptyDir: {}}]
  containers:
    - name: any-name
      image: me/serve:2
      command: [python]
      args: [main.py, "$(PORT)"]
      ports: [{name: http1, containerPort: 9001}]
      resources: {limits: {nvidia.com/gpu: 1}}
      volumeMounts: [{name: scratch, mountPath: /scratch}]
      envFrom: [{configMapRef: {name: of-map}}, {secretRef: {name: keys}}]
      env:
        - {name: STORAGE_URI, value: "{{inputs.artifacts.tinymodel}}/small"}
        - {name: PORT, value: "9001"}
        - {name: TOKEN, valueFrom: {secretKeyRef: {name: hub, key: token}}}
      startupProbe: {tcpSocket: {port: http1}, failureThreshold: 30}
      readinessProbe:
        httpGet: {path: /v1/ready, port: 9001, httpHeaders: [{name: X-Me, value: it}]}
        initialDelaySeconds: 2
        successThreshold: 2
      livenessProbe: {exec: {command: [test, -f, /alive]}, periodSeconds: 5, timeoutSeconds: 3}"""
    )
    pod = found.pod
    assert (pod.port, pod.command, pod.args, found.seconds) == (9001, ("python",), ("main.py", "$(PORT)"), 30.0)
    assert (pod.secrets, pod.secrets_from) == ({"TOKEN": ("hub", "token", False)}, (("keys", "", False),))
    assert (found.model, pod.env["STORAGE_URI"], pod.env["PORT"], pod.env["COLOUR"]) == (
        "ai://default/model/small",
        "/mnt/models",
        "9001",
        "red",
    )
    assert (pod.empty_dirs, pod.closed_dirs) == (("/scratch", "/mnt/models"), ("/mnt/models",))
    assert found.startup == Probe(9001, period=10.0, failures=30)
    assert found.readiness == Probe(9001, "/v1/ready", {"X-Me": "it"}, delay=2.0, period=SOON, successes=2)
    assert found.liveness == Probe(9001, command=("test", "-f", "/alive"), period=5.0, seconds=3.0)
    assert found.remarks == (
        "`minReplicas` is 0: scaling to zero is not played on this machine, the server runs all the time.",
        "it asks for a GPU (`nvidia.com/gpu`): on this machine the server gets none.",
    )


@pytest.mark.parametrize(
    ("block", "line", "what"),
    [
        (
            "predictor:\n  containers:\n    - image: me/serve:1\n    - image: me/proxy:1",
            3,
            "A further container is not carried out on this machine: only the first one serves.",
        ),
        (
            "predictor: {containers: [{image: a}]}\ntransformer: {containers: [{image: b}]}",
            1,
            "`spec.transformer` is not carried out on this machine.",
        ),
        ("predictor:\n  sklearn: {storageUri: x}", 1, "`spec.predictor.sklearn` is not carried out on this machine."),
        ("predictor: {}", 0, "The predictor has no container."),
        ("predictor:\n  containers:\n    - command: [a]", 2, "The container needs an `image`."),
        (
            "predictor:\n  containers:\n    - image: a\n      ports: [{name: h2c, containerPort: 8080}]",
            3,
            "HTTP/2 without TLS (`h2c`) is not carried out on this machine: the server has to speak HTTP/1.1.",
        ),
        (
            "predictor:\n  containers:\n    - image: a\n      lifecycle: {preStop: {exec: {command: [b]}}}",
            3,
            "`spec.predictor.containers.lifecycle` is not carried out on this machine.",
        ),
        ("default: {}", 0, "The specification has no `predictor`, the part that serves the model."),
    ],
)
def test_what_is_refused(block: str, line: int, what: str) -> None:
    with pytest.raises(WorkflowError) as raised:
        service(block)
    first, *places = str(raised.value).splitlines()
    assert first == (
        "serving.yaml cannot be deployed on this machine, so nothing was started. Change these places, or deploy it on "
        "AI Core:"
    )
    (place,) = places
    at, _, told = place.strip().partition(": ")
    assert (at.split(":")[:2], told) == (["serving.yaml", str(FIRST + line)], what)


@pytest.mark.parametrize(
    ("container", "why"),
    [
        ("ports: [{containerPort: 0}]", "invalid containerPort '0': expected a number from 1 to 65535"),
        (
            "readinessProbe: {periodSeconds: soon}",
            "readinessProbe: invalid periodSeconds 'soon': expected a whole number",
        ),
        (
            "livenessProbe: {tcpSocket: {port: web}}",
            "livenessProbe: invalid port 'web': expected a number, or the name of a port of the container",
        ),
        (
            "readinessProbe: {httpGet: {scheme: HTTPS}}",
            "readinessProbe: the scheme is not carried out on this machine: requests arrive without TLS",
        ),
        ("envFrom: [{configMapRef: {name: mine}}]", 'configmap "mine" not found. Known ConfigMaps: of-map.'),
    ],
)
def test_values_that_cannot_be(container: str, why: str) -> None:
    with pytest.raises(WorkflowError) as raised:
        service(f"predictor:\n  containers:\n    - image: a\n      {container}")
    assert str(raised.value) == f"serving.yaml: {why}"


@pytest.fixture
def new_folder(tmp_path: Path) -> Callable[[], Path]:
    """Return what makes an empty folder."""
    numbers = count()

    def make() -> Path:
        folder = tmp_path / f"new-{next(numbers)}"
        folder.mkdir()
        return folder

    return make


def contents(place: Path, new_folder: Callable[[], Path]) -> dict[str, bytes]:
    """Return the files that a server finds in /mnt/models, by their paths.

    Args:
        place: the file or folder that holds the model.
        new_folder: makes an empty folder.
    """
    found = {}
    for each in model_files("STORAGE_URI is ai://default/model", place, new_folder):
        assert isinstance(each.source, Stored)
        source = each.source.path
        for file in [source] if source.is_file() else source.rglob("*"):
            if file.is_file():
                found[f"{each.path}{str(file).removeprefix(str(source))}"] = file.read_bytes()
    return found


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with a model of two files."""
    (tmp_path / "model" / "parts").mkdir(parents=True)
    (tmp_path / "model" / "model.pkl").write_bytes(b"whole")
    (tmp_path / "model" / "parts" / "one").write_bytes(b"part")
    return tmp_path / "model"


TREE = {"/mnt/models/model.pkl": b"whole", "/mnt/models/parts/one": b"part"}


def test_a_folder_and_a_file(place: Path, new_folder: Callable[[], Path]) -> None:
    assert contents(place, new_folder) == TREE
    assert contents(place / "model.pkl", new_folder) == {"/mnt/models/model.pkl": b"whole"}


@pytest.mark.parametrize("name", ["model.tar.gz", "model.TGZ", "model.tar", "model.zip"])
@pytest.mark.parametrize("is_in_folder", [False, True])
def test_a_single_archive_is_unpacked(
    place: Path, new_folder: Callable[[], Path], name: str, *, is_in_folder: bool
) -> None:
    folder = new_folder()
    packed = folder / name
    if name.endswith("zip"):
        with zipfile.ZipFile(packed, "w") as archive:
            for file in ("model.pkl", "parts/one"):
                archive.write(place / file, file)
    else:
        with tarfile.open(packed, "w" if name.endswith("tar") else "w:gz") as archive:
            for file in ("model.pkl", "parts/one"):
                archive.add(place / file, file)
    assert contents(folder if is_in_folder else packed, new_folder) == TREE
    (folder / "beside").write_bytes(b"a second file")
    assert set(contents(folder, new_folder)) == {f"/mnt/models/{name}", "/mnt/models/beside"}


def test_a_damaged_archive(new_folder: Callable[[], Path]) -> None:
    packed = new_folder() / "model.zip"
    packed.write_bytes(b"no zip")
    with pytest.raises(SettingsError) as raised:
        model_files("STORAGE_URI is ai://default/model", packed, new_folder)
    assert str(raised.value) == (
        "STORAGE_URI is ai://default/model: model.zip cannot be unpacked as zip: File is not a zip file"
    )


def test_no_file_at_all(new_folder: Callable[[], Path]) -> None:
    folder = new_folder()
    (folder / "empty").mkdir()
    with pytest.raises(SettingsError) as raised:
        model_files("STORAGE_URI is ai://default/model", folder, new_folder)
    assert str(raised.value) == (
        "STORAGE_URI is ai://default/model, and there is no file: the server would find no model."
    )
