"""Expressions in workflows: in tags, outputs, retries; each with its failing twin."""

from __future__ import annotations

import pytest

from tests.running.walking.scripted_pods import BREAKS, FAILS, left, prints, walked

FLIP = """
    entrypoint: all
    templates:
      - name: all
        dag:
          tasks:
            - {name: flip-coin, template: flip}
            - {name: heads, template: side, depends: flip-coin, when: "{{tasks.flip-coin.outputs.result}} == heads"}
            - {name: tails, template: side, depends: flip-coin, when: "{{tasks.flip-coin.outputs.result}} == tails"}
        outputs:
          parameters:
            - name: side
              valueFrom:
                expression: >-
                  tasks['flip-coin'].outputs.result == 'heads' ? tasks.heads.outputs.parameters.said
                  : tasks.tails.outputs.parameters.said
          artifacts:
            - name: coin
              fromExpression: >-
                tasks['flip-coin'].outputs.result == 'heads' ? tasks.heads.outputs.artifacts.coin
                : tasks.tails.outputs.artifacts.coin
      - name: flip
        container: {image: i, command: [sh]}
      - name: side
        outputs:
          parameters: [{name: said, valueFrom: {path: /said}}]
          artifacts: [{name: coin, path: /coin}]
        container: {image: i, command: [sh], args: ["{{tasks.name}}"]}
"""


@pytest.mark.parametrize("side", ["heads", "tails"])
def test_outputs_of_the_branch_that_ran(side: str) -> None:
    run = walked(FLIP, {"wf.flip-coin": prints(side), f"wf.{side}": prints("", said=f"it was {side}")})
    assert run.end == ("COMPLETED", "Succeeded", "")
    outputs = run.node("wf").outputs
    assert outputs.parameters == {"side": f"it was {side}"}
    assert outputs.artifacts["coin"] == run.node(f"wf.{side}").outputs.artifacts["coin"]


def test_outputs_of_no_branch() -> None:
    run = walked(FLIP, {"wf.flip-coin": prints("edge")})
    assert run.outcome.status == "DEAD"
    assert run.outcome.phase == "Error"
    assert run.outcome.message.endswith(": cannot fetch parameters from <nil>")


TAGS = """
    entrypoint: all
    arguments: {parameters: [{name: numbers, value: "[1, 2, 3]"}, {name: least, value: "1"}]}
    templates:
      - name: all
        steps:
          - - name: each
              template: work
              withParam: "{{=toJson(filter(jsonpath(workflow.parameters.numbers, '$'), {# > asInt(LEAST)}))}}"
              arguments: {parameters: [{name: number, value: "{{=asInt(item) * 10}}"}]}
          - - name: last
              template: work
              when: "{{=steps.each.status == 'Succeeded' && asInt(workflow.parameters.least) < 2}}"
              arguments: {parameters: [{name: number, value: "{{=steps.each.outputs.parameters.left ?? 'none'}}"}]}
      - name: work
        inputs:
          parameters:
            - {name: number}
            - {name: twice, value: "{{=asInt(workflow.parameters.least) * 2}}"}
        outputs: {parameters: [{name: left, valueFrom: {path: /left}}]}
        container:
          image: i
          command: [sh]
          args: ["{{=inputs.parameters.number + '/' + inputs.parameters.twice + '/' + workflow.name}}", "{{=[1, 'a']}}"]
          env: [{name: JINJA, value: "{{= no }}"}]
"""


def test_expressions_in_tags() -> None:
    spec = TAGS.replace("LEAST", "workflow.parameters.least").replace('env: [{name: JINJA, value: "{{= no }}"}]', "")
    run = walked(spec)
    assert run.end == ("COMPLETED", "Succeeded", "")
    assert [pod.args for pod in run.pods.started] == [
        ("20/2/wf", "[1 a]"),
        ("30/2/wf", "[1 a]"),
        ('["left","left"]/2/wf', "[1 a]"),
    ]


def test_an_expression_without_a_value_stays_where_argo_lets_it_stay() -> None:
    """In a list of items it is an error."""
    spec = TAGS.replace("LEAST", "workflow.name").replace('env: [{name: JINJA, value: "{{= no }}"}]', "")
    run = walked(spec)
    assert run.outcome.status == "DEAD"
    assert run.outcome.message.startswith("withParam value could not be parsed as a JSON list: {{=toJson(")


RETRIED = """
    entrypoint: train
    templates:
      - name: train
        retryStrategy: {{limit: 3, expression: "{expression}"}}
        container:
          image: i
          command: [sh]
          args: ["{{{{=retries + ':' + lastRetry.exitCode + ':' + lastRetry.status}}}}"]
"""


@pytest.mark.parametrize(
    ("expression", "attempts", "message"),
    [
        ("asInt(lastRetry.exitCode) == 1", 3, ""),
        ("lastRetry.status != 'Error'", 2, "retryStrategy.expression evaluated to false"),
        ("asInt(retries) < 1", 2, "retryStrategy.expression evaluated to false"),
        ("lastRetry.message matches 'exit code 2'", 1, "retryStrategy.expression evaluated to false"),
        ("retries", 1, "failed to evaluate expression 'retries': expected bool, but got 0"),
        ("asInt(lastRetry.status) == 1", 1, "asInt: invalid literal for int() with base 10: 'Failed'"),
    ],
)
def test_attempts_by_an_expression(expression: str, attempts: int, message: str) -> None:
    second = FAILS if attempts == 3 else BREAKS
    run = walked(RETRIED.format(expression=expression), {"wf(0)": FAILS, "wf(1)": second, "wf(2)": left})
    assert len(run.pods.started) == attempts
    assert run.outcome.message.endswith(message)
    assert run.outcome.status == ("COMPLETED" if not message else "DEAD")
    assert [pod.args for pod in run.pods.started][:2] == [("0:0:",), ("1:1:Failed",)][:attempts]


def test_a_transient_error() -> None:
    spec = RETRIED.format(expression="true").replace('expression: "true"', "retryPolicy: OnTransientError")
    assert len(walked(spec, {"wf(0)": FAILS}).pods.started) == 1
    reset = FAILS.__class__("Error", "read: connection reset by peer")
    assert len(walked(spec, {"wf(0)": reset}).pods.started) == 2
