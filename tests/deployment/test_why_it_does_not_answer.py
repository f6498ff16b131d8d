"""What a test is told of a deployment that does not answer: how it failed, the likely cause, the end of its log."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_aicore.deployment.diagnosis import evidence_of, explained, likely_cause
from pytest_aicore.deployment.plan import DeploymentPlan
from pytest_aicore.workflows import parse_template

TEMPLATE = """
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: serve-flowers
  annotations:
    scenarios.ai.sap.com/name: Flowers
    executables.ai.sap.com/name: Serve
  labels:
    scenarios.ai.sap.com/id: flowers
    ai.sap.com/version: "1.0"
spec:
  template:
    apiVersion: serving.kserve.io/v1beta1
    metadata:
      labels: |
        ai.sap.com/resourcePlan: infer.s
    spec: |
      predictor:
        containers:
          - name: kserve-container
            image: docker.io/flowers/serve:1
            ports:
              - containerPort: 9001
            env:
              - name: STORAGE_URI
                value: ai://default/model
"""
PLAN = DeploymentPlan(parse_template(TEMPLATE))
NOT_LISTENING = "runs, but GET /v1/x was refused for 60 s after its start (3 times repeated): it does not listen"


def told_of(deployment: Any, lines: list[str], how: str) -> list[str]:
    """Return the lines that tell why a deployment does not answer."""
    evidence = evidence_of(PLAN, deployment, lines, how)
    return explained(evidence, likely_cause(evidence))


def waiting(message: str) -> dict[str, Any]:
    """Return status details as AI Core shows a container that waits."""
    return {"details": [{"name": "kserve-container", "state": {"waiting": {"message": message}}}]}


CASES: dict[str, tuple[str, Any, list[str], str]] = {
    "crash loop": (
        "PENDING",
        waiting("back-off 40s restarting failed container=kserve-container"),
        ["Traceback (most recent call last):", "KeyError: 'classes'"],
        """\
  AI Core says: back-off 40s restarting failed container=kserve-container
  likely: the server ends by itself, and is started again and again (a crash loop)
    seen: back-off 40s restarting failed container=kserve-container
    do: read the end of its log; a server must run until it is stopped, in the foreground
  the last 2 of 2 lines of its log:
    Traceback (most recent call last):
    KeyError: 'classes'""",
    ),
    "dead without a message": (
        "DEAD",
        None,
        ["goodbye"],
        """\
  likely: the server ends by itself, and is started again and again (a crash loop)
    seen: status DEAD
    do: read the end of its log; a server must run until it is stopped, in the foreground
  the last 1 of 1 lines of its log:
    goodbye""",
    ),
    "wrong port": (
        "PENDING",
        None,
        ["INFO:     Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)"],
        """\
  likely: the server listens on port 8000, and AI Core sends requests to port 9001
    seen: INFO:     Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)
    do: let it listen on port 9001, or write containerPort: 8000 in the template (without one AI Core takes 8080)
  the last 1 of 1 lines of its log:
    INFO:     Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)""",
    ),
    "localhost only": (
        "PENDING",
        None,
        ["[2026-01-01 10:00:00 +0000] [7] [INFO] Listening at: http://127.0.0.1:9001 (7)"],
        """\
  likely: the server listens on 127.0.0.1 only, where no other machine reaches it
    seen: [2026-01-01 10:00:00 +0000] [7] [INFO] Listening at: http://127.0.0.1:9001 (7)
    do: let it listen on 0.0.0.0:9001
  the last 1 of 1 lines of its log:
    [2026-01-01 10:00:00 +0000] [7] [INFO] Listening at: http://127.0.0.1:9001 (7)""",
    ),
    "model not found by the server": (
        "DEAD",
        None,
        ["loading", "FileNotFoundError: [Errno 2] No such file or directory: '/mnt/models/model.pkl'"],
        """\
  likely: the model was not found: what STORAGE_URI names is missing or empty, or the server reads another file below \
/mnt/models
    seen: FileNotFoundError: [Errno 2] No such file or directory: '/mnt/models/model.pkl'
    do: compare the URL of the bound artifact with the files in the object store; AI Core puts the files of its folder \
directly into /mnt/models
  the last 2 of 2 lines of its log:
    loading
    FileNotFoundError: [Errno 2] No such file or directory: '/mnt/models/model.pkl'""",
    ),
    "model not found by the initializer": (
        "PENDING",
        None,
        ["botocore.exceptions.ClientError: An error occurred (NoSuchKey): The specified key does not exist."],
        """\
  likely: the model was not found: what STORAGE_URI names is missing or empty, or the server reads another file below \
/mnt/models
    seen: botocore.exceptions.ClientError: An error occurred (NoSuchKey): The specified key does not exist.
    do: compare the URL of the bound artifact with the files in the object store; AI Core puts the files of its folder \
directly into /mnt/models
  the last 1 of 1 lines of its log:
    botocore.exceptions.ClientError: An error occurred (NoSuchKey): The specified key does not exist.""",
    ),
    "image without command": (
        "PENDING",
        waiting("Error: failed to generate container spec: no command specified"),
        [],
        """\
  AI Core says: Error: failed to generate container spec: no command specified
  likely: the container has nothing to start: the template gives no `command`, or the image lacks it
    seen: Error: failed to generate container spec: no command specified
    do: write `command` and `args` of the server in the template, for example command: ["/bin/sh", "-c"]
  its log is empty""",
    ),
    "readiness never reached": (
        "PENDING",
        None,
        ["loading the model"],
        """\
  likely: the server has started, but its readiness probe does not pass
    seen: status PENDING, and its log has lines
    do: let it listen on 0.0.0.0:9001, answer the path of `readinessProbe` if the template has one, and load the model \
in less time than timeout= allows
  the last 1 of 1 lines of its log:
    loading the model""",
    ),
    "plan not entitled": (
        "PENDING",
        None,
        [],
        """\
  likely: the tenant may not use the resource plan 'infer.s', or no node of it is free; or a docker registry secret \
that imagePullSecrets names is missing
    seen: status PENDING without message and without log
    do: try the plan 'starter'; the entitlements in the BTP cockpit list the plans
  its log is empty""",
    ),
    "image cannot be pulled": (
        "PENDING",
        waiting('Back-off pulling image "docker.io/flowers/serve:1": manifest unknown'),
        [],
        """\
  AI Core says: Back-off pulling image "docker.io/flowers/serve:1": manifest unknown
  likely: the registry has no such image, or not with this tag
    seen: Back-off pulling image "docker.io/flowers/serve:1": manifest unknown
    do: correct name and tag of the image in the workflow, or push the image
  its log is empty""",
    ),
    "nobody listens": (
        "RUNNING",
        None,
        ["ready"],
        """\
  likely: nothing listens on port 9001, to which AI Core sends requests
    seen: status RUNNING, and no answer
    do: let the server listen on 0.0.0.0:9001, or correct containerPort in the template
  the last 1 of 1 lines of its log:
    ready""",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_likely_cause_is_told(case: str) -> None:
    status, details, lines, told = CASES[case]
    deployment = SimpleNamespace(status=SimpleNamespace(value=status), status_message=None, status_details=details)
    assert "\n".join(told_of(deployment, lines, NOT_LISTENING)) == told


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("Serving on http://[::]:9001", None),
        (" * Running on http://127.0.0.1:9001", "127.0.0.1"),
        ("Listening on port 3000", "3000"),
        ("server started at localhost:9001", "localhost"),
        ("[info] Bound to 0.0.0.0:9001", None),
    ],
)
def test_servers_say_where_they_listen_in_many_ways(line: str, seen: str | None) -> None:
    deployment = SimpleNamespace(status=SimpleNamespace(value="PENDING"), status_message=None, status_details=None)
    told = next(each for each in told_of(deployment, [line], "") if "likely" in each)
    assert told.startswith("  likely: the server listens on") is (seen is not None)
    assert seen is None or seen in told


def test_what_a_log_says_cannot_act_in_a_terminal() -> None:
    deployment = SimpleNamespace(
        status=SimpleNamespace(value="DEAD"), status_message="\x1b[31mred", status_details=None
    )
    told = told_of(deployment, ["\x1b[2J" + "x" * 1000], "")
    assert not any("\x1b" in line for line in told)
    assert max(map(len, told)) < 400
