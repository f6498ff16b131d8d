"""Whatever a file holds, checking it ends soon and with findings, never with an exception."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_aicore.workflows.checks import CheckOptions, Finding, check_document, check_files, is_candidate
from tests.places import OUR_WORKFLOWS
from tests.thorough import examples
from tests.workflows.checks.planting import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.once

FILES = [path.read_bytes() for path in (*OUR_WORKFLOWS, *sorted(SAMPLES.glob("*.yaml")))]
MATTERS = b" \t\n\r:-{}[]\"'#&*!|>%@`,?<=~.\\a0\x00\x07\x85\xc3\xff"
SECONDS = 4.0
"""Of processor time. It is one on a quiet machine; what is not linear takes many more for files of this size."""
OPTIONS = CheckOptions(argo_types=False)


def checked(data: bytes) -> list[Finding]:
    """Check a file, and that what is found is in it and that the check itself did not fail."""
    begin = time.process_time()
    findings = check_document(data, "w.yaml", options=OPTIONS)
    assert time.process_time() - begin < SECONDS
    lines = data.count(b"\n") + data.count(b"\r") + data.count(b"\x85") + data.count(b"\xe2\x80") + 2
    for finding in findings:
        assert finding.rule != "AIC100", finding.message
        assert 1 <= finding.place.line <= lines
        assert finding.place.column >= 1
        assert finding.message
        assert finding.remedy
        assert str(finding)
    is_candidate(data)
    return findings


HEAD = (
    "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata:\n  name: x\n"
    "spec:\n  entrypoint: a\n  templates:\n"
)
ONE = HEAD + "  - name: a\n    container:\n      image: x\n      args: ['"
TASKS = HEAD + "  - name: b\n    suspend: {}\n  - name: a\n    dag:\n      tasks:\n"
CALLS = HEAD + "  - name: b\n    suspend: {}\n  - name: a\n    steps:\n"


INPUTS = "    inputs:\n      parameters:\n" + "".join(f"      - name: parameter{i}x\n" for i in range(3000))
LABELS = "".join(f"    a.sap.com/id{i}: x\n" for i in range(8000))
SERVING = (
    "apiVersion: ai.sap.com/v1alpha1\nkind: ServingTemplate\nmetadata:\n  name: x\nspec:\n  template:\n"
    "    apiVersion: serving.kserve.io/v1beta1\n    spec: |\n"
)


def waits(task: int) -> str:
    """Return what a task waits for: the five before it, and the first one for the second."""
    return " && ".join(f"t{other}" for other in range(max(0, task - 5), task)) or "t1"


def reads(step: int) -> str:
    """Return a reference to the status of a step."""
    return f"{{{{steps.s{step}.status}}}}"


@pytest.mark.parametrize(
    "text",
    [
        ONE + "{{inputs" + "{{" * 400_000 + "']\n",
        ONE + "{{inputs.parameters.x}}" * 30_000 + "']\n",
        ONE + "{{=" + "{" * 400_000 + "}}" * 100_000 + "']\n",
        TASKS + "".join(f"      - {{name: t{i}, template: b, depends: '{waits(i)}'}}\n" for i in range(3000)),
        CALLS + "".join(f"    - - {{name: s{i}, template: b, when: '{reads(i - 1)} == x'}}\n" for i in range(4000)),
        ONE + "{{x}}" * 100_000 + "{{inputs.parameters.x}}']\n",
        SERVING + "      x: " + "{{" * 250_000 + "\n",
        ONE + "x']\n" + "# aicore: ignore[AIC999] " * 10_000 + "\n",
        ONE + "x']\n" + "# aicore: ignore[" * 30_000 + "\n",
        ONE + "x']\n" + "# aicore: ignore[AIC301]\n" * 10_000,
        ONE + "x']\n" + "".join(f"# aicore: ignore[tap{i}]\n" for i in range(10_000)),
        ONE + "x']\n" + "".join(f"    anotherKey{i}: 1\n" for i in range(20_000)),
        ONE + "".join(f"{{{{inputs.parameters.parameter{i}}}}}" for i in range(3000)) + "']\n" + INPUTS,
        ONE + "x']\n" + "---\nkind: Workflow\nkind: Workflow\n" * 5000,
        HEAD.replace("  name: x\n", f"  name: x\n  labels:\n{LABELS}") + "  - name: a\n    suspnd: {}\n",
        SERVING + "      predictor:\n        imagePullSecrets:\n          - name: " + "a" * 5000 + " b\n",
        ONE + "{{inputs.[" + "a" * 200_000 + "}}']\n",
        ONE + "x']\n      resources: {limits: {cpu: " + "a" * 100_000 + "!}}\n",
        "".join(f"%TAG !a{i}! tag:x{i}\n" for i in range(40_000)) + "---\n" + ONE + "x']\n",
        ONE + "x']\n  -----END" + "A" * 200_000 + "-----END A-----: 1\n",
    ],
    ids=[
        "open placeholders",
        "placeholders",
        "expression",
        "tasks",
        "steps",
        "foreign placeholders",
        "open placeholders in a block",
        "comments on a line",
        "open comments on a line",
        "comments",
        "comments with unknown rules",
        "unknown keys",
        "unknown inputs",
        "documents",
        "labels",
        "name of a secret",
        "brackets in a placeholder",
        "quantity",
        "directives",
        "half a certificate",
    ],
)
def test_large_files_take_time_in_proportion(text: str) -> None:
    assert checked(text.encode())


@pytest.mark.parametrize(
    ("of_each", "rule"),
    [
        ("    unknown{0}: 1\n", "AIC201"),
        ("# aicore: ignore[AIC999{0}]\n", "AIC121"),
        ("# aicore: ignore[AIC301]\n", "AIC122"),
    ],
)
def test_of_many_findings_of_one_rule_a_hundred_are_listed_and_the_others_counted(of_each: str, rule: str) -> None:
    text = ONE + "x']\n" + "".join(of_each.format(number) for number in range(1200))
    found = [finding for finding in checked(text.encode()) if finding.rule == rule]
    assert len(found) == 100
    assert [finding.message.endswith("The file has 1,100 more findings of this rule.") for finding in found] == [
        *([False] * 99),
        True,
    ]


def test_a_message_about_a_value_that_is_too_long_leaves_its_middle_out() -> None:
    [finding] = [
        one for one in checked(f"{ONE}{{{{inputs.parameters.{'x' * 5000}}}}}']\n".encode()) if one.rule == "AIC240"
    ]
    assert len(finding.message) == len(finding.remedy) == 807
    assert " [...] " in finding.message


@settings(max_examples=examples(300))
@given(file=st.sampled_from(FILES), share=st.floats(0, 1))
def test_truncated_files(file: bytes, share: float) -> None:
    checked(file[: int(len(file) * share)])


@settings(max_examples=examples(1000))
@given(
    file=st.sampled_from(FILES),
    share=st.floats(0, 1, exclude_max=True),
    byte=st.one_of(st.sampled_from(list(MATTERS)), st.integers(0, 255)),
    how=st.sampled_from(["replace", "insert", "remove"]),
)
def test_files_with_one_wrong_byte(file: bytes, share: float, byte: int, how: str) -> None:
    at = int(len(file) * share)
    middle = b"" if how == "remove" else bytes([byte])
    checked(file[:at] + middle + file[at + (how != "insert") :])


@settings(max_examples=examples(300))
@given(file=st.sampled_from(FILES), data=st.data())
def test_files_whose_lines_were_shuffled(file: bytes, data: st.DataObject) -> None:
    lines = file.splitlines(keepends=True)
    one = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(st.integers(0, len(lines) - 1))
    shift = data.draw(st.integers(-4, 4))
    lines[one], lines[other] = lines[other], lines[one]
    lines[other] = b" " * shift + lines[other] if shift > 0 else lines[other][-shift:]
    checked(b"".join(lines))


@settings(max_examples=examples(500))
@given(file=st.sampled_from(FILES), share=st.floats(0, 1, exclude_max=True), number=st.integers(1, 12), data=st.data())
def test_files_in_which_lines_are_indented_otherwise(
    file: bytes, share: float, number: int, data: st.DataObject
) -> None:
    lines = file.splitlines(keepends=True)
    begin = int(len(lines) * share)
    for _ in range(2):
        shift = data.draw(st.sampled_from([-6, -4, -2, 2, 4, 6]))
        for index, line in enumerate(lines[begin : begin + number], begin):
            blanks = len(line) - len(line.lstrip(b" "))
            lines[index] = b" " * shift + line if shift > 0 else line[min(-shift, blanks) :]
        begin = data.draw(st.integers(0, len(lines) - 1))
    checked(b"".join(lines))


@pytest.mark.parametrize("last", ["image: x", "- a", "- >"])
def test_a_template_whose_annotations_take_metadata_and_container_with_them(last: str) -> None:
    text = HEAD.replace("  name: x\n", "  annotations:\n    ai.sap.com/version: '1'\n") + "  - name: a\n"
    text += "    annotations:\n      metadata:\n        ai.sap.com/resourcePlan: infer.l\n      container:\n"
    found = {finding.rule for finding in checked(f"{text}        {last}\n".encode())}
    assert {"AIC235", "AIC302"} <= found
    slipped = text.replace("    annotations:\n      m", "  annotations:\n      m").replace(
        "  - name: a", "    - name: a"
    )
    assert "AIC235" in {finding.rule for finding in checked(f"{slipped}          {last}\n".encode())}


SCALARS = st.sampled_from(
    ["", "x", "{{inputs.parameters.x}}", "{{", "{{=", "{{steps..}}", "true", "1", "~", "[]", "{}", "'", "a.b || !"]
)
WORDS = """spec templates entrypoint steps dag tasks name template inputs outputs parameters artifacts container
command args env value valueFrom withItems withParam withSequence when depends dependencies hooks arguments from inline
containerSet containers metadata labels annotations kind predictor onExit image globalName path"""
KEYS = st.sampled_from(WORDS.split())


@settings(max_examples=examples(500))
@given(
    kind=st.sampled_from(["WorkflowTemplate", "ServingTemplate", "Workflow", "CronWorkflow"]),
    tree=st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=25
    ),
)
def test_trees_of_any_shape(kind: str, tree: object) -> None:
    text = f"apiVersion: argoproj.io/v1alpha1\nkind: {kind}\nmetadata: {json.dumps(tree)}\nspec: {json.dumps(tree)}\n"
    checked(text.encode())


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (b"", "AIC115"),
        (b"# nothing\n", "AIC115"),
        (b"\xff\xfe" + "kind: WorkflowTemplate".encode("utf-16-le"), None),
        ("kind: WörkflowTemplate".encode("latin-1"), "AIC111"),
        (b"kind: WorkflowTemplate\nspec:" + b" [" * 200, "AIC113"),
        (b"kind: WorkflowTemplate\nx: &a [1]\ny: *b\n", "AIC112"),
        (
            b"a: &a [x, x, x, x, x, x, x, x, x, x]\n"
            + b"".join(b"%c: &%c [%s]\n" % (98 + n, 98 + n, b", ".join([b"*%c" % (97 + n)] * 10)) for n in range(6)),
            "AIC113",
        ),
        (b"\x00" * 1000, "AIC111"),
        (b"kind: WorkflowTemplate\n" + b"#" * 2_000_000, "AIC113"),
    ],
)
def test_files_that_are_none(text: bytes, rule: str | None) -> None:
    found = [finding.rule for finding in checked(text)]
    assert rule in found if rule is not None else "AIC111" not in found


def test_fifty_megabytes_are_refused_without_being_read(tmp_path: Path) -> None:
    file = tmp_path / "train.yaml"
    with file.open("wb") as stream:
        stream.write(b"apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\n")
        stream.truncate(50 * 1024 * 1024)
    begin = time.process_time()
    [finding] = check_files([file], options=OPTIONS).findings
    assert time.process_time() - begin < SECONDS
    assert finding.rule in ("AIC111", "AIC113")


def test_a_link_that_leads_nowhere_and_one_to_itself(tmp_path: Path) -> None:
    (tmp_path / "gone.yaml").symlink_to("nothing")
    (tmp_path / "round.yaml").symlink_to(tmp_path / "round.yaml")
    for paths in ([tmp_path], [tmp_path / "gone.yaml", tmp_path / "round.yaml"]):
        assert [
            str(finding).replace(f"{tmp_path}/", "") for finding in check_files(paths, options=OPTIONS).findings
        ] == [
            (
                "gone.yaml:1:1: error AIC116: This symbolic link leads nowhere: `nothing` does not exist.\n"
                "Remove the link, or restore what it leads to."
            ),
            (
                "round.yaml:1:1: error AIC116: This symbolic link leads back to itself.\n"
                "Remove the link, or restore what it leads to."
            ),
        ]
