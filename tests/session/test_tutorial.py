"""SAP's tutorial of the client SDK runs offline, with one setting: its resource group."""

from __future__ import annotations

import re

import pytest

from tests.places import SHARED

TUTORIAL = SHARED / "reference" / "tutorial-client-sdk.md"
_CELL = re.compile(r"^```PYTHON\n(.*?)^```", re.MULTILINE | re.DOTALL)
RUN = """
import shutil
from pathlib import Path

def test_tutorial(aicore_environment, aicore_clock, capsys):
    Path("files").mkdir()
    shutil.copy(aicore_environment.service_key_file, "files/aic_service_key.json")
    cells = sorted(Path("cells").glob("*.py"))
    names = {}
    for cell in cells:
        exec(compile(cell.read_text(), cell.name, "exec"), names)
    written = capsys.readouterr().out
    assert "raining complete" in written, written
"""
OWN_WORDS = [
    """
import json, time
import yaml
from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client
from ai_api_client_sdk.models.artifact import Artifact
from ai_api_client_sdk.models.input_artifact_binding import InputArtifactBinding
from ai_api_client_sdk.models.status import Status
""",
    """
with open("files/aic_service_key.json") as file:
    key = json.load(file)
client = AIAPIV2Client(
    base_url=f"{key['serviceurls']['ML_API_URL']}/v2/lm", auth_url=f"{key['url']}/oauth/token",
    client_id=key["clientid"], client_secret=key["clientsecret"], resource_group="tutorial",
)
""",
    """
with open("workflows/training_workflow_tutorial.yaml") as file:
    workflow = yaml.safe_load(file)
scenario = workflow["metadata"]["labels"]["scenarios.ai.sap.com/id"]
assert scenario in [each.id for each in client.scenario.query().resources]
data = client.artifact.create("travel", Artifact.Kind.DATASET, "ai://default/data", scenario, "Travels")
configuration = client.configuration.create(
    name="training", scenario_id=scenario, executable_id=workflow["metadata"]["name"], parameter_bindings=[],
    input_artifact_bindings=[
        InputArtifactBinding(workflow["spec"]["templates"][0]["inputs"]["artifacts"][0]["name"], data.id)
    ],
)
""",
    """
started = client.execution.create(configuration.id)
status = None
while status not in (Status.COMPLETED, Status.DEAD):
    time.sleep(5)
    found = client.execution.get(started.id)
    status = found.status
assert found.output_artifacts[0].url.startswith("ai://default/")
print("training complete")
""",
]


def run_cells(project: pytest.Pytester, cells: list[str]) -> None:
    project.makeini("[pytest]\naicore_resource_group = tutorial")
    folder = project.mkdir("cells")
    for number, cell in enumerate(cells):
        (folder / f"{number:02}.py").write_text(cell, encoding="utf-8")
    display = project.mkpydir("IPython") / "display.py"  # the tutorial runs in a notebook, which is not needed here
    display.write_text("def clear_output(wait=False): pass\n", encoding="utf-8")
    project.syspathinsert()
    project.makepyfile(RUN)
    project.runpytest_inprocess().assert_outcomes(passed=1)


@pytest.mark.skipif(not TUTORIAL.is_file(), reason="SAP's tutorial is not on this machine")
def test_the_cells_word_for_word(project: pytest.Pytester) -> None:
    cells = _CELL.findall(TUTORIAL.read_text(encoding="utf-8"))
    assert len(cells) == 7
    run_cells(project, cells)


def test_the_same_calls_in_our_own_words(project: pytest.Pytester) -> None:
    run_cells(project, OWN_WORDS)


def test_a_resource_group_that_the_emulator_does_not_have(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import requests

        def test_it(aicore_client):
            aicore_client.scenario.query("tutorial")
            aicore_client.execution.query(resource_group="tutorial")
        """
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    lines = [line.strip() for line in result.outlines]
    begin = next(number for number, line in enumerate(lines) if line.startswith("hint"))
    shown = " ".join(" ".join(lines[begin : lines.index("", begin)]).split())
    assert shown == (
        "hint The emulator has no resource group 'tutorial', so it answered 403 as AI Core does. Write it into the "
        "ini as aicore_resource_group = tutorial, or add it in the test: "
        "aicore_emulator.create_resource_group('tutorial'). Its resource groups: 'default'."
    )
