"""Templates that stand elsewhere: inline in a step, in other WorkflowTemplates, or in the defaults of all."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.errors import WorkflowError
from pytest_aicore.running.walking.walk import Walk
from pytest_aicore.running.workflow import read_workflow
from tests.running.walking.scripted_pods import FAILS, HANGS, NAME, ScriptedPods, walked

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_aicore.running.pods import Ended

INLINE = """
    entrypoint: all
    templates:
      - name: all
        inputs: {parameters: [{name: depth, value: "5"}]}
        steps:
          - - name: a
              withItems: [x, z]
              inline: {container: {image: i, command: [sh], args: ["{{item}} {{inputs.parameters.depth}}"]}}
          - - name: b
              arguments: {parameters: [{name: said, value: hello}]}
              inline:
                inputs: {parameters: [{name: said}]}
                dag: {tasks: [{name: c, template: leaf, arguments: {parameters: [
                  {name: said, value: "{{inputs.parameters.said}}"}]}}]}
      - name: leaf
        inputs: {parameters: [{name: said}]}
        container: {image: i, command: [sh], args: ["{{inputs.parameters.said}}"]}
"""


def test_inline_templates() -> None:
    run = walked(INLINE)
    assert run.end == ("COMPLETED", "Succeeded", "")
    assert [(pod.node, pod.args) for pod in run.pods.started] == [
        ("wf[0].a(0:x)", ("x 5",)),
        ("wf[0].a(1:z)", ("z 5",)),
        ("wf[1].b.c", ("hello",)),
    ]
    assert run.node("wf[0].a(0:x)").template == ""
    assert run.pods.started[0].name == run.node("wf[0].a(0:x)").id


def test_an_inline_template_that_fails() -> None:
    assert walked(INLINE, {"wf[1].b.c": FAILS}).outcome.status == "DEAD"


LIBRARY = """
    apiVersion: argoproj.io/v1alpha1
    kind: WorkflowTemplate
    metadata: {name: parts}
    spec:
      templates:
        - name: train
          steps: [[{name: really, template: leaf}]]
        - name: leaf
          container: {image: i, command: [sh], args: ["{{workflow.name}}"]}
        - name: waits
          suspend: {}
    ---
    apiVersion: argoproj.io/v1alpha1
    kind: ClusterWorkflowTemplate
    metadata: {name: others}
    spec:
      templates: [{name: leaf, container: {image: i, command: [sh], args: [other]}}]
"""
USER = """
    apiVersion: argoproj.io/v1alpha1
    kind: Workflow
    metadata: {name: wf}
    spec:
      entrypoint: all
      hooks: {exit: {templateRef: {name: others, template: leaf, clusterScope: true}}}
      templates:
        - name: all
          steps:
            - - {name: a, templateRef: {name: OBJECT, template: TEMPLATE}}
              - {name: b, template: leaf}
        - name: leaf
          container: {image: i, command: [sh], args: [own]}
"""


def written(folder: Path, template: str = "train", name: str = "parts") -> Walk:
    """Return a workflow in a folder with the templates that it names."""
    (folder / "parts.yaml").write_text(textwrap.dedent(LIBRARY))
    (folder / "broken.yaml").write_text("a: [")
    file = folder / "user.yaml"
    file.write_text(textwrap.dedent(USER).replace("OBJECT", name).replace("TEMPLATE", template))
    return Walk(read_workflow(file), NAME, ScriptedPods({}))


def test_templates_of_the_folder(tmp_path: Path) -> None:
    outcome = written(tmp_path).run()
    assert (outcome.status, outcome.message) == ("COMPLETED", "")
    assert {node.name: node.template for node in outcome.nodes if node.type == "Pod"} == {
        "wf[0].a[0].really": "leaf",
        "wf[0].b": "leaf",
        "wf.onExit": "leaf",
    }


CALL = "user.yaml:11:13: The step `a` runs the template"
NOT_THERE = "which is not in the folder of this workflow."
NO_SUCH = "which has no such template."
WAITS = "without a `duration` waits for a person, which is not carried out on this machine."
FAILED_FAST = "template has failed or errored children and failFast enabled"


@pytest.mark.parametrize(
    ("name", "template", "reason"),
    [
        ("part", "train", f"{CALL} `train` of the WorkflowTemplate `part`, {NOT_THERE} Did you mean 'parts'?"),
        ("parts", "trains", f"{CALL} `trains` of the WorkflowTemplate `parts`, {NO_SUCH} Did you mean 'train'?"),
        ("parts", "waits", f"parts.yaml:12:7: `template.suspend` {WAITS}"),
    ],
)
def test_a_template_that_cannot_be_had(tmp_path: Path, name: str, template: str, reason: str) -> None:
    with pytest.raises(WorkflowError) as error:
        written(tmp_path, template, name)
    assert str(error.value).splitlines()[1].endswith(reason)


def test_defaults_of_containers() -> None:
    run = walked(
        """
        entrypoint: all
        templateDefaults:
          container: {image: usual, command: [sh], env: [{name: A, value: a}, {name: B, value: b}]}
        templates:
          - name: all
            steps: [[{name: c, template: train}, {name: s, template: script}]]
          - name: train
            container: {env: [{name: B, value: own}]}
          - name: script
            script: {image: i, command: [sh], source: "true"}
        """
    )
    container, script = run.pods.started
    assert (container.image, container.env) == ("usual", {"B": "own", "A": "a"})
    assert (script.script, script.env) == ("true", {})


def test_a_container_without_an_image_anywhere() -> None:
    with pytest.raises(WorkflowError, match="This container has no `image`"):
        walked("entrypoint: train\ntemplates: [{name: train, container: {command: [sh]}}]")


LOCKED = """
    entrypoint: all
    activeDeadlineSeconds: 1
    templates:
      - name: all
        FAST
        steps: [[{name: a, template: work, withSequence: {count: 3}}]]
      - name: work
        synchronization: LOCKS
        container: {image: i, command: [sh]}
"""


@pytest.mark.parametrize(
    ("locks", "most"),
    [
        ("{mutex: {name: m}}", 1),
        ("{semaphore: {configMapKeyRef: {name: sizes, key: two}}}", 2),
        ("{mutexes: [{name: m}], semaphores: [{configMapKeyRef: {name: sizes, key: two}}]}", 1),
    ],
)
def test_locks(locks: str, most: int) -> None:
    """With pods that hang: only as many are started as may hold the lock, and the deadline ends them all."""
    spec = LOCKED.replace("LOCKS", locks).replace("FAST", "")
    run = walked(spec, {f"wf[0].a({n}:{n})": HANGS for n in range(3)}, config_maps={"sizes": {"two": "2"}})
    assert len(run.pods.started) == most
    assert run.end[:2] == ("DEAD", "Failed")


def test_locks_are_passed_on() -> None:
    assert walked(LOCKED.replace("LOCKS", "{mutex: {name: m}}").replace("FAST", "")).outcome.status == "COMPLETED"


def test_a_semaphore_without_a_size() -> None:
    run = walked(LOCKED.replace("LOCKS", "{semaphore: {configMapKeyRef: {name: s, key: k}}}").replace("FAST", ""))
    assert run.outcome.status == "DEAD"
    assert run.node("wf[0].a(0:0)").message == 'configmap "s" not found. Known ConfigMaps: none.'


@pytest.mark.parametrize("last", ["wf[0].a(0:0)", "wf[0].a(2:2)"])
def test_a_template_that_fails_fast_says_so(last: str) -> None:
    """Whichever of its children has failed: the next look at the template finds it (`checkParallelism`)."""
    spec = LOCKED.replace("synchronization: LOCKS", "").replace("FAST", "failFast: true")
    assert walked(spec, {last: FAILS}).end == ("DEAD", "Failed", FAILED_FAST)


def test_a_failed_attempt_fails_fast() -> None:
    spec = LOCKED.replace("synchronization: LOCKS", "retryStrategy: {limit: 1}").replace("FAST", "failFast: true")
    assert walked(spec, {"wf[0].a(1:1)(0)": FAILS}).end == ("DEAD", "Failed", FAILED_FAST)


def test_a_template_that_fails_fast() -> None:
    """Also where `continueOn` would let the flow go on."""
    spec = LOCKED.replace("synchronization: LOCKS", "").replace("FAST", "{parallelism: 1, failFast: true}"[1:-1])
    spec = spec.replace("parallelism: 1, failFast: true", "parallelism: 1\n        failFast: true")
    spec = spec.replace("count: 3}", "count: 3}, continueOn: {failed: true}")
    run = walked(spec, {"wf[0].a(0:0)": FAILS})
    assert run.pods.nodes == ["wf[0].a(0:0)"]
    assert run.end == ("DEAD", "Failed", FAILED_FAST)


TAGS = """
    entrypoint: train
    priority: 3
    workflowMetadata: {labels: {team: me}}
    templates:
      - name: train
        outputs: {parameters: [{name: fixed, value: "7"}]}
        container:
          image: i
          command: [sh]
          args:
            - "{{workflow.labels.team}} {{workflow.priority}}"
            - "{{workflow.namespace}} {{workflow.serviceAccountName}}"
"""


def test_tags_of_the_workflow() -> None:
    run = walked(TAGS)
    assert run.pods.started[0].args == ("me 3", "default default")
    assert run.node("wf").outputs.parameters == {"fixed": "7"}


@pytest.mark.parametrize("missing", ["priority: 3", "labels: {team: me}"])
def test_a_tag_of_what_the_workflow_has_not(missing: str) -> None:
    with pytest.raises(WorkflowError, match="is not replaced on this machine"):
        walked(TAGS.replace(missing, "labels: {}" if "team" in missing else ""))


def test_a_target_that_a_parameter_names() -> None:
    spec = """
    entrypoint: all
    arguments: {parameters: [{name: wanted, value: WANTED}]}
    templates:
      - name: all
        dag: {target: "{{workflow.parameters.wanted}}", tasks: [{name: a, template: work}, {name: b, template: work}]}
      - name: work
        container: {image: i, command: [sh]}
    """
    assert walked(spec.replace("WANTED", "b")).pods.nodes == ["wf.b"]
    assert walked(spec.replace("WANTED", "c")).end == ("DEAD", "Error", "target 'c' is not defined")


MEMOIZED = """
    entrypoint: all
    templates:
      - name: all
        steps: [[{name: a, template: work}], [{name: b, template: work}]]
      - name: work
        memoize: {key: "KEY", maxAge: AGE, cache: {configMap: {name: c}}}
        outputs: {parameters: [{name: x, globalName: z, valueFrom: {path: /x}}]}
        container: {image: i, command: [sh]}
"""


@pytest.mark.parametrize(
    ("age", "script", "started"),
    [
        ("1h", {}, ["wf[0].a"]),
        ("0s", {}, ["wf[0].a", "wf[1].b"]),
        ("1h", {"wf[0].a": FAILS}, ["wf[0].a"]),
    ],
)
def test_what_is_remembered(age: str, script: dict[str, Ended], started: list[str]) -> None:
    """What has succeeded, until it is too old; what has failed ends the run as ever."""
    run = walked(MEMOIZED.replace("KEY", "k").replace("AGE", age), script)
    assert run.pods.nodes == started
    assert run.outcome.status == ("DEAD" if script else "COMPLETED")
    assert run.outcome.parameters == ({} if script else {"z": "x"})


def test_a_key_that_cannot_be_one() -> None:
    run = walked(MEMOIZED.replace("KEY", "a b").replace("AGE", "1h"))
    assert (run.node("wf[0].a").phase, run.node("wf[0].a").message) == ("Error", "invalid cache key: a b")
    assert run.outcome.status == "DEAD"


def test_a_deadline_ends_a_pause() -> None:
    run = walked(
        """
        entrypoint: all
        activeDeadlineSeconds: 1
        templates:
          - {name: all, steps: [[{name: a, template: wait}], [{name: b, template: wait}]]}
          - {name: wait, suspend: {duration: 1h}}
        """
    )
    assert run.end[:2] == ("DEAD", "Failed")
    assert run.node("wf[0].a").message == "Step exceeded its deadline"
