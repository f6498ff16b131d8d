"""Finds the likely cause of a deployment that does not answer: what the service, its log and its template say.

Rows that quote a message come before those that infer the cause from what is missing; of all that apply the first
counts, called likely, with what was seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_aicore.printable import printable
from pytest_aicore.redact import redact
from pytest_aicore.training.symptoms import SYMPTOMS
from pytest_aicore.workflows.resource_plans import DEFAULT_PLAN

if TYPE_CHECKING:
    from pytest_aicore.deployment.plan import DeploymentPlan

DEFAULT_PORT = 8080
"""KServe (`InferenceServiceDefaultHttpPort`)."""
LAST_LINES = 10
_LONGEST = 200
_PORT = re.compile(r"containerPort:\s*(\d+)")
_LISTENS = re.compile(
    r"(?:listening (?:at|on)|running on|bound to|serving on|started (?:at|on))\W{1,3}"
    r"(?:port\s+|(?:https?://)?(?P<host>\[[^\]]*\]|[\w.-]+):)(?P<port>\d{2,5})\b",
    re.IGNORECASE,
)
"""How servers say where they listen: gunicorn, uvicorn, Flask, waitress, Node."""
_LOOPBACK = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])\Z", re.IGNORECASE)
_NO_COMMAND = re.compile(
    r"no command specified|executable file not found|exec: \S+: no such file|has no command|neither command nor",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"/mnt/models|NoSuchKey|specified key does not exist|NoSuchBucket|storage.initializer"
    r"|Failed to (?:fetch|download) model|STORAGE_URI",
    re.IGNORECASE,
)
_IS_PROBLEM = re.compile(r"error|not found|no such|cannot|fail|missing|denied|empty|nothing", re.IGNORECASE)
_CRASH = re.compile(
    r"CrashLoopBackOff|back-off (?:\S+ )?restarting|exited (?:with|by|\d)|exit(?:ed)? code|has ended", re.IGNORECASE
)
_PLAN = re.compile(
    r"insufficient|unschedulable|resource ?plan|not entitled|no nodes? (?:match|available)", re.IGNORECASE
)


class Cause(NamedTuple):
    """A likely cause.

    Attributes:
        likely: what probably went wrong.
        seen: the evidence for it.
        remedy: what to do.
    """

    likely: str
    seen: str
    remedy: str


@dataclass(frozen=True)
class Evidence:
    """What is known of a deployment that does not answer.

    Attributes:
        template: the text of the serving template.
        plans: the resource plans that it names.
        status: of the deployment.
        told: what the service says of it.
        lines: of its log.
        how: how it failed, a sentence.
    """

    template: str
    plans: Sequence[str]
    status: str
    told: tuple[str, ...]
    lines: Sequence[str]
    how: str

    @property
    def port(self) -> int:
        """The port to which AI Core sends requests."""
        found = _PORT.search(self.template)
        return int(found[1]) if found else DEFAULT_PORT

    def find(self, pattern: re.Pattern[str], *, problem: bool = False) -> str | None:
        """Return the latest line of service or log that a pattern matches.

        Args:
            pattern: the pattern.
            problem: whether the line must say that something failed.
        """
        for line in (*self.told[::-1], *self.lines[::-1]):
            if pattern.search(line) and (not problem or _IS_PROBLEM.search(line)):
                return line
        return None


def evidence_of(plan: DeploymentPlan, deployment: Any, lines: Sequence[str], how: str) -> Evidence:
    """Return what is known of a deployment that does not answer.

    Args:
        plan: what is deployed.
        deployment: the SDK's `Deployment`, None if it was never seen.
        lines: of its log.
        how: how it failed, a sentence.
    """
    template = plan.template
    status = "UNKNOWN" if deployment is None else deployment.status.value
    told = tuple(_texts((getattr(deployment, "status_message", None), getattr(deployment, "status_details", None))))
    return Evidence(template.document.text, template.executable.resource_plans, status, told, lines, how)


def likely_cause(evidence: Evidence) -> Cause | None:
    """Return the likely cause, None if none is known.

    Args:
        evidence: what is known.
    """
    return next((found for row in ROWS if (found := row(evidence)) is not None), None)


def explained(evidence: Evidence, cause: Cause | None) -> list[str]:
    """Return the lines that tell why a deployment does not answer.

    Args:
        evidence: what is known of it.
        cause: the likely one.
    """
    lines = evidence.lines
    shown: list[str] = [f"  AI Core says: {_short(each)}" for each in evidence.told[:3]]
    if cause is not None:
        shown += [f"  likely: {cause.likely}", f"    seen: {_short(cause.seen)}", f"    do: {cause.remedy}"]
    if lines:
        shown.append(f"  the last {min(LAST_LINES, len(lines))} of {len(lines)} lines of its log:")
        shown += [f"    {_short(line)}" for line in lines[-LAST_LINES:]]
    else:
        shown.append("  its log is empty")
    return shown


def no_command(evidence: Evidence) -> Cause | None:
    """Kubernetes: neither the template nor the image says what is started."""
    found = evidence.find(_NO_COMMAND)
    if found is None:
        return None
    return Cause(
        "the container has nothing to start: the template gives no `command`, or the image lacks it",
        found,
        'write `command` and `args` of the server in the template, for example command: ["/bin/sh", "-c"]',
    )


def surroundings(evidence: Evidence) -> Cause | None:
    """The image, its registry or the node; the source is with each symptom."""
    for symptom in SYMPTOMS:
        found = evidence.find(symptom.pattern)
        if found is not None:
            return Cause(symptom.likely, found, symptom.remedy)
    return None


def model_not_found(evidence: Evidence) -> Cause | None:
    """KServe's storage initializer, or the server itself, does not find the model."""
    found = evidence.find(_NO_MODEL, problem=True)
    if found is None or "STORAGE_URI" not in evidence.template:
        return None
    return Cause(
        "the model was not found: what STORAGE_URI names is missing or empty, or the server reads another file below"
        " /mnt/models",
        found,
        "compare the URL of the bound artifact with the files in the object store; AI Core puts the files of its folder"
        " directly into /mnt/models",
    )


def wrong_port(evidence: Evidence) -> Cause | None:
    """The log says where the server listens, and AI Core does not send requests there."""
    for line in reversed(evidence.lines):
        found = _LISTENS.search(line)
        if found is None:
            continue
        if int(found["port"]) != evidence.port:
            return Cause(
                f"the server listens on port {found['port']}, and AI Core sends requests to port {evidence.port}",
                line,
                f"let it listen on port {evidence.port}, or write containerPort: {found['port']} in the template"
                f" (without one AI Core takes {DEFAULT_PORT})",
            )
        if _LOOPBACK.match(found["host"] or ""):
            return Cause(
                f"the server listens on {found['host']} only, where no other machine reaches it",
                line,
                f"let it listen on 0.0.0.0:{evidence.port}",
            )
        return None
    return None


def crash_loop(evidence: Evidence) -> Cause | None:
    """Kubernetes restarts a server that ends, with growing pauses."""
    found = evidence.find(_CRASH)
    if found is None and not (evidence.status == "DEAD" and evidence.lines):
        return None
    return Cause(
        "the server ends by itself, and is started again and again (a crash loop)",
        found or f"status {evidence.status}",
        "read the end of its log; a server must run until it is stopped, in the foreground",
    )


def plan_not_entitled(evidence: Evidence) -> Cause | None:
    """PENDING without log: no node. Source: documentation, reported for trainings."""
    if evidence.status not in ("PENDING", "UNKNOWN") or evidence.lines:
        return None
    found = evidence.find(_PLAN)
    if found is None and evidence.told:
        return None
    plan = evidence.plans[0] if evidence.plans else DEFAULT_PLAN
    other = "wait for a free node, or try another plan" if plan == DEFAULT_PLAN else f"try the plan {DEFAULT_PLAN!r}"
    return Cause(
        f"the tenant may not use the resource plan {plan!r}, or no node of it is free; or a docker registry secret that"
        " imagePullSecrets names is missing",
        found or f"status {evidence.status} without message and without log",
        f"{other}; the entitlements in the BTP cockpit list the plans",
    )


def never_ready(evidence: Evidence) -> Cause | None:
    """The server runs, and its readiness probe does not pass."""
    if evidence.status not in ("PENDING", "UNKNOWN") or not evidence.lines:
        return None
    return Cause(
        "the server has started, but its readiness probe does not pass",
        f"status {evidence.status}, and its log has lines",
        f"let it listen on 0.0.0.0:{evidence.port}, answer the path of `readinessProbe` if the template has one, and"
        " load the model in less time than timeout= allows",
    )


def not_listening(evidence: Evidence) -> Cause | None:
    """RUNNING, and nobody answers."""
    if evidence.status != "RUNNING" or "does not listen" not in evidence.how:
        return None
    return Cause(
        f"nothing listens on port {evidence.port}, to which AI Core sends requests",
        "status RUNNING, and no answer",
        f"let the server listen on 0.0.0.0:{evidence.port}, or correct containerPort in the template",
    )


ROWS: tuple[Callable[[Evidence], Cause | None], ...] = (
    no_command,
    model_not_found,
    surroundings,
    wrong_port,
    crash_loop,
    plan_not_entitled,
    never_ready,
    not_listening,
)


def _texts(value: Any, name: str = "") -> Iterator[str]:
    """Yield the messages in status details of any shape."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, str(key))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner, name)
    elif isinstance(value, str) and value.strip() and (" " in value or name in ("message", "reason")):
        text = value.strip()
        try:
            inner = json.loads(text) if text.startswith(("{", "[")) else None
        except ValueError:
            inner = None
        if inner is None:
            yield text
        else:
            yield from _texts(inner, name)


def _short(line: str) -> str:
    text = redact(printable(line))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
