"""Secrets that a workflow names: those that come along with it, and what happens to a run without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.workflows import parse_template
from tests.emulator.conftest import TRAINING_TEMPLATE

if TYPE_CHECKING:
    from tests.emulator.conftest import House

IN_A_VARIABLE = "env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: hub-token, key: token}}}]"
NAMES = {
    "in a variable": IN_A_VARIABLE,
    "in envFrom": "envFrom: [{secretRef: {name: hub-token}}]",
}


def with_container(text: str) -> str:
    """Return the training with more about its container."""
    image = next(line for line in TRAINING_TEMPLATE.splitlines() if line.strip().startswith("image:"))
    indentation = image[: len(image) - len(image.lstrip())]
    return TRAINING_TEMPLATE.replace(image, f"{image}\n{indentation}{text}")


def ended(house: House, client: Any) -> Any:
    execution_id = house.start(client)
    house.emulator.clock.advance(1000)
    return client.execution.get(execution_id)


def forget_secrets(house: House) -> None:
    """Delete the generic secret as a client does."""
    house.url, before = f"{house.emulator.base_url}/v2/admin", house.url
    answer = house.ask("DELETE", "/secrets/hub-token", resource_group="*")
    house.url = before
    assert answer.status_code == 200


@pytest.mark.parametrize("names", NAMES)
def test_what_a_published_workflow_names_comes_along(house: House, client: Any, names: str) -> None:
    house.emulator.publish(parse_template(with_container(NAMES[names])))
    house.url, before = f"{house.emulator.base_url}/v2/admin", house.url
    listed = house.ask("GET", "/secrets", resource_group="*").json()
    house.url = before
    assert [each["name"] for each in listed["resources"]] == ["hub-token"]
    assert ended(house, client).status.value == "COMPLETED"


@pytest.mark.parametrize("names", NAMES)
def test_without_the_secret_its_container_cannot_be_created(house: House, client: Any, names: str) -> None:
    house.emulator.publish(parse_template(with_container(NAMES[names])))
    forget_secrets(house)
    execution = ended(house, client)
    assert execution.status.value == "PENDING"
    (main,) = execution.status_details["details"]
    assert main["message"] == 'CreateContainerConfigError: secret "hub-token" not found'


@pytest.mark.parametrize(
    "text",
    [
        "env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: hub-token, key: token, optional: true}}}]",
        'env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: "{{workflow.parameters.DEPTH}}", key: token}}}]',
    ],
    ids=["optional", "placeholder"],
)
def test_what_need_not_exist_is_not_missed(house: House, client: Any, text: str) -> None:
    house.emulator.publish(parse_template(with_container(text)))
    assert house.emulator.state.find_published("house-train").executable.secrets == ()  # type: ignore[union-attr]
    assert ended(house, client).status.value == "COMPLETED"


def test_a_secret_of_the_resource_group_will_do(house: House, client: Any) -> None:
    house.emulator.publish(parse_template(with_container(IN_A_VARIABLE)))
    forget_secrets(house)
    house.url, before = f"{house.emulator.base_url}/v2/admin", house.url
    assert house.ask("POST", "/secrets", {"name": "hub-token", "data": {"token": "eA=="}}).status_code == 200
    house.url = before
    assert ended(house, client).status.value == "COMPLETED"


def test_without_its_registry_secret_it_stays_unknown(house: House, client: Any) -> None:
    text = TRAINING_TEMPLATE.replace("spec:\n", "spec:\n  imagePullSecrets: [{name: my-registry}]\n", 1)
    house.emulator.publish(parse_template(text))
    house.url, before = f"{house.emulator.base_url}/v2/admin", house.url
    assert house.ask("DELETE", "/dockerRegistrySecrets/my-registry").status_code == 202
    house.url = before
    assert ended(house, client).status.value == "UNKNOWN"
