"""Layer 1: is the file YAML that a template can be read from?

What keeps a file from being parsed is explained where it is parsed; here each kind of problem gets its rule.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_aicore.workflows.checks.aicore.rules import BLOCK
from pytest_aicore.workflows.checks.findings import Finding
from pytest_aicore.workflows.checks.rule import Rule, Severity
from pytest_aicore.workflows.yaml.places import Place
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_aicore.workflows.checks.document.repeated import Repeated
    from pytest_aicore.workflows.checks.report import Report
    from pytest_aicore.workflows.yaml.places import Problem
    from pytest_aicore.workflows.yaml.tree import Document, Node

_NOT_SYNCED: Final = (
    "AI Core reads the file as YAML before anything else. A file that is no YAML breaks the synchronisation: "
    "the status of the application names the file, and none of its changes arrives."
)


def _rule(
    number: int, name: str, summary: str, explanation: str, bad: str, good: str, severity: Severity = Severity.ERROR
) -> Rule:
    return Rule(f"AIC{number}", name, severity, "document", summary, explanation, bad, good)


FAILED: Final = _rule(
    100,
    "check-failed",
    "The check itself failed",
    "A mistake of pytest-aicore, not of the file: what else is wrong in it may have stayed unseen. Please report it "
    "together with the file.",
    "# any file that pytest-aicore cannot cope with",
    "# the same file, once pytest-aicore is repaired",
)
SYNTAX: Final = _rule(
    101,
    "syntax",
    "The file is no YAML",
    _NOT_SYNCED,
    "args:\n  - |python train.py",
    "args:\n  - |\n    python train.py",
)
TAB: Final = _rule(
    102,
    "tab",
    "A TAB stands where YAML wants spaces",
    "YAML indents with spaces only; a TAB usually comes from a text that was pasted. " + _NOT_SYNCED,
    "container:\n\timage: docker.io/example/churn:1",
    "container:\n  image: docker.io/example/churn:1",
)
UNQUOTED_PLACEHOLDER: Final = _rule(
    103,
    "unquoted-placeholder",
    "A value begins with `{{` and is not in quotes",
    "For YAML a brace at the beginning of a value opens a map, so a placeholder needs quotes when it comes first. "
    + _NOT_SYNCED,
    "value: {{workflow.parameters.DEPTH}}",
    'value: "{{workflow.parameters.DEPTH}}"',
)
UNSPACED_COMMENT: Final = _rule(
    104,
    "unspaced-comment",
    "A `#` without a space before it begins no comment",
    "Without a space the `#` and all that follows belong to the value: the name, image or path is not the one that "
    "was meant.",
    "name: train# the first step",
    "name: train # the first step",
)
COLON_IN_VALUE: Final = _rule(
    105,
    "colon-in-value",
    "A value without quotes contains a colon and a space",
    "YAML takes what stands before the colon for a second key of the same line. " + _NOT_SYNCED,
    "description: Step 1: prepare",
    'description: "Step 1: prepare"',
)
INDENTATION: Final = _rule(
    106,
    "indentation",
    "A line's indentation fits nothing above it",
    "It often happens when `metadata:` with a resource plan is pasted above a container. " + _NOT_SYNCED,
    "  - name: train\n      metadata:\n        labels: {}",
    "  - name: train\n    metadata:\n      labels: {}",
)
MISPLACED_LIST: Final = _rule(
    107,
    "misplaced-list",
    "A list stands where a key is expected",
    "A list needs a key of its own on a line above it, and that key no other value; each of its items begins with a "
    "dash and a space. " + _NOT_SYNCED,
    "spec:\n  entrypoint: train\n    - name: DEPTH",
    "spec:\n  entrypoint: train\n  arguments:\n    parameters:\n      - name: DEPTH",
)
NO_COLON: Final = _rule(
    108,
    "no-colon",
    "Text stands where a key with a colon is expected",
    "A line in a map needs a key, a colon and a space; a word alone is often a slip of the keyboard. " + _NOT_SYNCED,
    "metadata:\n  name: churn-train\n  labels",
    "metadata:\n  name: churn-train\n  labels: {}",
)
NOT_CLOSED: Final = _rule(
    109,
    "not-closed",
    "A quotation mark or bracket is not closed, or text follows it",
    _NOT_SYNCED,
    'command: ["/bin/sh", "-c"',
    'command: ["/bin/sh", "-c"]',
)
DUPLICATE_KEY: Final = _rule(
    110,
    "duplicate-key",
    "A map has the same key twice",
    "Kubernetes keeps the last of them without a word, other readers refuse the file. What the first one said is lost: "
    "often a second container, or a second `metadata`, that was pasted in.",
    "container:\n  image: docker.io/example/churn:1\n  image: docker.io/example/churn:2",
    "container:\n  image: docker.io/example/churn:2",
)
ENCODING: Final = _rule(
    111,
    "encoding",
    "The file is not UTF-8 text",
    "YAML is UTF-8 text without control characters. " + _NOT_SYNCED,
    "# a file that an editor saved as UTF-16 without a byte order mark, or as Latin-1",
    "# the same file saved as UTF-8",
)
ALIAS: Final = _rule(
    112,
    "alias",
    "An alias or a merge key leads nowhere",
    "`*name` stands for the value that `&name` marks above it. A value that shall begin with `*` needs quotes. "
    + _NOT_SYNCED,
    "args: *arguments",
    'args: &arguments ["python train.py"]',
)
TOO_LARGE: Final = _rule(
    113,
    "too-large",
    "The file is larger than any template can be",
    "Kubernetes keeps a template in a store that refuses more than 1.5 MB, and aliases that multiply (an alias bomb) "
    "are refused before that.",
    "# a file of 2 MB, or ten aliases of ten aliases of ten aliases ...",
    "# code and data in the image or in an artifact, not in the template",
)
SEVERAL_DOCUMENTS: Final = _rule(
    114,
    "several-documents",
    "A file holds more than one YAML document",
    "AI Core's documentation knows one template in a file. A second one behind `---` is easily overlooked, and neither "
    "the emulator nor a contract would know which of them a file name means.",
    "kind: WorkflowTemplate\n---\nkind: ServingTemplate",
    "# train.yaml\nkind: WorkflowTemplate\n# and in serve.yaml\nkind: ServingTemplate",
    Severity.WARNING,
)
EMPTY: Final = _rule(
    115,
    "empty",
    "The file holds no YAML value",
    "A file that is empty or holds only comments is no Kubernetes object.",
    "# only a comment",
    "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate",
)
UNREADABLE: Final = _rule(
    116,
    "unreadable",
    "The file cannot be read",
    "It does not exist, is no file, or may not be read.",
    "# a path that leads nowhere",
    "# a path of a file",
)
RESERVED_CHARACTER: Final = _rule(
    117,
    "reserved-character",
    "A value or key begins with a character that means something else in YAML",
    "`@`, a back quote and `%` begin no value; a map or list is no key. " + _NOT_SYNCED,
    "value: @latest",
    'value: "@latest"',
)
BAD_ESCAPE: Final = _rule(
    118,
    "bad-escape",
    "A backslash between double quotation marks means nothing",
    "Between double quotation marks a backslash begins an escape such as `\\n`; a path of Windows or a regular "
    "expression needs single quotation marks, or each backslash twice. " + _NOT_SYNCED,
    'args: ["grep \\d+ rows.csv"]',
    "args: ['grep \\d+ rows.csv']",
)
LOOK_ALIKE: Final = _rule(
    119,
    "look-alike",
    "A character only looks like one of YAML's own",
    "No-break spaces, typographic quotation marks and dashes come with texts that are copied from a page, a document "
    "or a chat. For YAML they are letters: they separate, quote and list nothing, and become part of the value.",
    "name: \u201cchurn-train\u201d",
    'name: "churn-train"',
)

_RULE_OF_KIND: Final = {
    "tab": TAB,
    "look-alike": LOOK_ALIKE,
    "unquoted-placeholder": UNQUOTED_PLACEHOLDER,
    "comment-without-space": UNSPACED_COMMENT,
    "colon-in-value": COLON_IN_VALUE,
    "indented-too-deep": INDENTATION,
    "uneven-indentation": INDENTATION,
    "stray-value": INDENTATION,
    "no-block": BLOCK,
    "dash-in-map": MISPLACED_LIST,
    "no-dash": MISPLACED_LIST,
    "dash-without-space": MISPLACED_LIST,
    "list-under-value": MISPLACED_LIST,
    "list-without-key": MISPLACED_LIST,
    "list-on-key-line": MISPLACED_LIST,
    "no-colon": NO_COLON,
    "colon-without-space": NO_COLON,
    "key-in-value": INDENTATION,
    "quote-not-closed": NOT_CLOSED,
    "bracket-not-closed": NOT_CLOSED,
    "text-after-quote": NOT_CLOSED,
    "bad-escape": BAD_ESCAPE,
    "reserved-character": RESERVED_CHARACTER,
    "key-not-scalar": RESERVED_CHARACTER,
    "encoding": ENCODING,
    "control-character": ENCODING,
    "merge": ALIAS,
    "unknown-alias": ALIAS,
    "recursive-alias": ALIAS,
    "too-large": TOO_LARGE,
    "too-many-nodes": TOO_LARGE,
    "too-deep": TOO_LARGE,
    "empty": EMPTY,
    "not-a-file": UNREADABLE,
    "unreadable": UNREADABLE,
}

_SENTENCE_OF_ALL: Final = "AI Core cannot read the file, and the synchronisation fails."


def of_problem(problem: Problem) -> Finding:
    """Return the finding of what kept a text from being parsed.

    Args:
        problem: what the parser said.
    """
    rule = _RULE_OF_KIND.get(problem.kind, SYNTAX)
    return Finding(
        rule=rule.id,
        severity=rule.severity,
        place=problem.place,
        message=f"{problem.what} {_SENTENCE_OF_ALL}" if rule is not UNREADABLE else problem.what,
        remedy=problem.remedy,
        source_line=problem.source_line,
    )


def several(report: Report) -> None:
    """Report the second template of a file.

    Args:
        report: where findings of that template go.
    """
    report.add(
        SEVERAL_DOCUMENTS,
        report.document.root,
        "A second template begins here, and AI Core's documentation knows one in a file.",
        "Give each template a file of its own.",
    )


def unreadable(path: str, error: Exception) -> Finding:
    """Return the finding of a file that cannot be read.

    Args:
        path: the file.
        error: what the operating system said.
    """
    return Finding(
        rule=UNREADABLE.id,
        severity=UNREADABLE.severity,
        place=Place(path, 1, 1),
        message=f"The file cannot be read: {getattr(error, 'strerror', None) or error}.",
        remedy="Check its path and its permissions.",
    )


def failed(place: Place, error: Exception) -> Finding:
    """Return the finding of a mistake of ours.

    Args:
        place: where the document begins that was being checked.
        error: what was raised.
    """
    return Finding(
        rule=FAILED.id,
        severity=FAILED.severity,
        place=place,
        message=f"The check itself failed ({type(error).__name__}): what else is wrong in this file may not be listed.",
        remedy="Please report this as a mistake of pytest-aicore, with the file.",
    )


# --- what parses and still is not what was meant -------------------------------------------------------------

_SWALLOWED: Final = re.compile(r"[^\s#]#\s")
_WORDS: Final = frozenset(
    {"name", "template", "entrypoint", "image", "path", "globalName", "from", "onExit", "kind", "apiVersion"}
)


class Swallowed(NamedTuple):
    """A value that has swallowed the comment behind it: its key, itself, and the text as it was written."""

    key: str
    value: ScalarNode
    text: str


def take_comments_out(parsed: Document) -> list[Swallowed]:
    """Take comments that are none out of the values that hold them, so that the rest is checked as it was meant.

    Args:
        parsed: the document; its tree is changed.

    Returns:
        what was changed.
    """
    if "#" not in parsed.text:
        return []
    found: list[Swallowed] = []
    for key, value in _plain_words(parsed.root):
        comment = _SWALLOWED.search(value.text)
        if comment is not None and " " not in value.text[: comment.start()]:
            found.append(Swallowed(key, value, value.text))
            value.text = value.text[: comment.start() + 1]
    return found


def check(report: Report, swallowed: Iterable[Swallowed] = (), repeated: Iterable[Repeated] = ()) -> None:
    """Report duplicate keys, and comments that are none.

    Args:
        report: where findings go.
        swallowed: the values that have swallowed a comment.
        repeated: the keys that are there twice.
    """
    for key in repeated:
        report.add(
            DUPLICATE_KEY,
            key.second,
            f"The key `{key.second.text}` is given twice in one map, in line {key.first.line} and here; "
            f"AI Core would {key.ignored}.",
            key.remedy,
        )
    check_comments(report, swallowed)


def check_comments(report: Report, swallowed: Iterable[Swallowed]) -> None:
    """Report comments that are none.

    Args:
        report: where findings go.
        swallowed: the values that have swallowed a comment.
    """
    for key, value, text in swallowed:
        report.add(
            UNSPACED_COMMENT,
            value,
            f"This `#` begins no comment, for no space stands before it: the {key} is `{text}`, comment included.",
            "Put a space before the `#`.",
        )


def _plain_words(root: Node) -> Iterator[tuple[str, ScalarNode]]:
    """Yield the plain scalars whose keys say that they hold one word, with those keys."""
    pending = [root]
    while pending:
        node = pending.pop()
        if type(node) is MappingNode:
            for key, value in node.values.items():
                if type(value) is not ScalarNode:
                    pending.append(value)
                elif value.style == "" and "#" in value.text and (key in _WORDS or key.startswith("ai.sap.com/")):
                    yield key, value
        elif type(node) is SequenceNode:
            pending.extend(node.items)
