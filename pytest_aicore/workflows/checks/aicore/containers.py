"""Rules for every container, of Argo or KServe: images, variables, pull secrets, placeholders."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_aicore.placeholders import to_fill_in
from pytest_aicore.workflows.argo.variables import left_over
from pytest_aicore.workflows.checks.argo.references.foreign import FOREIGN_PLACEHOLDER
from pytest_aicore.workflows.checks.argo.references.texts import texts
from pytest_aicore.workflows.checks.examples import example_container, with_args
from pytest_aicore.workflows.checks.rule import Severity, aicore_rule
from pytest_aicore.workflows.checks.subject import is_replaced
from pytest_aicore.workflows.checks.words import hint_for
from pytest_aicore.workflows.yaml.tree import ScalarNode, is_given

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_aicore.workflows.checks.findings import Finding
    from pytest_aicore.workflows.checks.report import Report
    from pytest_aicore.workflows.yaml.tree import MappingNode, Node

IMAGE: Final = aicore_rule(
    321,
    "image",
    "The name of an image has no registry or tag, or is invalid",
    "AI Core needs the host of the registry in the name (`docker.io/...`), because a pull secret belongs to one; "
    "without a tag or digest the image can change between runs. `latest` is only a hint: it is a tag, but can change "
    "as well.",
    example_container().replace("docker.io/example/churn:1", "example/churn"),
    example_container(),
    Severity.WARNING,
)
PLACEHOLDER: Final = aicore_rule(
    322,
    "placeholder",
    "Something was left to be filled in",
    "Tutorials write `<YOUR_DOCKER_USERNAME>` and similar placeholders for values of your own. AI Core uses them "
    "unchanged.",
    example_container().replace("example", "<YOUR_DOCKER_USERNAME>"),
    example_container(),
    Severity.WARNING,
)
PULL_SECRET: Final = aicore_rule(
    325,
    "pull-secret",
    "A pull secret has no name, or an invalid one",
    "`imagePullSecrets` names docker registry secrets of the tenant. An empty name makes Kubernetes refuse the pod; "
    "with an invalid one the image cannot be pulled.",
    with_args("./train").replace("  templates:", "  imagePullSecrets:\n    - name:\n  templates:"),
    with_args("./train --depth {{workflow.parameters.DEPTH}}").replace(
        "  templates:", "  imagePullSecrets:\n    - name: docker-registry-secret\n  templates:"
    ),
)
_FEW_PLACEHOLDERS: Final = 3
"""How many placeholders of a file are listed one by one."""
_LISTED_LINES: Final = 30
_OF_PLACEHOLDERS: Final = (
    (PLACEHOLDER, "AI Core uses them unchanged"),
    (FOREIGN_PLACEHOLDER, "Argo does not replace them"),
)
_SHOUTED: Final = re.compile(r"(?<![A-Za-z0-9_])[A-Z]{2,}(?:_[A-Z0-9]+)+(?![A-Za-z0-9_])")
_REPOSITORY: Final = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
_TAG: Final = re.compile(r"[\w][\w.-]{0,127}")
_PULL_SECRET: Final = re.compile(r"[a-z0-9](?:_?[a-z0-9.-])*(?<=[a-z0-9])")


def check_to_fill_in(report: Report, node: Node | None, what: str, *, wholly: bool = False) -> bool:
    """Report a text with a placeholder left to be filled in.

    Returns:
        whether there is one: such a text is not checked further.
    """
    if type(node) is not ScalarNode or node.kind != "string":
        return False
    left = to_fill_in(node.text, wholly=True) if wholly else left_over(node.text)
    if left is None:
        return False
    _left(report, node, left, what)
    return True


def check_left(report: Report, root: Node) -> None:
    """Report the values below a node that were left to be filled in."""
    for text in texts(root):
        if text.is_whole:
            check_to_fill_in(report, text.node, "it", wholly=True)


def _left(report: Report, node: ScalarNode, left: str, what: str) -> None:
    report.add_inside(
        PLACEHOLDER,
        node,
        left,
        f"`{left}` was left to be filled in: AI Core uses {what} unchanged.",
        "Put the real value in its place.",
    )


def told_once(findings: list[Finding]) -> list[Finding]:
    """Return findings with one for all the placeholders of a file that is full of them.

    Args:
        findings: of one file, in their order.
    """
    for rule, what in _OF_PLACEHOLDERS:
        left = [finding for finding in findings if finding.rule == rule.id and finding.hint is None]
        if len(left) <= _FEW_PLACEHOLDERS:
            continue
        lines = list(dict.fromkeys(str(finding.place.line) for finding in left))
        listed = ", ".join(lines[:_LISTED_LINES])
        others = f" and {len(lines) - _LISTED_LINES} more" if len(lines) > _LISTED_LINES else ""
        first = replace(
            left[0],
            message=f"{len(left)} placeholders were left to be filled in (lines {listed}{others}): {what}.",
            remedy="Put the real values in their places.",
        )
        findings = [first if finding is left[0] else finding for finding in findings if finding not in left[1:]]
    return findings


class _ImageName(NamedTuple):
    has_host: bool
    repository: str
    tag: str
    digest: str

    @property
    def is_valid(self) -> bool:
        return bool(_REPOSITORY.fullmatch(self.repository)) and not (self.tag and not _TAG.fullmatch(self.tag))


def _taken_apart(image: str) -> _ImageName:
    name, _, digest = image.partition("@")
    first, slash, rest = name.partition("/")
    has_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    path = rest if has_host else name
    repository, _, tag = path.partition(":")
    return _ImageName(has_host, repository, tag, digest)


def _respelled(image: str) -> str | None:
    """Return an image's name in lower case and without the protocol of a URL, None where that is not valid either."""
    better = re.sub(r"^\w+://", "", image)
    repository = _taken_apart(better).repository
    better = better.replace(repository, repository.lower(), 1)
    return better if better != image and _taken_apart(better).is_valid else None


def check_image(report: Report, container: MappingNode) -> None:
    """Report an image name without registry or tag, or an invalid one."""
    node = container.values.get("image")
    if type(node) is not ScalarNode or node.kind != "string" or not node.text.strip():
        return
    image = node.text
    if check_to_fill_in(report, node, "the image") or is_replaced(image):
        return
    shouted = _SHOUTED.search(image.partition("@")[0].rpartition(":")[0] or image)
    if shouted is not None:  # image names have no capital letters: this is a placeholder
        _left(report, node, shouted.group(), "the image")
        return
    name = _taken_apart(image)
    if not name.is_valid:
        report.add(
            IMAGE,
            node,
            "Invalid image name, so the pod never starts.",
            "Image names are lower case, without spaces: `docker.io/organisation/name:tag`.",
            hint=hint_for(_respelled(image)),
            severity=Severity.ERROR,
        )
        return
    lacking = [*([] if name.has_host else ["registry"]), *([] if name.tag or name.digest else ["tag"])]
    if lacking:
        report.add(
            IMAGE,
            node,
            f"The image name has no {' and no '.join(lacking)}. "
            + (
                "AI Core needs the registry, because a pull secret belongs to one."
                if not name.has_host
                else "The image behind `latest` can change between runs."
            ),
            "Write it like `docker.io/organisation/name:tag`.",
        )
    elif name.tag == "latest" and not name.digest:
        report.add(
            IMAGE,
            node,
            "The image behind `latest` can change between runs.",
            "Name the version of the image, or its digest.",
            severity=Severity.HINT,
        )


def check_pull_secrets(report: Report, secrets: Iterable[MappingNode], line_of: Node | None) -> None:
    """Report pull secrets without a name, or with one that no docker registry secret can have.

    Args:
        report: where findings go.
        secrets: the items of `imagePullSecrets`.
        line_of: the key `imagePullSecrets`, the place for secrets that are empty.
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
                    "Names of secrets have lower-case letters, digits, hyphens, dots and underscores. (Is this a "
                    "token? It belongs in the secret, never in a file.)",
                    severity=Severity.WARNING,
                )
