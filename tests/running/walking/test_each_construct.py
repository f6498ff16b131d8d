"""Each construct with real processes, on each engine: one workflow that succeeds by it, and one that fails."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pytest_aicore.running.local_pods import LocalPods
from pytest_aicore.running.walking.walk import Walk
from tests.running.walking.scripted_pods import NAME, workflow

if TYPE_CHECKING:
    from tests.running.pods_here import Here

pytestmark = pytest.mark.once

SECRETS = {"login": {"user": "me", "word": "do$(user)r"}}
CONFIG_MAPS = {"settings": {"depth": "5", "words": "a b", "price": "$(HOME)"}}


class Construct(NamedTuple):
    """A construct.

    Attributes:
        templates: the YAML of templates; the first one is the entrypoint. `CHECK` in it is a script of the shell.
        check: succeeds where the construct does what it should.
        twin: of a workflow that has to fail.
        top: of the specification.
    """

    templates: str
    check: str = "true"
    twin: str = "exit 3"
    top: str = ""


def script(more: str = "", of_template: str = "") -> str:
    """Return a template with the script that is checked.

    Args:
        more: of its script.
        of_template: more of the template.
    """
    head = f"- name: check\n{textwrap.indent(of_template, '  ')}\n  script:\n"
    return f"{head}    image: i\n    command: [sh]\n    source: CHECK\n{textwrap.indent(more, '    ')}\n"


CONSTRUCTS = {
    "configMapKeyRef": Construct(
        script("env: [{name: DEPTH, valueFrom: {configMapKeyRef: {name: settings, key: depth}}}]"),
        'test "$DEPTH" = 5',
        'test "$DEPTH" = 6',
    ),
    "configMapKeyRef of a parameter": Construct(
        script(), "test {{workflow.parameters.depth}} = 5", "test {{workflow.parameters.depth}} = 6",
        "arguments: {parameters: [{name: depth, valueFrom: {configMapKeyRef: {name: settings, key: depth}}}]}",
    ),
    "envFrom": Construct(
        script("envFrom: [{prefix: S_, configMapRef: {name: settings}}, {secretRef: {name: login}}]"),
        'test "$S_depth$user$S_price" = \'5me$(HOME)\'',
        'test -z "$user"',
    ),
    "volumes of ConfigMaps and secrets": Construct(
        script(
            "volumeMounts:\n- {name: c, mountPath: /conf}\n- {name: s, mountPath: /keys, readOnly: true}\n"
            "- {name: c, mountPath: /one/depth.txt, subPath: depth}",
            "volumes:\n- {name: c, configMap: {name: settings, items: [{key: depth, path: depth}]}}\n"
            "- {name: s, secret: {secretName: login, defaultMode: 256}}",
        ),
        "cat /conf/depth /one/depth.txt /keys/user | grep 55me && test $(ls /conf) = depth",
        "cat /conf/words",
    ),
    "an expression": Construct(
        "- name: all\n  steps:\n  - - name: a\n      template: check\n"
        "      arguments: {parameters: [{name: x, value: \"{{=asInt('2') * 21}}\"}]}\n"
        + script(of_template="inputs: {parameters: [{name: x}]}"),
        "test {{inputs.parameters.x}} = 42",
        "test {{inputs.parameters.x}} = 41",
    ),
    "retryStrategy.expression": Construct(
        script(of_template="retryStrategy: {limit: 2, expression: asInt(lastRetry.exitCode) == 7}"),
        "test {{retries}} = 1 || exit 7",
        "test {{retries}} = 1 || exit 8",
    ),
    "an inline template": Construct(
        "- name: all\n  steps:\n  - - name: a\n      inline:\n        script:\n          image: i\n"
        "          command: [sh]\n          source: \"IN_LINE\"\n",
    ),
    "hooks": Construct(
        "- name: all\n  steps:\n  - - name: a\n      template: check\n"
        "      hooks: {beside: {template: mark, expression: steps.a.status == 'Running'}, exit: {template: mark}}\n"
        "- {name: mark, container: {image: i, command: [\"true\"]}}\n" + script(),
    ),
    "a mutex": Construct(script(of_template="synchronization: {mutex: {name: m}}")),
    "templateDefaults": Construct(
        script(), "test $A = a", "test $A = b", "templateDefaults: {script: {env: [{name: A, value: a}]}}"
    ),
    "a container set": Construct(
        "- name: set\n  volumes: [{name: shared, emptyDir: {}}]\n  containerSet:\n"
        "    volumeMounts: [{name: shared, mountPath: /shared}]\n    containers:\n"
        "    - {name: main, image: i, command: [sh, -c, \"IN_LINE\"], dependencies: [b]}\n"
        "    - {name: a, image: i, command: [sh, -c, \"echo 1 > /shared/a\"]}\n"
        "    - {name: b, image: i, command: [sh, -c, \"cat /shared/a > /shared/b\"], dependencies: [a]}\n"
        "  outputs: {parameters: [{name: left, valueFrom: {path: /shared/c}}]}\n",
        "cat /shared/b > /shared/c",
        "cat /shared/no > /shared/c",
    ),
    "a container set, of which one fails": Construct(
        "- name: set\n  containerSet:\n    containers:\n"
        "    - {name: a, image: i, command: [sh, -c, \"IN_LINE\"]}\n"
        "    - {name: main, image: i, command: [\"true\"], dependencies: [a]}\n",
    ),
    "subPath of an artifact": Construct(
        "- name: all\n  steps:\n  - - {name: a, template: make}\n  - - name: b\n      template: check\n"
        "      arguments: {artifacts: [{name: f, subPath: d/f, from: \"{{steps.a.outputs.artifacts.d}}\"}]}\n"
        "- name: make\n  container: {image: i, command: [sh, -c, mkdir -p /var/tmp/o/d; echo 1 > /var/tmp/o/d/f]}\n"
        "  outputs: {artifacts: [{name: d, path: /var/tmp/o, archive: {none: {}}}]}\n"
        + script(of_template="inputs: {artifacts: [{name: f, path: /var/tmp/in}]}"),
        "test $(cat /var/tmp/in) = 1",
        "test -d /var/tmp/in",
    ),
    "a place in S3": Construct(
        "- name: all\n  steps:\n  - - {name: a, template: make}\n  - - {name: b, template: check}\n"
        "- name: make\n  container: {image: i, command: [sh, -c, echo 1 > /var/tmp/o]}\n"
        "  outputs: {artifacts: [{name: o, path: /var/tmp/o, s3: {key: my/key}}]}\n"
        + script(of_template="inputs: {artifacts: [{name: f, path: /var/tmp/in, s3: {key: my/key}}]}"),
        "test $(cat /var/tmp/in) = 1",
        "test $(cat /var/tmp/in) = 2",
    ),
    "volumeClaimTemplates": Construct(
        "- name: all\n  steps:\n  - - {name: a, template: make}\n  - - {name: b, template: set}\n"
        "  - - {name: c, template: check}\n"
        "- name: make\n  container: {image: i, command: [sh, -c, echo 1 > /vol/f], volumeMounts: [{name: v, "
        "mountPath: /vol}]}\n"
        "- name: set\n  containerSet:\n    volumeMounts: [{name: v, mountPath: /set}]\n    containers:\n"
        "    - {name: x, image: i, command: [sh, -c, echo 2 >> /set/f]}\n"
        + script("volumeMounts: [{name: v, mountPath: /other}]"),
        "test $(cat /other/f | tr -d '\\n') = 12",
        "cat /vol/f",
        "volumeClaimTemplates: [{metadata: {name: v}, spec: {accessModes: [ReadWriteOnce]}}]",
    ),
    "suspend": Construct(
        "- name: all\n  steps:\n  - - {name: a, template: wait}\n  - - {name: b, template: check}\n"
        "- {name: wait, suspend: {duration: 10ms}}\n" + script(),
    ),
    "memoize": Construct(
        "- name: all\n  steps:\n  - - {name: a, template: once}\n  - - {name: b, template: once}\n  - - name: c\n"
        "      template: check\n      arguments: {parameters: [{name: x, value: \"{{steps.b.outputs.parameters.x}}\"},"
        " {name: before, value: \"{{steps.a.outputs.parameters.x}}\"}]}\n"
        "- name: once\n  memoize: {key: k, maxAge: 1h, cache: {configMap: {name: c}}}\n"
        "  container: {image: i, command: [sh, -c, \"cat /proc/sys/kernel/random/uuid > /var/tmp/x\"]}\n"
        "  outputs: {parameters: [{name: x, valueFrom: {path: /var/tmp/x}}]}\n"
        + script(of_template="inputs: {parameters: [{name: x}, {name: before}]}"),
        "test {{inputs.parameters.x}} = {{inputs.parameters.before}}",
        "test {{inputs.parameters.x}} != {{inputs.parameters.before}}",
    ),
    "recurseMode": Construct(
        "- name: all\n  steps:\n  - - {name: a, template: make}\n  - - name: b\n      template: check\n"
        "      arguments: {artifacts: [{name: d, from: \"{{steps.a.outputs.artifacts.d}}\"}]}\n"
        "- name: make\n  container: {image: i, command: [sh, -c, mkdir /var/tmp/d; echo 1 > /var/tmp/d/f]}\n"
        "  outputs: {artifacts: [{name: d, path: /var/tmp/d}]}\n"
        + script(of_template="inputs: {artifacts: [{name: d, path: /var/tmp/in, mode: 493, recurseMode: true}]}"),
        "test -x {{inputs.artifacts.d.path}}/f",
        "test ! -x {{inputs.artifacts.d.path}}/f",
    ),
}  # fmt: skip


def ended(here: Here, construct: Construct, check: str) -> tuple[str, str]:
    """Return how a workflow with a construct ended.

    Args:
        here: the engine.
        construct: the construct.
        check: the script in its place.
    """
    source = "|\n" + textwrap.indent(check, " " * 6)
    templates = construct.templates.replace("IN_LINE", check).replace("CHECK", source)
    entrypoint = templates.split("name: ", 1)[1].split("\n", 1)[0]
    spec = f"entrypoint: {entrypoint}\n{construct.top}\ntemplates:\n{templates}"
    here.options["secrets"] = SECRETS
    pods = LocalPods(here.settings())
    try:
        outcome = Walk(workflow(spec), NAME, pods, config_maps=CONFIG_MAPS).run()
    finally:
        pods.close()
    return outcome.status, outcome.message


@pytest.mark.parametrize("construct", CONSTRUCTS.values(), ids=CONSTRUCTS)
def test_a_construct(here: Here, construct: Construct) -> None:
    assert ended(here, construct, construct.check) == ("COMPLETED", "")


@pytest.mark.parametrize("construct", CONSTRUCTS.values(), ids=CONSTRUCTS)
def test_its_twin_that_fails(here: Here, construct: Construct) -> None:
    assert ended(here, construct, construct.twin)[0] == "DEAD"
