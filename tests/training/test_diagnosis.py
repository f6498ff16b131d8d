"""The diagnosis: each row of the table against an emulator that fails that way, through the real SDK.

Rows that a run of ours cannot come into, because the plan is checked before, are tried with evidence of other clients.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.errors import AicoreError, RunError
from pytest_aicore.training.diagnosis import (
    INFERRED,
    MOST_CAUSES,
    NAMED,
    Cause,
    Evidence,
    diagnose,
    evidence_of,
    no_version_in_url,
)
from pytest_aicore.training.maker import Maker
from pytest_aicore.training.plan import TrainingPlan
from pytest_aicore.training.run import OneByOne, Run, Training
from pytest_aicore.training.service.api import TrainingApi
from pytest_aicore.training.service.credentials import from_service_key
from pytest_aicore.training.service.failures import CallError
from pytest_aicore.training.service.sdk import make_client
from pytest_aicore.training.watcher import Watcher
from pytest_aicore.workflows import parse_template
from tests.emulator.serve.servers import WORKFLOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator import Emulator

ARTIFACTS = {"pictures": "ai://default/in"}


class Bench:
    """An emulator with one workflow, and runs on it."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.template = parse_template(WORKFLOW, "flowers.yaml")
        emulator.publish(self.template)
        self.connect: Callable[[], Any] = lambda: make_client(
            from_service_key(emulator.service_key, "emulator"), "default"
        )

    def yaml(self, *changes: tuple[str, str], published: bool = True) -> Bench:
        """Change the workflow."""
        text = WORKFLOW
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self.template = parse_template(text, "flowers.yaml")
        if published:
            self.emulator.publish(self.template)
        return self

    def evidence(self, *, timeout: float = 3600.0, expect: str | None = "COMPLETED", **changes: Any) -> Evidence:
        """Train, and return what is known afterwards."""
        plan = TrainingPlan(template=self.template, artifacts=ARTIFACTS, timeout=timeout, expect=expect, **changes)
        api = TrainingApi(self.connect)
        clock = self.emulator.clock
        run = Run(
            plan,
            Training(
                plan, Maker(plan, api, clock), api, clock, OneByOne(Watcher(api, clock, 5.0 if timeout < 600 else 60.0))
            ),
        )
        with suppress(RunError):
            _ = run.execution
        now = datetime.fromtimestamp(self.emulator.clock.now(), timezone.utc)
        return evidence_of(run, api, now)

    def causes(self, **changes: Any) -> list[Cause]:
        """Train and diagnose."""
        return diagnose(self.evidence(**changes))

    def asked(self) -> list[str]:
        """What the emulator was asked for, without what a training asks for."""
        return [record.path for record in self.emulator.requests if "/admin/" in record.path]


@pytest.fixture
def bench(emulator: Emulator) -> Bench:
    return Bench(emulator)


def test_out_of_memory(bench: Bench) -> None:
    bench.yaml(
        ("    - name: train\n", "    - name: train\n      metadata: {labels: {ai.sap.com/resourcePlan: starter}}\n")
    )
    bench.emulator.script(symptom="out of memory")
    assert bench.causes() == [
        Cause(
            "out of memory",
            "the training ran out of memory",
            "container main ended with exit code 137; the resource plan is 'starter'",
            "use a larger plan (label ai.sap.com/resourcePlan), or less data at a time",
        )
    ]
    assert bench.asked() == []


def test_a_file_that_the_input_does_not_have(bench: Bench) -> None:
    line = "FileNotFoundError: [Errno 2] No such file or directory: '/in/2024/train.csv'"
    bench.emulator.script(outcome="DEAD", logs=["Traceback (most recent call last):", line])
    assert bench.causes() == [
        Cause(
            "file not in the input",
            "the input artifact 'pictures' (ai://default/in) has no '2024/train.csv'",
            line,
            "compare the files below its URL with what the program opens below /in",
        )
    ]


def test_a_file_beside_the_input(bench: Bench) -> None:
    bench.emulator.script(outcome="DEAD", logs=["FileNotFoundError: No such file or directory: '/input/train.csv'"])
    assert [cause.name for cause in bench.causes()] == ["program failed"]


def test_output_never_written(bench: Bench) -> None:
    bench.emulator.script(symptom="output not written")
    assert bench.causes() == [
        Cause(
            "output not written",
            "the training did not write /out, the path of the output artifact 'flower-model'",
            "container wait: path /out does not exist in archive",
            "write the output to that path, or change the path in the workflow; the two must be the same",
        )
    ]


def test_no_artifact_storage(bench: Bench) -> None:
    bench.emulator.script(symptom="no artifact storage")
    (cause,) = bench.causes()
    assert cause.likely == "the object-store secret 'default' gives no access to a storage for output artifacts"
    assert cause.seen.startswith("You need to configure artifact storage.")
    bench.emulator.state.groups["default"].object_store_secrets.remove("default")
    assert diagnose(replace(bench_evidence(bench), service=TrainingApi(bench.connect)))[0].likely == (
        "the resource group 'default' has no object-store secret 'default'"
    )


def bench_evidence(bench: Bench) -> Evidence:
    details = {
        "details": [
            {"container_name": "main", "exit_code": 0, "message": ""},
            {"container_name": "wait", "exit_code": 1, "message": "You need to configure artifact storage."},
        ]
    }
    return Evidence(template=bench.template, status_details=details, known_logs=())


def test_key_that_does_not_exist(bench: Bench) -> None:
    bench.emulator.script(symptom="missing key")
    assert bench.causes() == [
        Cause(
            "key does not exist",
            "an input artifact is not where its URL says: the path, or the pathPrefix of its object-store secret, is wrong",
            "failed to load artifact 'pictures': The specified key does not exist.; pictures is ai://default/in; the"
            " secret's pathPrefix is '', so the key is 'in'",
            "search the bucket for that key; the URL is ai://<secret>/<path below the secret's pathPrefix>",
        )
    ]


def test_key_in_a_secret_that_does_not_exist(bench: Bench) -> None:
    bench.emulator.script(symptom="missing key")
    evidence = bench.evidence()
    evidence.artifacts = {"pictures": "ai://defualt/in"}
    (cause,) = diagnose(evidence)
    assert cause.likely == "the resource group 'default' has no object-store secret 'defualt'"
    assert cause.remedy == "create the secret, or use another one in the URL. Did you mean 'default'?"


def test_url_that_ends_in_a_slash(bench: Bench) -> None:
    client = bench.connect()
    kind = __import__("ai_api_client_sdk.models.artifact", fromlist=["Artifact"]).Artifact.Kind.DATASET
    artifact = client.artifact.create(name="pictures", kind=kind, url="ai://default/in/", scenario_id="flowers")
    api = TrainingApi(bench.connect)
    configuration = api.create_configuration("c", "flowers", "train-flowers", {}, {"pictures": artifact.id})
    started = api.start_execution(configuration.id)
    bench.emulator.clock.sleep(60)
    execution = api.execution(started.id)
    assert execution.status.value == "DEAD"
    evidence = Evidence(
        artifacts={"pictures": "ai://default/in/"}, status_details=execution.status_details, known_logs=()
    )
    (cause,) = diagnose(evidence)
    assert (cause.likely, cause.remedy) == (
        "the URL of the artifact 'pictures' ends in '/'",
        "register ai://default/in",
    )


def test_image_without_docker_secret(bench: Bench) -> None:
    bench.yaml(("  entrypoint: train\n", "  entrypoint: train\n  imagePullSecrets: [{name: my-registry}]\n"))
    bench.emulator.state.tenant.docker_secrets.remove("my-registry")
    bench.emulator.script(symptom="image pull")
    (cause,) = bench.causes()
    assert cause == Cause(
        "image cannot be pulled",
        "the docker registry secret 'my-registry' does not exist",
        "Back-off pulling image \"docker.io/flowers/train:1\"; the workflow names 'my-registry'; the tenant has 'docker-registry-secret'",
        "create it (POST /v2/admin/dockerRegistrySecrets), or correct imagePullSecrets in the workflow",
    )
    assert bench.asked() == ["/v2/admin/dockerRegistrySecrets"]


def test_image_without_registry_or_tag(bench: Bench) -> None:
    bench.yaml(("docker.io/flowers/train:1", "flowers/train"))
    bench.emulator.script(symptom="image pull")
    (cause,) = bench.causes()
    assert cause.likely == "the image 'flowers/train' is not <registry>/<repository>/<image>:<tag>"


def test_image_of_a_private_registry(bench: Bench) -> None:
    bench.emulator.script(symptom="image pull")
    (cause,) = bench.causes()
    assert cause.likely == (
        "the image does not exist under that name, or its registry is private and the workflow has no imagePullSecrets"
    )


def test_no_object_store_secret(bench: Bench) -> None:
    bench.emulator.state.groups["default"].object_store_secrets.remove("default")
    assert bench.causes()[0] == Cause(
        "no object-store secret",
        "the resource group 'default' has no object-store secret 'default'",
        "UNKNOWN for 60 min, no log line; its object-store secrets: none",
        "create it under exactly that name (POST /v2/admin/objectStoreSecrets, name 'default')",
    )


@pytest.mark.parametrize("status", [403, 404])
def test_secrets_that_may_not_be_fetched_at(bench: Bench, status: int) -> None:
    bench.emulator.state.groups["default"].object_store_secrets.remove("default")
    bench.emulator.fault("object_store_secrets.query", status=status, times=None)
    assert bench.causes()[0] == Cause(
        "no object-store secret",
        "the object-store secret 'default' or the docker registry secret is missing",
        f"UNKNOWN for 60 min, no log line; could not check the object-store secrets (HTTP {status})",
        "check that the resource group 'default' has an object-store secret 'default'",
    )


def test_no_docker_secret(bench: Bench) -> None:
    bench.yaml(("  entrypoint: train\n", "  entrypoint: train\n  imagePullSecrets: [{name: my-registry}]\n"))
    bench.emulator.state.tenant.docker_secrets.remove("my-registry")
    bench.emulator.script(stuck_in="UNKNOWN")
    assert bench.causes()[0] == Cause(
        "no docker registry secret",
        "the docker registry secret 'my-registry' does not exist",
        "UNKNOWN for 60 min; the workflow names 'my-registry'; the tenant has 'docker-registry-secret'",
        "create it (POST /v2/admin/dockerRegistrySecrets), or correct imagePullSecrets in the workflow",
    )


def test_plan_that_the_tenant_may_not_use(bench: Bench) -> None:
    bench.yaml(
        ("    - name: train\n", "    - name: train\n      metadata: {labels: {ai.sap.com/resourcePlan: train.l}}\n")
    )
    bench.emulator.script(symptom="unentitled plan")
    assert bench.causes() == [
        Cause(
            "plan not entitled",
            "the tenant may not use the resource plan 'train.l', or no node of it is free",
            "PENDING for 59 min; no error message",
            "try the plan 'starter'; the tenant's entitlements in the BTP cockpit list the plans that it may use",
        )
    ]


def test_no_free_node(bench: Bench) -> None:
    told = "Task currently un-schedulable due to lack of resource"
    bench.emulator.script(stuck_in="PENDING", status_message=told)
    (cause,) = bench.causes(timeout=60)
    assert (cause.name, cause.seen) == ("plan not entitled", f"PENDING for 50 s; {told}")


def test_impatience(bench: Bench) -> None:
    assert bench.causes(timeout=5) == [
        Cause(
            "timeout too short",
            "the timeout is too short",
            "UNKNOWN for 5 s only; AI Core takes 14 to 89 s until a training runs",
            "set a longer timeout: timeout= in the marker, or --aicore-timeout",
        )
    ]


def test_names_that_differ_in_case(bench: Bench) -> None:
    bench.yaml(("name: pictures", "name: Pictures"))
    bench.yaml(published=False)
    (cause,) = bench.causes()
    assert cause == Cause(
        "names do not match",
        "the configuration binds the input artifact 'pictures', which AI Core's copy of the template lacks; it has 'Pictures': names"
        " are case-sensitive",
        "invalid spec: spec.arguments.artifacts.Pictures was not supplied",
        "push the template and wait for the sync (about every 3 minutes), or correct the names",
    )


def test_names_that_differ_and_nobody_says_so(bench: Bench) -> None:
    bench.yaml(('- name: epochs\n        value: "3"', "- name: Epochs"))
    bench.yaml(published=False)
    bench.emulator.script(outcome="DEAD", symptom="invalid template")
    evidence = bench.evidence(parameters={"epochs": 1})
    evidence.status_details = {}
    evidence.parameters = {}  # the configuration is asked
    assert diagnose(evidence)[0].likely == (
        "the configuration binds the parameter 'epochs', which AI Core's copy of the template lacks; it has 'Epochs': names are"
        " case-sensitive"
    )
    evidence.configuration_id = None
    assert diagnose(evidence)[0].likely == (
        "AI Core's copy of the template requires the parameter 'Epochs', and the configuration lacks it"
    )


def test_dead_without_log(bench: Bench) -> None:
    bench.emulator.script(symptom="invalid template")
    (cause,) = bench.causes()
    assert cause.name == "template invalid"
    assert cause.seen.startswith("DEAD without any log")


def test_dead_without_log_of_a_template_with_a_mistake(bench: Bench) -> None:
    bench.yaml(("entrypoint: train", "entrypoint: trian"))
    bench.emulator.script(symptom="invalid template")
    (cause,) = bench.causes()
    assert cause.likely == "train-flowers is not a valid Argo workflow: AIC208 in line 15"
    assert cause.seen.startswith("DEAD without any log; `entrypoint` names the unknown template `trian`")


def bench_history(*statuses: str) -> list[Any]:
    from pytest_aicore.training.service.sdk import sdk
    from pytest_aicore.training.watcher import Seen

    begin = datetime(2025, 1, 1, tzinfo=timezone.utc)
    return [Seen(sdk("Status")(status), begin + timedelta(seconds=10 * n)) for n, status in enumerate(statuses)]


def test_completed_without_global_name(bench: Bench) -> None:
    bench.yaml(("            globalName: flower-model\n", ""))
    (cause,) = bench.causes()
    assert cause == Cause(
        "no globalName",
        "the output artifact 'flower-model' has no globalName in train-flowers, so it is not registered",
        "COMPLETED without any output artifact",
        "add globalName: flower-model to it, and sync",
    )


def test_completed_without_global_name_in_the_service(bench: Bench) -> None:
    bench.yaml(("            globalName: flower-model\n", ""))
    bench.yaml(published=False)
    (cause,) = bench.causes()
    assert cause.likely == "AI Core's copy of the template has no globalName for the output artifact 'flower-model'"


def test_output_that_was_not_left_behind(bench: Bench) -> None:
    bench.emulator.script(omit_outputs=True)
    (cause,) = bench.causes()
    assert cause.likely == (
        "the output artifact 'flower-model' was not registered, although train-flowers has a globalName for it"
    )


def test_completed_run_asks_for_nothing(bench: Bench) -> None:
    assert bench.causes() == []
    evidence = bench.evidence()
    with bench.emulator.recording() as calls:
        assert diagnose(evidence) == []
    assert calls.made() == 0


def test_program_that_fails_by_itself(bench: Bench) -> None:
    bench.emulator.script(outcome="DEAD")
    assert bench.causes() == [
        Cause(
            "program failed",
            "the training program failed: RuntimeError: training failed",
            "container main ended with exit code 1",
            "see the end of its log below",
        )
    ]


def test_expected_death_has_no_cause(bench: Bench) -> None:
    bench.emulator.script(outcome="DEAD")
    assert bench.causes(expect="DEAD") == []
    assert bench.causes(expect=None)[0].name == "program failed"


# What never started -----------------------------------------------------------------------------------------------


def test_executable_that_is_not_synced(bench: Bench) -> None:
    bench.emulator.withdraw("train-flowers")
    assert bench.causes() == [
        Cause(
            "executable not found",
            "the template has not been synced yet, or its ids differ",
            "the service has no executable 'train-flowers' in scenario 'flowers'; that scenario has: none;"
            " applications: none",
            "push the template and wait for the sync (about every 3 minutes); the executable's id is metadata.name, the"
            " scenario's is the label scenarios.ai.sap.com/id",
        )
    ]


def test_executable_with_another_case(bench: Bench) -> None:
    bench.emulator.withdraw("train-flowers")
    bench.emulator.publish(replace(bench.template.executable, id="Train-Flowers"))
    (cause,) = bench.causes()
    assert cause.likely == "the executable's id on the service is 'Train-Flowers': ids are case-sensitive"


def test_template_that_could_not_be_synced(bench: Bench, tmp_path: Any) -> None:
    bench.emulator.withdraw("train-flowers")
    broken = WORKFLOW.replace('ai.sap.com/version: "1.0"', "ai.sap.com/version: 1.0")
    (tmp_path / "flowers.yaml").write_text(broken, encoding="utf-8")
    admin = bench.connect().resource_groups.rest_client
    admin.post(
        path="/admin/applications",
        body={"repository_url": str(tmp_path), "revision": "HEAD", "path": ".", "application_name": "my-app"},
    )
    bench.emulator.clock.sleep(600)
    (cause,) = bench.causes()
    assert cause.name == "template not synced"
    assert cause.likely == "the application 'my-app' could not sync the template 'train-flowers'"
    assert cause.seen.startswith("SyncFailed: unable to decode 'flowers.yaml': json: cannot unmarshal number")


def test_application_without_its_folder(bench: Bench, tmp_path: Any) -> None:
    bench.emulator.withdraw("train-flowers")
    admin = bench.connect().resource_groups.rest_client
    admin.post(
        path="/admin/applications",
        body={"repository_url": str(tmp_path), "revision": "HEAD", "path": "gone", "application_name": "my-app"},
    )
    bench.emulator.clock.sleep(600)
    (cause,) = bench.causes()
    assert cause.likely == "the application 'my-app' does not sync"
    assert cause.seen == "Unknown: rpc error: code = Unknown desc = gone: app path does not exist"


@pytest.mark.parametrize("said", ["the scenario 'flowers' has no executable 'train-flowers'.", "unknown scenario 'x'."])
def test_preflight_that_finds_nothing_synced(bench: Bench, tmp_path: Any, said: str) -> None:
    failure = f"preflight of flowers.yaml in the resource group default: {said} It has: none."
    evidence = Evidence(template=bench.template, failure=failure, service=TrainingApi(bench.connect))
    assert diagnose(evidence) == []  # the message says it all, unless an application knows more
    admin = bench.connect().resource_groups.rest_client
    admin.post(
        path="/admin/applications",
        body={"repository_url": str(tmp_path), "revision": "HEAD", "path": "gone", "application_name": "my-app"},
    )
    bench.emulator.clock.sleep(600)
    (cause,) = diagnose(replace(evidence, _fetched={}))
    assert cause.likely == "the application 'my-app' does not sync"


def test_resource_group_that_is_not_there(bench: Bench) -> None:
    bench.connect = lambda: make_client(from_service_key(bench.emulator.service_key, "emulator"), "nowhere")
    assert bench.causes(resource_group="nowhere") == [
        Cause(
            "access denied",
            "the resource group 'nowhere' does not exist, or the credentials are for another tenant",
            "403 RBAC: access denied",
            "check --aicore-resource-group and the service key (the session's header says where both come from)",
        )
    ]


def test_url_without_version(bench: Bench) -> None:
    from pytest_aicore.training.service.sdk import sdk

    arguments = from_service_key(bench.emulator.service_key, "emulator").client_arguments()
    bench.connect = lambda: sdk("AIAPIV2Client")(
        base_url=bench.emulator.base_url, resource_group="default", **arguments
    )
    (cause,) = bench.causes()
    assert cause.likely == "the URL of the API is wrong: the gateway answered 404 for this path"


def test_error_with_a_message_is_no_wrong_url() -> None:
    assert no_version_in_url(Evidence(failure="could not get it at https://x: Not found (HTTP 404, code 1).")) is None


def test_unknown_that_was_to_be_stopped(bench: Bench) -> None:
    api = TrainingApi(bench.connect)
    artifact = api.register_artifact("pictures", "dataset", "ai://default/in", "flowers", "", {})
    configuration = api.create_configuration("c", "flowers", "train-flowers", {}, {"pictures": artifact.id})
    started = api.start_execution(configuration.id)
    with pytest.raises(CallError) as refused:
        api.stop(started.id)
    (cause,) = diagnose(Evidence(failure=str(refused.value)))
    assert cause.remedy == "delete it instead: client.execution.delete(...)"


# The object ---------------------------------------------------------------------------------------------------------


def test_nothing_is_known() -> None:
    assert diagnose(Evidence()) == []


@pytest.mark.parametrize("row", [*NAMED, *INFERRED], ids=lambda row: row.__name__)
@pytest.mark.parametrize(
    "details",
    [
        None,
        {},
        [],
        3,
        "x",
        {"details": 3},
        {"details": [3, {"exit_code": "x"}]},
        {"details": [{"container_name": None}]},
    ],
)
def test_details_of_any_shape_break_no_row(row: Callable[[Evidence], Cause | None], details: object) -> None:
    for status in ("UNKNOWN", "PENDING", "DEAD", "COMPLETED", "STOPPED"):
        evidence = Evidence(status_details=details, history=bench_history(status), gave_up=True, known_logs=())
        cause = row(evidence)
        assert cause is None or all(cause)


def test_every_row_names_its_source() -> None:
    for row in (*NAMED, *INFERRED):
        assert any(word in (row.__doc__ or "") for word in ("documentation", "captured", "reported")), row


def test_service_that_does_not_answer_is_asked_once(bench: Bench) -> None:
    bench.emulator.script(stuck_in="UNKNOWN")
    evidence = bench.evidence()
    bench.emulator.fault("*", kind="connection reset", times=None)
    with bench.emulator.recording() as calls:
        causes = diagnose(evidence)
    assert len(causes) <= MOST_CAUSES
    assert causes[0].seen.startswith("UNKNOWN for 60 min, could not check the logs (")
    assert calls.made() == 1


def test_who_may_not_be_asked_is_not(bench: Bench) -> None:
    class Nobody:
        def __getattr__(self, name: str) -> Any:
            raise AicoreError("no credentials\nsecond line")

    bench.emulator.script(stuck_in="UNKNOWN")
    evidence = replace(bench.evidence(), service=None)
    assert "could not check the object-store secrets (no connection to AI Core)" in diagnose(evidence)[0].seen
    evidence = replace(bench.evidence(), service=Nobody())
    assert "could not check the object-store secrets (no credentials)" in diagnose(evidence)[0].seen
