"""The commands of the containers of a workflow, and their names, by which AI Core shows logs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.aicore.containers import check_image, check_to_fill_in
from pytest_aicore.workflows.checks.argo.remedies import of_command
from pytest_aicore.workflows.checks.examples import example_container
from pytest_aicore.workflows.checks.rule import Severity, aicore_rule
from pytest_aicore.workflows.checks.subject import is_replaced
from pytest_aicore.workflows.yaml.tree import ScalarNode

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import TemplateModel
    from pytest_aicore.workflows.checks.aicore.check import AicoreCheck
    from pytest_aicore.workflows.yaml.tree import MappingNode, Node

NO_COMMAND: Final = aicore_rule(
    315,
    "no-command",
    "A container has no command",
    "AI Core ignores `CMD` and `ENTRYPOINT` of the image, so every container needs a command: "
    '`command: ["/bin/sh", "-c"]`.',
    'container:\n  image: docker.io/example/churn:1\n  args: ["./train"]',
    example_container(),
)
COMMAND: Final = aicore_rule(
    316,
    "command",
    "A container's command is not a shell's",
    'SAP\'s service guide asks for `command: ["/bin/sh", "-c"]`. Other commands run in practice, except for a '
    "whole command line in one word. A shell with `-c` runs only the first item of `args`.",
    'container:\n  image: docker.io/example/churn:1\n  command: ["python"]\n  args: ["train.py"]',
    example_container(),
    Severity.WARNING,
)
NO_ARGS: Final = aicore_rule(
    317,
    "no-args",
    "A container has no args",
    "`args` is the command line that the shell runs. Without it `sh -c` ends with an error, or nothing runs.",
    'container:\n  image: docker.io/example/churn:1\n  command: ["/bin/sh", "-c"]',
    example_container(),
)
CONTAINER_NAME: Final = aicore_rule(
    324,
    "container-name",
    "The logs of a container cannot be read",
    "AI Core shows the logs of the container `main` and of those whose names begin with `readable-`. A container set "
    "needs one with the name `main`.",
    example_container() + "\nsidecars:\n  - name: proxy\n    image: docker.io/example/proxy:1\n"
    '    command: ["/bin/sh", "-c"]\n    args: ["./proxy"]',
    example_container() + "\nsidecars:\n  - name: readable-proxy\n    image: docker.io/example/proxy:1\n"
    '    command: ["/bin/sh", "-c"]\n    args: ["./proxy"]',
    Severity.WARNING,
)
_SHELL: Final = re.compile(r"(?:.*/)?(?:ba|da|a|z|k)?sh")
_POSITIONAL: Final = re.compile(r"\$\{?[0-9@*#]|\bshift\b|\{\{")
_SHELL_OPTION: Final = re.compile(r"-[a-z]*c[a-z]*")


def check_container(check: AicoreCheck, template: TemplateModel, key: str, container: MappingNode) -> None:
    """Report a container with an invalid image or command, or without one."""
    report = check.subject.report
    check_image(report, container)
    for variable in container.mappings_of("env"):
        check_to_fill_in(report, variable.values.get("value"), "the value", wholly=True)
        secret = variable.mapping("valueFrom").mapping("secretKeyRef")
        check_to_fill_in(report, secret.values.get("name"), "the secret's name")
    if key not in ("container", "containerSet", "script") or key in check.defaults.values or not container.values:
        return
    at = container.values.get("name") if key == "containerSet" else template.node.keys.get(key)
    at = at or container
    command = container.values.get("command")
    words = _words(container, "command")
    if command in check.wrong:
        return
    if not any(word.strip() for word in words):
        check.add(
            NO_COMMAND,
            container.keys.get("command") or at,
            "This container has no command, and AI Core ignores that of the image.",
            'Add `command: ["/bin/sh", "-c"]`, and the command line to `args`.',
        )
        return
    if key == "script":
        return
    if re.search(r"\s", words[0].strip()) and not is_replaced(words[0]):
        check.add(
            COMMAND,
            container.keys["command"],
            f"`{words[0]}`, with its spaces, is taken for the name of one program, so the container never starts.",
            of_command(" ".join(words), has_args=bool(_words(container, "args"))),
            severity=Severity.ERROR,
        )
        return
    if not _is_shell([*words, *_words(container, "args")[:1]]):
        check.add(
            COMMAND,
            container.keys["command"],
            'SAP\'s service guide asks for `command: ["/bin/sh", "-c"]`; other commands run in practice.',
            "Run it in a shell, with the command line in `args`.",
        )
        return  # a whole command line may be in it, so `args` may be missing
    _check_args(check, container, words, at=at)


def _check_args(check: AicoreCheck, container: MappingNode, words: list[str], *, at: Node) -> None:
    args = container.values.get("args")
    if args in check.wrong:
        return
    given = [item for item in container.items_of("args") if type(item) is not ScalarNode or (item.value or "").strip()]
    needs_args = _is_shell(words) and bool(_SHELL_OPTION.fullmatch(words[-1]))
    if given:
        first = given[0].text if type(given[0]) is ScalarNode else "$@"
        if needs_args and len(given) > 1 and not _POSITIONAL.search(first):
            check.add(
                COMMAND,
                given[1],
                f"A shell with `{words[-1]}` runs only the first item of `args`: this one is not part of the "
                "command line.",
                "Write the whole command line as one item.",
            )
        return
    check.add(
        NO_ARGS,
        container.keys.get("args") or at,
        "This container has no `args`, so its shell has nothing to run and ends with an error."
        if needs_args
        else "This container has no `args`, which SAP's service guide asks for.",
        "Add `args` with the command line.",
        severity=None if needs_args else Severity.WARNING,
    )


def check_container_names(check: AicoreCheck, template: TemplateModel) -> None:
    """Report containers whose logs AI Core does not show."""
    named = [
        (key, name, container)
        for key, container in template.containers()
        if key in ("containerSet", "sidecars") and (name := container.name("name"))
    ]
    in_set = [name for key, name, _ in named if key == "containerSet"]
    if in_set and "main" not in in_set:
        check.add(
            CONTAINER_NAME,
            template.node.mapping("containerSet").keys["containers"],
            "No container of the set has the name `main`, so AI Core shows no logs of a run.",
            "Name the one that does the work `main`, also where others depend on it.",
        )
    for _, name, container in named:
        if name != "main" and not name.startswith("readable-") and not is_replaced(name):
            check.add(
                CONTAINER_NAME,
                container.values["name"],
                f"AI Core shows no logs of the container `{name}`.",
                f"Name it `readable-{name}`.",
            )


def _words(container: MappingNode, key: str) -> list[str]:
    return [item.value or "" for item in container.items_of(key) if type(item) is ScalarNode]


def _is_shell(words: list[str]) -> bool:
    """Return whether a command is a shell, which may have options (`bash -euo pipefail -c`)."""
    begins = next((index for index, word in enumerate(words) if _SHELL.fullmatch(word)), len(words))
    return any(_SHELL_OPTION.fullmatch(word) for word in words[begins + 1 :])
