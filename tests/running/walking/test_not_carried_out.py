"""What is not carried out is refused before anything starts, all of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_aicore.errors import WorkflowError
from pytest_aicore.running.pods import Stored
from tests.running.walking.scripted_pods import Walked, walked

BEGIN = (
    "wf.yaml cannot be carried out on this machine, so nothing was started. Change these places, or run it on AI Core:"
)

WAITS = "without a `duration` waits for a person, which is not carried out on this machine."


def refused(spec: str) -> list[str]:
    """Return why a workflow is refused.

    Args:
        spec: the YAML of its specification.
    """
    with pytest.raises(WorkflowError) as error:
        Walked(spec)
    first, *others = str(error.value).splitlines()
    assert first == BEGIN
    return [line.removeprefix("  ") for line in others]


def test_all_refusals_at_once() -> None:
    assert refused(
        """
        entrypoint: all
        hooks: {running: {template: work}}
        templates:
          - name: all
            steps:
              - - {name: a, template: work, onExit: work, withItems: [1]}
              - - {name: b, template: wait}
          - name: work
            sidecars: [{name: s, image: i}]
            container:
              image: i
              command: [sh]
              args: ["{{=1 +}} {{=foo + 1}} {{steps.name}} {{workflow.priority}} {{jinja}}"]
              lifecycle: {preStop: {exec: {command: [sh]}}}
          - name: wait
            suspend: {}
          - name: not-reached
            suspend: {}
        """
    ) == [
        "wf.yaml:7:20: The hook `running` needs an `expression`.",
        "wf.yaml:14:7: `template.sidecars` is not carried out on this machine.",
        "wf.yaml:18:16: The expression `{{=1 +}}` is not carried out on this machine: a value is missing at the end.",
        "wf.yaml:18:16: The expression `{{=foo + 1}}` is not carried out on this machine: nothing is called `foo`.",
        "wf.yaml:18:16: The tag `{{workflow.priority}}` is not replaced on this machine.",
        "wf.yaml:19:9: `template.container.lifecycle` is not carried out on this machine.",
        f"wf.yaml:21:7: `template.suspend` {WAITS}",
    ]


def container(line: str) -> str:
    """Return a workflow with one container.

    Args:
        line: of its template, beside name and container.
    """
    return f"""
    entrypoint: train
    templates:
      - name: train
        {line}
        container: {{image: i, command: [sh]}}
    """


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("daemon: true", "template.daemon"),
        ("hostAliases: [{ip: 10.0.0.1, hostnames: [a]}]", "template.hostAliases"),
        ("synchronization: {mutex: {name: m, database: true}}", "template.synchronization.mutex.database"),
        ("initContainers: [{name: s, image: i}]", "template.initContainers"),
        (
            "inputs: {artifacts: [{name: d, path: /d, subPath: x, raw: {data: text}}]}",
            "template.inputs.artifacts.subPath",
        ),
        ("outputs: {artifacts: [{name: d, path: /d, plugin: {key: k}}]}", "template.outputs.artifacts.plugin"),
        ("podSpecPatch: '{}'", "template.podSpecPatch"),
        ("volumes: [{name: v, hostPath: {path: /}}]", "template.volumes.hostPath"),
    ],
)
def test_what_is_refused(line: str, what: str) -> None:
    refusals = refused(container(line))
    assert [refusal.partition(": ")[2] for refusal in refusals] == [f"`{what}` is not carried out on this machine."]


@pytest.mark.parametrize(
    ("artifact", "kind"),
    [
        ("http: {url: 'https://me:secret@example.com/data.csv'}", "http"),
        ("git: {repo: https://github.com/me/code.git}", "git"),
        ("s3: {key: k, bucket: b, endpoint: s3.amazonaws.com}", "s3"),
        ("gcs: {key: k, bucket: b}", "gcs"),
    ],
)
def test_what_is_read_from_a_place_to_which_nothing_is_written(artifact: str, kind: str) -> None:
    """Unless something is bound to it, or it may be missing."""
    spec = container(f"inputs: {{artifacts: [{{name: d, path: /d, {artifact}}}]}}")
    (refusal,) = refused(spec)
    what = f"The artifact `d` is read from `{kind}`, which is not asked on this machine."
    assert refusal.partition(": ")[2] == f"{what} Bind a file or folder instead: --artifact d=PATH."
    stored = Stored(Path("/data"))
    assert walked(spec, artifacts={"d": stored}).pods.started[0].artifacts_in[0].source == stored
    assert walked(spec.replace("path: /d", "path: /d, optional: true")).outcome.status == "COMPLETED"


def test_a_place_of_which_another_one_is_written() -> None:
    """Where placeholders name it, nothing but the run can tell."""
    spec = """
        entrypoint: all
        arguments: {parameters: [{name: k, value: one}]}
        templates:
          - name: all
            steps: [[{name: a, template: write}], [{name: b, template: read}]]
          - name: write
            outputs: {artifacts: [{name: d, path: /d, s3: {key: WRITTEN}}]}
            container: {image: i, command: [sh]}
          - name: read
            inputs: {artifacts: [{name: d, path: /d, s3: {key: two}}]}
            container: {image: i, command: [sh]}
        """
    (refusal,) = refused(spec.replace("WRITTEN", "one"))
    assert refusal.startswith("wf.yaml:15:52: The artifact `d` is read from `s3`, which is not asked on this machine.")
    run = walked(spec.replace("WRITTEN", '"{{workflow.parameters.k}}"'))
    assert run.node("wf[1].b").phase == "Error"
    assert run.node("wf[1].b").message == "artifact d failed to load: no step of this run has written to its place"
    assert walked(spec.replace("WRITTEN", '"{{workflow.parameters.k}}"').replace("one", "two")).outcome.status == (
        "COMPLETED"
    )


def test_a_part_of_a_claimed_volume() -> None:
    (refusal,) = refused(
        """
        entrypoint: train
        volumeClaimTemplates: [{metadata: {name: work}, spec: {accessModes: [ReadWriteOnce]}}]
        templates:
          - name: train
            container: {image: i, command: [sh], volumeMounts: [{name: work, mountPath: /w, subPath: a}]}
        """
    )
    reason = "`subPath` of a volume of `volumeClaimTemplates` is not carried out on this machine."
    assert refusal == f"wf.yaml:10:87: {reason}"


@pytest.mark.parametrize(
    ("spec", "refusal"),
    [
        (
            "entrypoint: all\ntemplates: [null]",
            "6:3: `spec.entrypoint` names the template `all`, which does not exist.",
        ),
        ("entrypoint: all\ntemplates:", "6:3: `spec.entrypoint` names the template `all`, which does not exist."),
        (
            "entrypoint: all\ntemplates: [{name: all, steps: [[null]]}]",
            "7:36: Each item of `template.steps` has to be a map with a `name`.",
        ),
        (
            "entrypoint: all\ntemplates: [{name: all, steps: [[{name: null, template: all, when: 1 == 2}]]}]",
            "7:36: Each item of `template.steps` has to be a map with a `name`.",
        ),
        (
            "entrypoint: all\ntemplates: [{name: all, steps: [[{name: a, template: ''}]]}]",
            "7:36: The step `a` runs the template ``, which does not exist.",
        ),
        ("entrypoint: all\ntemplates: [{name: all, dag: {}}]", "7:27: `template.dag` needs `tasks`."),
        (
            "entrypoint: all\ntemplates: [{name: all, dag: {tasks: [null]}}]",
            "7:41: Each item of `template.dag.tasks` has to be a map with a `name`.",
        ),
        (
            "entrypoint: all\ntemplates: [{name: all, dag: {tasks: [{name: a, template: all, dependencies: [null]}]}}]",
            "7:81: Each item of `template.dag.tasks.dependencies` has to be a single value.",
        ),
        (
            "entrypoint: all\ntemplates: [{name: all, container: {image: i, command: [sh], args: [null]}}]",
            "7:71: Each item of `template.container.args` has to be a single value.",
        ),
        ("workflowTemplateRef: null", "5:1: `spec.entrypoint` names the template ``, which does not exist."),
    ],
)
def test_what_is_missing(spec: str, refusal: str) -> None:
    """What Argo's own validation, or its reading of YAML, would not let through, and no rule of the checks reports."""
    assert f"wf.yaml:{refusal}" in refused(spec)


def test_names_that_are_not_known_before() -> None:
    assert refused(
        """
        entrypoint: "{{workflow.parameters.begin}}"
        onExit: "{{workflow.name}}"
        arguments: {parameters: [{name: begin, value: work}]}
        templates:
          - name: all
            steps: [[{name: a, template: "{{workflow.name}}"}]]
          - name: work
            container: {image: i, command: [sh]}
        """
    ) == [
        "wf.yaml:6:15: `entrypoint` is a placeholder, so nothing says before what it names.",
        "wf.yaml:7:11: `onExit` is a placeholder, so nothing says before what it names.",
        "wf.yaml:11:36: `template` is a placeholder, so nothing says before what it names.",
    ]


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("asInt(lastRetry.exitCode) >", "a value is missing at the end."),
        ("asInteger(lastRetry.exitCode) > 1", "the function `asInteger` is not known here. Did you mean 'asInt'?"),
        ("lastTry.exitCode == '1'", "nothing is called `lastTry`."),
    ],
)
def test_an_expression_that_has_no_value_here(expression: str, why: str) -> None:
    (refusal,) = refused(container(f'retryStrategy: {{limit: 1, expression: "{expression}"}}'))
    assert refusal == f"wf.yaml:9:45: The expression `{expression}` is not carried out on this machine: {why}"


def test_what_argo_refuses_is_refused_with_the_rule() -> None:
    (refusal,) = refused(
        """
        entrypoint: all
        templates:
          - name: all
            steps: [[{name: a, template: wrk}]]
          - name: work
            container: {image: i, command: [sh]}
        """
    )
    assert refusal.startswith("wf.yaml:9:36: ")
    assert "`template` names the unknown template `wrk`" in refusal
    assert refusal.endswith("(AIC208)")


def test_an_artifact_whose_name_would_leave_its_folder() -> None:
    run = walked(
        """
        entrypoint: train
        arguments: {parameters: [{name: where, value: ../../x}]}
        templates:
          - name: train
            outputs: {artifacts: [{name: "{{workflow.parameters.where}}", path: /a}]}
            container: {image: i, command: [sh]}
        """
    )
    reason = "invalid artifact name '../../x': expected letters, digits, hyphens and underscores"
    assert run.end == ("DEAD", "Error", reason)
    assert run.pods.started == []


def test_what_is_for_a_cluster_alone_is_no_obstacle() -> None:
    run = walked(
        """
        entrypoint: train
        serviceAccountName: me
        imagePullSecrets: [{name: s}]
        ttlStrategy: {secondsAfterCompletion: 5}
        nodeSelector: {gpu: "yes"}
        volumes: [{name: v, emptyDir: {}}]
        templates:
          - name: train
            metadata: {labels: {ai.sap.com/resourcePlan: starter}}
            tolerations: []
            container:
              image: i
              imagePullPolicy: Always
              command: [sh]
              resources: {limits: {memory: 1Gi}}
              volumeMounts: [{name: v, mountPath: /scratch}]
        """
    )
    assert run.outcome.status == "COMPLETED"
    assert run.pods.started[0].empty_dirs == ("/scratch",)
