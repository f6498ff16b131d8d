"""What of ConfigMaps and secrets a pod gets, and what is missing."""

from __future__ import annotations

import pytest

from tests.running.walking.scripted_pods import walked

VALUES = {"settings": {"depth": "5", "price": "$(HOME)"}}
ENVIRONMENT = """
    entrypoint: train
    templates:
      - name: train
        container: {{image: i, command: [sh], {field}}}
"""


def test_a_value_is_not_expanded() -> None:
    """Kubernetes expands what a template writes, not what a ConfigMap holds."""
    field = "env: [{name: PRICE, valueFrom: {configMapKeyRef: {name: settings, key: price}}}]"
    run = walked(ENVIRONMENT.format(field=field), config_maps=VALUES)
    assert run.pods.started[0].env == {"PRICE": "$$(HOME)"}


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (
            "env: [{name: D, valueFrom: {configMapKeyRef: {name: setings, key: depth}}}]",
            "configmap \"setings\" not found. Known ConfigMaps: settings. Did you mean 'settings'?",
        ),
        (
            "env: [{name: D, valueFrom: {configMapKeyRef: {name: settings, key: width}}}]",
            "couldn't find key width in ConfigMap \"settings\". Known keys: depth, price. Did you mean 'depth'?",
        ),
        ("envFrom: [{configMapRef: {name: other}}]", 'configmap "other" not found. Known ConfigMaps: settings.'),
    ],
)
def test_what_is_missing(field: str, message: str) -> None:
    run = walked(ENVIRONMENT.format(field=field), config_maps=VALUES)
    assert run.end == ("DEAD", "Error", message)
    optional = walked(
        ENVIRONMENT.format(
            field=field.replace("key: ", "optional: true, key: ").replace("other", "other, optional: true")
        ),
        config_maps=VALUES,
    )
    assert optional.outcome.status == "COMPLETED"
    assert optional.pods.started[0].env == {}


PARAMETERS = """
    entrypoint: train
    arguments: {parameters: [{name: depth, valueFrom: {configMapKeyRef: {name: settings, key: KEY}}}]}
    templates:
      - name: train
        inputs:
          parameters:
            - {name: depth}
            - {name: own, valueFrom: {default: "7", configMapKeyRef: {name: settings, key: none}}}
        container: {image: i, command: [sh], args: ["{{inputs.parameters.depth}} {{inputs.parameters.own}}"]}
"""


def test_parameters() -> None:
    run = walked(PARAMETERS.replace("KEY", "depth"), config_maps=VALUES)
    assert run.pods.started[0].args == ("5 7",)
    given = walked(PARAMETERS.replace("KEY", "depth"), parameters={"depth": "9"})
    assert given.pods.started[0].args == ("9 7",)


def test_a_parameter_that_is_missing() -> None:
    run = walked(PARAMETERS.replace("KEY", "width"), config_maps=VALUES)
    reason = """couldn't find key width in ConfigMap "settings". Known keys: depth, price. Did you mean 'depth'?"""
    assert run.end == ("DEAD", "Failed", f"failed to set global parameters: {reason}")


def test_a_path_that_would_leave_the_volume() -> None:
    run = walked(
        """
        entrypoint: train
        volumes: [{name: v, configMap: {name: settings, items: [{key: depth, path: ../../etc/depth}]}}]
        templates:
          - name: train
            container: {image: i, command: [sh], volumeMounts: [{name: v, mountPath: /conf}]}
        """,
        config_maps=VALUES,
    )
    reason = "the path of a volume's file must not leave the volume: ../../etc/depth"
    assert run.end == ("DEAD", "Error", reason)
