"""Sessions whose artifacts are in S3: trainings on this machine that read them, and live ones that leave them there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.cli.run_artifacts import fetched
from pytest_aicore.errors import SettingsError
from pytest_aicore.running.engines.sandbox import Sandbox
from tests.local.servings import free_port, serving
from tests.local.test_sessions import DOCKERFILE, TESTS, WORKFLOW
from tests.objects.conftest import KEYS
from tests.training.live.sessions.conftest import ledger, live, live_arguments, pace, service

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.training.live.sessions.conftest import Service

__all__ = ["ledger", "live", "live_arguments", "pace", "service"]

pytest.importorskip("moto", reason="moto is in the environment that .ci/run makes for S3")

SHOWN = {
    "storage.ai.sap.com/type": "S3",
    "storage.ai.sap.com/bucket": "my-bucket",
    "storage.ai.sap.com/pathPrefix": "team",
    "storage.ai.sap.com/region": "us-east-1",
    "serving.kubeflow.org/s3-usehttps": "0",
}


def show(service: Service, **shown: str) -> None:
    """Let AI Core show these fields of the object-store secret `default`."""
    secrets = service.emulator.state.groups["default"].object_store_secrets
    secret = secrets.get("default")
    assert secret is not None
    secrets.put(replace(secret, metadata=tuple({**SHOWN, **shown}.items())))


def require_no_key(text: str) -> None:
    """Fail if a text has an access key."""
    assert not [value for value in KEYS.values() if value in text]


# Trainings on this machine ----------------------------------------------------------------------------------------


@pytest.fixture
def run_local(project: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """A function that runs tests of a training whose data are in S3."""
    reason = Sandbox().probe()
    if reason is not None:
        pytest.skip(reason)
    (project.path / "image").mkdir()
    (project.path / "image" / "Dockerfile").write_text(DOCKERFILE)
    (project.path / "workflows" / "leaf.yaml").write_text(WORKFLOW.replace("mkdir -p", "env; mkdir -p"))

    def run(source: str, store: str = "my-bucket/team") -> pytest.RunResult:
        (project.path / "tox.ini").write_text(
            f"[pytest]\naicore_local_store =\n  default = s3://{store}\n  models = s3://my-bucket/models\n"
            "aicore_local_images = docker.io/me/leaf:* = image\n"
        )
        project.makepyfile(test_it=TESTS + source)
        return project.runpytest_inprocess("--aicore-local", "--aicore-report=report.json", "--tb=short")

    return run


def test_a_training_on_this_machine_reads_what_is_in_s3(
    run_local: Callable[..., pytest.RunResult], client: Any, project: pytest.Pytester
) -> None:
    client.put_object(Bucket="my-bucket", Key="team/leaves/rows.csv", Body=b"1200 leaves")
    client.put_object(Bucket="my-bucket", Key="models/tree/rows.csv", Body=b"one tree")
    result = run_local(
        """
@leaf()
def test_it(aicore_execution, aicore_store):
    assert aicore_execution.logs[0] == "depth 3, 1200 leaves"
    assert not [line for line in aicore_execution.logs if "AWS" in line or "canary" in line.lower()]
    assert aicore_execution.output_artifacts["leaf-model"].open().read() == b"trained\\n"
    assert aicore_store.list("ai://default/leaves") == ["ai://default/leaves/rows.csv"]
    aicore_store.put("ai://default/leaves/more.csv", "mine")

@pytest.mark.aicore("leaf.yaml", artifacts={"leaves": "ai://models/tree"})
def test_another_store(aicore_execution):
    assert aicore_execution.logs[0] == "depth 3, one tree"
"""
    )
    result.assert_outcomes(passed=2)
    keys = [each["Key"] for each in client.list_objects_v2(Bucket="my-bucket")["Contents"]]
    assert keys == ["models/tree/rows.csv", "team/leaves/rows.csv"]
    require_no_key(result.stdout.str() + (project.path / "report.json").read_text())


def test_a_model_of_a_live_training_is_served_on_this_machine(
    run_local: Callable[..., pytest.RunResult], client: Any, project: pytest.Pytester
) -> None:
    """Its URL is that of the live training, and the store is mapped to the bucket: the user's own keys fetch it."""
    client.put_object(Bucket="my-bucket", Key="team/e0123456789/model/model.txt", Body=b"trained on AI Core")
    text = serving().replace("docker.io/me/serve:1", "docker.io/me/leaf:1").replace('"9001"', f'"{free_port()}"')
    text = text.replace("scenarios.ai.sap.com/name: Tiny", "scenarios.ai.sap.com/name: Leaves")
    (project.path / "workflows" / "serving.yaml").write_text(text.replace("/id: tiny", "/id: leaves"))
    result = run_local(
        """
@pytest.mark.aicore_deployment(
    "serving.yaml", artifacts={"tinymodel": "ai://default/e0123456789/model"}, predict="/v1/predict"
)
def test_it(aicore_deployment):
    assert aicore_deployment.predict([1])["model"] == "trained on AI Core"
"""
    )
    result.assert_outcomes(passed=1)
    require_no_key(result.stdout.str() + (project.path / "report.json").read_text())


def test_a_bucket_that_does_not_exist_ends_the_training_and_nothing_else(
    run_local: Callable[..., pytest.RunResult], client: Any, endpoint: str, project: pytest.Pytester
) -> None:
    client.put_object(Bucket="my-bucket", Key="models/tree/rows.csv", Body=b"one tree")
    result = run_local(
        """
@leaf()
def test_it(aicore_execution): pass

@pytest.mark.aicore("leaf.yaml", artifacts={"leaves": "ai://models/tree"})
def test_another_store(aicore_execution): pass
""",
        store="no-bucket",
    )
    result.assert_outcomes(passed=1, failed=1)
    assert any(f"there is no bucket 'no-bucket' at {endpoint}." in line for line in result.outlines)
    require_no_key(result.stdout.str() + (project.path / "report.json").read_text())


def test_an_artifact_of_one_run_is_downloaded(client: Any, endpoint: str, tmp_path: Path) -> None:
    """`pytest-aicore run --artifact data=s3://...`: an object, or all that is below a prefix."""
    client.put_object(Bucket="my-bucket", Key="data/a/words.txt", Body=b"some words")

    def new_folder() -> Path:
        return Path(mkdtemp(dir=tmp_path))

    assert (
        fetched("data", "s3://my-bucket/data", {}, new_folder).path / "a" / "words.txt"
    ).read_bytes() == b"some words"
    assert fetched("data", "s3://my-bucket/data/a/words.txt", {}, new_folder).path.read_bytes() == b"some words"
    for url, said in (
        ("s3://my-bucket/dat", "there is no such object, and none below it."),
        (
            "s3://no-bucket/data",
            f"s3://no-bucket/data cannot be read: there is no bucket 'no-bucket' at {endpoint}.",
        ),
    ):
        with pytest.raises(SettingsError) as refused:
            fetched("data", url, {}, new_folder)
        assert str(refused.value) == f"--artifact data={url}: {said}"


# Trainings on AI Core ---------------------------------------------------------------------------------------------


def test_a_live_session_reads_and_writes_the_bucket_that_ai_core_shows(
    live: Callable[..., pytest.RunResult], service: Service, client: Any, endpoint: str
) -> None:
    show(service, **{"storage.ai.sap.com/endpoint": endpoint.removeprefix("http://")})
    result = live(
        """
import boto3, json

def test_it(aicore_store, aicore_execution):
    model = aicore_execution.output_artifacts["text-model-tutorial"]
    key = "team/" + model.url.removeprefix("ai://default/") + "/model.json"
    boto3.client("s3", region_name="us-east-1").put_object(Bucket="my-bucket", Key=key, Body=b"[1]")  # as a training
    assert json.load(model.open("model.json")) == json.load(model.open()) == [1]
    assert (model.path / "model.json").read_text() == "[1]"
    assert aicore_store.list(model.url) == [model.url + "/model.json"]
    assert aicore_store.put("ai://default/texts", {"a.csv": "a"}) == "ai://default/texts"
    assert aicore_store.get("ai://default/texts/a.csv") == b"a"
"""
    )
    result.assert_outcomes(passed=1)
    assert client.get_object(Bucket="my-bucket", Key="team/texts/a.csv")["Body"].read() == b"a"
    require_no_key(result.stdout.str())


@pytest.mark.parametrize(
    ("shown", "url", "said"),
    [
        (
            {"storage.ai.sap.com/type": "azure"},
            "ai://default/a",
            "the object store of the secret 'default' is of the type azure: only S3 can be read.",
        ),
        (
            {"storage.ai.sap.com/bucket": ""},
            "ai://default/a",
            "the object store of the secret 'default' cannot be read: AI Core does not show its bucket.",
        ),
        (
            {},
            "ai://defualt/a",
            (
                "the resource group 'default' has no object-store secret 'defualt'. Did you mean 'default'? It has:"
                " 'default'."
            ),
        ),
        (
            {"storage.ai.sap.com/endpoint": "127.0.0.1:1"},
            "ai://default/a",
            (
                "s3://my-bucket/team/a cannot be read: http://127.0.0.1:1 does not answer (EndpointConnectionError)."
                " Check its address (AWS_ENDPOINT_URL_S3, AWS_REGION) and the network."
            ),
        ),
    ],
)
def test_what_a_live_session_cannot_read(
    live: Callable[..., pytest.RunResult],
    service: Service,
    access_keys: None,
    shown: dict[str, str],
    url: str,
    said: str,
) -> None:
    show(service, **shown)
    result = live(f"def test_it(aicore_store):\n    aicore_store.get({url!r})\n", "--tb=short")
    result.assert_outcomes(failed=1)
    assert f"E   StoreError: {said}" in result.outlines
    require_no_key(result.stdout.str())
