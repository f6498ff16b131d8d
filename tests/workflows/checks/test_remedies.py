"""A file that was repaired as a finding says has that finding no more, and no other one instead of it.

That is tried for each sentence of each rule: what it says literally is done as it is written, and what a reader makes
of the others is in `repairs.py`. A new sentence needs an entry there.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.workflows import checks
from pytest_aicore.workflows.checks import RULES, CheckOptions, Severity, check_document
from pytest_aicore.workflows.checks.words import nearest
from pytest_aicore.workflows.yaml import syntax
from tests.workflows.checks.mistakes import Planted
from tests.workflows.checks.planting import faultless, plantings
from tests.workflows.checks.repairs import repaired_as_told
from tests.workflows.checks.situations import MISTAKES
from tests.workflows.checks.test_messages_of_rules import CASES
from tests.workflows.checks.test_messages_of_rules import document_of as document_of_case
from tests.workflows.checks.test_remedies_of_folders import REMEDIES
from tests.workflows.checks.test_rule_examples import EXAMPLES, document_of
from tests.workflows.checks.test_rule_examples import OPTIONS as EXAMPLE_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.workflows.checks import Finding, Rule
    from tests.workflows.checks.mistakes import Mistake

OPTIONS = CheckOptions(argo_types=False)
TEXTS = faultless(with_corpus=False)
_LITERAL = re.compile(
    r"(?:Write|Use) `([^`]+)`\.|Put (?:it|the whole value) in quotes: (\"[^`]+\")\.|Write a list: (\[[^`]*\])\."
    r"|Remove the quotes: (\S+)\."
)
_ABOVE = re.compile(r"Put `([^`]+:)` on a line above (it|its items), and indent (.+) below(?: it)?\.")
_HINT = re.compile(r"Did you mean '([^']+)'\?")
_KEY = re.compile(r"([\w./-]+):(?= |$)")
_VALUE = re.compile(r"\"[^\"]*\"|'[^']*'|\{\{[^}]*\}\}|[^,\]}#\s\"']+")


def repaired(text: str, finding: Finding) -> str | None:
    """Return a text in which what a finding says literally was done, None where it says nothing of the kind."""
    lines = text.split("\n")
    index, column = finding.place.line - 1, finding.place.column - 1
    before, here = lines[index][:column], lines[index][column:]
    above = _ABOVE.fullmatch(finding.remedy)
    if above is not None and not before.strip(" -"):
        end = _end_of_block(lines, index, column)
        if above.group(2) == "its items":
            if not here.endswith(":"):
                return None
            deeper = [" " * (column + 2) + above.group(1), *("    " + line for line in lines[index + 1 : end])]
            return "\n".join([*lines[: index + 1], *deeper, *lines[end:]])
        for _ in re.findall("`", above.group(3))[::2]:  # the keys that slipped together with it
            end = _end_of_block(lines, end, column)
        deeper = ["  " + line for line in (" " * column + here, *lines[index + 1 : end])]
        return "\n".join([*lines[:index], before + above.group(1), *deeper, *lines[end:]])
    if finding.remedy in ("Remove it.", "Remove this line.") and _KEY.match(here) and not before.strip():
        return "\n".join([*lines[:index], *lines[_end_of_block(lines, index, column) :]])
    literal, hint = _LITERAL.fullmatch(finding.remedy), _HINT.fullmatch(finding.hint or "")
    if literal is not None:
        new = next(group for group in literal.groups() if group)
        if "NAME" in new or "..." in new:  # what the reader knows
            return None
        here = _written(new, before, here, finding)
    elif hint is not None and not finding.remedy.startswith(("Rename", "Declare")):  # these need other places as well
        here = _spelled(hint.group(1), here, finding)
    else:
        return None
    if here.startswith("- ") and before.endswith("- "):
        before = before[:-2]
    lines[index] = before + here
    return "\n".join(lines)


def _end_of_block(lines: list[str], index: int, column: int) -> int:
    """Return the index of the first line after what is below a key."""
    for end in range(index + 1, len(lines)):
        spaces = len(lines[end]) - len(lines[end].lstrip())
        if lines[end].strip() and (spaces < column or (spaces == column and not lines[end].lstrip().startswith("- "))):
            return end
    return len(lines)


def _written(new: str, before: str, here: str, finding: Finding) -> str:
    """Return the rest of a line with what is to be written instead of a key, a value, or both."""
    key, new_key = _KEY.match(here), _KEY.match(new)
    if new_key is not None and before.endswith(f"{new_key.group()} "):
        new, new_key = new[new_key.end() + 1 :], None  # the finding is at the value
    if new_key is not None and before.strip() == new_key.group(1):
        return ":"  # the finding is at the colon that is missing
    if key is None:
        return new + here[_end_of_value(here, finding) :]
    if new_key is None:
        return new + here[len(key.group(1)) :]
    return new if new != new_key.group() else new + here[len(key.group()) :]


def _spelled(meant: str, here: str, finding: Finding) -> str:
    """Return the rest of a line with the word that was meant instead of the one that is like it."""
    for word in re.finditer(r"[A-Za-z0-9_-]+", here):
        if word.group() != meant and nearest(word.group(), [meant]):
            return here[: word.start()] + meant + here[word.end() :]
    return meant + here[_end_of_value(here, finding) :]


def _end_of_value(here: str, finding: Finding) -> int:
    if finding.end_column is not None:
        return finding.end_column - finding.place.column
    found = _VALUE.match(here)
    return found.end() if found else len(here)


SHOWS_THEN = {
    ("AIC242", "AIC243"): "the step that was meant is there, and has not run yet",
    ("AIC202", "AIC221"): "what has the wrong type is not compared with what is passed",
    ("AIC202", "AIC217"): "the template that such a step runs is not known before",
    ("AIC202", "AIC318"): "the same template, whose output nobody reads then",
    ("AIC203", "AIC221"): "an input without a name is not compared with what is passed",
    ("AIC203", "AIC217"): "nothing can call a template without a name",
    ("AIC207", "AIC217"): "what the entrypoint reaches is not known before",
    ("AIC333", "AIC337"): "the artifact that was meant is as unused as before",
}
"""Findings that were right before, and only show once another one is repaired."""


def _kind(finding: Finding) -> tuple[str, str]:
    """Return what is said, without numbers: the lines have moved, and another one of two may be the second."""
    return finding.rule, re.sub(r"\d+", "N", finding.message)


def failed_repairs(text: str, options: CheckOptions = OPTIONS, tried: set[str] | None = None) -> Iterator[str]:
    """Yield what is said of a text after a repair that was not said before, and remedies that nobody can follow.

    Args:
        text: of a file with findings.
        options: what it is checked with.
        tried: remedies that are not to be followed again; those of this text are added.
    """
    before = check_document(text, options=options)
    said = Counter(map(_kind, before))
    for finding in before:
        if tried is not None and finding.remedy in tried:
            continue
        better = repaired(text, finding) or repaired_as_told(text, finding)
        if tried is not None:
            tried.add(finding.remedy)
        if better is None:
            yield f"nothing in repairs.py carries out what {finding.rule} says: {finding.remedy}"
            continue
        after = check_document(better, options=options)
        left = Counter(map(_kind, after))
        if left[_kind(finding)] >= said[_kind(finding)]:
            yield f"{finding.rule}: {finding.text} -> that is still said"
        for other in after:
            is_new = left[_kind(other)] > said[_kind(other)] and other.severity is not Severity.HINT
            if is_new and (finding.rule, other.rule) not in SHOWS_THEN:
                yield f"{finding.rule}: {finding.text} -> {other.rule} in line {other.place.line}: {other.message}"


@pytest.mark.parametrize("rule", EXAMPLES, ids=[rule.id for rule in EXAMPLES])
def test_what_the_finding_of_an_example_says_is_right(rule: Rule) -> None:
    options = CheckOptions(ignore=EXAMPLE_OPTIONS.ignore - {rule.id}, argo_types=False)
    assert list(failed_repairs(document_of(rule.bad, rule), options)) == []


@pytest.mark.parametrize("text", [document_of_case(text) for text, _, _ in CASES], ids=[case[1][:6] for case in CASES])
def test_what_a_finding_says_is_right(text: str) -> None:
    assert list(failed_repairs(text)) == []


@pytest.mark.once
@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
def test_what_a_finding_of_a_planted_mistake_says_is_right(mistake: Mistake) -> None:
    planted = [each.text for _, each in plantings(mistake, TEXTS) if isinstance(each, Planted)]
    tried: set[str] = set()
    assert [failed for text in planted if isinstance(text, str) for failed in failed_repairs(text, tried=tried)] == []


TRAINING = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: leaf-train
  labels:
    scenarios.ai.sap.com/id: leaf-scenario
    ai.sap.com/version: "1.0.0"
  annotations:
    scenarios.ai.sap.com/name: Leaves
    executables.ai.sap.com/name: Leaf training
spec:
  entrypoint: train
  arguments:
    parameters:
      - name: job
        value: "1"
  templates:
    - name: train
      metadata:
        labels:
          ai.sap.com/resourcePlan: starter
      inputs:
        artifacts:
          - name: leaves
            path: /app/leaves
      container:
        image: docker.io/example/leaf:1
        command: ["/bin/sh", "-c"]
        args: ["python train.py {{workflow.parameters.job}}"]
        env:
          - name: A
            value: "1"
"""
METADATA = "      metadata:\n        labels:\n          ai.sap.com/resourcePlan: starter\n"
COMMAND = '        command: ["/bin/sh", "-c"]\n'
ARGS = '        args: ["python train.py {{workflow.parameters.job}}"]\n'
ENV = '        env:\n          - name: A\n            value: "1"\n'
PARAMETERS = '      - name: job\n        value: "1"\n'
ARTIFACTS = "          - name: leaves\n            path: /app/leaves\n"
SECRET = "valueFrom:\n              secretKeyRef:\n                name: s\n                key: k\n"
SHELL = 'Write `command: ["/bin/sh", "-c"]`, and '


SERVING = TEXTS["serving.yaml"]
REPLICAS = "        minReplicas: 1\n        maxReplicas: {{inputs.parameters.maxReplicas}}\n"
TASK = "  templates:\n"
STEPS = "    - name: all\n      steps: "
FURTHER = [
    (
        TRAINING,
        "  entrypoint: train\n",
        f"  entrypoint: train\n  nodeSelector: {{{', '.join(f'a{n}: <A{n}>' for n in range(9))}}}\n",
    ),
    (TRAINING, "kind: WorkflowTemplate\n", "kind: Workflow\n"),
    (TRAINING, "    ai.sap.com/version", "    team: '{{workflow.name}}'\n    ai.sap.com/version"),
    (TRAINING, "  name: leaf-train\n", "  name: 'leaf-{{workflow.name}}'\n"),
    (TRAINING, '"1.0.0"', "'{{workflow.name}}'"),
    (TRAINING, "    ai.sap.com/version", "    team blue: x\n    ai.sap.com/version"),
    (SERVING, "    ai.sap.com/version", "    ai.sap.com/resourcePlan: infer.s\n    ai.sap.com/version"),
    (TRAINING, "    scenarios.ai.sap.com/name: Leaves\n    ", "    - scenarios.ai.sap.com/name: Leaves\n    - "),
    (SERVING, "    ai.sap.com/version", "    team: '{{inputs.parameters.maxReplicas}}'\n    ai.sap.com/version"),
    (SERVING, "        containers:\n", "        container:\n"),
    (SERVING, "maxReplicas: {{inputs.parameters.maxReplicas}}\n", "minReplicas: {{inputs.parameters.maxReplicas}}\n"),
    (SERVING, REPLICAS, REPLICAS.replace("1", "3").replace("{{inputs.parameters.maxReplicas}}", "2")),
    (SERVING, '      labels: |\n        ai.sap.com/resourcePlan: "{{inputs.parameters.plan}}"\n', ""),
    (TRAINING, ENV, ENV.replace('"1"', "*leaf")),
    (SERVING, SERVING[SERVING.index("    spec: |") :], ""),
    (SERVING, SERVING[SERVING.index("  template:") :], ""),
    (SERVING, "      labels: |\n", "      labels: >\n        team: blue\n"),
    (SERVING, SERVING[SERVING.index("predictor:") :], "predictor\n"),
    (SERVING, SERVING[SERVING.index("        containers:") :], ""),
    (SERVING, "      predictor:\n", "      default:\n       predictor:\n"),
    (SERVING, "      annotations: |\n", "      annotations: |\n        ai.sap.com/resourcePlan: infer.s\n"),
    (TRAINING, "    - name: train\n      metadata:", "    - metadata:"),
    (TRAINING, "      metadata:\n", "      metadata:\n        - annotations: {a: b}\n"),
    (TRAINING, ARGS, "        args: [[x]]\n"),
    (TRAINING, TASK, f"{TASK}{STEPS}one\n"),
    (TRAINING, TASK, f"{TASK}{STEPS}[one]\n"),
    (TRAINING, "  entrypoint: train\n", "  entrypoint: train\n  tolerations: x\n"),
    (TRAINING, "  entrypoint: train\n", "  entrypoint: train\n  volumes: {name: b}\n"),
    (TRAINING, "apiVersion: argo", "%YAML 2.0\n---\napiVersion: argo"),
    (SERVING, "{{inputs.parameters.maxReplicas}}", "{{inputs.artifacts.maxReplicas}}"),
    (TRAINING, "kind: WorkflowTemplate\n", "kind: WorkflowTemplate # aicore: ignroe[AIC313]\n"),
    (TRAINING, "  entrypoint: train\n", "  entrypoint: train\n  imagePullSecrets: {}\n"),
    (TRAINING, ARGS, "        args:\n          --job: 1\n"),
    (TRAINING, TASK, f"{TASK}{STEPS}{{name: one, template: train}}\n"),
    (TRAINING, TASK, f"{TASK}{STEPS}\n          name: one\n          template: train\n"),
    (TRAINING, METADATA, METADATA.replace("  labels:\n", "- labels:\n  ")),
    (TRAINING, ENV, ENV.replace('"1"', f'"{"1" * 40}"').replace('"', "")),
    (TRAINING, "  arguments:\n    parameters:\n", "      parameters:\n"),
    (TRAINING, "  arguments:\n", "  - arguments:\n"),
    (TRAINING, "          - name: A\n", "          -name: A\n"),
    (TRAINING, "image: docker.io", "image docker.io"),
    (TRAINING, "  entrypoint: train\n", "  entrypoint:train\n"),
    (TRAINING, "  entrypoint: train\n", "  entrypoint: ,train\n"),
    (TRAINING, "        env:\n          - name: A\n", "        env: - name: A\n"),
    (TRAINING, "  arguments:\n    parameters:\n      - name: job\n", "  - name: job\n"),
    (TRAINING, "      inputs:\n", "       inputs:\n"),
    (TRAINING, '          - name: A\n            value: "1"\n', '          - name: A\n            value: "\\ud83d"\n'),
    (TRAINING, "  entrypoint: train\n", "  ```yaml\n  entrypoint: train\n"),
]
"""Mistakes for the sentences that nothing else here leads to: a template, what is right in it, and what is wrong."""


@pytest.mark.parametrize(("text", "right", "wrong"), FURTHER, ids=[str(number) for number in range(len(FURTHER))])
def test_what_a_finding_of_another_mistake_says_is_right(text: str, right: str, wrong: str) -> None:
    assert right in text
    broken = text.replace(right, wrong)
    assert check_document(broken, options=OPTIONS) != check_document(text, options=OPTIONS)
    assert list(failed_repairs(broken)) == []


BY_HAND: list[tuple[str, str, str, str | None]] = [
    (COMMAND + ARGS, "        command: python x.py\n", f'{SHELL}`args: ["python x.py"]`.', None),
    (COMMAND + ARGS, "        command: python\n          - x.py\n", f'{SHELL}`args: ["python x.py"]`.', None),
    (COMMAND + ARGS, "        command: sh -c 'python x.py'\n", f'{SHELL}`args: ["python x.py"]`.', None),
    (COMMAND + ARGS, '        command: ["python x.py"]\n', f'{SHELL}`args: ["python x.py"]`.', None),
    (COMMAND + ARGS, '        command: ["python x.py", "-v"]\n', f'{SHELL}`args: ["python x.py -v"]`.', None),
    (COMMAND + ARGS, '        command: ["sh -c", "python x.py"]\n', f'{SHELL}`args: ["python x.py"]`.', None),
    (
        COMMAND + ARGS,
        '        command: python x.py\n        args: ["--job {{workflow.parameters.job}}"]\n',
        f"{SHELL}in `args` one string that begins with `python x.py`.",
        f'{COMMAND}        args: ["python x.py --job {{{{workflow.parameters.job}}}}"]\n',
    ),
    (COMMAND, "        command: /bin/sh -c\n", 'Write `command: ["/bin/sh", "-c"]`.', COMMAND),
    (COMMAND, "        command: /bin/sh\n", 'Write `command: ["/bin/sh", "-c"]`.', COMMAND),
    (
        ARGS,
        "        args: python train.py {{workflow.parameters.job}}\n",
        "Put it in quotes, and in brackets: it has to be a list.",
        ARGS,
    ),
    (
        ENV,
        '        env:\n          name: A\n          value: "1"\n',
        "Put a dash before its first key, `- name:`, and indent the others like it.",
        ENV,
    ),
    (
        ENV,
        '        env: {name: A, value: "1"}\n',
        "Put it in brackets: `[{...}]`.",
        '        env: [{name: A, value: "1"}]\n',
    ),
    (ENV, "        env:\n          A: 1\n", 'Write each as an item: `- name: A`, and `value: "1"` below it.', ENV),
    (PARAMETERS, "      job: 1\n", 'Write each as an item: `- name: job`, and `value: "1"` below it.', PARAMETERS),
    (
        PARAMETERS,
        '      job:\n        value: "1"\n',
        "Write each as an item: `- name: job`, and its keys below it.",
        PARAMETERS,
    ),
    (
        ARTIFACTS,
        "          leaves: /app/leaves\n",
        "Write each as an item: `- name: leaves`, and `path: /app/leaves` below it.",
        ARTIFACTS,
    ),
    (
        ARGS,
        "        args:\n          --job: {{workflow.parameters.job}}\n".replace("{{", "'{{").replace("}}", "}}'"),
        'Write each line as an item in quotes: `- "--job: {{workflow.parameters.job}}"`.',
        '        args:\n          - "--job: {{workflow.parameters.job}}"\n',
    ),
    (
        "  entrypoint: train\n",
        "  entrypoint: train\n  imagePullSecrets:\n    registry:\n",
        "Write each as an item: `- name: registry`.",
        "  entrypoint: train\n  imagePullSecrets:\n    - name: registry\n",
    ),
    (
        ENV,
        "        env:\n          - name: A\n            secretKeyRef: {name: s, key: k}\n",
        "Put `valueFrom:` on a line above it, and indent it below.",
        f"        env:\n          - name: A\n            {SECRET}",
    ),
    (
        ENV,
        "        env:\n          - name: A\n            valueFrom:\n              name: s\n              key: k\n",
        "Put `secretKeyRef:` on a line above it, and indent it and `key` below.",
        f"        env:\n          - name: A\n            {SECRET}",
    ),
    (
        ENV,
        f"        env:\n          - name: A\n            {SECRET.replace('valueFrom', 'value')}",
        "Write `valueFrom:` instead of `value:`.",
        f"        env:\n          - name: A\n            {SECRET}",
    ),
    (ENV, ENV.replace("env:", "env: A"), "Remove the value of `env`: the list is its value.", ENV),
    (
        "  arguments:\n",
        "  arguments: job\n",
        "Remove `job` if it was typed by accident, or indent line 14 by 2 spaces like the key above it, not by 4.",
        "  arguments:\n",
    ),
    (
        "  arguments:\n    parameters:\n",
        "",
        "Add the keys of the list (`arguments:` and `parameters:`, ...) on lines above it.",
        "  arguments:\n    parameters:\n",
    ),
    (
        "  templates:\n",
        "  {% if large %}\n  templates:\n",
        "Remove the statements, and write what they would have made of the file.",
        "  templates:\n",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "remedy", "repaired"), BY_HAND)
def test_the_file_that_was_repaired_as_told(right: str, wrong: str, remedy: str, repaired: str | None) -> None:
    """Where the remedy is a piece of the file, `repaired` is None: it is put there as it is written."""
    (found,) = check_document(TRAINING.replace(right, wrong), options=OPTIONS)
    assert found.remedy == remedy
    if repaired is None:
        repaired = "".join(f"        {each}\n" for each in re.findall(r"`((?:command|args): [^`]+)`", remedy))
    left = check_document(TRAINING.replace(right, repaired), options=OPTIONS)
    assert [str(each) for each in left if each.rule != "AIC329"] == []  # a command line may leave the parameter out


# --- nothing is forgotten ---------------------------------------------------------------------------------------------

CHECKS = Path(checks.__file__).parent
DECLARES = {"argo_rule", "aicore_rule", "document_rule", "contract_rule", "Rule"}
_BEGINS = re.compile(
    r"(?:Add|Begin|Call|Check|Close|Declare|Do not|Double|Fill|Fix|Give|If|Indent|Install|Join|Keep|Move|Name|Only|"
    r"Pass|Put|Refer|Remove|Rename|Replace|Run|Set|Type|Use|Write)\b"
)


def sentences() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield the sentences of remedies as they are written in the code of the checks, with their place."""
    for path in (*sorted(CHECKS.rglob("*.py")), Path(syntax.__file__)):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        others: set[ast.AST] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr) or (isinstance(node, ast.Call) and getattr(node.func, "id", "") in DECLARES):
                is_text = isinstance(node, ast.Call) or isinstance(node.value, ast.Constant)
                others.update(ast.walk(node) if is_text else ())
            elif isinstance(node, ast.JoinedStr):
                others.update(node.values)
        for node in ast.walk(tree):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            texts = [part.value if isinstance(part, ast.Constant) else None for part in parts]
            if node not in others and isinstance(texts[0], str) and _BEGINS.match(texts[0]):
                pattern = "".join(re.escape(text) if isinstance(text, str) else r"[\s\S]*?" for text in texts)
                yield f"{path.relative_to(CHECKS.parent)}:{getattr(node, 'lineno', 0)}", re.compile(pattern)


def remedies() -> Iterator[tuple[str, str]]:
    """Yield the rules and remedies that the tests here follow."""
    texts = [document_of_case(text) for text, _, _ in CASES]
    texts += [text.replace(right, wrong) for text, right, wrong in FURTHER]
    texts += [TRAINING.replace(right, wrong) for right, wrong, _, _ in BY_HAND]
    texts += [document_of(rule.bad, rule) for rule in EXAMPLES]
    for mistake in MISTAKES:
        for name, planted in plantings(mistake, TEXTS):
            if name in ("graph.yaml", "serving.yaml", "steps.yaml", "training_workflow_tutorial.yaml"):
                text = planted.text if isinstance(planted, Planted) else ""
                texts += [text] if isinstance(text, str) else []
    for text in texts:
        yield from ((finding.rule, finding.remedy) for finding in check_document(text, options=OPTIONS))


@pytest.mark.once
def test_each_sentence_of_each_rule_is_followed() -> None:
    """A sentence that fails here needs a mistake that leads to it: in `FURTHER`, or with the messages of its rule."""
    followed = set(remedies())
    said = {remedy for _, remedy in followed} | set(REMEDIES)
    assert [f"{at}: {each.pattern}" for at, each in sentences() if not any(map(each.search, said))] == []
    assert {rule for rule, _ in followed} | OF_FOLDERS == set(RULES)


OF_FOLDERS = {"AIC100", "AIC116", "AIC200", "AIC260", "AIC401", "AIC402", "AIC403", "AIC404", "AIC405", "AIC406"}
"""The rules of `test_remedies_of_folders.py`, and the one that asks for a report."""
