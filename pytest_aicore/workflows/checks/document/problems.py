"""Layer 1: is the file YAML that a template can be read from?

What keeps a file from being parsed is explained where it is parsed; here each kind of problem gets its rule.
"""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_aicore.workflows.checks.aicore.blocks import BLOCK
from pytest_aicore.workflows.checks.findings import Finding
from pytest_aicore.workflows.checks.rule import Severity, document_rule
from pytest_aicore.workflows.yaml.places import Place
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_aicore.workflows.checks.document.repeated import Repeated
    from pytest_aicore.workflows.checks.report import Report
    from pytest_aicore.workflows.yaml.places import Problem
    from pytest_aicore.workflows.yaml.tree import Document, Node

_NOT_SYNCED: Final = (
    "AI Core first reads the file as YAML. A file that is not YAML makes the synchronisation fail: "
    "the status of the application names the file, and no change of the folder is applied."
)


FAILED: Final = document_rule(
    100,
    "check-failed",
    "The check itself failed",
    "A bug of pytest-aicore, not of the file: other mistakes in it may not have been found. Please report it together "
    "with the file.",
    "# any file that makes pytest-aicore raise an exception",
    "# the same file, once pytest-aicore is fixed",
)
SYNTAX: Final = document_rule(
    101,
    "syntax",
    "The file is not YAML",
    _NOT_SYNCED,
    "args:\n  - |python train.py",
    "args:\n  - |\n    python train.py",
)
TAB: Final = document_rule(
    102,
    "tab",
    "A tab is used for indentation",
    "YAML allows only spaces; a tab usually comes from pasted text. " + _NOT_SYNCED,
    "container:\n\timage: docker.io/example/churn:1",
    "container:\n  image: docker.io/example/churn:1",
)
UNQUOTED_PLACEHOLDER: Final = document_rule(
    103,
    "unquoted-placeholder",
    "A value begins with `{{` and is not in quotes",
    "For YAML a brace at the beginning of a value opens a map, so a placeholder needs quotes when it comes first. "
    + _NOT_SYNCED,
    "value: {{workflow.parameters.DEPTH}}",
    'value: "{{workflow.parameters.DEPTH}}"',
)
UNSPACED_COMMENT: Final = document_rule(
    104,
    "unspaced-comment",
    "A `#` without a space before it does not begin a comment",
    "Without a space the `#` and the text after it belong to the value: the name, image or path is not the intended "
    "one.",
    "name: train# the first step",
    "name: train # the first step",
)
COLON_IN_VALUE: Final = document_rule(
    105,
    "colon-in-value",
    "A value without quotes contains a colon and a space",
    "YAML takes the text before the colon for a second key on the same line. " + _NOT_SYNCED,
    "description: Step 1: prepare",
    'description: "Step 1: prepare"',
)
INDENTATION: Final = document_rule(
    106,
    "indentation",
    "The indentation of a line fits no line above it",
    "It often happens when `metadata:` with a resource plan is pasted above a container. " + _NOT_SYNCED,
    "  - name: train\n      metadata:\n        labels: {}",
    "  - name: train\n    metadata:\n      labels: {}",
)
MISPLACED_LIST: Final = document_rule(
    107,
    "misplaced-list",
    "A list is where a key is expected",
    "A list needs its own key on a line above it, without another value; each of its items begins with a dash and a "
    "space. " + _NOT_SYNCED,
    "spec:\n  entrypoint: train\n    - name: DEPTH",
    "spec:\n  entrypoint: train\n  arguments:\n    parameters:\n      - name: DEPTH",
)
NO_COLON: Final = document_rule(
    108,
    "no-colon",
    "Text is where a key with a colon is expected",
    "A line in a map needs a key, a colon and a space; a word alone is often a typo. " + _NOT_SYNCED,
    "metadata:\n  name: churn-train\n  labels",
    "metadata:\n  name: churn-train\n  labels: {}",
)
NOT_CLOSED: Final = document_rule(
    109,
    "not-closed",
    "A quotation mark or bracket is not closed, or text follows it",
    _NOT_SYNCED,
    'command: ["/bin/sh", "-c"',
    'command: ["/bin/sh", "-c"]',
)
DUPLICATE_KEY: Final = document_rule(
    110,
    "duplicate-key",
    "A map has the same key twice",
    "Kubernetes silently keeps the last of them, other readers refuse the file. The value of the first one is lost: "
    "often a second container, or a second `metadata`, was pasted in.",
    "container:\n  image: docker.io/example/churn:1\n  image: docker.io/example/churn:2",
    "container:\n  image: docker.io/example/churn:2",
)
ENCODING: Final = document_rule(
    111,
    "encoding",
    "The file is not UTF-8 text",
    "YAML is UTF-8 text without control characters. " + _NOT_SYNCED,
    "# a file that an editor saved as UTF-16 without a byte order mark, or as Latin-1",
    "# the same file saved as UTF-8",
)
ALIAS: Final = document_rule(
    112,
    "alias",
    "An alias or a merge key refers to nothing",
    "`*name` stands for the value that `&name` marks above it. A value that begins with `*` needs quotes. "
    + _NOT_SYNCED,
    "args: *arguments",
    'args: &arguments ["python train.py"]',
)
TOO_LARGE: Final = document_rule(
    113,
    "too-large",
    "The file is larger than any template can be",
    "Kubernetes keeps a template in a store that refuses more than 1.5 MB, and aliases that multiply (an alias bomb) "
    "are refused before that.",
    "# a file of 2 MB, or ten aliases of ten aliases of ten aliases ...",
    "# code and data in the image or in an artifact, not in the template",
)
SEVERAL_DOCUMENTS: Final = document_rule(
    114,
    "several-documents",
    "A file holds more than one YAML document",
    "AI Core documents one template per file. A second one after `---` is easily overlooked, and neither the emulator "
    "nor a contract would know which of them a file name means.",
    "kind: WorkflowTemplate\n---\nkind: ServingTemplate",
    "# train.yaml\nkind: WorkflowTemplate\n# and in serve.yaml\nkind: ServingTemplate",
    Severity.WARNING,
)
EMPTY: Final = document_rule(
    115,
    "empty",
    "The file has no YAML value",
    "A file that is empty or has only comments is not a Kubernetes object.",
    "# only a comment",
    "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate",
)
UNREADABLE: Final = document_rule(
    116,
    "unreadable",
    "The file or folder cannot be read",
    "It does not exist, is neither a file nor a folder (but a named pipe, for example), is a link that leads nowhere, "
    "or its permissions do not allow it.",
    "# a path that does not exist",
    "# a path of a file",
)
RESERVED_CHARACTER: Final = document_rule(
    117,
    "reserved-character",
    "A value or key begins with a character that means something else in YAML",
    "`@`, a back quote and `%` cannot begin a value; a map or list cannot be a key. " + _NOT_SYNCED,
    "value: @latest",
    'value: "@latest"',
)
BAD_ESCAPE: Final = document_rule(
    118,
    "bad-escape",
    "A backslash in double quotation marks is not a valid escape",
    "In double quotation marks a backslash begins an escape such as `\\n`; a Windows path or a regular expression "
    "needs single quotation marks, or each backslash twice. " + _NOT_SYNCED,
    'args: ["grep \\d+ rows.csv"]',
    "args: ['grep \\d+ rows.csv']",
)
LOOK_ALIKE: Final = document_rule(
    119,
    "look-alike",
    "A character only looks like a special character of YAML",
    "No-break spaces, typographic quotation marks and dashes come with text that is copied from a page, a document or "
    "a chat. For YAML they are letters: they do not separate, quote or list, and become part of the value.",
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
    """Return the finding for a text that cannot be parsed.

    Args:
        problem: the error of the parser.
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
        "A second template begins here, but AI Core documents one template per file.",
        "Put each template in its own file.",
    )


def unreadable(path: str, error: Exception, *, what: str = "file") -> Finding:
    """Return the finding of a file or folder that cannot be read.

    Args:
        path: the file or folder.
        error: the error of the operating system.
        what: which of the two it is.
    """
    message = f"The {what} cannot be read: {getattr(error, 'strerror', None) or error}."
    remedy = "Check its path and its permissions."
    number = getattr(error, "errno", None)
    if number == errno.EINVAL:  # it is something else than a file
        remedy = "Name a file; what another program writes is read from standard input: `... | pytest-aicore check -`."
    elif number in (errno.ENOENT, errno.ELOOP) and Path(path).is_symlink():
        message = (
            "This symbolic link leads back to itself."
            if number == errno.ELOOP
            else f"This symbolic link leads nowhere: `{Path(path).readlink()}` does not exist."
        )
        remedy = "Remove the link, or restore what it leads to."
    return Finding(UNREADABLE.id, UNREADABLE.severity, Place(path, 1, 1), message, remedy)


def failed(place: Place, error: Exception, where: str = "in this file") -> Finding:
    """Return the finding for a bug of pytest-aicore.

    Args:
        place: where the document begins that was being checked.
        error: what was raised.
        where: what was not checked, a few words.
    """
    return Finding(
        rule=FAILED.id,
        severity=FAILED.severity,
        place=place,
        message=f"The check itself failed ({type(error).__name__}): what else is wrong {where} may not be listed.",
        remedy="Please report this as a bug of pytest-aicore, with the file.",
    )


# --- valid YAML that means something else --------------------------------------------------------------------

_SWALLOWED: Final = re.compile(r"[^\s#]#\s")
_WORDS: Final = frozenset(
    {"name", "template", "entrypoint", "image", "path", "globalName", "from", "onExit", "kind", "apiVersion"}
)


class Swallowed(NamedTuple):
    """A value that includes the comment after it: its key, itself, and the text as it was written."""

    key: str
    value: ScalarNode
    text: str


def take_comments_out(parsed: Document) -> list[Swallowed]:
    """Remove intended comments from the values that include them, so that the rest is checked as it was meant.

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
    """Report duplicate keys, and comments that became part of a value.

    Args:
        report: where findings go.
        swallowed: the values that have swallowed a comment.
        repeated: the duplicate keys.
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
    """Report comments that became part of a value.

    Args:
        report: where findings go.
        swallowed: the values that have swallowed a comment.
    """
    for key, value, text in swallowed:
        report.add(
            UNSPACED_COMMENT,
            value,
            f"This `#` does not begin a comment, because no space precedes it: the {key} is `{text}`, comment "
            f"included.",
            "Put a space before the `#`.",
        )


def _plain_words(root: Node) -> Iterator[tuple[str, ScalarNode]]:
    """Yield the plain scalars at keys whose values are one word, with those keys."""
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
