"""What a change of a workflow does to configurations that exist: each kind of difference with its whole table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_aicore.workflows import Artifact, Executable, OutputArtifact, Parameter
from pytest_aicore.workflows.contracts.comparison import Comparison, Impact, compare
from pytest_aicore.workflows.contracts.contract import contract_of, without_tag

OLD = Executable(
    id="churn-train",
    name="Churn training",
    description="Trains",
    scenario_id="churn",
    scenario_name="Churn",
    version_id="1.0",
    parameters=(Parameter("DEPTH", "3", "How deep"), Parameter("RATE", None)),
    input_artifacts=(Artifact("rows", "dataset"), Artifact("extra", None, optional=True)),
    output_artifacts=(OutputArtifact("model", "model", "A classifier", registered_name="model"),),
    resource_plans=("starter",),
    images=("docker.io/example/churn:1.0",),
)
END = "so their executions end DEAD or stay PENDING."


def became(**changes: Any) -> Comparison:
    return compare(contract_of(OLD), contract_of(replace(OLD, **changes)))


CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "executable id": (
        {"id": "churn-training"},
        [
            "breaking: executable id changed from 'churn-train' to 'churn-training'",
            ("Every configuration of 'churn-train' stops working: AI Core has no executable with that id any more."),
        ],
    ),
    "scenario id": (
        {"scenario_id": "customers"},
        [
            "breaking: scenario id changed from 'churn' to 'customers'",
            (
                "Every configuration of scenario 'churn' stops working: AI Core finds no executable 'churn-train'"
                " in it any more."
            ),
        ],
    ),
    "kind of template": (
        {"deployable": True},
        [
            "breaking: WorkflowTemplate became a ServingTemplate",
            ("Every configuration stops working: it was made for executions, and none can be started any more."),
        ],
    ),
    "version removed": (
        {"version_id": None},
        [
            "breaking: version '1.0' removed",
            ("Every configuration stops working: without the label ai.sap.com/version AI Core publishes nothing."),
        ],
    ),
    "parameter removed": (
        {"parameters": OLD.parameters[:1]},
        [
            "breaking: parameter 'RATE' removed",
            (
                "Configurations that bind 'RATE' stop working: AI Core binds by name, and that name no longer"
                f" exists, {END}"
            ),
        ],
    ),
    "parameter renamed, same description": (
        {"parameters": (Parameter("MAXIMUM", "5", "How deep"), OLD.parameters[1])},
        [
            "breaking: parameter 'DEPTH' removed (renamed to 'MAXIMUM'?)",
            (
                "Configurations that bind 'DEPTH' stop working: AI Core binds by name, and that name no"
                f" longer exists, {END}"
            ),
            "compatible: parameter 'MAXIMUM' added, default '5'",
        ],
    ),
    "parameter renamed, a near name": (
        {"parameters": (OLD.parameters[0], Parameter("RATES", None))},
        [
            "breaking: parameter 'RATE' removed (renamed to 'RATES'?)",
            (
                "Configurations that bind 'RATE' stop working: AI Core binds by name, and that name no longer"
                f" exists, {END}"
            ),
            "breaking: parameter 'RATES' added, without a default",
            f"All existing configurations stop working: none binds 'RATES', {END}",
        ],
    ),
    "required parameter added": (
        {"parameters": (*OLD.parameters, Parameter("SEED"))},
        [
            "breaking: parameter 'SEED' added, without a default",
            f"All existing configurations stop working: none binds 'SEED', {END}",
        ],
    ),
    "optional parameter added": (
        {"parameters": (*OLD.parameters, Parameter("SEED", ""))},
        ["compatible: parameter 'SEED' added, default ''"],
    ),
    "default removed": (
        {"parameters": (Parameter("DEPTH", None, "How deep"), OLD.parameters[1])},
        [
            "breaking: parameter 'DEPTH': default '3' removed",
            (
                "Configurations that do not bind 'DEPTH' stop working: it has no value for them, so their"
                " executions end DEAD or stay PENDING."
            ),
        ],
    ),
    "default changed": (
        {"parameters": (Parameter("DEPTH", "4", "How deep"), OLD.parameters[1])},
        [
            "needs a new version label: parameter 'DEPTH': default changed from '3' to '4'",
            "Configurations that do not bind 'DEPTH' run with another value than before.",
        ],
    ),
    "default added": (
        {"parameters": (OLD.parameters[0], Parameter("RATE", "0.1"))},
        ["compatible: parameter 'RATE': default '0.1' added"],
    ),
    "description of a parameter": (
        {"parameters": (Parameter("DEPTH", "3"), OLD.parameters[1])},
        ["compatible: parameter 'DEPTH': description changed from 'How deep' to none"],
    ),
    "parameters in another order": ({"parameters": OLD.parameters[::-1]}, []),
    "input removed": (
        {"input_artifacts": OLD.input_artifacts[1:]},
        [
            "breaking: input 'rows' removed",
            (
                "Configurations that bind 'rows' stop working: AI Core binds by name, and that name no longer"
                f" exists, {END}"
            ),
        ],
    ),
    "input added": (
        {"input_artifacts": (*OLD.input_artifacts, Artifact("prices"))},
        [
            "breaking: input 'prices' added",
            f"All existing configurations stop working: none binds an artifact to 'prices', {END}",
        ],
    ),
    "optional input added": (
        {"input_artifacts": (*OLD.input_artifacts, Artifact("prices", optional=True))},
        ["compatible: input 'prices' added, optional"],
    ),
    "input not optional any more": (
        {"input_artifacts": (OLD.input_artifacts[0], Artifact("extra"))},
        [
            "breaking: input 'extra' is not optional any more",
            (
                "Configurations that bind no artifact to 'extra' stop working: their executions end DEAD or stay"
                " PENDING."
            ),
        ],
    ),
    "input became optional": (
        {"input_artifacts": (Artifact("rows", "dataset", optional=True), OLD.input_artifacts[1])},
        ["compatible: input 'rows' became optional"],
    ),
    "kind of an input": (
        {"input_artifacts": (Artifact("rows", "model"), OLD.input_artifacts[1])},
        [
            "needs a new version label: input 'rows': kind changed from 'dataset' to 'model'",
            "Existing configurations bind artifacts of kind 'dataset' to it.",
        ],
    ),
    "kind of an input told for the first time": (
        {"input_artifacts": (OLD.input_artifacts[0], Artifact("extra", "other", optional=True))},
        ["compatible: input 'extra': kind changed from none to 'other'"],
    ),
    "output removed": (
        {"output_artifacts": ()},
        [
            "breaking: output 'model' removed",
            (
                "Configurations that bind 'model' of a completed execution as their input get no new one: it is"
                " not registered any more."
            ),
        ],
    ),
    "output added": (
        {"output_artifacts": (*OLD.output_artifacts, OutputArtifact("report"))},
        [
            "needs a new version label: output 'report' added",
            "Executions of existing configurations store and register one more artifact.",
        ],
    ),
    "output": (
        {
            "output_artifacts": (
                OutputArtifact("model", "resultset", "A classifier", registered_name="best", suffix=".tgz"),
            )
        },
        [
            "needs a new version label: output 'model': kind changed from 'model' to 'resultset'",
            "A search for artifacts of kind 'model' no longer finds it.",
            "needs a new version label: output 'model': registered name changed from 'model' to 'best'",
            "A search for artifacts of the name 'model' no longer finds it.",
            "needs a new version label: output 'model': suffix changed from none to '.tgz'",
            "It has another name in the object store.",
        ],
    ),
    "plan": (
        {"resource_plans": ("train.l",)},
        [
            "needs a new version label: resource plan changed from 'starter' to 'train.l'",
            "Executions of existing configurations run, and are billed, on other machines.",
        ],
    ),
    "plans": (
        {"resource_plans": ("basic", "starter", "train.l")},
        [
            "needs a new version label: resource plan 'basic' added",
            "Executions of existing configurations run, and are billed, on other machines.",
            "needs a new version label: resource plan 'train.l' added",
            "Executions of existing configurations run, and are billed, on other machines.",
        ],
    ),
    "image": (
        {"images": ("docker.io/example/churn-gpu:1.0",)},
        [
            "needs a new version label: image changed from 'docker.io/example/churn' to 'docker.io/example/churn-gpu'",
            "Executions of existing configurations run other code.",
        ],
    ),
    "tag of the image": ({"images": ("docker.io/example/churn:1.1@sha256:0123",)}, []),
    "names and descriptions": (
        {"name": "Training", "description": None, "scenario_name": "Leaving", "scenario_description": "Who leaves"},
        [
            "compatible: executable name changed from 'Churn training' to 'Training'",
            "compatible: executable description changed from 'Trains' to none",
            "compatible: scenario name changed from 'Churn' to 'Leaving'",
            "compatible: scenario description changed from none to 'Who leaves'",
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_difference_says_whom_it_breaks_and_why(case: str) -> None:
    changes, lines = CASES[case]
    comparison = became(**changes)
    said = [(f"{one.impact.words}: {one.what}", one.consequence) for one in comparison.differences]
    assert [line for pair in said for line in pair if line] == lines
    if not lines:
        assert comparison.table() == ["executable 'churn-train', version '1.0', unchanged: no difference"]


@pytest.mark.parametrize(
    ("changes", "impact", "acceptable", "acceptable_with_version"),
    [
        ({}, None, True, True),
        ({"description": "Other"}, Impact.COMPATIBLE, True, True),
        ({"images": ()}, Impact.NEEDS_VERSION, False, True),
        ({"output_artifacts": ()}, Impact.BREAKING, False, True),
        ({"id": "other"}, Impact.BREAKING, False, False),
        ({"scenario_id": "other"}, Impact.BREAKING, False, False),
    ],
)
def test_a_new_version_label_makes_a_difference_acceptable(
    changes: dict[str, Any], impact: Impact | None, acceptable: bool, acceptable_with_version: bool
) -> None:
    comparison = became(**changes)
    assert (comparison.impact, comparison.acceptable) == (impact, acceptable)
    assert became(**changes, version_id="1.1").acceptable is acceptable_with_version


def test_a_removed_version_label_excuses_nothing() -> None:
    comparison = became(version_id=None, images=())
    assert [difference.what for difference in comparison.failing] == [
        "version '1.0' removed",
        "image 'docker.io/example/churn' removed",
    ]


def test_the_table_puts_the_worst_first() -> None:
    comparison = became(description=None, images=(), output_artifacts=(), version_id="2.0")
    assert comparison.table() == [
        "executable 'churn-train', version '1.0' -> '2.0'",
        "  breaking                   output 'model' removed",
        (
            f"{'':29}Configurations that bind 'model' of a completed execution as their input get no new one:"
            " it is not registered any more."
        ),
        "  needs a new version label  image 'docker.io/example/churn' removed",
        f"{'':29}Executions of existing configurations run other code.",
        "  compatible                 version changed from '1.0' to '2.0'",
        "  compatible                 executable description changed from 'Trains' to none",
    ]


def test_the_table_begins_with_the_version() -> None:
    assert became(version_id="1.1").table() == [
        "executable 'churn-train', version '1.0' -> '1.1'",
        "  compatible  version changed from '1.0' to '1.1'",
    ]


def test_the_table_shows_no_secrets() -> None:
    comparison = became(
        parameters=(*OLD.parameters, Parameter("LOGIN", '{"clientsecret": "x", "password": "hunter2"}'))
    )
    assert "hunter2" not in "\n".join(comparison.table())


def test_deployments_are_called_deployments() -> None:
    old = Executable("serve", deployable=True, version_id="1")
    comparison = compare(contract_of(old), contract_of(replace(old, input_artifacts=(Artifact("model"),))))
    assert comparison.table()[1:] == [
        "  breaking  input 'model' added",
        (
            "            All existing configurations stop working: none binds an artifact to 'model', so their"
            " deployments end DEAD or stay PENDING."
        ),
    ]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("train", "train"),
        ("train:1.0", "train"),
        ("docker.io/example/train:1.0", "docker.io/example/train"),
        ("host:5000/train", "host:5000/train"),
        ("host:5000/train:1.0@sha256:0123", "host:5000/train"),
        ("docker.io/train@sha256:0123", "docker.io/train"),
        ("docker.io/train:{{workflow.parameters.tag}}", "docker.io/train"),
        ("{{inputs.parameters.image}}", "{{inputs.parameters.image}}"),
        ("{{= 'a:b/c@d' }}:1", "{{= 'a:b/c@d' }}"),
    ],
)
def test_an_image_without_its_tag(image: str, expected: str) -> None:
    assert without_tag(image) == expected
