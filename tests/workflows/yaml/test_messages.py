"""What a user reads when a file is no template: the whole message of every way to get there."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.errors import WorkflowError
from pytest_aicore.workflows import SourceError, parse_template, read_template
from pytest_aicore.workflows.yaml.source import MAXIMUM_BYTES, load
from tests.workflows.yaml.trees import message, workflow

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("parser")

SYNTAX = {
    # The mistakes that real templates are full of, the most frequent first.
    "metadata indented too deep after adding a plan": (
        "templates:\n  - name: train\n      metadata:\n        labels:\n          ai.sap.com/resourcePlan: starter\n",
        (
            "w.yaml:3:7: `metadata:` is indented deeper than `name: train` in line 2, so YAML reads it as part "
            "of that "
            "value.\n"
            "     3 |       metadata:\n"
            "       |       ^\n"
            "Indent it by 4 spaces like the key above it, not by 6."
        ),
    ),
    "TAB in the indentation": (
        "container:\n  image: x\n\tcommand: []\n",
        (
            "w.yaml:3:1: Tab used for indentation; YAML allows only spaces.\n"
            "     3 | \tcommand: []\n"
            "       | ^\n"
            "Replace each tab with spaces."
        ),
    ),
    "TAB behind spaces": (
        "container:\n  image: x\n  \tcommand: []\n",
        (
            "w.yaml:3:3: Tab used for indentation; YAML allows only spaces.\n"
            "     3 |   \tcommand: []\n"
            "       |   ^\n"
            "Replace each tab with spaces."
        ),
    ),
    "TABs of JSON, which are none of its mistakes": (
        '{\n\t"name": "x",\n\t"icon": "\\ud83d"\n}\n',
        (
            "w.yaml:3:10: An escape such as `\\u` in this value is not a valid character.\n"
            '     3 | \t"icon": "\\ud83d"\n'
            "       | \t        ^\n"
            "Write the character itself."
        ),
    ),
    "TAB before a dash": (
        "steps: [\n  a ]\nargs:\n  -\t- x\n",
        (
            "w.yaml:4:4: Tab used where YAML allows only spaces.\n"
            "     4 |   -\t- x\n"
            "       |    ^\n"
            "Replace each tab with spaces."
        ),
    ),
    "placeholder without quotes": (
        "env:\n  - name: DEPTH\n    value: {{workflow.parameters.DEPTH}}\n",
        (
            "w.yaml:3:12: YAML reads a value that begins with `{{` as a map in a map, not as a placeholder.\n"
            "     3 |     value: {{workflow.parameters.DEPTH}}\n"
            "       |            ^\n"
            'Put the whole value in quotes: "{{...}}".'
        ),
    ),
    "placeholder without quotes, and more behind it": (
        "image: {{inputs.parameters.registry}}/train:1\ncommand: [x]\n",
        (
            "w.yaml:1:8: YAML reads a value that begins with `{{` as a map in a map, not as a placeholder.\n"
            "     1 | image: {{inputs.parameters.registry}}/train:1\n"
            "       |        ^\n"
            'Put the whole value in quotes: "{{...}}".'
        ),
    ),
    "placeholder without quotes in a list": (
        "args:\n  - {{x}} and more\n  - second\n",
        (
            "w.yaml:2:5: YAML reads a value that begins with `{{` as a map in a map, not as a placeholder.\n"
            "     2 |   - {{x}} and more\n"
            "       |     ^\n"
            'Put the whole value in quotes: "{{...}}".'
        ),
    ),
    "comment without a space": (
        "metadata:\n  name: train# executable id, for example: churn\n",
        (
            "w.yaml:2:14: This `#` does not begin a comment, because no space precedes it: the whole line "
            "belongs to the "
            "value.\n"
            "     2 |   name: train# executable id, for example: churn\n"
            "       |              ^\n"
            "Put a space before the `#`."
        ),
    ),
    "colon in a text": (
        "annotations:\n  description: Training: the model\n",
        (
            "w.yaml:2:24: The value of `description` contains a colon and a space, so YAML takes it for a second key.\n"
            "     2 |   description: Training: the model\n"
            "       |                        ^\n"
            "Put the value in quotes, or begin a new line after the first colon."
        ),
    ),
    "list below a value": (
        "templates: mine\n  - name: train\n",
        (
            "w.yaml:2:3: There is a list below `templates: mine` in line 1, which already has a value.\n"
            "     2 |   - name: train\n"
            "       |   ^\n"
            "Remove the value of `templates`: the list is its value."
        ),
    ),
    "missing arguments": (
        "- name: a\n  template: b\n    parameters:\n      - name: x\n",
        (
            "w.yaml:3:5: `parameters:` is indented deeper than `template: b` in line 2, so YAML reads it as part of "
            "that value.\n"
            "     3 |     parameters:\n"
            "       |     ^\n"
            "Put its own key (`arguments:`, `inputs:`, `outputs:`) on a line above it, or indent it by 2 spaces "
            "like the "
            "key above it, not by 4."
        ),
    ),
    "missing key of a list": (
        "- name: a\n  template: b\n  - name: x\n",
        (
            "w.yaml:3:3: A list item is where a key is expected after `template: b` in line 2.\n"
            "     3 |   - name: x\n"
            "       |   ^\n"
            "Add the key of its list on a line above it (`env:`, `artifacts:`, or `arguments:` and below that "
            "`parameters:`), indent the dash like the other items of its list, or remove the dash."
        ),
    ),
    "stray character behind a key": (
        "metadata: s\n  name: train\n",
        (
            "w.yaml:1:11: `s` follows `metadata:`, but there are keys below it: YAML allows only one of them.\n"
            "     1 | metadata: s\n"
            "       |           ^\n"
            "Remove `s` if it was typed by accident, or indent line 2 by 0 spaces like the key above it, not by 2."
        ),
    ),
    "first key without a colon": (
        "labels:\n  scenarios.ai.sap.com/id \"churn\"\n  ai.sap.com/version: '1'\n",
        (
            "w.yaml:2:26: No colon follows `scenarios.ai.sap.com/id`, so YAML reads the line as a string, not a key.\n"
            '     2 |   scenarios.ai.sap.com/id "churn"\n'
            "       |                          ^\n"
            "Write `scenarios.ai.sap.com/id:`, and the value after it."
        ),
    ),
    "first key of an item without a colon": (
        "artifacts:\n  - name data\n    path: /app\n",
        (
            "w.yaml:2:9: No colon follows `name`, so YAML reads the line as a string, not a key.\n"
            "     2 |   - name data\n"
            "       |         ^\n"
            "Write `name:`, and the value after it."
        ),
    ),
    "first key: without a space": (
        "container:\n  image:docker.io/a\n  args: [b]\n",
        (
            "w.yaml:2:9: No space follows the colon of `image:`, so YAML reads the line as a string, not a key.\n"
            "     2 |   image:docker.io/a\n"
            "       |         ^\n"
            "Put a space after the colon, or remove what was typed there by accident."
        ),
    ),
    "dash without a space": (
        "artifacts:\n  -name: data\n    path: /app\n",
        (
            "w.yaml:2:4: No space follows the dash, so YAML reads the line as a string, not an item.\n"
            "     2 |   -name: data\n"
            "       |    ^\n"
            "Put a space after the dash."
        ),
    ),
    "first item without its dash": (
        "artifacts:\n  name: data\n    path: /app\n",
        (
            "w.yaml:2:3: `name: data` is not an item of the list `artifacts:`, because it has no dash.\n"
            "     2 |   name: data\n"
            "       |   ^\n"
            "Write `- name: data`."
        ),
    ),
    "dash before the first key of a map": (
        "labels:\n  - a: b\n  c: d\n",
        (
            "w.yaml:2:3: The first key below `labels:` has a dash, and the next one has none: that is neither "
            "a list nor a map.\n"
            "     2 |   - a: b\n"
            "       |   ^\n"
            "Remove the dash."
        ),
    ),
    "first key indented too deep": (
        "labels:\n   a: b\n  c: d\n  e: f\n",
        (
            "w.yaml:2:4: This line is indented by 3 spaces, and line 3, at the same level, by 2.\n"
            "     2 |    a: b\n"
            "       |    ^\n"
            "Indent both by 2 spaces."
        ),
    ),
    "quotation mark that another one far below closes": (
        "name: 'train\"\nkind: x\nwhen: it isn't\n",
        (
            "w.yaml:1:7: This quotation mark is never closed.\n"
            "     1 | name: 'train\"\n"
            "       |       ^\n"
            "Close it at the end of the value."
        ),
    ),
    "stray character right behind a colon": (
        "metadata:\n  labels:x\n    a: b\n",
        (
            "w.yaml:2:10: No space follows the colon of `labels:`, so YAML reads the line as a string, not a key.\n"
            "     2 |   labels:x\n"
            "       |          ^\n"
            "Put a space after the colon, or remove what was typed there by accident."
        ),
    ),
    "key: without a space": (
        "metadata:\n  labels: {}\n  name:train\n",
        (
            "w.yaml:3:8: No space follows the colon of `name:`, so YAML reads the line as a string, not a key.\n"
            "     3 |   name:train\n"
            "       |        ^\n"
            "Put a space after the colon, or remove what was typed there by accident."
        ),
    ),
    "key without a colon": (
        "spec:\n  entrypoint: a\n  templates\n",
        (
            "w.yaml:3:3: `templates` is where a key is expected, but no colon follows it.\n"
            "     3 |   templates\n"
            "       |   ^\n"
            "Add the colon, or remove what was typed there by accident."
        ),
    ),
    "key without a colon above its map": (
        "metadata\n  name: train\n",
        (
            "w.yaml:1:9: `metadata` has keys below it, but no colon behind it.\n"
            "     1 | metadata\n"
            "       |         ^\n"
            "Write `metadata:`."
        ),
    ),
    "text that goes on in the next line, and then a key": (
        "a:\n  description: first\n    second\n    name: x\n",
        (
            "w.yaml:4:5: `name:` is where YAML still reads the value above it.\n"
            "     4 |     name: x\n"
            "       |     ^\n"
            "Check the indentation of this line and the lines above it; put a string of several lines in quotes."
        ),
    ),
    "second container pasted in": (
        "container:\n  image: a\n- image: b\n",
        (
            "w.yaml:3:1: A list item is where a key is expected after `image: a` in line 2.\n"
            "     3 | - image: b\n"
            "       | ^\n"
            "Add the key of its list on a line above it (`env:`, `artifacts:`, or `arguments:` and below that "
            "`parameters:`), indent the dash like the other items of its list, or remove the dash."
        ),
    ),
    "indented less than its neighbours": (
        "spec:\n    entrypoint: a\n  templates: []\n",
        (
            "w.yaml:3:3: The indentation of this line fits no line above it. What it would belong to begins "
            "in line "
            "1, column 1.\n"
            "     3 |   templates: []\n"
            "       |   ^\n"
            "Indent it exactly like the other keys or items at its level."
        ),
    ),
    "list on the line of its key": (
        "args: - x\n",
        (
            "w.yaml:1:7: A list cannot begin on the line of its key.\n"
            "     1 | args: - x\n"
            "       |       ^\n"
            "Begin a new line before the dash, or write the list in brackets: [...]."
        ),
    ),
    "quotation mark never closed": (
        'a: 1\nversion: "1.0\n',
        (
            "w.yaml:2:10: This quotation mark is never closed.\n"
            '     2 | version: "1.0\n'
            "       |          ^\n"
            "Close it at the end of the value."
        ),
    ),
    "quotation mark closed by the next one": (
        'version: "1.0\nname: "train"\n',
        (
            "w.yaml:1:10: This quotation mark is never closed.\n"
            '     1 | version: "1.0\n'
            "       |          ^\n"
            "Close it at the end of the value."
        ),
    ),
    "text behind a quoted one": (
        'command: "python" -c\n',
        (
            "w.yaml:1:19: `-c` follows a value in quotes on the same line.\n"
            '     1 | command: "python" -c\n'
            "       |                   ^\n"
            "Put the whole value in quotes, or a space and a `#` before a comment."
        ),
    ),
    "bracket not closed": (
        'command: ["sh", "-c"\nargs: []\n',
        (
            "w.yaml:1:10: The `[` is not closed before line 2, or a comma between its items is missing "
            "there.\n"
            '     1 | command: ["sh", "-c"\n'
            "       |          ^\n"
            "Close it with `]`, or put the value in quotes if the bracket is part of a string."
        ),
    ),
    "comma missing": (
        'command: ["sh" "-c"]\n',
        (
            "w.yaml:1:10: The `[` is not closed before column 16, or a comma between its items is "
            "missing "
            "there.\n"
            '     1 | command: ["sh" "-c"]\n'
            "       |          ^\n"
            "Close it with `]`, or put the value in quotes if the bracket is part of a string."
        ),
    ),
    "brace not closed": (
        "labels: {a: b\nc: d\n",
        (
            "w.yaml:1:9: The `{` is not closed before line 2, or a comma between its items is missing "
            "there.\n"
            "     1 | labels: {a: b\n"
            "       |         ^\n"
            "Close it with `}`, or put the value in quotes if the bracket is part of a string."
        ),
    ),
    "bracket not closed before the file ends": (
        "a: [b]\nargs: [c, {d: [e]},\n",
        (
            "w.yaml:2:7: The `[` is not closed before the file ends.\n"
            "     2 | args: [c, {d: [e]},\n"
            "       |       ^\n"
            "Close it with `]`, or put the value in quotes if the bracket is part of a string."
        ),
    ),
    "value missing between commas": (
        "args: [a,, b]\n",
        (
            "w.yaml:1:10: `,` is where a value is expected.\n"
            "     1 | args: [a,, b]\n"
            "       |          ^\n"
            "Write the value before it, or remove the `,`."
        ),
    ),
    "reserved character": (
        "user: @me\n",
        (
            "w.yaml:1:7: A string without quotes cannot begin with `@`.\n"
            "     1 | user: @me\n"
            "       |       ^\n"
            "Put the text in quotes, or remove that character if it was typed by accident."
        ),
    ),
    "asterisk": (
        "path: *.csv\n",
        (
            "w.yaml:1:7: A string without quotes cannot begin with `*`, which refers to an anchor.\n"
            "     1 | path: *.csv\n"
            "       |       ^\n"
            "Put the text in quotes, or remove that character if it was typed by accident."
        ),
    ),
    "unknown anchor": (
        "path: *csv\n",
        (
            "w.yaml:1:7: `*csv` refers to an anchor `&csv` that is not above it.\n"
            "     1 | path: *csv\n"
            "       |       ^\n"
            "Put the value in quotes if the `*` belongs to it."
        ),
    ),
    "unknown escape": (
        'path: "C:\\data"\n',
        (
            "w.yaml:1:11: `\\d` means nothing between double quotation marks.\n"
            '     1 | path: "C:\\data"\n'
            "       |           ^\n"
            "Double the backslash, or use single quotation marks."
        ),
    ),
    "half a character": (
        '{"name": "\\ud83d"}\n',
        (
            "w.yaml:1:10: An escape such as `\\u` in this value is not a valid character.\n"
            '     1 | {"name": "\\ud83d"}\n'
            "       |          ^\n"
            "Write the character itself."
        ),
    ),
    "a number beyond all characters": (
        'name: "\\UFFFFFFFF"\n',
        (
            "w.yaml:1:7: An escape such as `\\u` in this value is not a valid character.\n"
            '     1 | name: "\\UFFFFFFFF"\n'
            "       |       ^\n"
            "Write the character itself."
        ),
    ),
    "list as a key": (
        "? [a]\n: b\n",
        (
            "w.yaml:1:3: A map or list is where the key of a map is expected; in Kubernetes keys are strings.\n"
            "     1 | ? [a]\n"
            "       |   ^\n"
            "Put the key in quotes, or remove the `?` or the brackets."
        ),
    ),
    "merging what is no map": (
        "<<: text\na: b\n",
        (
            "w.yaml:1:1: The merge key `<<` needs a map, an alias of a map, or a list of those.\n"
            "     1 | <<: text\n"
            "       | ^\n"
            "Give it one (`<<: *name`), or put the key in quotes."
        ),
    ),
    "several documents": (
        "a: b\n---\nc: d\n---\ne: f\n",
        (
            "w.yaml:3:1: The file holds 3 YAML documents; the second begins here.\n"
            "     3 | c: d\n"
            "       | ^\n"
            "Put each template in its own file."
        ),
    ),
    "empty": ("", "w.yaml:1:1: The file is empty: it holds no YAML value.\nWrite a template into it, or remove it."),
    "only comments": (
        "# nothing yet\n",
        "w.yaml:1:1: The file is empty: it holds no YAML value.\nWrite a template into it, or remove it.",
    ),
    "anything else keeps the parser's words": (
        "%YAML 2.0\n---\na: b\n",
        (
            "w.yaml:1:1: This is not YAML: found incompatible YAML document.\n"
            "     1 | %YAML 2.0\n"
            "       | ^\n"
            "Check indentation, colons and quotes of this line and the lines above it."
        ),
    ),
}


@pytest.mark.parametrize("mistake", SYNTAX)
def test_syntax(mistake: str) -> None:
    text, expected = SYNTAX[mistake]
    assert message(text) == expected


@pytest.mark.parametrize("mistake", SYNTAX)
def test_line_ends_of_windows_change_nothing(mistake: str) -> None:
    text, expected = SYNTAX[mistake]
    assert message(text.replace("\n", "\r\n")) == expected


NO_TEMPLATE = {
    "a list": (
        "- a\n- b\n",
        (
            "w.yaml:1:1: This is not a template of SAP AI Core: the file holds a list, not a map with `kind`.\n"
            "     1 | - a\n"
            "       | ^\n"
            "AI Core reads the kinds 'WorkflowTemplate', 'ServingTemplate'."
        ),
    ),
    "a text": (
        "just a text\n",
        (
            "w.yaml:1:1: This is not a template of SAP AI Core: the file holds a single value, not a map with `kind`.\n"
            "     1 | just a text\n"
            "       | ^\n"
            "AI Core reads the kinds 'WorkflowTemplate', 'ServingTemplate'."
        ),
    ),
    "no kind": (
        "apiVersion: argoproj.io/v1alpha1\n",
        (
            "w.yaml:1:1: This is not a template of SAP AI Core: it has no `kind`.\n"
            "     1 | apiVersion: argoproj.io/v1alpha1\n"
            "       | ^\n"
            "AI Core reads the kinds 'WorkflowTemplate', 'ServingTemplate'."
        ),
    ),
    "another kind": (
        "apiVersion: apps/v1\nkind: Deployment\n",
        (
            "w.yaml:2:7: This is not a template of SAP AI Core: its kind is 'Deployment'.\n"
            "     2 | kind: Deployment\n"
            "       |       ^\n"
            "AI Core reads the kinds 'WorkflowTemplate', 'ServingTemplate'."
        ),
    ),
    "a kind with a typing error": (
        "kind: Workflowtemplate\n",
        (
            "w.yaml:1:7: This is not a template of SAP AI Core: its kind is 'Workflowtemplate'. "
            "Did you mean 'WorkflowTemplate'?\n"
            "     1 | kind: Workflowtemplate\n"
            "       |       ^\n"
            "AI Core reads the kinds 'WorkflowTemplate', 'ServingTemplate'."
        ),
    ),
    "a kind that is no string": (
        "kind: [WorkflowTemplate]\n",
        (
            "w.yaml:1:7: This is not a template of SAP AI Core: its `kind` is not a string.\n"
            "     1 | kind: [WorkflowTemplate]\n"
            "       |       ^\n"
            "AI Core reads the kinds 'WorkflowTemplate', 'ServingTemplate'."
        ),
    ),
    "a key given twice": (
        "kind: WorkflowTemplate\nmetadata:\n  name: a\nspec: {}\nmetadata:\n  name: b\n",
        (
            "w.yaml:5:1: The key `metadata` is given twice in one map, in line 2 and here; Kubernetes would "
            "silently keep the second.\n"
            "     5 | metadata:\n"
            "       | ^\n"
            "Remove one of them."
        ),
    ),
    "no name": (
        "kind: ServingTemplate\nmetadata:\n  labels: {}\n",
        (
            "w.yaml:2:1: This ServingTemplate has no `metadata.name`, which is the executable id.\n"
            "     2 | metadata:\n"
            "       | ^\n"
            "Add one: lower case letters, digits and hyphens, 4 to 64."
        ),
    ),
    "an empty name": (
        "kind: WorkflowTemplate\nmetadata:\n  name:\n",
        (
            "w.yaml:3:3: This WorkflowTemplate has no `metadata.name`, which is the executable id.\n"
            "     3 |   name:\n"
            "       |   ^\n"
            "Add one: lower case letters, digits and hyphens, 4 to 64."
        ),
    ),
}


@pytest.mark.parametrize("mistake", NO_TEMPLATE)
def test_no_template(mistake: str) -> None:
    text, expected = NO_TEMPLATE[mistake]
    assert message(text) == expected


BYTES = {
    "latin-1": (
        "kind: x\n# größe\n".encode("latin-1"),
        "w.yaml:2:5: The file is not UTF-8: byte 0xF6 at offset 12 is not a valid character.\nSave the file as UTF-8.",
    ),
    "UTF-8 that breaks off, behind a mark": (
        b"\xef\xbb\xbfa: \xc3",
        "w.yaml:1:4: The file is not UTF-8: byte 0xC3 at offset 6 is not a valid character.\nSave the file as UTF-8.",
    ),
    "UTF-16 that breaks off": (
        "\ufeffa: b".encode("utf-16-le") + b"x",
        (
            "w.yaml:1:5: The file is not UTF-16-LE: byte 0x78 at offset 10 is not a valid character.\n"
            "Save the file as UTF-8."
        ),
    ),
    "UTF-16 without a mark": (
        "kind: ü".encode("utf-16-le"),
        "w.yaml:1:13: The file looks like UTF-16 or UTF-32 without a byte order mark.\nSave the file as UTF-8.",
    ),
    "UTF-16 without a mark and beyond ASCII": (
        "kind: x".encode("utf-16-le"),
        (
            "w.yaml:1:2: The file holds NUL characters: it is binary, or UTF-16 without a byte order mark.\n"
            "Remove it, or save the file as UTF-8 text."
        ),
    ),
    "control character": (
        b"a: b\nc: d\x07e\n",
        (
            "w.yaml:2:5: The character U+0007 is not allowed in YAML; the file is binary or damaged.\n"
            "Remove it, or save the file as UTF-8 text."
        ),
    ),
    "byte order mark in the middle": (
        "a: b\ufeff".encode(),
        (
            "w.yaml:1:5: The character U+FEFF is not allowed in YAML; the file is binary or damaged.\n"
            "Remove it, or save the file as UTF-8 text."
        ),
    ),
}


@pytest.mark.parametrize("damage", BYTES)
def test_bytes(damage: str) -> None:
    data, expected = BYTES[damage]
    assert message(data) == expected


def test_half_a_character_in_a_text() -> None:
    assert message("a: \ud800") == (
        "w.yaml:1:4: The character U+D800 is not allowed in YAML; the file is binary or damaged.\n"
        "Remove it, or save the file as UTF-8 text."
    )


class TestFiles:
    def test_too_large(self, tmp_path: Path) -> None:
        path = tmp_path / "large.yaml"
        with path.open("wb") as file:
            file.truncate(10_000_000)
        with pytest.raises(WorkflowError) as caught:
            read_template(path)
        assert str(caught.value) == (
            f"{path}:1:1: The file has 10,000,000 bytes, more than the 1,048,576 that are read: Kubernetes could not "
            "store such a template.\n"
            "Move data and code out of the template, for example into the image or an artifact."
        )

    @pytest.mark.parametrize("character", ["x", "é", "😀"])
    def test_the_size_of_a_text_is_that_of_its_bytes(self, character: str) -> None:
        text = workflow("") + "# " + character * 300_000
        size = len(text.encode())
        if size <= MAXIMUM_BYTES:
            assert parse_template(text).name == "some-training"
        else:
            assert message(text).startswith(f"w.yaml:1:1: The file has {size:,} bytes, more than ")

    def test_exactly_as_large_as_allowed(self, tmp_path: Path) -> None:
        path = tmp_path / "w.yaml"
        text = workflow("") + "#"
        path.write_text(text + "x" * (MAXIMUM_BYTES - len(text)), encoding="utf-8")
        assert read_template(path).name == "some-training"

    def test_absent(self, tmp_path: Path) -> None:
        path = tmp_path / "absent.yaml"
        with pytest.raises(WorkflowError) as caught:
            read_template(path)
        assert str(caught.value) == (
            f"{path}:1:1: The file cannot be read: No such file or directory.\nCheck its path and its permissions."
        )

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(WorkflowError) as caught:
            read_template(tmp_path)
        assert str(caught.value) == f"{tmp_path}:1:1: This is a folder, not a file.\nName a YAML file."

    @pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes in its file system")
    def test_a_pipe(self, tmp_path: Path) -> None:
        path = tmp_path / "pipe.yaml"
        os.mkfifo(path)
        with pytest.raises(WorkflowError) as caught:
            read_template(path)
        assert str(caught.value) == f"{path}:1:1: This is not a regular file.\nName a YAML file."

    def test_a_path_that_no_file_can_have(self, tmp_path: Path) -> None:
        for name in ("a\0b.yaml", "x" * 300 + ".yaml"):
            with pytest.raises(WorkflowError, match="cannot be read"):
                load(tmp_path / name)


class TestExcerpts:
    def test_a_line_that_looks_like_a_secret_is_not_shown(self) -> None:
        secret = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
        shown = message(f"a: [\nclient_secret: 'hush-hush' {secret}\n")
        assert "hush-hush" not in shown
        assert "eyJ" not in shown
        assert message(f"token: {secret}\n  deeper: x\n") == (
            "w.yaml:2:3: `deeper:` is indented deeper than `token: ***` in line 1, so YAML reads it as part of that "
            "value.\n"
            "     2 |   deeper: x\n"
            "       |   ^\n"
            "Indent it by 0 spaces like the key above it, not by 2."
        )

    def test_a_long_line_is_cut_around_the_place(self) -> None:
        [_, line, pointer, _] = message("description: " + "word " * 60 + "end: " + "more " * 60).splitlines()
        assert len(line) == len("     1 | ") + 72
        assert line[pointer.index("^") - 3 : pointer.index("^") + 1] == "end:"
        assert line.startswith("     1 | ...")

    def test_a_line_that_no_person_wrote_is_not_shown(self) -> None:
        assert len(message("description: " + "word " * 600 + "end: x").splitlines()) == 2


def test_the_problem_is_there_for_checks() -> None:
    with pytest.raises(SourceError) as caught:
        parse_template("a: [\n", "w.yaml")
    problem = caught.value.problem
    assert (problem.kind, str(problem.place), problem.source_line) == ("bracket-not-closed", "w.yaml:1:4", "a: [")
    assert str(caught.value).startswith(f"{problem.place}: {problem.what}\n")
    assert str(caught.value).endswith(f"\n{problem.remedy}")
