"""Files that were damaged in any way: an error or a template, never anything else, and the same from both parsers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_aicore.errors import WorkflowError
from pytest_aicore.workflows import ServingTemplate, Template, WorkflowTemplate, parse_template
from pytest_aicore.workflows.yaml.source import MAXIMUM_DEPTH, MAXIMUM_NODES, parse_all
from pytest_aicore.workflows.yaml.tree import walk
from tests.places import OUR_WORKFLOWS
from tests.thorough import THOROUGH, examples
from tests.workflows.yaml.trees import PARSERS, shape, use_parser

pytestmark = pytest.mark.once

OUR_FILES = [path.read_bytes() for path in OUR_WORKFLOWS]
BYTES_THAT_MATTER = b" \t\n\r:-{}[]\"'#&*!|>%@`,?<=~.\\a0\x00\x07\x85\xc3\xff"


def reading(data: str | bytes) -> Any:
    """Return all that reading a text gives: the trees and what the template answers, or the error."""
    try:
        documents = parse_all(data, "w.yaml")
    except WorkflowError as error:
        return str(error)
    trees = [(shape(document.root), len(document.duplicates)) for document in documents]
    assert all(sum(1 for _ in walk(document.root)) <= MAXIMUM_NODES for document in documents)
    try:
        template = parse_template(data, "w.yaml")
    except WorkflowError as error:
        return trees, str(error)
    return trees, answers(template)


def answers(template: Template) -> list[object]:
    """Ask a template everything there is to ask."""
    found: list[object] = [
        template.executable,
        template.api_version,
        template.labels,
        template.annotations,
        template.place_of("metadata", "labels", 0, "x"),
        repr(template),
    ]
    if isinstance(template, WorkflowTemplate):
        found += [template.entrypoint, template.external_references, repr(template.reachable)]
        found += [
            (inner.types, [call.supplied_artifacts for call in inner.calls_and_handlers])
            for inner in template.templates
        ]
    if isinstance(template, ServingTemplate):
        blocks = [template.spec_block, template.labels_block, template.annotations_block]
        found += [(block.text, block.place(1), block.place(9, 9)) for block in blocks if block is not None]
    return found


def same_from_both_parsers(data: str | bytes) -> None:
    """Read a text with every parser there is; that nothing but our own errors is raised is half of the test."""
    readings = []
    for parser in PARSERS:
        with use_parser(parser):
            readings.append(reading(data))
    assert all(found == readings[0] for found in readings)


def is_template(data: bytes) -> bool:
    """Tell whether a text is a template, which then answers everything; anything but our own errors is raised."""
    try:
        answers(parse_template(data))
    except WorkflowError:
        return False
    return True


@pytest.mark.parametrize("file", range(len(OUR_FILES)), ids=[path.name for path in OUR_WORKFLOWS])
def test_every_truncation_is_an_error_or_a_template(file: int) -> None:
    """Inside a word one length stands for the others: what is read is a shorter word."""
    data = OUR_FILES[file]
    lengths = [length for length in range(len(data)) if not data[max(0, length - 2) : length + 1].isalnum()]
    lengths = lengths if THOROUGH else lengths[::3]
    refused = sum(not is_template(data[:length]) for length in lengths)
    # Up to its `metadata.name` a file is not a template; of the longer beginnings, some are.
    before = sum(length <= data.index(b"\n", data.index(b"  name: ")) for length in lengths)
    assert before < refused < len(lengths)


@given(st.sampled_from(OUR_FILES), st.data())
def test_truncated(data: bytes, draw: st.DataObject) -> None:
    same_from_both_parsers(data[: draw.draw(st.integers(0, len(data)), label="length")])


@given(
    st.sampled_from(OUR_FILES),
    st.floats(0, 1, exclude_max=True),
    st.one_of(st.sampled_from([bytes([byte]) for byte in BYTES_THAT_MATTER]), st.binary(min_size=1, max_size=1)),
    st.sampled_from(["replace", "insert", "delete"]),
)
@settings(max_examples=examples(200))
def test_one_byte_changed(data: bytes, where: float, byte: bytes, how: str) -> None:
    index = int(where * len(data))
    behind = data[index:] if how == "insert" else data[index + 1 :]
    same_from_both_parsers(data[:index] + (b"" if how == "delete" else byte) + behind)


SCRAPS = st.sampled_from(
    [
        *(
            "a",
            "1",
            "null",
            "b: ",
            "- ",
            "? ",
            ": ",
            ":",
            ",",
            "[",
            "]",
            "{",
            "}",
            '"',
            "'",
            "#",
            " #",
            "|",
            ">",
            "|-",
            ">2",
        ),
        *(
            " ",
            "  ",
            "\t",
            "\n",
            "\r\n",
            "\n  ",
            "\n    ",
            "&a ",
            "&b ",
            "*a",
            "*b ",
            "<<: ",
            "!t ",
            "!",
            "!!str ",
            "!<x> ",
        ),
        *(
            "---",
            "...",
            "\n---\n",
            "\n...\n",
            "%YAML 1.1\n",
            "%TAG ! tag:x,2000:\n",
            "%",
            "@",
            "`",
            "~",
            "=",
            "\\x41",
            "\\n",
        ),
        *(
            "\\uD83D",
            "\\U00110000",
            "é",
            "😀",
            "\u2028",
            "\x85",
            "\ufeff",
            "\x00",
            "\ud800",
            "{{",
            "}}",
            "kind: WorkflowTemplate\n",
        ),
    ]
)


@given(st.lists(SCRAPS, max_size=14).map("".join))
@settings(max_examples=examples(300))
@example("?")
@example("[?]")
@example("a:\tb")
@example("a: &x [*x]")
@example("[" * (MAXIMUM_DEPTH + 1))
@example('"\\UFFFFFFFF"')
def test_scraps_of_yaml(text: str) -> None:
    same_from_both_parsers(text)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_anything(data: str | bytes) -> None:
    same_from_both_parsers(data)


KEYS = [
    *(
        "metadata",
        "name",
        "labels",
        "annotations",
        "spec",
        "entrypoint",
        "templates",
        "steps",
        "dag",
        "tasks",
        "template",
    ),
    *(
        "inputs",
        "outputs",
        "artifacts",
        "parameters",
        "arguments",
        "globalName",
        "from",
        "s3",
        "path",
        "inline",
        "hooks",
    ),
    *("templateRef", "onExit", "container", "containers", "containerSet", "image", "default", "value", "valueFrom"),
    *(
        "sidecars",
        "podMetadata",
        "templateDefaults",
        "activeDeadlineSeconds",
        "ai.sap.com/resourcePlan",
        "<<",
        "optional",
    ),
]
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-9, 99), st.text("abc{}-", max_size=4), st.just("work"), st.just("main")
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)),
    max_leaves=30,
)


@given(
    st.sampled_from(["WorkflowTemplate", "ServingTemplate"]), st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6)
)
@settings(max_examples=examples(300))
def test_no_shape_of_a_template_raises(kind: str, parts: dict[str, object]) -> None:
    metadata = parts.get("metadata")
    parts["metadata"] = {"name": "x", **(metadata if isinstance(metadata, dict) else {})}
    try:
        template = parse_template(json.dumps({"kind": kind, **parts}))
    except WorkflowError:
        return
    answers(template)
