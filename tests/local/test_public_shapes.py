"""Images of servers as public projects write them, in a folder that has nothing but serving templates."""

from __future__ import annotations

import pytest

from pytest_aicore.running.engines.sandbox import Sandbox

pytestmark = pytest.mark.once

SERVER = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

with open(os.path.join(os.environ.get("MODEL_DIR", "/mnt/models"), "model.json")) as file:
    model = json.load(file)

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"answer": model["w"], "asked": asked, "arguments": sys.argv[1:]}).encode())

HTTPServer(("", int(os.environ.get("PORT", 8080))), Handler).serve_forever()
"""
TEMPLATE = """
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: serve-NAME
  annotations:
    scenarios.ai.sap.com/name: "shapes"
    executables.ai.sap.com/name: "NAME"
    artifacts.ai.sap.com/model.kind: "model"
  labels:
    scenarios.ai.sap.com/id: "shapes"
    ai.sap.com/version: "1.0"
spec:
  inputs:
    artifacts:
      - name: model
  template:
    apiVersion: "serving.kserve.io/v1beta1"
    metadata:
      labels: |
        ai.sap.com/resourcePlan: starter
    spec: |
      predictor:
        imagePullSecrets:
          - name: regcred
        minReplicas: 1
        maxReplicas: 1
        containers:
          - name: kserve-container
            image: "docker.io/me/NAME:1.0"
            CONTAINER
            env:
              - name: STORAGE_URI
                value: "{{inputs.artifacts.model}}"
"""
SHAPES = {
    # An entrypoint that is an interpreter, and no port: KServe's 8080.
    "entrypoint": (
        (
            "FROM python:3.11-slim\nENV MODEL_DIR=/mnt/models\nCOPY server.py /\n"
            'ENTRYPOINT ["python"]\nCMD ["/server.py", "a"]\n'
        ),
        "",
        ["a"],
    ),
    # The form for the shell, with Knative's PORT; a user that is not root; what documents ports is not followed.
    "shell": (
        (
            "FROM python:3.11-slim AS base\nARG HOME_OF=/srv\nWORKDIR $HOME_OF\nCOPY . .\nRUN chown -R 65534 . \\\n"
            "    && chmod -R 777 .\nEXPOSE 9001\nUSER nobody\nCMD exec python server.py --port=$PORT\n"
        ),
        "ports:\n              - containerPort: 9001\n                protocol: TCP",
        ["--port=9001"],
    ),
    # A script of its own, whose arguments the template replaces; a probe by HTTP.
    "script": (
        (
            "FROM python:3.11-slim\nCOPY --chmod=755 start.sh server.py /app/\nWORKDIR /app\n"
            'ENTRYPOINT ["./start.sh"]\nCMD ["help"]\n'
        ),
        (
            'args: ["serve"]\n            ports: [{containerPort: 8000, name: http1}]\n            readinessProbe:\n'
            "              httpGet: {path: /healthz, port: http1}\n              periodSeconds: 1"
        ),
        ["started by the script"],
    ),
}
START = '#!/bin/sh\nset -eu\n[ "$1" = serve ]\nexec python -u server.py "started by the script"\n'
TESTS = """
import pytest

@pytest.mark.parametrize("name, arguments", SHAPES)
def test_shape(aicore_deploy, name, arguments):
    deployment = aicore_deploy(f"{name}.yaml", artifacts={"model": "ai://default/model"}, predict="/v1/predict")
    assert deployment.predict([1]) == {"answer": 42, "asked": [1], "arguments": arguments}
"""


def test_images_as_public_projects_write_them(pytester: pytest.Pytester) -> None:
    reason = Sandbox().probe()
    if reason is not None:
        pytest.skip(reason)
    files = {
        "data/model/model.json": '{"w": 42}',
        "pytest.ini": "[pytest]\naicore_local_store = data\naicore_local_images =\n"
        + "".join(f"    docker.io/me/{name}:* = {name}\n" for name in SHAPES),
        "test_it.py": TESTS.replace("SHAPES", repr([(name, arguments) for name, (*_, arguments) in SHAPES.items()])),
    }
    for name, (image, container, _) in SHAPES.items():
        files |= {f"{name}/Dockerfile": image, f"{name}/server.py": SERVER, f"{name}/start.sh": START}
        files[f"workflows/{name}.yaml"] = TEMPLATE.replace("NAME", name).replace("CONTAINER", container)
    for path, text in files.items():
        file = pytester.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    result = pytester.runpytest_inprocess("--aicore-local", "-p", "no:randomly")
    result.assert_outcomes(passed=len(SHAPES))
    result.stdout.fnmatch_lines(["3 deployments, local", "RUNNING * entrypoint.yaml *", "RUNNING * shell.yaml *"])
