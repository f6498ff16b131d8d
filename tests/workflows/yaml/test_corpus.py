"""Real templates from public repositories, where they are at hand: what AI Core publishes of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from pytest_aicore.errors import WorkflowError
from pytest_aicore.workflows import Artifact, Executable, OutputArtifact, Template, read_template
from pytest_aicore.workflows.yaml.tree import walk
from tests.places import SHARED
from tests.workflows.yaml.trees import PARSERS, shape, use_parser

if TYPE_CHECKING:
    from pathlib import Path

CORPUS = SHARED / "corpus" / "aicore"
NO_CORPUS = f"there are no real templates at {CORPUS}; PYTEST_AICORE_SHARED names the folder that holds corpus/aicore"

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=NO_CORPUS)

FILES = {path.name[:3]: path for path in sorted(CORPUS.glob("*.yaml"))}
WITH_A_TAB = "153"


class Published(NamedTuple):
    """What a person reads out of a file: ids, version, and the names that a configuration binds or a run registers."""

    executable: str
    scenario: str | None
    version: str | None
    inputs: str = ""
    outputs: str = ""
    parameters: str = ""
    required: str = ""
    plans: str = ""


LLAMA = "modelName resourcePlan modelDownloadUrl modelFileName alias threads ctxSize ngl enableEmbeddings"
RESOURCE_PLAN = "{{inputs.parameters.resourcePlan}}"
PUBLISHED = {
    "001": Published("first-pipeline", "learning", "1.0"),
    "002": Published("code-pipeline", "learning-code", "2.0"),
    "003": Published("code-pipeline", "learning-code", "1.0"),
    # Artifact `housepricemodel`, globalName `housemodel`: the globalName is what counts.
    "004": Published(
        "data-pipeline", "learning-datalines", "2.0", "housedataset", "housemodel", "DT_MAX_DEPTH", "DT_MAX_DEPTH"
    ),
    "005": Published("data-pipeline", "learning-datalines", "1.0", "housedataset"),
    "006": Published(
        "server-pipeline",
        "learning-datalines",
        "1.0",
        "housepricemodel",
        "",
        "greetmessage",
        "greetmessage",
        "starter",
    ),
    "008": Published("aiw-cc-demo", "aiw-cc-demo", "1.0.0", plans="starter"),
    "009": Published(
        "example-scenario-serving",
        "example-scenario-serving",
        "0.0.1",
        parameters="resourcePlan metric target targetBurstCapacity",
        plans=RESOURCE_PLAN,
    ),
    "013": Published("image-seg-infer", "image-seg", "1.0.0", "imagesegmodel", plans="starter"),
    "014": Published("image-seg-train", "image-seg", "1.0.0", "image-data", "image-model-tutorial", plans="starter"),
    "016": Published(
        "image-seg-train-tutorial", "image-seg-tutorial", "1.0.0", "image-data", "image-model-tutorial", plans="infer.s"
    ),
    "017": Published("sound-serve", "sound-scen", "1.0.0", "soundmodel", plans="starter"),
    "018": Published("sound-train", "sound-scen", "1.0.0", "sound-data", "sound-model", plans="starter"),
    "022": Published("llama.cpp", "llama.cpp", "0.0.1", "customModel", parameters=LLAMA, plans=RESOURCE_PLAN),
    "029": Published(
        "ctcd-pipeline",
        "cicd-pipeline-corrosion-analytics",
        "1.0.0",
        "pipeline-corr-data pipeline-corr-credentials",
        "",
        "current_deployment_id train_dataset_id train_dataset_s3_path metric_threshold",
        plans="starter",
    ),
    "032": Published("a2s-pipeline", "energy-grid-dataflow-pipelines", "1.0.0", plans="starter"),
    "033": Published("c2d-pipeline", "energy-grid-dataflow-pipelines", "1.0.0", plans="starter"),
    "050": Published(
        "azam-data-pipeline",
        "azam-learning-datalines",
        "1.0",
        "housedataset",
        "",
        "DT_MAX_DEPTH",
        "DT_MAX_DEPTH",
    ),
    "054": Published(
        "pr-anomaly-train",
        "pr-anomaly-detection",
        "1.0.0",
        "pr-historical-data",
        "pr-anomaly-model",
        "n_estimators contamination",
        plans="infer.s",
    ),
    "056": Published("hz-pipeline1", "learning-code", "2.4"),
    "061": Published("fraud-assessment-api", "fraud-detection-claims", "1.0.9", plans="infer.s"),
    "062": Published(
        "invoice-serving-pipeline", "blocked-invoice-classifier", "1.0.0", "invoiceclassifiermodel", plans="serve.s"
    ),
    "065": Published(
        "data-pipeline", "learning-datalines", "1.0", "housedataset", "", "DT_MAX_DEPTH", "DT_MAX_DEPTH", "starter"
    ),
    "081": Published("load-demand-forecasting-model", "load-model", "4.0", "inputmodel", "forecastmodel"),
    "082": Published(
        "demand-forecasting-preprocessing",
        "Preprocessing",
        "6.0",
        "trainingdata calendardata",
        "demand_forecasting_preprocessed_data",
    ),
    "088": Published(
        "predictive-ai-pipeline-mm",
        "learning-datalines",
        "1.0",
        "housedataset-mm",
        "",
        "DT_MAX_DEPTH",
        "DT_MAX_DEPTH",
    ),
    "113": Published("text-clf-infer-tutorial-999", "text-clf-tutorial", "1.0.0", "textmodel", plans="starter"),
    "132": Published("data-pipeline", "learning", "1.0", "housedataset"),
    "133": Published("data-pipeline", "learning-datalines", "1.0", "housedataset", "", "DT_MAX_DEPTH", "DT_MAX_DEPTH"),
    "134": Published("qwen3-tts-serving", "qwen3-tts-pipeline", "1.0.0", plans="infer.l"),
    "138": Published(
        "<SERVING-EXECUTABLE-ID>", "<SCENARIO-ID>", "<SCENARIO-VERSION>", "modeljar", "", "modelName", plans="starter"
    ),
    "141": Published(
        "YOUR_WORKFLOW_NAME",
        "YOUR_SCENARIO_ID",
        "YOUR_VERSION",
        "trainedmodels",
        parameters="models cpuaffinity requesttimeout loglevel gpu_deployment iou_threshold",
        plans="infer.s",
    ),
    # Its blocks are maps, not strings: AI Core does not render them, so no plan is read from them either.
    "145": Published("employee-serving", "employee-suitability", "1.0", "trainedmodel"),
    "158": Published("text-clf-infer-tutorial", "text-clf-tutorial", "1.0.0", "textmodel", plans="starter"),
    "164": Published("rag-serving-template", "rag-chatbot-scenario", "1.0.0"),
    "174": Published(
        "fraud-assessment-api", "fraud-detection-claims", "1.0.0", parameters="resourcePlan", plans=RESOURCE_PLAN
    ),
    "176": Published("linear-regr-infer-0", "linear-regr", "0.0.1", "regrmodel", plans="starter"),
    "181": Published("demand-forecasting-training", "Training", "4.0", "trainingdata", "demandforecast"),
    "184": Published("rag-serving-template", "rag-chatbot-scenario", "1.0.0"),
    "189": Published("spinifex-embedding-pipeline", None, None),
}
KINDS = {
    "004": {"housedataset": "dataset", "housemodel": "model"},
    "006": {"housepricemodel": "model"},
    "014": {"image-data": "dataset", "image-model-tutorial": "model"},
    # The annotations of 018 name `data` and `model`, which are no artifacts of it.
    "018": {"sound-data": None, "sound-model": "model"},
    "029": {"pipeline-corr-data": "dataset", "pipeline-corr-credentials": None},
    "054": {"pr-historical-data": None, "pr-anomaly-model": "model"},
    # The annotation of 082 names the artifact, not its globalName, so the default remains.
    "082": {"trainingdata": "dataset", "calendardata": "dataset", "demand_forecasting_preprocessed_data": "model"},
    "088": {"housedataset-mm": None},
    "181": {"trainingdata": "dataset", "demandforecast": "model"},
}
DEFAULTS = {
    "009": {"resourcePlan": "train.l", "metric": "concurrency", "target": "1", "targetBurstCapacity": "0"},
    "029": {
        "current_deployment_id": "d70167c5c9b5d723",
        "train_dataset_id": "127d9a3c-68a7-498f-9a44-0c7c64497713",
        "train_dataset_s3_path": "/data/training",
        "metric_threshold": "0.2",  # written as a number
    },
    "054": {"n_estimators": "200", "contamination": "0.05"},
    "138": {"modelName": "drmodel"},
    "174": {"resourcePlan": "infer.s"},
}


def template(number: str) -> Template:
    """Return one of the templates."""
    if number not in FILES:
        pytest.skip(f"the folder has no file {number}_*.yaml")
    return read_template(FILES[number])


@pytest.mark.parametrize("number", PUBLISHED)
def test_what_is_published(number: str) -> None:
    found = template(number).executable
    assert (
        Published(
            found.id,
            found.scenario_id,
            found.version_id,
            " ".join(artifact.name for artifact in found.input_artifacts),
            " ".join(artifact.name for artifact in found.output_artifacts),
            " ".join(parameter.name for parameter in found.parameters),
            " ".join(parameter.name for parameter in found.parameters if parameter.required),
            " ".join(found.resource_plans),
        )
        == PUBLISHED[number]
    )


def artifacts(executable: Executable) -> list[Artifact | OutputArtifact]:
    """Return inputs and outputs."""
    return [*executable.input_artifacts, *executable.output_artifacts]


@pytest.mark.parametrize("number", KINDS)
def test_kinds(number: str) -> None:
    assert {artifact.name: artifact.kind for artifact in artifacts(template(number).executable)} == KINDS[number]


@pytest.mark.parametrize("number", DEFAULTS)
def test_defaults(number: str) -> None:
    assert {parameter.name: parameter.default for parameter in template(number).executable.parameters} == DEFAULTS[
        number
    ]


def test_the_file_with_a_tab_is_refused_at_the_tab() -> None:
    with pytest.raises(WorkflowError) as caught:
        template(WITH_A_TAB)
    assert str(caught.value).startswith(
        f"{FILES[WITH_A_TAB]}:60:7: Tab used for indentation; YAML allows only spaces.\n"
    )


@pytest.mark.parametrize("number", sorted(FILES.keys() - {WITH_A_TAB}))
def test_what_holds_for_every_file(number: str) -> None:
    found = template(number)
    executable = found.executable
    lines = found.document.lines
    for node in walk(found.root):
        assert 1 <= node.column <= len(lines[node.line - 1]) + 1
        assert (node.line, node.column) <= (node.end_line, node.end_column)
    for name in ("name", "labels", "annotations"):
        place = found.place_of("metadata", name)
        assert place.column <= len(lines[place.line - 1])
    written = found.document.text
    for word in (
        executable.id,
        *(artifact.name for artifact in artifacts(executable)),
        *(parameter.name for parameter in executable.parameters),
        *executable.images,
        *executable.resource_plans,
    ):
        assert word in written
    assert executable.deployable == ("kind: ServingTemplate" in written)
    assert len(executable.output_artifacts) == written.count("globalName:")
    assert all(
        artifact.registered_name and artifact.path and artifact.template for artifact in executable.output_artifacts
    )
    assert hash(executable) == hash(read_template(FILES[number]).executable)


@pytest.mark.parametrize("path", sorted((SHARED / "corpus").rglob("*.yaml")), ids=lambda path: path.stem)
def test_both_parsers_read_the_same(path: Path) -> None:
    from pytest_aicore.workflows.yaml.source import parse_all

    readings = []
    for parser in PARSERS:
        with use_parser(parser):
            try:
                readings.append([shape(document.root) for document in parse_all(path.read_bytes(), "w.yaml")])
            except WorkflowError as error:
                readings.append([str(error)])
    assert all(reading == readings[0] for reading in readings)
