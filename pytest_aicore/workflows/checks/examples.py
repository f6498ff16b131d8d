"""Pieces that the examples of the rules are put together from."""

from __future__ import annotations

from typing import Final

_COMMAND: Final = '      image: docker.io/example/churn:1\n      command: ["/bin/sh", "-c"]\n      args: ["{}"]'

TRAIN: Final = "  - name: train\n    container:\n" + _COMMAND.format("./train")
"""A template called `train`, as an item of `spec.templates`."""

TRAIN_DEPTH: Final = f"{TRAIN}\n    inputs:\n      parameters:\n        - name: depth"
"""The same with an input parameter `depth`."""


def _indented(text: str, spaces: int) -> str:
    return "\n".join(" " * spaces + line if line else line for line in text.splitlines())


def example_container(more: str = "") -> str:
    """Return a container with further keys."""
    written = 'container:\n  image: docker.io/example/churn:1\n  command: ["/bin/sh", "-c"]\n  args: ["./train"]'
    return f"{written}\n{_indented(more, 2)}" if more else written


def steps(more: str = "", *, template: str = TRAIN, called: str = "train") -> str:
    """Return a workflow with one step that runs `train`, and further keys of that step."""
    step = f"      - - name: first\n          template: {called}" if called else "      - - name: first"
    if more:
        step += "\n" + _indented(more, 10)
    return f"spec:\n  entrypoint: main\n  templates:\n  - name: main\n    steps:\n{step}\n{template}"


def dag(first: str = "", second: str = "") -> str:
    """Return a workflow with two tasks that run `train`, and further keys of them."""
    tasks = "".join(
        f"\n        - name: {name}\n          template: train" + ("\n" + _indented(more, 10) if more else "")
        for name, more in (("first", first), ("second", second))
    )
    return f"spec:\n  entrypoint: main\n  templates:\n  - name: main\n    dag:\n      tasks:{tasks}\n{TRAIN}"


def example_argument(value: str = "") -> str:
    """Return arguments with a parameter `depth`, with or without a value."""
    return "arguments:\n  parameters:\n    - name: depth" + (f"\n      value: {value}" if value else "")


def with_args(args: str, inputs: str = "") -> str:
    """Return a workflow with a parameter DEPTH whose only container has the given arguments."""
    return (
        "spec:\n  entrypoint: train\n  arguments:\n    parameters:\n      - name: DEPTH\n        value: '3'\n"
        "  templates:\n  - name: train\n"
        + (_indented(inputs, 4) + "\n" if inputs else "")
        + "    container:\n"
        + _COMMAND.format(args)
    )


def two_steps(value: str, more: str = "") -> str:
    """Return a workflow in which the step `train` gets a value for its parameter `rows`."""
    return (
        "spec:\n  entrypoint: main\n  templates:\n  - name: main\n    steps:\n"
        "      - - name: prepare\n          template: prepare\n"
        "      - - name: train\n          template: train\n"
        + (_indented(more, 10) + "\n" if more else "")
        + "          arguments:\n            parameters:\n              - name: rows\n"
        + f'                value: "{value}"\n'
        "  - name: prepare\n    outputs:\n      parameters:\n        - name: rows\n          valueFrom:\n"
        "            path: /app/rows\n    container:\n"
        + _COMMAND.format("./prepare")
        + "\n  - name: train\n    inputs:\n      parameters:\n        - name: rows\n    container:\n"
        + _COMMAND.format("./train")
    )


def serving() -> str:
    """Return the specification of a ServingTemplate."""
    return (
        'spec:\n  inputs:\n    parameters:\n      - name: replicas\n        default: "2"\n'
        "    artifacts:\n      - name: churnmodel\n"
        "  template:\n    apiVersion: serving.kserve.io/v1beta1\n    metadata:\n      labels: |\n"
        "        ai.sap.com/resourcePlan: starter\n"
        "    spec: |\n      predictor:\n        minReplicas: 1\n        maxReplicas: {{inputs.parameters.replicas}}\n"
        "        containers:\n          - name: kserve-container\n            image: docker.io/example/serve:1\n"
        '            env:\n              - name: STORAGE_URI\n                value: "{{inputs.artifacts.churnmodel}}"'
    )
