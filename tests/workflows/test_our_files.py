"""Our own workflows, each with the whole executable that AI Core would publish of it."""

from __future__ import annotations

import pytest

from pytest_aicore.workflows import (
    Artifact,
    Executable,
    OutputArtifact,
    Parameter,
    read_folder,
    read_template,
)
from tests.places import WORKFLOWS

EXECUTABLES = {
    "training_workflow_tutorial.yaml": Executable(
        id="text-clf-train-tutorial",
        name="text-clf-train-tutorial-exec",
        description="Train the text classifier with scikit-learn",
        scenario_id="text-clf-tutorial",
        scenario_name="text-clf-tutorial-scenario",
        scenario_description="Classify texts, from the raw data to a model that answers requests",
        version_id="1.0.0",
        deployable=False,
        parameters=(Parameter("DEPTH", "3", "Greatest depth of the decision trees"),),
        input_artifacts=(Artifact("text-data", "dataset", path="/app/data/"),),
        output_artifacts=(
            OutputArtifact(
                "text-model-tutorial",
                "model",
                registered_name="text-model-tutorial",
                path="/app/model",
                template="text-clf-sk-training",
            ),
        ),
        resource_plans=("starter",),
        images=("docker.io/example/text-clf-train:1.0.0",),
        pull_secrets=("docker-registry-secret",),
        active_deadline_seconds=7200,
    ),
    "serving_workflow_tutorial.yaml": Executable(
        id="text-clf-infer-tutorial",
        name="text-clf-infer-tutorial-exec",
        description="Serve the text classifier",
        scenario_id="text-clf-tutorial",
        scenario_name="text-clf-tutorial-scenario",
        scenario_description="Classify texts, from the raw data to a model that answers requests",
        version_id="1.0.0",
        deployable=True,
        parameters=(Parameter("maxReplicas", "2", "How many servers may answer at the same time"),),
        input_artifacts=(Artifact("textmodel", "model"),),
        resource_plans=("starter",),
        images=("docker.io/example/text-clf-serve:1.0.0",),
    ),
    "house_price_steps.yaml": Executable(
        id="house-price-train",
        name="House price training",
        description="Join sales and districts, then train a regression",
        scenario_id="house-price",
        scenario_name="House prices",
        scenario_description="Predict what a house will be sold for",
        version_id="1.2.0",
        deployable=False,
        parameters=(
            Parameter("MAX_DEPTH", None, "Greatest depth of the decision tree"),
            Parameter("TEST_SHARE", "0.2", "Share of the rows that are kept back for the test"),
        ),
        input_artifacts=(
            Artifact("sales", "dataset", "Sold houses, one CSV file per year", path="/app/sales"),
            Artifact("districts", "dataset", path="/app/districts"),
        ),
        output_artifacts=(
            OutputArtifact(
                "house-price-model",
                "model",
                labels=(("ext.ai.sap.com/framework", "scikit-learn"),),
                registered_name="house-price-model",
                path="/app/model",
                template="train-regression",
            ),
        ),
        resource_plans=("starter", "basic"),
        images=("docker.io/example/house-price:1.2.0",),
        pull_secrets=("docker-registry-secret",),
        active_deadline_seconds=10800,
    ),
    "churn_dag.yaml": Executable(
        id="churn-train",
        name="Churn training",
        description="Train a classifier and report on the data it saw",
        scenario_id="customer-churn",
        scenario_name="Customer churn",
        scenario_description="Find the customers who are about to leave",
        version_id="0.3.0",
        deployable=False,
        parameters=(Parameter("LEARNING_RATE", "0.05", "Step width of the boosting"),),
        input_artifacts=(Artifact("contracts", "dataset", path="/app/contracts"),),
        output_artifacts=(
            OutputArtifact(
                "churn-model",
                "model",
                "Classifier of contracts, as JSON",
                registered_name="churn-model",
                path="/app/model",
                template="train-classifier",
            ),
            OutputArtifact(
                "churn-report",
                "resultset",
                registered_name="churn-report",
                path="/app/report.html",
                template="write-report",
            ),
        ),
        resource_plans=("starter", "train.l"),
        images=("docker.io/example/churn:0.3.0",),
        pull_secrets=("docker-registry-secret",),
        active_deadline_seconds=5400,
    ),
}


@pytest.mark.parametrize("file", EXECUTABLES)
def test_executable(file: str) -> None:
    assert read_template(WORKFLOWS / file).executable == EXECUTABLES[file]


def test_the_folder_holds_exactly_these_in_the_order_of_their_file_names() -> None:
    folder = read_folder(WORKFLOWS)
    assert [template.path for template in folder.values()] == [WORKFLOWS / file for file in sorted(EXECUTABLES)]
    assert list(folder) == [EXECUTABLES[file].id for file in sorted(EXECUTABLES)]
    assert folder.skipped == ()
