"""A file that was repaired as a finding says has that finding no more, and no other one instead of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.workflows.checks import CheckOptions, check_document
from pytest_aicore.workflows.checks.words import nearest
from tests.workflows.checks.mistakes import Planted
from tests.workflows.checks.planting import faultless, new_findings, plantings
from tests.workflows.checks.situations import MISTAKES
from tests.workflows.checks.test_messages_of_rules import CASES
from tests.workflows.checks.test_messages_of_rules import document_of as document_of_case
from tests.workflows.checks.test_rule_examples import EXAMPLES, document_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.workflows.checks import Finding
    from tests.workflows.checks.mistakes import Mistake

OPTIONS = CheckOptions(argo_types=False)
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
}
"""Findings that were right before, and only show once another one of the same line is repaired."""


def failed_repairs(text: str) -> Iterator[str]:
    """Yield what is said of a text after a repair that was not said before."""
    before = check_document(text, options=OPTIONS)
    for finding in before:
        better = repaired(text, finding)
        if better is None:
            continue
        after = check_document(better, options=OPTIONS)
        same = [other for other in after if (other.rule, other.message) == (finding.rule, finding.message)]
        for other in (*new_findings(before, after), *same):
            if (finding.rule, other.rule) not in SHOWS_THEN:
                yield f"{finding.rule}: {finding.text} -> {other.rule} in line {other.place.line}: {other.message}"


BROKEN = {f"example of {rule.id}": document_of(rule.bad, rule) for rule in EXAMPLES}
BROKEN |= {f"{number} {message[:6]}": document_of_case(text) for number, (text, message, _) in enumerate(CASES)}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_what_a_finding_says_to_write_is_right(text: str) -> None:
    assert list(failed_repairs(text)) == []


@pytest.mark.once
@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
def test_what_a_finding_of_a_planted_mistake_says_to_write_is_right(mistake: Mistake) -> None:
    planted = [each.text for _, each in plantings(mistake, faultless(with_corpus=False)) if isinstance(each, Planted)]
    assert [failed for text in planted if isinstance(text, str) for failed in failed_repairs(text)] == []


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
COMMAND = '        command: ["/bin/sh", "-c"]\n'
ARGS = '        args: ["python train.py {{workflow.parameters.job}}"]\n'
ENV = '        env:\n          - name: A\n            value: "1"\n'
PARAMETERS = '      - name: job\n        value: "1"\n'
ARTIFACTS = "          - name: leaves\n            path: /app/leaves\n"
SECRET = "valueFrom:\n              secretKeyRef:\n                name: s\n                key: k\n"
SHELL = 'Write `command: ["/bin/sh", "-c"]`, and '


@pytest.mark.parametrize(
    ("right", "wrong", "remedy", "repaired"),
    [
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
    ],
)
def test_the_file_that_was_repaired_as_told(right: str, wrong: str, remedy: str, repaired: str | None) -> None:
    """Where the remedy is a piece of the file, `repaired` is None: it is put there as it is written."""
    (found,) = check_document(TRAINING.replace(right, wrong), options=OPTIONS)
    assert found.remedy == remedy
    if repaired is None:
        repaired = "".join(f"        {each}\n" for each in re.findall(r"`((?:command|args): [^`]+)`", remedy))
    left = check_document(TRAINING.replace(right, repaired), options=OPTIONS)
    assert [str(each) for each in left if each.rule != "AIC329"] == []  # a command line may leave the parameter out
