"""Finds likely causes of a failed training: compares what is known of the run with known symptoms of AI Core.

Rows in which the service itself names the error come first; only if none of them applies, rows that infer the cause
from what is missing. A row requests more data from the service when it needs them; if the service refuses, the cause
says what could not be checked. No cause is certain, so each one is called likely and says what was seen.

Sources are SAP's troubleshooting pages of SAP AI Core (`documentation`), what was captured of the service
(`captured`), and public field reports (`reported`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from pytest_aicore.errors import AicoreError, did_you_mean, listing
from pytest_aicore.service_facts import DEFAULT_STORE, FINAL_STATUSES
from pytest_aicore.training.failed_steps import containers_in, raised_in
from pytest_aicore.training.plan import COMPLETED
from pytest_aicore.training.service.failures import CallError
from pytest_aicore.training.symptoms import SYMPTOMS
from pytest_aicore.training.watcher import DeadlineError
from pytest_aicore.workflows.resource_plans import DEFAULT_PLAN

if TYPE_CHECKING:
    from datetime import datetime

    from pytest_aicore.training.failed_steps import Container
    from pytest_aicore.training.run import Run
    from pytest_aicore.training.watcher import Seen
    from pytest_aicore.workflows import Template

T = TypeVar("T")

MOST_CAUSES = 3
LONG_SECONDS = 120.0
"""Captured: 14 to 89 seconds from the creation of an execution until it ran. A longer start is unusual."""
MOST_APPLICATIONS = 5
"""How many applications are asked for their status; a tenant may have 50."""
_STOPPED_BY_US = ("STOPPING", "STOPPED")
"""Statuses of a run that pytest-aicore stopped: they say nothing about the cause of the failure."""


class Cause(NamedTuple):
    """A likely cause of a failure.

    Attributes:
        name: a short name, for other tools.
        likely: what probably went wrong.
        seen: the evidence for it.
        remedy: what to do.
    """

    name: str
    likely: str
    seen: str
    remedy: str


class Service(Protocol):
    """The requests to AI Core that a diagnosis may make."""

    def logs(self, execution_id: str, since: datetime) -> list[Any]:
        """Return the log lines, as the SDK's items."""

    def bindings(self, configuration_id: str) -> tuple[dict[str, str], dict[str, str]]:
        """Return what a configuration binds: parameter values by name, and artifact ids by input name."""

    def executables(self, scenario_id: str) -> list[Any]:
        """Return the executables of a scenario."""

    def object_store_secrets(self) -> dict[str, dict[str, str]]:
        """Return the public fields of the resource group's object-store secrets by name."""

    def docker_registry_secrets(self) -> list[str]:
        """Return the names of the docker registry secrets."""

    def applications(self) -> list[str]:
        """Return the names of the applications."""

    def application_status(self, name: str) -> dict[str, Any]:
        """Return the result of an application's last synchronisation."""


class Unseen(NamedTuple):
    """Data that could not be fetched.

    Attributes:
        what: which data, for messages.
        why: the first line of the error.
    """

    what: str
    why: str

    def __str__(self) -> str:
        """Return a clause for messages."""
        return f"could not check {self.what} ({self.why})"


@dataclass
class Evidence:
    """What is known of a run that failed, or of one that never started.

    Attributes:
        template: the local workflow.
        artifacts: URL of each input artifact by name, as the test gave it.
        parameters: value of each parameter by name, as the test gave it.
        resource_group: where it ran.
        configuration_id: None if it was not configured.
        execution_id: None if it was not started.
        created: when it was started.
        history: the statuses that were seen, with the time.
        now: the time of the last poll, from which follows how long the last status had lasted.
        status_message: the service's message for the status.
        status_details: the service's details for the status, of any shape.
        known_logs: the log lines; None if they have not been fetched yet.
        outputs: names of the registered output artifacts.
        failure: the text of the error with which the run, or the test, failed.
        gave_up: whether pytest-aicore stopped waiting for it before it ended.
        service: for further requests; None if none may be made.
    """

    template: Template | None = None
    artifacts: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    resource_group: str = "default"
    configuration_id: str | None = None
    execution_id: str | None = None
    created: datetime | None = None
    history: Sequence[Seen] = ()
    now: datetime | None = None
    status_message: str = ""
    status_details: object = None
    known_logs: Sequence[str] | None = None
    outputs: Collection[str] = ()
    failure: str = ""
    gave_up: bool = False
    service: Service | None = None
    _fetched: dict[str, Any] = field(default_factory=dict, repr=False)
    _outage: str | None = field(default=None, repr=False)

    # What happened ----------------------------------------------------------------------------------------------

    @property
    def status(self) -> str | None:
        """The last status, None if the run never started."""
        return self.history[-1].status.value if self.history else None

    @property
    def workflow(self) -> str:
        """The name of the workflow in messages."""
        if self.template is None:
            return "the workflow"
        return self.template.path.name if self.template.path else self.template.name

    @property
    def waited(self) -> float:
        """Seconds for which the last status is known to have lasted."""
        if not self.history or self.now is None:
            return 0.0
        return max((self.now - self.history[-1].time).total_seconds(), 0.0)

    @property
    def since(self) -> str:
        """The last status and how long it lasted, in words."""
        seconds = self.waited
        long = f"{seconds:.0f} s" if seconds < LONG_SECONDS else f"{seconds / 60:.0f} min"
        return f"{self.status} for {long}"

    @property
    def containers(self) -> list[Container]:
        """What the status details say of the containers."""
        return containers_in(self.status_details)

    @property
    def service_lines(self) -> list[str]:
        """The lines of status message and status details; the cluster's messages about containers come first."""
        messages = [each.message for each in self.containers]
        texts = (self.status_message, *messages, *_texts(self.status_details))
        return [line for text in texts for line in text.splitlines()]

    def find(self, pattern: re.Pattern[str], *, logs: bool = False) -> tuple[str, re.Match[str]] | None:
        """Return the first line of the service's messages that matches a pattern.

        Args:
            pattern: what to search for.
            logs: whether to search the logs of the training as well.
        """
        lines = [*self.service_lines, *(_lines(self.logs) if logs and self.execution_id else ())]
        for line in lines:
            match = pattern.search(line)
            if match:
                return line.strip(), match
        return None

    # What can be requested ----------------------------------------------------------------------------------------

    @property
    def logs(self) -> Sequence[str] | Unseen:
        """The log lines."""
        if self.known_logs is not None:
            return self.known_logs
        execution_id, created = self.execution_id, self.created
        if execution_id is None or created is None:
            return []
        return self.fetch("the logs", lambda service: [str(line.msg) for line in service.logs(execution_id, created)])

    def fetch(self, what: str, ask: Callable[[Service], T]) -> T | Unseen:
        """Return data of the service, which are requested once; an error is remembered as well.

        After an error that shows that the service cannot be reached, no more requests are made.

        Args:
            what: which data, for messages.
            ask: makes the request.
        """
        if what not in self._fetched:
            self._fetched[what] = self._request(what, ask)
        found: T | Unseen = self._fetched[what]
        return found

    def _request(self, what: str, ask: Callable[[Service], T]) -> T | Unseen:
        if self.service is None:
            return Unseen(what, "no connection to AI Core")
        if self._outage is not None:
            return Unseen(what, self._outage)
        try:
            return ask(self.service)
        except CallError as error:
            status = f"HTTP {error.status}" if error.status else str(error).partition("\n")[0]
            if error.transient:
                self._outage = status
            return Unseen(what, status)
        except AicoreError as error:
            self._outage = str(error).partition("\n")[0]
            return Unseen(what, self._outage)

    @property
    def stores(self) -> dict[str, dict[str, str]] | Unseen:
        """The object-store secrets of the resource group."""
        return self.fetch("the object-store secrets", lambda service: service.object_store_secrets())

    @property
    def docker_secrets(self) -> list[str] | Unseen:
        """The names of the docker registry secrets of the tenant."""
        return self.fetch("the docker registry secrets", lambda service: service.docker_registry_secrets())

    @property
    def published(self) -> dict[str, Any] | Unseen:
        """The service's executables of the workflow's scenario, by id."""
        scenario = self.template.executable.scenario_id if self.template else None
        if scenario is None:
            return Unseen("the executables", "no scenario")
        return self.fetch("the executables", lambda service: {each.id: each for each in service.executables(scenario)})

    @property
    def bound(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Parameters and artifacts of the configuration by name; those that the test gave if it cannot be read."""
        asked = (self.parameters, self.artifacts)
        configuration = self.configuration_id
        if configuration is None:
            return asked
        found = self.fetch("the configuration", lambda service: service.bindings(configuration))
        return asked if isinstance(found, Unseen) else found

    @property
    def applications(self) -> dict[str, dict[str, Any]] | Unseen:
        """The status of the first few applications, by name."""
        return self.fetch(
            "the applications",
            lambda service: {
                name: service.application_status(name) for name in service.applications()[:MOST_APPLICATIONS]
            },
        )

    @property
    def pull_secrets(self) -> list[str]:
        """The docker registry secrets that the workflow names."""
        return [] if self.template is None else [*self.template.pull_secrets]


def diagnose(evidence: Evidence) -> list[Cause]:
    """Return the likely causes of a failure, the likeliest first; an empty list without evidence for any.

    Args:
        evidence: what is known of the run.
    """
    causes = [cause for row in NAMED if (cause := row(evidence)) is not None]
    if not causes and (evidence.gave_up or evidence.status in FINAL_STATUSES):
        for row in INFERRED:
            cause = row(evidence)
            if cause is not None:
                causes.append(cause)
            if len(causes) == MOST_CAUSES:
                break
    return causes[:MOST_CAUSES]


def evidence_of(run: Run, service: Service | None, now: datetime, failure: str = "") -> Evidence:
    """Return what is known of a run.

    Args:
        run: the run.
        service: for further requests; None if none may be made.
        now: the time of the last poll.
        failure: the text of the error with which the test failed, which need not be the error of the run.
    """
    training = run.training
    watch, finished, error = training.watch, training.made, training.problem
    execution = watch.execution if watch else None
    ended = finished.status.value if finished else None
    # A run that ended as expected explains no failure, except by an output artifact that is missing.
    expected = ended is not None and ended == run.plan.expect
    if error is None and (ended is None or expected):
        return Evidence(
            template=run.plan.template,
            resource_group=run.plan.resource_group,
            history=watch.history[-1:] if watch and ended == COMPLETED else (),
            known_logs=(),
            outputs=[artifact.name for artifact in (execution.output_artifacts if execution else None) or []],
            failure=failure,
            service=service,
        )
    gave_up = isinstance(error, DeadlineError)
    history = list(watch.history) if watch else []
    while gave_up and len(history) > 1 and history[-1].status.value in _STOPPED_BY_US:
        now = history.pop().time
    return Evidence(
        template=run.plan.template,
        artifacts=run.plan.artifacts,
        parameters=run.plan.parameters,
        resource_group=run.plan.resource_group,
        configuration_id=training.configuration.made.id if training.configuration.made else None,
        execution_id=watch.execution_id if watch else None,
        created=watch.history[0].time if watch else None,
        history=history,
        now=now if finished is None else None,
        status_message=(execution.status_message if execution else None) or "",
        status_details=execution.status_details if execution else None,
        known_logs=finished.logs if finished is not None and finished.knows_logs else None,
        outputs=[artifact.name for artifact in (execution.output_artifacts if execution else None) or []],
        failure="\n".join(text for text in (str(error) if error else "", failure) if text),
        gave_up=gave_up,
        # A service that has just failed to answer gets no more requests.
        service=None if isinstance(error, CallError) and error.transient else service,
    )


# Rows in which the service names the error --------------------------------------------------------------------

_DENIED = re.compile(r"RBAC: access denied", re.IGNORECASE)
_EMPTY_404 = re.compile(r"empty answer \(HTTP 404\)|empty answer \(HTTP 404,")
_NO_EXECUTABLE = re.compile(r"executable (?P<executable>\S+) for scenario (?P<scenario>\S+) is not found")
_NOT_SYNCED = re.compile(r"preflight of .*(?:unknown scenario|has no executable|has synced another executable)")
_CANNOT_STOP = re.compile(r"Current status UNKNOWN cannot be changed")
_NO_STORAGE = re.compile(r"You need to configure artifact storage")
_NO_KEY = re.compile(r"The specified key does not exist")
_NO_SECRET = re.compile(r"secrets? \"(?P<secret>[\w.-]+?)(?:-object-store-secret)?\" not found")
_NO_FILE = re.compile(r"No such file or directory: '(?P<path>/[^']+)'")
_NOT_WRITTEN = re.compile(r"path (?P<path>\S+) does not exist")
_MISTAKES = frozenset(
    {"ArithmeticError", "AssertionError", "AttributeError", "IndexError", "KeyError", "NameError", "RecursionError"}
    | {"NotImplementedError", "SyntaxError", "TypeError", "UnboundLocalError", "ValueError", "ZeroDivisionError"}
)
"""What Python raises where a program is wrong; other exceptions may come from what is around it."""
_BACK_OFF = re.compile(r"Back-off pulling image|Failed to pull image|ErrImagePull|ImagePullBackOff")
_IMAGE = re.compile(r"image \"(?P<image>[^\"]+)\"")
_KILLED = re.compile(r"OOMKilled|exit code 137")
_INVALID_SPEC = re.compile(r"invalid spec: (?P<why>.+)")
_UNSCHEDULABLE = re.compile(r"un-?schedulable|lack of resource|Insufficient (?:cpu|memory|nvidia)", re.IGNORECASE)


def access_denied(evidence: Evidence) -> Cause | None:
    """403 `RBAC: access denied`, plain text. Source: documentation."""
    if not _DENIED.search(evidence.failure):
        return None
    return Cause(
        "access denied",
        f"the resource group {evidence.resource_group!r} does not exist, or the credentials are for another tenant",
        "403 RBAC: access denied",
        "check --aicore-resource-group and the service key (the session's header says where both come from)",
    )


def no_version_in_url(evidence: Evidence) -> Cause | None:
    """404 with an empty body, from `istio-envoy`. Source: reported."""
    if not _EMPTY_404.search(evidence.failure):
        return None
    return Cause(
        "wrong URL",
        "the URL of the API is wrong: the gateway answered 404 for this path",
        "404 with an empty body; AI Core's own 404 answers have an error message",
        "give the host alone in the credentials, or a URL that ends in /v2: AI_API_URL of the service key",
    )


def executable_not_found(evidence: Evidence) -> Cause | None:
    """A configuration is refused: the executable is unknown. Source: documentation."""
    match = _NO_EXECUTABLE.search(evidence.failure)
    if match is None:
        # The preflight's message lists what exists; the status of the applications may explain it.
        preflight = evidence.template is not None and _NOT_SYNCED.search(evidence.failure)
        return _not_synced(evidence, evidence.template.executable.id) if preflight and evidence.template else None
    executable, scenario = match["executable"], match["scenario"]
    seen = [f"the service has no executable {executable!r} in scenario {scenario!r}"]
    cause = _not_synced(evidence, executable)
    if cause is not None:
        return cause
    published = evidence.published
    if isinstance(published, Unseen):
        seen.append(str(published))
    else:
        near = next((each for each in published if each.casefold() == executable.casefold()), None)
        seen.append(f"that scenario has: {listing(published)}")
        if near is not None:
            return Cause(
                "executable not found",
                f"the executable's id on the service is {near!r}: ids are case-sensitive",
                "; ".join(seen),
                f"the id is metadata.name of the template: write {near!r}, or sync the template with the new id",
            )
    applications = evidence.applications
    if isinstance(applications, Unseen):
        seen.append(str(applications))
    else:
        seen.append(f"applications: {listing(applications)}")
    return Cause(
        "executable not found",
        "the template has not been synced yet, or its ids differ",
        "; ".join(seen),
        "push the template and wait for the sync (about every 3 minutes); the executable's id is metadata.name, the"
        " scenario's is the label scenarios.ai.sap.com/id",
    )


def unknown_cannot_be_stopped(evidence: Evidence) -> Cause | None:
    """`01010076 ... Current status UNKNOWN cannot be changed`. Source: captured."""
    if not _CANNOT_STOP.search("\n".join([evidence.failure, *evidence.service_lines])):
        return None
    return Cause(
        "UNKNOWN cannot be stopped",
        "AI Core does not stop executions in status UNKNOWN",
        "Current status UNKNOWN cannot be changed",
        "delete it instead: client.execution.delete(...)",
    )


def no_artifact_storage(evidence: Evidence) -> Cause | None:
    """`main` ends well, `wait` with "You need to configure artifact storage". Source: documentation."""
    found = evidence.find(_NO_STORAGE, logs=True)
    return None if found is None else _no_default_store(evidence, _shortened(found[0]))


def key_does_not_exist(evidence: Evidence) -> Cause | None:
    """ "The specified key does not exist": a wrong `pathPrefix`, or a URL that ends in `/`. Source: documentation."""
    found = evidence.find(_NO_KEY, logs=True)
    if found is None:
        return None
    named = {name: url for name, url in evidence.artifacts.items() if name in found[0]} or evidence.artifacts
    for name, url in named.items():
        if url.endswith("/"):
            return Cause(
                "key does not exist",
                f"the URL of the artifact {name!r} ends in '/'",
                f"{_shortened(found[0])}; its URL is {url}",
                f"register {url.rstrip('/')}",
            )
    seen = [_shortened(found[0])]
    stores = evidence.stores
    for name, url in named.items():
        seen.append(f"{name} is {url}")
        store, _, path = url.partition("://")[2].partition("/")
        if isinstance(stores, Unseen):
            continue
        if store not in stores and url.startswith("ai://"):
            return Cause(
                "key does not exist",
                f"the resource group {evidence.resource_group!r} has no object-store secret {store!r}",
                f"{seen[0]}; {name} is {url}; it has: {listing(stores)}",
                f"create the secret, or use another one in the URL.{did_you_mean(store, stores)}",
            )
        if store in stores:
            prefix = stores[store].get("pathprefix", "")
            seen.append(
                f"the secret's pathPrefix is {prefix!r}, so the key is {'/'.join(filter(None, (prefix, path)))!r}"
            )
    if isinstance(stores, Unseen):
        seen.append(str(stores))
    return Cause(
        "key does not exist",
        "an input artifact is not where its URL says: the path, or the pathPrefix of its object-store secret, is wrong",
        "; ".join(seen),
        "search the bucket for that key; the URL is ai://<secret>/<path below the secret's pathPrefix>",
    )


def secret_does_not_exist(evidence: Evidence) -> Cause | None:
    """A secret is not found in the cluster. Source: reported; the text is that of Kubernetes."""
    found = evidence.find(_NO_SECRET, logs=True)
    if found is None:
        return None
    name, stores = found[1]["secret"], evidence.stores
    urls = [url for url in evidence.artifacts.values() if url.partition("://")[2].partition("/")[0] == name]
    if not urls:
        return Cause(
            "secret does not exist",
            f"the secret {name!r} does not exist",
            _shortened(found[0]),
            "create it (POST /v2/admin/secrets), or correct the name in the workflow",
        )
    has = str(stores) if isinstance(stores, Unseen) else f"it has: {listing(stores)}"
    near = "" if isinstance(stores, Unseen) else did_you_mean(name, stores)
    return Cause(
        "secret does not exist",
        f"the resource group {evidence.resource_group!r} has no object-store secret {name!r}",
        f"the artifact is {urls[0]}; {has}",
        "the URL is ai://<secret>/<path below the secret's pathPrefix>, not a bucket or folder: use another secret in"
        f" it, or create this one.{near}",
    )


def output_not_written(evidence: Evidence) -> Cause | None:
    """The container `wait` reports "path /x does not exist in archive". Source: captured."""
    waiting = next((each for each in evidence.containers if each.name == "wait" and each.exit_code), None)
    match = waiting and (_NOT_WRITTEN.search(waiting.message) or _NOT_WRITTEN.search(waiting.last))
    if not match:
        return None
    path = match["path"]
    names = [
        output.name
        for output in (evidence.template.executable.output_artifacts if evidence.template else ())
        if (output.path or "").rstrip("/") == path.rstrip("/")
    ]
    whose = f" of the output artifact {names[0]!r}" if names else " of an output artifact"
    return Cause(
        "output not written",
        f"the training did not write {path}, the path{whose}",
        f"container wait: {match[0]} in archive" if "archive" in match.string else f"container wait: {match[0]}",
        "write the output to that path, or change the path in the workflow; the two must be the same",
    )


def file_not_in_input(evidence: Evidence) -> Cause | None:
    """A file below the path of an input artifact is missing. Source: reported; the text is Python's."""
    found = evidence.find(_NO_FILE, logs=True)
    if found is None or evidence.template is None:
        return None
    file = found[1]["path"]
    for artifact in evidence.template.input_artifacts:
        name, path = artifact.text("name") or "", (artifact.text("path") or "").rstrip("/")
        if path and file.startswith(f"{path}/"):
            url = f" ({evidence.artifacts[name]})" if name in evidence.artifacts else ""
            return Cause(
                "file not in the input",
                f"the input artifact {name!r}{url} has no {file.removeprefix(f'{path}/')!r}",
                _shortened(found[0]),
                f"compare the files below its URL with what the program opens below {path}",
            )
    return None


def surroundings_say_why(evidence: Evidence) -> Cause | None:
    """A line of the image, its registry, the storage or the node. Source: reported; where from stands with each."""
    for symptom in SYMPTOMS:
        found = evidence.find(symptom.pattern, logs=True)
        if found is not None:
            return Cause(symptom.name, symptom.likely, _shortened(found[0]), symptom.remedy)
    return None


def image_cannot_be_pulled(evidence: Evidence) -> Cause | None:
    """ "Back-off pulling image". Source: documentation."""
    found = evidence.find(_BACK_OFF)
    if found is None or surroundings_say_why(evidence) is not None:
        return None
    image = _IMAGE.search(found[0])
    images = [image["image"]] if image else list(evidence.template.executable.images if evidence.template else ())
    seen = [_shortened(found[0])]
    incomplete = [each for each in images if "{{" not in each and not _is_complete(each)]
    if incomplete:
        return Cause(
            "image cannot be pulled",
            f"the image {incomplete[0]!r} is not <registry>/<repository>/<image>:<tag>",
            seen[0],
            "write the image with registry and tag",
        )
    missing, said = _missing_docker_secrets(evidence)
    seen += said
    if missing:
        return Cause(
            "image cannot be pulled",
            f"the docker registry secret {missing[0]!r} does not exist",
            "; ".join(seen),
            "create it (POST /v2/admin/dockerRegistrySecrets), or correct imagePullSecrets in the workflow",
        )
    return Cause(
        "image cannot be pulled",
        "the image does not exist under that name, or the docker registry secret gives no access to its registry"
        if evidence.pull_secrets
        else "the image does not exist under that name, or its registry is private and the workflow has no"
        " imagePullSecrets",
        "; ".join(seen),
        "pull the image with the same credentials by hand, and correct the name, the tag or the secret",
    )


def out_of_memory(evidence: Evidence) -> Cause | None:
    """Exit code 137. Source: documentation."""
    killed = next((each for each in evidence.containers if each.exit_code == 137), None)
    found = evidence.find(_KILLED) if killed is None else None
    if killed is None and found is None:
        return None
    plans = evidence.template.executable.resource_plans if evidence.template else ()
    seen = f"container {killed.name} ended with exit code 137" if killed else _shortened(found[0] if found else "")
    return Cause(
        "out of memory",
        "the training ran out of memory",
        f"{seen}; the resource plan is {listing(plans)}" if plans else seen,
        "use a larger plan (label ai.sap.com/resourcePlan), or less data at a time",
    )


def spec_refused(evidence: Evidence) -> Cause | None:
    """The workflow engine refuses the names or values of a configuration. Source: reported; the texts are Argo's."""
    found = evidence.find(_INVALID_SPEC)
    if found is None:
        return None
    why = found[1]["why"].rstrip('."')
    cause = names_do_not_match(evidence)
    return Cause(
        "names do not match",
        cause.likely if cause else "a name in the configuration does not match the template (case-sensitive)",
        f"invalid spec: {why}",
        cause.remedy if cause else "compare the names with those of the template that AI Core has synced",
    )


def program_failed(evidence: Evidence) -> Cause | None:
    """`main` ended with an error of its own. Source: captured (the shape), reported."""
    failed = next((each for each in evidence.containers if each.name == "main" and each.exit_code), None)
    if failed is None or failed.exit_code == 137 or surroundings_say_why(evidence) or file_not_in_input(evidence):
        return None
    lines = [*failed.last.splitlines(), *_lines(evidence.logs)]
    raised = raised_in(lines)
    ended = f"container main ended with exit code {failed.exit_code}"
    return Cause(
        "program failed",
        f"the training program failed: {_shortened(raised)}" if raised else "the training program failed",
        ended if lines else f"{ended}, without a log line",
        _of_the_program(raised) if lines else "log the exception in the training script",
    )


def _of_the_program(raised: str | None) -> str:
    """Return what to do about a failure of the program; only some exceptions show that nothing else is to blame."""
    name = (raised or "").partition(":")[0]
    blame = "; no sign of an AI Core fault" if name in _MISTAKES else ""
    return f"see the end of its log below{blame}"


# Rows that infer the cause ------------------------------------------------------------------------------------


def no_object_store_secret(evidence: Evidence) -> Cause | None:
    """UNKNOWN for long, no outputs, no logs: no object-store secret `default`. Source: documentation."""
    if evidence.status not in ("UNKNOWN", "PENDING") or not evidence.gave_up:
        return None
    stores = evidence.stores
    if isinstance(stores, Unseen):
        if evidence.status != "UNKNOWN" or evidence.waited < LONG_SECONDS:
            return None
        return Cause(
            "no object-store secret",
            f"the object-store secret {DEFAULT_STORE!r} or the docker registry secret is missing",
            f"{evidence.since}{_no_logs(evidence)}; {stores}",
            f"check that the resource group {evidence.resource_group!r} has an object-store secret {DEFAULT_STORE!r}",
        )
    if DEFAULT_STORE in stores:
        return None
    return _no_default_store(evidence, f"{evidence.since}{_no_logs(evidence)}")


def no_docker_secret(evidence: Evidence) -> Cause | None:
    """UNKNOWN for long, no outputs, no logs: a docker registry secret is missing. Source: documentation."""
    if evidence.status not in ("UNKNOWN", "PENDING") or not evidence.gave_up:
        return None
    missing, seen = _missing_docker_secrets(evidence)
    if not missing:
        return None
    return Cause(
        "no docker registry secret",
        f"the docker registry secret {missing[0]!r} does not exist",
        f"{evidence.since}; {'; '.join(seen)}",
        "create it (POST /v2/admin/dockerRegistrySecrets), or correct imagePullSecrets in the workflow",
    )


def names_do_not_match(evidence: Evidence) -> Cause | None:
    """DEAD or PENDING for long: names in the configuration are not the template's. Source: documentation."""
    if evidence.status in ("COMPLETED", "STOPPED") or evidence.template is None or _has_run(evidence):
        return None
    published = evidence.published
    executable = None if isinstance(published, Unseen) else published.get(evidence.template.executable.id)
    if executable is None:
        return None
    bound_parameters, bound_artifacts = evidence.bound
    inputs = {each.name for each in executable.input_artifacts or []}
    parameters = {each.name for each in executable.parameters or []}
    required = {each.name for each in executable.parameters or [] if getattr(each, "default", None) is None}
    optional = {each.name for each in evidence.template.executable.input_artifacts if each.optional}
    unbound = {
        "input artifact": inputs - {*bound_artifacts} - optional,
        "parameter": required - {*bound_parameters},
    }
    for noun, bound, known in (
        ("input artifact", bound_artifacts, inputs),
        ("parameter", bound_parameters, parameters),
    ):
        for name in bound:
            if name not in known:
                near = next((each for each in known if each.casefold() == name.casefold()), None)
                hint = f"; it has {near!r}: names are case-sensitive" if near else f"; it has: {listing(known)}"
                lacks = f"the configuration binds the {noun} {name!r}, which AI Core's copy of the template lacks{hint}"
                return _differs(evidence, lacks)
    for noun, names in unbound.items():
        if names:
            missing = sorted(names)[0]
            wants = f"AI Core's copy of the template requires the {noun} {missing!r}, and the configuration lacks it"
            return _differs(evidence, wants)
    return None


def template_not_synced(evidence: Evidence) -> Cause | None:
    """The template's last synchronisation failed, so an old one runs, or none. Source: documentation."""
    if evidence.status == "COMPLETED" or evidence.template is None or _has_run(evidence):
        return None
    return _not_synced(evidence, evidence.template.executable.id)


def plan_not_entitled(evidence: Evidence) -> Cause | None:
    """PENDING or UNKNOWN without end and without an error: the resource plan. Source: documentation, reported."""
    if not (evidence.gave_up and evidence.status in ("PENDING", "UNKNOWN")):
        return None
    told = evidence.find(_UNSCHEDULABLE)
    if told is None and (evidence.waited < LONG_SECONDS or evidence.service_lines):
        return None
    plans = evidence.template.executable.resource_plans if evidence.template else ()
    which = f"the resource plan {plans[0]!r}" if len(plans) == 1 else "a resource plan"
    other = "wait for a free node, or try another plan" if DEFAULT_PLAN in plans else f"try the plan {DEFAULT_PLAN!r}"
    return Cause(
        "plan not entitled",
        f"the tenant may not use {which}, or no node of it is free",
        f"{evidence.since}; {_shortened(told[0]) if told else 'no error message'}",
        f"{other}; the tenant's entitlements in the BTP cockpit list the plans that it may use",
    )


def template_is_invalid(evidence: Evidence) -> Cause | None:
    """DEAD without any log: the template isn't valid Argo, or a folder is not in the image. Source: documentation."""
    if evidence.status != "DEAD" or any(each.exit_code is not None for each in evidence.containers):
        return None
    logs = evidence.logs
    if isinstance(logs, Unseen) or logs:
        return None
    from pytest_aicore.workflows.checks import Severity, check_document

    template = evidence.template
    wrong = (
        [
            each
            for each in check_document(template.document.text, template.document.name)
            if each.severity is Severity.ERROR
        ]
        if template is not None
        else []
    )
    if wrong:
        return Cause(
            "template invalid",
            f"{evidence.workflow} is not a valid Argo workflow: {wrong[0].rule} in line {wrong[0].place.line}",
            f"DEAD without any log; {wrong[0].message}",
            wrong[0].remedy,
        )
    paths = [each.path for each in template.executable.input_artifacts if each.path] if template else []
    folder = f" ({paths[0]})" if paths else ""
    return Cause(
        "template invalid",
        f"the template is not valid Argo, or the folder of an artifact{folder} does not exist in the image",
        "DEAD without any log; pytest --aicore-check finds no error in the template",
        "create the folders of all artifacts in the Dockerfile; to see Argo's error, submit the template to Argo",
    )


def output_without_global_name(evidence: Evidence) -> Cause | None:
    """COMPLETED but no output artifact: `globalName` is missing. Source: documentation."""
    if evidence.status != "COMPLETED" or evidence.template is None:
        return None
    declared = {each.registered_name or each.name: each for each in evidence.template.executable.output_artifacts}
    unnamed = [
        name
        for template in getattr(evidence.template, "reachable", ())
        for artifact in template.output_artifacts
        if not artifact.name("globalName") and (name := artifact.name("name"))
    ]
    if unnamed and not evidence.outputs:
        return Cause(
            "no globalName",
            f"the output artifact {unnamed[0]!r} has no globalName in {evidence.workflow}, so it is not registered",
            "COMPLETED without any output artifact",
            f"add globalName: {unnamed[0]} to it, and sync",
        )
    missing = [name for name in declared if name not in evidence.outputs]
    if not missing:
        return None
    published = evidence.published
    executable = None if isinstance(published, Unseen) else published.get(evidence.template.executable.id)
    there = {each.name for each in executable.output_artifacts or []} if executable is not None else None
    if there is not None and declared[missing[0]].name not in there:
        return Cause(
            "no globalName",
            f"AI Core's copy of the template has no globalName for the output artifact {missing[0]!r}",
            f"COMPLETED without it; {evidence.workflow} has one",
            "push the template and wait for the sync",
        )
    return Cause(
        "no globalName",
        f"the output artifact {missing[0]!r} was not registered, although {evidence.workflow} has a globalName for it",
        f"COMPLETED; registered: {listing(evidence.outputs)}"
        + (f"; {published}" if isinstance(published, Unseen) else ""),
        "check whether the step that creates it has run",
    )


def timeout_too_short(evidence: Evidence) -> Cause | None:
    """The timeout was shorter than the time that AI Core takes to start a training. Source: captured."""
    if not (evidence.gave_up and evidence.status in ("UNKNOWN", "PENDING")) or evidence.service_lines:
        return None
    if evidence.waited >= LONG_SECONDS:
        return None
    return Cause(
        "timeout too short",
        "the timeout is too short",
        f"{evidence.since} only; AI Core takes 14 to 89 s until a training runs",
        "set a longer timeout: timeout= in the marker, or --aicore-timeout",
    )


Row = Callable[[Evidence], "Cause | None"]

NAMED: tuple[Row, ...] = (
    access_denied,
    executable_not_found,
    no_version_in_url,
    unknown_cannot_be_stopped,
    no_artifact_storage,
    key_does_not_exist,
    secret_does_not_exist,
    output_not_written,
    file_not_in_input,
    surroundings_say_why,
    image_cannot_be_pulled,
    out_of_memory,
    spec_refused,
    program_failed,
)
"""The rows in which the service names the error, the clearest first."""

INFERRED: tuple[Row, ...] = (
    no_object_store_secret,
    no_docker_secret,
    names_do_not_match,
    template_not_synced,
    output_without_global_name,
    template_is_invalid,
    plan_not_entitled,
    timeout_too_short,
)
"""The rows for a service that names no error: those that can be checked first, those by exclusion last."""


def _no_default_store(evidence: Evidence, seen: str) -> Cause:
    stores = evidence.stores
    there = str(stores) if isinstance(stores, Unseen) else f"its object-store secrets: {listing(stores)}"
    if not isinstance(stores, Unseen) and DEFAULT_STORE in stores:
        likely = f"the object-store secret {DEFAULT_STORE!r} gives no access to a storage for output artifacts"
        remedy = "check its type, bucket and credentials; a change may need a new execution"
    else:
        likely = f"the resource group {evidence.resource_group!r} has no object-store secret {DEFAULT_STORE!r}"
        remedy = f"create it under exactly that name (POST /v2/admin/objectStoreSecrets, name {DEFAULT_STORE!r})"
    return Cause("no object-store secret", likely, f"{seen}; {there}", remedy)


def _not_synced(evidence: Evidence, executable: str) -> Cause | None:
    """Return the cause if the status of an application shows that a template is not synced, else None."""
    applications = evidence.applications
    if isinstance(applications, Unseen):
        return None
    for name, status in applications.items():
        # The service spells the key of this list in two ways; captured.
        resources = status.get("sync_resources_status") or status.get("sync_ressources_status") or []
        for each in resources:
            if each.get("name") == executable and each.get("status") != "Synced":
                return Cause(
                    "template not synced",
                    f"the application {name!r} could not sync the template {executable!r}",
                    f"{each.get('status')}: {_shortened(str(each.get('message') or 'no message'))}",
                    "correct the template and push it; names are unique in the whole tenant, the labels"
                    " scenarios.ai.sap.com/id and ai.sap.com/version are required",
                )
        if not resources and status.get("sync_status") not in ("Synced", None):
            return Cause(
                "template not synced",
                f"the application {name!r} does not sync",
                f"{status.get('sync_status')}: {_shortened(str(status.get('message') or 'no message'))}",
                "correct the application's repository, revision or path",
            )
    return None


def _differs(evidence: Evidence, likely: str) -> Cause:
    status = evidence.since if evidence.gave_up else f"{evidence.status}{_no_logs(evidence)}"
    return Cause(
        "names do not match",
        likely,
        f"{status}; {evidence.workflow} and AI Core's copy of it differ",
        "push the template and wait for the sync (about every 3 minutes), or correct the names",
    )


def _missing_docker_secrets(evidence: Evidence) -> tuple[list[str], list[str]]:
    """Return the docker registry secrets that do not exist, and the evidence."""
    wanted = evidence.pull_secrets
    if not wanted:
        return [], []
    there = evidence.docker_secrets
    if isinstance(there, Unseen):
        return [], [str(there)]
    missing = [name for name in wanted if name not in there]
    return missing, [f"the workflow names {listing(wanted)}; the tenant has {listing(there)}"]


def _has_run(evidence: Evidence) -> bool:
    """Return whether a container has ended or the run was seen running: then its names were correct."""
    return any(seen.status.value == "RUNNING" for seen in evidence.history) or any(
        each.exit_code is not None for each in evidence.containers
    )


def _no_logs(evidence: Evidence) -> str:
    logs = evidence.logs
    return f", {logs}" if isinstance(logs, Unseen) else "" if logs else ", no log line"


def _is_complete(image: str) -> bool:
    """Return whether an image has registry, repository and tag (or digest). Source: documentation."""
    registry, _, rest = image.partition("/")
    return ("." in registry or ":" in registry) and bool(rest) and (":" in rest or "@" in rest)


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _lines(logs: Sequence[str] | Unseen) -> Sequence[str]:
    return [] if isinstance(logs, Unseen) else logs


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else f"{line[:157]}..."
