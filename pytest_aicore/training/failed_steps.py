"""Which steps of a training have failed and why, as far as the status details of the service say it."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

_MOST_LINES: Final = 5
"""How many of a step's last lines are shown."""
_MOST_STEPS: Final = 3
_PLAIN_CODE: Final = re.compile(r"Error \(exit code \d+\)(?:: (?P<why>.+))?", re.DOTALL)
"""What Argo says of a container that ended with an error (argo-workflows, workflow/controller/operator.go)."""
_CHILD: Final = re.compile(r"child '.*' failed")
_NUMBER: Final = re.compile(r"-(\d+)\Z")
_RAISED: Final = re.compile(r"(?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Warning)\b(?::.*)?")
_SHELL: Final = {126: "a program that cannot be executed", 127: "a program that does not exist"}
"""What shells end with (POSIX, "Exit Status for Commands")."""
_SIGNALS: Final = 128
"""Shells and container runtimes add it to the number of the signal that ended a program."""


class Container(NamedTuple):
    """The status details of one container.

    Attributes:
        name: `main` runs the user's program, `wait` uploads the outputs, `init` loads the inputs.
        exit_code: None if it has not ended.
        message: the message of the cluster.
        last: the end of its log.
        pod: the name of its pod.
    """

    name: str
    exit_code: int | None
    message: str
    last: str
    pod: str


class FailedStep(NamedTuple):
    """A step that has failed.

    Attributes:
        name: of the step, empty where the workflow failed before any step.
        why: what is known of the cause, a clause.
        last_lines: the end of its log.
    """

    name: str
    why: str
    last_lines: list[str]

    @property
    def lines(self) -> list[str]:
        """The step in words, then its last lines, indented."""
        what = f"step {self.name}" if self.name else "the workflow"
        return [f"{what} failed: {self.why}", *(f"  {line}" for line in self.last_lines)]


def containers_in(details: object) -> list[Container]:
    """Return what status details say of containers; the shape is captured.

    Args:
        details: of any shape.
    """
    return [
        Container(
            str(each.get("container_name", "?")),
            _whole(each.get("exit_code")),
            str(each.get("message") or "").strip(),
            str(each.get("last_log_messages") or "").strip(),
            str(each.get("pod_name") or ""),
        )
        for each in _maps(details, "details")
    ]


def failed_steps(details: object, only: str) -> list[FailedStep]:
    """Return the steps that have failed: by their containers, and those whose containers never started.

    Args:
        details: status details, of any shape.
        only: how to call the step of a workflow that has no other.
    """
    nodes = _maps(details, "workflow_info")  # the first is the workflow itself
    execution = str(nodes[0].get("id") or "") if nodes else ""
    names = {_number(str(each.get("id") or "")): str(each.get("name") or "") for each in nodes[1:]}
    found: list[FailedStep] = []
    told: set[str] = set()
    for container in containers_in(details):
        why = _why(container)
        if why is not None:
            number = _number(container.pod)
            told.add(number)
            name = only if container.pod in ("", execution) else names.get(number) or container.pod
            found.append(FailedStep(name, why, _last(container.last)))
    for node in nodes:
        message = str(node.get("message") or "").strip()
        is_workflow = node is nodes[0]
        is_told = bool(found) if is_workflow and len(nodes) == 1 else _number(str(node.get("id") or "")) in told
        if message and not is_told and not (is_workflow and len(nodes) > 1) and not _CHILD.fullmatch(message):
            found.append(FailedStep("" if is_workflow else str(node.get("name") or only), message, []))
    return found


def lines_of_failure(details: object, only: str) -> Iterator[str]:
    """Yield the lines that tell of the steps that have failed; of many the first ones.

    Args:
        details: status details, of any shape.
        only: how to call the step of a workflow that has no other.
    """
    steps = failed_steps(details, only)
    for step in steps[:_MOST_STEPS]:
        yield from step.lines
    if len(steps) > _MOST_STEPS:
        yield f"{len(steps) - _MOST_STEPS} more steps failed"


def raised_in(lines: Iterable[str]) -> str | None:
    """Return the last line that names an exception of Python, None without one.

    Args:
        lines: of a log.
    """
    raised = [line.strip() for line in lines if _RAISED.fullmatch(line.strip())]
    return raised[-1] if raised else None


def _why(container: Container) -> str | None:
    """Return why a container failed, None if it did not."""
    code = container.exit_code
    if not code:
        return None
    ended = f"exit code {code}" if container.name == "main" else f"container {container.name}, exit code {code}"
    said = _PLAIN_CODE.fullmatch(container.message)
    own = container.message if said is None else (said["why"] or "")
    meaning = own or raised_in(container.last.splitlines()) or _meaning(code)
    return f"{ended}, {meaning}" if meaning else ended


def _meaning(code: int) -> str | None:
    """Return what an exit code means that the program itself has not chosen."""
    if code > _SIGNALS:
        try:
            return f"ended by {signal.Signals(code - _SIGNALS).name}"
        except ValueError:
            return None
    return _SHELL.get(code)


def _last(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()][-_MOST_LINES:]


def _number(name: str) -> str:
    """Return the number in which the names of a pod and the id of its node end (inferred, see `world/bindings.py`)."""
    found = _NUMBER.search(name)
    return found[1] if found else name


def _maps(details: object, key: str) -> list[Mapping[str, Any]]:
    found = details.get(key) if isinstance(details, Mapping) else None
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _whole(value: object) -> int | None:
    try:
        return int(str(value))
    except ValueError:
        return None


__all__ = ["Container", "FailedStep", "containers_in", "failed_steps", "lines_of_failure", "raised_in"]
