"""Is this file worth parsing? Told from its text alone, at the price of a few searches."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SNIFFED_BYTES: Final = 64 * 1024
"""How much of a file is enough to tell whether it looks like a template."""

_KINDS: Final = rb"(?:Cluster)?WorkflowTemplate|ServingTemplate|(?:Cron)?Workflow"
_ROOT_KEY: Final = re.compile(
    rb"""^([ \t]*)(?:---[ \t]+)?["']?(?:apiVersion|kind|metadata|spec)["']?[ \t]*:""", re.MULTILINE
)
_KIND: Final = re.compile(rb"""^([ \t]*)["']?kind["']?[ \t]*:[ \t]*["']?([A-Za-z]+)""", re.MULTILINE)
_API: Final = re.compile(
    rb"""^([ \t]*)["']?apiVersion["']?[ \t]*:[ \t]*["']?(argoproj\.io|ai\.sap\.com)/""", re.MULTILINE
)
_JSON: Final = re.compile(
    rb"""^\s*\{.*["']?kind["']?\s*:\s*["']?(?:""" + _KINDS + rb""")\b""",
    re.DOTALL,
)
_ITEM: Final = re.compile(
    rb"""^[ \t]*-?[ \t]*["']?apiVersion["']?[ \t]*:[ \t]*["']?(argoproj\.io|ai\.sap\.com)/""", re.MULTILINE
)
_SCENARIO: Final = b"scenarios.ai.sap.com/"
_HELM: Final = re.compile(rb"\{\{-? *(?:\.Values|\.Release|\.Chart|include|template)\b")
_GO_TEMPLATE: Final = re.compile(rb"\{\{(?:-| *(?:if|with|range|end)\b)")
_QUOTED: Final = re.compile(rb"""'[^'\n]*'|"(?:[^"\\\n]|\\.)*\"""")
_COMMENT: Final = re.compile(rb"""^[ \t]*#.*|[ \t]#[^"'\n]*$""")
_BEGINS_BLOCK: Final = re.compile(rb"(?:^|:|-)[ \t]+[|>][-+0-9]{0,2}[ \t]*(?:#.*)?$")
_TEMPLATE_KINDS: Final = frozenset({b"WorkflowTemplate", b"ServingTemplate", b"ClusterWorkflowTemplate"})
_ARGO_KINDS: Final = frozenset({b"Workflow", b"CronWorkflow"})
_OTHER_KINDS: Final = frozenset({*_ARGO_KINDS, b"ClusterWorkflowTemplate", b"List"})


def has_executable(head: bytes) -> bool:
    """Return whether a candidate may become an executable of AI Core: workflows that run at once, and lists, do not.

    Args:
        head: the file, or its first 64 KiB.
    """
    root = _ROOT_KEY.search(head)
    kinds = [found.group(2) for found in _KIND.finditer(head) if root and found.group(1) == root.group(1)]
    return b"ai.sap.com/" in head and not _OTHER_KINDS.intersection(kinds)


def is_candidate(head: bytes) -> bool:
    """Return whether a file looks like a template of AI Core or a workflow of Argo, without parsing it.

    A file that is none costs nothing further. One that is broken still counts if it names its kind. Files
    with Helm's own placeholders are not YAML yet, so they do not count; in the lines of a script or another text such
    placeholders belong to a language of its own.

    Args:
        head: the file, or its first 64 KiB.
    """
    head = _plain(head)
    return _is_template(head) and _placeholder_of_helm(head) is None


def helm_placeholder(head: bytes) -> tuple[int, str] | None:
    """Return line and text of the first placeholder of Helm in what would be a candidate without it, None without one.

    Args:
        head: the file, or its first 64 KiB.
    """
    head = _plain(head)
    return _placeholder_of_helm(head) if _is_template(head) else None


def _plain(head: bytes) -> bytes:
    """Return a text as if it had been written in UTF-8, without a byte order mark, with line ends of Unix."""
    if head[:4].count(b"\0"):
        head = head.replace(b"\0", b"").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    return head.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _is_template(head: bytes) -> bool:
    named = b"WorkflowTemplate" in head or b"ServingTemplate" in head or _SCENARIO in head
    if not named and not (b"argoproj.io/" in head and b"Workflow" in head):
        return False
    if _JSON.match(head):
        return b"argoproj.io/" in head or b"ai.sap.com/" in head
    root = _ROOT_KEY.search(head)
    if root is None:
        return False
    indentation = root.group(1)
    ours = any(found.group(1) == indentation for found in _API.finditer(head))
    for found in _KIND.finditer(head):
        if found.group(1) != indentation:
            continue
        if found.group(2) in _TEMPLATE_KINDS or (ours and found.group(2) in _ARGO_KINDS):
            return True
        if found.group(2) == b"List" and _ITEM.search(head):
            return True
    # A misspelt or forgotten kind: only AI Core's own label tells what it was meant to be.
    return _SCENARIO in head and (ours or b"templates:" in head or b"predictor:" in head)


def _placeholder_of_helm(head: bytes) -> tuple[int, str] | None:
    if not _HELM.search(head) and not _GO_TEMPLATE.search(head):
        return None
    for number, line in enumerate(_without_blocks(head), 1):
        written = _COMMENT.sub(b"", line)
        # What is in quotes and none of Helm's own may be a format that a command takes.
        found = _HELM.search(written) or _GO_TEMPLATE.search(_QUOTED.sub(b"", written))
        if found is not None:
            whole, end, _ = written[written.find(found.group()) :].partition(b"}}")
            return number, (whole + end).decode("utf-8", "replace").strip()
    return None


def _without_blocks(head: bytes) -> Iterator[bytes]:
    """Yield the lines, empty where they are part of a block of text (`|`, `>`)."""
    block: int | None = None
    for line in head.split(b"\n"):
        text = line.lstrip(b" ")
        indentation = len(line) - len(text)
        if block is not None:
            if not text or indentation > block:
                yield b""
                continue
            block = None
        if _BEGINS_BLOCK.search(text):
            # The lines of a block in a list are indented deeper than the dash.
            block = indentation
        yield text
