"""Every public method of SAP's SDKs is served, in this process and over HTTP.

The methods are found by looking at the clients: one that a new version of the SDK brings makes this fail until the
emulator serves it and a call is written down here.
"""

from __future__ import annotations

import importlib.util
import inspect
import pkgutil
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import ai_api_client_sdk.resource_clients as base_clients
import pytest
from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client
from ai_api_client_sdk.models.artifact import Artifact
from ai_api_client_sdk.models.base_models import BasicModifyRequest, Order
from ai_api_client_sdk.models.input_artifact_binding import InputArtifactBinding
from ai_api_client_sdk.models.label import Label
from ai_api_client_sdk.models.metric import Metric
from ai_api_client_sdk.models.metric_custom_info import MetricCustomInfo
from ai_api_client_sdk.models.metric_tag import MetricTag
from ai_api_client_sdk.models.parameter_binding import ParameterBinding
from ai_api_client_sdk.models.status import ScheduleStatus, Status
from ai_api_client_sdk.models.target_status import TargetStatus
from ai_api_client_sdk.resource_clients.base_client import BaseClient

from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.in_process import door_to
from tests.emulator.api.conftest import SCENARIO, SERVE, TRAIN
from tests.places import WORKFLOWS, our_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType


def core_module(name: str) -> Any:
    """Return a module of `ai_core_sdk`, which not every environment has, or None."""
    return importlib.import_module(f"ai_core_sdk.{name}") if importlib.util.find_spec("ai_core_sdk") else None


core_client, core_clients, core_tracking = map(core_module, ("ai_core_v2_client", "resource_clients", "tracking"))

PAIR = [Label("ext.ai.sap.com/key", "value")]


class World:
    """Clients, and what their methods need to be called with.

    Args:
        emulator: who is asked.
        url: the API's address, without `/v2`.
        auth_url: the address of tokens.
        door: in front of this process's emulator, if that is how it is asked.
    """

    def __init__(self, emulator: Emulator, url: str, auth_url: str) -> None:
        self.emulator = emulator
        self.url = url
        key = emulator.service_key
        self.login = {
            "auth_url": f"{auth_url}/oauth/token",
            "client_id": key["clientid"],
            "client_secret": str(key["clientsecret"]),
        }
        self.base = AIAPIV2Client(base_url=f"{url}/v2/lm", resource_group="default", **self.login)
        self.core = None
        if core_client is not None:
            self.core = core_client.AICoreV2Client(base_url=f"{url}/v2", resource_group="default", **self.login)

    def client(self, name: str) -> Any:
        """Return the resource client of this name, of whichever SDK has it."""
        return getattr(self.base, name, None) or getattr(self.core, name)

    def artifact(self) -> str:
        """Register an artifact."""
        made = self.base.artifact.create("data", Artifact.Kind.DATASET, "ai://default/data", SCENARIO, labels=PAIR)
        return str(made.id)

    def configuration(self, executable: str = TRAIN) -> str:
        """Create a configuration."""
        key = {TRAIN: "text-data", SERVE: "textmodel"}[executable]
        bindings = [InputArtifactBinding(key, self.artifact())]
        made = self.base.configuration.create("conf", SCENARIO, executable, input_artifact_bindings=bindings)
        return str(made.id)

    def execution(self, seconds: float = 20) -> str:
        """Start an execution and let time pass; after 20 seconds it runs."""
        made = self.base.execution.create(self.configuration())
        self.emulator.clock.advance(seconds)
        return str(made.id)

    def deployment(self, seconds: float = 20) -> str:
        """Start a deployment and let time pass; after 20 seconds it runs."""
        made = self.base.deployment.create(self.configuration(SERVE))
        self.emulator.clock.advance(seconds)
        return str(made.id)

    def schedule(self) -> str:
        """Create a schedule."""
        return str(self.base.execution_schedule.create("nightly", "0 0 * * *", self.configuration()).id)

    def tracked(self) -> str:
        """Start an execution that has metrics."""
        self.emulator.script(executable=TRAIN, metrics={"accuracy": [0.5, 0.9]})
        return self.execution(60)

    def named(self, client: str) -> str:
        """Make something of the administration and return its name."""
        name = "mine"
        create = self.client(client).create
        if client == "applications":
            create("HEAD", "workflows", application_name=name, repository_url=str(WORKFLOWS.parent))
        elif client == "repositories":
            create(name, "https://github.com/me/x", "me", "x")
        elif client == "object_store_secrets":
            create(name, "S3", S3_DATA, bucket="b", endpoint="e", region="r", path_prefix="p")
        elif client == "docker_registry_secrets":
            create(name, DOCKER_DATA)
        elif client == "resource_groups":
            create(name, labels=PAIR)
        else:
            create(name, {"key": "dmFsdWU="})
        return name


S3_DATA = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
DOCKER_DATA = {".dockerconfigjson": "{}"}
NOW = datetime.now(timezone.utc)
METRICS = [Metric("loss", 0.5, timestamp=NOW, step=1, labels=None)]
TAGS = [MetricTag("group", "a")]
INFO = [MetricCustomInfo("matrix", "[]")]

CALLS: dict[str, Callable[[World, Any], Any]] = {
    "artifact.create": lambda world, client: client.create(
        "data", Artifact.Kind.MODEL, "ai://default/x", SCENARIO, description="d", labels=PAIR
    ),
    "artifact.get": lambda world, client: client.get(world.artifact()),
    "artifact.query": lambda world, client: client.query(
        scenario_id=SCENARIO, name="data", kind=Artifact.Kind.DATASET, top=1, skip=1
    ),
    "artifact.count": lambda world, client: client.count(scenario_id=SCENARIO),
    "configuration.create": lambda world, client: client.create(
        "conf", SCENARIO, TRAIN, parameter_bindings=[ParameterBinding("DEPTH", "3")]
    ),
    "configuration.get": lambda world, client: client.get(world.configuration()),
    "configuration.query": lambda world, client: client.query(scenario_id=SCENARIO, executable_ids=[TRAIN, SERVE]),
    "configuration.count": lambda world, client: client.count(scenario_id=SCENARIO),
    "deployment.create": lambda world, client: client.create(world.configuration(SERVE), ttl="10m"),
    "deployment.get": lambda world, client: client.get(world.deployment()),
    "deployment.query": lambda world, client: client.query(status=Status.RUNNING),
    "deployment.count": lambda world, client: client.count(executable_ids=[SERVE]),
    "deployment.modify": lambda world, client: client.modify(
        world.deployment(), configuration_id=world.configuration(SERVE)
    ),
    "deployment.bulk_modify": lambda world, client: client.bulk_modify(
        [BasicModifyRequest(world.deployment(), TargetStatus.STOPPED)]
    ),
    "deployment.delete": lambda world, client: client.delete(world.deployment(0)),
    "deployment.query_logs": lambda world, client: client.query_logs(world.deployment(), top=5, order=Order.DESC),
    "executable.get": lambda world, client: client.get(SCENARIO, TRAIN),
    "executable.query": lambda world, client: client.query(SCENARIO, version_id="1.0.0"),
    "execution.create": lambda world, client: client.create(world.configuration()),
    "execution.get": lambda world, client: client.get(world.execution(60)),
    "execution.query": lambda world, client: client.query(scenario_id=SCENARIO, status=Status.COMPLETED, top=1),
    "execution.count": lambda world, client: client.count(scenario_id=SCENARIO),
    "execution.modify": lambda world, client: client.modify(world.execution(), TargetStatus.STOPPED),
    "execution.bulk_modify": lambda world, client: client.bulk_modify(
        [BasicModifyRequest(world.execution(), TargetStatus.STOPPED)]
    ),
    "execution.delete": lambda world, client: client.delete(world.execution(60)),
    "execution.query_logs": lambda world, client: client.query_logs(
        world.execution(60), top=5, start=NOW - timedelta(days=9999), end=NOW, order=Order.ASC
    ),
    "execution_schedule.create": lambda world, client: client.create(
        "n", "0 0 * * *", world.configuration(), start=NOW, end=NOW + timedelta(days=1)
    ),
    "execution_schedule.get": lambda world, client: client.get(world.schedule()),
    "execution_schedule.query": lambda world, client: client.query(status=ScheduleStatus.ACTIVE, top=10),
    "execution_schedule.count": lambda world, client: client.count(configuration_id=world.configuration()),
    "execution_schedule.modify": lambda world, client: client.modify(world.schedule(), cron="0 1 * * *"),
    "execution_schedule.delete": lambda world, client: client.delete(world.schedule()),
    "healthz.get": lambda world, client: client.get(),
    "meta.get": lambda world, client: client.get(),
    "meta.get_versions": lambda world, client: client.get_versions(),
    "metrics.query": lambda world, client: client.query(execution_ids=[world.tracked()], select=["metrics", "tags"]),
    "metrics.delete": lambda world, client: client.delete(world.tracked()),
    "metrics.modify": lambda world, client: client.modify(world.execution(), METRICS, TAGS, INFO),
    "metrics.log_metrics": lambda world, client: client.log_metrics(METRICS, world.execution(), artifact_name="model"),
    "metrics.set_custom_info": lambda world, client: client.set_custom_info(INFO, world.execution()),
    "metrics.set_tags": lambda world, client: client.set_tags(TAGS, world.execution()),
    "model.query": lambda world, client: client.query(),
    "scenario.get": lambda world, client: client.get(SCENARIO),
    "scenario.query": lambda world, client: client.query(),
    "scenario.query_llm_scenarios": lambda world, client: client.query_llm_scenarios(),
    "scenario.query_versions": lambda world, client: client.query_versions(SCENARIO),
    "resource_groups.create": lambda world, client: client.create("team-a", labels=PAIR),
    "resource_groups.get": lambda world, client: client.get("default"),
    "resource_groups.query": lambda world, client: client.query(),
    "resource_groups.modify": lambda world, client: client.modify(world.named("resource_groups"), PAIR),
    "resource_groups.delete": lambda world, client: client.delete(world.named("resource_groups")),
    "applications.create": lambda world, client: client.create("HEAD", "x", repository_url="/nowhere"),
    "applications.get": lambda world, client: client.get(world.named("applications")),
    "applications.get_status": lambda world, client: client.get_status(world.named("applications")),
    "applications.query": lambda world, client: client.query(),
    "applications.modify": lambda world, client: client.modify(world.named("applications"), "/nowhere", "x", "HEAD"),
    "applications.refresh": lambda world, client: client.refresh(world.named("applications")),
    "applications.delete": lambda world, client: client.delete(world.named("applications")),
    "docker_registry_secrets.create": lambda world, client: client.create("mine", DOCKER_DATA),
    "docker_registry_secrets.get": lambda world, client: client.get(world.named("docker_registry_secrets")),
    "docker_registry_secrets.query": lambda world, client: client.query(top=1, skip=1),
    "docker_registry_secrets.modify": lambda world, client: client.modify(
        world.named("docker_registry_secrets"), DOCKER_DATA
    ),
    "docker_registry_secrets.delete": lambda world, client: client.delete(world.named("docker_registry_secrets")),
    "kpis.query": lambda world, client: client.query(),
    "object_store_secrets.create": lambda world, client: client.create("mine", "S3", S3_DATA, verifyssl="0"),
    "object_store_secrets.get": lambda world, client: client.get("default"),
    "object_store_secrets.query": lambda world, client: client.query(top=1),
    "object_store_secrets.modify": lambda world, client: client.modify("default", "S3", S3_DATA, bucket="x"),
    "object_store_secrets.delete": lambda world, client: client.delete(world.named("object_store_secrets")),
    "repositories.create": lambda world, client: client.create("mine", "https://github.com/me/x", "me", "x"),
    "repositories.get": lambda world, client: client.get(world.named("repositories")),
    "repositories.query": lambda world, client: client.query(),
    "repositories.modify": lambda world, client: client.modify(world.named("repositories"), "me", "y"),
    "repositories.delete": lambda world, client: client.delete(world.named("repositories")),
    "secrets.create": lambda world, client: client.create("mine", {"key": "dmFsdWU="}, ai_tenant_scope=False),
    "secrets.query": lambda world, client: client.query(top=1, skip=0, resource_group="default"),
    "secrets.modify": lambda world, client: client.modify(world.named("secrets"), {"key": "eA=="}),
    "secrets.delete": lambda world, client: client.delete(world.named("secrets")),
}
"""By client and method how it is called, with what it needs."""

OPERATIONS = {
    "scenario.query_llm_scenarios": "scenario.query",
    "metrics.log_metrics": "metrics.modify",
    "metrics.set_custom_info": "metrics.modify",
    "metrics.set_tags": "metrics.modify",
}
"""What the emulator calls the operation, where that is not the method's own name."""
NOTHING = {
    "metrics.delete",
    "metrics.modify",
    "metrics.log_metrics",
    "metrics.set_custom_info",
    "metrics.set_tags",
    "resource_groups.modify",
}
"""Methods that return nothing."""


def methods_of(client: object) -> list[str]:
    """Return the public methods of a resource client that are its own, not just promised by the base class."""
    members = inspect.getmembers(type(client), inspect.isfunction)
    own = [(name, method) for name, method in members if method is not getattr(BaseClient, name, None)]
    return [name for name, _ in own if not name.startswith("_")]


def clients_of(whole: object) -> dict[str, object]:
    """Return the resource clients of a client."""
    return {name: value for name, value in vars(whole).items() if isinstance(value, BaseClient)}


def offline() -> World:
    """Return clients that need no answer to be made."""
    emulator = Emulator()
    return World(emulator, emulator.base_url, emulator.auth_url)


def found_methods() -> list[str]:
    """Return `client.method` of all SDKs that are installed."""
    world = offline()
    wholes = [world.base] if world.core is None else [world.base, world.core]
    pairs = [pair for whole in wholes for pair in clients_of(whole).items()]
    return list(dict.fromkeys(f"{name}.{method}" for name, client in pairs for method in methods_of(client)))


METHODS = found_methods()


@contextmanager
def in_process(emulator: Emulator) -> Iterator[World]:
    """Ask by the door into this process."""
    with ExitStack() as stack:
        door = door_to(emulator)
        door.open()
        stack.callback(door.close)
        yield World(emulator, emulator.base_url, emulator.auth_url)


@contextmanager
def over_http(emulator: Emulator) -> Iterator[World]:
    """Ask over HTTP."""
    pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")
    from pytest_aicore.emulator.serve.server import Server

    with Server(emulator) as server:
        yield World(emulator, server.url, server.url)


@pytest.fixture(params=[in_process, over_http], ids=["in this process", "over HTTP"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Clients of an emulator, by both doors."""
    emulator = Emulator()
    emulator.publish_folder(our_folder())
    emulator.clock.hold()
    with request.param(emulator) as world:
        yield world


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_served(world: World, method: str) -> None:
    """It gets an answer that the SDK can read, from the operation of the same name."""
    assert method in CALLS, f"the SDK has {method}: write down in CALLS how it is called, and serve it"
    name, _, attribute = method.partition(".")
    holder = world.core if world.core is not None and hasattr(world.core, name) else world.base
    client = getattr(holder, name)
    if not hasattr(client, attribute):
        client = world.client(name)
    answer = CALLS[method](world, client)
    assert (answer is None) is (method in NOTHING)
    request = world.emulator.requests[-1]
    assert request.operation == OPERATIONS.get(method, method)
    assert 200 <= request.status < 300
    assert world.emulator.incidents == []


def test_each_call_is_of_a_method_that_exists() -> None:
    """What is written down above is not left over from an older SDK."""
    assert set(CALLS) >= set(METHODS)
    if core_client is not None:
        assert set(CALLS) == set(METHODS)


def modules_of(package: ModuleType) -> list[ModuleType]:
    """Return the modules of a package."""
    return [
        importlib.import_module(f"{package.__name__}.{each.name}") for each in pkgutil.iter_modules(package.__path__)
    ]


def test_no_resource_client_is_overlooked() -> None:
    """Every class that is a resource client can be reached from the clients above."""
    packages = [base_clients] if core_client is None else [base_clients, core_clients]
    classes = {
        value
        for package in packages
        for module in modules_of(package)
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, BaseClient) and value is not BaseClient
    }
    world = offline()
    wholes = [world.base] if world.core is None else [world.base, world.core]
    reached = {type(client) for whole in wholes for client in clients_of(whole).values()}
    assert classes - reached == set()
    assert len(classes) >= 12


# Tracking ---------------------------------------------------------------------------------------------------

needs_core = pytest.mark.skipif(core_client is None, reason="ai_core_sdk is not installed (sap-ai-sdk-core)")
TRACKING: dict[str, Callable[[Any, str], Any]] = {
    "modify": lambda tracking, execution: tracking.modify(execution, METRICS, TAGS, INFO),
    "log_metrics": lambda tracking, execution: tracking.log_metrics(METRICS, execution, artifact_name="model"),
    "set_custom_info": lambda tracking, execution: tracking.set_custom_info(INFO, execution),
    "set_tags": lambda tracking, execution: tracking.set_tags(TAGS, execution),
    "query": lambda tracking, execution: tracking.query(execution_ids=[execution]),
    "delete": lambda tracking, execution: tracking.delete(execution),
}


@needs_core
def test_tracking_has_no_other_methods() -> None:
    """A new one has to be called, too."""
    assert set(methods_of(core_tracking.Tracking.__new__(core_tracking.Tracking))) == set(TRACKING)


@needs_core
@pytest.mark.parametrize("inside", [False, True], ids=["from outside", "inside the cluster"])
@pytest.mark.parametrize("method", TRACKING)
def test_tracking(world: World, monkeypatch: pytest.MonkeyPatch, method: str, *, inside: bool) -> None:
    """From outside it is the API's; inside a running execution, an endpoint without a token."""
    execution = world.tracked()
    if inside:
        monkeypatch.setenv("AICORE_EXECUTION_ID", execution)
        monkeypatch.setenv("AICORE_TRACKING_ENDPOINT", world.url)
        monkeypatch.setenv("AI-MAIN-TENANT", "tenant")
        monkeypatch.setenv("AI-RESOURCE-GROUP", "default")
        tracking = core_tracking.Tracking()
    else:
        tracking = core_tracking.Tracking(base_url=f"{world.url}/v2", resource_group="default", **world.login)
    TRACKING[method](tracking, execution)
    request = world.emulator.requests[-1]
    kind = "modify" if method not in ("query", "delete") else method
    assert request.operation == f"{'tracking' if inside else 'metrics'}.{kind}"
    assert 200 <= request.status < 300
    assert world.emulator.incidents == []
