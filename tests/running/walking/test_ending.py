"""Retries, deadlines, a stop, the exit handler: what ends a run, and how."""

from __future__ import annotations

import json
import threading
import time

import pytest

from pytest_aicore.running.pods import Ended
from tests.running.walking.scripted_pods import BREAKS, FAILS, HANGS, Walked, prints, walked


def retried(strategy: str, more: str = "") -> str:
    """Return the specification of a workflow with one container.

    Args:
        strategy: its `retryStrategy`.
        more: of the specification.
    """
    return f"""
    entrypoint: train
    {more}
    templates:
      - name: train
        retryStrategy: {strategy}
        outputs: {{artifacts: [{{name: model, path: /model, globalName: model}}]}}
        container: {{image: i, command: [sh], args: ["{{{{retries}}}} {{{{pod.name}}}}"]}}
"""


def test_the_second_attempt_succeeds() -> None:
    run = walked(retried("{limit: 2}"), {"wf(0)": FAILS})
    assert run.end == ("COMPLETED", "Succeeded", "")
    assert [(node.name, node.type, node.phase) for node in run.outcome.nodes] == [
        ("wf", "Retry", "Succeeded"),
        ("wf(0)", "Pod", "Failed"),
        ("wf(1)", "Pod", "Succeeded"),
    ]
    first, second = run.pods.started
    assert (first.args, second.args) == ((f"0 {first.name}",), (f"1 {second.name}",))
    assert first.name == "wf-train-" + run.node("wf(0)").id.removeprefix("wf-")
    assert list(run.outcome.artifacts) == ["model"]


def test_no_attempt_succeeds() -> None:
    run = walked(retried('{limit: "1"}'), {"wf(0)": FAILS, "wf(1)": FAILS})
    assert run.end == ("DEAD", "Failed", "No more retries left")
    assert run.pods.nodes == ["wf(0)", "wf(1)"]


@pytest.mark.parametrize(
    ("policy", "how", "attempts"),
    [
        ("", FAILS, 2),
        ("", BREAKS, 1),
        (", retryPolicy: OnFailure", BREAKS, 1),
        (", retryPolicy: OnError", FAILS, 1),
        (", retryPolicy: OnError", BREAKS, 2),
        (", retryPolicy: Always", FAILS, 2),
        (", retryPolicy: Always", BREAKS, 2),
    ],
)
def test_policies(policy: str, how: Ended, attempts: int) -> None:
    run = walked(retried(f"{{limit: 1{policy}}}"), {"wf(0)": how, "wf(1)": how})
    assert len(run.pods.started) == attempts
    assert run.end == ("DEAD", how.phase, "No more retries left" if attempts == 2 else how.message)


def test_a_strategy_for_all_templates() -> None:
    run = walked(
        """
        entrypoint: all
        retryStrategy: {limit: 1}
        templates:
          - name: all
            steps: [[{name: a, template: work}]]
          - name: work
            container: {image: i, command: [sh]}
        """,
        {"wf(0)[0].a(0)": FAILS},
    )
    assert run.end == ("COMPLETED", "Succeeded", "")
    assert run.pods.nodes == ["wf(0)[0].a(0)", "wf(0)[0].a(1)"]
    assert run.node("wf").type == "Retry"
    assert run.node("wf(0)").type == "Steps"


def test_backoff() -> None:
    begin = time.monotonic()
    run = walked(
        retried('{limit: 2, backoff: {duration: "50ms", factor: 3}}'), dict.fromkeys(["wf(0)", "wf(1)"], FAILS)
    )
    assert run.outcome.status == "COMPLETED"
    assert time.monotonic() - begin > 0.2


@pytest.mark.parametrize(
    ("backoff", "message"),
    [
        ('{duration: "60", maxDuration: "10s"}', "Backoff would exceed max duration limit"),
        ('{duration: "{{workflow.name}}"}', 'time: invalid duration "wf"'),
        ("{factor: 2}", "no base duration specified for retryStrategy"),
    ],
)
def test_backoff_that_ends_the_attempts(backoff: str, message: str) -> None:
    run = walked(retried(f"{{limit: 5, backoff: {backoff}}}"), {"wf(0)": FAILS})
    assert (run.outcome.status, run.outcome.message) == ("DEAD", message)
    assert len(run.pods.started) == 1


def test_a_backoff_with_a_cap() -> None:
    begin = time.monotonic()
    backoff = '{duration: "10ms", factor: 1000, cap: "20ms"}'
    run = walked(retried(f"{{limit: 3, backoff: {backoff}}}"), dict.fromkeys(["wf(0)", "wf(1)", "wf(2)"], FAILS))
    assert run.outcome.status == "COMPLETED"
    assert 0.05 <= time.monotonic() - begin < 10


def test_defaults_of_all_templates() -> None:
    run = walked(
        """
        entrypoint: all
        templateDefaults:
          activeDeadlineSeconds: 20
          retryStrategy: {limit: 1, retryPolicy: Always}
        templates:
          - name: all
            retryStrategy: {limit: 0}
            steps: [[{name: a, template: short}, {name: b, template: usual}]]
          - name: short
            activeDeadlineSeconds: 5
            container: {image: i, command: [sh]}
          - name: usual
            container: {image: i, command: [sh]}
        """,
        {"wf(0)[0].a(0)": BREAKS},
    )
    assert run.end == ("COMPLETED", "Succeeded", "")
    assert [(pod.node, pod.deadline) for pod in run.pods.started] == [
        ("wf(0)[0].a(0)", 5.0),
        ("wf(0)[0].b(0)", 20.0),
        ("wf(0)[0].a(1)", 5.0),
    ]


ONE_AFTER_THE_OTHER = """
    entrypoint: all
    activeDeadlineSeconds: SECONDS
    templates:
      - name: all
        steps: [[{name: a, template: work}, {name: b, template: work}], [{name: c, template: work}]]
      - name: work
        activeDeadlineSeconds: "30"
        container: {image: i, command: [sh]}
"""


def test_the_deadline_of_the_workflow() -> None:
    run = walked(ONE_AFTER_THE_OTHER.replace("SECONDS", "1"), {"wf[0].b": HANGS})
    node = run.node("wf[0].b")
    assert run.end == ("DEAD", "Failed", f"child '{node.id}' failed")
    assert (node.phase, node.message) == ("Failed", "Step exceeded its deadline")
    assert run.pods.stopped == [(node.pod, "Step exceeded its deadline")]
    assert "wf[1].c" not in run.phases


def test_a_deadline_that_is_kept() -> None:
    run = walked(ONE_AFTER_THE_OTHER.replace("SECONDS", "60"))
    assert run.outcome.status == "COMPLETED"
    assert [pod.deadline for pod in run.pods.started] == [30.0, 30.0, 30.0]


def test_no_attempt_after_the_deadline() -> None:
    run = walked(retried("{}", "activeDeadlineSeconds: 1"), {"wf(0)": HANGS})
    assert run.end == ("DEAD", "Failed", "Step exceeded its deadline")
    assert len(run.pods.started) == 1


def test_the_deadline_ends_a_backoff() -> None:
    begin = time.monotonic()
    run = walked(retried('{limit: 3, backoff: {duration: "60"}}', "activeDeadlineSeconds: 1"), {"wf(0)": FAILS})
    assert run.end == ("DEAD", "Failed", "Step exceeded its deadline")
    assert run.pods.nodes == ["wf(0)"]
    assert time.monotonic() - begin < 30


def test_a_timeout_bounds_the_pod() -> None:
    run = walked(
        """
        entrypoint: train
        templates:
          - name: train
            timeout: 1m30s
            container: {image: i, command: [sh]}
        """
    )
    (pod,) = run.pods.started
    assert pod.deadline is not None
    assert 60 < pod.deadline <= 90


PARALLEL = """
    entrypoint: all
    PARALLELISM
    templates:
      - name: all
        OF_TEMPLATE
        steps: [[{name: a, template: work, withSequence: {count: 5}}]]
      - name: work
        TIMEOUT
        container: {image: i, command: [sh]}
"""


@pytest.mark.parametrize(
    ("key", "value"),
    [("PARALLELISM", "parallelism: 2"), ("OF_TEMPLATE", "parallelism: 2"), ("", "")],
)
def test_parallelism(key: str, value: str) -> None:
    spec = PARALLEL.replace(key, value) if key else PARALLEL
    for left in ("PARALLELISM", "OF_TEMPLATE", "TIMEOUT"):
        spec = spec.replace(left, "")
    run = Walked(spec, {f"wf[0].a({number}:{number})": HANGS for number in range(5)})
    most = []

    def end_one(_: object) -> None:
        most.append(len(run.pods.hanging))
        if len(run.pods.hanging) == (2 if key else 5):
            for name in list(run.pods.hanging):
                run.pods.hanging.pop(name)(Ended("Succeeded", exit_code=0))
        elif len(run.pods.started) == 5:
            run.pods.hanging.popitem()[1](Ended("Succeeded", exit_code=0))

    run.pods.on_start = end_one
    run.run()
    assert run.outcome.status == "COMPLETED"
    assert max(most) == (2 if key else 5)


def test_a_stop() -> None:
    run = Walked(ONE_AFTER_THE_OTHER.replace("SECONDS", "60"), {"wf[0].a": HANGS, "wf[0].b": HANGS})
    run.pods.on_start = lambda pod: run.walk.stop("no remaining test needs it") if pod.node == "wf[0].b" else None
    run.run()
    assert run.end == ("STOPPED", "Failed", f"child '{run.node('wf[0].a').id}' failed")
    assert {run.node(name).message for name in ("wf[0].a", "wf[0].b")} == {"no remaining test needs it"}
    assert len(run.pods.stopped) == 2


def test_a_stop_from_another_thread() -> None:
    run = Walked(retried("{}"), {"wf(0)": HANGS})
    threads: list[threading.Thread] = []

    def stop(_: object) -> None:
        threads.append(threading.Thread(target=run.walk.stop))
        threads[0].start()

    run.pods.on_start = stop
    run.run()
    threads[0].join()
    assert run.end == ("STOPPED", "Failed", "stopped")


def test_a_stop_before_it_begins() -> None:
    run = Walked(retried("{}"))
    run.walk.stop()
    run.run()
    assert run.end == ("STOPPED", "Failed", "stopped")
    assert run.pods.started == []


def test_a_stop_that_comes_too_late() -> None:
    run = Walked(retried("{}"))
    run.pods.on_start = lambda pod: run.walk.stop()
    run.run()
    assert run.end == ("COMPLETED", "Succeeded", "")
    run.walk.stop()


HANDLED = """
    entrypoint: train
    onExit: tell
    arguments: {parameters: [{name: who, value: me}]}
    templates:
      - name: train
        container: {image: i, command: [sh]}
      - name: tell
        inputs: {parameters: [{name: who}]}
        container: {image: i, command: [sh], args: ["{{workflow.status}} {{inputs.parameters.who}}"]}
"""


@pytest.mark.parametrize(
    ("main", "handler", "end"),
    [
        (None, None, ("COMPLETED", "Succeeded", "")),
        (FAILS, None, ("DEAD", "Failed", FAILS.message)),
        (FAILS, BREAKS, ("DEAD", "Failed", FAILS.message)),
        (None, BREAKS, ("DEAD", "Error", BREAKS.message)),
        (None, FAILS, ("DEAD", "Failed", FAILS.message)),
    ],
)
def test_an_exit_handler(main: Ended | None, handler: Ended | None, end: tuple[str, str, str]) -> None:
    script = {"wf": main or prints(""), "wf.onExit": handler or prints("")}
    run = walked(HANDLED, script)
    assert run.end == end
    assert run.pods.pod("wf.onExit").args == (f"{main.phase if main else 'Succeeded'} me",)


@pytest.mark.parametrize("how", [None, FAILS])
def test_an_exit_handler_that_reads_the_failures(how: Ended | None) -> None:
    spec = HANDLED.replace("{{workflow.status}} {{inputs.parameters.who}}", "{{workflow.failures}}")
    run = walked(spec, {"wf": how} if how else {})
    (text,) = run.pods.pod("wf.onExit").args or ()
    failures = json.loads(json.loads(text))
    if how is None:
        assert failures is None
        return
    (failure,) = failures
    finished = run.node("wf").finished
    assert finished is not None
    assert failure == {
        "displayName": "wf",
        "message": "Error (exit code 1)",
        "templateName": "train",
        "phase": "Failed",
        "podName": "wf",
        "finishedAt": finished.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


HOOKED = HANDLED.replace("onExit: tell", "hooks: {exit: {template: tell, ARGUMENTS}}").replace(
    "[{name: who}]", "[{name: who, default: nobody}]"
)
OWN = 'arguments: {parameters: [{name: who, value: "{{workflow.status}} you"}]}'


@pytest.mark.parametrize(("arguments", "said"), [("", "Failed me"), (OWN, "Failed Failed you")])
def test_an_exit_hook(arguments: str, said: str) -> None:
    run = walked(HOOKED.replace(", ARGUMENTS", f", {arguments}" if arguments else ""), {"wf": FAILS})
    assert run.end == ("DEAD", "Failed", FAILS.message)
    assert run.pods.pod("wf.onExit").args == (said,)


def test_an_exit_hook_that_fails() -> None:
    run = walked(HOOKED.replace(", ARGUMENTS", ""), {"wf.onExit": FAILS})
    assert run.end == ("DEAD", "Failed", FAILS.message)


def test_an_exit_handler_runs_after_a_deadline() -> None:
    run = walked(HANDLED.replace("onExit: tell", "onExit: tell\n    activeDeadlineSeconds: 1"), {"wf": HANGS})
    assert run.end == ("DEAD", "Failed", "Step exceeded its deadline")
    assert run.phases["wf.onExit"] == "Succeeded"


def test_an_exit_handler_does_not_run_after_a_stop() -> None:
    run = Walked(HANDLED, {"wf": HANGS})
    run.pods.on_start = lambda pod: run.walk.stop()
    run.run()
    assert run.end == ("STOPPED", "Failed", "stopped")
    assert run.phases == {"wf": "Failed"}


def test_templates_that_call_themselves_without_end() -> None:
    run = walked(
        """
        entrypoint: again
        templates:
          - name: again
            steps: [[{name: a, template: again, when: "{{workflow.name}} == wf"}]]
        """
    )
    assert run.outcome.status == "DEAD"
    deepest = run.outcome.nodes[-1]
    assert deepest.message == (
        "Maximum recursion depth exceeded. See https://argo-workflows.readthedocs.io/en/latest/scaling/"
    )


def test_pods_that_cannot_be_started() -> None:
    run = Walked(retried("{limit: 0}"))

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    run.pods.on_start = refuse
    run.pods._script = {"wf(0)": HANGS}
    run.run()
    assert run.end == ("DEAD", "Error", "the pod could not be started: can't start new thread")
