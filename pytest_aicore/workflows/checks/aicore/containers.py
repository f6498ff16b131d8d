"""What holds for every container, whether Argo runs it or KServe: images, variables, pull secrets, placeholders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.placeholders import to_fill_in
from pytest_aicore.workflows.checks.aicore.rules import IMAGE, PLACEHOLDER, PULL_SECRET
from pytest_aicore.workflows.checks.rule import Severity
from pytest_aicore.workflows.checks.subject import is_replaced
from pytest_aicore.workflows.yaml.tree import ScalarNode, is_given

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_aicore.workflows.checks.report import Report
    from pytest_aicore.workflows.yaml.tree import MappingNode, Node

_SHOUTED: Final = re.compile(r"(?<![A-Za-z0-9_])[A-Z]{2,}(?:_[A-Z0-9]+)+(?![A-Za-z0-9_])")
_REPOSITORY: Final = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
_TAG: Final = re.compile(r"[\w][\w.-]{0,127}")
_PULL_SECRET: Final = re.compile(r"[a-z0-9](?:_?[a-z0-9.-])*(?<=[a-z0-9])")


def check_to_fill_in(report: Report, node: Node | None, what: str, *, wholly: bool = False) -> bool:
    """Report a text in which something was left to fill in.

    Returns:
        whether that is so: nothing else is to be said about such a text.
    """
    if type(node) is not ScalarNode or node.kind != "string":
        return False
    left = to_fill_in(node.text, wholly=wholly)
    if left is None:
        return False
    _left(report, node, left, what)
    return True


def _left(report: Report, node: ScalarNode, left: str, what: str) -> None:
    report.add_inside(
        PLACEHOLDER,
        node,
        left,
        f"`{left}` was left to be filled in: AI Core takes {what} as it stands here.",
        "Put the real value in its place.",
    )


def check_image(report: Report, container: MappingNode) -> None:
    """Report an image that is not named with its registry and a tag, or cannot exist."""
    node = container.values.get("image")
    if type(node) is not ScalarNode or node.kind != "string" or not node.text.strip():
        return
    image = node.text
    if check_to_fill_in(report, node, "the image") or is_replaced(image):
        return
    shouted = _SHOUTED.search(image.partition("@")[0].rpartition(":")[0] or image)
    if shouted is not None:  # no image has capital letters in its name: this stands for one
        _left(report, node, shouted.group(), "the image")
        return
    name, _, digest = image.partition("@")
    first, slash, rest = name.partition("/")
    has_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    path = rest if has_host else name
    repository, _, tag = path.partition(":")
    if not _REPOSITORY.fullmatch(repository) or (tag and not _TAG.fullmatch(tag)):
        better = re.sub(r"^\w+://", "", image) if "://" in image else image.replace(path, path.lower(), 1)
        report.add(
            IMAGE,
            node,
            "No image can have this name, so the pod never starts.",
            "Names of images are written in lower case, without blanks: `docker.io/organisation/name:tag`.",
            hint=f"Did you mean {better!r}?"
            if better != image and ("://" in image or _REPOSITORY.fullmatch(repository.lower()))
            else None,
            severity=Severity.ERROR,
        )
        return
    lacking = [*([] if has_host else ["its registry"]), *([] if tag or digest else ["a tag"])]
    if lacking:
        report.add(
            IMAGE,
            node,
            f"The image is named without {' and '.join(lacking)}. "
            + (
                "AI Core wants the registry, for the pull secret belongs to one."
                if not has_host
                else "What `latest` means can change from one run to the next."
            ),
            "Write it like `docker.io/organisation/name:tag`.",
        )
    elif tag == "latest" and not digest:
        report.add(
            IMAGE,
            node,
            "What `latest` means can change from one run to the next.",
            "Name the version of the image, or its digest.",
            severity=Severity.HINT,
        )


def check_pull_secrets(report: Report, secrets: Iterable[MappingNode], line_of: Node | None) -> None:
    """Report pull secrets without a name, or with one that no docker registry secret can have.

    Args:
        report: where findings go.
        secrets: the items of `imagePullSecrets`.
        line_of: the key `imagePullSecrets`, for secrets that have no place of their own.
    """
    for secret in secrets:
        name = secret.values.get("name")
        if not is_given(secret, "name") or (type(name) is ScalarNode and not name.text.strip()):
            at = secret.keys.get("name") or (secret if secret.values else line_of or secret)
            report.add(
                PULL_SECRET,
                at,
                "This pull secret has no name, so Kubernetes refuses the pod.",
                "Name the docker registry secret, or remove `imagePullSecrets` if the image is public.",
            )
        elif type(name) is ScalarNode and name.kind == "string":
            if check_to_fill_in(report, name, "the secret's name") or is_replaced(name.text):
                continue
            if not _PULL_SECRET.fullmatch(name.text):
                report.add(
                    PULL_SECRET,
                    name,
                    "No docker registry secret of AI Core can have this name, so the image cannot be pulled.",
                    "Names of secrets hold lower-case letters, digits, hyphens, dots and underscores. (Is this a "
                    "token? It belongs into the secret, never into a file.)",
                    severity=Severity.WARNING,
                )
