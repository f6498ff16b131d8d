"""Failures of what is around a training: each is named, wherever the line that says it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore.training.diagnosis import Cause
from pytest_aicore.training.symptoms import SYMPTOMS
from pytest_aicore.workflows.resource_plans import DEFAULT_PLAN
from tests.training.test_diagnosis import Bench

if TYPE_CHECKING:
    from pytest_aicore.emulator import Emulator

LINES = {
    "exec /bin/sh: exec format error": "image of another architecture",
    "Failed to pull image: no match for platform in manifest: not found": "image of another architecture",
    "no matching manifest for linux/amd64 in the manifest list entries": "image of another architecture",
    "Failed to pull image: toomanyrequests: You have reached your pull rate limit": "pull limit",
    "Error: container has runAsNonRoot and image will run as root (pod: x)": "image runs as root",
    "container has runAsNonRoot and image has non-numeric user (app)": "image runs as root",
    'Failed to pull image "docker.io/team/x:1": unauthorized: authentication required': "registry refuses",
    "Error response from daemon: pull access denied for team/x": "registry refuses",
    "manifest for docker.io/team/x:2 not found: manifest unknown": "image does not exist",
    'botocore.exceptions.EndpointConnectionError: Could not connect to the endpoint URL: "https://b.s3-1.example/"': (
        "storage endpoint"
    ),
    "An error occurred (SignatureDoesNotMatch) when calling the GetObject operation": "storage keys",
    "An error occurred (InvalidAccessKeyId) when calling the PutObject operation": "storage keys",
    "An error occurred (NoSuchBucket) when calling the ListObjects operation": "storage bucket",
    "PermissionError: [Errno 13] Permission denied: '/app/model'": "folder cannot be written",
    "ModuleNotFoundError: No module named 'pandas'": "package missing in the image",
    "python: can't open file '/app/src/main.py': [Errno 2] No such file or directory": "program missing in the image",
    'exec: "python3": executable file not found in $PATH': "program missing in the image",
    "OSError: [Errno 28] No space left on device": "no space left",
    "RuntimeError: Found no NVIDIA driver on your system.": "no GPU",
    "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB": "GPU out of memory",
    "x509: certificate signed by unknown authority": "certificate not trusted",
    "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED]": "certificate not trusted",
    "Failed to pull image: dial tcp: lookup regisrty.acme.example: no such host": "no such registry",
    "Failed to apply default image tag: couldn't parse image reference": "image name is invalid",
    "Error: couldn't find key api-key in Secret ns/wandb": "key of a secret",
    'pods "x" is forbidden: exceeded quota: compute, requested: limits.cpu=8': "resources refused",
    "0/5 nodes are available: 5 Insufficient nvidia.com/gpu.": "resources refused",
    "Pod was active on the node longer than the specified deadline": "deadline exceeded",
    "Max duration limit exceeded": "deadline exceeded",
    "An error occurred (AccessDenied) when calling the PutObject operation: Access Denied": "storage permissions",
    "botocore.exceptions.NoCredentialsError: Unable to locate credentials": "storage without keys",
    "/bin/sh: 1: ./train: Permission denied": "program not executable",
    "OSError: [Errno 30] Read-only file system: '/root/.cache'": "folder cannot be written",
    "/bin/sh: 1: python3: not found": "program missing in the image",
    "bash: line 1: torchrun: command not found": "program missing in the image",
    "Pod ephemeral local storage usage exceeds the total limit of containers 10Gi.": "no space left",
    "The node was low on resource: ephemeral-storage.": "no space left",
    "RuntimeError: DataLoader worker (pid 1) is killed by signal: Bus error.": "shared memory",
    "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 30. GiB for an array": "memory refused",
    "ResourceExhaustedError: OOM when allocating tensor with shape[1024]": "memory refused",
    "MemoryError": "memory refused",
    "Segmentation fault (core dumped)": "native crash",
    "socket.gaierror: [Errno -2] Name or service not known": "host not found",
}
OF_THE_PROGRAM = ("ValueError: could not convert string to float: 'abc'", "KeyError: 'price'", "AssertionError")
OF_ANYBODY = (
    "ConnectionError: refused",
    "requests.exceptions.ReadTimeout: x",
    "OSError: [Errno 5] I/O error",
    "killed",
)


@pytest.fixture
def bench(emulator: Emulator) -> Bench:
    return Bench(emulator)


@pytest.mark.parametrize(("line", "name"), LINES.items(), ids=LINES)
def test_log_names_the_cause(bench: Bench, line: str, name: str) -> None:
    bench.emulator.script(outcome="DEAD", logs=["epoch 1", line, "bye"])
    (symptom,) = (each for each in SYMPTOMS if each.name == name)
    assert bench.causes() == [Cause(name, symptom.likely, line, symptom.remedy)]


@pytest.mark.parametrize(("line", "name"), LINES.items(), ids=LINES)
def test_status_names_the_cause(bench: Bench, line: str, name: str) -> None:
    bench.emulator.script(outcome="DEAD", status_message=line)
    assert [cause.name for cause in bench.causes()] == [name]


def test_every_symptom_is_tried() -> None:
    assert {symptom.name for symptom in SYMPTOMS} == set(LINES.values())
    assert all(symptom.source for symptom in SYMPTOMS)


@pytest.mark.parametrize("line", OF_THE_PROGRAM)
def test_mistake_of_the_program_is_known_as_one(bench: Bench, line: str) -> None:
    bench.emulator.script(outcome="DEAD", logs=["Traceback (most recent call last):", line])
    (cause,) = bench.causes()
    assert cause.remedy == "see the end of its log below; no sign of an AI Core fault"


@pytest.mark.parametrize("line", OF_ANYBODY)
def test_nothing_is_said_of_who_is_to_blame_where_that_is_not_known(bench: Bench, line: str) -> None:
    bench.emulator.script(outcome="DEAD", logs=[line])
    (cause,) = bench.causes()
    assert cause.remedy == "see the end of its log below"


@pytest.mark.parametrize("plan", [DEFAULT_PLAN, "train.l"])
def test_no_remedy_repeats_what_failed(bench: Bench, plan: str) -> None:
    label = f"metadata: {{labels: {{ai.sap.com/resourcePlan: {plan}}}}}"
    bench.yaml(("    - name: train\n", f"    - name: train\n      {label}\n"))
    bench.emulator.script(symptom="unentitled plan")
    (cause,) = bench.causes()
    advice = "wait for a free node, or try another plan" if plan == DEFAULT_PLAN else f"try the plan {DEFAULT_PLAN!r}"
    assert cause.remedy.startswith(f"{advice}; the tenant's entitlements in the BTP cockpit")
